package app_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/store"
)

// seedUsers stores n connections of the administrator that use a credential.
func (w *importWorld) seedUsers(credential belay.ID, n int) {
	w.t.Helper()
	owner := belay.PrincipalFrom(w.admin).UserID
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			c := &belay.Connection{
				ID: w.newID(), OrganizationID: w.org, OwnerID: owner, Name: fmt.Sprintf("c%05d", i), Kind: "kubernetes", Endpoint: here,
				Management: belay.Managed, Status: belay.StatusRegistered, Health: belay.Health{Status: belay.HealthUnchecked},
				Credentials: []belay.CredentialUse{{CredentialID: credential, Purpose: belay.PurposePrimary}},
				Version:     1, CreatedAt: w.now, UpdatedAt: w.now,
			}
			if err := tx.CreateConnection(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestDeleteMuchUsedCredential refuses to delete a credential of thousands of
// connections without touching one, and takes it off them in transactions of
// a bounded size, each with a time of its own, so that others write between.
func TestDeleteMuchUsedCredential(t *testing.T) {
	const n = 3000
	for engine, w := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			name, kind, token := "much used", belay.CredentialBearer, belay.SecretString("x")
			k, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &token}})
			w.must(err)
			w.seedUsers(k.ID, n)
			err = w.DeleteCredential(w.admin, w.org, k.ID, 0, false)
			if e, ok := err.(*belay.Error); !ok || e.Code != belay.CodeInUse || len(e.Fields) != 20 || e.Message != `"much used" is used by 3000 connections` { //nolint:errorlint // a bare one
				t.Fatalf("it is refused with %v", err)
			}
			w.must(w.DeleteCredential(w.admin, w.org, k.ID, k.Version, true))
			if _, err := w.Credential(w.admin, w.org, k.ID); belay.CodeOf(err) != belay.CodeNotFound {
				t.Errorf("the credential is still there: %v", err)
			}
			batches := map[time.Time]int{}
			for q := (belay.Query{Size: 100}); ; {
				page, err := w.Connections(w.admin, w.org, belay.ConnectionFilter{}, q)
				w.must(err)
				for _, c := range page.Items {
					if batches[c.UpdatedAt]++; len(c.Credentials) > 0 || c.Version != 2 {
						t.Fatalf("%s has version %d and %v", c.Name, c.Version, c.Credentials)
					}
				}
				if q.Cursor = page.NextCursor; q.Cursor == "" {
					break
				}
			}
			if len(batches) != n/store.DetachLimit {
				t.Errorf("it was taken off in %d transactions, want %d", len(batches), n/store.DetachLimit)
			}
		})
	}
}
