package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay"
)

// testedAtOnce bounds how many connections of an environment, or contexts of a
// file, are tested at once.
const testedAtOnce = 8

// EnvironmentWatch is told how the test of an environment goes, never two
// things at a time. Each of its functions may be nil.
type EnvironmentWatch struct {
	// Counted is called once, when the test is not refused any more, with how
	// many connections are to be tested and how many are left out because they
	// are ignored.
	Counted func(connections, ignored int)
	// Begun is called with each connection when its test has begun. From then
	// on the test goes on, whoever leaves.
	Begun func(*belay.Connection)
	// Ended is called with each check as it ends. With it the checks are not
	// returned as well.
	Ended func(*Check)
}

// TestEnvironment tests every connection of an environment that the caller
// may use when its turn comes, but those that are ignored, and returns the
// checks, ordered by the connections' names. One user tests an environment once
// at a time; a second test is CodeConflict. When ctx ends it begins no more
// tests, and neither when the caller has lost his token, his place in the
// organization or the environment meanwhile: his rights are looked at before
// each test, and while those are under way.
func (a *App) TestEnvironment(ctx context.Context, org, id belay.ID, w EnvironmentWatch) ([]*Check, error) {
	t, err := a.newEnvironmentRun(ctx, org, id)
	if err != nil {
		return nil, err
	}
	return t.attended(ctx, w)
}

// StartEnvironmentTest starts the test of an environment, as TestEnvironment
// makes it, and does not wait for its end. It ends when the App stops at the
// latest.
func (a *App) StartEnvironmentTest(ctx context.Context, org, id belay.ID) error {
	t, err := a.newEnvironmentRun(ctx, org, id)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer t.leave()
		err := guarded(func() error {
			_, err := t.run(ctx, EnvironmentWatch{Ended: func(*Check) {}})
			return err
		})
		level := slog.LevelWarn
		if errors.Is(err, errCancelled) {
			level = slog.LevelInfo
		}
		if err != nil {
			a.log.Log(ctx, level, "the test of an environment ended before all was tested", "environment", id, "error", err)
		}
	}()
	return nil
}

// environmentRun is the test of an environment that may begin: it has its
// slot, and Close waits for it, until its owner leaves it.
type environmentRun struct {
	app         *App
	caller      caller
	environment belay.ID
	connections []belay.ID
	ignored     int // connections that are left out
	own         *slot
	claimed     bool // its key
	startedAt   time.Time
	begun, done atomic.Int32    // connections
	cancelled   context.Context // ended when somebody has cancelled it
	cancel      context.CancelFunc
}

// key is what only one of several tests at once can have.
func (t *environmentRun) key() string { return string(t.caller.UserID + " " + t.environment) }

func (a *App) newEnvironmentRun(ctx context.Context, org, id belay.ID) (*environmentRun, error) {
	c, e, err := a.findEnvironment(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return nil, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, err
	}
	usable, ignored, err := a.usable(ctx, c, id)
	if err != nil {
		own.leave()
		return nil, err
	}
	if !a.running.enter(a.running.stopping) {
		own.leave()
		return nil, errStopping
	}
	t := &environmentRun{app: a, caller: c, environment: id, connections: usable, ignored: ignored, own: own, startedAt: a.now()}
	t.cancelled, t.cancel = context.WithCancel(context.Background())
	if other := a.running.claim(t); other != nil {
		t.leave()
		return nil, other.inTheWay(e)
	}
	t.claimed = true
	own.grow(min(testedAtOnce, len(usable)))
	return t, nil
}

func (t *environmentRun) leave() {
	if t.claimed {
		t.app.running.release(t)
	}
	t.cancel()
	t.own.leave()
	t.app.running.tests.Done()
}

// run tests the connections and returns the checks, unless they go to Ended.
// The first error ends it, when the tests under way have ended.
func (t *environmentRun) run(ctx context.Context, w EnvironmentWatch) ([]*Check, error) {
	begin, stop := t.app.running.unlessStopping(ctx)
	defer stop(nil)
	defer context.AfterFunc(t.cancelled, func() { stop(errCancelled) })()
	defer context.AfterFunc(begin, t.cancel)() // whoever asks is told that no more begin
	checks := make([]*Check, len(t.connections))
	var mu sync.Mutex
	begun := func(v *belay.Connection) {
		t.begun.Add(1)
		mu.Lock()
		defer mu.Unlock()
		if w.Begun != nil {
			w.Begun(v)
		}
	}
	err := t.own.each(begin, len(t.connections), func(i int) error {
		k, err := t.one(ctx, t.connections[i], begun)
		if err != nil {
			stop(err)
			return err
		}
		t.done.Add(1)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case w.Ended == nil:
			checks[i] = k
		case k != nil:
			w.Ended(k)
		}
		return nil
	})
	if int(t.done.Load()) == len(t.connections) {
		err = nil // nothing was left when somebody wanted no more to begin
	}
	if cause := context.Cause(begin); err != nil && cause != nil {
		return nil, cause
	}
	return slices.DeleteFunc(checks, func(k *Check) bool { return k == nil }), err
}

// one tests one connection as it is by now. It is nil for one that is not in
// the environment any more, is ignored, or that the caller may not use.
func (t *environmentRun) one(ctx context.Context, id belay.ID, begun func(*belay.Connection)) (*Check, error) {
	c, v, err := t.usableNow(ctx, id)
	if err != nil || v == nil {
		return nil, err
	}
	r, err := t.app.start(ctx, c, v, belay.TriggerManual, admitted)
	if err != nil {
		return nil, err
	}
	begun(v)
	<-r.done // even when ctx has ended: until then the slot is in use
	if r.err != nil {
		return nil, r.err
	}
	return t.app.tested(ctx, c, v, r.check)
}

// usableNow is the caller as he is by now, and a connection if it is still in
// the environment, wanted, and he may still use it. Without a right to the
// environment all is over.
func (t *environmentRun) usableNow(ctx context.Context, id belay.ID) (caller, *belay.Connection, error) {
	a := t.app
	c, err := a.renewed(ctx, t.caller)
	if err != nil {
		return c, nil, err
	}
	if _, err := a.loadEnvironment(ctx, c, t.environment, belay.PermissionConnectionUse); err != nil {
		return c, nil, err
	}
	held, err := a.store.HoldsConnection(ctx, c.org, t.environment, id)
	if err != nil || !held {
		return c, nil, err
	}
	v, err := a.store.Connection(ctx, c.org, id)
	if err != nil || v.Status == belay.StatusIgnored {
		return c, nil, ignoring(err, isNotFound)
	}
	r, err := a.rights(ctx, c)
	if err != nil {
		return c, nil, err
	}
	holders, err := a.store.HoldersOf(ctx, c.org, id)
	if err != nil || !r.toConnection(v.OwnerID, holders[id]).Has(belay.PermissionConnectionUse) {
		return c, nil, err
	}
	return c, v, nil
}

// usable lists the connections of an environment that the caller may use, and
// counts those of them that are ignored and so left out.
func (a *App) usable(ctx context.Context, c caller, environment belay.ID) (out []belay.ID, ignored int, err error) {
	q := belay.Query{Size: belay.MaxPageSize}
	for {
		page, err := a.connectionPage(ctx, c, belay.ConnectionFilter{EnvironmentID: environment}, q)
		if err != nil {
			return nil, 0, err
		}
		for _, v := range page.Items {
			switch {
			case !slices.Contains(v.Actions, belay.PermissionConnectionUse):
			case v.Status == belay.StatusIgnored:
				ignored++
			default:
				out = append(out, v.ID)
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return out, ignored, nil
		}
	}
}
