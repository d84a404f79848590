package store_test

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// world is a store with two organizations: org, of which ann is the owner and
// of which max is a member, and other, which belongs to eve.
type world struct {
	*store.Store
	t          testing.TB
	n          atomic.Int64
	org, other belay.ID
	ann, max   belay.ID
	eve        belay.ID
	domain     string // of the users' addresses, which no two local users share; "" for example.test
}

func newWorld(tb testing.TB, s *store.Store) *world {
	tb.Helper()
	w := &world{Store: s, t: tb}
	w.found()
	return w
}

// found makes the organizations and users.
func (w *world) found() {
	w.t.Helper()
	w.ann, w.max, w.eve = w.addUser("ann"), w.addUser("max"), w.addUser("eve")
	w.org, w.other = w.addOrganization("Org", w.ann), w.addOrganization("Other", w.eve)
	w.member(w.org, w.max, belay.OrganizationMember)
}

var ctx = context.Background()

// id returns a new id; later ones are greater.
func (w *world) id() belay.ID {
	return belay.ID(fmt.Sprintf("01900000-0000-7000-8000-%012x", w.n.Add(1)))
}

// now returns a new time; each is a second after the one before.
func (w *world) now() time.Time {
	return time.Date(2026, 1, 1, 0, 0, int(w.n.Add(1)), 123456000, time.UTC)
}

// write runs fn in a transaction that must succeed.
func (w *world) write(fn func(ctx context.Context, tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Write(ctx, fn); err != nil {
		w.t.Fatal(err)
	}
}

// try runs one method in a transaction and returns its error.
func (w *world) try(fn func(tx *store.Tx) error) error {
	return w.Write(ctx, func(_ context.Context, tx *store.Tx) error { return fn(tx) })
}

func (w *world) addUser(name string) belay.ID {
	w.t.Helper()
	id := w.id()
	u := &belay.User{ID: id, Provider: "local", Subject: string(id), Email: name + "@" + cmp.Or(w.domain, "example.test"), Version: 1, CreatedAt: w.now()}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, u) })
	return u.ID
}

func (w *world) addOrganization(name string, owner belay.ID) belay.ID {
	w.t.Helper()
	o := &belay.Organization{ID: w.id(), Name: name, OwnerID: owner, Version: 1, CreatedAt: w.now(), UpdatedAt: w.now()}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateOrganization(ctx, o) })
	w.member(o.ID, owner, belay.OrganizationOwner)
	return o.ID
}

func (w *world) member(org, user belay.ID, role belay.OrganizationRole) {
	w.t.Helper()
	m := belay.Membership{OrganizationID: org, UserID: user, Role: role}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.SetMembership(ctx, m, w.now()) })
}

// ownerOf returns who founded an organization.
func (w *world) ownerOf(org belay.ID) belay.ID {
	if org == w.other {
		return w.eve
	}
	return w.ann
}

func (w *world) workspace(org belay.ID, name string) *belay.Workspace {
	return &belay.Workspace{
		ID: w.id(), OrganizationID: org, OwnerID: w.ownerOf(org), Name: name, Description: "where people meet",
		Metadata: []byte(`{"color":"red"}`), Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
	}
}

func (w *world) addWorkspace(org belay.ID, name string) *belay.Workspace {
	w.t.Helper()
	v := w.workspace(org, name)
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateWorkspace(ctx, v) })
	return v
}

func (w *world) team(org belay.ID, name string) *belay.Team {
	return &belay.Team{
		ID: w.id(), OrganizationID: org, OwnerID: w.ownerOf(org), Name: name, Description: "who is on call", Metadata: []byte(`{"n":1}`),
		Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
	}
}

func (w *world) addTeam(org belay.ID, name string) *belay.Team {
	w.t.Helper()
	v := w.team(org, name)
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateTeam(ctx, v) })
	return v
}

func (w *world) environment(org belay.ID, name string) *belay.Environment {
	return &belay.Environment{
		ID: w.id(), OrganizationID: org, OwnerID: w.ownerOf(org), Name: name, Description: "a group of systems",
		Metadata: []byte(`{"tier":1}`), Version: 1, SetVersion: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
	}
}

func (w *world) addEnvironment(org belay.ID, name string) *belay.Environment {
	w.t.Helper()
	v := w.environment(org, name)
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateEnvironment(ctx, v) })
	return v
}

func (w *world) credential(org belay.ID, name string) (*belay.Credential, *belay.CredentialVersion) {
	c := &belay.Credential{
		ID: w.id(), OrganizationID: org, OwnerID: w.ownerOf(org), Name: name, Type: belay.CredentialBasic,
		Public: map[string]string{"username": "robot"}, Set: []string{"password"}, Fingerprint: "fp-" + name, Current: 1,
		ExpiresAt: w.now(), LastRotatedAt: w.now(), Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
	}
	return c, w.version(c, 1)
}

func (w *world) version(c *belay.Credential, number int) *belay.CredentialVersion {
	return &belay.CredentialVersion{
		CredentialID: c.ID, OrganizationID: c.OrganizationID, Number: number,
		Sealed: fmt.Appendf(nil, "sealed %s %d", c.ID, number), Fingerprint: c.Fingerprint, CreatedBy: c.OwnerID, CreatedAt: w.now(),
	}
}

func (w *world) addCredential(org belay.ID, name string) *belay.Credential {
	w.t.Helper()
	c, v := w.credential(org, name)
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateCredential(ctx, c, v) })
	return c
}

func (w *world) connection(org belay.ID, name string) *belay.Connection {
	return &belay.Connection{
		ID: w.id(), OrganizationID: org, OwnerID: w.ownerOf(org), Name: name, Description: "an external system",
		Kind: "prometheus", Type: "platform", SubType: "metrics", Endpoint: "https://metrics.example.test:9090/base",
		Config: []byte(`{"tls":{}}`), Management: belay.Unmanaged, Origin: belay.OriginManual,
		Status: belay.StatusRegistered, StatusReason: "created", StatusChangedBy: string(w.ann), StatusChangedAt: w.now(),
		Health: belay.Health{Status: belay.HealthUnchecked}, Policy: belay.CheckPolicy{Interval: time.Minute, Timeout: 5 * time.Second},
		Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
	}
}

// addConnection stores a connection as change makes it, if there is one.
func (w *world) addConnection(org belay.ID, name string, change ...func(*belay.Connection)) *belay.Connection {
	w.t.Helper()
	c := w.connection(org, name)
	for _, f := range change {
		f(c)
	}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, c) })
	return c
}

func uses(credentials ...*belay.Credential) func(*belay.Connection) {
	return func(c *belay.Connection) {
		for i, k := range credentials {
			purpose := belay.PurposePrimary
			if i > 0 {
				purpose = belay.PurposeFallback
			}
			c.Credentials = append(c.Credentials, belay.CredentialUse{CredentialID: k.ID, Purpose: purpose})
		}
	}
}
