package store_test

import (
	"context"
	"slices"
	"testing"

	"belay"
	"belay/store"
)

func (w *world) pair(left, right belay.ID) belay.Assignment {
	return belay.Assignment{ID: w.id(), LeftID: left, RightID: right, CreatedAt: w.now()}
}

// assign puts connections into an environment.
func (w *world) assign(e *belay.Environment, connections ...*belay.Connection) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for _, c := range connections {
			if _, err := tx.AssignConnection(ctx, e.OrganizationID, w.pair(e.ID, c.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// share assigns environments to a workspace.
func (w *world) share(v *belay.Workspace, environments ...*belay.Environment) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for _, e := range environments {
			if _, err := tx.AssignEnvironment(ctx, v.OrganizationID, w.pair(v.ID, e.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// entrust assigns a credential to a workspace.
func (w *world) entrust(v *belay.Workspace, k *belay.Credential) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.AssignCredential(ctx, v.OrganizationID, w.pair(v.ID, k.ID))
		return err
	})
}

func (w *world) grant(v *belay.Workspace, user belay.ID, role belay.Role) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetGrant(ctx, v.OrganizationID, belay.Grant{ID: w.id(), WorkspaceID: v.ID, UserID: user, Role: role, CreatedAt: w.now()})
		return err
	})
}

func (w *world) grantTeam(v *belay.Workspace, m *belay.Team, role belay.Role) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetGrant(ctx, v.OrganizationID, belay.Grant{ID: w.id(), WorkspaceID: v.ID, TeamID: m.ID, Role: role, CreatedAt: w.now()})
		return err
	})
}

func (w *world) join(m *belay.Team, users ...belay.ID) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for _, user := range users {
			if _, err := tx.AddTeamUser(ctx, m.OrganizationID, w.pair(m.ID, user), ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestAssignConnection(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		e, c, d := w.addEnvironment(w.org, "prod"), w.addConnection(w.org, "c"), w.addConnection(w.org, "d")
		change := func(want bool, f func(tx *store.Tx) (bool, error)) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error {
				changed, err := f(tx)
				wantEqual(t, changed, want)
				return err
			}), "")
		}
		assign := func(id belay.ID) func(tx *store.Tx) (bool, error) {
			return func(tx *store.Tx) (bool, error) { return tx.AssignConnection(ctx, w.org, w.pair(e.ID, id)) }
		}
		unassign := func(id belay.ID) func(tx *store.Tx) (bool, error) {
			return func(tx *store.Tx) (bool, error) { return tx.UnassignConnection(ctx, w.org, e.ID, id) }
		}
		state := func(version int64, want ...belay.ID) {
			t.Helper()
			got, err := w.AssignedConnections(ctx, w.org, e.ID)
			wantCode(t, err, "")
			slices.Sort(want)
			wantEqual(t, got, want)
			for _, id := range []belay.ID{c.ID, d.ID} {
				held, err := w.HoldsConnection(ctx, w.org, e.ID, id)
				wantCode(t, err, "")
				wantEqual(t, held, slices.Contains(want, id))
			}
			now, err := w.Environment(ctx, w.org, e.ID)
			wantCode(t, err, "")
			wantEqual(t, now.SetVersion, version)
			wantEqual(t, now.Version, int64(1))
		}
		change(true, assign(c.ID))
		state(2, c.ID)
		change(false, assign(c.ID))
		state(2, c.ID)
		change(true, assign(d.ID))
		state(3, c.ID, d.ID)
		change(true, unassign(c.ID))
		change(false, unassign(c.ID))
		state(4, d.ID)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, d.ID, "", w.now()) }), "")
		state(4)
	})
}

func TestAssignToWorkspace(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, e, k := w.addWorkspace(w.org, "team"), w.addEnvironment(w.org, "prod"), w.addCredential(w.org, "key")
		for name, rel := range map[string]struct {
			right    belay.ID
			assign   func(tx *store.Tx, a belay.Assignment) (belay.Assignment, error)
			unassign func(tx *store.Tx) (bool, error)
		}{
			"environment": {
				e.ID,
				func(tx *store.Tx, a belay.Assignment) (belay.Assignment, error) {
					return tx.AssignEnvironment(ctx, w.org, a)
				},
				func(tx *store.Tx) (bool, error) { return tx.UnassignEnvironment(ctx, w.org, v.ID, e.ID) },
			},
			"credential": {
				k.ID,
				func(tx *store.Tx, a belay.Assignment) (belay.Assignment, error) {
					return tx.AssignCredential(ctx, w.org, a)
				},
				func(tx *store.Tx) (bool, error) { return tx.UnassignCredential(ctx, w.org, v.ID, k.ID) },
			},
		} {
			t.Run(name, func(t *testing.T) {
				first := w.pair(v.ID, rel.right)
				for _, a := range []belay.Assignment{first, w.pair(v.ID, rel.right)} {
					w.write(func(_ context.Context, tx *store.Tx) error {
						got, err := rel.assign(tx, a)
						wantEqual(t, got, first) // the old one when there is one
						return err
					})
				}
				for _, want := range []bool{true, false} {
					w.write(func(_ context.Context, tx *store.Tx) error {
						changed, err := rel.unassign(tx)
						wantEqual(t, changed, want)
						return err
					})
				}
			})
		}
	})
}

// Both ends must be there, live and of the organization, whether or not they
// are assigned already.
func TestAssignMissing(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		e, c := w.addEnvironment(w.org, "prod"), w.addConnection(w.org, "c")
		gone, lost := w.addEnvironment(w.org, "gone"), w.addConnection(w.org, "lost")
		w.assign(e, lost)
		w.assign(gone, c)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now()) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, lost.ID, "", w.now()) }), "")
		environment, connection := belay.NotFound("environment").Error(), belay.NotFound("connection").Error()
		for name, test := range map[string]struct {
			left, right belay.ID
			want        string
		}{
			"no environment":                    {w.id(), c.ID, environment},
			"no connection":                     {e.ID, w.id(), connection},
			"deleted environment":               {gone.ID, c.ID, environment},
			"deleted connection":                {e.ID, lost.ID, connection},
			"another sort of thing":             {c.ID, e.ID, environment},
			"foreign environment":               {w.addEnvironment(w.other, "x").ID, c.ID, environment},
			"foreign connection":                {e.ID, w.addConnection(w.other, "x").ID, connection},
			"nothing at all":                    {"", "", environment},
			"an identifier that is none at all": {"'; drop table environments; --", c.ID, environment},
		} {
			err := w.try(func(tx *store.Tx) error {
				_, err := tx.AssignConnection(ctx, w.org, w.pair(test.left, test.right))
				return err
			})
			if err == nil || err.Error() != test.want {
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		}
	})
}

// What is deleted keeps its assignments, for when it is restored.
func TestUnassignFromWhatIsDeleted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, e := w.addWorkspace(w.org, "team"), w.addEnvironment(w.org, "prod")
		c, k := w.addConnection(w.org, "c"), w.addCredential(w.org, "k")
		w.assign(e, c)
		w.share(v, e)
		w.entrust(v, k)
		unassign := map[string]func(tx *store.Tx) (bool, error){
			"connection":  func(tx *store.Tx) (bool, error) { return tx.UnassignConnection(ctx, w.org, e.ID, c.ID) },
			"environment": func(tx *store.Tx) (bool, error) { return tx.UnassignEnvironment(ctx, w.org, v.ID, e.ID) },
			"credential":  func(tx *store.Tx) (bool, error) { return tx.UnassignCredential(ctx, w.org, v.ID, k.ID) },
		}
		each := func(want bool) {
			t.Helper()
			for name, fn := range unassign {
				w.write(func(_ context.Context, tx *store.Tx) error {
					if changed, err := fn(tx); err != nil || changed != want {
						t.Errorf("%s: changed %t, %v; want %t", name, changed, err, want)
					}
					return nil
				})
			}
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, e.ID, w.now()) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, v.ID, w.now()) }), "")
		each(false)
		wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.RestoreEnvironment(ctx, w.org, e.ID, w.now()); return err }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.RestoreWorkspace(ctx, w.org, v.ID, w.now()); return err }), "")
		each(true)
	})
}
