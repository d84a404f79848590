package app

import (
	"context"
	"time"

	"belay"
	"belay/store"
)

// Session is a session of the caller.
type Session struct {
	*belay.Session
	IdleAt  time.Time // when it ends if it is not used before
	Current bool      // the request was made in it
}

// idleAt is when a session ends if it is not used before.
func (l Lifetimes) idleAt(s *belay.Session) time.Time {
	at := s.LastUsedAt.Add(l.SessionIdle)
	if s.Client != "" || at.After(s.ExpiresAt) {
		return s.ExpiresAt
	}
	return at
}

// Sessions lists the caller's sessions, the newest first.
func (a *App) Sessions(ctx context.Context, q belay.Query) (belay.Page[*Session], error) {
	m, err := a.sessionMaker(ctx, belay.PermissionSessionRead)
	if err != nil {
		return belay.Page[*Session]{}, err
	}
	now := a.now()
	page, err := a.store.Sessions(ctx, m.UserID, now, now.Add(-a.lives.SessionIdle), q)
	return mapPage(page, func(s *belay.Session) *Session {
		return &Session{Session: s, IdleAt: a.lives.idleAt(s), Current: s.ID == m.SessionID}
	}), err
}

// EndSession ends one of the caller's sessions, which may be the one that he
// asks in.
func (a *App) EndSession(ctx context.Context, id belay.ID) error {
	m, err := a.sessionMaker(ctx, belay.PermissionSessionWrite)
	if err != nil {
		return err
	}
	defer a.gate.forgetSession(id)
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, m.UserID, id) })
}

// EndOtherSessions ends all of the caller's sessions but the one that he
// asks in, if he does, and returns how many those were.
func (a *App) EndOtherSessions(ctx context.Context) (n int, err error) {
	m, err := a.sessionMaker(ctx, belay.PermissionSessionWrite)
	if err != nil {
		return 0, err
	}
	defer a.gate.forget(func(p *belay.Principal) bool {
		return p.UserID == m.UserID && p.SessionID != "" && p.SessionID != m.SessionID
	})
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err = tx.DeleteOtherSessions(ctx, m.UserID, m.SessionID)
		return err
	})
	return n, err
}

// EndSessionsOf ends all sessions of a member, as who administers every
// organization to which he belongs, and for an owner as an owner: he must sign
// in again. It returns how many those were. His tokens stay.
func (a *App) EndSessionsOf(ctx context.Context, org, user belay.ID) (n int, err error) {
	c, err := a.administers(ctx, org, belay.PermissionMemberWrite)
	if err != nil {
		return 0, err
	}
	m, err := a.store.Member(ctx, c.org, user)
	if err != nil {
		return 0, err
	}
	err = a.reachesNoFurther(ctx, c, m, belay.Remedy{
		ID: "member.remove", Title: "Remove the member", Description: "Then nothing of this organization is reached any more, in whatever session.",
		Command: belay.CommandLine("belay", "organization", "member", "remove", m.Email),
	})
	if err != nil {
		return 0, err
	}
	defer a.gate.ForgetUser(user)
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err = tx.DeleteOtherSessions(ctx, user, "")
		return err
	})
	return n, err
}

// sessionMaker is maker for sessions, which are bound to nothing: a token
// that is bound has nothing to do with them.
func (a *App) sessionMaker(ctx context.Context, want belay.Permission) (maker, error) {
	m, err := a.maker(ctx, want)
	if err == nil && m.bound() {
		err = belay.Errorf(belay.CodeForbidden, "a token that is bound to an organization, a workspace or an environment has nothing to do with sessions")
	}
	return m, err
}
