package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFacts(t *testing.T) {
	for _, c := range []struct{ facts, want string }{
		{`{"version":"3.5.0","targetsUp":4,"tls":{"version":"TLS 1.3"}}`, "prometheus 3.5.0 · 4 targets up"},
		{`{"user":"ops","groups":["a"],"nodeCount":3,"overPrivileged":true,"clusterUid":"x"}`, "3 nodes · over privileged · user ops"},
		{`{"nodeCount":1,"overPrivileged":false}`, "1 node"},
		{`{}`, ""},
		{`null`, ""},
	} {
		it, err := newItem([]byte(c.facts))
		if err != nil {
			t.Fatal(err)
		}
		if got := factsOf(it, "prometheus"); got != c.want {
			t.Errorf("%s: %q, want %q", c.facts, got, c.want)
		}
	}
}

// What a target told is shown of the check that says how it is now. A
// connection that was restored, or has another endpoint, has older checks.
func TestFactsOfAnOlderCheck(t *testing.T) {
	for health, shown := range map[string]bool{`{"status":"healthy","checkId":"newest"}`: true, `{"status":"unchecked"}`: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			connection := `{"id":"id-a","name":"alpha","kind":"prometheus","url":"http://a","status":"registered","health":` + health + `}`
			switch {
			case strings.HasSuffix(r.URL.Path, "/checks"):
				_, _ = io.WriteString(w, `{"checks":[{"id":"newest","facts":{"version":"3.5.0"}}],"totalCount":1}`)
			case strings.HasSuffix(r.URL.Path, "/id-a"):
				_, _ = io.WriteString(w, connection)
			default:
				_, _ = io.WriteString(w, `{"connections":[`+connection+`],"totalCount":1}`)
			}
		}))
		t.Cleanup(server.Close)
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
		f.run(t, exitDone, "connection", "view", "alpha", "-o", "table")
		if got := strings.Contains(f.out.String(), "3.5.0"); got != shown {
			t.Errorf("%s:\n%s", health, f.out.String())
		}
	}
}

// What is restored is said to be untested.
func TestRestoredIsUntested(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `{"id":"id-a","name":"alpha","status":"registered","health":{"status":"unchecked"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"connections":[{"id":"id-a","name":"alpha","status":"deleted"}],"totalCount":1}`)
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitDone, "connection", "restore", "alpha")
	mustContain(t, f.err.String(), "alpha is restored", "It is registered, and not tested since: belay connection test alpha")
}
