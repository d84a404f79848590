package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"belay"
)

// Limits of logout tokens.
const (
	maxLogoutLife = time.Hour // the standard recommends two minutes at most
	maxSeen       = 10_000    // tokens that are remembered
	logoutEvent   = "http://schemas.openid.net/event/backchannel-logout"
)

// Logout is what a provider says of sessions that are to end: those of
// SessionID where there is one, else all of Subject's.
type Logout struct {
	Issuer    string
	Subject   string // "" where there is a session
	SessionID string // "" where there is a subject
	// IssuedAt is when the provider said so: a session that began later is
	// another one.
	IssuedAt time.Time
}

// VerifyLogout checks the logout token that a provider has sent to this
// server (OpenID Connect Back-Channel Logout 1.0, section 2.6). The error is
// a CodeUnauthenticated for a token that is not the provider's, not for this
// server, too old, or that was here before; a CodeUnavailable when the
// provider's keys cannot be had.
//
// Tokens are remembered by this Provider while they are valid, and by no other.
func (p *Provider) VerifyLogout(ctx context.Context, raw string) (*Logout, error) {
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, err
	}
	verifier, signed, err := p.verifier(ctx, m, raw)
	if err != nil {
		return nil, asLogout(err)
	}
	token, err := verifier.VerifyLogout(ctx, raw)
	if err != nil {
		return nil, badLogout(err)
	}
	if err := p.checkLogout(token, signed); err != nil {
		return nil, badLogout(err)
	}
	if !p.seen.first(token.TokenID, token.Expiry.Add(leeway), p.now()) {
		return nil, badLogout(errors.New("the token was here before"))
	}
	return &Logout{Issuer: p.config.Issuer, Subject: token.Subject, SessionID: token.SessionID, IssuedAt: token.IssuedAt}, nil
}

// checkLogout checks what the library does not.
func (p *Provider) checkLogout(token *oidc.LogoutToken, signed signedToken) error {
	kind, _ := signed.header.ExtraHeaders[jose.HeaderType].(string)
	var claims struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := token.Claims(&claims); err != nil {
		return err
	}
	now := p.now()
	switch {
	case kind != "" && !strings.EqualFold(kind, "JWT") && !strings.EqualFold(kind, "logout+jwt"):
		return errors.New("the token is of another type")
	case !isObject(claims.Events[logoutEvent]):
		return errors.New("the token is about no logout")
	case token.IssuedAt.IsZero() || token.IssuedAt.After(now.Add(leeway)):
		return errors.New("the token was issued in the future, or does not say when")
	case token.Expiry.Sub(token.IssuedAt) > maxLogoutLife || token.Expiry.After(now.Add(maxLogoutLife+leeway)):
		return errors.New("the token is valid for more than an hour")
	case len(token.TokenID) > maxClaim || len(token.Subject) > maxSubject || len(token.SessionID) > maxSubject:
		return errors.New("the token has an identifier that is too long")
	default:
		return nil
	}
}

func badLogout(err error) error { return asLogout(badToken(err)) }

// asLogout words an error for the provider, who reads it.
func asLogout(err error) error {
	e, ok := errors.AsType[*belay.Error](err)
	if !ok || e.Code != belay.CodeUnauthenticated {
		return err
	}
	return &belay.Error{Code: e.Code, Message: "the logout token is not accepted", Err: e.Err}
}

// LogoutURL returns where a user's browser goes to sign out at the provider
// too (OpenID Connect RP-Initiated Logout 1.0), "" when the provider has no
// such page. From there he comes back to redirect, which the provider has
// registered, with state; both may be "".
//
// The provider is told which client asks, and not by an ID token which user:
// an address is kept in many places where a token should not be. It may ask
// the user whether he means it.
func (p *Provider) LogoutURL(ctx context.Context, redirect, state string) (string, error) {
	m, err := p.discover(ctx, retention)
	if err != nil || m.EndSession == "" {
		return "", err
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return "", p.misconfigured("its logout page has no address", quoted(err))
	}
	query := u.Query()
	query.Set("client_id", p.config.ClientID)
	if redirect != "" {
		query.Set("post_logout_redirect_uri", redirect)
	}
	if state != "" {
		query.Set("state", state)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// seen are the tokens that were here, by their identifiers.
type seen struct {
	mu     sync.Mutex
	limit  int
	tokens map[string]time.Time // until when each is valid
}

func newSeen() *seen { return &seen{limit: maxSeen, tokens: map[string]time.Time{}} }

// first tells whether a token was not here before. When there are too many to
// remember, that which expires first is forgotten; only the provider can
// make so many.
func (s *seen) first(id string, until, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[id]; ok {
		return false
	}
	if len(s.tokens) >= s.limit {
		s.forget(now)
	}
	s.tokens[id] = until
	return true
}

// forget removes what has expired, or the one that expires next.
func (s *seen) forget(now time.Time) {
	next := ""
	for id, until := range s.tokens {
		if until.Before(now) {
			delete(s.tokens, id)
		} else if next == "" || until.Before(s.tokens[next]) {
			next = id
		}
	}
	if len(s.tokens) >= s.limit {
		delete(s.tokens, next)
	}
}
