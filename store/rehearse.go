package store

import (
	"context"
	"errors"
)

// ErrRehearsed ends a Write whose context is a rehearsal: all of it was
// carried out, nothing refused it, and nothing of it is kept.
var ErrRehearsed = errors.New("carried out and taken back")

type rehearsal struct{}

// Rehearse returns a context in which Write ends with ErrRehearsed where it
// would have committed.
func Rehearse(ctx context.Context) context.Context {
	return context.WithValue(ctx, rehearsal{}, true)
}

func rehearsed(ctx context.Context) bool { return ctx.Value(rehearsal{}) != nil }
