package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"

	"belay"
	"belay/store"
)

// allowedIn is by whom, in which browser's session and for what host a client
// was allowed.
type allowedIn struct {
	user, session belay.ID
	host          string
}

// newClientSession is a session of a client that is to be stored, and its
// tokens, if the user may be let in.
func (g *Gate) newClientSession(ctx context.Context, client *belay.Client, by allowedIn, v Visitor) (*belay.ClientSession, *Tokens, error) {
	parent, err := g.parent(ctx, by)
	if err != nil {
		return nil, nil, err
	}
	until, err := g.stillIn(ctx, &belay.Session{UserID: by.user, ParentID: parent})
	if err != nil {
		return nil, nil, err
	}
	nobodys, _, err := belay.NewToken(rand.Reader) // it is no browser's, and has no cookie
	if err != nil {
		return nil, nil, err
	}
	now := g.now()
	s := &belay.ClientSession{Session: &belay.Session{
		ID: g.newID(), UserID: by.user, ParentID: parent, Hash: belay.HashToken(nobodys), Client: client.ID, UserAgent: client.Title,
		RemoteAddr: v.RemoteAddr, CreatedAt: now,
	}}
	if by.host != "" {
		s.UserAgent += " on " + by.host
	}
	tokens, err := g.newTokens(s, belay.Secret{}, until)
	return s, tokens, err
}

// parent is the session on which that of a client depends: the browser's, where
// the user's provider is asked again in that. What the provider ends there so
// ends here too. A user of this server itself is his own master: "".
func (g *Gate) parent(ctx context.Context, by allowedIn) (belay.ID, error) {
	u, err := g.store.User(ctx, by.user)
	if isNotFound(err) {
		return "", invalidGrant("the user is no longer known")
	}
	if err != nil {
		return "", err
	}
	if _, outside := g.providers[u.Provider].(Redirector); !outside {
		return "", nil
	}
	return by.session, nil
}

// dependable refuses a client's session whose parent has ended, and returns
// when that ends, zero where there is none. The parent's provider is asked again
// if it is time to, and the use of one is a use of the other.
func (g *Gate) dependable(ctx context.Context, s *belay.Session) (until time.Time, err error) {
	if s.ParentID == "" {
		return until, nil
	}
	parent, err := g.store.SessionOf(ctx, s.UserID, s.ParentID)
	if err != nil {
		return until, err
	}
	now := g.now()
	if err := g.lives.sessionEnded(parent, now); err != nil {
		return until, err
	}
	if parent, err = g.refreshed(ctx, parent, now); err != nil {
		return until, err
	}
	g.keepUsed(ctx, parent, now)
	return parent.ExpiresAt, nil
}

// stillIn refuses tokens for a session whose user would not be let in with
// them, and returns when that on which it depends ends.
func (g *Gate) stillIn(ctx context.Context, s *belay.Session) (until time.Time, err error) {
	until, err = g.dependable(ctx, s)
	if err == nil {
		_, err = g.principal(ctx, s.UserID)
	}
	if belay.CodeOf(err) == belay.CodeUnauthenticated {
		return until, invalidGrant(err.Error())
	}
	return until, err
}

// newTokens gives a session the tokens of which the refresh token follows on
// before, and the end that it then has, which is not after until.
func (g *Gate) newTokens(s *belay.ClientSession, before belay.Secret, until time.Time) (*Tokens, error) {
	access, err := belay.NewText(belay.AccessMarker, rand.Reader)
	if err != nil {
		return nil, err
	}
	refresh, err := belay.NewRefreshToken(before, rand.Reader)
	if err != nil {
		return nil, err
	}
	now := g.now()
	longest := clientLife
	if g.lives.Token >= 0 {
		longest = min(longest, g.lives.Token) // it is a token of the user's too
	}
	s.LastUsedAt, s.ExpiresAt = now, earlier(now.Add(clientIdle), s.CreatedAt.Add(longest))
	if !until.IsZero() {
		s.ExpiresAt = earlier(s.ExpiresAt, until)
	}
	s.AccessHash, s.AccessExpiresAt = belay.HashToken(access), earlier(now.Add(accessLife), s.ExpiresAt)
	s.FamilyHash, s.RefreshHash = belay.HashFamily(refresh), belay.HashToken(refresh)
	return &Tokens{Access: access, AccessLife: s.AccessExpiresAt.Sub(now), Refresh: refresh, RefreshLife: s.ExpiresAt.Sub(now)}, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// endSession ends a session, at once and whether or not it is still there.
func (g *Gate) endSession(ctx context.Context, user, id belay.ID) error {
	defer g.forgetSession(id)
	err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, user, id) })
	if isNotFound(err) {
		return nil
	}
	return err
}

// Refresh exchanges a refresh token for new tokens of its session (RFC 6749,
// section 6). Each is good for once: when one comes again, two have it, of
// whom one has stolen it, and the session ends (RFC 9700, section 4.14.2).
func (g *Gate) Refresh(ctx context.Context, client *belay.Client, refresh belay.Secret) (*Tokens, error) {
	s, err := g.byRefresh(ctx, client, refresh)
	if err != nil {
		return nil, err
	}
	const ended = "the refresh token is not known, was revoked, or is too old; sign in again"
	if s == nil || !g.now().Before(s.ExpiresAt) {
		return nil, invalidGrant(ended)
	}
	former := belay.HashToken(refresh)
	if !bytes.Equal(former, s.RefreshHash) {
		return nil, g.reused(ctx, s)
	}
	until, err := g.stillIn(ctx, s.Session)
	if err != nil {
		return nil, err
	}
	tokens, err := g.newTokens(s, refresh, until)
	if err != nil {
		return nil, err
	}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.RefreshSession(ctx, s, former) })
	if belay.CodeOf(err) == belay.CodeConflict {
		return nil, g.reused(ctx, s)
	}
	if isNotFound(err) {
		return nil, invalidGrant(ended)
	}
	g.forgetSession(s.ID) // the access token before this one lets nobody in any more
	return tokens, err
}

func (g *Gate) reused(ctx context.Context, s *belay.ClientSession) error {
	g.log.WarnContext(ctx, "a refresh token came twice: its session is ended", "session", s.ID, "user", s.UserID)
	if err := g.endSession(ctx, s.UserID, s.ID); err != nil {
		return err
	}
	return invalidGrant("the refresh token was used before: somebody else may have it, so that the session was ended; sign in again")
}

// byRefresh is the session of a client by any refresh token that it ever had,
// nil for none.
func (g *Gate) byRefresh(ctx context.Context, client *belay.Client, refresh belay.Secret) (*belay.ClientSession, error) {
	if belay.CheckRefreshToken(string(refresh.Reveal())) != nil {
		return nil, nil //nolint:nilerr // what cannot be a token is of no session
	}
	s, err := g.store.SessionByFamily(ctx, belay.HashFamily(refresh))
	if err != nil || s == nil || s.Client != client.ID {
		return nil, err
	}
	return s, nil
}

// Revoke ends the session of either of a client's tokens (RFC 7009). What is
// no token of it is as good as revoked.
func (g *Gate) Revoke(ctx context.Context, client *belay.Client, token belay.Secret) error {
	s, err := g.byRefresh(ctx, client, token)
	if err == nil && s == nil && belay.CheckText(belay.AccessMarker, string(token.Reveal())) == nil {
		s, err = g.store.SessionByAccess(ctx, belay.HashToken(token))
	}
	if err != nil || s == nil || s.Client != client.ID {
		return err
	}
	return g.endSession(ctx, s.UserID, s.ID)
}

// access authenticates an access token.
func (g *Gate) access(ctx context.Context, text belay.Secret, from string) (*belay.Principal, error) {
	const ended = "the session of this program has ended; sign in again: belay login"
	if belay.CheckText(belay.AccessMarker, string(text.Reveal())) != nil {
		return nil, Unauthenticated("this is not a token of this server: it is mistyped or cut off")
	}
	return g.remembered(belay.HashToken(text), func(hash []byte, was bool) (*belay.Principal, error) {
		s, err := lookUp(ctx, g, hash, from, was, &g.accesses, g.store.SessionByAccess)
		if err != nil {
			return nil, err
		}
		now := g.now()
		if s == nil || !now.Before(s.ExpiresAt) {
			return nil, Unauthenticated(ended)
		}
		if !now.Before(s.AccessExpiresAt) {
			return nil, Unauthenticated("the access token expired at " + s.AccessExpiresAt.Format(time.RFC3339) + "; it is to be refreshed")
		}
		if _, err := g.dependable(ctx, s.Session); err != nil {
			return nil, err
		}
		p, err := g.principal(ctx, s.UserID)
		if err != nil {
			return nil, err
		}
		p.SessionID, p.ParentID, p.Client, p.IssuedAt, p.ExpiresAt = s.ID, s.ParentID, s.Client, s.CreatedAt, s.AccessExpiresAt
		if now.Sub(s.LastUsedAt) > usedResolution {
			g.used(ctx, s.ID, func(ctx context.Context, tx *store.Tx) error { return tx.SessionUsed(ctx, s.ID, now) })
		}
		return p, nil
	})
}
