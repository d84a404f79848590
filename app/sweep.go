package app

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"belay/store"
)

// How long things are kept after their time.
const (
	deletedLife = 30 * 24 * time.Hour // what was deleted can be restored for so long
	checkLife   = 90 * 24 * time.Hour // the last check of a connection stays
	tokenLife   = 30 * 24 * time.Hour // in which a list still shows that a token has ended
)

// SweeperConfig is what a Sweeper is made of. All of it must be set.
type SweeperConfig struct {
	Store    *store.Store
	Clock    func() time.Time
	Log      *slog.Logger
	First    time.Duration // until the first sweep, so that a start is not slowed down
	Interval time.Duration // from the end of one sweep to the next
}

// Sweeper removes for good, now and then, what is past its time: what was
// deleted long ago, with the ciphertexts of credentials; old checks; and what
// is remembered of requests, sessions, sign-in links and tokens.
type Sweeper struct {
	config SweeperConfig
	stop   context.CancelFunc
	ended  chan struct{}
}

// StartSweeper starts a Sweeper. Close it before the store.
func StartSweeper(c SweeperConfig) *Sweeper {
	ctx, stop := context.WithCancel(context.Background())
	s := &Sweeper{config: c, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.run(ctx)
	}()
	return s
}

// Close stops the Sweeper and waits until it has ended.
func (s *Sweeper) Close() {
	s.stop()
	<-s.ended
}

func (s *Sweeper) run(ctx context.Context) {
	timer := time.NewTimer(s.config.First)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.sweep(ctx)
		timer.Reset(s.config.Interval)
	}
}

// sweep sweeps once. What goes wrong is tried again the next time, and takes
// nothing else with it.
func (s *Sweeper) sweep(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			s.config.Log.ErrorContext(ctx, "panic while removing what is past its time", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	now := s.config.Clock().UTC()
	swept, err := s.config.Store.Sweep(ctx, store.Due{
		Deleted: now.Add(-deletedLife), Checks: now.Add(-checkLife), Requests: now.Add(-idempotencyLife),
		Ended: now, Tokens: now.Add(-tokenLife), Attempts: now.Add(-attemptsLife),
	})
	if swept != (store.Swept{}) {
		s.config.Log.InfoContext(ctx, "removed what was past its time", "objects", swept.Objects, "checks", swept.Checks,
			"requests", swept.Requests, "sessions", swept.Sessions, "links", swept.Links, "tokens", swept.Tokens, "attempts", swept.Attempts)
	}
	if err != nil && ctx.Err() == nil {
		s.config.Log.ErrorContext(ctx, "removing what is past its time has failed", "error", err)
	}
}
