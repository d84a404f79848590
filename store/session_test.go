package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// TestHoldUser lets nobody end a user's sessions while another one is being
// begun, so that the new one ends too.
func TestHoldUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ended := make(chan error, 1)
		wantCode(t, w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.HoldUser(ctx, w.max); err != nil {
				return err
			}
			go func() {
				ended <- w.try(func(tx *store.Tx) error {
					_, err := tx.DeleteOtherSessions(context.Background(), w.max, "")
					return err
				})
			}()
			select {
			case err := <-ended: // it has not waited
				ended <- err
			case <-time.After(200 * time.Millisecond):
			}
			now := w.now()
			return tx.CreateSession(ctx, &belay.Session{ID: w.id(), UserID: w.max, Hash: []byte("late"), CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour)})
		}), "")
		wantCode(t, <-ended, "")
		s, err := w.SessionByHash(ctx, []byte("late"))
		wantCode(t, err, "")
		wantEqual(t, s, (*belay.Session)(nil))
	})
}
