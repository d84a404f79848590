package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What takes long is said to, on a terminal, and wiped away when it is done.
func TestWaitingIsShown(t *testing.T) {
	answer := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/test") {
			<-answer
			_, _ = w.Write([]byte(`{"health":"healthy","stages":[]}`))
			return
		}
		_, _ = w.Write([]byte(`{"connections":[{"id":"c1","name":"prod-eu","kind":"http"}],"totalCount":1}`))
	}))
	t.Cleanup(server.Close)
	s := newScreen(t)
	s.resize(t, 80, 24)
	wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "TERM": "xterm"}), "connection", "test", "prod-eu")
	s.sees(t, "⠋ prod-eu is tested (0s)")
	close(answer)
	if got := wait(); got != exitDone {
		t.Errorf("status %d, want 0", got)
	}
	s.sees(t, "\r\x1b[K\x1b[32m●\x1b[0m prod-eu is healthy")
}

// Nothing is drawn again where nobody could follow it.
func TestWaitingIsSilent(t *testing.T) {
	for _, env := range []map[string]string{{"TERM": "dumb"}, {"TERM": "xterm", "BELAY_ACCESSIBLE": "1"}} {
		s := newScreen(t)
		s.resize(t, 80, 24)
		f := newFixture(t, env)
		f.Stdin, f.Stdout, f.Stderr = s.slave, s.slave, s.slave
		in := f.invocation(t, globals{})
		if in.redraws() {
			t.Errorf("%v: it draws", env)
		}
	}
}

// The pager gets what is longer than the screen, and no token.
func TestPager(t *testing.T) {
	t.Setenv("BELAY_TOKEN", testToken)
	cases := []struct {
		name  string
		lines uint16
		env   map[string]string
		paged bool
	}{
		{"longer", 5, map[string]string{"BELAY_PAGER": "sed s/^/paged:/"}, true},
		{"PAGER", 5, map[string]string{"PAGER": "sed s/^/paged:/"}, true},
		{"BELAY_PAGER first", 5, map[string]string{"BELAY_PAGER": "cat", "PAGER": "sed s/^/paged:/"}, false},
		{"short", 200, map[string]string{"BELAY_PAGER": "sed s/^/paged:/"}, false},
		{"none", 5, map[string]string{"BELAY_PAGER": ""}, false},
		{"absent", 5, map[string]string{"BELAY_PAGER": "no-such-pager"}, false},
		{"accessible", 5, map[string]string{"BELAY_PAGER": "sed s/^/paged:/", "BELAY_ACCESSIBLE": "1"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScreen(t)
			s.resize(t, 80, c.lines)
			if got := s.start(t, newFixture(t, c.env), "help", "formatting")(); got != exitDone {
				t.Errorf("status %d", got)
			}
			s.sees(t, "Where the locale is not UTF-8")
			if paged := strings.Contains(s.shown(), "paged:"); paged != c.paged {
				t.Errorf("paged %v, want %v:\n%s", paged, c.paged, s.shown())
			}
		})
	}
	s := newScreen(t)
	s.resize(t, 80, 5)
	s.start(t, newFixture(t, map[string]string{"BELAY_PAGER": "env"}), "help", "formatting")()
	s.sees(t, "PATH=")
	mustNotContain(t, s.shown(), testToken)
}

// A pipe gets everything at once, whatever the pager.
func TestNoPagerInAPipe(t *testing.T) {
	s := newScreen(t)
	s.resize(t, 80, 5)
	f := newFixture(t, map[string]string{"BELAY_PAGER": "sed s/^/paged:/"})
	f.Stdin = s.slave
	f.run(t, exitDone, "help", "formatting")
	mustNotContain(t, f.out.String(), "paged:")
}
