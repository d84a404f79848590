package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/e2e/peers"
	"belay/secret"
	"belay/store"
)

// fakeCluster is the kind of clusters that tests make up. It keeps with
// which token it was asked at which endpoint.
type fakeCluster struct {
	fakeKind
	mu   sync.Mutex
	uids map[string]string // of what answers, by endpoint
	seen map[string][]string
	says *belay.Report // whatever it is asked
	// signed holds the authority that a server must be verified with, where
	// it is verified, and refused the tokens that no server takes.
	signed  map[string]string
	refused map[string]bool
	during  func() // called with each test, nil for nothing
}

func (*fakeCluster) Definition() *belay.Kind {
	return &belay.Kind{Name: "kubernetes", Type: "platform", SubType: "orchestrator", CredentialTypes: []string{belay.CredentialKubernetes}}
}

// refusedContext is the name of a context that the kind refuses.
const refusedContext = "refused"

func (*fakeCluster) CheckConfig(config json.RawMessage) error {
	var have struct{ Context string }
	if json.Unmarshal(config, &have) == nil && have.Context == refusedContext {
		return belay.Invalid("/metadata/context", "is refused")
	}
	return nil
}

// Test takes any token. Without one it says that it is missing.
func (k *fakeCluster) Test(_ context.Context, t belay.Target) belay.Report {
	if k.during != nil {
		k.during()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.says != nil {
		return *k.says
	}
	if ca := k.signed[t.Endpoint]; ca != "" && !t.TLS.InsecureSkipVerify && t.TLS.CertificateAuthority != ca {
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseTLSUnknownAuthority, Summary: "nobody known has signed it"}
	}
	token := t.Credential.Value("token")
	k.seen[t.Endpoint] = append(k.seen[t.Endpoint], token)
	uid, ok := k.uids[t.Endpoint]
	switch {
	case !ok:
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseConnectionRefused, Summary: "connection refused"}
	case token == "":
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseCredentialMissing, Summary: "nobody signs in"}
	case k.refused[token]:
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseCredentialRejected, Summary: "the token is rejected"}
	case uid == "":
		return belay.Report{Health: belay.HealthHealthy, Summary: "every stage passed"}
	}
	var config struct{ Context string }
	_ = json.Unmarshal(t.Config, &config)
	return belay.Report{Health: belay.HealthHealthy, Summary: "every stage passed", Identity: "kubernetes:" + uid + "/" + config.Context}
}

// saw tells whether a token was sent to an endpoint.
func (k *fakeCluster) saw(endpoint, token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.seen[endpoint], token)
}

// importWorld is an App into which kubeconfigs are imported.
type importWorld struct {
	*app.App
	*fakeCluster
	t     *testing.T
	store *store.Store
	admin context.Context
	org   belay.ID
	now   time.Time
}

func newImportWorld(t *testing.T) *importWorld {
	t.Helper()
	return newImportWorldOn(t, filepath.Join(t.TempDir(), "belay.db"))
}

// newImportWorldOn is newImportWorld on any database.
func newImportWorldOn(t *testing.T, database string) *importWorld {
	t.Helper()
	w := &importWorld{
		t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		fakeCluster: &fakeCluster{uids: map[string]string{}, seen: map[string][]string{}, signed: map[string]string{}, refused: map[string]bool{}},
	}
	var err error
	if w.store, err = store.Open(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	keyring, err := app.OpenKeyring(t.Context(), w.store, secret.Source{Dir: t.TempDir()}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	c := app.Config{
		Store: w.store, Keyring: keyring, Kinds: map[string]app.Kind{"kubernetes": w.fakeCluster}, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
		Clock: func() time.Time { mu.Lock(); defer mu.Unlock(); w.now = w.now.Add(time.Second); return w.now },
	}
	first, err := app.SetUp(t.Context(), c, func(belay.Secret) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	w.App, w.org, w.admin = app.New(c), first.Organization.ID, belay.WithPrincipal(t.Context(), first.Principal())
	t.Cleanup(func() {
		w.Close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (*importWorld) newID() belay.ID { return belay.ID(uuid.NewString()) }

// member is the context of a new member of the organization.
func (w *importWorld) member() context.Context {
	w.t.Helper()
	user := &belay.User{ID: belay.ID(uuid.NewString()), Provider: "local", Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
	user.Subject = string(user.ID)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, user); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: user.ID, Role: belay.OrganizationMember}, w.now)
	})
	return belay.WithPrincipal(w.t.Context(), &belay.Principal{
		UserID: user.ID, Roles: map[belay.ID]belay.OrganizationRole{w.org: belay.OrganizationMember},
	})
}

// share gives a member a role where some connections are.
func (w *importWorld) share(member context.Context, role belay.Role, connections ...belay.ID) {
	w.t.Helper()
	name := "of-" + uuid.NewString()
	e, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	v, err := w.CreateWorkspace(w.admin, w.org, app.WorkspaceChange{Name: &name})
	w.must(err)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.AssignEnvironment(ctx, w.org, belay.Assignment{ID: belay.ID(uuid.NewString()), LeftID: v.ID, RightID: e.ID}); err != nil {
			return err
		}
		_, err := tx.SetGrant(ctx, w.org, belay.Grant{
			ID: belay.ID(uuid.NewString()), WorkspaceID: v.ID, UserID: belay.PrincipalFrom(member).UserID, Role: role, CreatedAt: w.now,
		})
		return err
	})
	for _, id := range connections {
		w.must(w.AssignConnection(w.admin, w.org, e.ID, id))
	}
}

func (w *importWorld) write(fn func(ctx context.Context, tx *store.Tx) error) {
	w.t.Helper()
	w.must(w.store.Write(w.t.Context(), fn))
}

func (w *importWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var authority = sync.OnceValue(func() *peers.CA { return peers.NewCA("a cluster's authority") })

// kubeContext is one context of a file: its cluster, and how its user signs
// in.
type kubeContext struct {
	name, server string
	ca           []byte // nil: the one that most have
	insecure     bool   // no authority, and no verification
	plain        bool   // no authority
	namespace    string
	user         map[string]any
}

func token(text string) map[string]any { return map[string]any{"token": text} }

// plugin is a user that signs in with a program.
var plugin = map[string]any{"exec": map[string]any{"apiVersion": "client.authentication.k8s.io/v1", "command": "aws"}}

// file is a kubeconfig.
func file(contexts ...kubeContext) app.KubeconfigUpload {
	var clusters, users, list []map[string]any
	for _, k := range contexts {
		if k.ca == nil {
			k.ca = authority().PEM()
		}
		cluster := map[string]any{"server": k.server, "certificate-authority-data": k.ca}
		if k.plain || k.insecure {
			delete(cluster, "certificate-authority-data")
			cluster["insecure-skip-tls-verify"] = k.insecure
		}
		clusters = append(clusters, map[string]any{"name": k.name, "cluster": cluster})
		users = append(users, map[string]any{"name": k.name, "user": k.user})
		list = append(list, map[string]any{"name": k.name, "context": map[string]any{"cluster": k.name, "user": k.name, "namespace": k.namespace}})
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": list})
	if err != nil {
		panic(err) // only texts are put together
	}
	return app.KubeconfigUpload{Data: text}
}

// run imports a file, every context as its options say.
func (w *importWorld) run(ctx context.Context, up app.KubeconfigUpload, options ...app.ContextImport) []*app.ImportedContext {
	w.t.Helper()
	out, err := w.ImportKubeconfig(ctx, w.org, up, app.KubeconfigImport{Contexts: options})
	w.must(err)
	return out
}

// one imports a file of one context, which must end so.
func (w *importWorld) one(ctx context.Context, want app.ImportOutcome, up app.KubeconfigUpload, options ...app.ContextImport) *app.ImportedContext {
	w.t.Helper()
	out := w.run(ctx, up, options...)
	if len(out) != 1 || out[0].Outcome != want {
		w.t.Fatalf("%d contexts, the first is %s (%s), want one that is %s", len(out), out[0].Outcome, out[0].Message, want)
	}
	return out[0]
}

// state is how the one context of a file relates to what is stored.
func (w *importWorld) state(ctx context.Context, up app.KubeconfigUpload) *app.KubeconfigContext {
	w.t.Helper()
	p, err := w.PreviewKubeconfig(ctx, w.org, up)
	w.must(err)
	return p.Contexts[0]
}

// stored is everything that the organization has.
func (w *importWorld) stored() (all []any) {
	w.t.Helper()
	connections, err := w.Connections(w.admin, w.org, belay.ConnectionFilter{}, belay.Query{Size: 100})
	w.must(err)
	for _, v := range connections.Items {
		checks, err := w.Checks(w.admin, w.org, v.ID, belay.Query{Size: 100})
		w.must(err)
		all = append(all, *v.Connection, checks.Total)
	}
	credentials, err := w.Credentials(w.admin, w.org, belay.CredentialFilter{}, belay.Query{Size: 100})
	w.must(err)
	for _, v := range credentials.Items {
		all = append(all, *v.Credential)
	}
	return all
}
