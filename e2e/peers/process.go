package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// command says how a server is run.
type command struct {
	name  string   // for messages and the log's file name
	path  string   // the program
	args  []string // its arguments
	env   []string // its environment; the tests' own when nil
	input string   // on its standard input
	dir   string   // where it runs and where its log goes

	stop   syscall.Signal      // what asks it to end; SIGTERM when zero
	orphan syscall.Signal      // what it gets when the tests die; SIGKILL when zero
	user   *syscall.Credential // whom it runs as; the tests' own user when nil
}

// process is a server that runs. It ends with stop, or when the program that
// started it dies.
type process struct {
	name string
	log  string
	stop syscall.Signal
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and err is set
	err  error
}

// patience is how long a server may take to end before it is killed.
const patience = 10 * time.Second

// start runs c. What it prints is added to dir/name.log.
func (c command) start() (*process, error) {
	p := &process{name: c.name, log: filepath.Join(c.dir, c.name+".log"), stop: c.stop, done: make(chan struct{})}
	if p.stop == 0 {
		p.stop = syscall.SIGTERM
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	p.cmd = exec.Command(c.path, c.args...)
	p.cmd.Env, p.cmd.Stdin = c.env, strings.NewReader(c.input)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.dir, out, out
	p.cmd.SysProcAttr = c.attributes()

	started := make(chan error)
	go func() {
		// Linux sends the orphan's signal when the thread ends that started
		// the child, not the process: this one is kept for as long as the
		// child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		_ = out.Close() // the child has its own
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	return p, nil
}

// end asks the server to stop, kills it when it does not, and returns when it
// has ended. A nil process has ended.
func (p *process) end() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(p.stop) // fails only when it has ended already
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-p.done:
	case <-timeout.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // with its children
		<-p.done
	}
}

// ready calls probe until it returns nil. It gives up after limit, or when
// the server ends, and then says what the server printed last.
func (p *process) ready(limit time.Duration, probe func() error) error {
	deadline := time.Now().Add(limit)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := probe()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %s: %w%s", p.name, limit, err, p.lastWords())
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w%s", p.name, errors.Join(p.err, err), p.lastWords())
		case <-time.After(pause):
		}
	}
}

// lastWords returns the end of what the server printed, for a message.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return "\n" + string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// files writes files, by their names, into dir.
func files(dir string, content map[string][]byte) error {
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
