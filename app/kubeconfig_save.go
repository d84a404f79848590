package app

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"belay"
	"belay/store"
)

// saved is what an import made of a connection.
type saved struct {
	before     *Connection
	after      *belay.Connection
	credential *sealed         // nil when none was stored
	move       *CredentialMove // nil when it uses what it used
	replaced   bool            // credential has a new secret in place of its own
	written    bool
}

// update mends the connection that stands for a context: its cluster part,
// its credential, and its name when another is asked for.
func (b *importBatch) update(ctx context.Context, p *importPlan, out *ImportedContext) error {
	var s saved
	err := optimistic(0, func() (err error) {
		s, err = b.save(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	out.Outcome = ImportUnchanged
	if s.written {
		out.Outcome = ImportUpdated
	}
	out.Changes, out.Kept = changesOf(s.before.Connection, s.after), p.k.Kept
	if s.replaced {
		if out.Replaced, err = b.app.seen(ctx, b.caller, s.credential.ID); err != nil {
			return err
		}
	}
	if s.before.Name != s.after.Name {
		out.RenamedFrom = s.before.Name
	}
	if s.before.Endpoint != s.after.Endpoint {
		out.MovedFrom = s.before.Endpoint
	}
	if out.Credential = s.move; s.move != nil {
		if s.move.To, err = b.app.store.Credential(ctx, b.caller.org, s.after.Credentials[0].CredentialID); err != nil {
			return err
		}
	}
	b.finished(ctx, p, s.after, s.credential, out)
	return nil
}

// save stores what a context makes of a connection. A file is no way around
// the right to use a credential: one that stays attached goes to another
// address only if the caller may attach it there.
func (b *importBatch) save(ctx context.Context, p *importPlan) (saved, error) {
	_, seen, err := b.app.findConnection(ctx, b.caller.org, p.k.Connection.ID, belay.PermissionConnectionWrite)
	if err != nil {
		return saved{}, err
	}
	s := saved{before: seen, after: seen.Connection}
	credential, attached, fate, err := b.credential(ctx, p, seen.Connection)
	if err != nil {
		return saved{}, err
	}
	s.credential, s.replaced = credential, fate != nil && fate.Action == CredentialReplace
	next := *seen.Connection
	if err := b.mend(&next, p, attached); err != nil {
		return saved{}, err
	}
	if err := b.app.mayAttach(ctx, b.caller, seen.Connection, &next, credential); err != nil {
		return saved{}, err
	}
	if s.move, err = b.credentialMove(ctx, seen.Connection, &next); err != nil {
		return saved{}, err
	}
	if credential == nil && sameConnection(seen.Connection, &next) && b.assigned(seen) {
		return s, nil
	}
	s.written = true
	err = b.app.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := keepCredentials(ctx, tx, &next); err != nil {
			return err
		}
		if err := credential.beside(ctx, tx); err != nil {
			return err
		}
		if s.after, err = b.write(ctx, tx, seen.Connection, &next, p, attached); err != nil {
			return err
		}
		return b.assign(ctx, tx, seen.ID)
	})
	return s, err
}

// write stores the connection, unless only its credential or where it
// belongs changes.
func (b *importBatch) write(ctx context.Context, tx *store.Tx, seen, next *belay.Connection, p *importPlan, attached belay.ID) (*belay.Connection, error) {
	if sameConnection(seen, next) {
		return tx.Connection(ctx, b.caller.org, seen.ID)
	}
	return tx.UpdateConnection(ctx, b.caller.org, seen.ID, b.app.now(), func(v *belay.Connection) error {
		if err := unchanged(seen.Version, v.Version); err != nil {
			return err
		}
		return b.mend(v, p, attached)
	})
}

// assigned tells whether all the environments of the import hold a
// connection already. The caller may change them, so he sees them.
func (b *importBatch) assigned(v *Connection) bool {
	return !slices.ContainsFunc(b.environments, func(id belay.ID) bool {
		return !slices.ContainsFunc(v.Environments, func(e *belay.Environment) bool { return e.ID == id })
	})
}

// sameConnection tells whether an import leaves a connection as it is.
func sameConnection(a, b *belay.Connection) bool {
	return a.Name == b.Name && a.Endpoint == b.Endpoint && a.Identity == b.Identity && a.Status == b.Status &&
		slices.Equal(a.Credentials, b.Credentials) && sameJSON(a.Config, b.Config)
}

// sameJSON tells whether two texts are of the same value.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// mend puts what a context says into the connection.
func (b *importBatch) mend(v *belay.Connection, p *importPlan, credential belay.ID) error {
	config, err := settled(v, p.k.draft, p.k.loosen)
	if err != nil {
		return err
	}
	ch := ConnectionChange{Endpoint: &p.k.draft.Endpoint}
	if !sameJSON(v.Config, config) {
		ch.Config = config
	}
	if p.as != "" {
		ch.Name = &p.as
	}
	if err := b.app.applyConnection(ch, v); err != nil {
		return err
	}
	if p.accepted {
		v.Identity = p.k.identity()
	}
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

// credential carries out what is decided about a context's user. It returns
// what is to be stored, and the id of what is to be attached.
func (b *importBatch) credential(ctx context.Context, p *importPlan, existing *belay.Connection) (*sealed, belay.ID, *CredentialFate, error) {
	if p.credentialType() == "" {
		return nil, "", nil, nil
	}
	fate, err := b.decide(ctx, p, existing)
	if err != nil {
		return nil, "", nil, err
	}
	secret := map[string]*belay.Secret{}
	for name, s := range p.k.Values {
		secret[name] = &s
	}
	var s *sealed
	switch fate.Action {
	case CredentialKeep, CredentialAttach:
		return nil, fate.ID, fate, nil
	case CredentialReplace:
		s, err = b.app.changeCredential(ctx, b.caller, fate.stored, CredentialChange{Secret: wholly(fate.stored, secret)})
	case CredentialCreate:
		s, err = b.app.newCredential(b.caller, CredentialChange{Name: &fate.Name, Type: &p.k.CredentialType, Secret: secret})
	}
	if err != nil {
		return nil, "", nil, err
	}
	return s, s.ID, fate, nil
}

// wholly is the change that leaves nothing of the old material.
func wholly(old *belay.Credential, secret map[string]*belay.Secret) map[string]*belay.Secret {
	whole := map[string]*belay.Secret{}
	for _, name := range old.Set {
		whole[name] = nil
	}
	for name := range old.Public {
		whole[name] = nil
	}
	maps.Copy(whole, secret)
	return whole
}

// credentialMove says that a connection is to authenticate with another
// credential, nil when it is not, or used none. It is asked while the old
// one can still be seen through the connection.
func (b *importBatch) credentialMove(ctx context.Context, before, after *belay.Connection) (*CredentialMove, error) {
	if len(before.Credentials) == 0 || before.Credentials[0].CredentialID == after.Credentials[0].CredentialID {
		return nil, nil
	}
	old, err := b.app.seen(ctx, b.caller, before.Credentials[0].CredentialID)
	if err != nil {
		return nil, err
	}
	return &CredentialMove{From: old}, nil
}

// leftOver finds the credentials that connections have left in this import: of
// each, the last of them says who still uses it, or that nobody does.
func (b *importBatch) leftOver(ctx context.Context, out []*ImportedContext) {
	last := map[belay.ID]*CredentialMove{}
	for _, k := range out {
		if k.Credential != nil && k.Credential.From.Name != "" {
			last[k.Credential.From.ID] = k.Credential
		}
	}
	for id, move := range last {
		users, err := b.app.store.CredentialUsers(ctx, b.caller.sight(), id, maxNamedUsers)
		if err != nil { // what was imported is told all the same
			b.app.log.ErrorContext(ctx, "who uses a credential that an import has left is not known", "credential", id, "error", err)
			continue
		}
		if users.Total > 0 {
			move.leave(users, out)
			continue
		}
		move.Unused = true
		move.Remedies = []belay.Remedy{{
			ID: "credential.delete", Title: "Delete the credential that is left over",
			Description: "No connection uses it any more. Whoever may change it can delete it; it can be restored for a while.",
			Action:      &belay.RemedyAction{Method: "DELETE", Href: "/api/integrations/credentials?credentialId=" + string(id)},
			Command:     belay.CommandLine("belay", "credential", "delete", move.From.Name),
		}}
	}
}

// leave keeps those users of the credential that a connection has left which
// the import has not brought to it, or left with it, on purpose.
func (m *CredentialMove) leave(users store.CredentialUsers, out []*ImportedContext) {
	m.LeftTotal = users.Total
	for _, v := range users.Named {
		if slices.ContainsFunc(out, func(k *ImportedContext) bool { return k.Connection != nil && k.Connection.ID == v.ID }) {
			m.LeftTotal--
		} else {
			m.Left = append(m.Left, v)
		}
	}
}
