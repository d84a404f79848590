package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"belay"
	"belay/store"
)

// TestConnection tests a connection with its credential, stores the check
// and lets health and status follow from it. A test of the same connection
// that is under way is joined. The test goes on when the caller leaves, and when
// he loses the right to it, which is then his answer.
func (a *App) TestConnection(ctx context.Context, org, id belay.ID) (*Check, error) {
	c, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return nil, err
	}
	return a.test(ctx, c, v.Connection, belay.TriggerManual, a.slots.admit(c.UserID))
}

// StartTest starts a test of a connection, as TestConnection does, and does
// not wait for its end.
func (a *App) StartTest(ctx context.Context, org, id belay.ID) error {
	c, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return err
	}
	t, err := a.start(ctx, c, v.Connection, belay.TriggerManual, a.slots.admit(c.UserID))
	if err != nil {
		return err
	}
	a.unattended(ctx, t, id)
	return nil
}

// unattended sees to a test for whose end nobody waits: that it went wrong is
// then told by the log alone.
func (a *App) unattended(ctx context.Context, t *runningTest, id belay.ID) {
	ctx = context.WithoutCancel(ctx)
	if !a.running.enter(a.running.ctx) {
		return
	}
	go func() {
		defer a.running.tests.Done()
		<-t.done
		if t.err != nil && a.running.ctx.Err() == nil {
			a.log.ErrorContext(ctx, "a test that nobody waited for failed", "connection", id, "error", t.err)
		}
	}()
}

func (a *App) test(ctx context.Context, c caller, v *belay.Connection, trigger belay.Trigger, admit admission) (*Check, error) {
	t, err := a.start(ctx, c, v, trigger, admit)
	if err != nil {
		return nil, err
	}
	if err := attend(ctx, t.done, a.stillUses(c, v.ID)); err != nil {
		a.unattended(ctx, t, v.ID)
		return nil, err
	}
	if t.err != nil {
		return nil, t.err
	}
	return a.tested(ctx, c, v, t.check)
}

// start starts a test, or finds the one under way of the same connection as
// it is now, with the same secrets: one that began before a change says
// nothing about what is there since.
func (a *App) start(ctx context.Context, c caller, v *belay.Connection, trigger belay.Trigger, admit admission) (*runningTest, error) {
	materials, err := a.materials(ctx, v)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s version %d", v.ID, v.Version)
	for _, m := range materials {
		key += fmt.Sprintf(" with %s version %d", m.CredentialID, m.Version)
	}
	return a.running.join(key, admit, func(ctx context.Context) (*belay.Check, error) {
		k := a.run(ctx, c, v, trigger, materials)
		return k, a.record(ctx, v, k)
	})
}

// materials opens the credentials with which a connection authenticates, in
// their order.
func (a *App) materials(ctx context.Context, v *belay.Connection) ([]*belay.Material, error) {
	var out []*belay.Material
	for _, u := range v.Credentials {
		if !u.Purpose.Authenticates() {
			continue
		}
		m, err := a.material(ctx, v.OrganizationID, u.CredentialID)
		if err != nil {
			return nil, err
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out, nil
}

// run tests a connection with its credentials in their order: the next one
// is tried when the one before it is rejected.
func (a *App) run(ctx context.Context, c caller, v *belay.Connection, trigger belay.Trigger, materials []*belay.Material) *belay.Check {
	if len(materials) == 0 {
		return a.attempt(ctx, c, v, trigger, nil)
	}
	k, rest := a.attempt(ctx, c, v, trigger, materials[0]), materials[1:]
	var before []*belay.Check
	for ; len(rest) > 0 && !k.Health.Works() && k.Cause.Rejects(); rest = rest[1:] {
		before = append(before, k)
		k = a.attempt(ctx, c, v, trigger, rest[0])
	}
	k.Instead(before)
	return k
}

// material opens a credential; nil for one that was deleted. One whose
// secret cannot be read has no values: that spoils the test of what uses it,
// and of nothing else.
func (a *App) material(ctx context.Context, org, id belay.ID) (*belay.Material, error) {
	v, err := a.store.Credential(ctx, org, id)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := a.open(ctx, v)
	if errors.Is(err, errUnreadable) {
		a.log.ErrorContext(ctx, "a stored secret cannot be read", "credential", v.ID, "version", v.Current, "error", err)
		return &belay.Material{CredentialID: v.ID, Version: v.Current, Type: v.Type}, nil
	}
	return m, err
}

// attempt tests a connection with one credential, nil for none.
func (a *App) attempt(ctx context.Context, c caller, v *belay.Connection, trigger belay.Trigger, m *belay.Material) *belay.Check {
	ctx, cancel := context.WithTimeout(ctx, v.Policy.Timeout+testGrace)
	defer cancel()
	k := &belay.Check{
		ID: a.newID(), OrganizationID: v.OrganizationID, ConnectionID: v.ID, Trigger: trigger,
		StartedAt: a.now(), UserID: c.UserID,
	}
	if m != nil {
		k.CredentialID, k.CredentialVersion = m.CredentialID, m.Version
	}
	begin := a.clock()
	r := unreadable()
	if m == nil || m.Values != nil {
		r = a.drive(ctx, v.Kind, belay.Target{
			Endpoint: v.Endpoint, Config: v.Config, TLS: v.TLSConfig(), Credential: m, Timeout: v.Policy.Timeout, Identity: v.Identity,
		})
	}
	k.Duration = a.clock().Sub(begin)
	k.Health, k.Cause, k.Summary, k.Identity = r.Health, r.Cause, toldByTarget(r.Summary), knownIdentity(r.Identity)
	for _, s := range r.Stages {
		s.Detail = toldByTarget(s.Detail)
		k.Stages = append(k.Stages, s)
	}
	facts, err := json.Marshal(r.Facts)
	if err != nil || r.Facts == nil {
		facts = []byte("{}")
	}
	k.Facts = facts
	return k
}

// unreadable is the outcome where the stored secret cannot be read: nothing
// is sent then, not even a request without it.
func unreadable() belay.Report {
	return belay.Report{
		Health: belay.HealthUnknown, Cause: belay.CauseReferenceUnresolved,
		Summary: "the stored secret of the credential cannot be decrypted with this server's key; replace it",
	}
}

// drive lets the kind's driver test a target. A driver that panics has not
// checked anything, and takes nobody else with it.
func (a *App) drive(ctx context.Context, kind string, t belay.Target) (r belay.Report) {
	defer func() {
		if p := recover(); p != nil {
			a.log.ErrorContext(ctx, "panic in a test", "kind", kind, "panic", p, "stack", string(debug.Stack()))
			r = belay.Report{Health: belay.HealthUnknown, Cause: belay.CauseInternal, Summary: "the test went wrong in this server; its log has the details"}
		}
	}()
	return a.kinds[kind].Test(ctx, t)
}

// record stores a check and what follows from it, unless the connection was
// changed while the test ran: then the check speaks of what is no more, and
// is only kept.
func (a *App) record(ctx context.Context, tested *belay.Connection, k *belay.Check) error {
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		// First the credentials, then the connection, as those do who change
		// both: then none of them waits for the other.
		if err := tx.CredentialsUsed(ctx, k.OrganizationID, sentIDs(k), k.StartedAt); err != nil {
			return err
		}
		v, err := tx.Connection(ctx, k.OrganizationID, k.ConnectionID)
		gone := isNotFound(err)
		if err != nil && !gone {
			return err
		}
		if err := tx.CreateCheck(ctx, k); err != nil || gone || v.Version != tested.Version {
			return err
		}
		if replaced, err := replacedSince(ctx, tx, k); err != nil || replaced {
			return err
		}
		after := *v
		if err := a.follow(ctx, tx, &after, k); err != nil {
			return err
		}
		return tx.SaveHealth(ctx, v, &after)
	})
}

// used records the use of the credentials that a check, which is not stored,
// has sent to the target.
func (a *App) used(ctx context.Context, k *belay.Check) error {
	if len(sent(k)) == 0 {
		return nil
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.CredentialsUsed(ctx, k.OrganizationID, sentIDs(k), k.StartedAt)
	})
}

// sent are the credentials that a check has sent to the target.
func sent(k *belay.Check) []belay.Rejection {
	if k.CredentialID == "" || k.Cause == belay.CauseReferenceUnresolved {
		return k.Rejected
	}
	return append([]belay.Rejection{{CredentialID: k.CredentialID, CredentialVersion: k.CredentialVersion}}, k.Rejected...)
}

func sentIDs(k *belay.Check) []belay.ID {
	return idsOf(sent(k), func(r belay.Rejection) belay.ID { return r.CredentialID })
}

// replacedSince tells whether a credential that a check was made with has
// another secret by now, or is gone.
func replacedSince(ctx context.Context, tx *store.Tx, k *belay.Check) (bool, error) {
	for _, u := range sent(k) {
		v, err := tx.Credential(ctx, k.OrganizationID, u.CredentialID)
		if isNotFound(err) {
			return true, nil
		}
		if err != nil || v.Current != u.CredentialVersion {
			return err == nil, err
		}
	}
	return false, nil
}

// follow lets health, status and identity of a connection follow from a
// check.
func (a *App) follow(ctx context.Context, tx *store.Tx, v *belay.Connection, k *belay.Check) error {
	v.Health = v.Health.Next(k)
	status := v.Status.AfterCheck(k.Health, k.Trigger)
	if status == belay.StatusRegistered && k.Health == belay.HealthUnhealthy {
		v.StatusReason = k.Summary // why it is not connected yet
	}
	if v.Status == belay.StatusMaintenance && k.Trigger == belay.TriggerRegistration {
		// Somebody wished it connected: that ends the maintenance if it works.
		if k.Health.Works() {
			status, v.Maintenance = belay.StatusConnected, belay.Maintenance{}
		} else {
			v.StatusReason = k.Summary
		}
	}
	if status != v.Status {
		v.Status, v.StatusReason, v.StatusChangedBy, v.StatusChangedAt = status, k.Summary, "check", a.now()
	}
	if k.Identity == "" || v.Identity != "" {
		return nil // who answers now is not who was known: the check says so
	}
	other, err := tx.ConnectionByIdentity(ctx, v.OrganizationID, k.Identity)
	if err != nil {
		return err
	}
	if other == nil {
		v.Identity = k.Identity
	}
	return nil
}
