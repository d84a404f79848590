package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/store"
)

func TestPassword(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		got, err := w.Password(ctx, w.max)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Password)(nil))
		for _, hash := range []string{"first", "second"} {
			want := &belay.Password{UserID: w.max, Hash: hash, ChangedAt: w.now()}
			w.write(func(ctx context.Context, tx *store.Tx) error { return tx.SetPassword(ctx, want) })
			got, err = w.Password(ctx, w.max)
			wantCode(t, err, "")
			wantEqual(t, got, want)
		}
		got, err = w.Password(ctx, w.ann)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Password)(nil))
		w.write(func(ctx context.Context, tx *store.Tx) error { return tx.RemovePassword(ctx, w.max) })
		got, err = w.Password(ctx, w.max)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Password)(nil))
		w.write(func(ctx context.Context, tx *store.Tx) error { return tx.RemovePassword(ctx, w.max) })
	})
}

func TestLocalUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, err := w.LocalUser(ctx, "MAX@Example.test")
		wantCode(t, err, "")
		wantEqual(t, u.ID, w.max)
		_, err = w.LocalUser(ctx, "max@example.tes")
		wantCode(t, err, belay.CodeNotFound)
		owner, err := w.AnyOwner(ctx)
		wantCode(t, err, "")
		wantEqual(t, owner.ID, w.ann)

		add := func(provider, email string) error {
			id := w.id()
			return w.try(func(tx *store.Tx) error {
				return tx.CreateUser(ctx, &belay.User{ID: id, Provider: provider, Subject: string(id), Email: email, Version: 1, CreatedAt: w.now()})
			})
		}
		wantCode(t, add(belay.LocalProvider, "Max@example.test"), belay.CodeConflict)
		wantCode(t, add("elsewhere", "max@example.test"), "")
		wantCode(t, add("elsewhere", "max@example.test"), "")
		_, err = w.LocalUser(ctx, "max@example.test")
		wantCode(t, err, "")

		u.FirstName, u.LastName = "Max", "M"
		w.write(func(ctx context.Context, tx *store.Tx) error { return tx.UpdateUser(ctx, u, w.now()) })
		after, err := w.User(ctx, w.max)
		wantCode(t, err, "")
		wantEqual(t, []any{after.FirstName, after.LastName, after.Version}, []any{"Max", "M", u.Version + 1})
	})
}

func TestKnownAt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		begin := func(user belay.ID, addr string) {
			s := &belay.Session{ID: w.id(), UserID: user, RemoteAddr: addr, CreatedAt: w.now(), ExpiresAt: w.now()}
			s.Hash = []byte(s.ID)
			w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateSession(ctx, s) })
		}
		begin(w.max, "a")
		begin(w.max, "b")
		begin(w.ann, "c")
		for addr, want := range map[string]bool{"a": true, "b": true, "c": false, "": false} {
			got, err := w.KnownAt(ctx, w.max, addr)
			wantCode(t, err, "")
			wantEqual(t, got, want)
		}
	})
}

// TestInvitation is spent once, within its time, by its own way only, and
// makes the links before it void.
func TestInvitation(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		invite := func(user belay.ID, code string) {
			w.write(func(ctx context.Context, tx *store.Tx) error {
				return tx.CreateInvitation(ctx, []byte(code), user, now, now.Add(time.Minute))
			})
		}
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateSignInLink(ctx, []byte("sign-in"), w.max, now, now.Add(time.Minute))
		})
		invite(w.ann, "of another")
		invite(w.max, "first")
		invite(w.max, "second")
		invited := func(code string, at time.Time, want belay.Code) {
			t.Helper()
			u, err := w.Invited(ctx, []byte(code), at)
			wantCode(t, err, want)
			if want == "" {
				wantEqual(t, u.ID, w.max)
			}
		}
		invited("first", now, belay.CodeNotFound)
		invited("second", now.Add(time.Minute), belay.CodeNotFound)
		invited("second", now, "")
		spend := func(code string, use func(*store.Tx, []byte) (belay.ID, error), want belay.Code) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error { _, err := use(tx, []byte(code)); return err }), want)
		}
		signIn := func(tx *store.Tx, hash []byte) (belay.ID, error) { return tx.UseSignInLink(ctx, hash, now) }
		accept := func(tx *store.Tx, hash []byte) (belay.ID, error) { return tx.UseInvitation(ctx, hash, now) }
		spend("sign-in", signIn, belay.CodeNotFound) // an invitation came after it
		spend("second", signIn, belay.CodeNotFound)
		spend("second", accept, "")
		spend("second", accept, belay.CodeNotFound)
		invited("second", now, belay.CodeNotFound)
		spend("of another", accept, "")
	})
}

// TestCountAttempt lets many attempts come at once: what is held is held for
// all of them.
func TestCountAttempt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		hold := func(n int64) time.Duration {
			if n < 3 {
				return 0
			}
			return time.Minute
		}
		count := func(key string, at time.Time) (until time.Time) {
			t.Helper()
			w.write(func(ctx context.Context, tx *store.Tx) (err error) {
				until, err = tx.CountAttempt(ctx, []byte(key), at, at.Add(-time.Hour), hold)
				return err
			})
			return until
		}
		taken := make(chan bool, 20)
		var all sync.WaitGroup
		for range cap(taken) {
			all.Go(func() {
				err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					until, err := tx.CountAttempt(ctx, []byte("a"), now, now.Add(-time.Hour), hold)
					if err == nil && !until.IsZero() {
						err = errHeld
					}
					return err
				})
				taken <- err == nil
			})
		}
		all.Wait()
		close(taken)
		n := 0
		for ok := range taken {
			if ok {
				n++
			}
		}
		wantEqual(t, n, 3)
		wantEqual(t, count("b", now), time.Time{})
		until, err := w.HeldUntil(ctx, []byte("a"))
		wantCode(t, err, "")
		wantEqual(t, until, now.Add(time.Minute))
		wantEqual(t, count("a", now.Add(time.Minute-1000)), now.Add(time.Minute))
		wantEqual(t, count("a", now.Add(time.Minute)), time.Time{})
		wantEqual(t, count("a", now.Add(time.Minute)), now.Add(2*time.Minute))
		w.write(func(ctx context.Context, tx *store.Tx) error { return tx.UncountAttempt(ctx, []byte("a")) })
		wantEqual(t, count("a", now.Add(time.Minute)), time.Time{})
		// What is long ago is forgotten.
		late := now.Add(2 * time.Hour)
		for range 3 {
			wantEqual(t, count("a", late), time.Time{})
		}
		wantEqual(t, count("a", late), late.Add(time.Minute))
		w.write(func(ctx context.Context, tx *store.Tx) error { return tx.ClearAttempts(ctx, []byte("a")) })
		wantEqual(t, count("a", late), time.Time{})
	})
}

var errHeld = errors.New("held")
