package server_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/e2e/peers"
	"belay/keypair"
	"belay/server"
)

var serverCA = peers.NewCA("servers")

// buffer is a log that a server may be writing to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until all texts are in the log: a client may learn how a
// handshake ended before the log does.
func (b *buffer) await(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for limit := time.Now().Add(10 * time.Second); !strings.Contains(b.String(), text); time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("the log does not say %q:\n%s", text, b)
			}
		}
	}
}

func put(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tlsFiles writes a pair, and authorities of clients unless they are nil.
func tlsFiles(t *testing.T, pair *peers.KeyPair, clients *peers.CA) keypair.Files {
	t.Helper()
	dir := t.TempDir()
	f := keypair.Files{Certificate: put(t, filepath.Join(dir, "tls.crt"), pair.Certificate), Key: put(t, filepath.Join(dir, "tls.key"), pair.Key)}
	if clients != nil {
		f.ClientCA = put(t, filepath.Join(dir, "ca.crt"), clients.PEM())
	}
	return f
}

func startTLS(t *testing.T, c server.Config) (*server.Server, *buffer) {
	t.Helper()
	log := &buffer{}
	c.DataDir, c.Version, c.Log, c.TLSInterval = t.TempDir(), "test", slog.New(slog.NewTextHandler(log, nil)), time.Hour
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, log
}

// over is a client that trusts the servers and shows a pair, unless it is nil.
func over(t *testing.T, pair *peers.KeyPair) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: serverCA.Pool()}
	if pair != nil {
		shown := pair.TLS() // whatever authorities the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil }
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is what is looked at of one.
type answer struct {
	status, http int
	tls          uint16 // version; 0 for none
	header       http.Header
}

func get(t *testing.T, c *http.Client, url, host string) (answer, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	_ = res.Body.Close()
	a := answer{status: res.StatusCode, http: res.ProtoMajor, header: res.Header}
	if res.TLS != nil {
		a.tls = res.TLS.Version
	}
	return a, nil
}

// TestTLS speaks it as HTTP/2, says so to browsers and to nobody in plain HTTP.
func TestTLS(t *testing.T) {
	t.Parallel()
	s, _ := startTLS(t, server.Config{TLS: tlsFiles(t, serverCA.Server(), nil), Listen: "0.0.0.0:0"})
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") || s.PublicURL() != s.URL() || !strings.HasPrefix(string(s.First.SignInLink.Reveal()), "https://") {
		t.Errorf("it is at %s, for others at %s", s.URL(), s.PublicURL())
	}
	c := over(t, nil)
	for host, want := range map[string]string{"belay.example": "max-age=31536000", "belay.example:9081": "max-age=31536000", "localhost:9081": "", "a.localhost": ""} {
		res, err := get(t, c, s.URL()+"/healthz/live", host)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.header.Get("Strict-Transport-Security"); got != want || res.http != 2 || res.tls != tls.VersionTLS13 {
			t.Errorf("%s: %q, %+v", host, got, res)
		}
	}
	if res, err := get(t, c, strings.Replace(s.URL(), "https:", "http:", 1), ""); err != nil || res.status != http.StatusBadRequest || res.header.Get("Location") != "" {
		t.Errorf("plain HTTP: %v, %v", res, err)
	}
	if res, err := c.Post(s.URL()+"/user/logout", "application/x-www-form-urlencoded", http.NoBody); err != nil {
		t.Error(err)
	} else {
		_ = res.Body.Close()
		if got := res.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-belay_session=") || !strings.Contains(got, "; Secure") {
			t.Errorf("the cookie is %q", got)
		}
	}
}

// TestHTTPBehindTLS says to browsers what the server in front may leave out.
func TestHTTPBehindTLS(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{"https://belay.example": "max-age=31536000", "": ""} {
		c := server.Config{}
		if public != "" {
			c.PublicURL, _ = url.Parse(public)
		}
		s, _ := startTLS(t, c)
		res, err := get(t, http.DefaultClient, s.URL()+"/healthz/live", "belay.example")
		if err != nil || res.header.Get("Strict-Transport-Security") != want {
			t.Errorf("%q: %v, %v", public, res.header, err)
		}
	}
}

// TestClientCertificates refuses in the handshake who shows none, logs who
// shows one, and lets nobody go on whose authority is taken away.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	clients, others := peers.NewCA("clients"), peers.NewCA("others")
	files := tlsFiles(t, serverCA.Server(), clients)
	files.RequireClient = true
	s, log := startTLS(t, server.Config{TLS: files})
	live := s.URL() + "/healthz/live"
	if a, err := get(t, over(t, nil), live, ""); err == nil {
		t.Errorf("no certificate: %+v", a)
	}
	log.await(t, "TLS handshake error from 127.0.0.1", "client didn't provide a certificate")
	pair := clients.Client("ann", "sre")
	ann := over(t, pair)
	if res, err := get(t, ann, live, ""); err != nil || res.status != http.StatusOK {
		t.Fatalf("the right one: %v", err)
	}
	if res, err := get(t, ann, s.URL()+"/api/user", ""); err != nil || res.status != http.StatusUnauthorized {
		t.Errorf("a certificate takes the place of a token: %v, %v", res, err)
	}
	log.await(t, `clientCertificate.subject="CN=ann,O=sre" clientCertificate.serial=`+strings.ToUpper(pair.TLS().Leaf.SerialNumber.Text(16)))
	put(t, files.ClientCA, others.PEM())
	s.ReloadTLS(t.Context())
	if res, err := get(t, ann, live, ""); err != nil || res.status != http.StatusUnauthorized {
		t.Errorf("on a connection from before: %v, %v", res, err)
	}
	if a, err := get(t, ann, live, ""); err == nil {
		t.Errorf("on a new connection: %+v", a)
	}
	log.await(t, "certificate signed by unknown authority")
}

// TestAddressOfTLS leaves for the command line on this machine by what the
// server is known, and keeps it up to date.
func TestAddressOfTLS(t *testing.T) {
	t.Parallel()
	pair := serverCA.Server("belay.example")
	files := tlsFiles(t, pair, nil)
	dir := t.TempDir()
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: dir, TLS: files, TLSInterval: time.Hour, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(dir, server.CertificateFile)
	for range 2 {
		if got, err := os.ReadFile(known); err != nil || !bytes.Equal(got, pair.Certificate) {
			t.Errorf("it is known by %s, %v", got, err)
		}
		pair = serverCA.Server("belay.example")
		put(t, files.Certificate, pair.Certificate)
		put(t, files.Key, pair.Key)
		s.ReloadTLS(t.Context())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(known); !os.IsNotExist(err) {
		t.Errorf("a stopped server leaves it: %v", err)
	}
}

// TestTLSNotUsable refuses to start, before anything is made, and names the
// setting.
func TestTLSNotUsable(t *testing.T) {
	t.Parallel()
	good := tlsFiles(t, serverCA.Server(), serverCA)
	for name, c := range map[string]struct {
		change func(*keypair.Files)
		texts  []string
	}{
		"no certificate": {func(f *keypair.Files) { f.Certificate += "x" }, []string{good.Certificate + "x", "no such file", "--tls-cert (BELAY_TLS_CERT)"}},
		"no key":         {func(f *keypair.Files) { f.Key += "x" }, []string{good.Key + "x", "no such file", "--tls-key (BELAY_TLS_KEY)"}},
		"another key":    {func(f *keypair.Files) { f.Key = tlsFiles(t, serverCA.Server(), nil).Key }, []string{"does not match", "--tls-key (BELAY_TLS_KEY)"}},
		"no authorities": {func(f *keypair.Files) { f.ClientCA = f.Key }, []string{"holds no certificate"}},
	} {
		f := good
		c.change(&f)
		dir := filepath.Join(t.TempDir(), "data")
		what, help := why(t, server.Config{TLS: f, DataDir: dir})
		wants(t, name+": "+what, help, c.texts...)
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: the data directory was made: %v", name, err)
		}
	}
}

// TestPostgresWithoutTrust says what to correct about the database's TLS.
func TestPostgresWithoutTrust(t *testing.T) {
	t.Parallel()
	pg := peers.StartPostgresTLS(t, peers.PostgresTLS{Server: serverCA, Clients: peers.NewCA("clients")})
	wrong := put(t, filepath.Join(t.TempDir(), "ca.crt"), peers.NewCA("others").PEM())
	what, help := why(t, server.Config{Database: belay.SecretString(pg.With(map[string]string{"sslrootcert": wrong}))})
	wants(t, what, help, "TLS with the database server does not come about", "unknown authority", "sslrootcert", "BELAY_DATABASE")
}
