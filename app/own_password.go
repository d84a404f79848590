package app

import (
	"context"
	"errors"

	"belay"
	"belay/password"
	"belay/store"
)

// keptElsewhere refuses what is about a password that another provider keeps.
func keptElsewhere(provider string) error {
	if provider == belay.LocalProvider {
		return nil
	}
	return belay.Errorf(belay.CodeConflict, "you sign in by the provider %s, which keeps your password; there is none here, and it is changed there", provider)
}

// OwnPassword returns when the caller's password was set, nil where he has
// none yet. The error is a CodeConflict where his provider keeps it.
func (a *App) OwnPassword(ctx context.Context) (*belay.Password, error) {
	principal, err := authenticated(ctx, belay.PermissionUserRead)
	if err != nil {
		return nil, err
	}
	if err := keptElsewhere(principal.Provider); err != nil {
		return nil, err
	}
	p, err := a.store.Password(ctx, principal.UserID)
	if err != nil || p == nil {
		return nil, err
	}
	return &belay.Password{UserID: p.UserID, ChangedAt: p.ChangedAt}, nil
}

// ChangePassword gives the caller another password, for which he shows the
// present one, and ends his other sessions; it returns how many. Who has none
// yet sets the first without, but only in a browser: a token must not become
// a way to sign in that outlives it.
func (a *App) ChangePassword(ctx context.Context, current, text belay.Secret) (ended int, err error) {
	m, err := a.maker(ctx, belay.PermissionUserWrite)
	if err != nil {
		return 0, err
	}
	if m.bound() {
		return 0, belay.Errorf(belay.CodeForbidden, "a token that is bound to an organization, a workspace or an environment has nothing to do with its user's password")
	}
	principal := m.Principal
	user, err := a.store.User(ctx, principal.UserID)
	if err != nil {
		return 0, err
	}
	if err := keptElsewhere(user.Provider); err != nil {
		return 0, err
	}
	if err := password.Check("/password", text, user.Email, user.FirstName, user.LastName); err != nil {
		return 0, err
	}
	stored, err := a.store.Password(ctx, user.ID)
	if err != nil {
		return 0, err
	}
	counters := []counter{a.throttle.counter(perPair, false, "own password", string(user.ID))}
	if err := a.proveOwn(ctx, principal, stored, current, counters); err != nil {
		return 0, err
	}
	hash, err := a.passwords.Hash(ctx, text)
	if err != nil {
		return 0, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if ended, err = a.replacePassword(ctx, tx, principal, stored, hash); err != nil {
			return err
		}
		return succeeded(ctx, tx, counters)
	})
	a.gate.ForgetUser(user.ID) // the sessions that have ended let nobody in any more
	return ended, err
}

// proveOwn wants the present password, where there is one.
func (a *App) proveOwn(ctx context.Context, principal *belay.Principal, stored *belay.Password, current belay.Secret, counters []counter) error {
	if stored == nil {
		if inBrowser(principal) != nil {
			return belay.Errorf(belay.CodeForbidden, "you have no password yet; set the first one in a browser, after signing in by a link")
		}
		return nil
	}
	if err := a.throttle.take(ctx, counters); err != nil {
		return err
	}
	ok, _, err := a.passwords.Verify(ctx, current, stored.Hash)
	if err != nil {
		return errors.Join(err, a.throttle.undo(ctx, counters))
	}
	if !ok {
		return belay.Invalid("/currentPassword", "is not your present password")
	}
	return nil
}

// replacePassword stores a hash, unless another request has done so since the
// present one was read, and makes void what could sign in instead.
func (a *App) replacePassword(ctx context.Context, tx *store.Tx, principal *belay.Principal, stored *belay.Password, hash string) (int, error) {
	if err := tx.HoldUser(ctx, principal.UserID); err != nil {
		return 0, err
	}
	now, err := tx.Password(ctx, principal.UserID)
	if err != nil {
		return 0, err
	}
	if (now == nil) != (stored == nil) || now != nil && now.Hash != stored.Hash {
		return 0, belay.Errorf(belay.CodeConflict, "the password was changed by another request meanwhile")
	}
	if err := tx.CancelLinks(ctx, principal.UserID); err != nil {
		return 0, err
	}
	if err := tx.SetPassword(ctx, &belay.Password{UserID: principal.UserID, Hash: hash, ChangedAt: a.now()}); err != nil {
		return 0, err
	}
	return tx.DeleteOtherSessions(ctx, principal.UserID, principal.SessionID)
}
