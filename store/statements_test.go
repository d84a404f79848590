package store_test

import (
	"fmt"
	"sync"
	"testing"

	"belay"
	"belay/store"
)

// TestPagesShareStatements goes through 500 pages of several sizes.
func TestPagesShareStatements(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	w.addConnection(w.org, "c")
	before, _ := store.Compiled(w.Store)
	for i := range 500 {
		_, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{Page: i, Size: 1 + i%100})
		wantCode(t, err, "")
	}
	if after, _ := store.Compiled(w.Store); after-before > 5 {
		t.Errorf("500 pages take %d statements", after-before)
	}
}

// TestOldStatementsGo asks more different things than are kept, at once from
// several sides: what is used daily stays compiled, and nothing is closed
// that somebody runs.
func TestOldStatementsGo(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	daily := func() {
		if _, err := w.Environments(ctx, everything(w.org), belay.EnvironmentFilter{}, belay.Query{}); err != nil {
			t.Error(err)
		}
	}
	daily()
	before, _ := store.Compiled(w.Store)
	const sides, each = 4, store.MaxStatements
	var all sync.WaitGroup
	for side := range sides {
		all.Go(func() {
			for i := range each {
				var n int
				if err := w.QueryRowKept(fmt.Sprintf("select %d", side*each+i)).Scan(&n); err != nil || n != side*each+i {
					t.Errorf("got %d, %v", n, err)
				}
				if i%16 == 0 {
					daily()
				}
			}
		})
	}
	all.Wait()
	compiled, kept := store.Compiled(w.Store)
	if kept != store.MaxStatements {
		t.Errorf("%d are kept", kept)
	}
	if compiled-before != sides*each {
		t.Errorf("%d were compiled for %d new ones", compiled-before, sides*each)
	}
}

// TestStatementIsClosedAfterUse drops one that is about to be started.
func TestStatementIsClosedAfterUse(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	if err := store.RunDropped(w.Store); err != nil {
		t.Error(err)
	}
}
