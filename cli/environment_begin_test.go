package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// beginning is a server with the environment prod of one connection; a test of
// it is answered by answer.
func beginning(t *testing.T, answer http.HandlerFunc) *fixture {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/test") && r.Method == http.MethodGet:
			_, _ = io.WriteString(w, `{"environmentId":"id-e","tests":[{"userId":"ann","connections":1,"begun":0,"done":0,"cancelled":false}]}`)
		case strings.HasSuffix(r.URL.Path, "/test"):
			answer(w, r)
		case strings.HasSuffix(r.URL.Path, "/connections"):
			_, _ = io.WriteString(w, `{"connections":[{"id":"id-a","name":"alpha","kind":"http","url":"http://alpha.example"}],"totalCount":1}`)
		default:
			_, _ = io.WriteString(w, `{"environments":[{"id":"id-e","name":"prod"}],"totalCount":1}`)
		}
	}))
	t.Cleanup(server.Close)
	return newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
}

// That something is tested is said once it is: not before it is refused.
func TestRefusedTestIsNotAnnounced(t *testing.T) {
	f := beginning(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"title":"Conflict","status":409,"code":"conflict","detail":"you are testing this environment already"}`)
	})
	for _, more := range []string{"--wait", "--no-wait"} {
		f.run(t, exitConflict, "environment", "test", "prod", more)
		mustContain(t, f.err.String(), "you are testing this environment already")
		mustNotContain(t, f.err.String(), "Testing")
	}
	f = beginning(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonLines)
		_, _ = io.WriteString(w, three+"\n"+healthySummary+"\n")
	})
	f.run(t, exitDone, "environment", "test", "prod")
	mustContain(t, f.err.String(), "Testing 1 connection of prod from the server")
}

// Who reads a document gets one of a test that goes on at the server, too.
func TestStartedTestIsADocument(t *testing.T) {
	f := beginning(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	f.run(t, exitDone, "environment", "test", "prod", "--no-wait", "-o", "json")
	mustContain(t, f.out.String(), `"environmentId": "id-e"`, `"userId": "ann"`)
	f.run(t, exitDone, "environment", "test", "prod", "--no-wait")
	if f.out.Len() > 0 {
		t.Errorf("written: %s", f.out)
	}
}

// A dry run says what would be contacted, and contacts nothing.
func TestDryRunOfEnvironmentTest(t *testing.T) {
	f := beginning(t, func(http.ResponseWriter, *http.Request) { t.Error("it was tested") })
	f.run(t, exitDone, "environment", "test", "prod", "--dry-run")
	mustContain(t, f.err.String(), "would test connection alpha: the server would contact http://alpha.example without a credential — nothing was contacted")
	f.run(t, exitDone, "environment", "test", "prod", "--dry-run", "-o", "json")
	mustContain(t, f.out.String(), `"requests": [`, `"name": "alpha"`)
}

// Where there is nothing to test, nothing is healthy.
func TestEmptyEnvironmentIsNotHealthy(t *testing.T) {
	for ignored, want := range map[string]string{"0": "nothing was tested: there is no connection", "2": "nothing was tested: 2 ignored"} {
		f := beginning(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonLines)
			_, _ = io.WriteString(w, `{"total":0}`+"\n"+`{"summary":{"total":0,"ignored":`+ignored+`}}`+"\n")
		})
		f.run(t, exitDone, "environment", "test", "prod")
		mustContain(t, f.err.String(), want)
		mustNotContain(t, f.err.String(), "healthy")
	}
}
