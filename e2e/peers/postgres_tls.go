package peers

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// PostgresTLS has a PostgreSQL server speak TLS alone.
type PostgresTLS struct {
	Server  *CA // signs the server's certificate, which is for 127.0.0.1 alone
	Clients *CA // signs those of clients, without which nobody is let in
}

// StartPostgresTLS starts a server for one test that speaks TLS alone, with
// clients that show a certificate in the name of the user they sign in as. Its
// URL is as ever the administrator's.
func StartPostgresTLS(t testing.TB, o PostgresTLS) *Postgres {
	t.Helper()
	return forTest(t, func() (*Postgres, error) { return newPostgres(&o) })
}

// createTLS writes what the server speaks TLS with, and what the administrator
// shows to it.
func (p *Postgres) createTLS() error {
	if p.tls == nil {
		return nil
	}
	server, client := p.tls.Server.Server("127.0.0.1"), p.tls.Clients.Client("admin")
	err := files(p.dir, map[string][]byte{
		"server.crt": server.Certificate, "server.key": server.Key, "server-ca.crt": p.tls.Server.PEM(),
		"clients.crt": p.tls.Clients.PEM(), "admin.crt": client.Certificate, "admin.key": client.Key,
		"data/pg_hba.conf": []byte("hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n"),
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"server.crt", "server.key", "clients.crt", "data/pg_hba.conf"} {
		if p.account == nil {
			break
		}
		if err := os.Chown(filepath.Join(p.dir, name), int(p.account.Uid), int(p.account.Gid)); err != nil {
			return err
		}
	}
	p.URL = p.With(map[string]string{
		"sslmode": "verify-full", "sslrootcert": filepath.Join(p.dir, "server-ca.crt"),
		"sslcert": filepath.Join(p.dir, "admin.crt"), "sslkey": filepath.Join(p.dir, "admin.key"),
	})
	return nil
}

// With returns the server's URL with other parameters; "" takes one away.
func (p *Postgres) With(parameters map[string]string) string {
	address, err := url.Parse(p.URL)
	must(err)
	query := address.Query()
	for name, value := range parameters {
		query.Set(name, value)
		if value == "" {
			query.Del(name)
		}
	}
	address.RawQuery = query.Encode()
	return address.String()
}

// args are those by which the server speaks TLS.
func (o *PostgresTLS) args() []string {
	if o == nil {
		return nil
	}
	return []string{"-c", "ssl=on", "-c", "ssl_cert_file=../server.crt", "-c", "ssl_key_file=../server.key", "-c", "ssl_ca_file=../clients.crt"}
}
