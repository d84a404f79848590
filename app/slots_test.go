package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"belay"
	"belay/app"
)

// held is a kind whose tests last until they are let go.
type held struct {
	fakeKind
	began, finish chan struct{}
}

func newHeld() *held {
	h := &held{began: make(chan struct{}, 100), finish: make(chan struct{})}
	h.test = func(ctx context.Context, _ belay.Target) belay.Report {
		h.began <- struct{}{}
		select {
		case <-h.finish:
		case <-ctx.Done():
		}
		return belay.Report{Health: belay.HealthHealthy}
	}
	return h
}

// makers are the use cases that test something at another system.
func makers(a *app.App, connection, environment belay.ID) map[string]func(context.Context) error {
	connected := belay.StatusConnected
	return map[string]func(context.Context) error{
		"TestDraft": func(ctx context.Context) error {
			_, err := a.TestDraft(ctx, "", connectionTo("", ""))
			return err
		},
		"TestConnection": func(ctx context.Context) error {
			_, err := a.TestConnection(ctx, "", connection)
			return err
		},
		"StartTest": func(ctx context.Context) error { return a.StartTest(ctx, "", connection) },
		"TestEnvironment": func(ctx context.Context) error {
			_, err := a.TestEnvironment(ctx, "", environment, app.EnvironmentWatch{})
			return err
		},
		"StartEnvironmentTest": func(ctx context.Context) error { return a.StartEnvironmentTest(ctx, "", environment) },
		"CreateConnection": func(ctx context.Context) error {
			ch := connectionTo("another", "")
			ch.Status = &connected
			_, err := a.CreateConnection(ctx, "", ch)
			return err
		},
		"UpdateConnection": func(ctx context.Context) error {
			_, err := a.UpdateConnection(ctx, "", connection, 0, app.ConnectionChange{Status: &connected})
			return err
		},
		"PingKubernetes": func(ctx context.Context) error {
			_, err := a.PingKubernetes(ctx, "", connection)
			return err
		},
		"PreviewKubeconfig": func(ctx context.Context) error {
			_, err := a.PreviewKubeconfig(ctx, "", app.KubeconfigUpload{Data: kubeconfigOf(1)})
			return err
		},
		"ImportKubeconfig": func(ctx context.Context) error {
			_, err := a.ImportKubeconfig(ctx, "", app.KubeconfigUpload{Data: kubeconfigOf(1)}, app.KubeconfigImport{})
			return err
		},
	}
}

func kubeconfigOf(contexts int) []byte {
	var b strings.Builder
	b.WriteString("clusters:\n- {name: c, cluster: {server: 'https://127.0.0.1:1'}}\nusers:\n- {name: u, user: {token: not-a-real-token}}\ncontexts:\n")
	for i := range contexts {
		fmt.Fprintf(&b, "- {name: k%d, context: {cluster: c, user: u}}\n", i)
	}
	return []byte(b.String())
}

// twoConnections are registered and put into an environment.
func twoConnections(ctx context.Context, t *testing.T, a *app.App) (belay.ID, belay.ID) {
	t.Helper()
	name := "production"
	e, err := a.CreateEnvironment(ctx, "", app.EnvironmentChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	var last belay.ID
	for _, name := range []string{"one", "two"} {
		ch, kind := connectionTo(name, ""), map[string]string{"one": "fake", "two": "kubernetes"}[name]
		ch.Kind = &kind
		v, err := a.CreateConnection(ctx, "", ch)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.AssignConnection(ctx, "", e.ID, v.ID); err != nil {
			t.Fatal(err)
		}
		last = v.ID
	}
	return last, e.ID
}

// TestNoSlot lets one test take the only slot: whatever would test is then
// refused, says when to come back, and has done nothing.
func TestNoSlot(t *testing.T) {
	for name, limits := range map[string]app.Limits{"per user": {TestsPerUser: 1}, "per process": {Tests: 1}} {
		t.Run(name, func(t *testing.T) {
			h := newHeld()
			a, ctx := newOwner(t, h, limits)
			connection, environment := twoConnections(ctx, t, a)
			first := make(chan error, 1)
			go func() { first <- run1(a.TestDraft(ctx, "", connectionTo("", ""))) }()
			<-h.began
			for name, use := range makers(a, connection, environment) {
				err := use(ctx)
				e, ok := errors.AsType[*belay.Error](err)
				if !ok || e.Code != belay.CodeRateLimited || e.RetryAfter <= 0 || !strings.Contains(e.Message, "repeat the request") {
					t.Errorf("%s beside a test: %v", name, err)
				}
			}
			if page, err := a.Connections(ctx, "", belay.ConnectionFilter{}, belay.Query{}); err != nil || page.Total != 2 {
				t.Errorf("what was refused has left %d connections, %v", page.Total, err)
			}
			close(h.finish)
			if err := <-first; err != nil {
				t.Error(err)
			}
		})
	}
}

func run1(_ *app.Check, err error) error { return err }

// TestSlotIsFreed makes every test one after the other with a single slot.
func TestSlotIsFreed(t *testing.T) {
	for name, outcome := range map[string]func() belay.Report{
		"passes": func() belay.Report { return belay.Report{Health: belay.HealthHealthy} },
		"panics": func() belay.Report { panic("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			k := &fakeKind{test: func(context.Context, belay.Target) belay.Report { return outcome() }}
			a, ctx := newOwner(t, k, app.Limits{Tests: 1, TestsPerUser: 1})
			connection, environment := twoConnections(ctx, t, a)
			for round := range 2 {
				for name, use := range makers(a, connection, environment) {
					if name == "StartTest" || name == "StartEnvironmentTest" {
						continue // nobody knows when it has ended
					}
					if err := use(ctx); belay.CodeOf(err) == belay.CodeRateLimited {
						t.Errorf("%s in round %d: %v", name, round, err)
					}
				}
			}
		})
	}
}

// TestSlotIsFreedAfterLeaving has the caller leave: a test that goes on
// without him keeps its slot until it ends, any other frees it at once.
func TestSlotIsFreedAfterLeaving(t *testing.T) {
	h := newHeld()
	a, ctx := newOwner(t, h, app.Limits{Tests: 1})
	connection, environment := twoConnections(ctx, t, a)
	use := makers(a, connection, environment)
	leave := func(name string) {
		t.Helper()
		left, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- use[name](left) }()
		<-h.began
		cancel()
		if name == "TestEnvironment" {
			h.finish <- struct{}{} // it waits for those that it began
		}
		if err := <-ended; err == nil && name != "TestDraft" {
			t.Errorf("%s: whoever has left is told that all went well", name)
		}
	}
	for range 3 {
		leave("TestDraft")
		leave("TestEnvironment")
	}
	leave("TestConnection")
	if err := use["TestDraft"](ctx); belay.CodeOf(err) != belay.CodeRateLimited {
		t.Errorf("beside a test whose caller has left: %v", err)
	}
	joined := make(chan error, 1)
	go func() { joined <- use["TestConnection"](ctx) }() // joins, or finds the slot free
	close(h.finish)
	if err := <-joined; err != nil {
		t.Errorf("joining a test that goes on: %v", err)
	}
	if err := use["TestDraft"](ctx); err != nil {
		t.Errorf("after the test has ended: %v", err)
	}
}

// TestSlotsAreEachUsers lets another user test while one has no slot left.
func TestSlotsAreEachUsers(t *testing.T) {
	h := newHeld()
	a, ctx := newOwner(t, h, app.Limits{TestsPerUser: 1})
	first := make(chan error, 1)
	go func() { first <- run1(a.TestDraft(ctx, "", connectionTo("", ""))) }()
	<-h.began
	other := *belay.PrincipalFrom(ctx)
	other.UserID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
	second := make(chan error, 1)
	go func() {
		second <- run1(a.TestDraft(belay.WithPrincipal(ctx, &other), "", connectionTo("", "")))
	}()
	<-h.began
	close(h.finish)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

// TestEnvironmentKeepsToTheLimit counts how many connections are tested at
// once.
func TestEnvironmentKeepsToTheLimit(t *testing.T) {
	for _, most := range []int{1, 2, 8} {
		var now, peak atomic.Int32
		var all sync.WaitGroup // of as many as can be at once
		all.Add(min(most, 2))
		k := &fakeKind{test: func(context.Context, belay.Target) belay.Report {
			n := now.Add(1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
			}
			if most > 1 {
				all.Done()
				all.Wait()
			}
			now.Add(-1)
			return belay.Report{Health: belay.HealthHealthy}
		}}
		a, ctx := newOwner(t, k, app.Limits{TestsPerUser: most})
		_, environment := twoConnections(ctx, t, a)
		checks, err := a.TestEnvironment(ctx, "", environment, app.EnvironmentWatch{})
		if err != nil || len(checks) != 2 || checks[0].Health != belay.HealthHealthy || checks[1].Health != belay.HealthHealthy {
			t.Errorf("with %d slots: %v, %v", most, checks, err)
		}
		if int(peak.Load()) != min(most, 2) {
			t.Errorf("with %d slots, %d connections were tested at once", most, peak.Load())
		}
	}
}

// TestManyContexts previews and imports a file with more contexts than one
// request tests.
func TestManyContexts(t *testing.T) {
	var tests atomic.Int32
	k := &fakeKind{test: func(context.Context, belay.Target) belay.Report {
		tests.Add(1)
		return belay.Report{Health: belay.HealthHealthy}
	}}
	a, ctx := newOwner(t, k, app.Limits{Contexts: 3})
	upload := app.KubeconfigUpload{Data: append(kubeconfigOf(7), "current-context: k5\n"...)}
	p, err := a.PreviewKubeconfig(ctx, "", upload)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Contexts) != 7 || tests.Load() != 3 {
		t.Fatalf("%d contexts, %d tests", len(p.Contexts), tests.Load())
	}
	for i, k := range p.Contexts {
		want := i == 0 || i == 1 || i == 5
		said := false
		for _, problem := range k.Problems {
			said = said || problem.Code == app.ProblemNotTested
		}
		if (k.Check != nil) != want || said == want || k.State != app.MatchNew {
			t.Errorf("%s: tested %t, told so %t, %s", k.Name, k.Check != nil, said, k.State)
		}
	}
	tests.Store(0)
	one := upload
	one.Contexts = []string{"k4"}
	if p, err = a.PreviewKubeconfig(ctx, "", one); err != nil {
		t.Fatal(err)
	}
	if len(p.Contexts) != 1 || p.Contexts[0].Name != "k4" || p.Contexts[0].Check == nil || tests.Load() != 1 {
		t.Errorf("of one context %d are previewed with %d tests", len(p.Contexts), tests.Load())
	}
	out, err := a.ImportKubeconfig(ctx, "", upload, app.KubeconfigImport{})
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range out {
		want := app.ImportFailed
		if i == 0 || i == 1 || i == 5 {
			want = app.ImportCreated
		}
		if k.Outcome != want || want == app.ImportFailed && !strings.Contains(k.Message, "names it") {
			t.Errorf("%s: %s, %s", k.Name, k.Outcome, k.Message)
		}
	}
	rest := app.KubeconfigImport{Contexts: []app.ContextImport{{Name: "k6"}}}
	if out, err = a.ImportKubeconfig(ctx, "", upload, rest); err != nil || len(out) != 1 || out[0].Outcome != app.ImportCreated {
		t.Errorf("the rest: %+v, %v", out, err)
	}
}

// TestEnvironmentOnceAtATime refuses a second test of an environment beside the
// first of the same user, and lets him test again when that has ended.
func TestEnvironmentOnceAtATime(t *testing.T) {
	h := newHeld()
	a, ctx := newOwner(t, h)
	_, environment := twoConnections(ctx, t, a)
	first := make(chan error, 1)
	test := func() error {
		checks, err := a.TestEnvironment(ctx, "", environment, app.EnvironmentWatch{})
		if err == nil && len(checks) != 2 {
			t.Errorf("%d checks", len(checks))
		}
		return err
	}
	go func() { first <- test() }()
	<-h.began
	<-h.began
	for range 3 {
		if err := a.StartEnvironmentTest(ctx, "", environment); belay.CodeOf(err) != belay.CodeConflict {
			t.Errorf("beside the first: %v", err)
		}
	}
	close(h.finish)
	if err := <-first; err != nil {
		t.Error(err)
	}
	told := 0
	checks, err := a.TestEnvironment(ctx, "", environment, app.EnvironmentWatch{Ended: func(*app.Check) { told++ }})
	if err != nil || told != 2 || len(checks) != 0 {
		t.Errorf("after the first: %d checks told, %d returned, %v", told, len(checks), err)
	}
}
