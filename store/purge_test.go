package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// purge calls Purge until there is nothing left to do.
func (w *world) purge(t *testing.T, before time.Time) (total int64, calls int) {
	t.Helper()
	for {
		var n int64
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = tx.Purge(ctx, before)
			return err
		})
		calls++
		if n == 0 {
			return total, calls
		}
		total += n
	}
}

// mentions counts the rows of the whole database that hold a text.
func (w *world) mentions(t *testing.T, text string) (lines []string) {
	t.Helper()
	for _, line := range w.dump(t) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestPurge(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.estate() // with one of each deleted already, and one of each alive
		kept := len(w.mentions(t, string(s.c.ID)))
		victim := w.full(w.org, "victim")
		k := w.addCredential(w.org, "victim key")
		uses(k, s.k)(victim)
		e, v := w.addEnvironment(w.org, "victim group"), w.addWorkspace(w.org, "victim team")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.CreateConnection(ctx, victim); err != nil {
				return err
			}
			return tx.CreateCheck(ctx, w.check(victim))
		})
		w.assign(e, victim, s.c)
		w.assign(s.e, victim)
		w.share(v, e, s.e)
		w.entrust(v, k)
		w.grant(v, w.max, belay.RoleViewer)
		deletedAt := w.now()
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for _, err := range []error{
				tx.DeleteConnection(ctx, w.org, victim.ID, "", deletedAt), tx.DeleteCredential(ctx, w.org, k.ID, deletedAt),
				tx.DeleteEnvironment(ctx, w.org, e.ID, deletedAt), tx.DeleteWorkspace(ctx, w.org, v.ID, deletedAt),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		sealed := w.sealed(t)

		// Before its time: only the five of the estate go.
		if n, _ := w.purge(t, deletedAt); n != 5 {
			t.Errorf("purged %d objects, want 5", n)
		}
		for _, r := range resources {
			wantEqual(t, w.mentions(t, string(s.deleted[r.name])), []string{})
		}
		wantEqual(t, w.sealed(t), sealed-1)
		if n, _ := w.purge(t, deletedAt.Add(time.Microsecond)); n != 5 { // and the check
			t.Errorf("purged %d objects, want 5", n)
		}
		for _, id := range []belay.ID{victim.ID, k.ID, e.ID, v.ID} {
			wantEqual(t, w.mentions(t, string(id)), []string{})
		}
		wantEqual(t, w.mentions(t, "sealed "+string(k.ID)), []string{})
		wantEqual(t, w.sealed(t), sealed-2)
		wantEqual(t, len(w.mentions(t, string(s.c.ID))), kept)
		wantCounted(t, w)
		for name, want := range map[string]int{"victim": 0, "target": 1} {
			page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{Search: name})
			wantCode(t, err, "")
			wantEqual(t, page.Total, want)
		}
		page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{Statuses: []belay.Status{belay.StatusDeleted}}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, 0)
	})
}

// sealed counts the ciphertexts that are stored.
func (w *world) sealed(t *testing.T) (n int) {
	t.Helper()
	if err := w.QueryRow("select count(*) from credential_versions").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A connection that still refers to a purged credential forgets it.
func TestPurgeUsedCredential(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		gone, stays := w.addCredential(w.org, "gone"), w.addCredential(w.org, "stays")
		c := w.addConnection(w.org, "user", uses(gone, stays))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteCredential(ctx, w.org, gone.ID, w.now()) }), "")
		w.purge(t, w.now())
		got, err := w.Connection(ctx, w.org, c.ID)
		wantCode(t, err, "")
		want := *c
		want.Credentials, want.Version = c.Credentials[1:], 2
		wantEqual(t, got, &want)
		wantCode(t, w.try(func(tx *store.Tx) error {
			_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(c *belay.Connection) error { c.Credentials = nil; return nil })
			return err
		}), "")
	})
}

// Much is removed in bounded steps.
func TestPurgeBatches(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const n = 450
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for range n {
				e := w.environment(w.org, string(w.id()))
				if err := tx.CreateEnvironment(ctx, e); err != nil {
					return err
				}
				if err := tx.DeleteEnvironment(ctx, w.org, e.ID, w.now()); err != nil {
					return err
				}
			}
			return nil
		})
		c := w.addConnection(w.org, "often checked")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for range 5001 {
				if err := tx.CreateCheck(ctx, w.check(c)); err != nil {
					return err
				}
			}
			return tx.DeleteConnection(ctx, w.org, c.ID, "", w.now())
		})
		total, calls := w.purge(t, w.now())
		wantEqual(t, total, int64(n+5001+1))
		if calls < 4 {
			t.Errorf("it took %d calls, each is to do little", calls)
		}
		wantCounted(t, w)
	})
}
