package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"belay"
)

// Limits bound the work that requests make this server do at other systems.
// A field that is 0 has its value in DefaultLimits.
type Limits struct {
	Tests        int // of targets at once, in this process
	TestsPerUser int // of those, for one user, whatever tokens he has
	// Contexts is how many contexts of a kubeconfig one request tests.
	Contexts int
}

// DefaultLimits are the limits of a server that is told no others.
func DefaultLimits() Limits { return Limits{Tests: 256, TestsPerUser: 64, Contexts: 50} }

// orDefault sets the fields that are 0.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for field, value := range map[*int]int{&l.Tests: d.Tests, &l.TestsPerUser: d.TestsPerUser, &l.Contexts: d.Contexts} {
		if *field == 0 {
			*field = value
		}
	}
	return l
}

// retryAfter is when who was refused for want of a slot should ask again: by
// then an ordinary test has ended.
const retryAfter = 5 * time.Second

// slots says who tests how many targets at this moment.
type slots struct {
	limits Limits

	mu    sync.Mutex
	taken int
	by    map[belay.ID]int // users with more than none
}

// slot is the right to test some targets at once. Its owner leaves it when
// those tests have ended, however they did.
type slot struct {
	of   *slots
	user belay.ID
	n    int
}

// admission gives a test its slot, or refuses it.
type admission func() (*slot, error)

// admitted is the admission of a test for which its owner holds a slot.
func admitted() (*slot, error) { return nil, nil }

// admit is the admission of one test for a user.
func (s *slots) admit(user belay.ID) admission {
	return func() (*slot, error) { return s.take(user) }
}

// take takes one slot; without a free one that is CodeRateLimited.
func (s *slots) take(user belay.ID) (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.by[user] >= s.limits.TestsPerUser:
		return nil, busy("you have %d tests under way, which is as many as one user can have at once", s.limits.TestsPerUser)
	case s.taken >= s.limits.Tests:
		return nil, busy("this server has %d tests under way, which is as many as it makes at once", s.limits.Tests)
	}
	s.add(user, 1)
	return &slot{of: s, user: user, n: 1}, nil
}

// slotFor takes a slot before anything is stored of a change that ends in a
// test. It is nil for any other. A token that may not use connections is
// refused.
func (a *App) slotFor(c caller, ch ConnectionChange) (*slot, error) {
	if !ch.tests() {
		return nil, nil
	}
	if err := inScope(c.Principal, belay.PermissionConnectionUse); err != nil {
		return nil, err
	}
	return a.slots.take(c.UserID)
}

func busy(format string, n int) error {
	e := belay.Errorf(belay.CodeRateLimited, format+"; nothing was done: wait until one of them has ended, then repeat the request", n)
	e.RetryAfter = retryAfter
	e.Remedy = []belay.Remedy{{
		ID: "request.repeat", Title: "Try again in a moment",
		Description: "A test ends within its timeout; then there is room for the next.",
	}}
	return e
}

// add counts; the caller holds the lock.
func (s *slots) add(user belay.ID, n int) {
	if s.by == nil {
		s.by = map[belay.ID]int{}
	}
	s.taken += n
	if s.by[user] += n; s.by[user] == 0 {
		delete(s.by, user)
	}
}

// grow makes a slot one for up to n tests at once, as far as there is room.
func (s *slot) grow(n int) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	more := min(n-s.n, s.of.limits.Tests-s.of.taken, s.of.limits.TestsPerUser-s.of.by[s.user])
	if more > 0 {
		s.of.add(s.user, more)
		s.n += more
	}
}

// handOver is an admission that gives a slot to a test, which then owns it.
func (s *slot) handOver() (*slot, error) {
	given := *s
	s.n = 0
	return &given, nil
}

// leave gives the slot back. One that is nil or was left before is nothing.
func (s *slot) leave() {
	if s == nil {
		return
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.add(s.user, -s.n)
	s.n = 0
}

// each calls do with 0 to n-1, as many at once as the slot is for, and waits
// for all. It begins no more of them once ctx has ended.
func (s *slot) each(ctx context.Context, n int, do func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(s.n, n) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					continue // it ended while this one was handed over
				}
				errs[i] = guarded(func() error { return do(i) })
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// guarded turns a panic into an error: on a goroutine of its own it would
// end the program.
func guarded(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errors.Join(fmt.Errorf("panic: %v", v), errors.New(string(debug.Stack())))
		}
	}()
	return do()
}
