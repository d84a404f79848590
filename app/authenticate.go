package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"belay"
	"belay/password"
	"belay/secret"
	"belay/store"
)

// Times of tokens, sessions and sign-in links.
const (
	signInLinkLife  = 24 * time.Hour
	usedResolution  = time.Minute            // how exactly "last used" is kept
	principalLife   = 500 * time.Millisecond // how long a looked-up principal is believed
	principalsLimit = 10_000                 // of them in memory
)

// Gate finds out who a request comes from. It is what stands before App: its
// methods are called by strangers.
type Gate struct {
	store *store.Store
	clock func() time.Time
	newID func() belay.ID
	log   *slog.Logger
	lives Lifetimes

	keyring    *secret.Keyring
	providers  map[string]Provider // those in force, by key
	admissions map[string]Admission
	refreshes  refreshes
	passwords  *password.Hasher
	throttle   throttle
	guessers   guessers
	tokens     gatherer[*belay.Token]
	sessions   gatherer[*belay.Session]
	accesses   gatherer[*belay.ClientSession]
	clients    map[string]belay.Client // by id

	mu      sync.Mutex
	known   map[string]knownPrincipal // by the hash of the token or session
	refused map[string]turnedAway     // likewise
	ended   uint64                    // how often something was forgotten, see forget
}

type knownPrincipal struct {
	principal *belay.Principal
	until     time.Time
}

// turnedAway is why a token or session lets nobody in. That does not change any
// more: what was revoked, has ended or never was stays so.
type turnedAway struct {
	err   error
	until time.Time // when it is looked up again
}

// NewGate makes a Gate over the store of an App.
func NewGate(c Config) *Gate {
	g := &Gate{
		store: c.Store, clock: c.Clock, newID: c.NewID, log: c.Log, lives: c.Lifetimes.orDefault(),
		keyring: c.Keyring, providers: c.providers(), admissions: c.Admissions, refreshes: newRefreshes(),
		passwords: c.hasher(),
		tokens:    gatherer[*belay.Token]{find: c.Store.TokensByHash},
		sessions:  gatherer[*belay.Session]{find: c.Store.SessionsByHash},
		accesses:  gatherer[*belay.ClientSession]{find: c.Store.SessionsByAccess}, clients: c.clients(),
		known: map[string]knownPrincipal{}, refused: map[string]turnedAway{},
	}
	g.throttle = throttle{store: c.Store, keyring: c.Keyring, now: g.now}
	return g
}

func (g *Gate) now() time.Time { return g.clock().UTC().Truncate(time.Microsecond) }

// Now is the time by the Gate's clock.
func (g *Gate) Now() time.Time { return g.now() }

// Token authenticates a bearer token that came from an address: an API token,
// or the access token of a client's session. One that
// is unknown, expired or revoked is CodeUnauthenticated.
func (g *Gate) Token(ctx context.Context, text belay.Secret, from string) (*belay.Principal, error) {
	if bytes.HasPrefix(text.Reveal(), []byte(belay.AccessMarker)) {
		return g.access(ctx, text, from)
	}
	if err := belay.CheckToken(string(text.Reveal())); err != nil {
		return nil, Unauthenticated(err.Error())
	}
	return g.remembered(belay.HashToken(text), func(hash []byte, was bool) (*belay.Principal, error) {
		return g.token(ctx, hash, from, was)
	})
}

// remembered answers from memory what was looked up a moment ago. A change of
// rights so takes effect within principalLife; what this server itself ends, at
// once: see forget. was tells look that the hash let somebody in before.
func (g *Gate) remembered(hash []byte, look func(hash []byte, was bool) (*belay.Principal, error)) (*belay.Principal, error) {
	now := g.now()
	g.mu.Lock()
	k, was := g.known[string(hash)]
	no, refused := g.refused[string(hash)]
	ended := g.ended
	g.mu.Unlock()
	if was && now.Before(k.until) && (k.principal.ExpiresAt.IsZero() || now.Before(k.principal.ExpiresAt)) {
		return k.principal, nil
	}
	if refused && now.Before(no.until) {
		return nil, no.err
	}
	p, err := look(hash, was)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case belay.CodeOf(err) == belay.CodeUnauthenticated:
		if len(g.refused) >= principalsLimit {
			clear(g.refused)
		}
		delete(g.known, string(hash))
		g.refused[string(hash)] = turnedAway{err: err, until: now.Add(refusalLife)}
		return nil, err
	case err != nil:
		return nil, err
	}
	if ended != g.ended {
		return p, nil // it may be what has ended meanwhile
	}
	if len(g.known) >= principalsLimit {
		clear(g.known)
	}
	g.known[string(hash)] = knownPrincipal{principal: p, until: now.Add(principalLife)}
	return p, nil
}

// lookUp finds a token or a session by its hash. From where many unknown
// ones came it waits for others to be looked up with, unless it was known
// before.
func lookUp[T any](ctx context.Context, g *Gate, hash []byte, from string, was bool, gather *gatherer[*T], one func(context.Context, []byte) (*T, error)) (*T, error) {
	look := one
	if !was && g.guessers.many(from, g.now()) {
		look = gather.look
	}
	found, err := look(ctx, hash)
	if err == nil && found == nil {
		g.guessers.add(from, g.now())
	}
	return found, err
}

// forget makes those principals be looked up again of which drop says so. It
// is called when what they are by has ended. What is being looked up meanwhile
// is not remembered. A nil Gate has nothing to forget.
func (g *Gate) forget(drop func(*belay.Principal) bool) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended++
	maps.DeleteFunc(g.known, func(_ string, k knownPrincipal) bool { return drop(k.principal) })
}

func (g *Gate) forgetToken(id belay.ID) {
	g.forget(func(p *belay.Principal) bool { return p.TokenID == id })
}

func (g *Gate) forgetSession(id belay.ID) {
	g.forget(func(p *belay.Principal) bool { return p.SessionID == id })
}

// ForgetUser makes the next request of a user be looked up anew, whatever he
// belongs to by then. It is for who has changed that; changes of others take
// effect within principalLife.
func (g *Gate) ForgetUser(id belay.ID) {
	g.forget(func(p *belay.Principal) bool { return p.UserID == id })
}

func (g *Gate) token(ctx context.Context, hash []byte, from string, was bool) (*belay.Principal, error) {
	t, err := lookUp(ctx, g, hash, from, was, &g.tokens, g.store.TokenByHash)
	if err != nil {
		return nil, err
	}
	now := g.now()
	former, err := letsIn(t, hash, now)
	if err != nil {
		return nil, err
	}
	p, err := g.principal(ctx, t.UserID)
	if err != nil {
		return nil, err
	}
	narrow(p, t)
	if former {
		p.IssuedAt, p.ExpiresAt = time.Time{}, t.Former.ExpiresAt // always to be warned of
	}
	if now.Sub(t.LastUsedAt) > usedResolution || former && now.Sub(t.Former.LastUsedAt) > usedResolution {
		g.used(ctx, t.ID, func(ctx context.Context, tx *store.Tx) error { return tx.TokenUsed(ctx, t.ID, now, from, former) })
	}
	return p, nil
}

// letsIn refuses a token, found by the hash of what was sent, that lets nobody
// in. former tells whether it was sent as it was before its last rotation.
func letsIn(t *belay.Token, hash []byte, now time.Time) (former bool, err error) {
	if err := tokenEnded(t, now); err != nil {
		return false, err
	}
	former = !bytes.Equal(t.Hash, hash)
	if former && !now.Before(t.Former.ExpiresAt) {
		return false, Unauthenticated("the token was rotated: what it was before stopped working at " + t.Former.ExpiresAt.Format(time.RFC3339))
	}
	return former, nil
}

// Takes tells whether a token lets somebody in now, nil if it does, else why
// not: CodeUnauthenticated. That is not a use of it.
func (g *Gate) Takes(ctx context.Context, text belay.Secret) error {
	hash := belay.HashToken(text)
	t, err := g.store.TokenByHash(ctx, hash)
	if err != nil {
		return err
	}
	_, err = letsIn(t, hash, g.now())
	return err
}

// narrow makes a user's principal that of one of his tokens.
func narrow(p *belay.Principal, t *belay.Token) {
	p.TokenID, p.Scopes, p.IssuedAt, p.ExpiresAt = t.ID, t.Scopes, t.IssuedAt(), t.ExpiresAt
	p.OrganizationID, p.WorkspaceID, p.EnvironmentID = t.OrganizationID, t.WorkspaceID, t.EnvironmentID
	if t.OrganizationID == "" {
		return
	}
	role, member := p.Roles[t.OrganizationID]
	p.Roles = map[belay.ID]belay.OrganizationRole{}
	if member {
		p.Roles[t.OrganizationID] = role
	}
}

// used records a use. That must not fail the request.
func (g *Gate) used(ctx context.Context, id belay.ID, write func(context.Context, *store.Tx) error) {
	if err := g.store.Write(ctx, write); err != nil {
		g.log.WarnContext(ctx, "the last use of a token or session is not recorded", "id", id, "error", err)
	}
}

// principal is a user with his organizations.
func (g *Gate) principal(ctx context.Context, user belay.ID) (*belay.Principal, error) {
	u, err := g.store.User(ctx, user)
	if err != nil {
		return nil, userGone(err)
	}
	if err := g.inForce(u); err != nil {
		return nil, err
	}
	p := &belay.Principal{
		UserID: u.ID, Email: u.Email, Provider: u.Provider,
		Roles: map[belay.ID]belay.OrganizationRole{}, AccessVersions: map[belay.ID]int64{},
	}
	if g.Keeps(u.Provider) {
		return p, nil // what he may do is elsewhere
	}
	memberships, err := g.store.Memberships(ctx, user)
	for _, m := range memberships {
		p.Roles[m.OrganizationID], p.AccessVersions[m.OrganizationID] = m.Role, m.AccessVersion
	}
	return p, err
}

// userGone is err, or that nobody is let in whose user is not there.
func userGone(err error) error {
	if isNotFound(err) {
		return Unauthenticated("the user does not exist any more")
	}
	return err
}

// sessionEnded is why a session lets nobody in any more, nil if it does; there
// is none when s is nil.
func (l Lifetimes) sessionEnded(s *belay.Session, now time.Time) error {
	idle := s != nil && s.Client == "" && now.Sub(s.LastUsedAt) > l.SessionIdle
	if s == nil || !now.Before(s.ExpiresAt) || idle {
		return sessionExpired()
	}
	return nil
}

// sessionExpired is what a browser gets whose session is over, for whatever
// reason: unlike a program it need not look for a token.
func sessionExpired() *belay.Error {
	return &belay.Error{
		Code: belay.CodeUnauthenticated, Message: "session expired: it has ended, or somebody has ended it; sign in again",
		Remedy: []belay.Remedy{{
			ID: "session.renew", Title: "Sign in again",
			Description: "Sign in at /user/login, then repeat the request: nothing of it was done.",
			Action:      &belay.RemedyAction{Method: "GET", Href: "/user/login"},
		}},
	}
}

// Session authenticates the value of a session cookie that came from an
// address. A session that is unknown, idle for too long or past its time is
// CodeUnauthenticated.
func (g *Gate) Session(ctx context.Context, value belay.Secret, from string) (*belay.Principal, error) {
	if belay.CheckToken(string(value.Reveal())) != nil {
		return nil, sessionExpired()
	}
	return g.remembered(belay.HashToken(value), func(hash []byte, was bool) (*belay.Principal, error) {
		s, err := lookUp(ctx, g, hash, from, was, &g.sessions, g.store.SessionByHash)
		if err != nil {
			return nil, err
		}
		now := g.now()
		if err := g.lives.sessionEnded(s, now); err != nil {
			return nil, err
		}
		if s, err = g.refreshed(ctx, s, now); err != nil {
			return nil, err
		}
		p, err := g.principal(ctx, s.UserID)
		if err != nil {
			return nil, err
		}
		p.SessionID, p.IssuedAt, p.ExpiresAt = s.ID, s.CreatedAt, s.ExpiresAt
		g.keepUsed(ctx, s, now)
		return p, nil
	})
}

// keepUsed records now and then that a browser's session is used.
func (g *Gate) keepUsed(ctx context.Context, s *belay.Session, now time.Time) {
	if now.Sub(s.LastUsedAt) > min(usedResolution, g.lives.SessionIdle/4) {
		g.used(ctx, s.ID, func(ctx context.Context, tx *store.Tx) error { return tx.SessionUsed(ctx, s.ID, now) })
	}
}

// SignIn spends a one-time sign-in link and begins a session. It returns the
// cookie's value, which is not kept.
func (g *Gate) SignIn(ctx context.Context, code belay.Secret, userAgent, remoteAddr string) (belay.Secret, time.Time, error) {
	now := g.now()
	begun, err := g.begin(ctx, Visitor{UserAgent: userAgent, RemoteAddr: remoteAddr}, func(ctx context.Context, tx *store.Tx) (belay.ID, error) {
		return tx.UseSignInLink(ctx, belay.HashToken(code), now)
	})
	if isNotFound(err) {
		return belay.Secret{}, time.Time{}, Unauthenticated("this sign-in link was used before, or is too old")
	}
	if err != nil {
		return belay.Secret{}, time.Time{}, err
	}
	return begun.Value, begun.ExpiresAt, nil
}

// SignOut ends a session.
func (g *Gate) SignOut(ctx context.Context, value belay.Secret) error {
	_, err := g.signOut(ctx, value)
	return err
}

// signOut ends a session, and tells whether that at its user's Keeper goes on.
func (g *Gate) signOut(ctx context.Context, value belay.Secret) (goesOn bool, err error) {
	hash := belay.HashToken(value)
	s, err := g.store.SessionByHash(ctx, hash)
	if err != nil || s == nil {
		return false, err
	}
	sealed, err := g.store.KeptRefresh(ctx, s.ID)
	if err != nil {
		return false, err
	}
	defer g.forgetSession(s.ID)
	if err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, s.UserID, s.ID) }); err != nil {
		return false, err
	}
	return g.revokeKept(ctx, s, sealed), nil
}

// ExpiresSoon tells whether whoever uses a token is to be warned that it
// ends.
func (g *Gate) ExpiresSoon(p *belay.Principal) bool {
	return p.TokenID != "" && belay.ExpiresSoon(p.IssuedAt, p.ExpiresAt, g.now())
}

// Issue makes a token for a user, whatever the limits are, and returns its
// text, which is not kept.
func (g *Gate) Issue(ctx context.Context, t belay.Token) (belay.Secret, error) {
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return belay.Secret{}, err
	}
	t.ID, t.Prefix, t.Hash, t.CreatedAt = g.newID(), prefix, belay.HashToken(text), g.now()
	t.UpdatedAt = t.CreatedAt
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateToken(ctx, &t) })
	if err != nil {
		return belay.Secret{}, fmt.Errorf("issue the token %s: %w", t.Name, err)
	}
	return text, nil
}

// SignInLink makes the code of a link that signs a user in once.
func (g *Gate) SignInLink(ctx context.Context, user belay.ID) (belay.Secret, error) {
	code, _, err := belay.NewToken(rand.Reader)
	if err != nil {
		return belay.Secret{}, err
	}
	now := g.now()
	return code, g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateSignInLink(ctx, belay.HashToken(code), user, now, now.Add(signInLinkLife))
	})
}
