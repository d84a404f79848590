package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"belay"
)

// loginLife is how long a user may take on the provider's pages.
const loginLife = 10 * time.Minute

// Login is how a user is sent to the provider.
type Login struct {
	Redirect string // where on this server he comes back to, as the provider has it registered
	Hint     string // whom he says he is, "" for nobody
	Again    bool   // whether he has to sign in even where he is signed in there
}

// Begun is a sign-in that has begun.
type Begun struct {
	URL   string // where the user goes
	State string // by which what is remembered is found when he comes back; not secret
	// Remembered is what Finish needs. It is for this user's browser alone,
	// and neither he nor anybody else may read or change it: the caller seals
	// it, in a cookie say, until ExpiresAt.
	Remembered belay.Secret
	ExpiresAt  time.Time
}

// remembered is what of Begin is needed for Finish.
type remembered struct {
	Key      string    `json:"key"`
	Issuer   string    `json:"issuer"`
	ClientID string    `json:"clientId"`
	Redirect string    `json:"redirect"`
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Expires  time.Time `json:"expires"`
}

// Begin begins to sign a user in. The error is a CodeUnavailable when the
// provider does not answer: nobody is sent to where he would be stranded.
func (p *Provider) Begin(ctx context.Context, login Login) (*Begun, error) {
	m, err := p.discover(ctx, freshness)
	if err != nil {
		return nil, err
	}
	r := remembered{
		Key: p.config.Key, Issuer: p.config.Issuer, ClientID: p.config.ClientID,
		Redirect: login.Redirect, Expires: p.now().Add(loginLife),
	}
	for _, text := range []*string{&r.State, &r.Nonce, &r.Verifier} {
		if *text, err = p.unguessable(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("remember a sign-in: %w", err)
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier), oauth2.SetAuthURLParam("nonce", r.Nonce)}
	if login.Hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", login.Hint))
	}
	if prompt := p.prompt(login); prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	return &Begun{
		URL: p.asClient(m, r.Redirect).AuthCodeURL(r.State, options...), State: r.State,
		Remembered: belay.NewSecret(text), ExpiresAt: r.Expires,
	}, nil
}

func (p *Provider) prompt(login Login) string {
	offline := slices.Contains(p.config.Scopes, "offline_access")
	switch {
	case login.Again && offline:
		return "login consent"
	case login.Again:
		return "login"
	case offline:
		return "consent"
	default:
		return ""
	}
}

// unguessable returns 256 random bits as 43 characters, which is a PKCE
// verifier too (RFC 7636, section 4.1).
func (p *Provider) unguessable() (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(p.random, b); err != nil {
		return "", fmt.Errorf("draw random bits: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// Finish ends a sign-in: query is what the user's browser brings from the
// provider, secret what Begin had remembered. The error is a
// CodeUnauthenticated when he is not signed in, a CodeForbidden when he is
// but may not enter here, a CodeUnavailable when the provider fails.
//
// A query can be finished once only: the provider takes its code no second
// time.
func (p *Provider) Finish(ctx context.Context, query url.Values, secret belay.Secret) (*Identity, error) {
	r, err := p.recall(secret)
	if err != nil {
		return nil, err
	}
	answer, err := parseCallback(query)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(answer.state), []byte(r.State)) != 1 {
		return nil, refused("this answer belongs to another sign-in than the one that began in this browser", nil)
	}
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, err
	}
	if err := p.checkIssuer(m, answer); err != nil {
		return nil, err
	}
	if answer.failure != "" {
		return nil, answer.denied()
	}
	return p.exchange(ctx, m, r, answer.code)
}

// recall reads what Begin had remembered.
func (p *Provider) recall(secret belay.Secret) (r remembered, err error) {
	if err := json.Unmarshal(secret.Reveal(), &r); err != nil {
		return r, refused("nothing is known of a sign-in that began in this browser", nil)
	}
	if r.Key != p.config.Key || r.Issuer != p.config.Issuer || r.ClientID != p.config.ClientID || r.State == "" || r.Nonce == "" || r.Verifier == "" {
		return r, refused("the sign-in in this browser began with another provider", nil)
	}
	if !p.now().Before(r.Expires) {
		return r, refused("the sign-in took longer than ten minutes", nil)
	}
	return r, nil
}

// callback is the answer with which a browser comes back from the provider
// (RFC 6749, section 4.1.2; RFC 9207).
type callback struct {
	state, code, issuer  string
	hasIssuer            bool
	failure, failureText string
}

// parseCallback reads a callback. What is no answer of a provider is a
// CodeUnauthenticated.
func parseCallback(query url.Values) (callback, error) {
	var c callback
	for name, into := range map[string]*string{
		"state": &c.state, "code": &c.code, "iss": &c.issuer, "error": &c.failure, "error_description": &c.failureText,
	} {
		values := query[name]
		if len(values) > 1 {
			return c, refused("the answer has the same parameter twice", nil) // RFC 6749, section 3.1
		}
		if len(values) == 1 {
			*into = values[0]
		}
		if len(*into) > maxTokenLen {
			return c, refused("the answer is too long to be a provider's", nil)
		}
	}
	c.hasIssuer = query.Has("iss")
	if c.state == "" || (c.code == "") == (c.failure == "") {
		return c, refused("this is not the answer of an OpenID provider", nil)
	}
	return c, nil
}

// checkIssuer makes sure that the answer is from this provider, so that a
// code of one is not handed to another.
func (p *Provider) checkIssuer(m *metadata, c callback) error {
	if c.hasIssuer && c.issuer != p.config.Issuer || !c.hasIssuer && m.IssuerInAnswers {
		return refused("this answer is from another provider than the one with which the sign-in began", nil)
	}
	return nil
}

// denied tells why the provider did not let the user in.
func (c callback) denied() error {
	name := knownName(c.failure)
	switch name {
	case "access_denied":
		name = "it was refused, by you or by the provider"
	case "":
		name = "for a reason that is no standard's"
	}
	if c.failureText != "" {
		return refused(fmt.Sprintf("the OpenID provider did not sign you in: %s; it says %.*q", name, maxTold, c.failureText), nil)
	}
	return refused("the OpenID provider did not sign you in: "+name, nil)
}
