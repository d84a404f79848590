package store

import (
	"context"
	"database/sql"
)

// Exec runs any statement in a transaction of its own.
func (s *Store) Exec(query string, args ...any) error {
	return s.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
		_, err := tx.db.ExecContext(ctx, query, args...)
		return err
	})
}

// QueryRow runs any query for one row.
func (s *Store) QueryRow(query string, args ...any) *sql.Row {
	return s.read.QueryRowContext(context.Background(), query, args...)
}
