package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"belay"
)

// testGrace is what a test may take beyond its own timeout before it is
// given up.
const testGrace = 2 * time.Second

// Why something ends when the server stops.
var (
	errStopping  = belay.Errorf(belay.CodeUnavailable, "the server is stopping; what is left was not tested")
	errBrokenOff = belay.Errorf(belay.CodeUnavailable, "the server is stopping; the test was broken off")
)

// running keeps track of the tests under way: a second test of a connection
// joins the first, and Close waits for all.
type running struct {
	mu       sync.Mutex
	stopping context.Context // ended when no work of many tests is to begin any more
	halt     context.CancelFunc
	ending   map[context.Context]context.CancelCauseFunc // those that end with stopping, not a moment later
	ctx      context.Context                             // ended when no test is to go on
	end      context.CancelFunc
	byKey    map[string]*runningTest
	many     map[string]*environmentRun // by what only one at once can have
	tests    sync.WaitGroup             // and the work of many; added to under the lock, until ctx has ended
}

type runningTest struct {
	done  chan struct{}
	check *belay.Check
	err   error
}

func (r *running) start() {
	r.stopping, r.halt = context.WithCancel(context.Background())
	r.ctx, r.end = context.WithCancel(context.Background())
	r.byKey, r.many = map[string]*runningTest{}, map[string]*environmentRun{}
	r.ending = map[context.Context]context.CancelCauseFunc{}
}

// stop lets no work of many tests begin any more: when it returns, whoever
// has it from unlessStopping knows.
func (r *running) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halt()
	for _, end := range r.ending {
		end(errStopping)
	}
}

func (r *running) close() {
	r.stop()
	r.mu.Lock()
	r.end()
	r.mu.Unlock()
	r.tests.Wait()
}

// enter counts work for which Close is to wait until it calls tests.Done. It
// counts none once a context of r has ended.
func (r *running) enter(until context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.Err() != nil {
		return false
	}
	r.tests.Add(1)
	return true
}

// claim takes the key of a test of an environment, until release gives it
// back, or returns the one that has it.
func (r *running) claim(t *environmentRun) (other *environmentRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.many[t.key()]; other != nil {
		return other
	}
	r.many[t.key()] = t
	return nil
}

func (r *running) release(t *environmentRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.many, t.key())
}

// of are the tests of an environment that are under way, the oldest first.
func (r *running) of(environment belay.ID) []*environmentRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*environmentRun
	for _, t := range r.many {
		if t.environment == environment {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *environmentRun) int {
		return cmp.Or(a.startedAt.Compare(b.startedAt), cmp.Compare(a.caller.UserID, b.caller.UserID))
	})
	return out
}

// unlessStopping is ctx for as long as the server does not stop: then it ends
// because of errStopping. It must be ended.
func (r *running) unlessStopping(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping.Err() != nil {
		end(errStopping)
		return ctx, end
	}
	r.ending[ctx] = end
	return ctx, func(cause error) {
		end(cause)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ending, ctx)
	}
}

// join starts run under a key, or finds the one that is under way: that
// needs no admission of its own.
func (r *running) join(key string, admit admission, run func(context.Context) (*belay.Check, error)) (*runningTest, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.byKey[key]; ok {
		return t, nil
	}
	if r.ctx.Err() != nil {
		return nil, errBrokenOff
	}
	own, err := admit()
	if err != nil {
		return nil, err
	}
	t := &runningTest{done: make(chan struct{})}
	r.byKey[key] = t
	r.tests.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				t.err = fmt.Errorf("panic in the test of connection %s: %v", key, v)
			}
			r.mu.Lock()
			delete(r.byKey, key)
			r.mu.Unlock()
			own.leave()
			close(t.done)
		}()
		if t.check, t.err = run(r.ctx); t.err != nil && r.ctx.Err() != nil {
			t.err = errBrokenOff
		}
	})
	return t, nil
}

// because is err, or why ctx has ended where that is what err tells of.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}
