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

// TestEndedIsForgotten ends tokens and sessions that the gate has just let in,
// while its clock stands still: what it remembers would be believed.
func TestEndedIsForgotten(t *testing.T) {
	w := newImportWorld(t)
	at := w.now.Add(time.Minute) // after all that w does
	gate := app.NewGate(app.Config{Store: w.store, Clock: func() time.Time { return at }, NewID: w.newID, Log: slog.New(slog.DiscardHandler)})
	w.Behind(gate)
	me := belay.PrincipalFrom(w.admin).UserID
	lets := func(text belay.Secret, want bool) *belay.Principal {
		t.Helper()
		p, err := gate.Token(t.Context(), text, "192.0.2.1")
		if (err == nil) != want {
			t.Errorf("a token: %v, want let in %v", err, want)
		}
		return p
	}
	enters := func(value belay.Secret, want bool) *belay.Principal {
		t.Helper()
		p, err := gate.Session(t.Context(), value, "192.0.2.1")
		if (err == nil) != want {
			t.Errorf("a session: %v, want let in %v", err, want)
		}
		return p
	}
	issue := func(name string) belay.Secret {
		t.Helper()
		text, err := gate.Issue(t.Context(), belay.Token{UserID: me, Name: name})
		w.must(err)
		return text
	}
	session := func() belay.Secret {
		t.Helper()
		code, err := gate.SignInLink(t.Context(), me)
		w.must(err)
		value, _, err := gate.SignIn(t.Context(), code, "", "")
		w.must(err)
		return value
	}
	revoked, rotated := issue("revoked"), issue("rotated")
	_, err := w.RevokeToken(w.admin, lets(revoked, true).TokenID)
	w.must(err)
	lets(revoked, false)
	none := time.Duration(0)
	next, err := w.RotateToken(w.admin, lets(rotated, true).TokenID, app.Rotation{Overlap: &none})
	w.must(err)
	lets(rotated, false)
	lets(next.Text, true)

	one, other, third := session(), session(), session()
	w.must(w.EndSession(w.admin, enters(one, true).SessionID))
	enters(one, false)
	enters(other, true)
	w.must(gate.SignOut(t.Context(), third))
	_, err = w.EndOtherSessions(w.admin)
	w.must(err)
	enters(other, false)
}
