package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	sqlite "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// sqliteReaders is how many connections read at once.
const sqliteReaders = 4

// openSQLite opens a database file. synchronous is FULL: an acknowledged
// write survives a power cut. Write transactions begin as immediate ones,
// since a deferred one that finds another writer fails instead of waiting.
func openSQLite(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := touch(abs); err != nil {
		return nil, err
	}
	read, err := sql.Open("sqlite", sqliteURL(abs, "_pragma=query_only(true)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	w, err := openSQLiteWriter(ctx, abs)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), read.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &Store{Reader: Reader{db: newStatements(read)}, read: read, write: w}, nil
}

// touch makes the file when it is missing, readable by its owner only (the
// files that SQLite puts beside it are made alike), and says in the system's
// words why it cannot be written: SQLite's own are misleading.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func openSQLiteWriter(ctx context.Context, path string) (*groupWriter, error) {
	db, err := sql.Open("sqlite", sqliteURL(path, "_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	err = connect(ctx, db)
	if err == nil {
		err = migrate(ctx, db, engineSQLite, migrations)
	}
	if err != nil {
		return nil, errors.Join(sqliteOpening(err), db.Close())
	}
	w, err := newGroupWriter(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return w, nil
}

// How often and how patiently a connection is opened while others are about
// to open the same new file.
const (
	connectAttempts = 500
	connectPause    = 20 * time.Millisecond
)

// connect opens the first connection. It is tried again while the file is
// busy: switching a new file to write-ahead logging does not wait for
// another process that does the same, whatever the busy timeout.
func connect(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		err := db.PingContext(ctx)
		if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code()&0xff != sqlitelib.SQLITE_BUSY || attempt == connectAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(connectPause):
		}
	}
}

func sqliteURL(path, more string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=foreign_keys(on)&_pragma=cache_size(-4000)" +
		// What is deleted is overwritten: a ciphertext that is gone is in no copy
		// of the file either.
		"&_pragma=secure_delete(on)&" + more
}

// sqliteViolation names what a statement ran against: the columns of a
// unique index ("table.column, table.column"), the name of a check, or
// "foreign key". "" when the error is something else.
func sqliteViolation(err *sqlite.Error) string {
	switch err.Code() {
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY,
		sqlitelib.SQLITE_CONSTRAINT_CHECK, sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return err.Error()
	}
	return ""
}
