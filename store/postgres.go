package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresConns is how many connections one replica uses at most.
const postgresConns = 16

// shards is over how many rows a counter is spread, so that concurrent
// transactions do not wait for one another's row.
const shards = 16

func openPostgres(ctx context.Context, url string) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx blanks out the password in what it says; the URL is ours to hide.
		return nil, errors.New("open PostgreSQL: the URL cannot be read; it looks like postgres://user:password@host:5432/database")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "belay"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	if err := migrate(ctx, db, enginePostgres); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open PostgreSQL at %s: %w", config.Host, err)
	}
	return &Store{
		Reader: Reader{db: db}, engine: enginePostgres, read: db,
		write: &postgresWriter{db: db},
	}, nil
}

// postgresWriter runs each function in its own transaction; PostgreSQL
// itself lets waiting commits share a flush.
type postgresWriter struct{ db *sql.DB }

// maxAttempts is how often a function is run that loses against another
// transaction.
const maxAttempts = 5

func (w *postgresWriter) do(ctx context.Context, fn func(context.Context, *Tx) error) error {
	var err error
	for range maxAttempts {
		if err = w.once(ctx, fn); !isPostgresConflict(err) {
			return err
		}
	}
	return err
}

func (w *postgresWriter) once(ctx context.Context, fn func(context.Context, *Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(ctx, &Tx{Reader: Reader{db: tx}, shard: rand.Int64N(shards)}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// close has nothing to do: readers and writers share the pool, which the
// Store closes.
func (w *postgresWriter) close() error { return nil }

// isPostgresConflict tells whether a transaction lost against another and may
// be tried again: serialization_failure and deadlock_detected.
func isPostgresConflict(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// postgresViolation names the constraint that a statement ran against, "" if
// the error is something else (class 23, integrity constraint violation).
func postgresViolation(err *pgconn.PgError) string {
	if len(err.Code) == 5 && err.Code[:2] == "23" {
		return err.ConstraintName
	}
	return ""
}
