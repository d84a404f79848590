package app

import (
	"context"
	"sync"
	"time"

	"belay"
)

// attendance is how often it is looked whether who waits for an answer still
// may have it.
const attendance = 250 * time.Millisecond

// attend waits until done is closed, for no longer than the caller may: still
// tells whether he does, nil if so. An error of still is returned, whatever it
// is: when it cannot be known, he may not.
func attend(ctx context.Context, done <-chan struct{}, still func(context.Context) error) error {
	look := time.NewTicker(attendance)
	defer look.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
			if err := still(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// stillUses tells whether a caller, as he is by now, may use a connection.
func (a *App) stillUses(c caller, id belay.ID) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := a.renewed(ctx, c)
		if err == nil {
			_, err = a.loadConnection(ctx, c, id, belay.PermissionConnectionUse)
		}
		return err
	}
}

// stillTests tells whether the caller, as he is by now, may test the
// environment.
func (t *environmentRun) stillTests(ctx context.Context) error {
	c, err := t.app.renewed(ctx, t.caller)
	if err == nil {
		_, err = t.app.loadEnvironment(ctx, c, t.environment, belay.PermissionConnectionUse)
	}
	return err
}

// attended runs the test of an environment for somebody who waits for it.
// Within a second of losing what he tests with he is told that, and nothing
// more of the tests under way: those end by themselves, and then the run does.
func (t *environmentRun) attended(ctx context.Context, w EnvironmentWatch) ([]*Check, error) {
	told := &telling{to: w}
	ended := make(chan struct{})
	var checks []*Check
	var err error
	go func() {
		defer close(ended)
		defer t.leave()
		err = guarded(func() (err error) {
			if w.Counted != nil {
				told.tell(func() { w.Counted(len(t.connections), t.ignored) })
			}
			checks, err = t.run(ctx, told.watch())
			return err
		})
	}()
	if lost := attend(context.WithoutCancel(ctx), ended, t.stillTests); lost != nil {
		told.stop()
		return nil, lost
	}
	return checks, err
}

// telling passes on what a watch is told until it is stopped.
type telling struct {
	to EnvironmentWatch

	mu      sync.Mutex
	stopped bool
}

// stop waits for what is being told; when it returns, nothing is any more.
func (t *telling) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
}

func (t *telling) watch() EnvironmentWatch {
	w := EnvironmentWatch{}
	if begun := t.to.Begun; begun != nil {
		w.Begun = func(v *belay.Connection) { t.tell(func() { begun(v) }) }
	}
	if ended := t.to.Ended; ended != nil {
		w.Ended = func(k *Check) { t.tell(func() { ended(k) }) }
	}
	return w
}

func (t *telling) tell(what func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		what()
	}
}
