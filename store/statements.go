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

// prepared returns the statement for a text, nil when it is to be run as it
// stands: it cannot be compiled, or too many are kept already.
func (s *statements) prepared(ctx context.Context, query string) *sql.Stmt {
	s.mu.RLock()
	stmt, n := s.kept[query], len(s.kept)
	s.mu.RUnlock()
	if stmt != nil || n >= maxStatements {
		return stmt
	}
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil // running it says what is wrong
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.kept[query]; first != nil {
		_ = stmt.Close()
		return first
	}
	s.kept[query] = stmt
	return stmt
}

// ExecContext implements conn.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return s.db.ExecContext(ctx, query, args...)
}

// QueryContext implements conn.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return s.db.QueryContext(ctx, query, args...)
}

// QueryRowContext implements conn.
func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return s.db.QueryRowContext(ctx, query, args...)
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
