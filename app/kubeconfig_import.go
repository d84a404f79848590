package app

import (
	"context"
	"slices"

	"belay"
	"belay/kubeconfig"
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
	OnExisting OnExisting
	// As is the connection's name, whether it is new or stands for the
	// context already; "" is the context's for a new one, and leaves the
	// name of another.
	As string
	// Move leads a connection that stands for the context at another address
	// to the one in the file. Credentials that it keeps are sent there from
	// then on, which takes the right to use each of them.
	Move bool
	// AcceptIdentity leads the connection that an upload is for to another
	// cluster than it is known for, such as one that was built anew, or to
	// one at another address that nothing says is the same.
	AcceptIdentity bool
	// WithoutCredential takes the cluster part only: a new connection has no
	// credential, another one keeps its own.
	WithoutCredential bool
	// AcceptInsecureTLS takes the TLS settings of the file over also where the
	// connection verifies more: its certificate authority is removed, and its
	// verification switched off, as the file has it.
	AcceptInsecureTLS bool
	// ReplaceWorking carries the import out though the connection works as it
	// is and the context, as it was tested, does not.
	ReplaceWorking bool
}

// ImportOutcome says what became of a context.
type ImportOutcome string

// The outcomes of an import.
const (
	ImportCreated   ImportOutcome = "created"
	ImportUpdated   ImportOutcome = "updated"
	ImportUnchanged ImportOutcome = "unchanged" // nothing was written
	ImportSkipped   ImportOutcome = "skipped"
	ImportBlocked   ImportOutcome = "blocked" // not done unless it is asked for otherwise; the remedies say how
	ImportFailed    ImportOutcome = "failed"
)

// ImportedContext is what became of one context.
type ImportedContext struct {
	Name       string
	Outcome    ImportOutcome
	Message    string            // why it failed, was blocked or skipped
	Remedies   []belay.Remedy    // what can be done about that
	Plugin     string            // the program that stands in the way, see kubeconfig.Context
	Recipe     []string          // the commands that make do without it
	Connection *belay.Connection // as it is now, nil when it failed
	// RenamedFrom and MovedFrom are the name and the address that the
	// connection had before, "" when they are the same.
	RenamedFrom string
	MovedFrom   string
	Credential  *CredentialMove // nil when the connection uses what it used
	// Replaced is the credential that has a new secret in place of its own, as
	// it is now; nil for none.
	Replaced *belay.Credential
	// Changes are the settings of the connection that were changed, Kept those
	// in which it verifies more than the file and which were left.
	Changes, Kept []SettingChange
	// SameContext are other connections of the same context, which were left
	// as they are.
	SameContext []*belay.Connection
	Check       *Check
}

// CredentialMove says that a connection authenticates with another
// credential than before the import.
type CredentialMove struct {
	From *belay.Credential // only its id when the caller does not see it
	To   *belay.Credential
	// Unused is set when no connection uses From any more; the remedies say
	// how to be rid of it.
	Unused   bool
	Remedies []belay.Remedy
	// Left are the connections that go on using From, of which one says so
	// that is the last of the import to leave it: those that the caller sees,
	// up to 20, and how many there are in all.
	Left      []store.NameOf
	LeftTotal int
}

// ImportKubeconfig imports contexts of a kubeconfig: the user part becomes a
// credential, shared by contexts with the same user, the cluster part a
// connection. What stands for a context already is mended in place; where
// there is nothing to mend, nothing is written. One context that fails does
// not keep the others from being imported.
func (a *App) ImportKubeconfig(ctx context.Context, org belay.ID, up KubeconfigUpload, im KubeconfigImport) ([]*ImportedContext, error) {
	out, _, err := a.importContexts(ctx, org, up, im)
	return out, err
}

// importContexts is ImportKubeconfig. It is broken when a context was not
// imported, or not to the end, for a reason that may be gone the next time.
func (a *App) importContexts(ctx context.Context, org belay.ID, up KubeconfigUpload, im KubeconfigImport) (_ []*ImportedContext, broken bool, err error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, false, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, false, err
	}
	defer own.leave()
	if err := im.bounded(); err != nil {
		return nil, false, err
	}
	for i, id := range im.EnvironmentIDs {
		if _, _, err := a.findEnvironment(ctx, c.org, id, belay.PermissionEnvironmentWrite); err != nil {
			return nil, false, about("/environmentIds/"+itoa(i), err)
		}
	}
	t, err := a.importTime(ctx)
	if err != nil {
		return nil, false, err
	}
	defer t.end()
	preview, err := a.previewKubeconfig(t.look, c, own, up, im)
	if err != nil {
		return nil, false, because(t.look, err)
	}
	if err := checkImport(preview, up, im); err != nil {
		return nil, false, err
	}
	batch := &importBatch{app: a, caller: c, environments: slices.Sorted(slices.Values(im.EnvironmentIDs))}
	for _, k := range preview.Contexts {
		batch.plans = append(batch.plans, batch.planOf(t.look, k, optionsFor(im, k.Name), up.ConnectionID != ""))
	}
	return batch.carryOutAll(t), batch.broken, nil
}

// ImportKubeconfigOnce is ImportKubeconfig for a request that may be repeated.
// It returns what tell makes of what became of the contexts; with an
// Idempotency-Key that is kept, and is the answer to the same request, unless
// something was in the way that may be gone by then.
func (a *App) ImportKubeconfigOnce(ctx context.Context, org belay.ID, up KubeconfigUpload, im KubeconfigImport,
	tell func([]*ImportedContext) ([]byte, error),
) ([]byte, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	return a.answerOnce(ctx, c, func() ([]byte, bool, error) {
		contexts, broken, err := a.importContexts(ctx, c.org, up, im)
		if err != nil {
			return nil, false, err
		}
		answer, err := tell(contexts)
		return answer, !broken, err
	})
}

// bounded refuses an import that names more than a file can hold.
func (im KubeconfigImport) bounded() error {
	if n := len(im.Contexts); n > kubeconfig.MaxContexts {
		return belay.Invalid("/contexts", "must be at most %d, are %d", kubeconfig.MaxContexts, n)
	}
	if n := len(im.EnvironmentIDs); n > maxImportEnvironments {
		return belay.Invalid("/environmentIds", "must be at most %d, are %d", maxImportEnvironments, n)
	}
	return nil
}

// checkImport refuses an import that names what is not there, or that would
// mend one connection by several contexts.
func checkImport(preview *KubeconfigPreview, up KubeconfigUpload, im KubeconfigImport) error {
	var p problems
	there, before := map[string]bool{}, map[string]bool{}
	for _, k := range preview.Contexts {
		there[k.Name] = true
	}
	for i, o := range im.Contexts {
		pointer := "/contexts/" + itoa(i)
		if !there[o.Name] {
			p.add(pointer+"/name", "there is no context %q in the file", cutText(o.Name))
		}
		if before[o.Name] {
			p.add(pointer+"/name", "names the context %q twice", cutText(o.Name))
		}
		before[o.Name] = true
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

// means tells whether a context of this name is to be imported.
func (im KubeconfigImport) means(name string) bool {
	return len(im.Contexts) == 0 || slices.ContainsFunc(im.Contexts, func(o ContextImport) bool { return o.Name == name })
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
	app          *App
	caller       caller
	plans        []*importPlan
	environments []belay.ID
	broken       bool // see importContexts
}

// carryOut imports one context.
func (b *importBatch) carryOut(ctx context.Context, p *importPlan) *ImportedContext {
	out := &ImportedContext{Name: p.k.Name, Check: p.k.Check, Outcome: p.outcome, Message: p.message, Remedies: p.remedies}
	var err error
	switch p.outcome {
	case ImportCreated:
		err = b.create(ctx, p, out)
	case ImportUpdated:
		out.SameContext = p.k.SameContext
		err = b.update(ctx, p, out)
	case ImportSkipped:
		out.Connection = p.k.Connection
	case ImportBlocked:
		out.Connection = p.k.Connection
		if p.plugin {
			out.Plugin, out.Recipe = p.k.Plugin, p.k.Recipe()
		}
	case ImportUnchanged, ImportFailed:
	}
	if err = because(ctx, err); err != nil {
		*out = ImportedContext{Name: p.k.Name, Check: p.k.Check, Outcome: ImportFailed}
		out.Message, out.Remedies = b.told(ctx, p, err)
	}
	return out
}

// create stores a context as a new connection.
func (b *importBatch) create(ctx context.Context, p *importPlan, out *ImportedContext) error {
	if err := b.caller.mayCreate(); err != nil {
		return err
	}
	v := *p.k.draft
	if p.as != "" {
		if err := b.app.applyConnection(ConnectionChange{Name: &p.as}, &v); err != nil {
			return err
		}
	}
	credential, id, _, err := b.credential(ctx, p, nil)
	if err != nil {
		return err
	}
	if id != "" {
		v.Credentials = []belay.CredentialUse{{CredentialID: id, Purpose: belay.PurposePrimary}}
	}
	if err := b.app.mayAttach(ctx, b.caller, nil, &v, credential); err != nil {
		return err
	}
	err = b.app.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := credential.beside(ctx, tx); err != nil {
			return err
		}
		if err := tx.CreateConnection(ctx, &v); err != nil {
			return err
		}
		return b.assign(ctx, tx, v.ID)
	})
	if err != nil {
		return err
	}
	b.finished(ctx, p, &v, credential, out)
	return nil
}

func (b *importBatch) assign(ctx context.Context, tx *store.Tx, connection belay.ID) error {
	for _, id := range b.environments {
		if _, err := tx.AssignConnection(ctx, b.caller.org, b.app.assignment(id, connection)); err != nil {
			return err
		}
	}
	return nil
}

// finish records the context's test as the connection's, and what is stored
// now. Where nothing was written, a test that says nothing new is not
// recorded either.
func (b *importBatch) finish(ctx context.Context, p *importPlan, v *belay.Connection, credential *sealed, out *ImportedContext) error {
	if credential != nil {
		b.remember(p, credential.Credential)
	}
	check, err := b.checkOf(ctx, p, v)
	if err != nil {
		return err
	}
	if out.Outcome == ImportUnchanged && !b.isNews(ctx, v, check) {
		out.Connection, out.Check = v, b.app.view(ctx, b.caller, v, check)
		out.Check.ConnectionStatus = v.Status
		return nil
	}
	if out.Outcome == ImportUnchanged {
		out.Outcome = ImportUpdated
	}
	if err := b.app.record(ctx, v, check); err != nil {
		return err
	}
	if out.Connection, err = b.app.store.Connection(ctx, b.caller.org, v.ID); err != nil {
		return err
	}
	out.Check = b.app.view(ctx, b.caller, out.Connection, check)
	out.Check.ConnectionStatus = out.Connection.Status
	return nil
}

// isNews tells whether a check would change what is known of a connection.
func (b *importBatch) isNews(ctx context.Context, v *belay.Connection, k *belay.Check) bool {
	if k.Health != v.Health.Status || k.Cause != v.Health.Cause {
		return true
	}
	if v.Status.AfterCheck(k.Health, k.Trigger) != v.Status {
		return true
	}
	if k.Identity == "" || v.Identity != "" {
		return false
	}
	other, err := b.app.store.ConnectionByIdentity(ctx, b.caller.org, k.Identity)
	return err != nil || other == nil
}

// checkOf is the check of a connection as it is now: the context's own test,
// unless that was made with another credential than the connection has.
func (b *importBatch) checkOf(ctx context.Context, p *importPlan, v *belay.Connection) (*belay.Check, error) {
	if p.credentialType() == "" && (len(v.Credentials) > 0 || p.k.CredentialType != "") {
		materials, err := b.app.materials(ctx, v)
		if err != nil {
			return nil, err
		}
		return b.app.run(ctx, b.caller, v, belay.TriggerImport, materials), nil
	}
	check := *p.k.Check.Check
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
func (b *importBatch) remember(p *importPlan, v *belay.Credential) {
	for _, other := range b.plans {
		if other.k.Known == nil && other.k.Fingerprint == p.k.Fingerprint {
			other.k.Known = v
		}
	}
}
