package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"belay"
	"belay/store"
)

// Departure is what a browser takes along that goes to a provider's pages.
type Departure struct {
	URL string // where it goes
	// State is what it brings back; by it Sealed is found again.
	State     string
	Sealed    belay.Secret // text for a cookie, to be handed to Arrive
	ExpiresAt time.Time
}

// Errand is what a browser wants that goes to a provider's pages.
type Errand struct {
	Return string // where on this server it goes then; "" for nowhere in particular
	// Invitation is the code of one that is to be accepted; zero for none.
	Invitation belay.Secret
	Hint       string // whom its user calls himself; "" for nobody
}

// Arrival is a browser that is signed in.
type Arrival struct {
	*NewSession
	Return string // of the Errand
}

// remembered is what Sealed holds.
type remembered struct {
	Provider   string `json:"provider"`
	Return     string `json:"return"`
	Invitation string `json:"invitation"`
}

const sealedSignIn = "sign-in at a provider"

// redirector is the provider in force with this key whose users sign in on
// its own pages.
func (g *Gate) redirector(key string) (Redirector, error) {
	if _, err := g.Provider("provider", key); err != nil {
		return nil, err
	}
	p, ok := g.providers[key].(Redirector)
	if !ok {
		return nil, belay.BadQuery("provider", "users of %s sign in on this server's own page", key)
	}
	return p, nil
}

// Depart begins a sign-in on a provider's pages. Nothing is stored: what is
// to be remembered goes with the browser, sealed for this provider.
func (g *Gate) Depart(ctx context.Context, key string, e Errand) (*Departure, error) {
	p, err := g.redirector(key)
	if err != nil {
		return nil, err
	}
	begun, err := p.Begin(ctx, e.Hint)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(remembered{
		Provider: string(begun.Remembered.Reveal()), Return: e.Return, Invitation: string(e.Invitation.Reveal()),
	})
	if err != nil {
		return nil, err
	}
	sealed, err := g.keyring.SealBytes(belay.NewSecret(text), sealedSignIn, key, begun.State)
	if err != nil {
		return nil, err
	}
	return &Departure{
		URL: begun.URL, State: begun.State, ExpiresAt: begun.ExpiresAt,
		Sealed: belay.SecretString(base64.RawURLEncoding.EncodeToString(sealed)),
	}, nil
}

// recall opens what a browser brings back of Depart.
func (g *Gate) recall(key, state string, sealed belay.Secret) (r remembered, err error) {
	unknown := Unauthenticated("nothing is known of a sign-in that began in this browser: it took longer than ten minutes, or began elsewhere")
	unknown.Remedy = []belay.Remedy{{
		ID: "signin.again", Title: "Sign in again", Description: "Begin once more, from this server's sign-in page.",
	}}
	text, err := base64.RawURLEncoding.DecodeString(string(sealed.Reveal()))
	if err != nil || len(text) == 0 {
		return r, unknown
	}
	opened, err := g.keyring.OpenBytes(text, sealedSignIn, key, state)
	if err != nil || json.Unmarshal(opened.Reveal(), &r) != nil {
		return r, unknown
	}
	return r, nil
}

// Arrive ends a sign-in on a provider's pages, with what the browser brings
// from there and what Depart gave it, and begins a session. Who is new gets
// what the provider's Admission says. The error is a CodeUnauthenticated for
// who is not signed in there, a CodeForbidden for who may not enter here, a
// CodeUnavailable when the provider fails, a CodeRateLimited for too many
// attempts.
func (g *Gate) Arrive(ctx context.Context, key string, query url.Values, sealed belay.Secret, v Visitor) (*Arrival, error) {
	p, err := g.redirector(key)
	if err != nil {
		return nil, err
	}
	r, err := g.recall(key, query.Get("state"), sealed)
	if err != nil {
		return nil, err
	}
	counters := []counter{g.throttle.counter(perAddress, true, "provider", key, v.RemoteAddr)}
	if err := g.throttle.take(ctx, counters); err != nil {
		return nil, err
	}
	id, err := p.Finish(ctx, query, belay.SecretString(r.Provider))
	if err != nil {
		return nil, err
	}
	e := entry{Gate: g, key: key, Identity: id, now: g.now()}
	s, err := e.begin(ctx, v, belay.SecretString(r.Invitation), counters)
	if errors.Is(err, errSubjectTaken) { // his other browser was first
		s, err = e.begin(ctx, v, belay.SecretString(r.Invitation), counters)
	}
	if err != nil {
		return nil, err
	}
	g.ForgetUser(s.UserID)
	return &Arrival{NewSession: s, Return: r.Return}, nil
}

// begin begins the session of whom the identity is of.
func (e entry) begin(ctx context.Context, v Visitor, invitation belay.Secret, counters []counter) (*NewSession, error) {
	return e.beginSession(ctx, v, func(ctx context.Context, tx *store.Tx, s *belay.Session) error {
		u, err := e.user(ctx, tx, invitation)
		if err != nil {
			return err
		}
		if err := e.admit(ctx, tx, u); err != nil {
			return err
		}
		s.UserID, s.ProviderSession = u.ID, e.SessionID
		if err := tx.CreateSession(ctx, s); err != nil {
			return err
		}
		if err := e.keepRefresh(ctx, tx, s.ID); err != nil {
			return err
		}
		return succeeded(ctx, tx, counters)
	})
}
