package store

import (
	"context"
	"database/sql"
	"sync"
)

// maxStatements bounds how many statements are kept compiled for each
// connection. The texts of daily use come first and are few; what comes when
// the bound is reached is compiled each time.
const maxStatements = 256

// preparer is a *sql.DB or a *sql.Conn.
type preparer interface {
	conn
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements is a conn that keeps what it runs compiled: SQLite takes longer
// to compile a statement of this package than to read one row with it.
type statements struct {
	db   preparer
	mu   sync.RWMutex
	kept map[string]*sql.Stmt
}

func newStatements(db preparer) *statements {
	return &statements{db: db, kept: map[string]*sql.Stmt{}}
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

// get returns the statement for a text. It is the text itself when too many
// are kept, or when it cannot be compiled: running it then says why.
func (s *statements) get(ctx context.Context, query string) statement {
	s.mu.RLock()
	kept, n := s.kept[query], len(s.kept)
	s.mu.RUnlock()
	if kept != nil {
		return kept
	}
	if n >= maxStatements {
		return text{s.db, query}
	}
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return text{s.db, query}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.kept[query]; first != nil {
		defer stmt.Close()
		return first
	}
	s.kept[query] = stmt
	return stmt
}

// ExecContext implements conn.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.get(ctx, query).ExecContext(ctx, args...)
}

// QueryContext implements conn.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.get(ctx, query).QueryContext(ctx, args...)
}

// QueryRowContext implements conn.
func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return s.get(ctx, query).QueryRowContext(ctx, args...)
}

// close frees what is kept. A pool does so by itself when it is closed, a
// *sql.Conn does not, and SQLite keeps a connection open that has statements.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.kept {
		_ = stmt.Close()
	}
	clear(s.kept)
}
