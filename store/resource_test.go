package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"belay"
	"belay/store"
)

// item is what all named objects have in common.
type item struct {
	ID      belay.ID
	Name    string
	Version int64
}

// resource is one sort of named objects, by its methods.
type resource struct {
	name    string
	build   func(w *world, org belay.ID, name string) object
	find    func(r store.Reader, org, id belay.ID) (item, error)
	list    func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error)
	rename  func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error)
	remove  func(w *world, tx *store.Tx, org, id belay.ID) error
	restore func(w *world, tx *store.Tx, org, id belay.ID) (item, error)
}

// object is something that is not stored yet.
type object struct {
	id     belay.ID
	create func(tx *store.Tx) error
}

func (r resource) add(w *world, org belay.ID, name string) belay.ID {
	w.t.Helper()
	o := r.build(w, org, name)
	if err := w.try(o.create); err != nil {
		w.t.Fatalf("create %s %q: %v", r.name, name, err)
	}
	return o.id
}

func itemsOf[T any](page belay.Page[T], err error, of func(T) item) (belay.Page[item], error) {
	out := belay.Page[item]{Number: page.Number, Size: page.Size, Total: page.Total, NextCursor: page.NextCursor, TotalIsMinimum: page.TotalIsMinimum}
	for _, v := range page.Items {
		out.Items = append(out.Items, of(v))
	}
	return out, err
}

func itemOf[T any](v *T, err error, of func(*T) item) (item, error) {
	if err != nil {
		return item{}, err
	}
	return of(v), nil
}

func ofWorkspace(v *belay.Workspace) item     { return item{v.ID, v.Name, v.Version} }
func ofEnvironment(v *belay.Environment) item { return item{v.ID, v.Name, v.Version} }
func ofCredential(v *belay.Credential) item   { return item{v.ID, v.Name, v.Version} }
func ofTeam(v *belay.Team) item               { return item{v.ID, v.Name, v.Version} }
func ofConnection(v *belay.Connection) item   { return item{v.ID, v.Name, v.Version} }

var resources = []resource{
	{
		name: "workspace",
		build: func(w *world, org belay.ID, name string) object {
			v := w.workspace(org, name)
			return object{v.ID, func(tx *store.Tx) error { return tx.CreateWorkspace(ctx, v) }}
		},
		find: func(r store.Reader, org, id belay.ID) (item, error) {
			v, err := r.Workspace(ctx, org, id)
			return itemOf(v, err, ofWorkspace)
		},
		list: func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error) {
			page, err := r.Workspaces(ctx, v, belay.WorkspaceFilter{}, q)
			return itemsOf(page, err, ofWorkspace)
		},
		rename: func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error) {
			v, err := tx.UpdateWorkspace(ctx, org, id, w.now(), func(v *belay.Workspace) error { v.Name = name; return nil })
			return itemOf(v, err, ofWorkspace)
		},
		remove: func(w *world, tx *store.Tx, org, id belay.ID) error { return tx.DeleteWorkspace(ctx, org, id, w.now()) },
		restore: func(w *world, tx *store.Tx, org, id belay.ID) (item, error) {
			v, err := tx.RestoreWorkspace(ctx, org, id, w.now())
			return itemOf(v, err, ofWorkspace)
		},
	},
	{
		name: "environment",
		build: func(w *world, org belay.ID, name string) object {
			v := w.environment(org, name)
			return object{v.ID, func(tx *store.Tx) error { return tx.CreateEnvironment(ctx, v) }}
		},
		find: func(r store.Reader, org, id belay.ID) (item, error) {
			v, err := r.Environment(ctx, org, id)
			return itemOf(v, err, ofEnvironment)
		},
		list: func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error) {
			page, err := r.Environments(ctx, v, belay.EnvironmentFilter{}, q)
			return itemsOf(page, err, ofEnvironment)
		},
		rename: func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error) {
			v, err := tx.UpdateEnvironment(ctx, org, id, w.now(), func(v *belay.Environment) error { v.Name = name; return nil })
			return itemOf(v, err, ofEnvironment)
		},
		remove: func(w *world, tx *store.Tx, org, id belay.ID) error {
			return tx.DeleteEnvironment(ctx, org, id, w.now())
		},
		restore: func(w *world, tx *store.Tx, org, id belay.ID) (item, error) {
			v, err := tx.RestoreEnvironment(ctx, org, id, w.now())
			return itemOf(v, err, ofEnvironment)
		},
	},
	{
		name: "credential",
		build: func(w *world, org belay.ID, name string) object {
			c, v := w.credential(org, name)
			return object{c.ID, func(tx *store.Tx) error { return tx.CreateCredential(ctx, c, v) }}
		},
		find: func(r store.Reader, org, id belay.ID) (item, error) {
			v, err := r.Credential(ctx, org, id)
			return itemOf(v, err, ofCredential)
		},
		list: func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error) {
			page, err := r.Credentials(ctx, v, belay.CredentialFilter{}, q)
			return itemsOf(page, err, ofCredential)
		},
		rename: func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error) {
			v, err := tx.UpdateCredential(ctx, org, id, w.now(), func(v *belay.Credential) (*belay.CredentialVersion, error) {
				v.Name = name
				return nil, nil
			})
			return itemOf(v, err, ofCredential)
		},
		remove: func(w *world, tx *store.Tx, org, id belay.ID) error {
			return tx.DeleteCredential(ctx, org, id, w.now())
		},
		restore: func(w *world, tx *store.Tx, org, id belay.ID) (item, error) {
			v, err := tx.RestoreCredential(ctx, org, id, w.now())
			return itemOf(v, err, ofCredential)
		},
	},
	{
		name: "connection",
		build: func(w *world, org belay.ID, name string) object {
			v := w.connection(org, name)
			return object{v.ID, func(tx *store.Tx) error { return tx.CreateConnection(ctx, v) }}
		},
		find: func(r store.Reader, org, id belay.ID) (item, error) {
			v, err := r.Connection(ctx, org, id)
			return itemOf(v, err, ofConnection)
		},
		list: func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error) {
			page, err := r.Connections(ctx, v, belay.ConnectionFilter{}, q)
			return itemsOf(page, err, ofConnection)
		},
		rename: func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error) {
			v, err := tx.UpdateConnection(ctx, org, id, w.now(), func(v *belay.Connection) error { v.Name = name; return nil })
			return itemOf(v, err, ofConnection)
		},
		remove: func(w *world, tx *store.Tx, org, id belay.ID) error {
			return tx.DeleteConnection(ctx, org, id, string(w.ann), w.now())
		},
		restore: func(w *world, tx *store.Tx, org, id belay.ID) (item, error) {
			v, err := tx.RestoreConnection(ctx, org, id, string(w.ann), w.now())
			return itemOf(v, err, ofConnection)
		},
	},
	{
		name: "team",
		build: func(w *world, org belay.ID, name string) object {
			v := w.team(org, name)
			return object{v.ID, func(tx *store.Tx) error { return tx.CreateTeam(ctx, v) }}
		},
		find: func(r store.Reader, org, id belay.ID) (item, error) {
			v, err := r.Team(ctx, org, id)
			return itemOf(v, err, ofTeam)
		},
		list: func(r store.Reader, v belay.Viewer, q belay.Query) (belay.Page[item], error) {
			page, err := r.Teams(ctx, v, belay.TeamFilter{}, q)
			return itemsOf(page, err, ofTeam)
		},
		rename: func(w *world, tx *store.Tx, org, id belay.ID, name string) (item, error) {
			v, err := tx.UpdateTeam(ctx, org, id, w.now(), func(v *belay.Team) error { v.Name = name; return nil })
			return itemOf(v, err, ofTeam)
		},
		remove: func(w *world, tx *store.Tx, org, id belay.ID) error { return tx.DeleteTeam(ctx, org, id, w.now()) },
		restore: func(w *world, tx *store.Tx, org, id belay.ID) (item, error) {
			v, err := tx.RestoreTeam(ctx, org, id, w.now())
			return itemOf(v, err, ofTeam)
		},
	},
}

// eachResource runs a test for every sort of named objects, on either engine.
func eachResource(t *testing.T, test func(t *testing.T, w *world, r resource)) {
	t.Helper()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, r := range resources {
			t.Run(r.name, func(t *testing.T) { test(t, w.in(t), r) })
		}
	})
}

// in is the same world for a part of its test.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	v := &world{Store: w.Store, t: t, org: w.org, other: w.other, ann: w.ann, max: w.max, eve: w.eve}
	v.n.Store(w.n.Add(1_000_000))
	return v
}

// everything is a viewer that sees all of an organization.
func everything(org belay.ID) belay.Viewer { return belay.Viewer{OrganizationID: org, All: true} }

// wantCode checks that an error has a code, "" for none.
func wantCode(t *testing.T, err error, want belay.Code) {
	t.Helper()
	if got := belay.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		id := r.add(w, w.org, "Straße One")
		second := r.add(w, w.org, "Two")
		for _, name := range []string{"Straße One", "STRASSE ONE", "strasse one", "Stra\u00dfe One"} {
			wantCode(t, w.try(r.build(w, w.org, name).create), belay.CodeConflict)
			err := w.try(func(tx *store.Tx) error {
				_, err := r.rename(w, tx, w.org, second, name)
				return err
			})
			wantCode(t, err, belay.CodeConflict)
			var e *belay.Error
			if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Pointer != "/name" {
				t.Errorf("the error does not point at the name: %v", err)
			}
		}
		r.add(w, w.other, "Straße One") // another organization's names are free
		err := w.try(func(tx *store.Tx) error {
			got, err := r.rename(w, tx, w.org, id, "STRASSE one")
			wantEqual(t, got, item{id, "STRASSE one", 2})
			return err
		})
		wantCode(t, err, "")
		got, err := r.find(w.Reader, w.org, id)
		wantCode(t, err, "")
		wantEqual(t, got, item{id, "STRASSE one", 2})
	})
}

func TestSoftDelete(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		id := r.add(w, w.org, "victim")
		remove := func() error { return w.try(func(tx *store.Tx) error { return r.remove(w, tx, w.org, id) }) }
		restore := func() error {
			return w.try(func(tx *store.Tx) error { _, err := r.restore(w, tx, w.org, id); return err })
		}
		wantCode(t, restore(), belay.CodeNotFound)
		wantCode(t, remove(), "")
		wantCode(t, remove(), belay.CodeNotFound)
		_, err := r.find(w.Reader, w.org, id)
		wantCode(t, err, belay.CodeNotFound)
		err = w.try(func(tx *store.Tx) error { _, err := r.rename(w, tx, w.org, id, "ghost"); return err })
		wantCode(t, err, belay.CodeNotFound)
		for _, search := range []string{"", "victim"} {
			page, err := r.list(w.Reader, everything(w.org), belay.Query{Search: search})
			wantCode(t, err, "")
			wantEqual(t, page.Total, 0)
			wantEqual(t, len(page.Items), 0)
		}

		squatter := r.add(w, w.org, "Victim")
		wantCode(t, restore(), belay.CodeConflict)
		wantCode(t, w.try(func(tx *store.Tx) error { return r.remove(w, tx, w.org, squatter) }), "")
		wantCode(t, restore(), "")
		got, err := r.find(w.Reader, w.org, id)
		wantCode(t, err, "")
		wantEqual(t, got, item{id, "victim", 3})
		page, err := r.list(w.Reader, everything(w.org), belay.Query{Search: "vic"})
		wantCode(t, err, "")
		wantEqual(t, page.Items, []item{{id, "victim", 3}})
		wantEqual(t, page.Total, 1)
	})
}

// A change that fails leaves nothing behind.
func TestFailedChange(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		id, broken := r.add(w, w.org, "keep"), errors.New("broken")
		err := w.try(func(tx *store.Tx) error {
			if _, err := r.rename(w, tx, w.org, id, "lost"); err != nil {
				return err
			}
			if err := r.build(w, w.org, "also lost").create(tx); err != nil {
				return err
			}
			page, err := r.list(tx.Reader, everything(w.org), belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Total, 2) // it sees what it has written
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatalf("got %v, want the function's own error", err)
		}
		page, err := r.list(w.Reader, everything(w.org), belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Items, []item{{id, "keep", 1}})
		wantEqual(t, page.Total, 1)
	})
}
