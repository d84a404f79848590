package app_test

import (
	"log/slog"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// TestRememberedTokenExpires uses a token just before and as it expires: that
// it was looked up a moment ago does not make it live longer.
func TestRememberedTokenExpires(t *testing.T) {
	w := newImportWorld(t)
	now := w.now
	gate := app.NewGate(app.Config{Store: w.store, Clock: func() time.Time { return now }, NewID: w.newID, Log: slog.New(slog.DiscardHandler)})
	expires := now.Add(time.Hour)
	text, err := gate.Issue(t.Context(), belay.Token{UserID: belay.PrincipalFrom(w.admin).UserID, Name: "short", ExpiresAt: expires})
	w.must(err)
	now = expires.Add(-time.Microsecond)
	if _, err := gate.Token(t.Context(), text, ""); err != nil {
		t.Errorf("before its end: %v", err)
	}
	now = expires
	if _, err := gate.Token(t.Context(), text, ""); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("at its end: %v", err)
	}
}
