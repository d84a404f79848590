package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"belay"
)

// testGrace is what a test may take beyond its own timeout before it is
// given up.
const testGrace = 2 * time.Second

// running keeps track of the tests under way: a second test of a connection
// joins the first, and Close waits for all.
type running struct {
	mu    sync.Mutex
	ctx   context.Context
	end   context.CancelFunc
	byKey map[string]*runningTest
	tests sync.WaitGroup
}

type runningTest struct {
	done  chan struct{}
	check *belay.Check
	err   error
}

func (r *running) start() {
	r.ctx, r.end = context.WithCancel(context.Background())
	r.byKey = map[string]*runningTest{}
}

func (r *running) stop() {
	r.end()
	r.tests.Wait()
}

// join starts run under a key, or finds the one that is under way: that
// needs no admission of its own.
func (r *running) join(key string, admit admission, run func(context.Context) (*belay.Check, error)) (*runningTest, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.byKey[key]; ok {
		return t, nil
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
		t.check, t.err = run(r.ctx)
	})
	return t, nil
}
