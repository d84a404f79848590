package acceptance_test

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// ran is how a command ended.
type ran struct {
	stdout, stderr string
	status         int
}

// command runs the command line as somebody on the server's machine does.
func (n *node) command(t testing.TB, stdin string, args ...string) ran {
	t.Helper()
	return n.exec(t, stdin, program(), args...)
}

// shell runs a line as a shell does.
func (n *node) shell(t testing.TB, line string) ran {
	t.Helper()
	return n.exec(t, "", "/bin/sh", "-eu", "-c", line)
}

func (n *node) exec(t testing.TB, stdin, path string, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), path, args...)
	c.Dir = n.home
	c.Env = append(n.environment(), "BELAY_SERVER="+n.url, "BELAY_DATA_DIR="+n.dir)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatalf("%s %q: %v", path, args, err)
	} else if failed && exit.ExitCode() < 0 {
		t.Fatalf("%s %q: %v", path, args, err)
	}
	n.seen.add("the command line's output", stdout.Bytes(), stderr.Bytes())
	return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// cli runs a command that must succeed and returns what it prints.
func (n *node) cli(t testing.TB, args ...string) string {
	t.Helper()
	r := n.command(t, "", args...)
	if r.status != 0 {
		t.Fatalf("belay %s: exit status %d\n%s%s", strings.Join(args, " "), r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// recorder keeps everything that comes out of a node, to be searched.
type recorder struct {
	mu     sync.Mutex
	pieces []piece
}

// piece is something that came out, and where.
type piece struct {
	where string
	text  []byte
}

// add keeps texts. A nil recorder keeps nothing.
func (r *recorder) add(where string, texts ...[]byte) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range texts {
		r.pieces = append(r.pieces, piece{where, bytes.Clone(text)})
	}
}

func (r *recorder) answer(response *http.Response, body []byte) {
	var header bytes.Buffer
	_ = response.Header.Write(&header) // a buffer takes everything
	r.add("the answer to "+response.Request.Method+" "+response.Request.URL.Path, header.Bytes(), body)
}
