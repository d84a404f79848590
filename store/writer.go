package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// maxBatch bounds how many functions share one commit, and so how long the
// first of them waits.
const maxBatch = 128

// groupWriter is the one writer of an SQLite database. Whoever comes when
// nobody writes runs at once, on his own goroutine. Who comes meanwhile
// waits, and all who wait share the next commit: one fsync for many writes.
//
//	idle ── do ──> leading: run batch, commit ──> nobody waits: idle
//	                  ^                       └─> somebody waits: he leads
type groupWriter struct {
	db *sql.DB // of one connection

	mu      sync.Mutex
	idle    *sync.Cond
	waiting []*write
	leading bool
	closed  bool
}

// write is one function on its way through the writer.
type write struct {
	ctx   context.Context
	fn    func(context.Context, *Tx) error
	err   error
	panic any
	lead  chan struct{} // told to lead the next batch
	done  chan struct{} // told that it is over
}

var errClosed = errors.New("the database is closed")

func newGroupWriter(db *sql.DB) *groupWriter {
	w := &groupWriter{db: db}
	w.idle = sync.NewCond(&w.mu)
	return w
}

func (w *groupWriter) do(ctx context.Context, fn func(context.Context, *Tx) error) error {
	j := &write{ctx: ctx, fn: fn, lead: make(chan struct{}), done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	w.waiting = append(w.waiting, j)
	if w.leading {
		w.mu.Unlock()
		return w.wait(j)
	}
	w.leading = true
	w.mu.Unlock()
	w.runBatch()
	return j.result()
}

// wait returns when j is over, or at once when its context ends before it
// has begun to run.
func (w *groupWriter) wait(j *write) error {
	select {
	case <-j.done:
	case <-j.lead:
		w.runBatch()
	case <-j.ctx.Done():
		if w.cancel(j) {
			return j.ctx.Err()
		}
		select {
		case <-j.done:
		case <-j.lead:
			w.runBatch()
		}
	}
	return j.result()
}

// cancel takes j out of the line. It is too late when j runs, or when it was
// asked to lead: others wait for it then.
func (w *groupWriter) cancel(j *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.waiting {
		if other == j && !(i == 0 && j.asked()) {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// asked tells whether j has been told to lead.
func (j *write) asked() bool {
	select {
	case <-j.lead:
		return true
	default:
		return false
	}
}

func (j *write) result() error {
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// runBatch runs everything that waits in one transaction, then passes the
// lead on.
func (w *groupWriter) runBatch() {
	w.mu.Lock()
	n := min(len(w.waiting), maxBatch)
	batch := w.waiting[:n:n]
	w.waiting = append([]*write(nil), w.waiting[n:]...)
	w.mu.Unlock()

	w.commit(batch)

	w.mu.Lock()
	if len(w.waiting) > 0 {
		close(w.waiting[0].lead)
	} else {
		w.leading = false
		w.idle.Broadcast()
	}
	w.mu.Unlock()
	for _, j := range batch {
		close(j.done)
	}
}

// commit runs a batch and commits it. What fails is undone by itself; when
// the commit fails, all of them have failed.
func (w *groupWriter) commit(batch []*write) {
	// The batch belongs to many callers: no one's cancellation may end it.
	ctx := context.Background()
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		failAll(batch, fmt.Errorf("begin a transaction: %w", err))
		return
	}
	for _, j := range batch {
		if err := j.run(tx, len(batch) > 1); err != nil {
			_ = tx.Rollback()
			failAll(batch, err)
			return
		}
	}
	if len(batch) == 1 && (batch[0].err != nil || batch[0].panic != nil) {
		_ = tx.Rollback()
		return
	}
	if err := tx.Commit(); err != nil {
		failAll(batch, fmt.Errorf("commit: %w", err))
	}
}

// run runs one function. Its own failure is kept in j; the error returned
// means that the transaction itself is lost.
func (j *write) run(tx *sql.Tx, shared bool) error {
	ctx := context.WithoutCancel(j.ctx)
	if !shared {
		j.call(ctx, tx)
		return nil
	}
	if _, err := tx.ExecContext(ctx, "savepoint w"); err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	j.call(ctx, tx)
	end := "release w"
	if j.err != nil || j.panic != nil {
		end = "rollback to w; release w"
	}
	if _, err := tx.ExecContext(ctx, end); err != nil {
		return fmt.Errorf("end a savepoint: %w", err)
	}
	return nil
}

func (j *write) call(ctx context.Context, tx *sql.Tx) {
	defer func() {
		if v := recover(); v != nil {
			// The stack is that of the leader's goroutine, so it is kept here.
			j.panic = fmt.Sprintf("%v\n%s", v, debug.Stack())
		}
	}()
	j.err = j.fn(ctx, &Tx{Reader: Reader{db: tx}})
}

func failAll(batch []*write, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
	}
}

func (w *groupWriter) close() error {
	w.mu.Lock()
	w.closed = true
	for w.leading {
		w.idle.Wait()
	}
	w.mu.Unlock()
	return w.db.Close()
}
