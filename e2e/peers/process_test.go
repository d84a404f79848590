package peers_test

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

// hold is set in a child of the tests that starts peers, names their addresses
// and waits to be killed.
const hold = "BELAY_PEERS_TEST_HOLD"

func holdPeers() error {
	server, err := peers.NewPostgres()
	if err != nil {
		return err
	}
	defer server.Close()
	front, err := peers.NewNginx(peers.NginxOptions{})
	if err != nil {
		return err
	}
	defer front.Close()
	fmt.Fprintln(os.Stderr, "hold", server.URL, front.URL)
	select {}
}

func TestPeersEndWithTheTests(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux ends the children of a process that was killed")
		return
	}
	dir, err := os.MkdirTemp("", "belay-hold-") //nolint:usetesting // PostgreSQL's user must be able to enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), hold+"=1", "TMPDIR="+dir)
	stderr, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	urls := strings.Fields(line)
	if err != nil || len(urls) != 3 {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	for _, address := range urls[1:] {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		wantClosed(t, u.Host)
	}
}

// wantClosed fails the test when something still listens after a few seconds.
func wantClosed(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return
		}
		_ = connection.Close()
	}
	t.Errorf("something still listens on %s", address)
}
