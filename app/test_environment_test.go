package app

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay"
)

// fading is a context that ends when it was looked at for so many times.
type fading struct {
	context.Context
	cancel context.CancelFunc
	looks  atomic.Int32
}

func (f *fading) look() {
	if f.looks.Add(-1) == 0 {
		f.cancel()
	}
}

func (f *fading) Done() <-chan struct{} {
	f.look()
	return f.Context.Done()
}

func (f *fading) Err() error {
	f.look()
	return f.Context.Err()
}

// TestSlotIsFreedWhereverATestFails has the test of an environment fail at each
// step before it begins: it holds no slot then.
func TestSlotIsFreedWhereverATestFails(t *testing.T) {
	in := newInside(t, Limits{})
	in.held(t)
	for looks := int32(1); ; looks++ {
		ctx, cancel := context.WithCancel(in.ctx)
		f := &fading{Context: ctx, cancel: cancel}
		f.looks.Store(looks)
		test, err := in.newEnvironmentRun(f, "", in.environment.ID)
		cancel()
		if err == nil {
			test.leave()
		}
		if in.slots.taken != 0 {
			t.Fatalf("ended after %d looks with %v, it holds %d slots", looks, err, in.slots.taken)
		}
		if err == nil {
			if looks < 3 {
				t.Errorf("it has begun after %d looks", looks)
			}
			return
		}
	}
}

// counted is a kind that counts its tests, all of which pass.
type counted struct{ tests atomic.Int32 }

func (*counted) Definition() *belay.Kind                       { return &belay.Kind{Name: "fake"} }
func (*counted) CheckEndpoint(endpoint string) (string, error) { return endpoint, nil }
func (*counted) CheckConfig(json.RawMessage) error             { return nil }
func (k *counted) Test(context.Context, belay.Target) belay.Report {
	k.tests.Add(1)
	return belay.Report{Health: belay.HealthHealthy}
}

// TestFirstErrorEndsTheTestOfAnEnvironment has the test of the first of several
// connections go wrong in this server, and no other: none is begun after it.
func TestFirstErrorEndsTheTestOfAnEnvironment(t *testing.T) {
	in, kind := newInside(t, Limits{TestsPerUser: 1}), &counted{}
	in.kinds = map[string]Kind{"fake": kind}
	for range 3 {
		in.held(t)
	}
	newID, ids := in.newID, 0
	in.newID = func() belay.ID { // of the checks, one after the other
		if ids++; ids == 1 {
			panic("no id")
		}
		return newID()
	}
	begun := 0
	checks, err := in.TestEnvironment(in.ctx, "", in.environment.ID, EnvironmentWatch{Begun: func(*belay.Connection) { begun++ }})
	if err == nil || !strings.Contains(err.Error(), "no id") || len(checks) != 0 {
		t.Errorf("%d checks, %v", len(checks), err)
	}
	if begun != 1 || kind.tests.Load() != 0 {
		t.Errorf("%d were begun, %d of them tested", begun, kind.tests.Load())
	}
}

// awaiting is a kind whose test ends when somebody has been told that it has
// begun.
type awaiting struct {
	counted
	told chan struct{}
}

func (k *awaiting) Test(ctx context.Context, _ belay.Target) belay.Report {
	select {
	case <-k.told:
		return belay.Report{Health: belay.HealthHealthy}
	case <-ctx.Done():
		return belay.Report{Health: belay.HealthUnhealthy, Summary: "nobody was told"}
	}
}

// TestBegunIsToldBeforeItsEnd tells that a test has begun while it goes on.
func TestBegunIsToldBeforeItsEnd(t *testing.T) {
	in, kind := newInside(t, Limits{}), &awaiting{told: make(chan struct{})}
	in.kinds = map[string]Kind{"fake": kind}
	in.held(t)
	checks, err := in.TestEnvironment(in.ctx, "", in.environment.ID, EnvironmentWatch{Begun: func(*belay.Connection) { close(kind.told) }})
	if err != nil || len(checks) != 1 || checks[0].Health != belay.HealthHealthy {
		t.Errorf("%v, %v", checks, err)
	}
}

// TestWhatIsAllTestedIsNotBrokenOff has the server stop, or somebody cancel,
// when the test of the last connection has begun: nothing is left out then.
func TestWhatIsAllTestedIsNotBrokenOff(t *testing.T) {
	for name, end := range map[string]func(*inside){
		"stopping":  func(in *inside) { in.running.stop() },
		"cancelled": func(in *inside) { _ = in.CancelEnvironmentTest(in.ctx, "", in.environment.ID, "") },
	} {
		in := newInside(t, Limits{})
		in.kinds = map[string]Kind{"fake": &counted{}}
		for range 3 {
			in.held(t)
		}
		begun := 0
		checks, err := in.TestEnvironment(in.ctx, "", in.environment.ID, EnvironmentWatch{Begun: func(*belay.Connection) {
			if begun++; begun == 3 {
				end(in)
			}
		}})
		if err != nil || len(checks) != 3 {
			t.Errorf("%s: %d checks, %v", name, len(checks), err)
		}
	}
}

// TestNothingIsLeftToCancel refuses a second test beside one that is cancelled,
// and does not advise to cancel it.
func TestNothingIsLeftToCancel(t *testing.T) {
	in := newInside(t, Limits{})
	in.held(t)
	first, err := in.newEnvironmentRun(in.ctx, "", in.environment.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer first.leave()
	refused := func() *belay.Error {
		_, err := in.newEnvironmentRun(in.ctx, "", in.environment.ID)
		e, ok := errors.AsType[*belay.Error](err)
		if !ok || e.Code != belay.CodeConflict {
			t.Fatalf("refused with %v", err)
		}
		return e
	}
	if e := refused(); len(e.Remedy) != 1 {
		t.Errorf("before: %+v", e)
	}
	first.cancel()
	if e := refused(); len(e.Remedy) != 0 || !strings.Contains(e.Message, "is cancelled") {
		t.Errorf("after: %+v", e)
	}
}

// TestLeavingATestOfAnEnvironment has who waits for it leave while connections
// are tested: whoever asks is told that no more begin.
func TestLeavingATestOfAnEnvironment(t *testing.T) {
	in, kind := newInside(t, Limits{TestsPerUser: 1}), &holding{began: make(chan struct{}), goOn: make(chan struct{})}
	in.kinds = map[string]Kind{"fake": kind}
	in.held(t)
	in.held(t)
	ctx, leave := context.WithCancel(in.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = in.TestEnvironment(ctx, "", in.environment.ID, EnvironmentWatch{})
	}()
	<-kind.began
	underWay := func() EnvironmentTest {
		t.Helper()
		tests, err := in.EnvironmentTests(in.ctx, "", in.environment.ID)
		if err != nil || len(tests) != 1 {
			t.Fatalf("%+v, %v", tests, err)
		}
		return tests[0]
	}
	if underWay().Cancelled {
		t.Error("it is cancelled before anybody leaves")
	}
	test := in.running.of(in.environment.ID)[0]
	leave()
	select {
	case <-test.cancelled.Done():
	case <-time.After(10 * time.Second): // long past what it takes
	}
	if !underWay().Cancelled {
		t.Error("nobody is told that it begins no more")
	}
	close(kind.goOn)
	<-ended
}

// holding is a kind whose tests say that they have begun, and wait.
type holding struct {
	counted
	began, goOn chan struct{}
}

func (k *holding) Test(context.Context, belay.Target) belay.Report {
	k.began <- struct{}{}
	<-k.goOn
	return belay.Report{Health: belay.HealthHealthy}
}
