package cli

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Ctrl-C while several connections are tested shows those that were, and says
// how many were not.
func TestSeveralTestsAreInterrupted(t *testing.T) {
	for _, args := range [][]string{{"--all"}, {"a", "b", "c"}, {"--all", "-o", "json"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/id-b/test"):
					_, _ = io.WriteString(w, `{"id":"k","connectionId":"id-b","health":"unhealthy","cause":"x","summary":"told by b","durationMs":3}`)
				case strings.HasSuffix(r.URL.Path, "/test"):
					<-r.Context().Done()
				default:
					_, _ = io.WriteString(w, `{"connections":[{"id":"id-a","name":"a"},{"id":"id-b","name":"b"},{"id":"id-c","name":"c"}],"totalCount":3}`)
				}
			}))
			t.Cleanup(server.Close)
			s := newScreen(t)
			s.resize(t, 100, 40)
			ctx, interrupt := context.WithCancel(t.Context())
			wait := s.startUntil(ctx, newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "TERM": "xterm", "NO_COLOR": "1"}), append([]string{"connection", "test"}, args...)...)
			s.sees(t, "1 of 3 tested (")
			interrupt()
			if got := wait(); got != exitInterrupted {
				t.Errorf("status %d, want %d", got, exitInterrupted)
			}
			s.sees(t, "told by b")
			s.sees(t, "interrupted")
			if len(args) < 3 || args[1] != "-o" {
				s.sees(t, "1 of 3 tested, 2 had begun and may go on at the server")
				s.sees(t, "the tests go on at the server: belay connection list")
			}
		})
	}
}

// What is drawn while an environment is tested makes room for each row, and
// the columns of a narrow terminal stand below each other.
func TestEnvironmentOnATerminal(t *testing.T) {
	stream := newStreaming(t)
	s := newScreen(t)
	s.resize(t, 60, 24)
	wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": stream.url, "TERM": "xterm", "NO_COLOR": "1"}), "environment", "test", "prod")
	stream.lines <- three
	s.sees(t, "0 of 3 tested (")
	stream.lines <- checkOf("a", "unhealthy")
	s.sees(t, "\r\x1b[KNAME")
	s.sees(t, "1 of 3 tested (")
	stream.lines <- checkOf("c", "healthy")
	stream.lines <- checkOf("b", "healthy")
	stream.lines <- summary
	close(stream.lines)
	if got := wait(); got != exitUnhealthy {
		t.Errorf("status %d", got)
	}
	s.sees(t, "1 of 3 connections failed")
	var at []int
	for line := range strings.Lines(s.shown()) {
		drawn := strings.Split(line, "\x1b[K")
		row := drawn[len(drawn)-1]
		for _, health := range []string{"HEALTH", "x unhealthy", "● healthy"} {
			if before, _, ok := strings.Cut(row, health); ok {
				at = append(at, columnsWide(before))
			}
		}
	}
	if len(at) != 4 || slices.Min(at) != slices.Max(at) {
		t.Errorf("the column begins at %v:\n%s", at, s.shown())
	}
}
