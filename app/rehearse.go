package app

import (
	"context"

	"belay/store"
)

// ErrRehearsed is the error of a use case that would have stored what it was
// asked for, and that was only to find out whether it would.
var ErrRehearsed = store.ErrRehearsed

// Rehearse returns a context in which a use case goes as far as its first
// transaction, in which it checks all that it checks, and ends there: with
// what refuses it, or with ErrRehearsed. What comes after a transaction, such
// as a test, does not happen; what comes before does.
func Rehearse(ctx context.Context) context.Context { return store.Rehearse(ctx) }
