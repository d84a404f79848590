package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

// LocalUser returns the local user with an address, in any case.
func (r Reader) LocalUser(ctx context.Context, email string) (*belay.User, error) {
	u, err := one(ctx, r, scanUser, "select "+userColumns+
		" from users u where u.provider = 'local' and u.email_fold = $1 and u.deleted_at = 0", fold(email))
	return u, notFound(err, "user")
}

// AnyOwner returns the owner of an organization who has been one for
// longest and is local.
func (r Reader) AnyOwner(ctx context.Context) (*belay.User, error) {
	u, err := one(ctx, r, scanUser, "select "+userColumns+` from users u
		join memberships m on m.user_id = u.id and m.role = 'owner'
		where u.provider = 'local' and u.deleted_at = 0 order by m.created_at, u.id limit 1`)
	return u, notFound(err, "owner")
}

// UpdateUser stores a user's name.
func (t *Tx) UpdateUser(ctx context.Context, u *belay.User, now time.Time) error {
	err := t.exec(ctx, "update users set first_name = $2, last_name = $3, updated_at = $4, version = version + 1 where id = $1 and deleted_at = 0",
		u.ID, u.FirstName, u.LastName, micros(now))
	return notFound(err, "user")
}

// Password returns the hash of a user's password; nil for a user who has
// none.
func (r Reader) Password(ctx context.Context, user belay.ID) (*belay.Password, error) {
	p, err := one(ctx, r, func(r row) (*belay.Password, error) {
		p := belay.Password{UserID: user}
		err := r.Scan(&p.Hash, stamp{&p.ChangedAt})
		return &p, err
	}, "select hash, changed_at from passwords where user_id = $1", user)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return p, err
}

// SetPassword stores the hash of a user's password in place of the one
// before.
func (t *Tx) SetPassword(ctx context.Context, p *belay.Password) error {
	return t.exec(ctx, `
		insert into passwords (user_id, hash, changed_at) values ($1, $2, $3)
		on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at`,
		p.UserID, p.Hash, micros(p.ChangedAt))
}

// RemovePassword takes a user's password away, if he has one.
func (t *Tx) RemovePassword(ctx context.Context, user belay.ID) error {
	_, err := t.execAny(ctx, "delete from passwords where user_id = $1", user)
	return err
}

// KnownAt tells whether a user has had a session, which is still stored,
// that began at an address.
func (r Reader) KnownAt(ctx context.Context, user belay.ID, addr string) (bool, error) {
	_, err := one(ctx, r, scanID, "select id from sessions where user_id = $1 and remote_addr = $2 limit 1", user, addr)
	if errors.Is(err, errNoRow) {
		return false, nil
	}
	return err == nil, err
}

// CreateInvitation stores the hash of a link with which a user sets a
// password once. The user's earlier links are void from now on.
func (t *Tx) CreateInvitation(ctx context.Context, hash []byte, user belay.ID, now, expires time.Time) error {
	if err := t.CancelLinks(ctx, user); err != nil {
		return err
	}
	return t.exec(ctx, "insert into sign_in_links (hash, user_id, purpose, created_at, expires_at) values ($1, $2, 'invitation', $3, $4)",
		hash, user, micros(now), micros(expires))
}

// CancelLinks makes a user's links void.
func (t *Tx) CancelLinks(ctx context.Context, user belay.ID) error {
	_, err := t.execAny(ctx, "delete from sign_in_links where user_id = $1", user)
	return err
}

// CancelInvitationsOf makes void all invitations of an organization's members:
// of whoever made them it is not kept who that was.
func (t *Tx) CancelInvitationsOf(ctx context.Context, org belay.ID) error {
	_, err := t.execAny(ctx, `delete from sign_in_links where purpose = 'invitation'
		and user_id in (select m.user_id from memberships m where m.organization_id = $1)`, org)
	return err
}

// Invited returns whom a link invites to set a password, without spending
// it.
func (r Reader) Invited(ctx context.Context, hash []byte, now time.Time) (*belay.User, error) {
	u, err := one(ctx, r, scanUser, "select "+userColumns+` from users u join sign_in_links l on l.user_id = u.id
		where l.hash = $1 and l.purpose = 'invitation' and l.expires_at > $2 and u.deleted_at = 0`, hash, micros(now))
	return u, notFound(err, "invitation")
}

// UseInvitation spends a link and returns whom it invites.
func (t *Tx) UseInvitation(ctx context.Context, hash []byte, now time.Time) (belay.ID, error) {
	id, err := one(ctx, t.Reader, scanID,
		"delete from sign_in_links where hash = $1 and purpose = 'invitation' and expires_at > $2 returning user_id", hash, micros(now))
	return id, notFound(err, "invitation")
}
