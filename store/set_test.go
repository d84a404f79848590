package store_test

import (
	"context"
	"fmt"
	"testing"

	"belay"
	"belay/store"
)

// TestChangeSet replaces thousands of an environment's connections in a few
// statements and as one change of the set, or not at all.
func TestChangeSet(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const n = 2500
		e, gone, theirs := w.addEnvironment(w.org, "e"), w.addConnection(w.org, "gone"), w.addConnection(w.other, "theirs")
		var put []belay.Assignment
		var ids []belay.ID
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for i := range n {
				c := w.connection(w.org, fmt.Sprint("c", i))
				put, ids = append(put, w.pair(e.ID, c.ID)), append(ids, c.ID)
				if err := tx.CreateConnection(ctx, c); err != nil {
					return err
				}
			}
			return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now())
		})
		change := func(put []belay.Assignment, take []belay.ID, version int64, held int) {
			t.Helper()
			w.write(func(ctx context.Context, tx *store.Tx) error {
				statements, err := store.AskedIn(tx, func(tx *store.Tx) error {
					_, err := tx.ChangeSet(ctx, w.org, e.ID, put, take)
					return err
				})
				if len(statements) > 12 {
					t.Errorf("%d and %d connections take %d statements", len(put), len(take), len(statements))
				}
				return err
			})
			got, err := w.Environment(ctx, w.org, e.ID)
			wantCode(t, err, "")
			wantEqual(t, got.SetVersion, version)
			have, err := w.AssignedConnections(ctx, w.org, e.ID)
			wantCode(t, err, "")
			wantEqual(t, len(have), held)
		}
		change(put, nil, 2, n)
		change(put, nil, 2, n)
		change(put[:1200], ids[1200:], 3, 1200)
		change(nil, ids[1200:], 3, 1200)
		change(put[1200:], ids[:1200], 4, n-1200)
		for name, absent := range map[string]belay.ID{"gone": gone.ID, "theirs": theirs.ID, "none": w.id()} {
			t.Log(name)
			bad := append(put[:1100:1100], w.pair(e.ID, absent))
			wantCode(t, w.try(func(tx *store.Tx) error {
				failed, err := tx.ChangeSet(ctx, w.org, e.ID, bad, nil)
				wantEqual(t, failed, 1100)
				return err
			}), belay.CodeNotFound)
		}
		change(nil, nil, 4, n-1200)
	})
}

// TestConnectionOwners asks for more connections than a page has, of which
// some are not there.
func TestConnectionOwners(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a, b := w.addConnection(w.org, "a"), w.addConnection(w.org, "b")
		gone, theirs := w.addConnection(w.org, "gone"), w.addConnection(w.other, "theirs")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now())
		})
		ids := append(make([]belay.ID, 500), a.ID, gone.ID, theirs.ID, w.id(), b.ID)
		got, err := w.ConnectionOwners(ctx, w.org, ids)
		wantCode(t, err, "")
		wantEqual(t, got, map[belay.ID]belay.ID{a.ID: a.OwnerID, b.ID: b.OwnerID})
		got, err = w.ConnectionOwners(ctx, w.org, nil)
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
	})
}
