package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// threeConnections is a server with connections a, b and c, of which each can
// be deleted but for those that refuse names.
func threeConnections(t *testing.T, refuses ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			for _, name := range refuses {
				if strings.HasSuffix(r.URL.Path, "-"+name) {
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(`{"title":"Forbidden","status":403,"detail":"you may not do this","code":"forbidden"}`))
					return
				}
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write([]byte(`{"connections":[{"id":"id-a","name":"a"},{"id":"id-b","name":"b"},{"id":"id-c","name":"c"}],"totalCount":3}`))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// What was done before a "no" was done, and the command says so.
func TestOneOfSeveralDeclined(t *testing.T) {
	cases := []struct {
		name    string
		answers []string
		want    int
		says    string
	}{
		{"one", []string{"y\r", "n\r"}, exitPartly, "1 of 2 connections deleted — 1 declined"},
		{"the first", []string{"n\r", "y\r"}, exitPartly, "1 of 2 connections deleted — 1 declined"},
		{"both", []string{"n\r", "n\r"}, exitInterrupted, "nothing was changed"},
		{"none", []string{"y\r", "y\r"}, exitDone, "connection b deleted"},
		{"given up", []string{"y\r", "\x03"}, exitInterrupted, "1 of 2 connections deleted — 1 not begun"},
		{"given up at once", []string{"\x03"}, exitInterrupted, "nothing was changed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScreen(t)
			wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t)}), "connection", "delete", "a", "b")
			for i, answer := range c.answers {
				s.answer(t, "[y/N]", i+1, answer)
			}
			if got := wait(); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
			s.sees(t, c.says)
		})
	}
}

func TestOneOfSeveralFails(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t, "b")})
	f.run(t, exitPartly, "connection", "delete", "a", "b", "c", "--yes")
	mustContain(t, f.err.String(), "b: you may not do this", "2 of 3 connections deleted — 1 failed")
	f = newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t, "a", "b")})
	f.run(t, exitForbidden, "connection", "delete", "a", "b", "--yes")
	mustContain(t, f.err.String(), "0 of 2 connections deleted — 2 failed")
}

// One name cannot confirm several deletions, of which the first would be
// carried out before that is found.
func TestConfirmNamesOne(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t)})
	f.run(t, exitUsage, "connection", "delete", "a", "b", "--confirm", "a")
	mustNotContain(t, f.err.String(), "connection a deleted")
	f.run(t, exitUsage, "connection", "delete", "a", "b")
	mustNotContain(t, f.err.String(), "deleted")
}
