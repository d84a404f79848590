package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"belay"
	"belay/kubeconfig"
	"belay/store"
)

// kubernetesKind is the kind of the connections that a kubeconfig makes.
const kubernetesKind = "kubernetes"

// KubeconfigUpload is a kubeconfig, with the files that it refers to.
type KubeconfigUpload struct {
	Data  []byte
	Files map[string][]byte // by path or last element of it
	// ConnectionID is the connection that the file is to mend, "" for none:
	// then each context is matched to the connection for its cluster.
	ConnectionID belay.ID
	// Contexts are the names of those that a preview is about, none for all.
	Contexts []string
}

// MatchState says how a context of a kubeconfig relates to what is stored.
type MatchState string

// The match states.
const (
	MatchNew           MatchState = "new"
	MatchSame          MatchState = "same"           // stored, with this very secret and these settings
	MatchSecretChanged MatchState = "secret_changed" // stored, with another secret
	// MatchSettingsChanged is a context that is stored with this very secret,
	// and with other settings.
	MatchSettingsChanged MatchState = "settings_changed"
	MatchMoved           MatchState = "moved" // stored, at another address
	// MatchOtherCluster says that the file is to mend a connection to another
	// cluster, or to one at another address that nothing says is the same.
	MatchOtherCluster MatchState = "other_cluster"
	MatchUnreadable   MatchState = "unreadable" // cannot be imported; the problems say why
)

// ProblemNotTested is the problem of a context in a file that has more of
// them than one request tests.
const ProblemNotTested kubeconfig.ProblemCode = "not_tested"

// KubeconfigContext is one context of an uploaded kubeconfig and what it
// would become. It holds the secret; nothing but the use cases reads that.
type KubeconfigContext struct {
	*kubeconfig.Context
	State       MatchState
	Connection  *belay.Connection // the one that stands for it, nil for none
	SameCluster []*belay.Connection
	// SameContext are other connections to the same cluster or address with
	// the same context, which importing it leaves as they are.
	SameContext []*belay.Connection
	MovedFrom   string            // the address of Connection, for MatchMoved
	Fingerprint string            // of its credential, "" for none
	Known       *belay.Credential // stored with the same material, nil for none
	Check       *Check            // its test from here as it would be stored, nil when it was not tested
	// Changes are the settings of Connection that importing it changes, Kept
	// those in which the connection verifies more than the file and which are
	// left as they are: From is stored, To is in the file.
	Changes, Kept []SettingChange
	// WorksNow says that Connection works as it is, where the context differs
	// and its test has failed.
	WorksNow bool
	Fate     *CredentialFate // of its credential, if all of the file is imported; nil for none

	loosen bool               // the connection may verify less than it does
	alone  *Check             // its test with the settings of the file, where Check has others
	draft  *belay.Connection  // what it would become, nil when it cannot
	next   *belay.Connection  // draft, with what stays of the settings of Connection
	beside *KubeconfigContext // at the same server, which tells it more; nil for none
}

// KubeconfigPreview is what an uploaded kubeconfig would become.
type KubeconfigPreview struct {
	Contexts []*KubeconfigContext
	Problems []kubeconfig.Problem // of the file as a whole
}

// PreviewKubeconfig reads a kubeconfig, tests each of its contexts and says
// what importing it would do. Nothing is stored.
func (a *App) PreviewKubeconfig(ctx context.Context, org belay.ID, up KubeconfigUpload) (*KubeconfigPreview, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	ctx, stop := a.running.unlessStopping(ctx)
	defer stop(nil)
	im := KubeconfigImport{}
	for _, name := range up.Contexts {
		im.Contexts = append(im.Contexts, ContextImport{Name: name})
	}
	preview, err := a.previewKubeconfig(ctx, c, own, up, im)
	if err == nil {
		err = a.foresee(ctx, c, preview.Contexts)
	}
	return preview, because(ctx, err)
}

// previewKubeconfig looks at the contexts that an import names, or at all for
// none.
func (a *App) previewKubeconfig(ctx context.Context, c caller, own *slot, up KubeconfigUpload, im KubeconfigImport) (*KubeconfigPreview, error) {
	if up.ConnectionID == "" {
		if err := c.mayCreate(); err != nil {
			return nil, err
		}
	}
	file, err := kubeconfig.Parse(up.Data, kubeconfig.Options{Files: up.Files, Now: a.now()})
	if err != nil {
		return nil, err
	}
	target, err := a.target(ctx, c, up.ConnectionID)
	if err != nil {
		return nil, err
	}
	preview := &KubeconfigPreview{Problems: file.Problems}
	for i := range file.Contexts {
		k, o := &file.Contexts[i], optionsFor(im, file.Contexts[i].Name)
		if im.means(k.Name) && (len(im.Contexts) == 0 || !previewed(preview, k.Name)) { // a name means the first that has it
			preview.Contexts = append(preview.Contexts, &KubeconfigContext{Context: k, State: MatchUnreadable, loosen: o.AcceptInsecureTLS})
		}
	}
	tested := a.toTest(preview, target)
	own.grow(min(testedAtOnce, len(tested)))
	err = own.each(ctx, len(preview.Contexts), func(i int) error {
		k := preview.Contexts[i]
		return a.inspect(ctx, c, k, tested[k])
	})
	if err != nil {
		return nil, err
	}
	acquaint(preview.Contexts)
	return preview, own.each(ctx, len(preview.Contexts), func(i int) error {
		k := preview.Contexts[i]
		if k.draft == nil {
			return nil
		}
		if err := a.match(ctx, c, k, mendedBy(target, k, preview.Contexts)); err != nil {
			return err
		}
		return a.weigh(ctx, c, k)
	})
}

// previewed tells whether a preview has a context of this name already.
func previewed(preview *KubeconfigPreview, name string) bool {
	return slices.ContainsFunc(preview.Contexts, func(k *KubeconfigContext) bool { return k.Name == name })
}

// toTest chooses the contexts that one request tests: the one that mends the
// target and the current one first, then in the order of the file. The others
// are told that they were not.
func (a *App) toTest(preview *KubeconfigPreview, target *belay.Connection) map[*KubeconfigContext]bool {
	all := slices.DeleteFunc(slices.Clone(preview.Contexts), func(k *KubeconfigContext) bool { return !k.Importable() })
	rank := func(k *KubeconfigContext) int {
		switch {
		case target != nil && mendedBy(target, k, preview.Contexts) != nil:
			return 0
		case k.Current:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(all, func(x, y *KubeconfigContext) int { return rank(x) - rank(y) })
	tested := map[*KubeconfigContext]bool{}
	for i, k := range all {
		if i < a.slots.limits.Contexts {
			tested[k] = true
			continue
		}
		k.Problems = append(k.Problems, kubeconfig.Problem{
			Code: ProblemNotTested, Effect: kubeconfig.BarsNothing,
			Message: fmt.Sprintf("the context was not tested: the file has %d, and one request tests %d; for this one upload a file of its own: kubectl config view --raw --minify --context NAME", len(all), a.slots.limits.Contexts),
		})
	}
	return tested
}

// mendedBy is the connection that an upload is to mend, if k is the context
// to mend it with: the only one, or the one of the connection's own name, or
// any when none has that name.
func mendedBy(target *belay.Connection, k *KubeconfigContext, all []*KubeconfigContext) *belay.Connection {
	if target == nil || len(all) == 1 {
		return target
	}
	own := contextOf(target)
	if k.Name == own || !slices.ContainsFunc(all, func(o *KubeconfigContext) bool { return o.Name == own }) {
		return target
	}
	return nil
}

// contextOf is the name of the context that a connection was made of.
func contextOf(v *belay.Connection) string {
	var config struct {
		Context string `json:"context"`
	}
	if json.Unmarshal(v.Config, &config) != nil {
		return ""
	}
	return config.Context
}

// target loads the connection that an upload is to mend.
func (a *App) target(ctx context.Context, c caller, id belay.ID) (*belay.Connection, error) {
	if id == "" {
		return nil, nil
	}
	_, v, err := a.findConnection(ctx, c.org, id, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	if v.Kind != kubernetesKind {
		return nil, belay.Errorf(belay.CodeInvalid, "%q is a %s connection; a kubeconfig mends kubernetes connections only", v.Name, v.Kind)
	}
	return v.Connection, nil
}

// inspect finds what a context would become, and tests it if it is to.
func (a *App) inspect(ctx context.Context, c caller, k *KubeconfigContext, test bool) error {
	if !k.Importable() {
		return nil
	}
	draft, err := a.connectionOf(c, k)
	if belay.CodeOf(err) == belay.CodeInvalid {
		// What no connection can be hides no other context.
		k.Problems = append(k.Problems, kubeconfig.Problem{
			Code: kubeconfig.ProblemMalformed, Effect: kubeconfig.BarsConnection, Message: err.Error(), Path: "/contexts",
		})
		return nil
	}
	if err != nil {
		return err
	}
	k.draft = draft
	a.fit(k)
	if k.CredentialType != "" {
		k.Fingerprint = a.keyring.Fingerprint(k.CredentialType, k.Values)
		if k.Known, err = a.sameSecret(ctx, c, k.Fingerprint); err != nil {
			return err
		}
	}
	if test {
		k.Check = a.tried(ctx, c, k, k.draft)
	}
	return nil
}

// tried is the test of a draft with the user of a context.
func (a *App) tried(ctx context.Context, c caller, k *KubeconfigContext, draft *belay.Connection) *Check {
	var material *belay.Material
	if k.CredentialType != "" {
		material = &belay.Material{Type: k.CredentialType, Values: k.Values}
	}
	check := a.attempt(ctx, c, draft, belay.TriggerImport, material)
	check.ConnectionID = ""
	return a.view(ctx, c, draft, check)
}

// fit leaves out a credential that the connection could do nothing with, and
// says so.
func (a *App) fit(k *KubeconfigContext) {
	if k.CredentialType == "" {
		return
	}
	err := accepts(a.kinds[kubernetesKind].Definition(), k.draft.Endpoint, &belay.Credential{
		Name: cmp.Or(k.User, k.Name), Type: k.CredentialType, Set: slices.Collect(maps.Keys(k.Values)),
	})
	if err == nil {
		return
	}
	k.CredentialType, k.Values = "", nil
	k.Problems = append(k.Problems, kubeconfig.Problem{
		Code: kubeconfig.ProblemCertificate, Effect: kubeconfig.BarsCredential, Path: "/contexts",
		Message: "the user cannot sign in at the address, which " + err.Fields[0].Message,
	})
}

// connectionOf is the connection that a context would become, not stored.
func (a *App) connectionOf(c caller, k *KubeconfigContext) (*belay.Connection, error) {
	v := a.blank(c)
	v.Origin = belay.OriginKubeconfig
	config, err := clusterConfig(k.Context)
	if err != nil {
		return nil, err
	}
	kind, name := kubernetesKind, belay.NameFrom(k.Name)
	return v, a.applyConnection(ConnectionChange{Name: &name, Kind: &kind, Endpoint: &k.Endpoint, Config: config}, v)
}

// clusterConfig is the cluster part of a context, as a configuration.
func clusterConfig(k *kubeconfig.Context) (json.RawMessage, error) {
	config := map[string]any{"context": k.Name, "cluster": k.Cluster, "user": k.User, "namespace": k.Namespace, "tls": k.TLS}
	for _, name := range []string{"cluster", "user", "namespace"} {
		if config[name] == "" {
			delete(config, name)
		}
	}
	if k.TLS == (belay.TLS{}) {
		delete(config, "tls")
	}
	return json.Marshal(config)
}

// sameSecret finds a stored credential with the same material that the
// caller may use.
func (a *App) sameSecret(ctx context.Context, c caller, fingerprint string) (*belay.Credential, error) {
	page, err := a.store.Credentials(ctx, c.viewer(), belay.CredentialFilter{Fingerprint: fingerprint}, belay.Query{Size: belay.MaxPageSize, Order: belay.Order{Column: "createdAt"}})
	if err != nil {
		return nil, err
	}
	for _, v := range page.Items {
		_, _, err := a.findCredential(ctx, c.org, v.ID, belay.PermissionCredentialUse)
		if err == nil {
			return v, nil
		}
		if code := belay.CodeOf(err); code != belay.CodeForbidden && code != belay.CodeNotFound {
			return nil, err
		}
	}
	return nil, nil
}

// OfferKubeconfig stores the contexts of a kubeconfig that nobody has asked
// to import as discovered connections, without their secrets. It returns how
// many there are.
func (a *App) OfferKubeconfig(ctx context.Context, org belay.ID, data []byte) (int, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return 0, err
	}
	if err := c.mayCreate(); err != nil {
		return 0, err
	}
	file, err := kubeconfig.Parse(data, kubeconfig.Options{Now: a.now()})
	if err != nil {
		return 0, err
	}
	offered := 0
	for i := range file.Contexts {
		k := &KubeconfigContext{Context: &file.Contexts[i]}
		if k.Endpoint == "" {
			continue
		}
		v, err := a.connectionOf(c, k)
		if err != nil {
			continue // the import says why
		}
		v.Status, v.StatusReason, v.StatusChangedBy = belay.StatusDiscovered, "found in ~/.kube/config", "discovery"
		err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, v) })
		if err != nil && belay.CodeOf(err) != belay.CodeConflict {
			return offered, err
		}
		if err == nil {
			offered++
		}
	}
	return offered, nil
}

// KubernetesContext returns a kubernetes connection, whose configuration
// holds the context it was made of.
func (a *App) KubernetesContext(ctx context.Context, org, id belay.ID) (*Connection, error) {
	_, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	if err != nil {
		return nil, err
	}
	if v.Kind != kubernetesKind {
		return nil, belay.NotFound("kubernetes connection")
	}
	return v, nil
}

// PingKubernetes tests a kubernetes connection without storing the check.
func (a *App) PingKubernetes(ctx context.Context, org, id belay.ID) (*Check, error) {
	c, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return nil, err
	}
	if v.Kind != kubernetesKind {
		return nil, belay.NotFound("kubernetes connection")
	}
	materials, err := a.materials(ctx, v.Connection)
	if err != nil {
		return nil, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	k := a.run(ctx, c, v.Connection, belay.TriggerManual, materials)
	return a.view(ctx, c, v.Connection, k), a.used(ctx, k)
}
