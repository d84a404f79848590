// Package store keeps the domain in SQLite or PostgreSQL, from one SQL text.
//
// Reads go to a pool of connections; writes go through Write, which on SQLite
// is one writer that commits what waits together (see writer.go), and on
// PostgreSQL an ordinary transaction. Every statement on an organization's
// data names the organization.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"belay"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	Reader
	read   *sql.DB
	write  writer
	access accessChanges
}

// Reader has every method that reads. A Store reads what is committed, a Tx
// also what it has itself written; and what a Tx reads by its id stays as it
// is until the transaction ends.
type Reader struct {
	db   conn
	lock string // what a select ends with that keeps others from changing its row
	// postgres says which engine it is, for what little must be put otherwise:
	// others write at the same time, and subqueries are planned otherwise.
	postgres bool
}

// Tx is one write transaction: it has every method that changes something.
// It is valid only inside the function that Write calls, on one goroutine at
// a time.
type Tx struct {
	Reader
	shard int64 // of the counters, see count.go
	// changed are the organizations in which it changes who may what.
	changed map[belay.ID]bool
}

// keep is what a select ends with that keeps others from deleting the rows of
// some of its tables until the transaction ends; they can still be changed,
// but not those of the table that this transaction is about to change.
func (t *Tx) keep(tables, changed string) string {
	if !t.postgres {
		return ""
	}
	text := " for key share of " + tables
	if changed != "" {
		text = " for no key update of " + changed + text
	}
	return text
}

// seize waits for those who keep a row that is to be deleted, so that who
// comes later finds it gone.
func (t *Tx) seize(ctx context.Context, table string, org, id belay.ID) error {
	if !t.postgres {
		return nil
	}
	_, err := t.execAny(ctx, "select 1 from "+table+" where organization_id = $1 and id = $2 for update", org, id)
	return err
}

// conn is what *sql.DB and *sql.Tx have in common.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// writer runs a function in a transaction and returns when it is durable.
type writer interface {
	do(ctx context.Context, fn func(context.Context, *Tx) error) error
	// close waits for what runs, closes the readers' pool and then its own.
	close(read *sql.DB) error
}

// Open opens the database at url and brings its schema up to date. A url
// that begins with postgres:// or postgresql:// is PostgreSQL; anything else
// is the path of an SQLite file, which is made when it is missing. A schema
// newer than this program is refused and left as it is.
func Open(ctx context.Context, url string) (*Store, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return openPostgres(ctx, url)
	}
	return openSQLite(ctx, url)
}

// Close waits for running writes and closes the database.
func (s *Store) Close() error {
	return s.write.close(s.read)
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// Write runs fn in a transaction and returns after it is durable. When fn
// fails nothing of it is kept, and its error is returned as it is. fn must
// not wait for anything but the database, must use tx and the context given
// to it for all it does, must return the first error that tx gives it, and on
// PostgreSQL may be run again after a conflict with another transaction.
// When ctx ends before fn has begun, fn is not run; after that only
// PostgreSQL heeds it. A closed store is a CodeUnavailable.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rehearsed := rehearsed(ctx)
	var changed map[belay.ID]bool
	// Also when it fails: whether a commit has failed is not always known.
	defer func() { s.access.add(changed) }()
	return s.write.do(ctx, func(ctx context.Context, tx *Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		if rehearsed {
			return ErrRehearsed
		}
		changed = tx.changed
		return tx.countAccess(ctx)
	})
}

// exec runs a statement that must change a row; otherwise it returns
// errNoRow.
func (r Reader) exec(ctx context.Context, query string, args ...any) error {
	n, err := r.execAny(ctx, query, args...)
	if err == nil && n == 0 {
		return errNoRow
	}
	return err
}

// execAny runs a statement and returns how many rows it changed.
func (r Reader) execAny(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := r.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, translate(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count changed rows: %w", err)
	}
	return n, nil
}

// errNoRow says that a statement found no row. Methods turn it into a
// belay.NotFound with the right noun.
var errNoRow = errors.New("no such row")

// row is a *sql.Row or *sql.Rows.
type row interface{ Scan(dest ...any) error }

// one runs a query for one row.
func one[T any](ctx context.Context, r Reader, scan func(row) (T, error), query string, args ...any) (T, error) {
	v, err := scan(r.db.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, errNoRow
	}
	if err != nil {
		return v, translate(err)
	}
	return v, nil
}

// all runs a query and collects its rows.
func all[T any](ctx context.Context, r Reader, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, translate(err)
	}
	return out, nil
}
