package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// Why a database does not open, as far as it is known: an error of Open is one
// of these, so that whoever starts the server can be told what to do.
var (
	ErrDamaged     = errors.New("the file is damaged, or is no database")
	ErrUnreachable = errors.New("the database server cannot be reached")
	ErrSignIn      = errors.New("the database server lets nobody in with this user and password")
	ErrNoDatabase  = errors.New("the database server has no database of that name")
)

// sqliteOpening says why a file does not open.
func sqliteOpening(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch {
	case e.Code() == sqlitelib.SQLITE_READONLY_DIRECTORY:
		return fmt.Errorf("the directory must be writable as well: %w", err)
	case e.Code()&0xff == sqlitelib.SQLITE_NOTADB, e.Code()&0xff == sqlitelib.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// postgresOpening says why a connection to PostgreSQL does not come about.
// What the library says repeats the URL, where a password that was not escaped
// is taken for a database's name, and repeats itself for each attempt: only
// what lies at the bottom of it is told.
func postgresOpening(err error) error {
	connect, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return err
	}
	why := ErrUnreachable
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refusal.Code {
		case "28P01", "28000": // invalid_password, invalid_authorization_specification
			why = ErrSignIn
		case "3D000": // invalid_catalog_name
			return ErrNoDatabase
		}
	}
	return fmt.Errorf("%w: %s", why, strings.Join(causes(connect, nil), "; "))
}

// causes lists what lies at the bottom of an error, each text once.
func causes(err error, found []string) []string {
	switch e := err.(type) { //nolint:errorlint // it walks down itself
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			found = causes(inner, found)
		}
		return found
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return causes(inner, found)
		}
	}
	if text := err.Error(); !slices.Contains(found, text) {
		found = append(found, text)
	}
	return found
}
