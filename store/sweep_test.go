package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// sweep sweeps everything that is older than a time.
func (w *world) sweep(t *testing.T, before time.Time) store.Swept {
	t.Helper()
	swept, err := w.Sweep(ctx, store.Due{Deleted: before, Checks: before, Requests: before, Ended: before, Tokens: before, Attempts: before})
	wantCode(t, err, "")
	return swept
}

func TestSweep(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c, other := w.addConnection(w.org, "often checked"), w.addConnection(w.org, "checked once")
		gone := w.addEnvironment(w.org, "gone")
		expires := w.now()
		add := func(what string) {
			w.write(func(ctx context.Context, tx *store.Tx) error {
				at := w.now()
				for _, err := range []error{
					tx.CreateCheck(ctx, w.check(c)),
					tx.RememberRequest(ctx, &store.Idempotency{UserID: w.ann, Key: what, CreatedAt: at, Request: []byte("x"), ObjectID: c.ID}, time.Time{}, time.Time{}),
					tx.CreateSession(ctx, &belay.Session{ID: w.id(), UserID: w.ann, Hash: []byte("session " + what), CreatedAt: at, ExpiresAt: at}),
					tx.CreateSignInLink(ctx, []byte("link "+what), w.ann, at, at),
					attempt(tx, "attempt "+what, at),
					tx.CreateToken(ctx, &belay.Token{ID: w.id(), UserID: w.ann, Name: what + " that expires", Hash: []byte("expired " + what), CreatedAt: at, ExpiresAt: at}),
					tx.CreateToken(ctx, &belay.Token{ID: w.id(), UserID: w.ann, Name: what + " revoked", Hash: []byte("revoked " + what), CreatedAt: at, RevokedAt: at}),
					tx.CreateToken(ctx, &belay.Token{ID: w.id(), UserID: w.ann, Name: what + " for ever", Hash: []byte("valid " + what), CreatedAt: at}),
				} {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		w.write(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.CreateCheck(ctx, w.check(other)); err != nil {
				return err
			}
			return tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now())
		})
		add("early")
		if swept := w.sweep(t, expires); swept != (store.Swept{}) {
			t.Errorf("before its time: %+v", swept)
		}
		between := w.now()
		add("late")
		before := w.dump(t)
		wantEqual(t, w.sweep(t, between), store.Swept{Objects: 1, Checks: 1, Requests: 1, Sessions: 1, Links: 1, Tokens: 2, Attempts: 1})
		wantEqual(t, len(before)-len(w.dump(t)), 13) // with the five words by which the environment was found
		wantEqual(t, w.sweep(t, between), store.Swept{})
		for _, left := range []string{"late that expires", "late revoked", "late for ever", "early for ever"} {
			wantEqual(t, len(w.mentions(t, left)), 1)
		}
		// The check that a connection's health is from stays as the last one does.
		shown, newer := w.check(other), w.check(other)
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for _, k := range []*belay.Check{shown, newer} {
				if err := tx.CreateCheck(ctx, k); err != nil {
					return err
				}
			}
			after := *other
			after.Health = after.Health.Next(shown)
			return tx.SaveHealth(ctx, other, &after)
		})
		wantEqual(t, w.sweep(t, w.now()).Checks, int64(1))
		_, err := w.Check(ctx, w.org, shown.ID)
		wantCode(t, err, "")
		// The last check of a connection stays, however old it is.
		wantEqual(t, w.sweep(t, w.now()).Checks, int64(0))
		for _, v := range []*belay.Connection{c, other} {
			page, err := w.Checks(ctx, w.org, v.ID, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Total, map[belay.ID]int{c.ID: 1, other.ID: 2}[v.ID])
		}
	})
}

// Much is removed in small steps, between which others write.
func TestSweepInBatches(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.addConnection(w.org, "often checked")
		const n = 1700
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for i := range n {
				if err := tx.CreateCheck(ctx, w.check(c)); err != nil {
					return err
				}
				r := &store.Idempotency{UserID: w.ann, Key: fmt.Sprint(i), CreatedAt: w.now(), Request: []byte("x"), ObjectID: c.ID}
				if err := tx.RememberRequest(ctx, r, time.Time{}, time.Time{}); err != nil {
					return err
				}
			}
			return nil
		})
		done := make(chan error)
		go func() {
			var err error
			for i := 0; i < 20 && err == nil; i++ {
				err = w.try(func(tx *store.Tx) error {
					return tx.CreateEnvironment(ctx, w.environment(w.org, fmt.Sprint("meanwhile ", i)))
				})
			}
			done <- err
		}()
		wantEqual(t, w.sweep(t, w.now()), store.Swept{Checks: n - 1, Requests: n})
		wantCode(t, <-done, "")
	})
}

// Of replicas that sweep at once each row is removed by one, and those that
// find another at it leave the work to that one.
func TestSweepOfReplicas(t *testing.T) {
	url := postgresURL(t)
	w := newWorld(t, open(t, url))
	const n = 900
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for range n {
			c := w.connection(w.org, string(w.id()))
			if err := tx.CreateConnection(ctx, c); err != nil {
				return err
			}
			if err := tx.DeleteConnection(ctx, w.org, c.ID, "", w.now()); err != nil {
				return err
			}
		}
		return nil
	})
	replicas := []*store.Store{w.Store, open(t, url), open(t, url)}
	due := store.Due{Deleted: w.now()}
	swept := make([]store.Swept, len(replicas))
	wantAll(t, together(len(replicas), func(i int) (err error) {
		swept[i], err = replicas[i].Sweep(ctx, due)
		return err
	}), "")
	var total int64
	for _, s := range swept {
		total += s.Objects
	}
	left, err := w.Sweep(ctx, due)
	wantCode(t, err, "")
	wantEqual(t, total+left.Objects, int64(n))
	wantCounted(t, w)

	// While one is at it, the others do nothing.
	gone := w.addEnvironment(w.org, "gone")
	w.write(func(ctx context.Context, tx *store.Tx) error {
		return tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now())
	})
	due.Deleted = w.now()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if err := store.ExecIn(tx, "select pg_advisory_xact_lock(8101735105)"); err != nil {
			return err
		}
		got, err := replicas[1].Sweep(ctx, due)
		wantEqual(t, got, store.Swept{})
		return err
	})
	got, err := replicas[1].Sweep(ctx, due)
	wantCode(t, err, "")
	wantEqual(t, got.Objects, int64(1))
}

// attempt counts an attempt to sign in.
func attempt(tx *store.Tx, key string, at time.Time) error {
	_, err := tx.CountAttempt(ctx, []byte(key), at, time.Time{}, func(int64) time.Duration { return 0 })
	return err
}
