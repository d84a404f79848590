package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/e2e/peers"
	"belay/store"
)

// TestPostgresTLS speaks TLS with a real PostgreSQL server that wants a
// certificate of its clients, and says what is wrong when either side does not
// trust the other.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	servers, clients := peers.NewCA("servers"), peers.NewCA("clients")
	pg := peers.StartPostgresTLS(t, peers.PostgresTLS{Server: servers, Clients: clients})
	if err := migrated(pg.URL); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other := peers.NewCA("others").Client("admin")
	somebody := clients.Client("somebody")
	for name, c := range map[string]struct {
		parameters map[string]string
		want       error
		says       string
	}{
		"wrong authority":     {map[string]string{"sslrootcert": put("other-ca.crt", clients.PEM())}, store.ErrTLS, "unknown authority"},
		"wrong name":          {map[string]string{"host": "localhost"}, store.ErrTLS, "to match localhost"},
		"plain":               {map[string]string{"sslmode": "disable", "sslrootcert": "", "sslcert": "", "sslkey": ""}, store.ErrSignIn, "no encryption"},
		"no certificate":      {map[string]string{"sslcert": "", "sslkey": ""}, store.ErrTLS, "client certificate"},
		"another authority's": {map[string]string{"sslcert": put("other.crt", other.Certificate), "sslkey": put("other.key", other.Key)}, store.ErrTLS, "valid client certificate"},
		"another user's":      {map[string]string{"sslcert": put("somebody.crt", somebody.Certificate), "sslkey": put("somebody.key", somebody.Key)}, store.ErrSignIn, "admin"},
		"no such file":        {map[string]string{"sslrootcert": filepath.Join(dir, "nothing.crt")}, store.ErrTLS, "nothing.crt: no such file"},
		"half a pair":         {map[string]string{"sslkey": ""}, store.ErrTLS, "sslkey"},
		"no such key":         {map[string]string{"sslkey": filepath.Join(dir, "nothing.key")}, store.ErrTLS, "nothing.key: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			err := migrated(pg.With(c.parameters))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "postgres://") {
				t.Errorf("got %v, want %v with %q", err, c.want, c.says)
			}
		})
	}
	t.Run("replaced", func(t *testing.T) { testCertificateReplaced(t, pg, clients) })
}

// testCertificateReplaced shows a certificate that was replaced at the next
// connection.
func testCertificateReplaced(t *testing.T, pg *peers.Postgres, clients *peers.CA) {
	t.Helper()
	dir := t.TempDir()
	put := func(pair *peers.KeyPair) {
		for name, text := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(clients.Client("admin"))
	s, err := store.Open(t.Context(), pg.With(map[string]string{"sslcert": filepath.Join(dir, "tls.crt"), "sslkey": filepath.Join(dir, "tls.key")}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"somebody", "admin"} {
		put(clients.Client(name))
		if err := pg.Restart(); err != nil { // ends the connections that there are
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); (err == nil) != (name == "admin") {
			t.Errorf("with the certificate of %s: %v", name, err)
		}
	}
}
