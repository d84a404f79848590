package acceptance_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"belay/e2e/peers"
)

// tlsDirectory is where a node's files of TLS are, as an operator keeps them.
type tlsDirectory struct {
	t   *testing.T
	dir string
}

func (d tlsDirectory) path(name string) string { return filepath.Join(d.dir, name) }

// put replaces a file at once.
func (d tlsDirectory) put(name string, text []byte) string {
	d.t.Helper()
	writeFile(d.t, d.path(name+".new"), text)
	if err := os.Rename(d.path(name+".new"), d.path(name)); err != nil {
		d.t.Fatal(err)
	}
	return d.path(name)
}

func (d tlsDirectory) pair(name string, p *peers.KeyPair) *peers.KeyPair {
	d.t.Helper()
	d.put(name+".crt", p.Certificate)
	d.put(name+".key", p.Key)
	return p
}

func newTLSDirectory(t *testing.T, ca *peers.CA) tlsDirectory {
	t.Helper()
	d := tlsDirectory{t, t.TempDir()}
	d.put("ca.crt", ca.PEM())
	d.pair("tls", ca.Server())
	return d
}

func (d tlsDirectory) flags(more ...string) []string {
	return append([]string{"--tls-cert", d.path("tls.crt"), "--tls-key", d.path("tls.key")}, more...)
}

// secured is a client of a node that trusts an authority. Without reuse it
// makes a connection for each request.
func secured(t *testing.T, ca *peers.CA, reuse bool) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, ForceAttemptHTTP2: true, DisableKeepAlives: !reuse}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// ask asks a node who one is, and is an error when it does not say.
func ask(ctx context.Context, c *http.Client, n *node, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/api/user", http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.TLS == nil {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

// awaitCertificate returns when new connections are shown a certificate.
func awaitCertificate(t *testing.T, n *node, ca *peers.CA, want *peers.KeyPair) {
	t.Helper()
	address := strings.TrimPrefix(n.url, "https://")
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.Pool()})
		if err != nil {
			t.Fatal(err)
		}
		shown := c.ConnectionState().PeerCertificates[0].Raw
		_ = c.Close()
		if bytes.Equal(shown, want.TLS().Certificate[0]) {
			return
		}
	}
	t.Fatalf("the new certificate is not shown\n%s", n.stderr.String())
}

// TestA14_TLS starts a server that speaks TLS: the command line on its machine
// works without a setting, others with the authority, and no request is lost
// while the certificate is replaced.
func TestA14_TLS(t *testing.T) {
	t.Parallel()
	ca := peers.NewCA("servers")
	files := newTLSDirectory(t, ca)
	n := startNode(t, nodeOptions{Args: files.flags()})
	if !strings.HasPrefix(n.url, "https://127.0.0.1:") || !strings.Contains(n.stdout.String(), "https://127.0.0.1") {
		t.Fatalf("it is at %s", n.url)
	}
	n.cli(t, "environment", "create", "production")
	n.env["BELAY_CA_FILE"] = files.put("others.crt", peers.NewCA("others").PEM())
	if r := n.command(t, "", "whoami"); r.status != 9 || !strings.Contains(r.stderr, "others.crt has signed its certificate") {
		t.Errorf("with another authority: exit status %d\n%s", r.status, r.stderr)
	}
	n.env["BELAY_CA_FILE"] = files.path("ca.crt")
	n.cli(t, "environment", "view", "production")

	stop := underLoad(t, n, ca)
	var last *peers.KeyPair
	for how := range 3 {
		last = files.pair("tls", ca.Server())
		if how > 0 { // at once, and not with the next look
			if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		awaitCertificate(t, n, ca, last)
	}
	files.put("tls.key", ca.Server().Key)
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, n, "the TLS certificate that is in force stays")
	awaitCertificate(t, n, ca, last)
	delete(n.env, "BELAY_CA_FILE")
	n.cli(t, "whoami")
	if asked := stop(); asked < 50 {
		t.Errorf("only %d requests were made meanwhile", asked)
	}
	n.stop(t)
	if r := n.startRefused(t); !strings.Contains(r.stderr, "tls.key does not match the certificate in") || !strings.Contains(r.stderr, "--tls-key (BELAY_TLS_KEY)") {
		t.Errorf("a broken pair at the start: exit status %d\n%s", r.status, r.stderr)
	}
}

// underLoad asks a node all the time, over connections that last and over new
// ones, until the function that it returns is called; no request may fail.
func underLoad(t *testing.T, n *node, ca *peers.CA) (stop func() int) {
	t.Helper()
	var over atomic.Bool // what is under way is let end: a request that is cut off says nothing
	token := n.token(t)
	asked := make([]int, 2)
	var group sync.WaitGroup
	for i := range asked {
		c := secured(t, ca, i%2 == 0)
		group.Go(func() {
			for !over.Load() {
				if err := ask(t.Context(), c, n, token); err != nil {
					t.Errorf("a request while the certificate is replaced: %v", err)
					return
				}
				asked[i]++
			}
		})
	}
	return func() (all int) {
		over.Store(true)
		group.Wait()
		for _, one := range asked {
			all += one
		}
		return all
	}
}

// await returns when the node has logged a text.
func await(t *testing.T, n *node, text string) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !strings.Contains(n.stderr.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the log does not say %q\n%s", text, n.stderr.String())
		}
	}
}

// startRefused runs the program as start does, with other flags behind it, and
// returns how it ended.
func (n *node) startRefused(t *testing.T, more ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, program(), append(append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", n.dir}, n.args...), more...)...)
	c.Env, c.Stdout, c.Stderr = n.environment(), &stdout, &stderr
	err := c.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		t.Fatalf("the server starts: %v", err)
	}
	return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// TestA14_MutualTLS lets in who shows a certificate of the right authority, in
// the handshake already, and speaks to a database that wants one of the server.
func TestA14_MutualTLS(t *testing.T) {
	t.Parallel()
	ca, clients := peers.NewCA("servers"), peers.NewCA("clients")
	files := newTLSDirectory(t, ca)
	files.put("clients.crt", clients.PEM())
	pg := peers.StartPostgresTLS(t, peers.PostgresTLS{Server: peers.NewCA("databases"), Clients: peers.NewCA("applications")})
	n := startNode(t, nodeOptions{Database: pg.Database(t), Args: files.flags("--tls-client-ca", files.path("clients.crt"), "--tls-client-auth", "require")})

	if r := n.command(t, "", "whoami"); r.status != 9 || !strings.Contains(r.stderr, "it wants a certificate of the client") {
		t.Errorf("without a certificate: exit status %d\n%s", r.status, r.stderr)
	}
	if err := ask(t.Context(), secured(t, ca, false), n, n.token(t)); err == nil {
		t.Error("a client without a certificate is answered")
	}
	n.env["BELAY_CLIENT_CERTIFICATE"], n.env["BELAY_CLIENT_KEY"] = files.path("me.crt"), files.path("me.key")
	files.pair("me", peers.NewCA("others").Client("mallory"))
	if r := n.command(t, "", "whoami"); r.status != 9 || !strings.Contains(r.stderr, "does not know the authority of the client certificate, CN=others") {
		t.Errorf("with another authority's: exit status %d\n%s", r.status, r.stderr)
	}
	pair := files.pair("me", clients.Client("ann", "sre"))
	n.cli(t, "environment", "create", "production")
	await(t, n, `clientCertificate.subject="CN=ann,O=sre" clientCertificate.serial=`+strings.ToUpper(pair.TLS().Leaf.SerialNumber.Text(16)))

	n.stop(t)
	n.env["BELAY_DATABASE"] = pg.With(map[string]string{"sslrootcert": files.path("ca.crt")})
	r := n.startRefused(t)
	if !strings.Contains(r.stderr, "unknown authority") || !strings.Contains(r.stderr, "sslrootcert") || strings.Contains(r.stderr, "postgres://") {
		t.Errorf("with another authority of the database: exit status %d\n%s", r.status, r.stderr)
	}
}

// TestA14_PlainHTTPStaysHere refuses to listen for others without TLS, and says
// both ways out.
func TestA14_PlainHTTPStaysHere(t *testing.T) {
	t.Parallel()
	n := &node{dir: filepath.Join(t.TempDir(), "data"), home: t.TempDir()}
	r := n.startRefused(t, "--listen", "0.0.0.0:0")
	for _, text := range []string{"refuses to listen on 0.0.0.0:0 without TLS", "--tls-cert PATH --tls-key PATH", "--insecure-http"} {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("it does not say %q: exit status %d\n%s", text, r.status, r.stderr)
		}
	}
	if _, err := os.Stat(n.dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}
