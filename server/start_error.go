package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"belay"
	"belay/secret"
	"belay/store"
)

// StartError is why a server does not start, for whoever runs it.
type StartError struct {
	Err  error    // what went wrong, and why
	Help []string // what can be done, the most likely first
}

// Error returns all of it in one line.
func (e *StartError) Error() string {
	return strings.Join(append([]string{e.Err.Error()}, e.Help...), "; ")
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

func startError(err error, help ...string) error { return &StartError{Err: err, Help: help} }

// listenError is about the address to listen on.
func listenError(address string, err error) error {
	help := "choose another address: --listen HOST:PORT (BELAY_LISTEN)"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		help = "another program listens there: stop it, or choose another port: --listen HOST:PORT (BELAY_LISTEN)"
	case errors.Is(err, syscall.EACCES):
		help = "a port below 1024 needs a privilege: choose a higher one: --listen HOST:PORT (BELAY_LISTEN)"
	}
	return startError(fmt.Errorf("it cannot listen on %s: %w", address, bottom(err)), help)
}

// dataDirError is about the data directory or a file in it.
func dataDirError(dir string, err error) error {
	other := "choose another directory: --data-dir DIR (BELAY_DATA_DIR)"
	wrapped := fmt.Errorf("the data directory %s cannot be used: %w", dir, err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return startError(wrapped, fmt.Sprintf("let the user who runs the server (uid %d) read and write all that is in it", os.Geteuid()), other)
	case errors.Is(err, syscall.EROFS):
		return startError(wrapped, "it is on a file system that can only be read", other)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return startError(wrapped, "make room there", other)
	}
	return startError(wrapped, other)
}

// databaseError is about the database, embedded in a directory or, with "",
// another server's.
func databaseError(dir string, err error) error {
	const where = "BELAY_DATABASE, or the file that BELAY_DATABASE_FILE names"
	switch {
	case errors.Is(err, store.ErrDamaged):
		return startError(err,
			"put a backup in its place, with the key-encryption key that belongs to it",
			"or move it away to begin anew: everything that is stored in it is then lost")
	case errors.Is(err, store.ErrUnreachable):
		return startError(err, "start the database server, or correct host and port in "+where)
	case errors.Is(err, store.ErrTLS):
		return startError(err, "correct sslrootcert (the authority of the database server), sslcert and sslkey (what is shown to it), and the host, in "+where,
			"sslmode=verify-full checks both authority and name")
	case errors.Is(err, store.ErrSignIn):
		return startError(err, "correct user and password in "+where)
	case errors.Is(err, store.ErrNoDatabase):
		return startError(err, "make the database, or correct its name in "+where)
	case dir != "" && isFileError(err):
		return dataDirError(dir, err)
	}
	return err
}

// keyError is about the key-encryption key.
func keyError(source secret.Source, err error) error {
	file := source.File()
	_, sealed := errors.AsType[*secret.SealedError](err)
	back := "put " + keyWord(err) + " back there, from its backup"
	if !source.Value.IsZero() {
		file, back = "BELAY_KEY", "put "+keyWord(err)+" into BELAY_KEY, from its backup"
	}
	switch {
	case !source.Value.IsZero() && source.Path != "":
		return startError(reason(err), "keep one of them: unset BELAY_KEY, or --key-file (BELAY_KEY_FILE)")
	case errors.Is(err, secret.ErrExposed):
		return startError(reason(err), "let its owner alone use it: "+belay.CommandLine("chmod", "600", file),
			"who may have read it can open every secret of a copy of the database: replace the secrets then")
	case errors.Is(err, fs.ErrPermission):
		return startError(reason(err), fmt.Sprintf("let the user who runs the server (uid %d) own it", os.Geteuid()), "or name another file: --key-file PATH (BELAY_KEY_FILE)")
	case errors.Is(err, secret.ErrNoKey) && !sealed:
		return startError(err, "correct --key-file (BELAY_KEY_FILE)", "without it, a key is made in the data directory at the first start")
	case errors.Is(err, secret.ErrNoKey):
		return startError(reason(err), back+": all stored secrets are sealed under it",
			"or name its file: --key-file PATH (BELAY_KEY_FILE), or give its text in BELAY_KEY", "nothing was changed")
	case errors.Is(err, secret.ErrWrongKey):
		return startError(err, "the key that was given came from "+file, "give the one that is wanted: its file in --key-file PATH (BELAY_KEY_FILE), or its text in BELAY_KEY",
			"or is this the database of another server? then correct --data-dir or BELAY_DATABASE")
	case errors.Is(err, secret.ErrBadKey):
		return startError(reason(err), back)
	}
	return err
}

// keyWord names the key that is wanted, as far as that is known.
func keyWord(err error) string {
	if e, ok := errors.AsType[*secret.SealedError](err); ok {
		return "key " + e.KEK
	}
	return "the key"
}

// reason is the error without the key that is wanted.
func reason(err error) error {
	if e, ok := errors.AsType[*secret.SealedError](err); ok {
		return e.Err
	}
	return err
}

func isFileError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)
	return ok
}

// bottom is the system's own word for an error, without what was wrapped
// around it.
func bottom(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
