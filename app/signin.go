package app

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"belay"
	"belay/password"
	"belay/store"
)

// invitationLife is how long an invitation can be accepted.
const invitationLife = 7 * 24 * time.Hour

// Visitor is where somebody signs in.
type Visitor struct {
	UserAgent  string
	RemoteAddr string
}

// NewSession is a session that has begun.
type NewSession struct {
	*Session
	Value belay.Secret // of the cookie; it is not kept
}

// SignInWithPassword begins a session of the local user with an address and
// password. Whether the address is nobody's or the password is another, the
// answer and the time that it takes are the same. Too many attempts are
// CodeRateLimited, with when to try again.
func (g *Gate) SignInWithPassword(ctx context.Context, email string, text belay.Secret, v Visitor) (*NewSession, error) {
	if _, ok := g.providers[belay.LocalProvider]; !ok {
		return nil, belay.Errorf(belay.CodeForbidden, "nobody signs in to this server with a password; choose another provider")
	}
	if len(email) > maxEmail {
		return nil, wrongPassword()
	}
	leave, err := g.passwords.Admit() // before anything is asked of the database
	if err != nil {
		return nil, err
	}
	defer leave()
	user, stored, known, err := g.candidate(ctx, email, v.RemoteAddr)
	if err != nil {
		return nil, err
	}
	counters := g.throttle.signIn(email, v.RemoteAddr, known)
	if err := g.throttle.take(ctx, counters); err != nil {
		return nil, err
	}
	ok, outdated, err := g.passwords.Verify(ctx, text, stored.Hash)
	if err != nil {
		return nil, errors.Join(err, g.throttle.undo(ctx, counters))
	}
	if !ok {
		return nil, wrongPassword()
	}
	fresh := ""
	if outdated {
		if fresh, err = g.passwords.Hash(ctx, text); err != nil {
			return nil, err
		}
	}
	return g.begin(ctx, v, func(ctx context.Context, tx *store.Tx) (belay.ID, error) {
		return user.ID, g.passed(ctx, tx, stored, fresh, counters)
	})
}

// candidate is who may have an address, with his password and whether he is
// known where the request comes from; for nobody's, nobody. It asks the same
// of the database for both.
func (g *Gate) candidate(ctx context.Context, email, addr string) (*belay.User, belay.Password, bool, error) {
	user, err := g.store.LocalUser(ctx, email)
	if isNotFound(err) {
		user, err = &belay.User{}, nil
	}
	if err != nil {
		return nil, belay.Password{}, false, err
	}
	p, err := g.store.Password(ctx, user.ID)
	if err != nil {
		return nil, belay.Password{}, false, err
	}
	if p == nil {
		p = &belay.Password{}
	}
	known, err := g.store.KnownAt(ctx, user.ID, addr)
	return user, *p, known, err
}

// passed records that a password was right, unless it was changed since it
// was read. fresh is its hash at the cost that hashes have now, "" where that
// is the one it has.
func (g *Gate) passed(ctx context.Context, tx *store.Tx, verified belay.Password, fresh string, counters []counter) error {
	if err := tx.HoldUser(ctx, verified.UserID); err != nil {
		return err
	}
	now, err := tx.Password(ctx, verified.UserID)
	if err != nil {
		return err
	}
	if now == nil || now.Hash != verified.Hash {
		return wrongPassword()
	}
	if fresh != "" {
		if err := tx.SetPassword(ctx, &belay.Password{UserID: verified.UserID, Hash: fresh, ChangedAt: verified.ChangedAt}); err != nil {
			return err
		}
	}
	return succeeded(ctx, tx, counters)
}

func wrongPassword() error {
	return &belay.Error{
		Code: belay.CodeUnauthenticated, Message: "the e-mail address or the password is wrong",
		Remedy: []belay.Remedy{{
			ID: "password.forgotten", Title: "Ask for a new link",
			Description: "An administrator of the organization can make a link with which you set a new password.",
		}},
	}
}

// begin begins a session of the user whom prove proves in the same
// transaction.
func (g *Gate) begin(ctx context.Context, v Visitor, prove func(context.Context, *store.Tx) (belay.ID, error)) (*NewSession, error) {
	return g.beginSession(ctx, v, func(ctx context.Context, tx *store.Tx, s *belay.Session) error {
		var err error
		if s.UserID, err = prove(ctx, tx); err != nil {
			return err
		}
		return tx.CreateSession(ctx, s)
	})
}

// beginSession begins a session, which keep stores.
func (g *Gate) beginSession(ctx context.Context, v Visitor, keep func(context.Context, *store.Tx, *belay.Session) error) (*NewSession, error) {
	value, _, err := belay.NewToken(rand.Reader)
	if err != nil {
		return nil, err
	}
	now := g.now()
	s := &belay.Session{
		ID: g.newID(), Hash: belay.HashToken(value), UserAgent: cutText(toldByTarget(v.UserAgent)), RemoteAddr: v.RemoteAddr,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(g.lives.Session),
	}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return keep(ctx, tx, s) })
	if err != nil {
		return nil, err
	}
	return &NewSession{Session: &Session{Session: s, IdleAt: g.lives.idleAt(s), Current: true}, Value: value}, nil
}

// Invited returns whom an invitation is for, without spending it.
func (g *Gate) Invited(ctx context.Context, code belay.Secret) (*belay.User, error) {
	u, err := g.store.Invited(ctx, belay.HashToken(code), g.now())
	if isNotFound(err) {
		return nil, spentInvitation()
	}
	if err != nil {
		return nil, err
	}
	return u, g.inForce(u)
}

// InvitedTo are the names of the organizations that a user belongs to.
func (g *Gate) InvitedTo(ctx context.Context, user belay.ID) (names []string, err error) {
	memberships, err := g.store.AllMemberships(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, m := range memberships {
		o, err := g.store.Organization(ctx, m.OrganizationID)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, o.Name)
	}
	return names, nil
}

// Pending tells whether a user has no password yet.
func (g *Gate) Pending(ctx context.Context, user belay.ID) (bool, error) {
	p, err := g.store.Password(ctx, user)
	return p == nil, err
}

func spentInvitation() error {
	return Unauthenticated("this invitation was used before, was replaced by a newer one, or is too old; ask an administrator for a new one")
}

// AcceptInvitation spends an invitation: it sets the password, ends the
// sessions that the user has and begins a new one.
func (g *Gate) AcceptInvitation(ctx context.Context, code, text belay.Secret, v Visitor) (*NewSession, error) {
	u, err := g.Invited(ctx, code) // before anything is hashed for a stranger
	if err != nil {
		return nil, err
	}
	if err := password.Check("/password", text, u.Email, u.FirstName, u.LastName); err != nil {
		return nil, err
	}
	leave, err := g.passwords.Admit()
	if err != nil {
		return nil, err
	}
	defer leave()
	hash, err := g.passwords.Hash(ctx, text)
	if err != nil {
		return nil, err
	}
	now := g.now()
	s, err := g.begin(ctx, v, func(ctx context.Context, tx *store.Tx) (belay.ID, error) {
		user, err := tx.UseInvitation(ctx, belay.HashToken(code), now)
		if err != nil {
			return "", err
		}
		if _, err := tx.DeleteOtherSessions(ctx, user, ""); err != nil {
			return "", err
		}
		return user, tx.SetPassword(ctx, &belay.Password{UserID: user, Hash: hash, ChangedAt: now})
	})
	g.ForgetUser(u.ID) // the sessions that have ended let nobody in any more
	if isNotFound(err) {
		return nil, spentInvitation()
	}
	return s, err
}
