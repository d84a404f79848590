package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What is under way is shown and cancelled, one's own or another's.
func TestEnvironmentTestUnderWay(t *testing.T) {
	tests, deleted := `[]`, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/test"):
			_, _ = io.WriteString(w, `{"environments":[{"id":"id-e","name":"prod"}],"totalCount":1}`)
		case r.Method == http.MethodDelete:
			deleted = r.URL.RequestURI()
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.WriteString(w, `{"environmentId":"id-e","tests":`+tests+`}`)
		}
	}))
	t.Cleanup(server.Close)
	run := func(want int, args ...string) *fixture {
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
		f.run(t, want, append([]string{"environment", "test", "prod"}, args...)...)
		return f
	}
	mustContain(t, run(exitDone, "--status").err.String(), "no test of prod is under way that you may see")
	tests = `[{"userId":"ann","startedAt":"2026-11-21T19:00:00Z","connections":9,"begun":4,"done":2,"cancelled":true}]`
	mustContain(t, run(exitDone, "--status").out.String(), "ann", "9\t4\t2\tcancelled")
	mustContain(t, run(exitDone, "--status", "-o", "json").out.String(), `"environmentId": "id-e"`, `"begun": 4`)

	// Who reads a document gets one, whatever is asked for.
	mustContain(t, run(exitDone, "--cancel", "-o", "json").out.String(), `"environmentId": "id-e"`, `"cancelled": true`)
	deleted = ""

	run(exitUsage, "--user", "ann")
	run(exitUsage, "--status", "--cancel")
	run(exitDone, "--cancel", "--dry-run")
	if deleted != "" {
		t.Errorf("a dry run cancels %s", deleted)
	}
	mustContain(t, run(exitDone, "--cancel").err.String(), "your test of prod is cancelled")
	if deleted != "/api/environments/id-e/test" {
		t.Errorf("cancelled: %s", deleted)
	}
	run(exitDone, "--cancel", "--user", "ann")
	if deleted != "/api/environments/id-e/test?userId=ann" {
		t.Errorf("cancelled: %s", deleted)
	}
}
