package app

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"belay"
)

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

// applyConnection carries out a change on v and checks what comes out.
func (a *App) applyConnection(ch ConnectionChange, v *belay.Connection) error {
	var p problems
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
	p.rename(&v.Name, ch.Name, maxConnectionName)
	p.text("/description", v.Description, maxConnectionDescription)
	p.text("/maintenance/reason", v.Maintenance.Reason, maxReason)
	p.labels(v.Labels)
	p.policy(v.Policy)
	v.Config = p.metadata(v.Config)
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
	p.endpoint(endpoint)
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
		unchecked(v)
	case ch.accepted != "":
		v.Identity = ch.accepted
		unchecked(v)
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

// unchecked takes from a connection what its checks have said: it is not what
// was tested any more.
func unchecked(v *belay.Connection) {
	v.Health = belay.Health{Status: belay.HealthUnchecked}
	if v.Status == belay.StatusRegistered {
		v.StatusReason = "" // which was why a test failed
	}
}
