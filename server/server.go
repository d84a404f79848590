// Package server puts the parts together and runs them: a database, a key,
// the use cases, the API and a listener.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/egress"
	"belay/keypair"
	"belay/password"
	"belay/rest"
	"belay/secret"
	"belay/store"
	"belay/web"
)

// Names of files in the data directory.
const (
	databaseFile   = "belay.db"
	lockName       = "lock"        // held by the server that runs on this directory
	AdminTokenFile = "admin.token" // the first administrator's token, 0600
	AddressFile    = "server.url"  // where the server that runs on this directory answers, 0600
	// CertificateFile is by what a server that speaks TLS is known at that
	// address, whoever has signed it and whatever name it is for.
	CertificateFile = "server.crt"
)

// Times of the HTTP server.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second // of a whole request, so that nobody holds one open
	writeTimeout      = 5 * time.Minute  // that a client may take to read an answer, or a part of a long one
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 10 * time.Second
	testsTimeout      = 5 * time.Second // of that, for the tests under way
	maxHeaderBytes    = 64 << 10
)

// When what is past its time is removed.
const (
	firstSweep    = time.Minute // after the start
	sweepInterval = time.Hour
)

// Config says how a server is to run.
type Config struct {
	Listen string // host:port, port 0 for any that is free
	// PublicURL is where others reach this server, as scheme and host alone;
	// nil where nothing stands in front of it. With https, cookies are for
	// TLS only.
	PublicURL   *url.URL
	DataDir     string // made when it is missing, for its owner only
	Database    belay.Secret
	Key         belay.Secret // the key-encryption key itself, instead of a file
	KeyFile     string       // "": the one in DataDir, made when it is missing
	EgressAllow []netip.Prefix
	EgressDeny  []netip.Prefix
	// EgressLoopback lets connections reach loopback addresses that
	// EgressAllow does not name. nil: only while nobody but this machine's
	// users can reach the server.
	EgressLoopback *bool
	Kubeconfig     string        // offered as discovered connections at the first start; "" for none
	TLS            keypair.Files // the server speaks TLS; zero: plain HTTP
	TLSInterval    time.Duration // from one look at these files to the next; 0: a second
	InsecureHTTP   bool          // listen without TLS where others can reach it
	NewAdminToken  bool          // put another token of the first administrator into AdminTokenFile, for when that is lost
	Limits         app.Limits
	Lifetimes      Lifetimes      // of tokens and sessions
	Clients        []belay.Client // that may act for users who allow it
	// Faults are what was found to be wrong with the parts about providers and
	// clients by who has read them, each with its key: Start refuses them with
	// what it finds itself.
	Faults []string
	// Provider is the key of the only provider whose users may sign in; "" for
	// all that there are.
	Provider string
	// Providers are those outside of this server from which users come, by key.
	Providers    map[string]belay.ProviderSettings
	WriteTimeout time.Duration // how long a client may take to read an answer, or a line of a long one; 0: five minutes
	Sweep        time.Duration // from one removal of what is past its time to the next; 0: an hour
	Version      string
	Log          *slog.Logger
	Clock        func() time.Time // nil: the system's
}

// Lifetimes are how long tokens and sessions live.
type Lifetimes = app.Lifetimes

// Server is a running server.
type Server struct {
	// First is set when the database was empty.
	First *First
	// NoToken says why AdminTokenFile signs nobody in, "" where it does.
	NoToken string
	// NewToken is what the new token in AdminTokenFile is called, "" where none
	// was asked for.
	NewToken string
	// NewSignInLink signs the first administrator in once, where a new token
	// was asked for.
	NewSignInLink belay.Secret

	config   Config
	tls      *keypair.Keeper // nil where the server does not speak TLS
	listener net.Listener
	lock     *os.File // of the data directory
	store    *store.Store
	gate     *app.Gate
	app      *app.App
	sweeper  *app.Sweeper
	outside  providers
	http     *http.Server
	done     chan error
}

// First is what the first start made.
type First struct {
	Organization string
	TokenFile    string       // where the administrator's token is
	SignInLink   belay.Secret // signs the administrator in once
	Offered      int          // connections that were discovered in the kubeconfig
}

// Start opens the database, listens, and serves until Close. It writes
// nothing when the key is missing or wrong.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = writeTimeout
	}
	c.Log = slog.New(traced{c.Log.Handler()})
	if err := c.checkProviders(); err != nil {
		return nil, err
	}
	s := &Server{config: c, done: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := s.openTLS(ctx); err != nil {
		return nil, err
	}
	if err := s.claim(ctx); err != nil {
		return nil, err
	}
	s.warnOfWriters(ctx)
	s.warnOfReaders(ctx)
	// Before the first start makes a way in: it is told only if all goes well.
	if err := s.leaveAddress(); err != nil {
		return nil, dataDirError(c.DataDir, err)
	}
	if s.store, err = s.openStore(ctx); err != nil {
		return nil, err
	}
	if err := s.assemble(ctx); err != nil {
		return nil, err
	}
	s.startSweeper()
	go func() { s.done <- s.serve() }()
	return s, nil
}

func (s *Server) startSweeper() {
	interval := s.config.Sweep
	if interval == 0 {
		interval = sweepInterval
	}
	s.sweeper = app.StartSweeper(app.SweeperConfig{
		Store: s.store, Clock: s.config.Clock, Log: s.config.Log, First: min(firstSweep, interval), Interval: interval,
	})
}

// claim takes the address and the data directory. Where another server may run
// on the directory that is looked at first: it has the address as well then.
// A directory is made only for who can listen.
func (s *Server) claim(ctx context.Context) error {
	dir := s.config.DataDir
	if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
		if err := s.takeDataDir(); err != nil {
			return err
		}
	}
	if err := s.listen(ctx); err != nil || s.lock != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dataDirError(dir, err)
	}
	return s.takeDataDir()
}

// warnOfWriters tells of a data directory to which everybody may write. It is
// no refusal: a container's volume may be like that, with nobody else inside.
func (s *Server) warnOfWriters(ctx context.Context) {
	dir := s.config.DataDir
	if i, err := os.Stat(dir); runtime.GOOS != "windows" && err == nil && i.Mode().Perm()&0o002 != 0 {
		s.config.Log.WarnContext(ctx, "every user of this machine can write to the data directory and replace what is in it",
			"directory", dir, "mode", fmt.Sprintf("%04o", i.Mode().Perm()), "fix", belay.CommandLine("chmod", "700", dir))
	}
}

// errLocked is lockFile's answer when another process has the lock.
var errLocked = errors.New("locked")

// takeDataDir makes this the only server that runs on the data directory:
// the token, the key and the address in it belong to one.
func (s *Server) takeDataDir() error {
	dir := s.config.DataDir
	lock, err := lockFile(filepath.Join(dir, lockName))
	if errors.Is(err, errLocked) {
		where := ""
		if address, err := os.ReadFile(filepath.Join(dir, AddressFile)); err == nil {
			where = " at " + strings.TrimSpace(string(address))
		}
		return startError(fmt.Errorf("another server runs on the data directory %s%s", dir, where),
			"stop that one, or choose another directory: --data-dir DIR (BELAY_DATA_DIR)")
	}
	if err != nil {
		return dataDirError(dir, err)
	}
	s.lock = lock
	return nil
}

func (s *Server) openStore(ctx context.Context) (*store.Store, error) {
	dir, source := "", string(s.config.Database.Reveal())
	if source == "" {
		dir = s.config.DataDir
		source = filepath.Join(dir, databaseFile)
	}
	opened, err := store.Open(ctx, source)
	if err != nil {
		return nil, databaseError(dir, err)
	}
	return opened, nil
}

// assemble makes the use cases and everything above them.
func (s *Server) assemble(ctx context.Context) error {
	c := s.config
	source := secret.Source{Value: c.Key, Path: c.KeyFile, Dir: c.DataDir}
	keyring, err := app.OpenKeyring(ctx, s.store, source, c.Clock())
	if err != nil {
		return keyError(source, err)
	}
	dialer := &egress.Dialer{Policy: egress.Policy{
		Allow: c.EgressAllow, Deny: c.EgressDeny, Loopback: s.EgressLoopback(),
		Own: func() []netip.AddrPort { return []netip.AddrPort{s.addr()} },
	}}
	kinds, err := builtinKinds(dialer, c.Clock)
	if err != nil {
		return err
	}
	if s.outside, err = s.newProviders(dialer); err != nil {
		return err
	}
	parts := app.Config{
		Store: s.store, Keyring: keyring, Kinds: kinds, Clock: c.Clock, NewID: newID, Log: c.Log,
		Limits: c.Limits, Lifetimes: c.Lifetimes, Clients: c.Clients,
		Providers: s.outside.all, Admissions: s.outside.admissions, EnforcedProvider: c.Provider, Passwords: password.NewHasher(),
	}
	s.gate, s.app = app.NewGate(parts), app.New(parts)
	s.app.Behind(s.gate)
	if err := s.firstStart(ctx, parts); err != nil {
		return err
	}
	if err := s.adminToken(ctx, parts); err != nil {
		return err
	}
	if err := s.gate.WarnOfAdmissions(ctx); err != nil {
		return err
	}
	api, err := rest.New(rest.Config{
		App: s.app, Gate: s.gate, Log: c.Log, Version: c.Version, WriteTimeout: c.WriteTimeout, PublicURL: s.PublicURL(),
		Hubs: s.outside.hubs,
	})
	if err != nil {
		return err
	}
	s.http = s.newHTTP(web.New(web.Config{
		API: api, App: s.app, Gate: s.gate, Ready: s.store.Ping, Log: c.Log, Version: c.Version, PublicURL: c.PublicURL, Address: s.PublicURL(), Kinds: definitions(kinds),
		TLS: s.tls != nil, TrustsClient: s.trustsClient,
	}))
	return nil
}

func newID() belay.ID { return belay.ID(uuid.Must(uuid.NewV7()).String()) }

// signInLink is where a browser signs in with the code of a link.
func (s *Server) signInLink(code belay.Secret) belay.Secret {
	return belay.SecretString(s.PublicURL() + "/user/login?code=" + string(code.Reveal()))
}

// firstStart fills an empty database. The token's file is written before
// the database knows the token: a crash between the two leaves a file that
// the next first start replaces, never a server that nobody can enter.
func (s *Server) firstStart(ctx context.Context, parts app.Config) error {
	file := filepath.Join(s.config.DataDir, AdminTokenFile)
	kept := false
	made, err := app.SetUp(ctx, parts, func(token belay.Secret) error {
		err := s.keepToken(file, token)
		kept = err == nil
		return err
	})
	if kept && (err != nil || made == nil) {
		// Another server on the same database was first: this token is none.
		return errors.Join(err, os.Remove(file))
	}
	if err != nil || made == nil {
		return err
	}
	s.First = &First{Organization: made.Organization.Name, TokenFile: file, SignInLink: s.signInLink(made.SignInCode)}
	if s.config.Kubeconfig == "" {
		return nil
	}
	data, err := os.ReadFile(s.config.Kubeconfig)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		admin := belay.WithPrincipal(ctx, made.Principal())
		s.First.Offered, err = s.app.OfferKubeconfig(admin, made.Organization.ID, data)
	}
	if err != nil {
		s.config.Log.WarnContext(ctx, "the kubeconfig is not offered", "path", s.config.Kubeconfig, "error", err)
	}
	return nil
}

// keepToken writes a token into its file.
func (s *Server) keepToken(file string, token belay.Secret) error {
	if err := replaceFile(file, token.Reveal()); err != nil {
		return dataDirError(s.config.DataDir, err)
	}
	return nil
}

// replaceFile writes one line, readable by the owner only, as a whole or not
// at all.
func replaceFile(path string, line []byte) error {
	temporary := path + ".new"
	err := os.WriteFile(temporary, append(slices.Clone(line), '\n'), 0o600)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(temporary)
	return fmt.Errorf("write %s: %w", path, err)
}

// Gate makes tokens and sessions without a request, for tests and for
// whoever administers the machine.
func (s *Server) Gate() *app.Gate { return s.gate }

// App returns the use cases, for what calls them without a request.
func (s *Server) App() *app.App { return s.app }

// Store is the server's database.
func (s *Server) Store() *store.Store { return s.store }

// Failed tells, once, when the server stops by itself.
func (s *Server) Failed() <-chan error { return s.done }

// Close stops taking requests, lets those under way end, and closes the
// database. What makes many tests begins no more of them and says so; a test
// that does not end is broken off while its answer can still be sent.
func (s *Server) Close() error {
	s.app.Stop()
	defer time.AfterFunc(testsTimeout, s.app.BreakOff).Stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close() // who has not ended by now does not keep the server from stopping
	}
	return errors.Join(err, s.release())
}

// release gives back what Start has taken so far.
func (s *Server) release() error {
	if s.sweeper != nil {
		s.sweeper.Close()
	}
	if s.app != nil {
		s.app.Close()
	}
	if s.gate != nil {
		s.gate.Close()
	}
	s.outside.close()
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if s.listener != nil {
		_ = s.listener.Close() // http.Server has done so if it came that far
	}
	if s.tls != nil {
		s.tls.Close()
	}
	if s.lock != nil {
		_ = os.Remove(filepath.Join(s.config.DataDir, AddressFile))
		_ = os.Remove(filepath.Join(s.config.DataDir, CertificateFile))
		_ = s.lock.Close()
	}
	return err
}
