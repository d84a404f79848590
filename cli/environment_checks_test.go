package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// streaming is a server with an environment of the connections alpha, beta and
// gamma-of-a-longer-name. Its test is answered with what is told it.
type streaming struct {
	url   string
	lines chan string // closed: the answer ends; "cut": it is cut off
}

func newStreaming(t *testing.T) *streaming {
	t.Helper()
	s := &streaming{lines: make(chan string, 100)} // so that nobody waits for a client that has left
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/test"):
			s.answer(w, r)
		case strings.HasSuffix(r.URL.Path, "/connections"):
			_, _ = io.WriteString(w, `{"connections":[{"id":"id-a","name":"alpha","kind":"http"},{"id":"id-b","name":"beta","kind":"http"},
				{"id":"id-c","name":"gamma-of-a-longer-name","kind":"prometheus"}],"totalCount":3}`)
		default:
			_, _ = io.WriteString(w, `{"environments":[{"id":"id-e","name":"prod"}],"totalCount":1}`)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *streaming) answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") != jsonLines {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	for {
		select {
		case <-r.Context().Done():
			return
		case line, ok := <-s.lines:
			if !ok {
				return
			}
			if line == "cut" {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, line+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func checkOf(id, health string) string {
	return fmt.Sprintf(`{"check":{"id":"k","connectionId":"id-%s","durationMs":7,"health":%q,"cause":"x","summary":"told by %s"}}`, id, health, id)
}

func begunOf(id, name string) string {
	return fmt.Sprintf(`{"begun":{"connectionId":"id-%s","connectionName":%q}}`, id, name)
}

const (
	three   = `{"total":3}`
	summary = `{"summary":{"total":3,"healthy":2,"degraded":0,"unhealthy":1,"unknown":0}}`

	healthySummary = `{"summary":{"total":3,"healthy":3,"degraded":0,"unhealthy":0,"unknown":0}}`
)

// sink is an output that can be looked at while it is written.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor waits until a text was written.
func (s *sink) waitFor(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q does not come; so far:\n%s", text, s.String())
		}
	}
}

// begin runs a command line with an output that can be looked at meanwhile.
func (f *fixture) begin(ctx context.Context, args ...string) (out *sink, wait func() int) {
	out = &sink{}
	f.Stdout = out
	status := make(chan int, 1)
	go func() { status <- f.Run(ctx, args) }()
	return out, func() int { return <-status }
}

// Rows are shown as they come, whatever else is still tested.
func TestEnvironmentIsTestedRowByRow(t *testing.T) {
	for format, want := range map[string]string{
		"table": "NAME                    KIND        HEALTH       TOOK     WHY\n" +
			"gamma-of-a-longer-name  prometheus  ● healthy    7ms\n" +
			"alpha                   http        x unhealthy  7ms      x  told by a\n" +
			"beta                    http        ● healthy    7ms\n",
		"tsv":  "NAME\tKIND\tHEALTH\tTOOK\tWHY\ngamma-of-a-longer-name\tprometheus\thealthy\t7ms\t\nalpha\thttp\tunhealthy\t7ms\tx  told by a\nbeta\thttp\thealthy\t7ms\t\n",
		"csv":  "NAME,KIND,HEALTH,TOOK,WHY\ngamma-of-a-longer-name,prometheus,healthy,7ms,\nalpha,http,unhealthy,7ms,x  told by a\nbeta,http,healthy,7ms,\n",
		"name": "connection/gamma-of-a-longer-name\nconnection/alpha\nconnection/beta\n",
	} {
		s := newStreaming(t)
		f := newFixture(t, map[string]string{"BELAY_SERVER": s.url})
		out, wait := f.begin(t.Context(), "environment", "test", "prod", "-o", format)
		s.lines <- three
		s.lines <- checkOf("c", "healthy")
		out.waitFor(t, "gamma-of-a-longer-name")
		s.lines <- checkOf("a", "unhealthy")
		out.waitFor(t, "alpha")
		s.lines <- checkOf("b", "healthy")
		s.lines <- summary
		close(s.lines)
		if got := wait(); got != exitUnhealthy || out.String() != want {
			t.Errorf("%s: status %d,\n%s\nwant\n%s", format, got, out.String(), want)
		}
		mustContain(t, f.err.String(), "1 of 3 connections failed")
	}
}

// A document is whole: in the order of the names, with the summary.
func TestEnvironmentIsTestedAsADocument(t *testing.T) {
	s := newStreaming(t)
	f := newFixture(t, map[string]string{"BELAY_SERVER": s.url})
	out, wait := f.begin(t.Context(), "connection", "test", "--environment", "prod", "-o", "json")
	for _, line := range []string{three, checkOf("c", "healthy"), checkOf("a", "healthy"), checkOf("b", "healthy"), healthySummary} {
		s.lines <- line
	}
	close(s.lines)
	if got := wait(); got != exitDone {
		t.Errorf("status %d", got)
	}
	var d struct {
		Checks  []struct{ ConnectionID string }
		Summary struct{ Healthy int }
	}
	if err := json.Unmarshal([]byte(out.String()), &d); err != nil || len(d.Checks) != 3 || d.Checks[0].ConnectionID != "id-a" || d.Checks[2].ConnectionID != "id-c" || d.Summary.Healthy != 3 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// What ends before its end shows what came, and says that it is not all.
func TestEnvironmentIsTestedInPart(t *testing.T) {
	problem := `{"problem":{"title":"Unauthorized","status":401,"detail":"the token was revoked","code":"unauthenticated","requestId":"r"}}`
	for name, c := range map[string]struct {
		end  []string
		want int
		says string
	}{
		"cut off":         {[]string{"cut"}, exitPartly, "1 of 3 tested; begun, and goes on at the server: gamma-of-a-longer-name; not tested: alpha"},
		"ended":           {nil, exitPartly, "broke off — 1 of 3 tested; begun, and goes on at the server: gamma-of-a-longer-name; not tested: alpha"},
		"half a line":     {[]string{`{"chec`, "cut"}, exitPartly, "1 of 3 tested; begun, and goes on at the server: gamma-of-a-longer-name; not tested: alpha"},
		"a problem":       {[]string{problem}, exitSignIn, "the token was revoked — 1 of 3 tested, 2 not tested"},
		"before the rest": {[]string{problem, "cut"}, exitSignIn, "the token was revoked"},
	} {
		for _, format := range []string{"table", "json"} {
			t.Run(name+" "+format, func(t *testing.T) {
				s := newStreaming(t)
				f := newFixture(t, map[string]string{"BELAY_SERVER": s.url, "BELAY_TOKEN": testToken})
				out, wait := f.begin(t.Context(), "environment", "test", "prod", "-o", format)
				for _, line := range append([]string{three, begunOf("b", "beta"), begunOf("c", "gamma-of-a-longer-name"), checkOf("b", "healthy")}, c.end...) {
					s.lines <- line
				}
				if len(c.end) == 0 || c.end[len(c.end)-1] != "cut" {
					close(s.lines)
				}
				if got := wait(); got != c.want {
					t.Errorf("status %d, want %d", got, c.want)
				}
				mustContain(t, out.String(), map[string]string{"table": "beta", "json": `"connectionId": "id-b"`}[format])
				if format == "table" {
					mustContain(t, f.err.String(), c.says)
				}
			})
		}
	}
}

// Ctrl-C keeps what came.
func TestEnvironmentTestIsInterrupted(t *testing.T) {
	for _, format := range []string{"table", "tsv", "name"} {
		s := newStreaming(t)
		f := newFixture(t, map[string]string{"BELAY_SERVER": s.url})
		ctx, interrupt := context.WithCancel(t.Context())
		out, wait := f.begin(ctx, "environment", "test", "prod", "-o", format)
		s.lines <- three
		s.lines <- begunOf("c", "gamma-of-a-longer-name")
		s.lines <- begunOf("b", "beta")
		s.lines <- checkOf("b", "healthy")
		out.waitFor(t, "beta")
		interrupt()
		if got := wait(); got != exitInterrupted {
			t.Errorf("%s: status %d", format, got)
		}
		mustContain(t, f.err.String(), "interrupted", "1 of 3 tested; begun, and goes on at the server: gamma-of-a-longer-name; not tested: alpha", "belay environment test prod --status, then belay environment view prod")
	}
}

// A server that says nothing for as long as an answer may take is given up.
func TestEnvironmentTestIsGivenUp(t *testing.T) {
	s := newStreaming(t)
	f := newFixture(t, map[string]string{"BELAY_SERVER": s.url})
	_, wait := f.begin(t.Context(), "environment", "test", "prod", "--timeout", "200ms")
	s.lines <- three
	s.lines <- begunOf("c", "gamma-of-a-longer-name")
	s.lines <- checkOf("b", "healthy")
	if got := wait(); got != exitPartly {
		t.Errorf("status %d", got)
	}
	mustContain(t, f.err.String(), "did not answer in time — 1 of 3 tested; begun, and goes on at the server: gamma-of-a-longer-name; not tested: alpha")
}
