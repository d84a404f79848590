// Package app holds the use cases. It is the only place that authorizes,
// seals and opens secrets, and decides about the lifecycle; whatever speaks
// to the outside (REST, GraphQL, jobs) calls it and adds nothing of its own.
//
// Every method of App takes the principal from its context and begins by
// authorizing it. A stranger gets CodeUnauthenticated from all of them.
package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"belay"
	"belay/password"
	"belay/secret"
	"belay/store"
)

// Kind is a kind of connection as the use cases need it: its description,
// what makes an endpoint and a configuration valid, and its test.
type Kind interface {
	// Definition describes the kind. The caller must not change it.
	Definition() *belay.Kind
	// CheckEndpoint returns the canonical form of an endpoint, or a
	// CodeInvalid error about /url.
	CheckEndpoint(endpoint string) (string, error)
	// CheckConfig returns a CodeInvalid error about /metadata for a
	// configuration that the kind's schema does not allow.
	CheckConfig(config json.RawMessage) error
	// Test tests a target. Whatever goes wrong is in the report.
	Test(ctx context.Context, t belay.Target) belay.Report
}

// Config is what an App and a Gate are made of. All of it must be set, but for
// Limits and what comes after it.
type Config struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Kinds   map[string]Kind // by name
	Clock   func() time.Time
	NewID   func() belay.ID
	Log     *slog.Logger
	Limits  Limits
	// Lifetimes are those of tokens and sessions.
	Lifetimes Lifetimes
	// Providers are where users come from, by key. nil: the local one alone.
	Providers map[string]Provider
	// Admissions are who of their users may enter, by the same keys.
	Admissions map[string]Admission
	// EnforcedProvider is the key of the only one whose users may sign in; ""
	// for all.
	EnforcedProvider string
	// Clients may act for users who allow it, beside the command line.
	Clients []belay.Client
	// Passwords is what hashes passwords, one for all of a process. nil: one
	// of its own.
	Passwords *password.Hasher
}

// hasher is what hashes passwords.
func (c Config) hasher() *password.Hasher {
	if c.Passwords != nil {
		return c.Passwords
	}
	return password.NewHasher()
}

// App is the use cases. It is safe for concurrent use.
type App struct {
	store    *store.Store
	keyring  *secret.Keyring
	kinds    map[string]Kind
	clock    func() time.Time
	newID    func() belay.ID
	log      *slog.Logger
	lives    Lifetimes
	running  running
	slots    slots
	compiled compiled
	gate     *Gate // nil: nobody stands before it

	providers  map[string]Provider
	admissions map[string]Admission

	passwords *password.Hasher
	throttle  throttle
}

// New makes an App. Close it when nothing calls it any more.
func New(c Config) *App {
	a := &App{
		store: c.Store, keyring: c.Keyring, kinds: c.Kinds, clock: c.Clock, newID: c.NewID, log: c.Log,
		lives: c.Lifetimes.orDefault(), providers: c.providers(), admissions: c.Admissions,
	}
	a.slots.limits = c.Limits.orDefault()
	a.passwords, a.throttle = c.hasher(), throttle{store: c.Store, keyring: c.Keyring, now: a.now}
	a.running.start()
	return a
}

// Behind tells a who stands before it: what a ends, a token or a session, g
// then lets in no more when a has answered. It is called before a is used.
func (a *App) Behind(g *Gate) { a.gate = g }

// Stop begins to stop: work of many tests begins no more of them, and ends
// with CodeUnavailable when those under way have ended.
func (a *App) Stop() { a.running.stop() }

// BreakOff ends the tests under way; who waits for one gets CodeUnavailable.
func (a *App) BreakOff() { a.running.end() }

// Close does both, and waits until all has ended.
func (a *App) Close() { a.running.close() }

// now is the present time as it can be stored, in microseconds.
func (a *App) now() time.Time { return a.clock().UTC().Truncate(time.Microsecond) }
