package app

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"belay"
	"belay/store"
)

// Keeper is a Redirector that keeps its users' data too: another server of
// this kind, to which their requests are passed on. Here they are nothing but
// who is signed in: they belong to no organization, whatever is stored.
type Keeper interface {
	Provider
	// Access is what authenticates a request of a user there, out of the
	// RefreshToken of his last Identity.
	Access(refresh belay.Secret) (belay.Secret, error)
	// Revoke ends the session there of which that RefreshToken is.
	Revoke(ctx context.Context, refresh belay.Secret) error
}

// revokeTime is how long signing out waits for a Keeper.
const revokeTime = 2 * time.Second

// keeper is the Keeper with this key that is in force, nil for none.
func (g *Gate) keeper(key string) Keeper {
	k, _ := g.providers[key].(Keeper)
	return k
}

// Keeps tells whether a provider in force keeps its users' data.
func (g *Gate) Keeps(key string) bool { return g.keeper(key) != nil }

// Onward is what a request is authenticated with at the Keeper to which it is
// passed on.
type Onward struct {
	Access belay.Secret

	sealed []byte // as it was stored, nil for a token that the request brought
}

// Onward returns what a request of a session is authenticated with at the
// Keeper of its user. The error is a CodeForbidden for an API token that
// was made here for such a user: there is nothing to pass it on with.
func (g *Gate) Onward(ctx context.Context, p *belay.Principal) (*Onward, error) {
	k := g.keeper(p.Provider)
	if k == nil {
		return nil, fmt.Errorf("the data of user %s are not at his provider %s", p.UserID, p.Provider)
	}
	sealed, err := g.store.KeptRefresh(ctx, p.AtProvider())
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, g.nothingToPassOn(ctx, p)
	}
	kept, err := g.keyring.OpenBytes(sealed, sealedRefresh, string(p.AtProvider()))
	if err != nil {
		return nil, err
	}
	access, err := k.Access(kept)
	if err != nil {
		return nil, err
	}
	return &Onward{Access: access, sealed: sealed}, nil
}

// nothingToPassOn is why a request cannot be passed on: its session has ended
// meanwhile, or it never was one that began at the provider.
func (g *Gate) nothingToPassOn(ctx context.Context, p *belay.Principal) error {
	if session := p.AtProvider(); session != "" {
		s, err := g.store.SessionOf(ctx, p.UserID, session)
		if err != nil {
			return err
		}
		if s == nil {
			return g.keptSessionEnded(p)
		}
	}
	where := g.providers[p.Provider].Describe().URL
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: fmt.Sprintf("your data are kept by the provider %s, and a token that was made here has nothing to sign in there with", p.Provider),
		Remedy: []belay.Remedy{{
			ID: "provider.token", Title: "Use a token of the provider",
			Description: fmt.Sprintf("Programs sign in at %s itself, or send a token that was made there and name the provider, with the header meshery-provider: %s.", where, p.Provider),
			Command:     belay.CommandLine("belay", "login", where),
		}},
	}
}

// keptSessionEnded is what a session hears that its provider has ended.
func (g *Gate) keptSessionEnded(p *belay.Principal) error {
	e := Unauthenticated(fmt.Sprintf("the session has expired: it has ended at the provider %s, which keeps your data; sign in again", p.Provider))
	e.Remedy = []belay.Remedy{{
		ID: "signin.again", Title: "Sign in again", Description: "Sign in once more through the provider; what you were doing can be sent again then.", Link: "/user/login",
	}}
	return e
}

// OnwardAgain returns what to authenticate a request with that the Keeper has
// refused with 401: it asks for other tokens, once for all that wait for them.
// The error is a CodeUnauthenticated when the session is over, a
// CodeUnavailable when the Keeper does not answer.
func (g *Gate) OnwardAgain(ctx context.Context, p *belay.Principal, refused *Onward) (*Onward, error) {
	err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.HurryRefresh(ctx, p.AtProvider(), refused.sealed, g.now())
	})
	if err != nil {
		return nil, err
	}
	s, err := g.store.SessionOf(ctx, p.UserID, p.AtProvider())
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, g.keptSessionEnded(p)
	}
	if _, err := g.refreshed(ctx, s, g.now()); err != nil {
		return nil, g.keptSessionEnded(p)
	}
	again, err := g.Onward(ctx, p)
	if err == nil && bytes.Equal(again.sealed, refused.sealed) {
		return nil, &belay.Error{
			Code:       belay.CodeUnavailable,
			Message:    fmt.Sprintf("the provider %s, which keeps your data, does not give this server new tokens now; you stay signed in", p.Provider),
			RetryAfter: refreshSoonest,
			Remedy:     []belay.Remedy{{ID: "provider.retry", Title: "Try again", Description: "Wait a little and send the request again. It was not carried out."}},
		}
	}
	return again, err
}

// EndOnward ends a session whose new tokens its Keeper refuses too, and returns
// what its user hears.
func (g *Gate) EndOnward(ctx context.Context, p *belay.Principal) error {
	if err := g.endRefused(ctx, &belay.Session{ID: p.AtProvider(), UserID: p.UserID}); err != nil {
		return err
	}
	return g.keptSessionEnded(p)
}

// Foreign tells whether a token is none of this server's, and may so be one of
// a Keeper's that the request names. One that this server knows, or has known,
// is never passed on.
func (g *Gate) Foreign(ctx context.Context, key string, token belay.Secret, from string) (bool, error) {
	if !g.Keeps(key) || !isToken(token) {
		return false, nil
	}
	t, err := lookUp(ctx, g, belay.HashToken(token), from, false, &g.tokens, g.store.TokenByHash)
	return err == nil && t == nil, err
}

// isToken tells whether a text has the form of a token.
func isToken(text belay.Secret) bool { return belay.CheckToken(string(text.Reveal())) == nil }

// revokeKept ends the session at a Keeper of which something is stored with one
// that has ended here. Whether that answers does not matter to what has ended;
// it tells whether the one there goes on.
func (g *Gate) revokeKept(ctx context.Context, s *belay.Session, sealed []byte) (goesOn bool) {
	if sealed == nil {
		return false
	}
	u, err := g.store.User(ctx, s.UserID)
	if err != nil || !g.Keeps(u.Provider) {
		return false
	}
	kept, err := g.keyring.OpenBytes(sealed, sealedRefresh, string(s.ID))
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, revokeTime)
		defer cancel()
		err = g.keeper(u.Provider).Revoke(ctx, kept)
	}
	if err != nil {
		g.log.WarnContext(ctx, "a session that has ended here goes on at its provider, where nobody has its tokens any more", "provider", u.Provider, "error", err)
	}
	return err != nil
}

// cannotBeInvited refuses an invitation that somebody would accept whose data
// are elsewhere.
func cannotBeInvited(key string) error {
	return belay.Errorf(belay.CodeConflict, "an invitation to this server cannot be accepted by a user of the provider %s, which keeps his data; accept it with an account of another provider", key)
}
