package store

import (
	"context"
	"database/sql"
	"fmt"

	"modernc.org/sqlite"
)

// Exec runs any statement in a transaction of its own.
func (s *Store) Exec(query string, args ...any) error {
	return s.Write(context.Background(), func(_ context.Context, tx *Tx) error { return ExecIn(tx, query, args...) })
}

// ExecIn runs any statement in a transaction.
func ExecIn(t *Tx, query string, args ...any) error {
	_, err := t.db.ExecContext(context.Background(), query, args...)
	return err
}

// QueryRow runs any query for one row.
func (s *Store) QueryRow(query string, args ...any) *sql.Row {
	return s.read.QueryRowContext(context.Background(), query, args...)
}

// Query runs any query.
func (s *Store) Query(query string, args ...any) (*sql.Rows, error) {
	return s.read.QueryContext(context.Background(), query, args...)
}

// Terms are the words by which an object with these texts is found.
func Terms(texts ...string) []string { return terms(texts...) }

// ParseCursor reads a cursor.
func ParseCursor(s string) error {
	_, err := parseCursor(s)
	return err
}

// CursorRoundTrip writes a cursor and reads it back.
func CursorRoundTrip(column string, down bool, text string, number int64, id string) error {
	want := cursor{Column: column, Down: down, Text: text, Number: number, ID: id}
	got, err := parseCursor(want.String())
	if err == nil && got != want {
		return fmt.Errorf("wrote %+v, read %+v", want, got)
	}
	return err
}

// OnCommit calls fn at each commit of an SQLite store.
func OnCommit(s *Store, fn func()) error {
	return s.write.(*groupWriter).conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { fn(); return 0 })
		return nil
	})
}

// Waiting is how many writes wait for their turn in an SQLite store.
func Waiting(s *Store) int {
	w := s.write.(*groupWriter)
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// QueryRowIn runs any query for one row in a transaction.
func QueryRowIn(t *Tx, query string, args ...any) *sql.Row {
	return t.db.QueryRowContext(context.Background(), query, args...)
}
