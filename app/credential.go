package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"belay"
	"belay/secret"
	"belay/store"
)

// Credential is a credential with how it is used and what the caller may do
// with it. It holds nothing of the secret.
type Credential struct {
	*belay.Credential
	// Fingerprint changes when the secret does, and cannot be compared with
	// another credential's: whoever could make credentials at will would
	// guess with it.
	Fingerprint string
	Usage       belay.CredentialUsage
	Actions     []belay.Permission
}

// CredentialChange is what a client wants a credential to be; nil leaves a
// field as it is.
type CredentialChange struct {
	Name *string
	Type *string // cannot change once it is set
	// Secret holds the fields to change: a nil value clears one, a field
	// that is absent stays. A change of any makes a new version.
	Secret map[string]*belay.Secret
}

func (c caller) credential(v *belay.Credential, s belay.Standing, usage belay.CredentialUsage) *Credential {
	return &Credential{Credential: v, Fingerprint: shown(v.ID, v.Fingerprint), Usage: usage, Actions: c.actions(s,
		belay.PermissionCredentialRead, belay.PermissionCredentialUse, belay.PermissionCredentialWrite)}
}

// findCredential loads a credential on which the caller has a permission.
func (a *App) findCredential(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Credential, error) {
	return object(ctx, org, want, func(c caller) (*Credential, error) { return a.loadCredential(ctx, c, id, want) })
}

// loadCredential loads a credential on which the caller has a permission,
// whatever the scopes of his token.
func (a *App) loadCredential(ctx context.Context, c caller, id belay.ID, want belay.Permission) (*Credential, error) {
	v, err := a.store.Credential(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	standing, err := a.toCredentials(ctx, c, v)
	if err != nil {
		return nil, err
	}
	if err := allow(standing(v), belay.PermissionCredentialRead, want, "credential"); err != nil {
		return nil, err
	}
	usage, err := a.store.CredentialUsages(ctx, c.org, []belay.ID{id}, a.now())
	return c.credential(v, standing(v), usage[id]), err
}

// shown is the fingerprint of a credential's secret as it is shown.
func shown(credential belay.ID, fingerprint string) string {
	sum := sha256.Sum256([]byte(string(credential) + " " + fingerprint))
	return hex.EncodeToString(sum[:16])
}

// Credentials lists the credentials of which the caller sees that they
// exist.
func (a *App) Credentials(ctx context.Context, org belay.ID, f belay.CredentialFilter, q belay.Query) (belay.Page[*Credential], error) {
	c, err := a.authorize(ctx, org, belay.PermissionCredentialRead)
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	return a.credentialPage(ctx, c, f, q)
}

func (a *App) credentialPage(ctx context.Context, c caller, f belay.CredentialFilter, q belay.Query) (belay.Page[*Credential], error) {
	viewer, err := a.viewerOf(ctx, c, named{
		workspaces: []belay.ID{f.WorkspaceID}, environments: []belay.ID{f.EnvironmentID}, connections: []belay.ID{f.ConnectionID},
	})
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	page, err := a.store.Credentials(ctx, viewer, f, q)
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	ids := idsOf(page.Items, func(v *belay.Credential) belay.ID { return v.ID })
	standing, err := a.toCredentials(ctx, c, page.Items...)
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	usage, err := a.store.CredentialUsages(ctx, c.org, ids, a.now())
	return mapPage(page, func(v *belay.Credential) *Credential { return c.credential(v, standing(v), usage[v.ID]) }), err
}

// Credential returns one credential, without its secret.
func (a *App) Credential(ctx context.Context, org, id belay.ID) (*Credential, error) {
	_, v, err := a.findCredential(ctx, org, id, belay.PermissionCredentialRead)
	return v, err
}

// CredentialUsage lists the connections that use a credential, as far as the
// caller sees them.
func (a *App) CredentialUsage(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*Connection], error) {
	c, _, err := a.findCredential(ctx, org, id, belay.PermissionCredentialRead)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	return a.connectionPage(ctx, c, belay.ConnectionFilter{CredentialID: id}, q)
}

// CredentialVersions lists the versions of a credential, the newest first.
func (a *App) CredentialVersions(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*belay.CredentialVersion], error) {
	c, _, err := a.findCredential(ctx, org, id, belay.PermissionCredentialRead)
	if err != nil {
		return belay.Page[*belay.CredentialVersion]{}, err
	}
	page, err := a.store.CredentialVersions(ctx, c.org, id, q)
	for _, v := range page.Items {
		v.Fingerprint = shown(id, v.Fingerprint)
	}
	return page, err
}

// sealed is a credential as it is to be stored, with a new version of its
// material if it has one.
type sealed struct {
	*belay.Credential
	version *belay.CredentialVersion
	update  bool // the credential is stored already, as it was seen
}

// save stores a new credential or a change of an old one. When that has been
// changed since it was seen, that is CodePreconditionFailed.
func (s *sealed) save(ctx context.Context, tx *store.Tx) error {
	if !s.update {
		return tx.CreateCredential(ctx, s.Credential, s.version)
	}
	_, err := tx.UpdateCredential(ctx, s.OrganizationID, s.ID, s.UpdatedAt,
		func(c *belay.Credential) (*belay.CredentialVersion, error) {
			if err := unchanged(s.Version, c.Version); err != nil {
				return nil, err
			}
			used := c.LastUsedAt
			*c = *s.Credential
			c.LastUsedAt = used
			return s.version, nil
		})
	return err
}

// stillSent refuses new material with which a connection that uses the
// credential could do nothing: see accepts.
func (s *sealed) stillSent(ctx context.Context, tx *store.Tx) error {
	if s.version == nil || s.Type == belay.CredentialMTLS || !s.OnlyInTLS() {
		return nil
	}
	plain, err := tx.CredentialSentPlain(ctx, s.OrganizationID, s.ID)
	if err == nil && plain {
		err = belay.Invalid("/secret", "would be a client certificate only, which is shown in TLS, and a connection uses the credential at an address that begins with http://")
	}
	return err
}

// beside stores the credential that comes with a connection, if any, in the
// connection's transaction. In a request for both, its name is a field of its
// own.
func (s *sealed) beside(ctx context.Context, tx *store.Tx) error {
	if s == nil {
		return nil
	}
	return inBody("/name", "/credentialName", s.save(ctx, tx))
}

// CreateCredential stores a credential, owned by the caller.
func (a *App) CreateCredential(ctx context.Context, org belay.ID, ch CredentialChange) (*Credential, error) {
	c, err := a.authorize(ctx, org, belay.PermissionCredentialWrite)
	if err != nil {
		return nil, err
	}
	s, err := a.newCredential(c, ch)
	if err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, s.ID, s.save)
	if err != nil || id != s.ID {
		return replayed(err, func() (*Credential, error) { return a.loadCredential(ctx, c, id, belay.PermissionCredentialRead) })
	}
	return c.credential(s.Credential, c.standing(s.OwnerID), belay.CredentialUsage{}), nil
}

// newCredential makes a credential and seals its first version.
func (a *App) newCredential(c caller, ch CredentialChange) (*sealed, error) {
	if err := c.mayCreate(); err != nil {
		return nil, err
	}
	now := a.now()
	v := &belay.Credential{
		ID: a.newID(), OrganizationID: c.org, OwnerID: c.UserID,
		LastRotatedAt: now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	var p problems
	set(&v.Type, ch.Type)
	p.rename(&v.Name, ch.Name, maxCredentialName)
	values := map[string]belay.Secret{}
	for name, s := range ch.Secret {
		if s != nil {
			values[name] = *s
		}
	}
	if err := a.checkValues(&p, v.Type, values); err != nil {
		return nil, err
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	version, err := a.seal(c, v, values)
	return &sealed{Credential: v, version: version}, err
}

// checkValues checks a complete set of values against the credential's type.
func (a *App) checkValues(p *problems, typeName string, values map[string]belay.Secret) error {
	t, ok := belay.FindCredentialType(typeName)
	if !ok {
		var names []string
		for _, t := range belay.CredentialTypes() {
			names = append(names, t.Name)
		}
		p.add("/type", "%q is not a type of credential; the types are %s", cutText(typeName), joined(names))
		return nil
	}
	size := 0
	for name, v := range values {
		size += len(name) + v.Len()
		p.text("/secret", name, maxFieldName)
		if f, _ := t.Field(name); f.Public {
			p.text("/secret/"+name, string(v.Reveal()), maxSecret)
		}
	}
	if size > maxSecret {
		p.add("/secret", "must have at most %d bytes in all, has %d", maxSecret, size)
	}
	return p.also(t.Check("/secret", values))
}

// seal makes the next version of a credential and sets what the credential
// says about it.
func (a *App) seal(c caller, v *belay.Credential, values map[string]belay.Secret) (*belay.CredentialVersion, error) {
	t, _ := belay.FindCredentialType(v.Type)
	v.Public, v.Set = map[string]string{}, []string{}
	for name, s := range values {
		if f, _ := t.Field(name); f.Public {
			v.Public[name] = string(s.Reveal())
		} else if !s.IsZero() {
			v.Set = append(v.Set, name)
		}
	}
	slices.Sort(v.Set)
	v.Current++
	v.Fingerprint = a.keyring.Fingerprint(v.Type, values)
	v.ExpiresAt = belay.ValidityOf(v.Type, values).Until
	ciphertext, err := a.keyring.Seal(values, secret.Binding{OrganizationID: v.OrganizationID, CredentialID: v.ID, Version: v.Current})
	return &belay.CredentialVersion{
		CredentialID: v.ID, OrganizationID: v.OrganizationID, Number: v.Current,
		Sealed: ciphertext, Fingerprint: v.Fingerprint, CreatedBy: c.UserID, CreatedAt: a.now(),
	}, err
}

// errUnreadable says that a stored secret cannot be decrypted: its row is
// damaged, or was sealed by another server's key.
var errUnreadable = errors.New("the stored secret cannot be decrypted")

// open decrypts the version of a credential that is in force.
func (a *App) open(ctx context.Context, v *belay.Credential) (*belay.Material, error) {
	version, err := a.store.CredentialVersion(ctx, v.OrganizationID, v.ID, v.Current)
	if err != nil {
		return nil, err
	}
	values, err := a.keyring.Open(version.Sealed, secret.Binding{OrganizationID: v.OrganizationID, CredentialID: v.ID, Version: v.Current})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return &belay.Material{CredentialID: v.ID, Version: v.Current, Type: v.Type, Values: values}, err
}

// UpdateCredential changes a credential. With a version other than 0 it does
// so only if that is still the credential's. New values make a new version
// of the material, in force at once.
func (a *App) UpdateCredential(ctx context.Context, org, id belay.ID, version int64, ch CredentialChange) (*Credential, error) {
	var c caller
	err := optimistic(version, func() error {
		var view *Credential
		var err error
		if c, view, err = a.findCredential(ctx, org, id, belay.PermissionCredentialWrite); err != nil {
			return err
		}
		if err := unchanged(version, view.Version); err != nil {
			return err
		}
		s, err := a.changeCredential(ctx, c, view.Credential, ch)
		if err != nil {
			return err
		}
		return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := s.save(ctx, tx); err != nil {
				return err
			}
			return s.stillSent(ctx, tx)
		})
	})
	if err != nil {
		return nil, err
	}
	return a.loadCredential(ctx, c, id, belay.PermissionCredentialRead)
}

// changeCredential carries out a change on v and says what is to be stored.
func (a *App) changeCredential(ctx context.Context, c caller, v *belay.Credential, ch CredentialChange) (*sealed, error) {
	s := &sealed{Credential: v, update: true}
	v.UpdatedAt = a.now()
	var p problems
	p.rename(&v.Name, ch.Name, maxCredentialName)
	if ch.Type != nil && *ch.Type != v.Type {
		p.add("/type", "cannot be changed from %q; make a new credential", v.Type)
	}
	if ch.Secret == nil {
		return s, p.err()
	}
	values, readable, err := a.changedValues(ctx, v, ch.Secret)
	if err != nil {
		return nil, err
	}
	if err := a.checkValues(&p, v.Type, values); err != nil {
		return nil, err
	}
	if err := p.err(); err != nil || readable && a.keyring.Fingerprint(v.Type, values) == v.Fingerprint {
		return s, err
	}
	v.LastRotatedAt = a.now()
	s.version, err = a.seal(c, v, values)
	return s, err
}

// changedValues is the material in force with some fields changed; readable
// is whether that in force could be read.
func (a *App) changedValues(ctx context.Context, v *belay.Credential, change map[string]*belay.Secret,
) (values map[string]belay.Secret, readable bool, err error) {
	material, err := a.open(ctx, v)
	readable = !errors.Is(err, errUnreadable)
	if !readable && replaces(v, change) {
		material, err = &belay.Material{Values: map[string]belay.Secret{}}, nil
	}
	if errors.Is(err, errUnreadable) {
		return nil, false, &belay.Error{
			Code: belay.CodeInvalid, Message: "the stored secret cannot be read by this server, so that a part of it cannot be changed", Err: err,
			Fields: []belay.Field{{Pointer: "/secret", Message: "must hold every field: " + joined(append(slices.Collect(maps.Keys(v.Public)), v.Set...))}},
		}
	}
	if err != nil {
		return nil, readable, err
	}
	values = maps.Clone(material.Values)
	for name, s := range change {
		if s == nil {
			delete(values, name)
		} else {
			values[name] = *s
		}
	}
	return values, readable, nil
}

// replaces tells whether a change leaves nothing of a credential's values as
// it was.
func replaces(v *belay.Credential, change map[string]*belay.Secret) bool {
	for name := range v.Public {
		if _, ok := change[name]; !ok {
			return false
		}
	}
	return !slices.ContainsFunc(v.Set, func(name string) bool { _, ok := change[name]; return !ok })
}

// inBody moves the pointers of an error from where they are in a body of
// their own to where they are in another.
func inBody(from, to string, err error) error {
	if e, ok := err.(*belay.Error); ok { //nolint:errorlint // only a bare one is about fields
		moved := *e
		moved.Fields = slices.Clone(e.Fields)
		for i, f := range moved.Fields {
			if rest, ok := strings.CutPrefix(f.Pointer, from); ok {
				moved.Fields[i].Pointer = to + rest
			}
		}
		return &moved
	}
	return err
}

// DeleteCredential deletes a credential. While connections use it that is
// refused, with their names; with detach it is taken off them first. That is
// done store.DetachLimit at a time: when it ends before its end, it has been
// taken off some, and can be repeated.
func (a *App) DeleteCredential(ctx context.Context, org, id belay.ID, version int64, detach bool) error {
	c, v, err := a.findCredential(ctx, org, id, belay.PermissionCredentialWrite)
	if err != nil {
		return err
	}
	if err := unchanged(version, v.Version); err != nil {
		return err
	}
	return optimistic(0, func() error {
		if err := a.mayDetach(ctx, c, v.Credential, detach); err != nil {
			return err
		}
		for left := true; left; {
			if left, err = a.deleteUnused(ctx, c, id, version, detach && c.InScope(belay.PermissionConnectionWrite)); err != nil {
				return err
			}
		}
		return nil
	})
}
