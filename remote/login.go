package remote

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"belay"
)

// loginLife is how long a user may take on the hub's pages.
const loginLife = 10 * time.Minute

// Begun is a sign-in that has begun.
type Begun struct {
	URL   string // where the user goes
	State string // by which what is remembered is found when he comes back; not secret
	// Remembered is what Finish needs. It is for this user's browser alone, and
	// nobody may read or change it: the caller seals it until ExpiresAt.
	Remembered belay.Secret
	ExpiresAt  time.Time
}

// remembered is what of Begin is needed for Finish.
type remembered struct {
	Hub      string    `json:"hub"`
	ClientID string    `json:"clientId"`
	Redirect string    `json:"redirect"`
	State    string    `json:"state"`
	Verifier string    `json:"verifier"`
	Expires  time.Time `json:"expires"`
}

// Begin begins to sign a user in, who comes back to redirect; the hub shows
// host as where this server runs. The error is a CodeUnavailable when the hub
// does not answer.
func (p *Provider) Begin(ctx context.Context, redirect, host string) (*Begun, error) {
	m, err := p.discover(ctx, 0)
	if err != nil {
		return nil, p.toStranger(err)
	}
	r := remembered{Hub: p.config.URL, ClientID: p.config.ClientID, Redirect: redirect, Expires: p.now().Add(loginLife)}
	for _, text := range []*string{&r.State, &r.Verifier} {
		if *text, err = p.unguessable(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("remember a sign-in: %w", err)
	}
	to := p.asClient(m, redirect).AuthCodeURL(r.State, oauth2.S256ChallengeOption(r.Verifier), oauth2.SetAuthURLParam("host", host))
	return &Begun{URL: to, State: r.State, Remembered: belay.NewSecret(text), ExpiresAt: r.Expires}, nil
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

// asClient is this server as the hub's token endpoint knows it.
func (p *Provider) asClient(m *metadata, redirect string) *oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if p.config.ClientSecret.IsZero() {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: string(p.config.ClientSecret.Reveal()), RedirectURL: redirect,
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, AuthStyle: style},
	}
}

// Identity is who a user is at the hub.
type Identity struct {
	Issuer, Subject     string // the hub, and the user's id there
	Email               string
	FirstName, LastName string
	Picture             string
	// Kept is what authenticates him there, and is needed for Refresh; Access
	// reads it.
	Kept      belay.Secret
	ExpiresAt time.Time // when Refresh is due
}

// kept is what of an Identity is kept.
type kept struct {
	Hub      string    `json:"hub"` // to which alone these tokens go
	ClientID string    `json:"clientId"`
	Access   string    `json:"access"`
	Refresh  string    `json:"refresh"`
	Due      time.Time `json:"due"`
	Person   person    `json:"person"`
}

// person is a user as the API tells him.
type person struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	AvatarURL string `json:"avatarUrl"`
}

// Access is what a request of the user is authenticated with at the hub, out of
// what is kept of his Identity. The error is a CodeUnauthenticated for what was
// kept of another hub.
func (p *Provider) Access(text belay.Secret) (belay.Secret, error) {
	k, err := p.held(text)
	return belay.SecretString(k.Access), err
}

// held reads what is kept of an Identity. What another hub, or the same to
// another client, has given goes to none but that.
func (p *Provider) held(text belay.Secret) (k kept, err error) {
	if err := json.Unmarshal(text.Reveal(), &k); err != nil || k.Access == "" || k.Refresh == "" {
		return kept{}, refused("nothing is kept of the session at the provider", nil)
	}
	if k.Hub != p.config.URL || k.ClientID != p.config.ClientID {
		return kept{}, refused("what is kept of the session is of another provider than this one", nil)
	}
	return k, nil
}

// Finish ends a sign-in: query is what the user's browser brings from the hub,
// secret what Begin had remembered. The error is a CodeUnauthenticated when he
// is not signed in, a CodeUnavailable when the hub fails.
func (p *Provider) Finish(ctx context.Context, query url.Values, secret belay.Secret) (*Identity, error) {
	id, err := p.finish(ctx, query, secret)
	return id, p.toStranger(err)
}

func (p *Provider) finish(ctx context.Context, query url.Values, secret belay.Secret) (*Identity, error) {
	r, err := p.recall(secret)
	if err != nil {
		return nil, err
	}
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, err
	}
	code, err := p.answer(m, query, r.State)
	if err != nil {
		return nil, err
	}
	token, err := p.asClient(m, r.Redirect).Exchange(p.with(ctx), code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return nil, p.asked(ctx, "exchange a code at "+m.Token, err)
	}
	return p.identify(ctx, token, nil)
}

// with makes package oauth2 use this provider's client.
func (p *Provider) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.client)
}

// recall reads what Begin had remembered.
func (p *Provider) recall(secret belay.Secret) (r remembered, err error) {
	if err := json.Unmarshal(secret.Reveal(), &r); err != nil {
		return r, refused("nothing is known of a sign-in that began in this browser", nil)
	}
	if r.Hub != p.config.URL || r.ClientID != p.config.ClientID || r.State == "" || r.Verifier == "" {
		return r, refused("the sign-in in this browser began with another provider", nil)
	}
	if !p.now().Before(r.Expires) {
		return r, refused("the sign-in took longer than ten minutes", nil)
	}
	return r, nil
}

// answer reads the code out of the answer with which a browser comes back (RFC
// 6749, section 4.1.2; RFC 9207).
func (p *Provider) answer(m *metadata, query url.Values, state string) (code string, err error) {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 || len(query.Get(name)) > maxText {
			return "", refused("this is not the answer of a server that users sign in at", nil)
		}
	}
	code = query.Get("code")
	switch failure := query.Get("error"); {
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1:
		return "", refused("this answer belongs to another sign-in than the one that began in this browser", nil)
	case query.Has("iss") && query.Get("iss") != m.Issuer, !query.Has("iss") && m.IssuerInAnswers:
		return "", refused("this answer is from another provider than the one with which the sign-in began", nil)
	case failure == "access_denied":
		return "", refused("you have not let this server act for you there", nil)
	case failure != "":
		return "", p.misconfigured("it does not take the request to sign a user in", &statusError{name: knownName(failure)})
	case code == "":
		return "", refused("this is not the answer of a server that users sign in at", nil)
	}
	return code, nil
}

// identify makes an identity of tokens that the hub has just given. It asks
// who their user is. The tokens before are used up by then: who was known
// before stays who he is when the hub does not answer, so that nothing is
// lost.
func (p *Provider) identify(ctx context.Context, token *oauth2.Token, before *kept) (*Identity, error) {
	p.heard(nil)
	if token.AccessToken == "" || token.RefreshToken == "" {
		return nil, p.misconfigured("it gives no access or no refresh tokens", nil)
	}
	k := kept{Hub: p.config.URL, ClientID: p.config.ClientID, Access: token.AccessToken, Refresh: token.RefreshToken, Due: p.due(token)}
	_, err := p.get(ctx, "/api/user", belay.SecretString(k.Access), &k.Person)
	s, answered := errors.AsType[*statusError](err)
	switch {
	case answered && s.status == http.StatusUnauthorized:
		return nil, refused(fmt.Sprintf("the provider %s does not accept this sign-in, or no longer", p.config.Key), cause("get /api/user", err))
	case err != nil && before == nil:
		return nil, p.unavailable(ctx, "get /api/user", err)
	case err != nil:
		k.Person, k.Due = before.Person, p.now()
	case k.Person.ID == "" || len(k.Person.ID) > maxSubject:
		return nil, p.misconfigured("it does not say who its user is", nil)
	}
	text, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("keep a user's tokens: %w", err)
	}
	return &Identity{
		Issuer: p.config.URL, Subject: k.Person.ID, Email: k.Person.Email, FirstName: k.Person.FirstName, LastName: k.Person.LastName,
		Picture: k.Person.AvatarURL, Kept: belay.NewSecret(text), ExpiresAt: k.Due,
	}, nil
}

const maxSubject = 255 // bytes of a user's id

// due is when tokens are to be refreshed: a while before the access token
// expires, so that no request is sent with one that has.
func (p *Provider) due(token *oauth2.Token) time.Time {
	life := time.Duration(token.ExpiresIn) * time.Second
	return p.now().Add(life - min(time.Minute, life/4))
}

// Refresh gets new tokens of the user of this subject for those that were kept,
// which are then used up, and asks who he is now. The error is a
// CodeUnauthenticated when his session there has ended.
func (p *Provider) Refresh(ctx context.Context, text belay.Secret, subject string) (*Identity, error) {
	k, err := p.held(text)
	if err != nil {
		return nil, err
	}
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, err
	}
	token, err := p.asClient(m, "").TokenSource(p.with(ctx), &oauth2.Token{RefreshToken: k.Refresh}).Token()
	if err != nil {
		return nil, p.asked(ctx, "refresh at "+m.Token, err)
	}
	id, err := p.identify(ctx, token, &k)
	if err != nil {
		return nil, err
	}
	if id.Subject != subject {
		return nil, refused("the provider's answer is about another user", nil)
	}
	return id, nil
}

// Revoke ends the session at the hub of which that is kept (RFC 7009).
func (p *Provider) Revoke(ctx context.Context, text belay.Secret) error {
	k, err := p.held(text)
	if err != nil {
		return nil //nolint:nilerr // there is nothing to end
	}
	m, err := p.discover(ctx, retention)
	if err != nil {
		return err
	}
	form := url.Values{"token": {k.Refresh}, "token_type_hint": {"refresh_token"}}
	status, err := p.post(ctx, m.Revocation, form)
	if err == nil && status != http.StatusOK {
		err = &statusError{status: status}
	}
	if err != nil {
		return p.unavailable(ctx, "revoke at "+m.Revocation, err)
	}
	return nil
}
