// Package belaytest starts the whole server inside a test, with people,
// tokens and roles as the test wants them.
//
//	s := belaytest.Start(t, belaytest.Options{})
//	e := s.Admin.Post("/api/environments", map[string]any{"name": "production"}).Want(201)
//	member := s.Member("ann")
//	member.Get("/api/environments/" + e.ID()).Want(404)
package belaytest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/e2e/peers"
	"belay/server"
)

// Options say how a test's server differs from the usual: a real clock,
// SQLite in a directory of its own, targets on loopback and nowhere else.
type Options struct {
	Clock      func() time.Time // nil: the system's
	Database   string           // a PostgreSQL URL; "" is SQLite
	EgressDeny []netip.Prefix   // of loopback, to be refused too
	Kubeconfig string           // a file that the first start offers
	Sweep      time.Duration    // from one removal of what is past its time to the next; 0 as usual
	Limits     app.Limits
	Lifetimes  app.Lifetimes
	PublicURL  *url.URL
	Clients    []belay.Client
	Providers  map[string]belay.ProviderSettings // outside of the server, by key
	Provider   string                            // the only one whose users may sign in; "" for all
	// WriteTimeout is how long a client may take to read an answer, or a line
	// of a long one; 0 as usual.
	WriteTimeout time.Duration
	// Transport stands between every Client and the network, for instance to
	// look at what goes by. nil: nothing does.
	Transport func(http.RoundTripper) http.RoundTripper
}

// Server is a running server that ends with its test.
type Server struct {
	*server.Server
	Admin        *Client  // the first administrator, with his token
	Organization belay.ID // the first one
	DataDir      string

	t         testing.TB
	options   Options
	log       *log
	clock     func() time.Time
	transport http.RoundTripper
}

// Start starts a server on a free loopback port.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, options: o, log: &log{}, clock: o.Clock, DataDir: filepath.Join(t.TempDir(), "data")}
	if s.clock == nil {
		s.clock = time.Now
	}
	c := server.Config{
		Listen: "127.0.0.1:0", DataDir: s.DataDir, Database: belay.SecretString(o.Database),
		EgressAllow: prefixes("127.0.0.0/8", "::1/128"), EgressDeny: append(prefixes("0.0.0.0/0", "::/0"), o.EgressDeny...),
		Kubeconfig: o.Kubeconfig, Sweep: o.Sweep, Limits: o.Limits, Lifetimes: o.Lifetimes, PublicURL: o.PublicURL, Clients: o.Clients,
		Providers: o.Providers, Provider: o.Provider, WriteTimeout: o.WriteTimeout, Version: "v0.0.0-test",
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Clock: s.clock,
	}
	var err error
	if s.Server, err = server.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	pool := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(func() {
		pool.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	s.transport = pool
	if o.Transport != nil {
		s.transport = o.Transport(pool)
	}
	s.signIn()
	return s
}

// OnPostgres starts a server on a new PostgreSQL database. The database
// server is the one that peers.PostgresVariable names, else one of the
// test's own.
func OnPostgres(t testing.TB, o Options) *Server {
	t.Helper()
	pg, err := peers.SharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	o.Database = pg.Database(t)
	return Start(t, o)
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// signIn makes the administrator's client from the token that the first
// start has left.
func (s *Server) signIn() {
	s.t.Helper()
	token, err := os.ReadFile(filepath.Join(s.DataDir, server.AdminTokenFile))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Admin = s.Client(belay.SecretString(strings.TrimSpace(string(token))))
	var me struct {
		ID    belay.ID                            `json:"id"`
		Roles map[belay.ID]belay.OrganizationRole `json:"organizationRoles"`
	}
	s.Admin.Get("/api/user").Want(http.StatusOK).Decode(&me)
	s.Admin.UserID = me.ID
	for org := range me.Roles { // there is exactly one
		s.Organization = org
	}
}

// Log is what the server has logged so far, at the level debug.
func (s *Server) Log() string { return s.log.String() }

// log collects what is written to it.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Clock is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock. Roles and tokens are believed for half a second
// after they were looked up: with a clock that stands still, for ever.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// must fails the test on an error.
func (s *Server) must(err error, doing string, args ...any) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", fmt.Sprintf(doing, args...), err)
	}
}
