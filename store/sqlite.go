package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"

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
	write, err := sql.Open("sqlite", sqliteURL(abs, "_txlock=immediate"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write, engineSQLite); err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read, err := sql.Open("sqlite", sqliteURL(abs, "_pragma=query_only(true)"))
	if err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &Store{
		Reader: Reader{db: read}, engine: engineSQLite, read: read,
		write: newGroupWriter(write),
	}, nil
}

func sqliteURL(path, more string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=foreign_keys(on)&_pragma=cache_size(-4000)&" + more
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
