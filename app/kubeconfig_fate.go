package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"belay"
)

// CredentialAction says what an import does about the credential of a
// connection.
type CredentialAction string

// What an import can do about a credential.
const (
	CredentialKeep    CredentialAction = "keep"    // the connection goes on with the one that it has
	CredentialAttach  CredentialAction = "attach"  // it goes to one that is stored, with the very secret of the file
	CredentialReplace CredentialAction = "replace" // the one that it has gets the secret of the file in place of its own
	CredentialCreate  CredentialAction = "create"  // it goes to a new one
)

// CredentialFate is what an import does about the credential of a connection.
type CredentialFate struct {
	Action CredentialAction
	ID     belay.ID // "" for one that is not stored yet
	Name   string   // "" where the caller does not see it
	// From is the one that the connection leaves, nil for none.
	From *belay.Credential

	stored *belay.Credential // what is replaced, as it was seen
}

// decide says what becomes of a context's user: nothing when it has none;
// the connection's own credential when it holds the same; the stored
// credential with the same material; a new version of the connection's own
// credential, when nothing else is left on the old one; a new credential
// otherwise. It is nil for a connection that has none and is given none.
func (b *importBatch) decide(ctx context.Context, p *importPlan, existing *belay.Connection) (*CredentialFate, error) {
	var own *belay.Credential
	if existing != nil && len(existing.Credentials) > 0 {
		var err error
		if own, err = b.app.seen(ctx, b.caller, existing.Credentials[0].CredentialID); err != nil {
			return nil, err
		}
	}
	if p.credentialType() == "" {
		if own == nil {
			return nil, nil
		}
		return &CredentialFate{Action: CredentialKeep, ID: own.ID, Name: own.Name}, nil
	}
	if existing != nil {
		id, err := b.app.holds(ctx, b.caller, existing, p.k.Fingerprint)
		if err != nil {
			return nil, err
		}
		if id != "" {
			return &CredentialFate{Action: CredentialKeep, ID: id, Name: own.Name}, nil
		}
	}
	if k := p.k.Known; k != nil {
		return &CredentialFate{Action: CredentialAttach, ID: k.ID, Name: k.Name, From: own}, nil
	}
	if own != nil {
		old, err := b.replaceable(ctx, p, own.ID)
		if err != nil {
			return nil, err
		}
		if old != nil {
			return &CredentialFate{Action: CredentialReplace, ID: old.ID, Name: old.Name, stored: old}, nil
		}
	}
	name, err := b.app.freeCredentialName(ctx, b.caller.org, cmp.Or(p.k.User, p.k.Name))
	return &CredentialFate{Action: CredentialCreate, Name: name, From: own}, err
}

// seen is a credential as the caller sees it: only its id where he does not.
func (a *App) seen(ctx context.Context, c caller, id belay.ID) (*belay.Credential, error) {
	_, v, err := a.findCredential(ctx, c.org, id, belay.PermissionCredentialRead)
	if isNotFound(err) {
		return &belay.Credential{ID: id}, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Credential, nil
}

// replaceable is a connection's credential whose material gives way to that
// of the context. It is nil when that would take the old material from
// connections that this import does not give the new one to, or the caller
// may not.
func (b *importBatch) replaceable(ctx context.Context, p *importPlan, id belay.ID) (*belay.Credential, error) {
	_, old, err := b.app.findCredential(ctx, b.caller.org, id, belay.PermissionCredentialWrite)
	if code := belay.CodeOf(err); code == belay.CodeForbidden || code == belay.CodeNotFound {
		return nil, nil
	}
	if err != nil || old.Type != p.k.CredentialType {
		return nil, err
	}
	follow := 0
	for _, other := range b.plans {
		if other.outcome == ImportUpdated && other.credentialType() != "" && other.k.Fingerprint == p.k.Fingerprint &&
			len(other.k.Connection.Credentials) > 0 && other.k.Connection.Credentials[0].CredentialID == id {
			follow++
		}
	}
	if old.Usage.Connections > follow {
		return nil, nil
	}
	return old.Credential, nil
}

// foresee says of each context of a preview what an import of all of them
// would do about the credentials.
func (a *App) foresee(ctx context.Context, c caller, contexts []*KubeconfigContext) error {
	b := &importBatch{app: a, caller: c}
	for _, k := range contexts {
		if k.draft != nil {
			b.plans = append(b.plans, &importPlan{k: k, outcome: outcomeOf(k.Connection)})
		}
	}
	made := map[string]string{} // the names of what would be made, by its fingerprint
	for _, p := range b.plans {
		fate, err := b.decide(ctx, p, p.k.Connection)
		if err != nil {
			return err
		}
		if fate != nil && fate.Action == CredentialCreate {
			name, shared := made[p.k.Fingerprint]
			if !shared {
				if name, err = a.freeBeside(ctx, c, fate.Name, made); err != nil {
					return err
				}
				made[p.k.Fingerprint] = name
			}
			fate.Name = name
		}
		p.k.Fate = fate
	}
	return nil
}

// freeBeside is a name that neither a credential has nor one that is to be
// made.
func (a *App) freeBeside(ctx context.Context, c caller, name string, made map[string]string) (string, error) {
	taken := slices.Collect(maps.Values(made))
	wanted := name
	for n := 2; slices.Contains(taken, name); n++ {
		var err error
		if name, err = a.freeCredentialName(ctx, c.org, wanted+"-"+strconv.Itoa(n)); err != nil {
			return "", err
		}
	}
	return name, nil
}

// outcomeOf is what an import ends in where nothing is against it.
func outcomeOf(existing *belay.Connection) ImportOutcome {
	if existing == nil {
		return ImportCreated
	}
	return ImportUpdated
}

// aboutCredential are the causes that say something of the credential that
// was tried, and nothing of others.
var aboutCredential = []belay.Cause{
	belay.CauseCredentialMissing, belay.CauseCredentialRejected, belay.CauseCredentialExpired,
	belay.CauseTLSClientCertificateRejected, belay.CausePermissionMissing, belay.CauseReferenceUnresolved,
}

// Breaks tells whether the connection of a context works as it is and would
// not any more: the file was tested and failed, for what it would change.
func (k *KubeconfigContext) Breaks() bool { return k.breaks(k.CredentialType != "") }

func (k *KubeconfigContext) breaks(credential bool) bool {
	return k.WorksNow && (credential || !slices.Contains(aboutCredential, k.Check.Cause))
}

// weigh finds out whether the connection of a context works where the context
// does not, and would be changed. Who may not test the connection goes by
// its last test.
func (a *App) weigh(ctx context.Context, c caller, k *KubeconfigContext) error {
	if k.Connection == nil || k.Check == nil || k.Check.Health.Works() || k.State == MatchSame {
		return nil
	}
	_, v, err := a.findConnection(ctx, c.org, k.Connection.ID, belay.PermissionConnectionUse)
	if code := belay.CodeOf(err); code == belay.CodeForbidden || code == belay.CodeNotFound {
		k.WorksNow = k.Connection.Health.Status.Works()
		return nil
	}
	if err != nil {
		return err
	}
	materials, err := a.materials(ctx, v.Connection)
	if err != nil {
		return err
	}
	check := a.run(ctx, c, v.Connection, belay.TriggerImport, materials)
	k.WorksNow = check.Health.Works()
	return a.used(ctx, check)
}
