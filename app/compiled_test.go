package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"belay"
)

// accessTo is what somebody may who has a role in n workspaces.
func accessTo(n int) *belay.Access {
	a := &belay.Access{Workspaces: map[belay.ID]belay.Role{}}
	for i := range n {
		a.Workspaces[belay.ID(fmt.Sprint(i))] = belay.RoleViewer
	}
	return a
}

// TestCompiledIsRightForItsState asks at one state after the other, and
// compiles only when what is known may be outdated.
func TestCompiledIsRightForItsState(t *testing.T) {
	var c compiled
	who := belay.Viewer{UserID: "ann"}
	for i, step := range []struct {
		viewer   belay.Viewer
		now      grantsState
		compiles bool
	}{
		{who, grantsState{1, 0}, true},
		{who, grantsState{1, 0}, false},
		{who, grantsState{2, 0}, true},  // another replica has changed something
		{who, grantsState{1, 0}, false}, // asked with another token, looked up before
		{who, grantsState{2, 1}, true},  // changed here
		{who, grantsState{2, 1}, false},
		{who, grantsState{1, 2}, true}, // changed here, asked with a token looked up before
		{who, grantsState{1, 2}, false},
		{who, grantsState{3, 2}, true},
		{belay.Viewer{UserID: "ann", WorkspaceID: "w"}, grantsState{3, 2}, true},
		{belay.Viewer{UserID: "ann", All: true, WorkspaceID: "w"}, grantsState{3, 2}, true},
		{who, grantsState{3, 2}, false},
	} {
		compiles := false
		_, err := c.of(t.Context(), step.viewer, step.now, func(context.Context) (*belay.Access, error) {
			compiles = true
			return accessTo(1), nil
		})
		if err != nil || compiles != step.compiles {
			t.Errorf("step %d: compiles %t, want %t; %v", i, compiles, step.compiles, err)
		}
	}
}

// TestCompiledIsBounded keeps no more than its limit, of what was used last.
func TestCompiledIsBounded(t *testing.T) {
	c := compiled{limit: 100}
	for i := range 1000 {
		n := i % 30
		_, err := c.of(t.Context(), belay.Viewer{UserID: belay.ID(fmt.Sprint(i))}, grantsState{}, func(context.Context) (*belay.Access, error) { return accessTo(n), nil })
		if err != nil || c.entries > c.limit || len(c.known) != c.used.Len() || len(c.waited) > 0 {
			t.Fatalf("after %d: %d entries of %d users in %d, %d waited for; %v", i, c.entries, c.used.Len(), len(c.known), len(c.waited), err)
		}
	}
	if _, ok := c.known[belay.Viewer{UserID: "999"}]; !ok {
		t.Error("the last one was forgotten")
	}
	_, err := c.of(t.Context(), belay.Viewer{UserID: "much"}, grantsState{}, func(context.Context) (*belay.Access, error) { return accessTo(1000), nil })
	if err != nil || c.entries != 0 || len(c.known) != 0 {
		t.Errorf("what is larger than all is kept: %d entries; %v", c.entries, err)
	}
}

// TestCompiledOnce asks from many sides at once; and again when the one that
// compiled has failed.
func TestCompiledOnce(t *testing.T) {
	var c compiled
	var compilations atomic.Int64
	begun, finish := make(chan struct{}), make(chan struct{})
	failed := errors.New("made up")
	compile := func(context.Context) (*belay.Access, error) {
		if compilations.Add(1) == 1 {
			close(begun)
			<-finish
			return nil, failed
		}
		return accessTo(1), nil
	}
	var wg sync.WaitGroup
	ask := func(want error) {
		if a, err := c.of(t.Context(), belay.Viewer{}, grantsState{}, compile); !errors.Is(err, want) || want == nil && a == nil {
			t.Errorf("answered %v, %v", a, err)
		}
	}
	wg.Go(func() { ask(failed) })
	<-begun
	for range 20 {
		wg.Go(func() { ask(nil) })
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.of(gone, belay.Viewer{}, grantsState{}, compile); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait any more gets %v", err)
	}
	close(finish)
	wg.Wait()
	if n := compilations.Load(); n != 2 {
		t.Errorf("compiled %d times, want 2", n)
	}
}

// TestCompiledOutOfOrder ends an old compilation after a newer one: what is
// older is not kept, and who asks at the newer state never waits for it.
func TestCompiledOutOfOrder(t *testing.T) {
	var c compiled
	newer := accessTo(2)
	_, err := c.of(t.Context(), belay.Viewer{}, grantsState{1, 0}, func(ctx context.Context) (*belay.Access, error) {
		if _, err := c.of(ctx, belay.Viewer{}, grantsState{1, 1}, func(context.Context) (*belay.Access, error) { return newer, nil }); err != nil {
			return nil, err
		}
		return accessTo(1), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.of(t.Context(), belay.Viewer{}, grantsState{1, 1}, func(context.Context) (*belay.Access, error) { return nil, errors.New("compiled again") })
	if err != nil || got != newer {
		t.Errorf("known is %v, %v", got, err)
	}
}
