package app_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/e2e/peers"
	"belay/store"
)

// newPostgresWorld is an App on PostgreSQL, and its database.
func newPostgresWorld(t *testing.T) (*importWorld, *sql.DB) {
	t.Helper()
	pg, err := peers.SharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	url := pg.Database(t)
	w := newImportWorldOn(t, url)
	db, err := sql.Open("pgx", url)
	w.must(err)
	t.Cleanup(func() { w.must(db.Close()) })
	return w, db
}

// hold locks a row until it is let go.
func (w *importWorld) hold(db *sql.DB, table string, id belay.ID) (release func()) {
	w.t.Helper()
	tx, err := db.BeginTx(w.t.Context(), nil)
	w.must(err)
	_, err = tx.ExecContext(w.t.Context(), "select 1 from "+table+" where id = $1 for update", id)
	w.must(err)
	return func() { _ = tx.Rollback() }
}

// awaitWaiting waits until somebody waits for a row.
func (w *importWorld) awaitWaiting(db *sql.DB) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for waiting := 0; waiting == 0; {
		w.must(db.QueryRowContext(ctx, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&waiting))
	}
}

// TestAttachBeginsWithTheCredential attaches a credential to a connection that
// somebody else has locked: it has locked the credential by then, as who
// detaches one has. In another order either would wait for the other.
func TestAttachBeginsWithTheCredential(t *testing.T) {
	w, db := newPostgresWorld(t)
	w.uids[here] = "one"
	name, kind, text, registered := "key", belay.CredentialKubernetes, belay.SecretString("x"), belay.StatusRegistered
	k, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
	w.must(err)
	uses := &[]belay.CredentialUse{{CredentialID: k.ID, Purpose: belay.PurposePrimary}}
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: plugin}), app.ContextImport{Name: "a", WithoutCredential: true}).Connection
	for _, way := range []struct {
		name          string
		before, carry func() error
	}{
		{"a change", func() error { return nil }, func() error {
			_, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: uses})
			return err
		}},
		{"a restoration", func() error { return w.DeleteConnection(w.admin, w.org, v.ID, 0) }, func() error {
			_, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Status: &registered, Credentials: uses})
			return err
		}},
		{"an import", func() error { return nil }, func() error {
			_, err := w.ImportKubeconfig(w.admin, w.org, file(kubeContext{name: "a", server: here, user: token("x")}), app.KubeconfigImport{})
			return err
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			_, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: &[]belay.CredentialUse{}})
			w.must(err)
			w.must(way.before())
			release := w.hold(db, "connections", v.ID)
			defer release()
			done := make(chan error, 1)
			go func() { done <- way.carry() }()
			w.awaitWaiting(db)
			if _, err := db.ExecContext(t.Context(), "select 1 from credentials where id = $1 for update nowait", k.ID); err == nil {
				t.Error("the credential is free while the connection is waited for")
			}
			release()
			w.must(<-done)
			got, err := w.Connection(w.admin, w.org, v.ID)
			w.must(err)
			if len(got.Credentials) != 1 || got.Credentials[0].CredentialID != k.ID {
				t.Errorf("it uses %v", got.Credentials)
			}
		})
	}
}

// TestDetachWaitsForNoOtherCredential deletes one of two credentials of a
// connection while the other one is being deleted.
func TestDetachWaitsForNoOtherCredential(t *testing.T) {
	w, db := newPostgresWorld(t)
	var uses []belay.CredentialUse
	for i, name := range []string{"first", "second", "third"} {
		kind, text := belay.CredentialKubernetes, belay.SecretString(name)
		k, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
		w.must(err)
		uses = append(uses, belay.CredentialUse{CredentialID: k.ID, Purpose: []belay.Purpose{belay.PurposePrimary, belay.PurposeFallback}[min(i, 1)]})
	}
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: plugin}), app.ContextImport{Name: "a", WithoutCredential: true}).Connection
	_, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: &uses})
	w.must(err)
	release := w.hold(db, "credentials", uses[1].CredentialID)
	defer release()
	ctx, cancel := context.WithTimeout(w.admin, 30*time.Second)
	defer cancel()
	w.must(w.DeleteCredential(ctx, w.org, uses[0].CredentialID, 0, true))
	release()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		left, err := tx.Connection(ctx, w.org, v.ID)
		if err == nil && (len(left.Credentials) != 2 || left.Credentials[0] != (belay.CredentialUse{CredentialID: uses[1].CredentialID, Purpose: belay.PurposePrimary})) {
			t.Errorf("it uses %v", left.Credentials)
		}
		return err
	})
}
