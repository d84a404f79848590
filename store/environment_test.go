package store_test

import (
	"context"
	"errors"
	"testing"

	"belay"
	"belay/store"
)

func TestEnvironmentRoundTrip(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := w.addEnvironment(w.org, "Prod")
		got, err := w.Environment(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)

		now := w.now()
		next := w.environment(w.other, "Dev")
		next.OwnerID, next.Metadata, next.Description = w.max, []byte(`{"b":[]}`), "changed"
		var saved *belay.Environment
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			saved, err = tx.UpdateEnvironment(ctx, w.org, want.ID, now, func(e *belay.Environment) error {
				wantEqual(t, e, want)
				*e = *next
				return nil
			})
			return err
		})
		next.ID, next.OrganizationID, next.CreatedAt = want.ID, want.OrganizationID, want.CreatedAt
		next.Version, next.UpdatedAt = 2, now
		wantEqual(t, saved, next)
		got, err = w.Environment(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, next)
	})
}

func TestWorkspaceRoundTrip(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := w.workspace(w.org, "Platform")
		want.Metadata = nil
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateWorkspace(ctx, want) }), "")
		want.Metadata = []byte("{}")
		got, err := w.Workspace(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)

		now := w.now()
		next := w.workspace(w.other, "Apps")
		next.OwnerID, next.Description = w.max, "changed"
		var saved *belay.Workspace
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			saved, err = tx.UpdateWorkspace(ctx, w.org, want.ID, now, func(v *belay.Workspace) error {
				wantEqual(t, v, want)
				*v = *next
				return nil
			})
			return err
		})
		next.ID, next.OrganizationID, next.CreatedAt = want.ID, want.OrganizationID, want.CreatedAt
		next.Version, next.UpdatedAt = 2, now
		wantEqual(t, saved, next)
		got, err = w.Workspace(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, next)
	})
}

// The error of a change function comes back as it is, and nothing is saved.
func TestChangeRefuses(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		refused := errors.New("refused")
		e, v, m := w.addEnvironment(w.org, "e"), w.addWorkspace(w.org, "w"), w.addTeam(w.org, "m")
		k, c := w.addCredential(w.org, "k"), w.addConnection(w.org, "c")
		for name, update := range map[string]func(tx *store.Tx) error{
			"environment": func(tx *store.Tx) error {
				_, err := tx.UpdateEnvironment(ctx, w.org, e.ID, w.now(), func(*belay.Environment) error { return refused })
				return err
			},
			"workspace": func(tx *store.Tx) error {
				_, err := tx.UpdateWorkspace(ctx, w.org, v.ID, w.now(), func(*belay.Workspace) error { return refused })
				return err
			},
			"team": func(tx *store.Tx) error {
				_, err := tx.UpdateTeam(ctx, w.org, m.ID, w.now(), func(*belay.Team) error { return refused })
				return err
			},
			"credential": func(tx *store.Tx) error {
				_, err := tx.UpdateCredential(ctx, w.org, k.ID, w.now(), func(*belay.Credential) (*belay.CredentialVersion, error) { return nil, refused })
				return err
			},
			"connection": func(tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(*belay.Connection) error { return refused })
				return err
			},
		} {
			if err := w.try(update); !errors.Is(err, refused) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		for _, r := range resources {
			page, err := r.list(w.Reader, everything(w.org), belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Items[0].Version, int64(1))
		}
	})
}

func TestEnvironmentsOf(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		prod, dev, gone := w.addEnvironment(w.org, "prod"), w.addEnvironment(w.org, "Dev"), w.addEnvironment(w.org, "gone")
		github, metrics := w.addConnection(w.org, "github"), w.addConnection(w.org, "metrics")
		w.assign(prod, github, metrics)
		w.assign(dev, github)
		w.assign(gone, github)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now()) }), "")
		names := func(org belay.ID) map[belay.ID][]string {
			got, err := w.EnvironmentsOf(ctx, org, github.ID, metrics.ID)
			wantCode(t, err, "")
			out := map[belay.ID][]string{}
			for id, environments := range got {
				for _, e := range environments {
					out[id] = append(out[id], e.Name)
				}
			}
			return out
		}
		wantEqual(t, names(w.org), map[belay.ID][]string{github.ID: {"Dev", "prod"}, metrics.ID: {"prod"}})
		wantEqual(t, names(w.other), map[belay.ID][]string{})
		got, err := w.EnvironmentsOf(ctx, w.org)
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
	})
}

func TestEnvironmentsThrough(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, other := w.addWorkspace(w.org, "payments"), w.addWorkspace(w.org, "other")
		b, a, gone, elsewhere := w.addEnvironment(w.org, "b"), w.addEnvironment(w.org, "A"), w.addEnvironment(w.org, "gone"), w.addEnvironment(w.org, "elsewhere")
		c, d := w.addConnection(w.org, "c"), w.addConnection(w.org, "d")
		for _, e := range []*belay.Environment{a, b, gone} {
			w.assign(e, c)
			w.share(v, e)
		}
		w.assign(elsewhere, d)
		w.share(other, elsewhere)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now()) }), "")
		got, err := w.EnvironmentsThrough(ctx, w.org, v.ID, c.ID, d.ID)
		wantCode(t, err, "")
		var names []string
		for _, e := range got[c.ID] {
			names = append(names, e.Name)
		}
		wantEqual(t, names, []string{"A", "b"})
		wantEqual(t, len(got[d.ID]), 0)
	})
}
