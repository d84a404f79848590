package acceptance_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"belay"
	"belay/app"
	"belay/server"
	"belay/store"
)

// node is one Belay: a data directory, a home, and the program that runs on
// them as a child. It can be stopped, killed and started again.
type node struct {
	dir      string // the data directory
	home     string // of whoever runs the program
	database string // URL of a PostgreSQL database; "" for the embedded one
	args     []string
	env      map[string]string
	url      string // changes with each start

	cmd    *exec.Cmd
	ended  chan error
	stdout output
	stderr output
	seen   *recorder
}

// nodeOptions says how a node differs from the usual one.
type nodeOptions struct {
	Database   string
	Args       []string
	Key        string // a file with the key; "" for that of the data directory
	Env        map[string]string
	Kubeconfig []byte // in ~/.kube/config before the first start
	Seen       *recorder
}

// startNode starts a Belay for one test.
func startNode(t *testing.T, o nodeOptions) *node {
	t.Helper()
	top := t.TempDir()
	n := &node{
		dir: filepath.Join(top, "data"), home: filepath.Join(top, "home"),
		database: o.Database, args: o.Args, env: map[string]string{}, seen: o.Seen,
	}
	kube := filepath.Join(n.home, ".kube")
	if err := os.MkdirAll(kube, 0o700); err != nil {
		t.Fatal(err)
	}
	if o.Kubeconfig != nil {
		writeFile(t, filepath.Join(kube, "config"), o.Kubeconfig)
	}
	maps.Copy(n.env, o.Env)
	if o.Database != "" {
		n.env["BELAY_DATABASE"] = o.Database
	}
	if o.Key != "" {
		n.env["BELAY_KEY_FILE"] = o.Key
	}
	t.Cleanup(func() { n.kill(t) })
	n.start(t)
	return n
}

// onBoth runs a test on the embedded database and on PostgreSQL.
func onBoth(t *testing.T, test func(*testing.T, *node)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, startNode(t, nodeOptions{})) })
	t.Run("postgres", func(t *testing.T) {
		test(t, startNode(t, nodeOptions{Database: postgres.Get(t).Database(t)}))
	})
}

var readyLine = regexp.MustCompile(`^Belay is ready at (https?://\S+)$`)

// start runs the program and returns when it has said where it is.
func (n *node) start(t testing.TB) {
	t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", n.dir}, n.args...)
	n.cmd = exec.Command(program(), args...)
	n.cmd.Env, n.cmd.SysProcAttr = n.environment(), attributes()
	n.cmd.Stderr = &n.stderr
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	started := make(chan error)
	n.ended = make(chan error, 1)
	go func() {
		// Linux sends the orphan's signal when the thread ends that started
		// the child: this one is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := n.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		n.read(stdout, ready)
		n.ended <- n.cmd.Wait()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	url, ok := <-ready
	if !ok {
		n.cmd = nil // there is nothing to kill
		t.Fatalf("the server ended: %v\n%s", <-n.ended, n.stderr.String())
	}
	n.url = url
}

// read collects what the child prints and tells the address once.
func (n *node) read(stdout io.Reader, ready chan<- string) {
	defer close(ready)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		_, _ = n.stdout.Write(append(lines.Bytes(), '\n'))
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			ready <- m[1]
		}
	}
}

// environment is what the program gets: nothing of what the tests have but
// the path.
func (n *node) environment() []string {
	env := []string{"HOME=" + n.home, "LANG=C.UTF-8", "PATH=" + programDir + ":" + os.Getenv("PATH")}
	for _, name := range slices.Sorted(maps.Keys(n.env)) {
		env = append(env, name+"="+n.env[name])
	}
	return env
}

// stop asks the server to end and waits until it has.
func (n *node) stop(t testing.TB) {
	t.Helper()
	if n.cmd == nil {
		return
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-n.ended; err != nil {
		t.Fatalf("the server did not end well: %v\n%s", err, n.stderr.String())
	}
	n.cmd = nil
}

// kill ends the server as a crash does.
func (n *node) kill(t testing.TB) {
	t.Helper()
	if n.cmd == nil {
		return
	}
	if err := n.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	if err := <-n.ended; err == nil {
		t.Error("the server ended by itself")
	}
	n.cmd = nil
}

// restart stops the server and starts it again, after edit has been at its
// data; edit may be nil.
func (n *node) restart(t testing.TB, edit func(context.Context, *server.Server)) {
	t.Helper()
	n.stop(t)
	if edit != nil {
		n.inProcess(t, edit)
	}
	n.start(t)
}

// inProcess opens the data of a stopped server, for what the API has no
// operation for.
func (n *node) inProcess(t testing.TB, do func(context.Context, *server.Server)) {
	t.Helper()
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: n.dir, Database: belay.SecretString(n.database), Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	do(t.Context(), s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// token is the administrator's.
func (n *node) token(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(string(readFile(t, filepath.Join(n.dir, "admin.token"))))
}

// admin is a client that signs in as the administrator.
func (n *node) admin(t testing.TB) *client {
	t.Helper()
	return &client{t: t, node: n, token: n.token(t)}
}

// as is a client with another token, or with none.
func (n *node) as(t testing.TB, token string) *client {
	t.Helper()
	return &client{t: t, node: n, token: token}
}

// member is somebody else in the first organization.
type member struct{ id, org belay.ID }

// addMember makes a user of an organization.
func addMember(ctx context.Context, t testing.TB, s *server.Server, org, email string) member {
	t.Helper()
	now := clock()
	u := &belay.User{ID: newID(), Provider: "local", Subject: email, Email: email, Version: 1, CreatedAt: now, UpdatedAt: now}
	write(ctx, t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, u); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: belay.ID(org), UserID: u.ID, Role: belay.OrganizationMember}, now)
	})
	return member{u.ID, belay.ID(org)}
}

// grant gives a member a role in a workspace.
func (m member) grant(ctx context.Context, t testing.TB, s *server.Server, workspace string, role belay.Role) {
	t.Helper()
	write(ctx, t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetGrant(ctx, m.org, belay.Grant{ID: newID(), WorkspaceID: belay.ID(workspace), UserID: m.id, Role: role, CreatedAt: clock()})
		return err
	})
}

// issue makes a token for a user, narrowed to some scopes unless they are
// nil.
func issue(ctx context.Context, t testing.TB, gate *app.Gate, user belay.ID, scopes ...belay.Permission) string {
	t.Helper()
	text, err := gate.Issue(ctx, belay.Token{UserID: user, Name: "test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return string(text.Reveal())
}

func write(ctx context.Context, t testing.TB, s *server.Server, do func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Store().Write(ctx, do); err != nil {
		t.Fatal(err)
	}
}

// output collects what is printed, from several goroutines.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
