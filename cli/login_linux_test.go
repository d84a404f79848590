package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Who is not signed in is not asked anything: neither what he wants to create,
// nor whether he is sure.
func TestSignedInBeforeQuestions(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"title":"Unauthorized","status":401,"detail":"this request carries no token","code":"unauthenticated"}`))
	}))
	t.Cleanup(server.Close)
	for _, command := range [][]string{{"connection", "create"}, {"credential", "create", "x"}} {
		s := newScreen(t)
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "TERM": "dumb"})
		if got := s.start(t, f, command...)(); got != exitSignIn {
			t.Errorf("%v: ended with %d:\n%s", command, got, s.shown())
		}
		s.sees(t, "sign in: belay login "+server.URL)
		mustNotContain(t, s.shown(), "[y/N]", "number or name")
	}
}

// Where there is no keyring, a file is asked for before anything else.
func TestConsentToFile(t *testing.T) {
	f := newFixture(t, map[string]string{"TERM": "dumb", "SSH_CONNECTION": "x"})
	f.Keyring = ring{kept: map[string]string{}, fault: errNotKept}
	s := newScreen(t)
	wait := s.start(t, f, "login", "http://127.0.0.1:1")
	s.answer(t, "Store the token in ~/.config/belay/credentials.yaml (0600)? [y/N]", 1, "n\r")
	if got := wait(); got != exitInterrupted {
		t.Errorf("ended with %d:\n%s", got, s.shown())
	}
	s.sees(t, "No keyring on this machine")
}
