package app

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"belay"
	"belay/store"
)

// Connection is a connection with the environments that hold it, as far as
// the caller sees them, and what he may do with it.
type Connection struct {
	*belay.Connection
	Environments []*belay.Environment
	Actions      []belay.Permission
}

// ConnectionChange is what a client wants a connection to be; nil leaves a
// field as it is.
type ConnectionChange struct {
	ID          belay.ID // only on creation; "": a new one
	Name        *string
	Description *string
	Kind        *string // cannot change once it is set
	Type        *string // must be the kind's, if given
	SubType     *string
	Endpoint    *string
	Config      json.RawMessage // nil leaves it
	Labels      *map[string]string
	Credentials *[]belay.CredentialUse
	Status      *belay.Status
	Interval    *time.Duration
	Timeout     *time.Duration
	Maintenance *belay.Maintenance
	Management  belay.Management // only on creation
	Origin      belay.Origin     // only on creation
	Identity    string           // only on creation
	// Accept is the identity of another target, which is to be the
	// connection's own from now on: that which its last test has found.
	Accept *string
	// Secret is stored as a new credential, named after the connection unless
	// it has a name of its own, and attached as its only one.
	Secret     map[string]*belay.Secret
	SecretType string
	SecretName string

	accepted string // what Accept comes to, "" for nothing
}

// tests tells whether the change ends in a test.
func (ch ConnectionChange) tests() bool {
	return ch.Accept != nil || ch.Status != nil && *ch.Status == belay.StatusConnected
}

// connection is the view of a connection for the caller.
func (c caller) connection(v *belay.Connection, roles []belay.Role, environments []*belay.Environment) *Connection {
	return &Connection{Connection: v, Environments: environments, Actions: c.actions(c.standing(v.OwnerID, roles),
		belay.PermissionConnectionRead, belay.PermissionConnectionUse, belay.PermissionConnectionWrite)}
}

// findConnection loads a connection on which the caller has a permission.
func (a *App) findConnection(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Connection, error) {
	return object(ctx, org, want, func(c caller) (*Connection, error) { return a.loadConnection(ctx, c, id, want) })
}

// loadConnection loads a connection on which the caller has a permission,
// whatever the scopes of his token: a change is answered with what it has
// made, also to a token that may only write.
func (a *App) loadConnection(ctx context.Context, c caller, id belay.ID, want belay.Permission) (*Connection, error) {
	v, err := a.store.Connection(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	roles, err := c.roles(ctx, a.store.ConnectionRoles, []belay.ID{id})
	if err != nil {
		return nil, err
	}
	if err := allow(c.standing(v.OwnerID, roles[id]), belay.PermissionConnectionRead, want, "connection"); err != nil {
		return nil, err
	}
	environments, err := a.store.EnvironmentsOf(ctx, c.viewer(), []belay.ID{id})
	return c.connection(v, roles[id], environments[id]), err
}

// Connections lists the connections that the caller sees.
func (a *App) Connections(ctx context.Context, org belay.ID, f belay.ConnectionFilter, q belay.Query) (belay.Page[*Connection], error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionRead)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	return a.connectionPage(ctx, c, f, q)
}

func (a *App) connectionPage(ctx context.Context, c caller, f belay.ConnectionFilter, q belay.Query) (belay.Page[*Connection], error) {
	visible, err := a.sees(ctx, c, named{
		workspaces: []belay.ID{f.WorkspaceID}, environments: []belay.ID{f.EnvironmentID, f.NotInEnvironmentID}, credentials: []belay.ID{f.CredentialID},
	})
	if err != nil || !visible {
		return nothing[*Connection](q), err
	}
	page, err := a.store.Connections(ctx, c.viewer(), f, q)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	ids := idsOf(page.Items, func(v *belay.Connection) belay.ID { return v.ID })
	roles, err := c.roles(ctx, a.store.ConnectionRoles, ids)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	environments, err := a.store.EnvironmentsOf(ctx, c.viewer(), ids)
	return mapPage(page, func(v *belay.Connection) *Connection {
		return c.connection(v, roles[v.ID], environments[v.ID])
	}), err
}

// StatusSummary is how many connections have each status. It counts the
// whole organization and is given to administrators only; others get nil.
func (a *App) StatusSummary(ctx context.Context, org belay.ID) (map[belay.Status]int, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionRead)
	if err != nil || !c.admin {
		return nil, err
	}
	counts, err := a.store.ConnectionCounts(ctx, c.org)
	summary := map[belay.Status]int{}
	for _, n := range counts {
		summary[n.Status] += n.N
	}
	return summary, err
}

// Connection returns one connection.
func (a *App) Connection(ctx context.Context, org, id belay.ID) (*Connection, error) {
	_, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	return v, err
}

// CreateConnection makes a connection, owned by the caller. With the status
// connected it is tested; if that fails it stays registered, with the
// reason.
func (a *App) CreateConnection(ctx context.Context, org belay.ID, ch ConnectionChange) (*Connection, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	wanted := belay.StatusRegistered
	set(&wanted, ch.Status)
	own, err := a.slotFor(c, ch)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	ch.Status = nil
	v, credential, err := a.draft(ctx, c, ch)
	if err != nil {
		return nil, err
	}
	if v.Status, err = initialStatus(wanted); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, v.ID, func(ctx context.Context, tx *store.Tx) error {
		if credential != nil {
			if err := tx.CreateCredential(ctx, credential.Credential, credential.version); err != nil {
				return err
			}
		}
		return tx.CreateConnection(ctx, v)
	})
	if err != nil || id != v.ID {
		return replayed(err, func() (*Connection, error) { return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead) })
	}
	if wanted == belay.StatusConnected {
		if _, err := a.test(ctx, c, v, belay.TriggerRegistration, own.handOver); err != nil {
			return nil, err
		}
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}

// BeginRegistration returns the id under which the client may then create a
// connection of a kind, and the kind, from which it makes its form. Nothing
// is stored until then.
func (a *App) BeginRegistration(ctx context.Context, kind string) (belay.ID, *belay.Kind, error) {
	if _, err := authenticated(ctx, belay.PermissionConnectionWrite); err != nil {
		return "", nil, err
	}
	k, ok := a.kinds[kind]
	if !ok {
		return "", nil, belay.Invalid("/kind", "%q is not a kind; the kinds are %s", cutText(kind), joined(slices.Sorted(maps.Keys(a.kinds))))
	}
	return a.newID(), k.Definition(), nil
}

// CancelRegistration ends what BeginRegistration began.
func (a *App) CancelRegistration(ctx context.Context) error {
	_, err := authenticated(ctx, belay.PermissionConnectionWrite)
	return err
}

// initialStatus is the status with which a connection is stored that is
// wanted in another: connected is reached by a test only.
func initialStatus(wanted belay.Status) (belay.Status, error) {
	switch wanted {
	case belay.StatusConnected, belay.StatusRegistered:
		return belay.StatusRegistered, nil
	case belay.StatusDiscovered, belay.StatusIgnored, belay.StatusMaintenance:
		return wanted, nil
	case belay.StatusDisconnected, belay.StatusNotFound, belay.StatusDeleted:
	}
	return "", belay.Invalid("/status", "a connection cannot begin as %s; it can begin as registered, connected, discovered, ignored or maintenance", wanted)
}

// blank is a connection that is registered by hand, as it begins.
func (a *App) blank(c caller) *belay.Connection {
	now := a.now()
	return &belay.Connection{
		ID: a.newID(), OrganizationID: c.org, OwnerID: c.UserID, Management: belay.Unmanaged, Origin: belay.OriginManual,
		Status: belay.StatusRegistered, StatusChangedBy: string(c.UserID), StatusChangedAt: now,
		Health:  belay.Health{Status: belay.HealthUnchecked},
		Policy:  belay.CheckPolicy{Interval: belay.DefaultCheckInterval, Timeout: belay.DefaultCheckTimeout},
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

// draft makes a connection of a change, checked but not stored, and the
// credential that is to be stored with it, if any.
func (a *App) draft(ctx context.Context, c caller, ch ConnectionChange) (*belay.Connection, *sealed, error) {
	v := a.blank(c)
	v.Identity = ch.Identity
	if ch.ID != "" {
		v.ID = ch.ID
	}
	if ch.Management != "" {
		v.Management = ch.Management
	}
	if ch.Origin != "" {
		v.Origin = ch.Origin
	}
	var credential *sealed
	if ch.Secret != nil {
		var err error
		if credential, err = a.secretOf(ctx, c, &ch); err != nil {
			return nil, nil, err
		}
	}
	if err := a.applyConnection(ch, v); err != nil {
		return nil, nil, err
	}
	if err := a.mayAttach(ctx, c, nil, v, credential); err != nil {
		return nil, nil, err
	}
	return v, credential, nil
}

// secretOf seals the secret that comes with a connection as a credential of
// its own and lets the change attach it.
func (a *App) secretOf(ctx context.Context, c caller, ch *ConnectionChange) (*sealed, error) {
	name := ""
	set(&name, ch.Name)
	name, err := a.freeCredentialName(ctx, c.org, name)
	if err != nil {
		return nil, err
	}
	if err := inScope(c.Principal, belay.PermissionCredentialWrite); err != nil {
		return nil, err
	}
	if ch.SecretName != "" {
		name = ch.SecretName
	}
	create := CredentialChange{Name: &name, Type: &ch.SecretType, Secret: ch.Secret}
	credential, err := a.newCredential(c, create)
	if err != nil && ch.SecretName != "" {
		err = inBody("/name", "/credentialName", err)
	}
	if err != nil {
		return nil, inBody("/secret", "/credentialSecret", err)
	}
	ch.Credentials = &[]belay.CredentialUse{{CredentialID: credential.ID, Purpose: belay.PurposePrimary}}
	return credential, nil
}

// freeCredentialName is a name that no credential has: the one that is wanted,
// or that with a number. Nobody has chosen it, so that nobody can be told to
// choose another.
func (a *App) freeCredentialName(ctx context.Context, org belay.ID, wanted string) (string, error) {
	for n := 1; ; n++ {
		name := wanted
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		taken, err := a.store.CredentialNameTaken(ctx, org, name)
		if err != nil || !taken {
			return name, err
		}
	}
}

// applyConnection carries out a change on v and checks what comes out.
func (a *App) applyConnection(ch ConnectionChange, v *belay.Connection) error {
	var p problems
	set(&v.Name, ch.Name)
	set(&v.Description, ch.Description)
	set(&v.Endpoint, ch.Endpoint)
	if ch.Config != nil {
		v.Config = ch.Config
	}
	set(&v.Labels, ch.Labels)
	set(&v.Credentials, ch.Credentials)
	set(&v.Policy.Interval, ch.Interval)
	set(&v.Policy.Timeout, ch.Timeout)
	set(&v.Maintenance, ch.Maintenance)
	v.Name = p.name(v.Name, maxConnectionName)
	p.text("/description", v.Description, maxConnectionDescription)
	p.text("/maintenance/reason", v.Maintenance.Reason, maxReason)
	p.labels(v.Labels)
	p.policy(v.Policy)
	v.Config = p.metadata("/metadata", v.Config)
	if err := a.applyKind(&p, ch, v); err != nil {
		return err
	}
	return p.err()
}

// applyKind checks what the kind has a say in.
func (a *App) applyKind(p *problems, ch ConnectionChange, v *belay.Connection) error {
	if ch.Kind != nil {
		if v.Kind != "" && *ch.Kind != v.Kind {
			p.add("/kind", "cannot be changed from %q; make a new connection", v.Kind)
			return nil
		}
		v.Kind = *ch.Kind
	}
	kind, ok := a.kinds[v.Kind]
	if !ok {
		p.add("/kind", "%q is not a kind; the kinds are %s", cutText(v.Kind), joined(slices.Sorted(maps.Keys(a.kinds))))
		return nil
	}
	d := kind.Definition()
	v.Type, v.SubType = d.Type, d.SubType
	if ch.Type != nil && *ch.Type != "" && *ch.Type != d.Type {
		p.add("/type", "of a %s connection is %q", d.Name, d.Type)
	}
	if ch.SubType != nil && *ch.SubType != "" && *ch.SubType != d.SubType {
		p.add("/subType", "of a %s connection is %q", d.Name, d.SubType)
	}
	endpoint, err := kind.CheckEndpoint(v.Endpoint)
	if err := p.also(err); err != nil {
		return err
	}
	v.Endpoint = endpoint
	p.purposes(d, v.Credentials)
	if v.Config == nil {
		return nil
	}
	return p.also(kind.CheckConfig(v.Config))
}

func (p *problems) policy(policy belay.CheckPolicy) {
	if policy.Interval < belay.MinCheckInterval || policy.Interval > belay.MaxCheckInterval {
		p.add("/check/intervalSeconds", "must be from %v to %v", belay.MinCheckInterval.Seconds(), belay.MaxCheckInterval.Seconds())
	}
	if policy.Timeout < belay.MinCheckTimeout || policy.Timeout > belay.MaxCheckTimeout {
		p.add("/check/timeoutSeconds", "must be from %v to %v", belay.MinCheckTimeout.Seconds(), belay.MaxCheckTimeout.Seconds())
	}
}

func (p *problems) purposes(d *belay.Kind, uses []belay.CredentialUse) {
	if len(uses) > maxCredentials {
		p.add("/credentials", "must be at most %d, are %d", maxCredentials, len(uses))
	}
	allowed := append([]belay.Purpose{belay.PurposePrimary, belay.PurposeFallback}, d.Purposes...)
	for i, u := range uses {
		switch pointer := "/credentials/" + itoa(i) + "/purpose"; {
		case !slices.Contains(allowed, u.Purpose):
			p.add(pointer, "%q is not a purpose of a %s connection", cutText(string(u.Purpose)), d.Name)
		case (u.Purpose == belay.PurposePrimary) != (i == 0):
			p.add(pointer, "must be primary for the first credential and for no other")
		}
	}
}

// UpdateConnection changes a connection. With a version other than 0 it does
// so only if that is still the connection's. A change of status follows the
// lifecycle; connected is reached by a test that passes.
func (a *App) UpdateConnection(ctx context.Context, org, id belay.ID, version int64, ch ConnectionChange) (*Connection, error) {
	wanted := belay.Status("")
	set(&wanted, ch.Status)
	if wanted == belay.StatusRegistered {
		if v, err := a.restoreConnection(ctx, org, id, version, ch); !isNotFound(err) {
			return v, err
		}
	}
	var c caller
	var saved *belay.Connection
	var own *slot
	defer func() { own.leave() }()
	known := ""
	err := optimistic(version, func() error {
		var view *Connection
		var err error
		if c, view, err = a.findConnection(ctx, org, id, belay.PermissionConnectionWrite); err != nil {
			return err
		}
		known = view.Identity
		if err := unchanged(version, view.Version); err != nil {
			return err
		}
		if own == nil {
			if own, err = a.slotFor(c, ch); err != nil {
				return err
			}
		}
		saved, err = a.updateConnection(ctx, c, view.Connection, ch, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	accepted := saved.Identity != "" && saved.Identity != known
	if accepted || wanted == belay.StatusConnected && saved.Status != belay.StatusConnected {
		if _, err := a.test(ctx, c, saved, belay.TriggerRegistration, own.handOver); err != nil {
			return nil, err
		}
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}

// updateConnection carries out a change of a connection that was seen in one
// version; when it has another by now, that is CodePreconditionFailed. What
// comes first, if anything, is done in the same transaction.
func (a *App) updateConnection(ctx context.Context, c caller, seen *belay.Connection, ch ConnectionChange,
	first func(context.Context, *store.Tx) error,
) (*belay.Connection, error) {
	var credential *sealed
	var err error
	if ch.accepted, err = a.accepted(ctx, c, seen, ch.Accept); err != nil {
		return nil, err
	}
	if ch.Secret != nil {
		if credential, err = a.replaceSecret(ctx, c, seen, &ch); err != nil {
			return nil, err
		}
	}
	next := *seen
	if err := a.changeConnection(c, &next, ch); err != nil {
		return nil, err
	}
	if err := a.mayAttach(ctx, c, seen, &next, credential); err != nil {
		return nil, err
	}
	var saved *belay.Connection
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if first != nil {
			if err := first(ctx, tx); err != nil {
				return err
			}
		}
		if credential != nil {
			if err := credential.save(ctx, tx); err != nil {
				return err
			}
		}
		saved, err = tx.UpdateConnection(ctx, c.org, seen.ID, a.now(), func(v *belay.Connection) error {
			if err := unchanged(seen.Version, v.Version); err != nil {
				return err
			}
			return a.changeConnection(c, v, ch)
		})
		return err
	})
	return saved, err
}

// accepted is the identity that is to be a connection's own in place of
// another one that is known, "" for none. It must be what the last test has
// found, so that nobody accepts what he has not seen; the test that follows
// shows, and records for whom, that it still answers.
func (a *App) accepted(ctx context.Context, c caller, v *belay.Connection, wanted *string) (string, error) {
	if wanted == nil || *wanted == v.Identity || v.Identity == "" {
		return "", nil
	}
	k, err := a.store.Check(ctx, c.org, v.Health.CheckID)
	if err != nil && !isNotFound(err) {
		return "", err
	}
	if err != nil || k.Cause != belay.CauseIdentityChanged || k.Identity != *wanted {
		return "", belay.Invalid("/identity", "is not what the last test has found; test the connection, then accept what that finds")
	}
	return *wanted, inScope(c.Principal, belay.PermissionConnectionUse)
}

// changeConnection applies a change and what follows from it.
func (a *App) changeConnection(c caller, v *belay.Connection, ch ConnectionChange) error {
	before := *v
	if err := a.applyConnection(ch, v); err != nil {
		return err
	}
	switch {
	case v.Endpoint != before.Endpoint || !bytes.Equal(v.Config, before.Config):
		v.Identity = "" // another target, until a check says otherwise
		v.Health = belay.Health{Status: belay.HealthUnchecked}
	case ch.accepted != "":
		v.Identity = ch.accepted
		v.Health = belay.Health{Status: belay.HealthUnchecked}
	}
	if ch.Status == nil || *ch.Status == v.Status {
		return nil
	}
	tr, err := v.Status.Transition(*ch.Status)
	if err != nil {
		return err
	}
	if tr.To == belay.StatusDeleted {
		return belay.Invalid("/status", "a connection is deleted by DELETE, not by its status")
	}
	if tr.NeedsCheck {
		return nil // the test that follows decides
	}
	v.Status = tr.To
	v.StatusReason, v.StatusChangedBy, v.StatusChangedAt = "", string(c.UserID), a.now()
	if tr.To != belay.StatusMaintenance {
		v.Maintenance = belay.Maintenance{}
	}
	return nil
}

// mayAttach asks whether the caller may let v use its credentials. He needs
// the right to use each one that is new to the connection; and of every one
// when the connection's endpoint or configuration changes, since a stored
// secret only ever goes where it was bound: a path, a certificate authority
// or what is looked for in an answer steer it, too.
func (a *App) mayAttach(ctx context.Context, c caller, before, v *belay.Connection, created *sealed) error {
	moved := before != nil && (before.Endpoint != v.Endpoint || !bytes.Equal(before.Config, v.Config) || before.Identity != v.Identity)
	kind := a.kinds[v.Kind].Definition()
	for i, u := range v.Credentials {
		if created != nil && created.ID == u.CredentialID {
			if err := accepts(kind, created.Credential); err != nil {
				return err
			}
			continue
		}
		if before != nil && !moved && slices.ContainsFunc(before.Credentials, func(b belay.CredentialUse) bool { return b.CredentialID == u.CredentialID }) {
			continue
		}
		_, credential, err := a.findCredential(ctx, c.org, u.CredentialID, belay.PermissionCredentialUse)
		if err != nil {
			return about("/credentials/"+itoa(i)+"/id", err)
		}
		if err := accepts(kind, credential.Credential); err != nil {
			return err
		}
	}
	return nil
}

// accepts tells whether a kind can do anything with a type of credential.
func accepts(kind *belay.Kind, c *belay.Credential) error {
	if slices.Contains(kind.CredentialTypes, c.Type) {
		return nil
	}
	return belay.Invalid("/credentials", "a %s connection takes credentials of type %s; %q is of type %s",
		kind.Name, joined(kind.CredentialTypes), c.Name, c.Type)
}

// DeleteConnection deletes a connection; its credentials stay. It can be
// restored until it is purged.
func (a *App) DeleteConnection(ctx context.Context, org, id belay.ID, version int64) error {
	c, _, err := a.findConnection(ctx, org, id, belay.PermissionConnectionWrite)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.Connection(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, v.Version); err != nil {
			return err
		}
		return tx.DeleteConnection(ctx, c.org, id, string(c.UserID), a.now())
	})
}

// Transitions returns the changes of status that a connection can make, a
// person's and a check's.
func (a *App) Transitions(ctx context.Context, org, id belay.ID) (belay.Status, []belay.Transition, error) {
	_, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	if err != nil {
		return "", nil, err
	}
	return v.Status, v.Status.Transitions(), nil
}

// Checks lists the checks of a connection, the newest first.
func (a *App) Checks(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*Check], error) {
	c, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	if err != nil {
		return belay.Page[*Check]{}, err
	}
	page, err := a.store.Checks(ctx, c.org, id, q)
	view := a.views(ctx, c)
	return mapPage(page, func(k *belay.Check) *Check { return view(v.Connection, k) }), err
}
