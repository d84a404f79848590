package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is a terminal with somebody at it.
type screen struct {
	master, slave *os.File
	mu            sync.Mutex
	text          bytes.Buffer
	done          sync.WaitGroup
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, slave: slave}
	s.done.Go(func() { _, _ = io.Copy(s, master) }) // ends when the slave hangs up
	t.Cleanup(func() {
		hangUp(t, slave)
		s.done.Wait()
		_ = master.Close()
	})
	return s
}

// hangUp takes a terminal away from a file that is not closed: the library
// that draws on it may still ask for its size.
func hangUp(t *testing.T, terminal *os.File) {
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		t.Error(err)
		return
	}
	defer nothing.Close()
	if err := unix.Dup3(int(nothing.Fd()), int(terminal.Fd()), unix.O_CLOEXEC); err != nil {
		t.Error(err)
	}
}

// resize gives the terminal a size; before that it has none.
func (s *screen) resize(t *testing.T, columns, lines uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(s.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// Write collects what the program shows.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.text.String(), "\r\n", "\n")
}

// sees waits until a text stands on the screen.
func (s *screen) sees(t *testing.T, text string) {
	t.Helper()
	s.answer(t, text, 1, "")
}

// answer waits until the question stands on the screen for the nth time and
// then types.
func (s *screen) answer(t *testing.T, question string, n int, typed string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); strings.Count(s.shown(), question) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not asked; on the screen:\n%s", question, s.shown())
		}
	}
	if _, err := s.master.WriteString(typed); err != nil {
		t.Fatal(err)
	}
}

// start runs a command line at the terminal; the function returned waits for
// its exit status.
func (s *screen) start(t *testing.T, f *fixture, args ...string) func() int {
	return s.startUntil(t.Context(), f, args...)
}

// startUntil is start with a context that ends when the user presses Ctrl-C.
func (s *screen) startUntil(ctx context.Context, f *fixture, args ...string) func() int {
	f.Stdin, f.Stdout, f.Stderr = s.slave, s.slave, s.slave
	status := make(chan int, 1)
	s.done.Go(func() { status <- f.Run(ctx, args) })
	return func() int { return <-status }
}

// knows is a server that knows who asks, and breaks off on everything else.
func knows(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/user" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSecretIsAskedForWithoutEcho(t *testing.T) {
	s := newScreen(t)
	wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": knows(t)}),
		"credential", "create", "x", "--type", "basic", "--user", "metrics")
	s.answer(t, "Password for metrics: ", 1, "correct-horse\r")
	s.answer(t, "Again: ", 1, "another-horse\r")
	s.answer(t, "Password for metrics: ", 2, "correct-horse\r")
	s.answer(t, "Again: ", 2, "correct-horse\r")
	if got := wait(); got != exitUnreachable {
		t.Errorf("status %d, want %d", got, exitUnreachable)
	}
	s.sees(t, "broke off")
	s.sees(t, "These differ.")
	mustNotContain(t, s.shown(), "horse")
}

func TestCtrlCAtAQuestion(t *testing.T) {
	s := newScreen(t)
	wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": knows(t)}), "credential", "create", "x", "--type", "bearer")
	s.answer(t, "Token: ", 1, "\x03")
	if got := wait(); got != exitInterrupted {
		t.Errorf("status %d, want %d", got, exitInterrupted)
	}
	s.sees(t, "nothing was changed")
}

func TestChoiceByNumber(t *testing.T) {
	f := newFixture(t, nil)
	f.run(t, exitDone, "context", "set", "lab", "--server", "http://127.0.0.1:1")
	f.run(t, exitDone, "context", "set", "prod", "--server", "https://belay.example")
	s := newScreen(t)
	wait := s.start(t, f, "context", "use")
	s.answer(t, "number or name", 1, "7\r")
	s.answer(t, "number or name", 2, "2\r")
	if got := wait(); got != exitDone {
		t.Errorf("status %d, want 0", got)
	}
	s.sees(t, "2) prod")
	s.sees(t, "context prod is now current")
}

// Nothing is asked where nobody is to answer, though there is a terminal.
func TestNoQuestionWithoutInput(t *testing.T) {
	for _, env := range []string{"CI", "BELAY_NO_INPUT"} {
		s := newScreen(t)
		wait := s.start(t, newFixture(t, map[string]string{env: "1"}), "credential", "create", "x", "--type", "bearer")
		if got := wait(); got != exitUsage {
			t.Errorf("%s: status %d, want %d", env, got, exitUsage)
		}
	}
	s := newScreen(t)
	if got := s.start(t, newFixture(t, nil), "connection", "create", "--no-input")(); got != exitUsage {
		t.Errorf("--no-input: status %d, want %d", got, exitUsage)
	}
}

// A terminal gets a table with marks, colours and ages.
func TestTableOnATerminal(t *testing.T) {
	p := readPage(t, "connections.json", "connections")
	s := newScreen(t)
	f := newFixture(t, nil)
	f.Stdout = s.slave
	in := f.invocation(t, globals{})
	var b bytes.Buffer
	if err := in.render(&b, document{raw: p.document, items: p.items, columns: connections().columns, noun: "connection"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "connections.tty.golden", b.String())

	f.env["NO_COLOR"], f.env["LANG"] = "1", "C"
	b.Reset()
	if err := in.render(&b, document{raw: p.document, items: p.items, columns: connections().columns, noun: "connection"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "connections.ascii.golden", b.String())
}

// Below a list it is counted what can no longer be relied on.
func TestListCountsWhatIsStale(t *testing.T) {
	p := readPage(t, "connections.json", "connections")
	s := newScreen(t)
	f := newFixture(t, nil)
	f.Stdout = s.slave
	for later, want := range map[time.Duration]string{0: "3 of 3 connections · 127.0.0.1:9081\n", time.Hour: "3 of 3 connections · 127.0.0.1:9081 · 1 stale\n"} {
		f.err.Reset()
		in := f.invocation(t, globals{})
		now := f.Now().Add(later)
		in.Program.Now = func() time.Time { return now }
		in.summarize(connections(), p, false, false)
		if got := f.err.String(); got != want {
			t.Errorf("%s later: %q, want %q", later, got, want)
		}
		in.Program.Now = func() time.Time { return now.Add(-later) }
	}
}

// What is severe is confirmed by typing its name; "y" will not do.
func TestConfirmationByHand(t *testing.T) {
	cases := []struct {
		severe bool
		typed  string
		want   error
	}{
		{true, "production\r", nil},
		{true, "y\r", errDeclined},
		{true, "\r", errDeclined},
		{false, "y\r", nil},
		{false, "\r", errDeclined},
		{false, "n\r", errDeclined},
		{false, "\x03", errGivenUp},
	}
	for _, c := range cases {
		s := newScreen(t)
		f := newFixture(t, nil)
		f.Stdin, f.Stderr = s.slave, s.slave
		in := f.invocation(t, globals{})
		answered := make(chan error, 1)
		s.done.Go(func() { answered <- in.confirm(deletion{noun: "environment", name: "production", severe: c.severe}) })
		question := "Delete environment production? [y/N] "
		if c.severe {
			question = "Type production to confirm: "
		}
		s.answer(t, question, 1, c.typed)
		if got := <-answered; !errors.Is(got, c.want) {
			t.Errorf("%q after %q: got %v, want %v", c.typed, question, got, c.want)
		}
	}
}

// A table keeps to the width of the terminal; what is piped is whole.
func TestTableFitsTheTerminal(t *testing.T) {
	p := readPage(t, "connections.json", "connections")
	s := newScreen(t)
	s.resize(t, 72, 24)
	f := newFixture(t, map[string]string{"NO_COLOR": "1"})
	d := document{raw: p.document, items: p.items, columns: connections().columns, noun: "connection"}
	var piped, shown bytes.Buffer
	if err := f.invocation(t, globals{Output: formatTable}).render(&piped, d); err != nil {
		t.Fatal(err)
	}
	f.Stdout = s.slave
	if err := f.invocation(t, globals{}).render(&shown, d); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(shown.String()) {
		if n := columnsWide(strings.TrimSuffix(line, "\n")); n > 72 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	mustContain(t, shown.String(), "prom-staging", "x unhealthy", "registered", "WHY")
	mustNotContain(t, shown.String(), "…", "KIND", "SINCE")
	shown.Reset()
	if err := f.invocation(t, globals{Output: formatWide}).render(&shown, d); err != nil {
		t.Fatal(err)
	}
	mustContain(t, shown.String(), "KIND", "SINCE", "https://api.prod-eu:6443", p.items[0].id())
	mustNotContain(t, piped.String(), "…")
}
