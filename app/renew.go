package app

import (
	"context"
	"time"

	"belay"
)

// renewed is a caller as he is by now. What takes long asks for it: who made
// the request may have left the organization, or lost his token or session,
// since he was let in.
func (a *App) renewed(ctx context.Context, c caller) (caller, error) {
	if err := a.signedIn(ctx, c.Principal); err != nil {
		return c, err
	}
	if _, err := a.store.User(ctx, c.UserID); err != nil {
		return c, userGone(err)
	}
	memberships, err := a.store.Memberships(ctx, c.UserID)
	if err != nil {
		return c, err
	}
	p := *c.Principal
	p.Roles, p.AccessVersions = map[belay.ID]belay.OrganizationRole{}, map[belay.ID]int64{}
	for _, m := range memberships {
		if _, was := c.Roles[m.OrganizationID]; was { // a token can be for one organization alone
			p.Roles[m.OrganizationID], p.AccessVersions[m.OrganizationID] = m.Role, m.AccessVersion
		}
	}
	return in(&p, c.org)
}

// signedIn refuses a principal whose token or session has ended.
func (a *App) signedIn(ctx context.Context, p *belay.Principal) error {
	switch {
	case p.TokenID != "":
		t, err := a.store.TokenOf(ctx, p.UserID, p.TokenID)
		if err != nil {
			return err
		}
		if !p.ExpiresAt.IsZero() && !a.now().Before(p.ExpiresAt) { // of what the token was before a rotation
			return Unauthenticated("the token stopped working at " + p.ExpiresAt.Format(time.RFC3339))
		}
		return tokenEnded(t, a.now())
	case p.SessionID != "":
		s, err := a.store.SessionOf(ctx, p.UserID, p.SessionID)
		if err != nil {
			return err
		}
		return a.lives.sessionEnded(s, a.now())
	}
	return nil
}

// tokenEnded is why a token lets nobody in any more, nil if it does; there is
// none when t is nil.
func tokenEnded(t *belay.Token, now time.Time) error {
	switch {
	case t == nil:
		return Unauthenticated("the token is not known to this server")
	case !t.RevokedAt.IsZero():
		return Unauthenticated("the token was revoked")
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return Unauthenticated("the token expired at " + t.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}
