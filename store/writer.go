package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"belay"
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
	db    *sql.DB     // of one connection
	conn  *sql.Conn   // that one, held until close
	stmts *statements // on it

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

var (
	errClosed = belay.Errorf(belay.CodeUnavailable, "the database is closed")
	// errEnded is what the rest of a batch gets when a function ends the
	// goroutine that leads (runtime.Goexit, as testing's FailNow does).
	errEnded    = errors.New("the goroutine that led this write has ended")
	errPanicked = errors.New("the function has panicked")
)

// newGroupWriter takes over db, which has one connection.
func newGroupWriter(ctx context.Context, db *sql.DB) (*groupWriter, error) {
	// A connection held for good, and "begin immediate" as a statement like
	// any other: preparing on the pool would wait for the connection that a
	// transaction of it holds.
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &groupWriter{db: db, conn: c, stmts: newStatements(c)}
	w.idle = sync.NewCond(&w.mu)
	return w, nil
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

	// Deferred, so that nobody waits forever when a function ends the
	// goroutine.
	defer w.passOn(batch)
	w.commit(batch)
}

// passOn gives the lead to the first who waits, and tells a batch that it is
// over.
func (w *groupWriter) passOn(batch []*write) {
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
	if err := w.exec("begin immediate"); err != nil {
		failAll(batch, fmt.Errorf("begin a transaction: %w", err))
		return
	}
	err := errEnded
	defer func() {
		if err != nil {
			_ = w.exec("rollback") // after some failures SQLite has done so itself
			failAll(batch, err)
		}
	}()
	if err = w.runAll(batch); err != nil {
		return
	}
	if err = w.exec("commit"); err != nil {
		err = fmt.Errorf("commit: %w", err)
	}
}

// runAll runs the functions of a batch, each in a savepoint when there are
// several. The error returned means that the transaction is to be undone.
func (w *groupWriter) runAll(batch []*write) error {
	if len(batch) == 1 {
		return w.call(batch[0])
	}
	for _, j := range batch {
		if err := w.exec("savepoint w"); err != nil {
			return fmt.Errorf("set a savepoint: %w", err)
		}
		if w.call(j) != nil {
			if err := w.exec("rollback to w"); err != nil {
				return fmt.Errorf("undo a failed write: %w", err)
			}
		}
		if err := w.exec("release w"); err != nil {
			return fmt.Errorf("end a savepoint: %w", err)
		}
	}
	return nil
}

// call runs one function, unless its caller has stopped waiting, and keeps
// in j how it ended.
func (w *groupWriter) call(j *write) (err error) {
	defer func() {
		if v := recover(); v != nil {
			// The stack is that of the leader's goroutine, so it is kept here.
			j.panic = fmt.Sprintf("%v\n%s", v, debug.Stack())
			err = errPanicked
		}
	}()
	if j.err = j.ctx.Err(); j.err == nil {
		// Once it runs, its caller's patience ends nothing: an interrupted
		// statement could undo what others wrote.
		j.err = j.fn(context.WithoutCancel(j.ctx), &Tx{Reader: Reader{db: w.stmts}})
	}
	return j.err
}

func (w *groupWriter) exec(query string) error {
	_, err := w.stmts.ExecContext(context.Background(), query)
	return err
}

func failAll(batch []*write, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
	}
}

// checkpoint moves the write-ahead log into the database file. The last one to
// close the database does so by itself; but another program may have it open,
// or a request that did not end in time. While one of them reads, what it may
// still need stays in the log.
func (w *groupWriter) checkpoint() error {
	for _, pragma := range []string{"pragma busy_timeout(1000)", "pragma wal_checkpoint(truncate)"} {
		if err := w.exec(pragma); err != nil {
			return fmt.Errorf("move the write-ahead log into the database: %w", err)
		}
	}
	return nil
}

// close closes the writer's connection after the readers', which may not
// write.
func (w *groupWriter) close(read *sql.DB) error {
	w.mu.Lock()
	again := w.closed
	w.closed = true
	for w.leading {
		w.idle.Wait()
	}
	w.mu.Unlock()
	if again {
		return nil
	}
	err := errors.Join(read.Close(), w.checkpoint())
	w.stmts.close()
	_ = w.conn.Close() // gives it back to db, which closes it
	return errors.Join(err, w.db.Close())
}
