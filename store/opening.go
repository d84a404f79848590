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
	ErrTLS         = errors.New("TLS with the database server does not come about")
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
	found := causes(connect, nil)
	why := ErrUnreachable
	if slices.ContainsFunc(found, aboutTLS) {
		why = ErrTLS
	}
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refusal.Code {
		case "28P01", "28000": // invalid_password, invalid_authorization_specification
			if why = ErrSignIn; strings.Contains(refusal.Message, "certificate") {
				why = ErrTLS // it wants one that it trusts
			}
		case "3D000": // invalid_catalog_name
			return ErrNoDatabase
		}
	}
	return fmt.Errorf("%w: %s", why, strings.Join(found, "; "))
}

// aboutTLS tells whether what lies at the bottom of an error is about TLS.
func aboutTLS(cause string) bool {
	return strings.HasPrefix(cause, "x509: ") || strings.HasPrefix(cause, "tls: ") || cause == "server refused TLS connection"
}

// postgresURL says why a URL cannot be used. What the library says repeats it,
// where a password that was not escaped is taken for something else; only what
// is about the files of TLS is told.
func postgresURL(err error) error {
	if e, ok := errors.AsType[*pgconn.ParseConfigError](err); ok && strings.Contains(err.Error(), "failed to configure TLS") {
		if inner := errors.Unwrap(e); inner != nil {
			return fmt.Errorf("open PostgreSQL: %w: %w", ErrTLS, inner)
		}
	}
	return errors.New("open PostgreSQL: the URL cannot be read; it looks like postgres://user:password@host:5432/database")
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
