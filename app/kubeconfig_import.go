package app

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"belay"
	"belay/store"
)

// OnExisting says what importing a context does to the connection that
// stands for it already.
type OnExisting string

// What can be done to an existing connection.
const (
	OnExistingUpdate OnExisting = "update" // mend it in place: same id, same environments
	OnExistingSkip   OnExisting = "skip"
	OnExistingNew    OnExisting = "new" // make another connection
)

// KubeconfigImport says what to import of a kubeconfig.
type KubeconfigImport struct {
	// Contexts are the ones to import; nil means every one that can be.
	Contexts []ContextImport
	// EnvironmentIDs are the environments into which all of them are put.
	EnvironmentIDs []belay.ID
}

// ContextImport says how to import one context.
type ContextImport struct {
	Name       string
	As         string // the connection's name; "" is the context's
	OnExisting OnExisting
}

// ImportOutcome says what became of a context.
type ImportOutcome string

// The outcomes of an import.
const (
	ImportCreated   ImportOutcome = "created"
	ImportUpdated   ImportOutcome = "updated"
	ImportUnchanged ImportOutcome = "unchanged"
	ImportSkipped   ImportOutcome = "skipped"
	ImportFailed    ImportOutcome = "failed"
)

// ImportedContext is what became of one context.
type ImportedContext struct {
	Name       string
	Outcome    ImportOutcome
	Message    string            // why it failed or was skipped
	Connection *belay.Connection // as it is now, nil when it failed
	Check      *Check
}

// ImportKubeconfig imports contexts of a kubeconfig: the user part becomes a
// credential, shared by contexts with the same user, the cluster part a
// connection. What stands for a context already is mended in place. One
// context that fails does not keep the others from being imported.
func (a *App) ImportKubeconfig(ctx context.Context, org belay.ID, up KubeconfigUpload, im KubeconfigImport) ([]*ImportedContext, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	for i, id := range im.EnvironmentIDs {
		if _, _, err := a.findEnvironment(ctx, c.org, id, belay.PermissionEnvironmentWrite); err != nil {
			return nil, about("/environmentIds/"+itoa(i), err)
		}
	}
	var names []string
	for _, k := range im.Contexts {
		names = append(names, k.Name)
	}
	preview, err := a.previewKubeconfig(ctx, c, up, names)
	if err != nil {
		return nil, err
	}
	if err := a.checkImport(preview, up, im); err != nil {
		return nil, err
	}
	batch := &importBatch{app: a, caller: c, preview: preview, wanted: im}
	out := make([]*ImportedContext, len(preview.Contexts))
	for i, k := range preview.Contexts {
		out[i] = batch.context(ctx, k, optionsFor(im, k.Name))
	}
	return out, nil
}

// checkImport refuses an import that names what is not there, or that would
// mend one connection by several contexts.
func (a *App) checkImport(preview *KubeconfigPreview, up KubeconfigUpload, im KubeconfigImport) error {
	var p problems
	for i, o := range im.Contexts {
		pointer := "/contexts/" + itoa(i)
		if !slices.ContainsFunc(preview.Contexts, func(k *KubeconfigContext) bool { return k.Name == o.Name }) {
			p.add(pointer+"/name", "there is no context %q in the file", cutText(o.Name))
		}
		switch o.OnExisting {
		case "", OnExistingUpdate, OnExistingSkip, OnExistingNew:
		default:
			p.add(pointer+"/onExisting", "must be update, skip or new")
		}
	}
	if up.ConnectionID != "" && len(preview.Contexts) != 1 {
		p.add("/contexts", "must name one context, the one that is to mend the connection; the file has %d", len(preview.Contexts))
	}
	return p.err()
}

func optionsFor(im KubeconfigImport, name string) ContextImport {
	for _, o := range im.Contexts {
		if o.Name == name {
			return o
		}
	}
	return ContextImport{Name: name}
}

// importBatch is one import under way.
type importBatch struct {
	app     *App
	caller  caller
	preview *KubeconfigPreview
	wanted  KubeconfigImport
}

// context imports one context.
func (b *importBatch) context(ctx context.Context, k *KubeconfigContext, o ContextImport) *ImportedContext {
	out := &ImportedContext{Name: k.Name, Check: k.Check}
	if message := refusal(k); message != "" {
		out.Outcome, out.Message = ImportFailed, message
		return out
	}
	existing := k.Connection
	if o.OnExisting == OnExistingNew {
		existing = nil
	}
	var err error
	switch {
	case existing == nil:
		err = b.create(ctx, k, o, out)
	case o.OnExisting == OnExistingSkip:
		out.Outcome, out.Message, out.Connection = ImportSkipped, "it is registered already", existing
		return out
	case existing.Status == belay.StatusIgnored:
		out.Outcome, out.Message, out.Connection = ImportSkipped, "it is ignored; register it first to import it", existing
		return out
	default:
		err = b.update(ctx, k, existing, out)
	}
	if err != nil {
		out.Outcome, out.Message, out.Connection = ImportFailed, b.told(ctx, k, err), nil
	}
	return out
}

// told is an error for a person; what is ours alone is only logged.
func (b *importBatch) told(ctx context.Context, k *KubeconfigContext, err error) string {
	if belay.CodeOf(err) != belay.CodeInternal {
		return err.Error()
	}
	b.app.log.ErrorContext(ctx, "a context was not imported", "context", k.Name, "error", err)
	return "something went wrong in the server; its log has the details"
}

// refusal says why a context cannot be imported, "" when it can.
func refusal(k *KubeconfigContext) string {
	switch {
	case k.State == MatchOtherCluster:
		return "it leads to another cluster than the connection that it is to mend"
	case k.Importable():
		return ""
	}
	for _, p := range k.Problems {
		if p.Effect == "connection" {
			return p.Message
		}
	}
	return "it cannot be read"
}

// create stores a context as a new connection.
func (b *importBatch) create(ctx context.Context, k *KubeconfigContext, o ContextImport, out *ImportedContext) error {
	v, err := b.app.connectionOf(b.caller, k)
	if err != nil {
		return err
	}
	if o.As != "" {
		if err := b.app.applyConnection(ConnectionChange{Name: &o.As}, v); err != nil {
			return err
		}
	}
	credential, id, err := b.credential(ctx, k, nil)
	if err != nil {
		return err
	}
	if id != "" {
		v.Credentials = []belay.CredentialUse{{CredentialID: id, Purpose: belay.PurposePrimary}}
	}
	err = b.app.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if credential != nil {
			if err := credential.save(ctx, tx); err != nil {
				return err
			}
		}
		if err := tx.CreateConnection(ctx, v); err != nil {
			return err
		}
		return b.assign(ctx, tx, v.ID)
	})
	out.Outcome = ImportCreated
	return b.finish(ctx, k, v, credential, out, err)
}

func (b *importBatch) assign(ctx context.Context, tx *store.Tx, connection belay.ID) error {
	for _, id := range b.wanted.EnvironmentIDs {
		if _, err := tx.AssignConnection(ctx, b.caller.org, b.app.assignment(id, connection)); err != nil {
			return err
		}
	}
	return nil
}

// finish records the context's test as the connection's, and what is stored
// now.
func (b *importBatch) finish(ctx context.Context, k *KubeconfigContext, v *belay.Connection, credential *sealed, out *ImportedContext, err error) error {
	if err != nil {
		return err
	}
	if credential != nil {
		b.remember(k, credential.Credential)
	}
	check, err := b.checkOf(ctx, k, v)
	if err != nil {
		return err
	}
	if err := b.app.record(ctx, v, check); err != nil {
		return err
	}
	if out.Connection, err = b.app.store.Connection(ctx, b.caller.org, v.ID); err != nil {
		return err
	}
	out.Check = b.app.view(ctx, b.caller, out.Connection, check)
	return nil
}

// checkOf is the check of a connection as it is now: the context's own test,
// unless that was made with less than the connection has.
func (b *importBatch) checkOf(ctx context.Context, k *KubeconfigContext, v *belay.Connection) (*belay.Check, error) {
	if len(v.Credentials) > 0 && k.CredentialType == "" {
		materials, err := b.app.materials(ctx, v)
		if err != nil {
			return nil, err
		}
		return b.app.run(ctx, b.caller, v, belay.TriggerImport, materials), nil
	}
	check := *k.Check.Check
	check.ConnectionID = v.ID
	if len(v.Credentials) == 0 {
		return &check, nil
	}
	used, err := b.app.store.Credential(ctx, b.caller.org, v.Credentials[0].CredentialID)
	if err != nil {
		return nil, err
	}
	check.CredentialID, check.CredentialVersion = used.ID, used.Current
	return &check, nil
}

// remember lets later contexts with the same user share its credential.
func (b *importBatch) remember(k *KubeconfigContext, v *belay.Credential) {
	for _, other := range b.preview.Contexts {
		if other.Known == nil && other.Fingerprint == k.Fingerprint {
			other.Known = v
		}
	}
}

// update mends the connection that stands for a context: its cluster part,
// and its credential.
func (b *importBatch) update(ctx context.Context, k *KubeconfigContext, existing *belay.Connection, out *ImportedContext) error {
	var v *belay.Connection
	var credential *sealed
	err := optimistic(0, func() (err error) {
		v, credential, err = b.save(ctx, k, existing.ID)
		return err
	})
	out.Outcome = ImportUpdated
	if k.State == MatchSame && err == nil && v.Endpoint == existing.Endpoint && string(v.Config) == string(existing.Config) && v.Status == existing.Status {
		out.Outcome = ImportUnchanged
	}
	return b.finish(ctx, k, v, credential, out, err)
}

// save stores what a context makes of a connection. A file is no way around
// the right to use a credential: one that stays attached goes to another
// address only if the caller may attach it there.
func (b *importBatch) save(ctx context.Context, k *KubeconfigContext, id belay.ID) (*belay.Connection, *sealed, error) {
	_, seen, err := b.app.findConnection(ctx, b.caller.org, id, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, nil, err
	}
	config, err := clusterConfig(k.Context)
	if err != nil {
		return nil, nil, err
	}
	credential, attached, err := b.credential(ctx, k, seen.Connection)
	if err != nil {
		return nil, nil, err
	}
	next := *seen.Connection
	if err := b.mend(&next, k, config, attached); err != nil {
		return nil, nil, err
	}
	if err := b.app.mayAttach(ctx, b.caller, seen.Connection, &next, credential); err != nil {
		return nil, nil, err
	}
	var v *belay.Connection
	err = b.app.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if credential != nil {
			if err := credential.save(ctx, tx); err != nil {
				return err
			}
		}
		v, err = tx.UpdateConnection(ctx, b.caller.org, id, b.app.now(), func(v *belay.Connection) error {
			if err := unchanged(seen.Version, v.Version); err != nil {
				return err
			}
			return b.mend(v, k, config, attached)
		})
		if err != nil {
			return err
		}
		return b.assign(ctx, tx, v.ID)
	})
	return v, credential, err
}

// mend puts what a context says into the connection.
func (b *importBatch) mend(v *belay.Connection, k *KubeconfigContext, config []byte, credential belay.ID) error {
	before := v.Identity
	if err := b.app.applyConnection(ConnectionChange{Endpoint: &k.Endpoint, Config: config}, v); err != nil {
		return err
	}
	v.Identity = before
	if credential != "" && (len(v.Credentials) == 0 || v.Credentials[0].CredentialID != credential) {
		// The old primary one gives way; the fallbacks stay.
		rest := without(v.Credentials[min(1, len(v.Credentials)):], credential)
		v.Credentials = append([]belay.CredentialUse{{CredentialID: credential, Purpose: belay.PurposePrimary}}, fallbacks(rest)...)
	}
	if v.Status == belay.StatusDiscovered || v.Status == belay.StatusNotFound {
		v.Status, v.StatusReason, v.StatusChangedBy, v.StatusChangedAt = belay.StatusRegistered, "imported", string(b.caller.UserID), b.app.now()
	}
	return nil
}

// credential decides what a context's user becomes: nothing when it has
// none; the stored credential with the same material; a new version of the
// connection's own credential, when nothing else is left on the old one; a
// new credential otherwise. It returns the id of what is to be attached.
func (b *importBatch) credential(ctx context.Context, k *KubeconfigContext, existing *belay.Connection) (*sealed, belay.ID, error) {
	if k.CredentialType == "" {
		return nil, "", nil
	}
	if k.Known != nil {
		return nil, k.Known.ID, nil
	}
	secret := map[string]*belay.Secret{}
	for name, s := range k.Values {
		secret[name] = &s
	}
	if existing != nil && len(existing.Credentials) > 0 {
		s, err := b.nextVersion(ctx, k, existing.Credentials[0].CredentialID, secret)
		if err != nil || s != nil {
			return s, idOf(s), err
		}
	}
	name, err := b.freeName(ctx, k)
	if err != nil {
		return nil, "", err
	}
	s, err := b.app.newCredential(b.caller, CredentialChange{Name: &name, Type: &k.CredentialType, Secret: secret})
	return s, idOf(s), err
}

func idOf(s *sealed) belay.ID {
	if s == nil {
		return ""
	}
	return s.ID
}

// nextVersion replaces the material of a connection's credential in place.
// It returns nil when that would take the old material from connections that
// this import does not give the new one to, or the caller may not.
func (b *importBatch) nextVersion(ctx context.Context, k *KubeconfigContext, id belay.ID, secret map[string]*belay.Secret) (*sealed, error) {
	_, old, err := b.app.findCredential(ctx, b.caller.org, id, belay.PermissionCredentialWrite)
	if code := belay.CodeOf(err); code == belay.CodeForbidden || code == belay.CodeNotFound {
		return nil, nil
	}
	if err != nil || old.Type != k.CredentialType {
		return nil, err
	}
	follow := 0
	for _, other := range b.preview.Contexts {
		if b.updates(other) && other.Fingerprint == k.Fingerprint && len(other.Connection.Credentials) > 0 &&
			other.Connection.Credentials[0].CredentialID == id {
			follow++
		}
	}
	if old.Usage.Connections > follow {
		return nil, nil
	}
	whole := map[string]*belay.Secret{}
	for _, name := range old.Set {
		whole[name] = nil
	}
	for name := range old.Public {
		whole[name] = nil
	}
	maps.Copy(whole, secret)
	return b.app.changeCredential(ctx, b.caller, old.Credential, CredentialChange{Secret: whole})
}

// updates tells whether this import is to mend the connection that stands
// for a context.
func (b *importBatch) updates(k *KubeconfigContext) bool {
	if k.Connection == nil || k.Connection.Status == belay.StatusIgnored || refusal(k) != "" {
		return false
	}
	how := optionsFor(b.wanted, k.Name).OnExisting
	return how == "" || how == OnExistingUpdate
}

// freeName is a name for the credential of a context that no other has.
func (b *importBatch) freeName(ctx context.Context, k *KubeconfigContext) (string, error) {
	base := k.User
	if base == "" {
		base = k.Name
	}
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		taken, err := b.app.store.CredentialNameTaken(ctx, b.caller.org, name)
		if err != nil || !taken {
			return name, err
		}
	}
}
