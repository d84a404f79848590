package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

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
		return nil, postgresURL(err)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "belay"
	}
	db := stdlib.OpenDB(*config, stdlib.OptionBeforeConnect(func(_ context.Context, next *pgx.ConnConfig) error {
		// Certificates are replaced while the server runs.
		if fresh, err := pgx.ParseConfig(url); err == nil {
			next.TLSConfig, next.Fallbacks = fresh.TLSConfig, fresh.Fallbacks
		}
		return nil // with the ones from before there is an answer that says what is wrong
	}))
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	if err := migrate(ctx, db, enginePostgres, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL at %s:%d: %w", config.Host, config.Port, postgresOpening(err)), db.Close())
	}
	return &Store{Reader: Reader{db: db, postgres: true}, read: db, write: &postgresWriter{db: db}}, nil
}

// postgresWriter runs each function in its own transaction; PostgreSQL
// itself lets waiting commits share a flush.
type postgresWriter struct {
	db *sql.DB

	running sync.RWMutex // each transaction holds it for reading
	closed  bool
}

// maxAttempts is how often a function is run that loses against another
// transaction.
const maxAttempts = 5

func (w *postgresWriter) do(ctx context.Context, fn func(context.Context, *Tx) error) error {
	w.running.RLock()
	defer w.running.RUnlock()
	if w.closed {
		return errClosed
	}
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
	if err := fn(ctx, &Tx{Reader: Reader{db: tx, lock: " for no key update", postgres: true}, shard: rand.Int64N(shards)}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// close closes the pool, which readers and writers share.
func (w *postgresWriter) close(read *sql.DB) error {
	w.running.Lock()
	defer w.running.Unlock()
	w.closed = true
	return read.Close()
}

// isPostgresConflict tells whether a transaction lost against another and may
// be tried again: serialization_failure, deadlock_detected, or a row that was
// changed between being read and being written.
func isPostgresConflict(err error) bool {
	if errors.Is(err, errStale) {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// postgresRefusals says in our words what PostgreSQL does not store and SQLite
// does, by error code (appendix A of its manual).
var postgresRefusals = map[string]string{
	"22021": "a text holds what is not a character in UTF-8, or the character U+0000", // character_not_in_repertoire
	"54000": "a text is too long to be found by it",                                   // program_limit_exceeded: of an index
}

// postgresViolation names the constraint that a statement ran against, "" if
// the error is something else (class 23, integrity constraint violation).
func postgresViolation(err *pgconn.PgError) string {
	if len(err.Code) == 5 && err.Code[:2] == "23" {
		return err.ConstraintName
	}
	return ""
}
