package store

import (
	"context"

	"belay"
)

const userColumns = `u.id, u.provider, u.subject, u.email, u.first_name, u.last_name, u.avatar_url, u.issuer,
	u.version, u.created_at, u.updated_at, u.deleted_at`

func scanUser(r row) (*belay.User, error) {
	var u belay.User
	err := r.Scan(&u.ID, &u.Provider, &u.Subject, &u.Email, &u.FirstName, &u.LastName, &u.AvatarURL, &u.Issuer,
		&u.Version, stamp{&u.CreatedAt}, stamp{&u.UpdatedAt}, stamp{&u.DeletedAt})
	return &u, err
}

// User returns one user.
func (r Reader) User(ctx context.Context, id belay.ID) (*belay.User, error) {
	u, err := one(ctx, r, scanUser, "select "+userColumns+" from users u where u.id = $1 and u.deleted_at = 0", id)
	return u, notFound(err, "user")
}

// CreateUser stores a new user.
func (t *Tx) CreateUser(ctx context.Context, u *belay.User) error {
	return t.exec(ctx, `
		insert into users (id, provider, subject, email, email_fold, first_name, last_name, avatar_url, issuer, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		u.ID, u.Provider, u.Subject, u.Email, fold(u.Email), u.FirstName, u.LastName, u.AvatarURL, u.Issuer, u.Version,
		micros(u.CreatedAt), micros(u.UpdatedAt))
}

// Memberships returns the organizations of a user with his role in each.
func (r Reader) Memberships(ctx context.Context, user belay.ID) ([]belay.Membership, error) {
	return all(ctx, r, func(r row) (belay.Membership, error) {
		m := belay.Membership{UserID: user}
		err := r.Scan(&m.OrganizationID, &m.Role, &m.AccessVersion)
		return m, err
	}, `
		select m.organization_id, m.role, coalesce(v.version, 0) from memberships m
		join organizations o on o.id = m.organization_id and o.deleted_at = 0
		left join access_versions v on v.organization_id = m.organization_id
		where m.user_id = $1 order by m.organization_id`, user)
}

// AllMemberships is Memberships with those of deleted organizations, to which
// a user belongs again when they are restored.
func (r Reader) AllMemberships(ctx context.Context, user belay.ID) ([]belay.Membership, error) {
	return all(ctx, r, func(r row) (belay.Membership, error) {
		m := belay.Membership{UserID: user}
		err := r.Scan(&m.OrganizationID, &m.Role)
		return m, err
	}, "select organization_id, role from memberships where user_id = $1 order by organization_id", user)
}
