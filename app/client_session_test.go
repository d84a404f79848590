package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// program lets the command line in, in a browser's session, and returns what
// it gets.
func (w *threshold) program(s *app.Arrival) *app.Tokens {
	w.t.Helper()
	p, err := w.gate.Session(w.t.Context(), s.Value, "")
	w.must(err)
	verifier, redirect := strings.Repeat("v", 43), "http://127.0.0.1:1234/callback"
	sum := sha256.Sum256([]byte(verifier))
	code, err := w.gate.Authorize(w.t.Context(), p, app.Authorization{
		Client: belay.CommandLineClient, RedirectURI: redirect, Challenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	w.must(err)
	client := app.CommandLineClient()
	tokens, err := w.gate.ExchangeCode(w.t.Context(), &client, code, redirect, verifier, app.Visitor{})
	w.must(err)
	return tokens
}

func (w *threshold) wantProgram(k *app.Tokens, want belay.Code) {
	w.t.Helper()
	if _, err := w.gate.Token(w.t.Context(), k.Access, ""); belay.CodeOf(err) != want {
		w.t.Errorf("the program is answered with %v, want %q", err, want)
	}
}

// TestProgramFollowsTheProvider asks the provider again when it is only a
// program that works for its user, and ends with what the provider ends.
func TestProgramFollowsTheProvider(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second", "web"), nil })
	k := w.program(s)
	w.advance(5 * time.Minute)
	w.wantProgram(k, "")
	if w.times() != 1 || w.teams(s.UserID)[0] != "web" {
		t.Errorf("asked %d times, the teams are %v", w.times(), w.teams(s.UserID))
	}
	client := app.CommandLineClient()
	next, err := w.gate.Refresh(t.Context(), &client, k.Refresh)
	w.must(err)
	w.answers(func(string) (*app.Identity, error) { return nil, belay.Errorf(belay.CodeUnauthenticated, "gone") })
	w.advance(5 * time.Minute)
	w.wantProgram(next, belay.CodeUnauthenticated)
	if _, err := w.gate.Refresh(t.Context(), &client, next.Refresh); !isGrant(err, app.GrantInvalid) {
		t.Errorf("it is refreshed: %v", err)
	}
}

// TestProgramEndsWithTheBrowser of a user who is somebody else's to end; its
// use keeps the browser's session from being idle for too long.
func TestProgramEndsWithTheBrowser(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second"), nil })
	client := app.CommandLineClient()
	k, idle := w.program(s), app.DefaultLifetimes().SessionIdle
	for range 5 {
		w.advance(idle / 2)
		next, err := w.gate.Refresh(t.Context(), &client, k.Refresh)
		w.must(err)
		k = next
		w.wantProgram(k, "")
	}
	w.wantSession(s, w.gate, "")
	if left := s.ExpiresAt.Sub(w.clock()); k.RefreshLife > left {
		t.Errorf("it lasts for %s, and the browser's for %s", k.RefreshLife, left)
	}
	w.must(w.gate.SignOut(t.Context(), s.Value))
	w.advance(time.Second)
	w.wantProgram(k, belay.CodeUnauthenticated)
}

func isGrant(err error, code string) bool {
	e, ok := errors.AsType[*app.GrantError](err)
	return ok && e.Code == code
}
