package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"belay"
	"belay/store"
)

// Times of clients.
const (
	accessLife  = 15 * time.Minute // of an access token
	codeLife    = time.Minute      // of an authorization code
	clientIdle  = 30 * day         // after which without a refresh a client's session ends
	clientLife  = 90 * day         // after which it ends in any case
	maxHostName = 64               // characters of where a client says that it runs
)

// GrantError is why a client gets no tokens, by the codes of RFC 6749, section
// 5.2, and RFC 8628, section 3.5.
type GrantError struct {
	Code        string
	Description string
}

// Error implements error.
func (e *GrantError) Error() string { return e.Description }

// Codes of a GrantError.
const (
	GrantInvalid      = "invalid_grant"
	GrantInvalidUser  = "invalid_client"
	GrantUnauthorized = "unauthorized_client"
	GrantPending      = "authorization_pending"
	GrantSlowDown     = "slow_down"
	GrantDenied       = "access_denied"
	GrantExpired      = "expired_token"
)

func invalidGrant(why string) error { return &GrantError{Code: GrantInvalid, Description: why} }

// CommandLineClient is the client that every server knows.
func CommandLineClient() belay.Client {
	return belay.Client{
		ID: belay.CommandLineClient, Title: "Belay command line",
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"}, Devices: true,
	}
}

// clients are those that are known, by id.
func (c Config) clients() map[string]belay.Client {
	own := CommandLineClient()
	all := map[string]belay.Client{own.ID: own}
	for _, k := range c.Clients {
		if k.ID != own.ID {
			all[k.ID] = k
		}
	}
	return all
}

// Client is the client of that id, CodeNotFound if there is none.
func (g *Gate) Client(id string) (*belay.Client, error) {
	c, ok := g.clients[id]
	if !ok {
		return nil, belay.Errorf(belay.CodeNotFound, "this server knows no program of that id")
	}
	return &c, nil
}

// AuthenticateClient is Client for one that proves who it is: with its secret,
// and without where it has none.
func (g *Gate) AuthenticateClient(id string, secret belay.Secret) (*belay.Client, error) {
	c, ok := g.clients[id]
	proved := subtle.ConstantTimeCompare(belay.HashToken(secret), belay.HashToken(c.Secret)) == 1
	if !ok || !proved {
		return nil, &GrantError{Code: GrantInvalidUser, Description: "the client is not known, or its secret is another"}
	}
	return &c, nil
}

// Authorization is a client's request to act for whoever sits at a browser
// (RFC 6749, section 4.1.1).
type Authorization struct {
	Client      string
	RedirectURI string
	Challenge   string // RFC 7636, section 4.3; of method S256
	Host        string // where the client says that it runs
}

// CheckRedirect is the client that makes a request, if it may be answered at
// its redirect URI. Nobody is ever sent to another one.
func (g *Gate) CheckRedirect(a Authorization) (*belay.Client, error) {
	c, err := g.Client(a.Client)
	if err != nil {
		return nil, err
	}
	for _, known := range c.RedirectURIs {
		if redirectsTo(known, a.RedirectURI) {
			return c, nil
		}
	}
	return nil, belay.Errorf(belay.CodeInvalid, "the address to which the program wants the answer is none of its own")
}

// redirectsTo tells whether a redirect URI is the known one, character by
// character. Only where that is on a loopback address may the port be another
// (RFC 8252, section 7.3; RFC 9700, section 2.1).
func redirectsTo(known, uri string) bool {
	if known == uri {
		return true
	}
	k, err := url.Parse(known)
	if err != nil || k.Scheme != "http" || !isLoopback(k.Hostname()) {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Port() == "" || u.Hostname() != k.Hostname() {
		return false
	}
	k.Host = u.Host
	return k.String() == uri
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// challengeForm is what a challenge of method S256 looks like.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// ValidChallenge tells whether s can be a challenge of method S256.
func ValidChallenge(s string) bool { return challengeForm.MatchString(s) }

// HostName is where a client says that it runs, as far as that can be shown.
func HostName(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // such as what turns the direction of writing
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))), " ")
	if r := []rune(s); len(r) > maxHostName {
		return string(r[:maxHostName])
	}
	return s
}

// inBrowser refuses who is not signed in with a browser: what acts for a user
// lets nothing else act for him.
func inBrowser(p *belay.Principal) error {
	if p == nil || p.SessionID == "" || p.Client != "" {
		return belay.Errorf(belay.CodeForbidden, "only who is signed in with a browser can allow this")
	}
	return nil
}

// Authorize allows a client to act for a user, and returns the code that it
// exchanges for tokens: within a minute, once, and only while the session lasts
// in which it was allowed.
func (g *Gate) Authorize(ctx context.Context, p *belay.Principal, a Authorization) (belay.Secret, error) {
	if err := inBrowser(p); err != nil {
		return belay.Secret{}, err
	}
	if _, err := g.CheckRedirect(a); err != nil {
		return belay.Secret{}, err
	}
	if !ValidChallenge(a.Challenge) {
		return belay.Secret{}, belay.Errorf(belay.CodeInvalid, "the program has sent no challenge of RFC 7636, method S256")
	}
	code, err := belay.NewText(belay.CodeMarker, rand.Reader)
	if err != nil {
		return belay.Secret{}, err
	}
	c := &belay.AuthorizationCode{
		Hash: belay.HashToken(code), SessionID: p.SessionID, UserID: p.UserID, Client: a.Client, RedirectURI: a.RedirectURI,
		Challenge: a.Challenge, Host: HostName(a.Host), ExpiresAt: g.now().Add(codeLife),
	}
	return code, g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateAuthorizationCode(ctx, c) })
}

// Tokens are what a client acts for its user with.
type Tokens struct {
	Access      belay.Secret
	AccessLife  time.Duration
	Refresh     belay.Secret
	RefreshLife time.Duration // of the session, if it is not refreshed before
}

// ExchangeCode exchanges a code for the tokens of a new session (RFC 6749,
// section 4.1.3). A code that comes a second time was overheard: what it was
// exchanged for ends.
func (g *Gate) ExchangeCode(ctx context.Context, client *belay.Client, code belay.Secret, redirectURI, verifier string, v Visitor) (*Tokens, error) {
	const unknown = "the code is not known, was used before, or is too old"
	if belay.CheckText(belay.CodeMarker, string(code.Reveal())) != nil {
		return nil, invalidGrant(unknown)
	}
	c, err := g.store.AuthorizationCode(ctx, belay.HashToken(code))
	if err != nil {
		return nil, err
	}
	if c == nil || !g.now().Before(c.ExpiresAt) || c.Client != client.ID {
		return nil, invalidGrant(unknown)
	}
	if c.IssuedID != "" {
		return nil, g.overheard(ctx, c, unknown)
	}
	if c.RedirectURI != redirectURI {
		return nil, invalidGrant("the redirect_uri is another than the one to which the code was sent")
	}
	if !verifies(verifier, c.Challenge) {
		return nil, invalidGrant("the code_verifier is not that of the code_challenge")
	}
	s, tokens, err := g.newClientSession(ctx, client, allowedIn{c.UserID, c.SessionID, c.Host}, v)
	if err != nil {
		return nil, err
	}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.HoldUser(ctx, s.UserID); err != nil {
			return err
		}
		if err := tx.UseAuthorizationCode(ctx, c.Hash, s.ID); err != nil {
			return err
		}
		return tx.CreateClientSession(ctx, s)
	})
	if belay.CodeOf(err) == belay.CodeConflict {
		return nil, invalidGrant(unknown)
	}
	return tokens, err
}

// overheard ends what a code was exchanged for that has come again.
func (g *Gate) overheard(ctx context.Context, c *belay.AuthorizationCode, why string) error {
	g.log.WarnContext(ctx, "an authorization code came twice: the session that it was exchanged for is ended", "session", c.IssuedID, "user", c.UserID)
	if err := g.endSession(ctx, c.UserID, c.IssuedID); err != nil {
		return err
	}
	return invalidGrant(why)
}

// verifies tells whether a verifier is that of a challenge (RFC 7636, sections
// 4.1 and 4.6).
func verifies(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && len(verifier) <= 128 && subtle.ConstantTimeCompare([]byte(made), []byte(challenge)) == 1
}
