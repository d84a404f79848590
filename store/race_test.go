package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// A credential is attached while somebody else, who finds it unused, deletes
// it: one of the two is refused.
func TestAttachingRacesWithDeletion(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		attached, deleted := 0, 0
		for i := range 150 {
			k, c := w.addCredential(w.org, fmt.Sprint("key ", i)), w.connection(w.org, fmt.Sprint("user ", i))
			uses(k)(c)
			errs := together(2, func(side int) error {
				return w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					if side == 0 {
						return tx.CreateConnection(ctx, c)
					}
					return deleteUnused(ctx, tx, w.org, k.ID)
				})
			})
			switch {
			case errs[0] == nil && belay.CodeOf(errs[1]) == belay.CodeInUse:
				attached++
			case errs[1] == nil && belay.CodeOf(errs[0]) == belay.CodeNotFound:
				deleted++
			default:
				t.Fatalf("round %d: attach %v, delete %v", i, errs[0], errs[1])
			}
		}
		t.Logf("attached %d times, deleted %d times", attached, deleted)
	})
}

// deleteUnused deletes a credential unless a connection uses it.
func deleteUnused(ctx context.Context, tx *store.Tx, org, id belay.ID) error {
	if _, err := tx.CredentialToDelete(ctx, org, id); err != nil {
		return err
	}
	users, err := tx.Connections(ctx, everything(org), belay.ConnectionFilter{CredentialID: id}, belay.Query{})
	if err != nil {
		return err
	}
	if len(users.Items) > 0 {
		return belay.Errorf(belay.CodeInUse, "it is used")
	}
	return tx.DeleteCredential(ctx, org, id, time.Unix(1, 0))
}

// pair is two objects and how they are put together, and how either goes.
type pair struct {
	name        string
	assign      func(ctx context.Context, tx *store.Tx) error
	left, right func(ctx context.Context, tx *store.Tx) error
}

func (w *world) pairs(round string) []pair {
	e, v, k, c := w.addEnvironment(w.org, "e"+round), w.addWorkspace(w.org, "v"+round), w.addCredential(w.org, "k"+round), w.addConnection(w.org, "c"+round)
	of := func(left, right belay.ID) belay.Assignment {
		return belay.Assignment{ID: w.id(), LeftID: left, RightID: right, CreatedAt: w.now()}
	}
	m, u := w.addTeam(w.org, "m"+round), w.addUser("u"+round)
	w.member(w.org, u, belay.OrganizationMember)
	deleteM := func(ctx context.Context, tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, m.ID, w.now()) }
	removeU := func(ctx context.Context, tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, u) }
	grant := func(g belay.Grant) func(ctx context.Context, tx *store.Tx) error {
		g.ID, g.WorkspaceID, g.Role, g.CreatedAt = w.id(), v.ID, belay.RoleViewer, w.now()
		return func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.SetGrant(ctx, w.org, g)
			return err
		}
	}
	deleteE := func(ctx context.Context, tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, e.ID, w.now()) }
	deleteV := func(ctx context.Context, tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, v.ID, w.now()) }
	return []pair{
		{
			"a connection to an environment",
			func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AssignConnection(ctx, w.org, of(e.ID, c.ID))
				return err
			},
			deleteE,
			func(ctx context.Context, tx *store.Tx) error {
				return tx.DeleteConnection(ctx, w.org, c.ID, "", w.now())
			},
		},
		{
			"an environment to a workspace",
			func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AssignEnvironment(ctx, w.org, of(v.ID, e.ID))
				return err
			},
			deleteV, deleteE,
		},
		{
			"a credential to a workspace",
			func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AssignCredential(ctx, w.org, of(v.ID, k.ID))
				return err
			},
			deleteV,
			func(ctx context.Context, tx *store.Tx) error {
				return tx.DeleteCredential(ctx, w.org, k.ID, w.now())
			},
		},
		{"a user to a workspace", grant(belay.Grant{UserID: u}), deleteV, removeU},
		{"a team to a workspace", grant(belay.Grant{TeamID: m.ID}), deleteV, deleteM},
		{
			"a user to a team",
			func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AddTeamUser(ctx, w.org, of(m.ID, u), "")
				return err
			},
			deleteM, removeU,
		},
	}
}

// What is assigned while either end is being deleted waits for that, and is
// refused then.
func TestAssigningWaitsForDeletion(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	for i := range w.pairs("") {
		for side := range 2 {
			p := w.pairs(fmt.Sprint(i, side))[i]
			remove := []func(context.Context, *store.Tx) error{p.left, p.right}[side]
			t.Run(fmt.Sprint(p.name, ", end ", side), func(t *testing.T) {
				assigned := make(chan error, 1)
				w.write(func(ctx context.Context, tx *store.Tx) error {
					if err := remove(ctx, tx); err != nil {
						return err
					}
					go func() { assigned <- w.Write(context.Background(), p.assign) }()
					w.awaitLock(t, assigned)
					return nil
				})
				wantCode(t, <-assigned, belay.CodeNotFound)
			})
		}
	}
}

// A member who is removed while somebody gives him a place loses that too.
func TestRemovingWaitsForAssigning(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	for i := range w.pairs("") {
		p := w.pairs(fmt.Sprint(i))[i]
		if !strings.HasPrefix(p.name, "a user") {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			removed := make(chan error, 1)
			w.write(func(ctx context.Context, tx *store.Tx) error {
				if err := p.assign(ctx, tx); err != nil {
					return err
				}
				go func() { removed <- w.Write(context.Background(), p.right) }()
				w.awaitLock(t, removed)
				return nil
			})
			wantCode(t, <-removed, "")
			for _, table := range []string{"workspace_users", "team_users"} {
				wantEqual(t, len(w.rows(t, "select user_id from "+table)), 0)
			}
		})
	}
}

// awaitLock returns when a transaction waits for another, or one has ended.
func (w *world) awaitLock(t *testing.T, ended chan error) {
	t.Helper()
	for {
		var n int
		err := w.QueryRow("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 || len(ended) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Many assign to the same few objects at once, while those are changed:
// nobody is refused for having waited for somebody else.
func TestAssigningManyAtOnce(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const n = 8
		environments, connections := make([]*belay.Environment, 2), make([]*belay.Connection, n)
		for i := range environments {
			environments[i] = w.addEnvironment(w.org, fmt.Sprint("e", i))
		}
		for i := range connections {
			connections[i] = w.addConnection(w.org, fmt.Sprint("c", i))
		}
		wantAll(t, together(4*n, func(i int) error {
			e, c := environments[i%2], connections[i%n]
			return w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AssignConnection(ctx, w.org, belay.Assignment{ID: w.id(), LeftID: e.ID, RightID: c.ID, CreatedAt: w.now()})
				if err != nil || i%3 > 0 {
					return err
				}
				_, err = tx.UpdateEnvironment(ctx, w.org, e.ID, w.now(), func(e *belay.Environment) error { e.Description = fmt.Sprint(i); return nil })
				return err
			})
		}), "")
	})
}
