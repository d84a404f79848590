package app

import (
	"context"
	"slices"
	"time"

	"belay"
	"belay/store"
)

// logoutLeeway is by how much a provider's clock may be behind this one, when
// it says that the sessions of a user are to end.
const logoutLeeway = time.Minute

// signOutWait is how long who signs out waits for his provider to say where
// he goes on.
const signOutWait = 2 * time.Second

// ProviderSignedOut ends the sessions that a provider names, by a logout token
// which somebody has sent who says that he is that provider. The error is a
// CodeUnauthenticated for a token that is not to be trusted.
func (g *Gate) ProviderSignedOut(ctx context.Context, key, token string) error {
	p, ok := g.providers[key].(SignOuter)
	if !ok {
		return belay.NotFound("provider")
	}
	out, err := p.VerifyLogout(ctx, token)
	if err != nil {
		return err
	}
	var ended []belay.ID
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if out.SessionID != "" {
			ended, err = tx.EndProviderSessions(ctx, key, out.SessionID, out.Subject)
			return err
		}
		ended, err = tx.EndSessionsOfSubject(ctx, key, out.Subject, out.IssuedAt.Add(logoutLeeway))
		return err
	})
	g.forget(func(p *belay.Principal) bool { return slices.Contains(ended, p.SessionID) })
	g.log.InfoContext(ctx, "a provider has ended sessions", "provider", key, "sessions", len(ended))
	return err
}

// SignOutElsewhere ends a session and returns where its browser signs out at
// the user's provider too, "" for nowhere. Whether that answers does not
// matter to what ends here. With "", a provider with a key is one that keeps
// its users' data and did not answer: the session there goes on.
func (g *Gate) SignOutElsewhere(ctx context.Context, value belay.Secret) (where string, provider belay.Provider, err error) {
	s, err := g.store.SessionByHash(ctx, belay.HashToken(value))
	if err != nil || s == nil {
		return "", provider, err
	}
	goesOn, err := g.signOut(ctx, value)
	if err != nil && !isNotFound(err) {
		return "", provider, err
	}
	u, err := g.store.User(ctx, s.UserID)
	if err != nil {
		return "", provider, nil // who is gone is signed out
	}
	if goesOn {
		return "", g.providers[u.Provider].Describe(), nil
	}
	p, ok := g.providers[u.Provider].(SignOuter)
	if !ok {
		return "", provider, nil
	}
	asking, cancel := context.WithTimeout(ctx, signOutWait)
	defer cancel()
	if where, err = p.SignOutURL(asking); err != nil {
		g.log.WarnContext(ctx, "a browser is not sent on to sign out at its provider", "provider", u.Provider, "error", err)
		return "", provider, nil
	}
	if where == "" {
		return "", provider, nil
	}
	return where, g.providers[u.Provider].Describe(), nil
}
