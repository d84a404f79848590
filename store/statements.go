package store

import (
	recency "container/list" // list is a page's
	"context"
	"database/sql"
	"sync"
)

// maxStatements bounds how many statements are kept compiled for each
// connection. When there are more, the one goes that was not used for longest.
const maxStatements = 256

// preparer is a *sql.DB or a *sql.Conn.
type preparer interface {
	conn
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements is a conn that keeps what it runs compiled: SQLite takes longer
// to compile a statement of this package than to read one row with it.
type statements struct {
	db       preparer
	mu       sync.Mutex
	kept     map[string]*recency.Element
	order    *recency.List // of *compiled, the last used first
	compiles int
}

// compiled is a statement that is kept, or was and is still being started.
type compiled struct {
	*sql.Stmt
	query   string
	users   int
	dropped bool
}

func newStatements(db preparer) *statements {
	return &statements{db: db, kept: map[string]*recency.Element{}, order: recency.New()}
}

// statement is a *sql.Stmt or a text.
type statement interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// text is a statement that is run as it stands.
type text struct {
	db    conn
	query string
}

// ExecContext implements statement.
func (t text) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return t.db.ExecContext(ctx, t.query, args...)
}

// QueryContext implements statement.
func (t text) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return t.db.QueryContext(ctx, t.query, args...)
}

// QueryRowContext implements statement.
func (t text) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return t.db.QueryRowContext(ctx, t.query, args...)
}

// get returns the statement for a text, until done is called. It is the text
// itself when it cannot be compiled: running it then says why.
func (s *statements) get(ctx context.Context, query string) (stmt statement, done func()) {
	if c := s.take(query); c != nil {
		return c, func() { s.release(c) }
	}
	fresh, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return text{s.db, query}, func() {}
	}
	c := s.keep(query, fresh)
	return c, func() { s.release(c) }
}

// take returns a statement that is kept, nil for none.
func (s *statements) take(query string) *compiled {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.kept[query]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	c := e.Value.(*compiled)
	c.users++
	return c
}

// keep adds a statement, unless another has compiled the same meanwhile, and
// drops the one that was not used for longest when there are too many.
func (s *statements) keep(query string, stmt *sql.Stmt) *compiled {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compiles++
	if e := s.kept[query]; e != nil {
		defer stmt.Close()
		first := e.Value.(*compiled)
		first.users++
		return first
	}
	c := &compiled{Stmt: stmt, query: query, users: 1}
	s.kept[query] = s.order.PushFront(c)
	if s.order.Len() > maxStatements {
		s.drop(s.order.Back())
	}
	return c
}

// drop forgets a statement, and closes it unless somebody is about to start
// it. What has been started goes on.
func (s *statements) drop(e *recency.Element) {
	c := s.order.Remove(e).(*compiled)
	delete(s.kept, c.query)
	if c.dropped = true; c.users == 0 {
		_ = c.Close()
	}
}

// release says that a statement has been started.
func (s *statements) release(c *compiled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.users--
	if c.users == 0 && c.dropped {
		_ = c.Close()
	}
}

// ExecContext implements conn.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, done := s.get(ctx, query)
	defer done()
	return stmt.ExecContext(ctx, args...)
}

// QueryContext implements conn.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, done := s.get(ctx, query)
	defer done()
	return stmt.QueryContext(ctx, args...) //nolint:sqlclosecheck // kept, or closed by release
}

// QueryRowContext implements conn.
func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, done := s.get(ctx, query)
	defer done()
	return stmt.QueryRowContext(ctx, args...)
}

// close frees what is kept. A pool does so by itself when it is closed, a
// *sql.Conn does not, and SQLite keeps a connection open that has statements.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.order.Len() > 0 {
		s.drop(s.order.Back())
	}
}
