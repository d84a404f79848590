package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"time"

	"belay"
	"belay/store"
)

// Token is a token with what the caller may know of it and do with it.
type Token struct {
	*belay.Token
	User        *belay.User // whose it is; nil when he does not exist any more
	State       belay.TokenState
	ExpiresSoon bool
	Current     bool         // it is what the request was made with
	Text        belay.Secret // the whole token, in the answer that makes it; else zero
	Actions     []belay.Permission
}

// TokenList says which tokens are listed.
type TokenList struct {
	// Everyone lists the tokens that are bound to the organization, of all its
	// users, for who administers it.
	Everyone bool
	Ended    bool   // those that do not work any more, as long as they are kept
	Prefix   string // only the one with this public part, now or before its rotation; "" for any
}

// Tokens lists the caller's tokens; with an organization, those that are
// bound to it. A token that is bound sees those that are bound as it is.
func (a *App) Tokens(ctx context.Context, org belay.ID, l TokenList, q belay.Query) (belay.Page[*Token], error) {
	none := belay.Page[*Token]{}
	m, err := a.maker(ctx, belay.PermissionTokenRead)
	if err != nil {
		return none, err
	}
	f := belay.TokenFilter{
		UserID: m.UserID, OrganizationID: cmp.Or(org, m.OrganizationID), WorkspaceID: m.WorkspaceID, EnvironmentID: m.EnvironmentID,
		Prefix: l.Prefix, Ended: l.Ended, At: a.now(),
	}
	if l.Everyone {
		c, err := a.authorize(ctx, f.OrganizationID, belay.PermissionOrganizationWrite)
		if err == nil {
			err = c.requireAdmin(belay.PermissionOrganizationWrite)
		}
		if err != nil {
			return none, err
		}
		f.UserID, f.OrganizationID = "", c.org
	} else if org != "" {
		if _, err := in(m.Principal, org); err != nil {
			return none, err
		}
	}
	page, err := a.store.Tokens(ctx, f, q)
	if err != nil {
		return none, err
	}
	users, err := a.usersOf(ctx, page.Items)
	return mapPage(page, func(t *belay.Token) *Token { return a.token(m, t, users[t.UserID]) }), err
}

// usersOf are those whose tokens they are, by id.
func (a *App) usersOf(ctx context.Context, tokens []*belay.Token) (map[belay.ID]*belay.User, error) {
	users := map[belay.ID]*belay.User{}
	for _, t := range tokens {
		if _, known := users[t.UserID]; known {
			continue
		}
		u, err := a.store.User(ctx, t.UserID)
		if isNotFound(err) {
			u, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		users[t.UserID] = u
	}
	return users, nil
}

// token is a token as a caller sees it.
func (a *App) token(m maker, t *belay.Token, u *belay.User) *Token {
	now := a.now()
	v := &Token{
		Token: t, User: u, State: t.State(now), Current: t.ID == m.TokenID, Actions: []belay.Permission{},
		ExpiresSoon: t.RevokedAt.IsZero() && belay.ExpiresSoon(t.IssuedAt(), t.ExpiresAt, now),
	}
	for _, p := range []belay.Permission{belay.PermissionTokenRead, belay.PermissionTokenWrite} {
		if m.InScope(p) {
			v.Actions = append(v.Actions, p)
		}
	}
	return v
}

// shown is token with its user looked up.
func (a *App) shown(ctx context.Context, m maker, t *belay.Token) (*Token, error) {
	users, err := a.usersOf(ctx, []*belay.Token{t})
	return a.token(m, t, users[t.UserID]), err
}

// Token returns one token: the caller's, or one that is bound to an
// organization that he administers.
func (a *App) Token(ctx context.Context, id belay.ID) (*Token, error) {
	m, err := a.maker(ctx, belay.PermissionTokenRead)
	if err != nil {
		return nil, err
	}
	t, err := a.findToken(ctx, m, id)
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, m, t)
}

// findToken finds a token that the caller may see and revoke.
func (a *App) findToken(ctx context.Context, m maker, id belay.ID) (*belay.Token, error) {
	t, err := a.ownToken(ctx, m, id)
	if !isNotFound(err) || !m.InScope(belay.PermissionOrganizationWrite) {
		return t, err
	}
	for _, org := range m.Organizations() {
		if !m.Roles[org].Administers() {
			continue
		}
		t, err := a.store.BoundToken(ctx, org, id)
		if err == nil && !m.holds(t) {
			break
		}
		if !isNotFound(err) {
			return t, err
		}
	}
	return nil, belay.NotFound("token")
}

// ownToken finds a token of the caller. For a token that is bound, others
// are there only as far as they are bound alike.
func (a *App) ownToken(ctx context.Context, m maker, id belay.ID) (*belay.Token, error) {
	t, err := a.store.TokenOf(ctx, m.UserID, id)
	if err != nil {
		return nil, err
	}
	if t == nil || !m.holds(t) {
		return nil, belay.NotFound("token")
	}
	return t, nil
}

// NewToken is what a client wants a token to be.
type NewToken struct {
	Name    string
	Purpose string
	// Scopes are what it may do; nil, and "*" alone, are all that its maker
	// may.
	Scopes         []belay.Permission
	OrganizationID belay.ID // to be bound to, as are those below; "" for none
	WorkspaceID    belay.ID
	EnvironmentID  belay.ID
	End            End
}

// CreateToken makes a token for the caller. One that is made with a token
// can do no more than that one, nowhere else and no longer. The answer is
// the only place where the whole token ever is: a repeated request is
// CodeConflict.
func (a *App) CreateToken(ctx context.Context, n NewToken) (*Token, error) {
	m, err := a.maker(ctx, belay.PermissionTokenWrite)
	if err != nil {
		return nil, err
	}
	now := a.now()
	t := &belay.Token{ID: a.newID(), UserID: m.UserID, Purpose: n.Purpose, CreatedAt: now, UpdatedAt: now}
	var p problems
	t.Name = p.name(n.Name, maxTokenName)
	p.text("/purpose", n.Purpose, maxTokenPurpose)
	t.Scopes = p.scopes(m, n.Scopes)
	t.ExpiresAt = a.end(&p, m, n.End, defaultLife, now)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := m.covers(t); err != nil {
		return nil, err
	}
	if err := a.bind(ctx, m, t, n); err != nil {
		return nil, err
	}
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return nil, err
	}
	t.Prefix, t.Hash = prefix, belay.HashToken(text)
	id, err := a.createOnce(ctx, caller{Principal: m.Principal, org: t.OrganizationID}, t.ID, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateToken(ctx, t)
	})
	if err == nil && id != t.ID {
		err = shownBefore(id)
	}
	return a.withText(ctx, m, t, text, err)
}

// withText is a token that was just made, or what went wrong.
func (a *App) withText(ctx context.Context, m maker, t *belay.Token, text belay.Secret, err error) (*Token, error) {
	if err != nil {
		return nil, err
	}
	v, err := a.shown(ctx, m, t)
	if err != nil {
		return nil, err
	}
	v.Text = text
	return v, nil
}

// shownBefore answers a repeated request: what it has made is stored as a
// hash only.
func shownBefore(id belay.ID) error {
	path := "/api/identity/tokens/" + string(id)
	return &belay.Error{
		Code:    belay.CodeConflict,
		Message: "this request was carried out before: the token was in the answer to it, and cannot be shown again",
		Remedy: []belay.Remedy{
			{
				ID: "token.rotate", Title: "Rotate the token", Description: "If that answer is lost, rotating gives the token a new text.",
				Action: &belay.RemedyAction{Method: "POST", Href: path + "/rotate"}, Command: "belay token rotate " + string(id),
			},
			{
				ID: "token.revoke", Title: "Revoke the token", Description: "If somebody else may have seen that answer, the token should not work any more.",
				Action: &belay.RemedyAction{Method: "DELETE", Href: path}, Command: "belay token revoke " + string(id),
			},
		},
	}
}

// Rotation says how a token is rotated.
type Rotation struct {
	Overlap *time.Duration // in which it works as it was before, too; nil: DefaultOverlap; at most MaxOverlap
	End     End            // of what it then is; nothing said: after the same life as before
}

// RotateToken gives a token of the caller another text, which is in the
// answer and nowhere else. What was rotated before that stops working at
// once. A repeated request is CodeConflict.
func (a *App) RotateToken(ctx context.Context, id belay.ID, r Rotation) (*Token, error) {
	m, err := a.maker(ctx, belay.PermissionTokenWrite)
	if err != nil {
		return nil, err
	}
	t, err := a.ownToken(ctx, m, id)
	if err != nil {
		return nil, err
	}
	if err := m.mayRotate(t); err != nil {
		return nil, err
	}
	now := a.now()
	next := *t
	next.RotatedAt, next.UpdatedAt = now, now
	var p problems
	next.Former = p.former(t, r, now)
	life := max(0, t.ExpiresAt.Sub(t.IssuedAt())) // 0 for never
	next.ExpiresAt = a.end(&p, m, r.End, life, now)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := m.covers(&next); err != nil {
		return nil, err
	}
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return nil, err
	}
	next.Prefix, next.Hash = prefix, belay.HashToken(text)
	rotation := a.newID()
	done, err := a.createOnce(ctx, caller{Principal: m.Principal, org: t.OrganizationID}, rotation, func(ctx context.Context, tx *store.Tx) error {
		return tx.RotateToken(ctx, &next)
	})
	if err == nil && done != rotation {
		err = shownBefore(id)
	}
	a.gate.forgetToken(id)
	return a.withText(ctx, m, &next, text, err)
}

// former is what a token was before a rotation.
func (p *problems) former(t *belay.Token, r Rotation, now time.Time) belay.FormerToken {
	overlap := DefaultOverlap
	set(&overlap, r.Overlap)
	if overlap < 0 || overlap > MaxOverlap {
		p.add("/overlapSeconds", "must be from 0 to %d", int(MaxOverlap.Seconds()))
	}
	f := belay.FormerToken{Prefix: t.Prefix, Hash: t.Hash, ExpiresAt: now.Add(overlap)}
	if later(f.ExpiresAt, t.ExpiresAt) {
		f.ExpiresAt = t.ExpiresAt
	}
	return f
}

// RevokeToken ends a token: the caller's, or one that is bound to an
// organization that he administers. Doing it twice changes nothing.
func (a *App) RevokeToken(ctx context.Context, id belay.ID) (*Token, error) {
	m, err := a.maker(ctx, belay.PermissionTokenWrite)
	if err != nil {
		return nil, err
	}
	t, err := a.findToken(ctx, m, id)
	if err != nil {
		return nil, err
	}
	if t.RevokedAt.IsZero() {
		now := a.now()
		err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.RevokeToken(ctx, t.UserID, t.ID, now) })
		if err != nil {
			return nil, err
		}
		a.gate.forgetToken(t.ID)
		t.RevokedAt, t.UpdatedAt = now, now
	}
	return a.shown(ctx, m, t)
}

// scopes checks the scopes that are wanted for a token.
func (p *problems) scopes(m maker, wanted []belay.Permission) []belay.Permission {
	if wanted == nil || slices.Equal(wanted, []belay.Permission{"*"}) {
		return m.Scopes
	}
	if len(wanted) == 0 {
		p.add("/scopes", "must name at least one permission; leave it out for all that you may")
	}
	out := []belay.Permission{}
	for i, s := range wanted {
		switch {
		case s == "*":
			p.add("/scopes/"+itoa(i), "is all there is, and stands alone")
		case !slices.Contains(belay.Permissions(), s):
			p.add("/scopes/"+itoa(i), "%q is not a permission; there are %s", cutText(string(s)), joined(texts(belay.Permissions())))
		case !slices.Contains(out, s):
			out = append(out, s)
		}
	}
	return out
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
