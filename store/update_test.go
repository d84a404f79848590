package store_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"belay"
	"belay/store"
)

// together runs f n times at once and collects what it returns.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

func wantAll(t *testing.T, errs []error, want belay.Code) {
	t.Helper()
	for _, err := range errs {
		wantCode(t, err, want)
	}
}

// Updates of one object from many sides are all there in the end.
func TestConcurrentUpdates(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const n = 40
		e, v, k, c := w.addEnvironment(w.org, "e"), w.addWorkspace(w.org, "w"), w.addCredential(w.org, "k"), w.addConnection(w.org, "c")
		increment := func(text *string) {
			i, _ := strconv.Atoi(*text)
			*text = strconv.Itoa(i + 1)
		}
		updates := []func(tx *store.Tx) error{
			func(tx *store.Tx) error {
				_, err := tx.UpdateEnvironment(ctx, w.org, e.ID, w.now(), func(e *belay.Environment) error { increment(&e.Description); return nil })
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.UpdateWorkspace(ctx, w.org, v.ID, w.now(), func(v *belay.Workspace) error { increment(&v.Description); return nil })
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.UpdateCredential(ctx, w.org, k.ID, w.now(), func(k *belay.Credential) (*belay.CredentialVersion, error) {
					increment(&k.Fingerprint)
					k.Current++
					return w.version(k, k.Current), nil
				})
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(c *belay.Connection) error {
					increment(&c.Description)
					c.Labels = map[string]string{"n": c.Description}
					return nil
				})
				return err
			},
		}
		wantAll(t, together(n*len(updates), func(i int) error { return w.try(updates[i%len(updates)]) }), "")
		e, _ = w.Environment(ctx, w.org, e.ID)
		v, _ = w.Workspace(ctx, w.org, v.ID)
		k, _ = w.Credential(ctx, w.org, k.ID)
		c, _ = w.Connection(ctx, w.org, c.ID)
		want := strconv.Itoa(n)
		wantEqual(t, []string{e.Description, v.Description, k.Fingerprint, c.Description, c.Labels["n"]}, []string{want, want, want, want, want})
		wantEqual(t, []int64{e.Version, v.Version, k.Version, c.Version, int64(k.Current)}, []int64{n + 1, n + 1, n + 1, n + 1, n + 1})
	})
}

// A version that somebody saw and that is not the stored one any more is for
// the change function to refuse.
func TestStaleVersion(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		e := w.addEnvironment(w.org, "e")
		errs := together(10, func(i int) error {
			return w.try(func(tx *store.Tx) error {
				_, err := tx.UpdateEnvironment(ctx, w.org, e.ID, w.now(), func(now *belay.Environment) error {
					if now.Version != e.Version {
						return belay.Errorf(belay.CodePreconditionFailed, "changed")
					}
					now.Description = strconv.Itoa(i)
					return nil
				})
				return err
			})
		})
		refused := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		wantEqual(t, len(refused), 9)
		wantAll(t, refused, belay.CodePreconditionFailed)
	})
}

// Of many who want one name, one target or one key, one gets it.
func TestConcurrentClaims(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		claims := map[string]func() error{
			"identity": func() error {
				c := w.connection(w.org, string(w.id()))
				c.Identity = "uid"
				return w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, c) })
			},
			"keyset": func() error {
				return w.try(func(tx *store.Tx) error {
					return tx.CreateKeyset(ctx, &store.Keyset{Name: "data", Wrapped: []byte{1}}, w.now())
				})
			},
			"request": func() error {
				now := w.now()
				return w.try(func(tx *store.Tx) error {
					return tx.RememberRequest(ctx, &store.Idempotency{UserID: w.max, Key: "k", CreatedAt: now, Request: []byte{1}}, now.AddDate(0, 0, -1), now.AddDate(0, 0, -1))
				})
			},
		}
		for _, r := range resources {
			claims[r.name] = func() error { return w.try(r.build(w, w.org, "wanted").create) }
		}
		for name, claim := range claims {
			t.Run(name, func(t *testing.T) {
				errs := together(8, func(int) error { return claim() })
				lost := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
				wantEqual(t, len(lost), 7)
				wantAll(t, lost, belay.CodeConflict)
			})
		}
		wantCounted(t, w)
	})
}

// Checks, changes and deletions of the same connections at once leave the
// counters right.
func TestConcurrentCounters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ids := make([]belay.ID, 6)
		for i := range ids {
			ids[i] = w.addConnection(w.org, fmt.Sprint(i)).ID
		}
		errs := together(120, func(i int) error {
			id := ids[i%len(ids)]
			return w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				switch i % 4 {
				case 0:
					err := tx.DeleteConnection(ctx, w.org, id, "", w.now())
					if err != nil {
						return err
					}
					_, err = tx.RestoreConnection(ctx, w.org, id, "", w.now())
					return err
				case 1:
					_, err := tx.UpdateConnection(ctx, w.org, id, w.now(), func(c *belay.Connection) error { c.Kind = kinds[i%3]; return nil })
					return err
				}
				before, err := tx.Connection(ctx, w.org, id)
				if err != nil {
					return err
				}
				after := *before
				after.Health.Status = belay.HealthStatuses()[i%5]
				return tx.SaveHealth(ctx, before, &after)
			})
		})
		failed := 0
		for _, err := range errs {
			if code := belay.CodeOf(err); code == belay.CodeConflict {
				failed++
			} else {
				wantCode(t, err, "")
			}
		}
		if failed == len(errs) {
			t.Error("nothing succeeded")
		}
		wantCounted(t, w)
	})
}
