package peers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
)

// PostgresVariable names a server that runs already, as the URL of a
// superuser. Packages that find it in their environment share that server.
const PostgresVariable = "BELAY_TEST_POSTGRES"

// Postgres is a PostgreSQL server. It is fast and forgets what it stored when
// the machine goes down.
type Postgres struct {
	URL string // a superuser's, without TLS, of the database postgres

	dir     string
	program string
	address string
	account *syscall.Credential
	tls     *PostgresTLS
	process *process

	admin     *sql.DB
	templates struct {
		sync.Mutex
		names map[string]string // by what the caller calls them
	}
}

// StartPostgres starts a server for one test, whatever PostgresVariable says,
// so that the test may stop it.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	return forTest(t, NewPostgres)
}

// SharedPostgres returns the server that PostgresVariable names, or a new
// one. Close leaves the former running.
func SharedPostgres() (*Postgres, error) {
	address := os.Getenv(PostgresVariable)
	if address == "" {
		return NewPostgres()
	}
	p := &Postgres{URL: address}
	if err := p.connect(); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", PostgresVariable, err)
	}
	return p, nil
}

// NewPostgres starts a server and returns when it answers. The caller closes
// it.
func NewPostgres() (*Postgres, error) { return newPostgres(nil) }

func newPostgres(o *PostgresTLS) (_ *Postgres, err error) {
	p := &Postgres{tls: o}
	if p.program, err = debianProgram("postgres", "/usr/lib/postgresql/*/bin"); err != nil {
		return nil, err
	}
	addresses, err := loopbacks(1)
	if err != nil {
		return nil, err
	}
	p.address = addresses[0]
	if err := p.create(); err != nil {
		p.Close()
		return nil, fmt.Errorf("create a PostgreSQL cluster: %w", err)
	}
	if err := p.Start(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// create makes the directory and, in it, the cluster. PostgreSQL refuses to
// run as root.
func (p *Postgres) create() (err error) {
	if p.account, err = unprivileged(); err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", "belay-postgres-"); err != nil {
		return err
	}
	password := rand.Text()
	if err := files(p.dir, map[string][]byte{"password": []byte(password)}); err != nil {
		return err
	}
	for _, path := range []string{p.dir, filepath.Join(p.dir, "password")} {
		if p.account == nil {
			break
		}
		if err := os.Chown(path, int(p.account.Uid), int(p.account.Gid)); err != nil {
			return err
		}
	}
	// The program may be a link from a directory that has no initdb.
	program, err := filepath.EvalSymlinks(p.program)
	if err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(filepath.Dir(program), "initdb"), "--pgdata=data", "--username=admin",
		"--pwfile=password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir = p.dir
	initdb.SysProcAttr = command{user: p.account}.attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p.URL = (&url.URL{
		Scheme: "postgres", User: url.UserPassword("admin", password), Host: p.address, Path: "/postgres",
		RawQuery: "sslmode=disable",
	}).String()
	return p.createTLS()
}

// Start starts a server that was stopped, on the same port, and returns when
// it answers.
func (p *Postgres) Start() (err error) {
	_, port, _ := strings.Cut(p.address, ":")
	p.process, err = command{
		name: "postgres", path: p.program, dir: p.dir, user: p.account,
		// Its own word for a fast stop, also when the tests die: killed, it
		// would leave children and shared memory.
		stop: syscall.SIGINT, orphan: syscall.SIGINT,
		args: append([]string{
			"-D", "data", "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "max_connections=300", "-c", "log_min_messages=warning",
		}, p.tls.args()...),
	}.start()
	if err != nil {
		return err
	}
	return p.process.ready(30*time.Second, p.connect)
}

// Restart stops the server and starts it again on the same port.
func (p *Postgres) Restart() error {
	p.Stop()
	return p.Start()
}

// Stop ends the server, and with it all connections. What it stored stays. A
// server that PostgresVariable named runs on.
func (p *Postgres) Stop() {
	if p.admin != nil {
		_ = p.admin.Close()
		p.admin = nil
	}
	p.process.end()
	p.process = nil
}

// Close ends the server and removes what it stored. From a server that
// PostgresVariable named it removes the templates.
func (p *Postgres) Close() {
	if p.admin != nil {
		for _, name := range p.templates.names {
			_ = p.exec("drop database if exists " + name + " with (force)")
		}
	}
	p.Stop()
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// Database returns the URL of a new, empty database that is dropped at the
// end of the test.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	return p.database(t, "template0")
}

// Copy returns the URL of a new database that is a copy of a template, and is
// dropped at the end of the test. The first call with a template's name makes
// it: prepare is given the URL of an empty database and closes all it opens
// there.
func (p *Postgres) Copy(t testing.TB, template string, prepare func(url string) error) string {
	t.Helper()
	name, err := p.template(template, prepare)
	if err != nil {
		t.Fatal(err)
	}
	return p.database(t, name)
}

func (p *Postgres) template(key string, prepare func(url string) error) (string, error) {
	p.templates.Lock()
	defer p.templates.Unlock()
	if name := p.templates.names[key]; name != "" {
		return name, nil
	}
	name := databaseName("template")
	if err := p.exec("create database " + name + " template template0"); err != nil {
		return "", fmt.Errorf("create the template %s: %w", key, err)
	}
	if err := prepare(p.databaseURL(name)); err != nil {
		return "", errors.Join(fmt.Errorf("prepare the template %s: %w", key, err), p.exec("drop database "+name))
	}
	if p.templates.names == nil {
		p.templates.names = map[string]string{}
	}
	p.templates.names[key] = name
	return name, nil
}

func (p *Postgres) database(t testing.TB, template string) string {
	t.Helper()
	name := databaseName("test")
	if err := p.exec("create database " + name + " template " + template); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := p.exec("drop database if exists " + name + " with (force)"); err != nil {
			t.Logf("drop the database: %v", err)
		}
	})
	return p.databaseURL(name)
}

// databaseName returns a name that no other test uses, in this process or
// another.
func databaseName(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text())
}

func (p *Postgres) databaseURL(name string) string {
	address, err := url.Parse(p.URL)
	must(err)
	address.Path = "/" + name
	return address.String()
}

// connect opens the connections with which databases are made.
func (p *Postgres) connect() error {
	admin, err := sql.Open("pgx", p.URL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := admin.PingContext(ctx); err != nil {
		return errors.Join(err, admin.Close())
	}
	p.admin = admin
	return nil
}

func (p *Postgres) exec(statement string) error {
	if p.admin == nil {
		return errors.New("the PostgreSQL server is stopped")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := p.admin.ExecContext(ctx, statement)
	return err
}
