package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// hold keeps the writer busy until release is called, which returns when that
// write is over.
func (w *world) hold(t *testing.T) (release func()) {
	t.Helper()
	busy, free, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		over <- w.Write(ctx, func(context.Context, *store.Tx) error {
			close(busy)
			<-free
			return nil
		})
	}()
	<-busy
	return func() {
		close(free)
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}

// queued waits until n writes wait for their turn.
func (w *world) queued(n int) {
	for store.Waiting(w.Store) != n {
		runtime.Gosched()
	}
}

// queue starts a write that waits, and returns how it ends.
func (w *world) queue(ctx context.Context, fn func(context.Context, *store.Tx) error) <-chan error {
	n := store.Waiting(w.Store)
	over := make(chan error, 1)
	go func() { over <- w.Write(ctx, fn) }()
	w.queued(n + 1)
	return over
}

func (w *world) creates(name string) func(context.Context, *store.Tx) error {
	e := w.environment(w.org, name)
	return func(ctx context.Context, tx *store.Tx) error { return tx.CreateEnvironment(ctx, e) }
}

func (w *world) names(t *testing.T) string {
	t.Helper()
	page, err := w.Environments(ctx, everything(w.org), belay.EnvironmentFilter{}, belay.Query{Size: 100})
	wantCode(t, err, "")
	var names []string
	for _, e := range page.Items {
		names = append(names, e.Name)
	}
	wantEqual(t, page.Total, len(names))
	return strings.Join(names, " ")
}

// Every acknowledged write is there, from any number of goroutines.
func TestManyWriters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const writers, each = 64, 6
		wantAll(t, together(writers, func(i int) error {
			for n := range each {
				c := w.connection(w.org, fmt.Sprintf("%d %d", i, n))
				if err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, c) }); err != nil {
					return err
				}
				if _, err := w.Connection(ctx, w.org, c.ID); err != nil {
					return fmt.Errorf("acknowledged and not there: %w", err)
				}
			}
			return nil
		}), "")
		page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, writers*each)
		wantCounted(t, w)
	})
}

func TestWaitingWritesShareACommit(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	commits := 0
	if err := store.OnCommit(w.Store, func() { commits++ }); err != nil {
		t.Fatal(err)
	}
	release := w.hold(t)
	var over []<-chan error
	for i := range 200 {
		over = append(over, w.queue(ctx, w.creates(fmt.Sprint(i))))
	}
	release()
	for _, c := range over {
		wantCode(t, <-c, "")
	}
	wantEqual(t, commits, 3) // that of hold, which changed nothing, and two batches of at most 128
	page, err := w.Environments(ctx, everything(w.org), belay.EnvironmentFilter{}, belay.Query{})
	wantCode(t, err, "")
	wantEqual(t, page.Total, 200)
}

func TestFailureInASharedBatch(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	broken := errors.New("broken")
	release := w.hold(t)
	first := w.queue(ctx, w.creates("first"))
	failing := w.queue(ctx, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(w.creates("lost")(ctx, tx), broken)
	})
	taken := w.queue(ctx, w.creates("first"))
	panicking := make(chan any, 1)
	go func() {
		defer func() { panicking <- recover() }()
		_ = w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_ = w.creates("lost too")(ctx, tx)
			panic("at the disco")
		})
	}()
	w.queued(4)
	last := w.queue(ctx, w.creates("last"))
	release()
	wantCode(t, <-first, "")
	wantCode(t, <-last, "")
	wantCode(t, <-taken, belay.CodeConflict)
	if err := <-failing; !errors.Is(err, broken) {
		t.Errorf("got %v, want the function's own error", err)
	}
	if v := fmt.Sprint(<-panicking); !strings.Contains(v, "at the disco") || !strings.Contains(v, "TestFailureInASharedBatch") {
		t.Errorf("the panic came back without its value or stack: %s", v)
	}
	wantEqual(t, w.names(t), "first last")
}

// Alone, too, a failing or panicking function leaves nothing.
func TestFailureAlone(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, "at the disco") {
					t.Errorf("got %s", v)
				}
			}()
			_ = w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				_ = w.creates("lost")(ctx, tx)
				panic("at the disco")
			})
		}()
		wantCode(t, w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(w.creates("lost too")(ctx, tx), errShown)
		}), belay.CodeInternal)
		wantCode(t, w.Write(ctx, w.creates("kept")), "")
		wantEqual(t, w.names(t), "kept")
	})
}

// A function that ends its goroutine takes nobody with it who waits.
func TestGoexit(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_ = w.creates("lost")(ctx, tx)
			runtime.Goexit()
			return nil
		})
	}()
	<-gone
	release := w.hold(t)
	var wg sync.WaitGroup
	for range 3 { // one leads and is ended, whoever of them it is
		wg.Go(func() {
			_ = w.Write(ctx, func(context.Context, *store.Tx) error { runtime.Goexit(); return nil })
		})
	}
	w.queued(3)
	after := w.queue(ctx, w.creates("in the same batch"))
	release()
	wg.Wait()
	if err := <-after; err == nil {
		t.Error("a write was acknowledged whose transaction was given up")
	}
	wantCode(t, w.Write(ctx, w.creates("kept")), "")
	wantEqual(t, w.names(t), "kept")
}

// When the commit fails everyone is told, and the next write works.
func TestFailedCommit(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	orphan := func(_ context.Context, tx *store.Tx) error {
		return errors.Join(store.ExecIn(tx, "pragma defer_foreign_keys = on"),
			store.ExecIn(tx, "insert into connection_labels values ($1, 'a', 'b', 'nowhere')", w.org))
	}
	wantCode(t, w.Write(ctx, orphan), belay.CodeInternal)
	release := w.hold(t)
	over := []<-chan error{w.queue(ctx, w.creates("lost")), w.queue(ctx, orphan), w.queue(ctx, w.creates("lost too"))}
	release()
	for _, c := range over {
		if err := <-c; err == nil || !strings.Contains(err.Error(), "commit") {
			t.Errorf("got %v", err)
		}
	}
	wantCode(t, w.Write(ctx, w.creates("kept")), "")
	wantEqual(t, w.names(t), "kept")
}

func TestCancelledWaiter(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	release := w.hold(t)
	waiting, cancel := context.WithCancel(ctx)
	first := w.queue(waiting, w.creates("never"))
	second := w.queue(ctx, w.creates("kept"))
	third := w.queue(waiting, w.creates("never too"))
	cancel()
	for _, over := range []<-chan error{first, third} { // they return while the writer is still busy
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	release()
	wantCode(t, <-second, "")
	if err := w.Write(waiting, w.creates("too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantEqual(t, w.names(t), "kept")

	// It is not too late while others of the same batch run.
	impatient, cancel := context.WithCancel(ctx)
	release = w.hold(t)
	second = w.queue(ctx, func(context.Context, *store.Tx) error { cancel(); return nil })
	third = w.queue(impatient, w.creates("never either"))
	release()
	wantCode(t, <-second, "")
	if err := <-third; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantEqual(t, w.names(t), "kept")

	// A running function is not interrupted on SQLite: others share its fate.
	running, cancel := context.WithCancel(ctx)
	wantCode(t, w.Write(running, func(ctx context.Context, tx *store.Tx) error {
		cancel()
		return w.creates("last")(ctx, tx)
	}), "")
	wantEqual(t, w.names(t), "kept last")
}

// Who is asked to lead does so, also when nobody waits for his own write any
// more: those behind him would wait forever.
func TestWhoIsAskedToLeadDoesNotLeave(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	left, cancel := context.WithCancel(ctx)
	cancel()
	for range 50 { // of what is ready at once, any may be taken
		ran := 0
		first, over, second := store.LeadWhileLeaving(left, w.Store, func(context.Context, *store.Tx) error { ran++; return nil })
		if !errors.Is(first, context.Canceled) || !over || second != nil || ran != 1 {
			t.Fatalf("it ends with %v; the one behind it: over %t, with %v; %d ran", first, over, second, ran)
		}
	}
}

func TestClose(t *testing.T) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgresURL} {
		t.Run(name, func(t *testing.T) {
			url := open(t)
			s, err := store.Open(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, s)
			busy, free, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				over <- s.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					close(busy)
					<-free
					return w.creates("in time")(ctx, tx)
				})
			}()
			<-busy
			closed := make(chan error, 1)
			go func() { closed <- s.Close() }()
			select {
			case err := <-closed:
				t.Fatalf("closed (%v) while a write was running", err)
			case <-time.After(50 * time.Millisecond): // it waits; were it not to, this could only pass wrongly
			}
			close(free)
			wantCode(t, <-closed, "")
			wantCode(t, <-over, "")

			wantCode(t, s.Write(ctx, w.creates("late")), belay.CodeUnavailable)
			if err := s.Ping(ctx); err == nil {
				t.Error("a closed store answers a ping")
			}
			if _, err := s.Connection(ctx, w.org, w.id()); belay.CodeOf(err) != belay.CodeInternal {
				t.Errorf("got %v from a closed store", err)
			}
			wantCode(t, s.Close(), "") // twice does no harm
			if w.Store, err = store.Open(ctx, url); err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			wantCode(t, w.Ping(ctx), "")
			wantEqual(t, w.names(t), "in time")
		})
	}
}

// What the promise of durability and the foreign keys rest on.
func TestPragmas(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	for pragma, want := range map[string]string{"synchronous": "2", "foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "10000"} {
		wantCode(t, w.try(func(tx *store.Tx) error {
			var got string
			err := store.QueryRowIn(tx, "pragma "+pragma).Scan(&got)
			wantEqual(t, got, want)
			return err
		}), "")
		var got string
		if err := w.QueryRow("pragma " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("readers: %s is %s (%v), want %s", pragma, got, err, want)
		}
	}
	if err := w.QueryRow("delete from users returning 1").Scan(new(int)); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("a reader can write: %v", err)
	}
}

// The lead is handed on through cancellations, failures and closing without
// leaving anybody waiting, and what was acknowledged is there.
func TestHandOver(t *testing.T) {
	for round := range 30 {
		url := sqliteFile(t)
		s, err := store.Open(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, s)
		var acknowledged atomic.Int64
		together(48, func(i int) error {
			r := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			for n := range 4 {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
				err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					if r.IntN(4) == 0 {
						return errShown
					}
					return w.creates(fmt.Sprintf("%d %d", i, n))(ctx, tx)
				})
				if err == nil {
					acknowledged.Add(1)
				}
				cancel()
				if i == 47 && n == 3 && round%2 == 0 {
					wantCode(t, s.Close(), "")
				}
			}
			return nil
		})
		wantCode(t, s.Close(), "")
		w.Store = open(t, url)
		page, err := w.Environments(ctx, everything(w.org), belay.EnvironmentFilter{}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, int(acknowledged.Load()))
	}
}
