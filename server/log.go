package server

import (
	"context"
	"log/slog"

	"belay/rest"
)

// traced adds the id of the request to every line that is logged during one,
// so that what a client was told can be found again.
type traced struct{ slog.Handler }

// Handle logs one record.
func (t traced) Handle(ctx context.Context, r slog.Record) error {
	if id := rest.RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("requestId", id))
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs keeps the id on derived loggers.
func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{t.Handler.WithAttrs(attrs)} }

// WithGroup keeps the id on derived loggers.
func (t traced) WithGroup(name string) slog.Handler { return traced{t.Handler.WithGroup(name)} }
