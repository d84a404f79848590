package app

import (
	"cmp"
	"context"
	"time"

	"belay"
)

// maker is who manages tokens: by a session everything, by a token only what
// is within that one.
type maker struct{ *belay.Principal }

// maker authorizes who manages tokens and sessions, his own to begin with. A
// token or session that has ended since the request was let in makes nothing.
func (a *App) maker(ctx context.Context, want belay.Permission) (maker, error) {
	principal, err := authenticated(ctx, want)
	if err == nil {
		err = a.signedIn(ctx, principal)
	}
	return maker{principal}, err
}

// bound tells whether a token is used that is bound to anything.
func (m maker) bound() bool { return m.OrganizationID != "" || m.Bound() }

// holds tells whether a token is bound to all to which the one that is used
// is.
func (m maker) holds(t *belay.Token) bool {
	for _, b := range [][2]belay.ID{{m.OrganizationID, t.OrganizationID}, {m.WorkspaceID, t.WorkspaceID}, {m.EnvironmentID, t.EnvironmentID}} {
		if b[0] != "" && b[0] != b[1] {
			return false
		}
	}
	return true
}

// covers refuses a token that may more, or longer, than the one that is used.
func (m maker) covers(t *belay.Token) error {
	if m.Scopes != nil {
		if t.Scopes == nil {
			return exceeds("/scopes", "must be among those of the token that was used: "+joined(texts(m.Scopes)))
		}
		for i, s := range t.Scopes {
			if !m.InScope(s) {
				return exceeds("/scopes/"+itoa(i), "the token that was used lacks "+string(s))
			}
		}
	}
	if later(t.ExpiresAt, m.limit()) {
		return exceeds("/expiresAt", "must not be later than the end of the token that was used, "+m.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// limit is when what the caller makes must end; zero: whenever. What is made
// in a session outlives it.
func (m maker) limit() time.Time {
	if m.TokenID == "" {
		return time.Time{}
	}
	return m.ExpiresAt
}

// mayRotate refuses a rotation that comes too late. Whether the outcome is
// more than the caller has is asked of the outcome.
func (m maker) mayRotate(t *belay.Token) error {
	if !t.RevokedAt.IsZero() {
		return &belay.Error{
			Code: belay.CodeConflict, Message: "the token was revoked, and cannot be rotated",
			Remedy: []belay.Remedy{{
				ID: "token.create", Title: "Make another token", Description: "A token that was revoked stays so.",
				Action: &belay.RemedyAction{Method: "POST", Href: "/api/identity/tokens"}, Command: "belay token create NAME",
			}},
		}
	}
	if m.TokenID == t.ID && m.IssuedAt.IsZero() {
		return exceeds("", "what was used is what the token was before its last rotation; use what it is now")
	}
	return nil
}

// exceeds refuses a token that would widen what the one that is used allows.
func exceeds(pointer, why string) error {
	e := &belay.Error{
		Code: belay.CodeForbidden, Message: "a token cannot make one that is allowed more than it is itself",
		Remedy: []belay.Remedy{{
			ID: "token.wider", Title: "Use a wider token", Description: "Ask for less, or make it with a token that is allowed as much, or signed in with a browser.",
		}},
	}
	if pointer == "" {
		e.Message += ": " + why
		return e
	}
	e.Fields = []belay.Field{{Pointer: pointer, Message: why}}
	return e
}

// later tells whether one end comes after another; a zero one never comes.
func later(t, than time.Time) bool {
	return !than.IsZero() && (t.IsZero() || t.After(than))
}

// End is when a token is to end. The zero value leaves it to the server.
type End struct {
	At   *time.Time     // the zero time is never
	Life *time.Duration // from now on, instead of At
}

// end is when a token ends that is made now: as is wanted or, where nothing
// is said, after otherwise, as far as operator and maker allow. An otherwise
// of 0 is never.
func (a *App) end(p *problems, m maker, e End, otherwise time.Duration, now time.Time) time.Time {
	longest := a.lives.Token
	switch {
	case e.At != nil && e.Life != nil:
		p.add("/expiresInDays", "is another way to say expiresAt; give one of them")
	case e.Life != nil:
		return p.end("/expiresInDays", now.Add(*e.Life), longest, now)
	case e.At != nil && e.At.IsZero():
		return p.end("/expiresAt", time.Time{}, longest, now)
	case e.At != nil:
		return p.end("/expiresAt", e.At.UTC().Truncate(time.Microsecond), longest, now)
	}
	var at time.Time
	switch {
	case otherwise > 0 && longest >= 0:
		at = now.Add(min(otherwise, longest))
	case otherwise > 0:
		at = now.Add(otherwise)
	case longest >= 0:
		at = now.Add(min(defaultLife, longest))
	}
	if later(at, m.limit()) {
		return m.limit()
	}
	return at
}

// end checks an end that was asked for.
func (p *problems) end(pointer string, at time.Time, longest time.Duration, now time.Time) time.Time {
	switch {
	case at.IsZero() && longest >= 0:
		p.add(pointer, "must be a time: a token of this server lives %s at most, as its operator has set", days(longest))
	case at.IsZero():
	case !at.After(now):
		p.add(pointer, "must be in the future")
	case longest >= 0 && at.After(now.Add(longest)):
		p.add(pointer, "must be at most %s from now, as the server's operator has set", days(longest))
	}
	return at
}

// days writes a time in days where it is some.
func days(d time.Duration) string {
	switch {
	case d == day:
		return "1 day"
	case d%day == 0:
		return itoa(int(d/day)) + " days"
	}
	return d.String()
}

// bind binds a token as is wanted, and as the token is that makes it. What
// it is bound to must be there for the caller.
func (a *App) bind(ctx context.Context, m maker, t *belay.Token, n NewToken) error {
	for _, b := range []struct {
		pointer     string
		wanted, own belay.ID
		to          *belay.ID
	}{
		{"/organizationId", n.OrganizationID, m.OrganizationID, &t.OrganizationID},
		{"/workspaceId", n.WorkspaceID, m.WorkspaceID, &t.WorkspaceID},
		{"/environmentId", n.EnvironmentID, m.EnvironmentID, &t.EnvironmentID},
	} {
		if b.wanted != "" && b.own != "" && b.wanted != b.own {
			return exceeds(b.pointer, "the token that was used is bound to another one")
		}
		*b.to = cmp.Or(b.wanted, b.own)
	}
	if t.OrganizationID != "" {
		if _, err := in(m.Principal, t.OrganizationID); err != nil {
			return err
		}
	}
	if t.WorkspaceID != "" {
		c, _, err := object(ctx, t.OrganizationID, belay.PermissionTokenWrite, func(c caller) (*Workspace, error) {
			return a.loadWorkspace(ctx, c, t.WorkspaceID, belay.PermissionWorkspaceRead)
		})
		if err != nil {
			return about("/workspaceId", err)
		}
		t.OrganizationID = c.org
	}
	if t.EnvironmentID == "" {
		return nil
	}
	c, _, err := object(ctx, t.OrganizationID, belay.PermissionTokenWrite, func(c caller) (*Environment, error) {
		return a.loadEnvironment(ctx, c, t.EnvironmentID, belay.PermissionEnvironmentRead)
	})
	t.OrganizationID = cmp.Or(t.OrganizationID, c.org)
	return about("/environmentId", err)
}
