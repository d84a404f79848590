package keypair_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/e2e/peers"
	"belay/keypair"
)

var (
	ca   = peers.NewCA("servers")
	pair = ca.Server()
)

// lines is a log whose lines can be waited for.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// wait returns the next line that has a text.
func (l lines) wait(t *testing.T, text string) string {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return line
			}
		case <-limit:
			t.Fatalf("the log does not say %q", text)
		}
	}
}

// drain returns what was logged so far.
func (l lines) drain() string {
	var all strings.Builder
	for {
		select {
		case line := <-l:
			all.WriteString(line)
		default:
			return all.String()
		}
	}
}

func write(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files writes a pair into a new directory.
func files(t *testing.T, p *peers.KeyPair) keypair.Files {
	t.Helper()
	dir := t.TempDir()
	return keypair.Files{
		Certificate: write(t, filepath.Join(dir, "tls.crt"), p.Certificate), Key: write(t, filepath.Join(dir, "tls.key"), p.Key),
	}
}

func open(t *testing.T, c keypair.Config) (*keypair.Keeper, lines) {
	t.Helper()
	log := make(lines, 1000)
	c.Log, c.Interval = slog.New(slog.NewTextHandler(log, nil)), time.Millisecond
	if c.Clock == nil {
		c.Clock = time.Now
	}
	k, err := keypair.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k, log
}

func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	other := ca.Server()
	chain := append(ca.PEM(), pair.Certificate...)
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	garbage := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	for name, c := range map[string]struct {
		certificate, key, clientCA []byte // nil: no such file
		file, says                 string
	}{
		"no certificate":      {nil, pair.Key, ca.PEM(), "tls.crt", "no such file"},
		"no key":              {pair.Certificate, nil, ca.PEM(), "tls.key", "no such file"},
		"no authorities":      {pair.Certificate, pair.Key, nil, "ca.crt", "no such file"},
		"not PEM":             {[]byte("hello"), pair.Key, ca.PEM(), "tls.crt", "holds no certificate in PEM form"},
		"empty":               {[]byte("\n"), pair.Key, ca.PEM(), "tls.crt", "is empty"},
		"unreadable":          {garbage, pair.Key, ca.PEM(), "tls.crt", "holds a certificate that cannot be read (number 1)"},
		"changed places":      {pair.Key, pair.Certificate, ca.PEM(), "tls.crt", "changed places"},
		"key of another":      {pair.Certificate, other.Key, ca.PEM(), "tls.key", "does not match the certificate"},
		"wrong order":         {chain, pair.Key, ca.PEM(), "tls.crt", "the server's own comes first"},
		"key is none":         {pair.Certificate, []byte("hello"), ca.PEM(), "tls.key", "holds no private key in PEM form"},
		"key is locked":       {pair.Certificate, locked, ca.PEM(), "tls.key", "locked with a passphrase"},
		"authorities are no":  {pair.Certificate, pair.Key, pair.Key, "ca.crt", "holds no certificate in PEM form"},
		"one of them is none": {pair.Certificate, pair.Key, append(ca.PEM(), garbage...), "ca.crt", "(number 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			paths := make([]string, 3)
			for i, text := range [][]byte{c.certificate, c.key, c.clientCA} {
				if paths[i] = filepath.Join(dir, []string{"tls.crt", "tls.key", "ca.crt"}[i]); text != nil {
					write(t, paths[i], text)
				}
			}
			_, err := keypair.Open(t.Context(), keypair.Config{
				Files: keypair.Files{Certificate: paths[0], Key: paths[1], ClientCA: paths[2]}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
			})
			e, ok := errors.AsType[*keypair.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if all := e.Error() + "; " + e.Help; e.File != filepath.Join(dir, c.file) || !strings.Contains(all, c.says) || strings.Contains(all, "BEGIN PRIVATE") {
				t.Errorf("it says %s: %s", filepath.Base(e.File), all)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		options peers.CertificateOptions
		host    string
		mode    os.FileMode
		says    string // "": nothing
	}{
		"good":          {peers.CertificateOptions{Hosts: []string{"belay.example", "127.0.0.1"}}, "belay.example", 0o640, ""},
		"expired":       {peers.CertificateOptions{Hosts: []string{"127.0.0.1"}, NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour)}, "", 0o600, "has expired"},
		"not yet":       {peers.CertificateOptions{Hosts: []string{"127.0.0.1"}, NotBefore: now.Add(time.Hour)}, "", 0o600, "not valid before"},
		"a client's":    {peers.CertificateOptions{CommonName: "me"}, "", 0o600, "not made for servers"},
		"no host":       {peers.CertificateOptions{CommonName: "me"}, "", 0o600, "names no host"},
		"another host":  {peers.CertificateOptions{Hosts: []string{"a.example", "127.0.0.1"}}, "belay.example", 0o600, "not for belay.example, by which others reach this server, but for a.example, 127.0.0.1"},
		"key for all":   {peers.CertificateOptions{Hosts: []string{"127.0.0.1"}}, "", 0o604, "can read the TLS key"},
		"host by chain": {peers.CertificateOptions{Hosts: []string{"*.example"}}, "belay.example", 0o600, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := files(t, ca.Issue(c.options))
			if err := os.Chmod(f.Key, c.mode); err != nil {
				t.Fatal(err)
			}
			k, log := open(t, keypair.Config{Files: f, Host: c.host})
			k.Close()
			if got := log.drain(); c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("the log says %q, want %q", got, c.says)
			}
		})
	}
}

// TestReplaced follows each way in which files are replaced.
func TestReplaced(t *testing.T) {
	t.Parallel()
	f := files(t, pair)
	changed := make(chan []byte, 10)
	k, log := open(t, keypair.Config{Files: f, Changed: func(_ context.Context, c []byte) { changed <- c }})
	dir := filepath.Dir(f.Certificate)
	inForce := func(how string, p *peers.KeyPair) {
		t.Helper()
		log.wait(t, "was read again")
		if got := string(<-changed); got != string(p.Certificate) || string(k.Certificate()) != got {
			t.Errorf("%s: another certificate is in force", how)
		}
	}

	next := ca.Server()
	for name, text := range map[string][]byte{"tls.crt": next.Certificate, "tls.key": next.Key} {
		if err := os.Rename(write(t, filepath.Join(dir, "new"), text), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	inForce("renamed", next)

	// As Kubernetes does: the files are links through a link to a directory,
	// and that link is replaced.
	for _, version := range []string{"..1", "..2"} {
		next = ca.Server()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "tls.crt"), next.Certificate)
		write(t, filepath.Join(dir, version, "tls.key"), next.Key)
		if err := errors.Join(os.Symlink(version, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
		if version == "..1" {
			for _, name := range []string{"tls.crt", "tls.key"} {
				if err := errors.Join(os.Remove(filepath.Join(dir, name)), os.Symlink("..data/"+name, filepath.Join(dir, name))); err != nil {
					t.Fatal(err)
				}
			}
		}
		inForce("link "+version, next)
	}
}

// TestKept keeps what is in force when what comes is worse, and says so once.
func TestKept(t *testing.T) {
	t.Parallel()
	f := files(t, pair)
	k, log := open(t, keypair.Config{Files: f})
	expired := ca.Issue(peers.CertificateOptions{Hosts: []string{"127.0.0.1"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	for _, c := range []struct {
		certificate, key []byte
		says             string
	}{
		{[]byte("hello"), pair.Key, "holds no certificate"},
		{pair.Certificate, ca.Server().Key, "does not match"},
		{expired.Certificate, expired.Key, "that ended on"},
	} {
		write(t, f.Key, c.key)
		write(t, f.Certificate, c.certificate)
		line := log.wait(t, c.says)
		if !strings.Contains(line, "in force stays") || !strings.Contains(line, "level=ERROR") || string(k.Certificate()) != string(pair.Certificate) {
			t.Errorf("%s: the log says %s", c.says, line)
		}
	}
	log.drain()
	k.Reload(t.Context())
	log.wait(t, "that ended on") // asked for, it is said again
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "no such file")
	write(t, f.Key, pair.Key)
	write(t, f.Certificate, pair.Certificate)
	k.Reload(t.Context())
	log.wait(t, "the same as before")
}

// TestBeingWritten waits until two looks have found the same: certificate and
// key are two files.
func TestBeingWritten(t *testing.T) {
	t.Parallel()
	f := files(t, pair)
	k, log := open(t, keypair.Config{Files: f})
	k.Close() // from here on it looks when it is told to
	next := ca.Server()
	write(t, f.Certificate, next.Certificate)
	k.Look(t.Context())
	write(t, f.Key, next.Key)
	k.Look(t.Context())
	if string(k.Certificate()) != string(pair.Certificate) {
		t.Error("what may be half written is in force")
	}
	k.Look(t.Context())
	if got := log.drain(); string(k.Certificate()) != string(next.Certificate) || strings.Contains(got, "ERROR") {
		t.Errorf("the log says %s", got)
	}
	write(t, f.Key, pair.Key)
	for range 5 {
		k.Look(t.Context())
	}
	if got := log.drain(); strings.Count(got, "does not match") != 1 {
		t.Errorf("of a pair that stays broken the log says %s", got)
	}
}

// TestReloadAtOnce takes over what is there when it is asked to, and says when
// the time of what is in force is over.
func TestReloadAtOnce(t *testing.T) {
	t.Parallel()
	f := files(t, pair)
	log := make(lines, 1000)
	now := time.Now()
	k, err := keypair.Open(t.Context(), keypair.Config{
		Files: f, Interval: time.Hour, Clock: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	next := ca.Server()
	write(t, f.Certificate, next.Certificate)
	write(t, f.Key, next.Key)
	k.Reload(t.Context())
	if string(k.Certificate()) != string(next.Certificate) {
		t.Error("the old one is in force")
	}
	now = now.AddDate(1, 0, 0)
	k.Reload(t.Context())
	k.Reload(t.Context())
	if got := log.drain(); strings.Count(got, "has expired") != 1 {
		t.Errorf("the log says %s", got)
	}
}

// handshake connects a client to what is in force, and returns what the server
// knows of it.
func handshake(t *testing.T, server, client *tls.Config) (*tls.ConnectionState, error) {
	t.Helper()
	client.RootCAs, client.ServerName = ca.Pool(), "localhost"
	there, here := net.Pipe()
	defer there.Close()
	defer here.Close()
	limit := time.Now().Add(10 * time.Second)
	_, _ = there.SetDeadline(limit), here.SetDeadline(limit)
	var group sync.WaitGroup
	group.Go(func() {
		defer there.Close()
		c := tls.Client(there, client)
		if c.HandshakeContext(t.Context()) == nil {
			_, _ = c.Read(make([]byte, 1)) // what the server sends behind its part
		}
	})
	s := tls.Server(here, server)
	err := s.HandshakeContext(t.Context())
	state := s.ConnectionState()
	_ = here.Close()
	group.Wait()
	return &state, err
}

func TestClients(t *testing.T) {
	t.Parallel()
	clients, others := peers.NewCA("clients"), peers.NewCA("others")
	with := func(p *peers.KeyPair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.TLS()}} }
	for _, require := range []bool{true, false} {
		f := files(t, pair)
		f.ClientCA, f.RequireClient = write(t, filepath.Join(t.TempDir(), "ca.crt"), clients.PEM()), require
		now := time.Now()
		k, log := open(t, keypair.Config{Files: f, Clock: func() time.Time { return now }})
		k.Close() // from here on it looks when it is asked to
		server := k.TLS()
		if _, err := handshake(t, server, &tls.Config{}); (err == nil) == require {
			t.Errorf("require %t, no certificate: %v", require, err)
		}
		stranger := others.Client("mallory").TLS()
		if _, err := handshake(t, server, &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }}); err == nil {
			t.Errorf("require %t: another authority's client is let in", require)
		}
		if _, err := handshake(t, server, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil { //nolint:gosec // that is what must be refused
			t.Error("TLS 1.1 is spoken")
		}
		state, err := handshake(t, server, with(clients.Client("ann")))
		if err != nil || !k.Trusted(state) || state.Version != tls.VersionTLS13 {
			t.Fatalf("require %t, the right one: %v", require, err)
		}
		now = now.AddDate(2, 0, 0)
		if k.Trusted(state) {
			t.Error("a certificate whose time is over is trusted")
		}
		now = time.Now()
		write(t, f.ClientCA, []byte("hello"))
		k.Reload(t.Context())
		log.wait(t, "holds no certificate")
		if !k.Trusted(state) {
			t.Error("broken authorities have come into force")
		}
		write(t, f.ClientCA, append(others.PEM(), clients.PEM()...))
		k.Reload(t.Context())
		if !k.Trusted(state) {
			t.Error("beside another authority the client's is trusted no more")
		}
		write(t, f.ClientCA, others.PEM())
		k.Reload(t.Context())
		if k.Trusted(state) {
			t.Error("a client is trusted whose authority was taken away")
		}
		if _, err := handshake(t, server, with(others.Client("bob"))); err != nil {
			t.Errorf("the new authority's client: %v", err)
		}
	}
}

// TestNoResumption does not let a client come back past the authorities that
// are trusted now.
func TestNoResumption(t *testing.T) {
	t.Parallel()
	clients := peers.NewCA("clients")
	f := files(t, pair)
	f.ClientCA = write(t, filepath.Join(t.TempDir(), "ca.crt"), clients.PEM())
	k, _ := open(t, keypair.Config{Files: f})
	server := k.TLS()
	client := &tls.Config{Certificates: []tls.Certificate{clients.Client("ann").TLS()}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for range 2 {
		if state, err := handshake(t, server, client); err != nil || state.DidResume {
			t.Errorf("resumed %t, %v", state.DidResume, err)
		}
	}
}

// FuzzFiles takes nothing for a certificate that is none, whatever the files
// hold, and says what is wrong in one line.
func FuzzFiles(f *testing.F) {
	f.Add(pair.Certificate, pair.Key, ca.PEM())
	f.Add(pair.Key, pair.Certificate, []byte("\n"))
	f.Add(ca.PEM(), []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), pair.Key)
	f.Fuzz(func(t *testing.T, certificate, key, clientCA []byte) {
		text, err := keypair.Parse(certificate, key, clientCA)
		if err != nil {
			if e, ok := errors.AsType[*keypair.Error](err); !ok || e.File == "" || strings.Contains(e.Error(), "\n") {
				t.Errorf("it says %v", err)
			}
			return
		}
		block, _ := pem.Decode(text)
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
	})
}
