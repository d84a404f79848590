package store_test

import (
	"context"
	"fmt"
	"testing"

	"belay"
	"belay/store"
)

// seesAs is how a member with the usual roles sees connections.
func (w *world) seesAs(user belay.ID) store.Sight {
	return store.Sight{
		Viewer: belay.Viewer{OrganizationID: w.org, UserID: user}, Readers: belay.Roles(), Writers: []belay.Role{belay.RoleEditor, belay.RoleAdmin},
	}
}

// TestCredentialUsers counts who uses a credential: as an administrator sees
// it, as its owner, as a viewer, as an editor and as somebody who sees none.
func TestCredentialUsers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k := w.addCredential(w.org, "k")
		a, b, c := w.addConnection(w.org, "a", uses(k)), w.addConnection(w.org, "b", uses(k)), w.addConnection(w.org, "c", uses(k))
		gone := w.addConnection(w.org, "gone", uses(k))
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now())
		})
		stranger, viewer := w.addUser("stranger"), w.addUser("viewer")
		for _, user := range []belay.ID{stranger, viewer} {
			w.member(w.org, user, belay.OrganizationMember)
		}
		read, write := w.addWorkspace(w.org, "read"), w.addWorkspace(w.org, "write")
		e, f := w.addEnvironment(w.org, "e"), w.addEnvironment(w.org, "f")
		w.assign(e, a, b)
		w.assign(f, b)
		w.share(read, e)
		w.share(write, f)
		w.grant(read, w.max, belay.RoleViewer)
		w.grant(write, w.max, belay.RoleEditor)
		w.grant(read, viewer, belay.RoleOperator)
		name := func(v *belay.Connection) store.NameOf { return store.NameOf{ID: v.ID, Name: v.Name} }
		for who, test := range map[string]struct {
			as   store.Sight
			want store.CredentialUsers
		}{
			"everything": {store.Sight{Viewer: everything(w.org)}, store.CredentialUsers{Total: 3, Named: []store.NameOf{name(a), name(b)}}},
			"owner":      {w.seesAs(w.ann), store.CredentialUsers{Total: 3, Named: []store.NameOf{name(a), name(b)}}},
			"editor":     {w.seesAs(w.max), store.CredentialUsers{Total: 3, Hidden: 1, Foreign: 2, Named: []store.NameOf{name(a), name(b)}}},
			"viewer":     {w.seesAs(viewer), store.CredentialUsers{Total: 3, Hidden: 1, Foreign: 3, Named: []store.NameOf{name(a), name(b)}}},
			"stranger":   {w.seesAs(stranger), store.CredentialUsers{Total: 3, Hidden: 3, Foreign: 3}},
		} {
			t.Log(who)
			got, err := w.CredentialUsers(ctx, test.as, k.ID, 2)
			wantCode(t, err, "")
			wantEqual(t, got, test.want)
		}
		var n int
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = tx.DetachCredential(ctx, w.seesAs(w.max), k.ID, w.now())
			return err
		})
		wantEqual(t, n, 1)
		for _, v := range []*belay.Connection{a, b, c} {
			got, err := w.Connection(ctx, w.org, v.ID)
			wantCode(t, err, "")
			wantEqual(t, len(got.Credentials), map[bool]int{true: 0, false: 1}[v == b])
		}
	})
}

// TestDetachCredential takes a credential off as many connections as one
// transaction may, in as many statements as for one.
func TestDetachCredential(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k, second, third := w.addCredential(w.org, "k"), w.addCredential(w.org, "second"), w.addCredential(w.org, "third")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for i := range store.DetachLimit + 10 {
				c := w.connection(w.org, fmt.Sprint("c", i))
				uses(k, second, third)(c)
				if err := tx.CreateConnection(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		now := w.now()
		for _, want := range []int{store.DetachLimit, 10, 0} {
			w.write(func(ctx context.Context, tx *store.Tx) error {
				statements, err := store.AskedIn(tx, func(tx *store.Tx) error {
					n, err := tx.DetachCredential(ctx, store.Sight{Viewer: everything(w.org)}, k.ID, now)
					wantEqual(t, n, want)
					return err
				})
				if len(statements) > 4 {
					t.Errorf("%d connections take %d statements", want, len(statements))
				}
				return err
			})
		}
		page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{CredentialID: second.ID}, belay.Query{Size: 100, Page: 4})
		wantCode(t, err, "")
		wantEqual(t, page.Total, store.DetachLimit+10)
		left := []belay.CredentialUse{{CredentialID: second.ID, Purpose: belay.PurposePrimary}, {CredentialID: third.ID, Purpose: belay.PurposeFallback}}
		for _, c := range page.Items {
			wantEqual(t, c.Credentials, left)
			wantEqual(t, c.UpdatedAt, now)
			wantEqual(t, c.Version, int64(2))
		}
		rows := w.rows(t, "select credential_id, cast(position as text) as position, purpose, cast(count(*) as text) as n from connection_credentials group by credential_id, position, purpose order by position")
		n := store.DetachLimit + 10
		wantEqual(t, rows, []string{
			fmt.Sprintf("credential_id=%s position=1 purpose=primary n=%d", second.ID, n),
			fmt.Sprintf("credential_id=%s position=2 purpose=fallback n=%d", third.ID, n),
		})
	})
}
