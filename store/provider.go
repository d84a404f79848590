package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

// UserBySubject returns the user whom a provider calls so.
func (r Reader) UserBySubject(ctx context.Context, provider, subject string) (*belay.User, error) {
	u, err := one(ctx, r, scanUser, "select "+userColumns+
		" from users u where u.provider = $1 and u.subject = $2 and u.deleted_at = 0", provider, subject)
	return u, notFound(err, "user")
}

// FollowUser stores what a provider says of a user: his address, names and
// picture, by which his organizations then find him.
func (t *Tx) FollowUser(ctx context.Context, u *belay.User, now time.Time) error {
	err := t.exec(ctx, `
		update users set email = $2, email_fold = $3, first_name = $4, last_name = $5, avatar_url = $6, updated_at = $7, version = version + 1
		where id = $1 and deleted_at = 0`,
		u.ID, u.Email, fold(u.Email), u.FirstName, u.LastName, u.AvatarURL, micros(now))
	if err != nil {
		return notFound(err, "user")
	}
	for _, statement := range []string{
		"update memberships set email_fold = (select u.email_fold from users u where u.id = $1) where user_id = $1",
		"delete from search_terms where object = 'user' and object_id = $1",
	} {
		if _, err := t.execAny(ctx, statement, u.ID); err != nil {
			return err
		}
	}
	memberships, err := t.AllMemberships(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, m := range memberships {
		if err := t.addTerms(ctx, m.OrganizationID, "user", u.ID, u.Email, u.FirstName, u.LastName); err != nil {
			return err
		}
	}
	return nil
}

// Adopt makes an invited local user, who has set no password yet, one of a
// provider: by the key, subject and issuer that u has. Who has a password, or
// is none of the local users, stays what he is: CodeNotFound.
func (t *Tx) Adopt(ctx context.Context, u *belay.User, now time.Time) error {
	return notFound(t.exec(ctx, `
		update users set provider = $2, subject = $3, issuer = $4, updated_at = $5, version = version + 1
		where id = $1 and provider = 'local' and deleted_at = 0 and not exists (select 1 from passwords p where p.user_id = users.id)`,
		u.ID, u.Provider, u.Subject, u.Issuer, micros(now)), "user who has set no password")
}

// OrganizationsNamed returns the organizations that have a name, in any case,
// or an id; two of them at the most.
func (r Reader) OrganizationsNamed(ctx context.Context, name string) ([]*belay.Organization, error) {
	return all(ctx, r, scanOrganization, "select "+organizationColumns+
		" from organizations o where (o.name_fold = $1 or o.id = $2) and o.deleted_at = 0 order by o.id limit 2", fold(name), name)
}

// TeamsNamed returns the teams of an organization that have one of some names,
// in any case.
func (r Reader) TeamsNamed(ctx context.Context, org belay.ID, names ...string) ([]*belay.Team, error) {
	if len(names) == 0 {
		return nil, nil
	}
	folded := make([]string, len(names))
	for i, n := range names {
		folded[i] = fold(n)
	}
	var cond condition
	cond.add("t.organization_id = ?", org)
	cond.add("t.deleted_at = 0")
	cond.in("t.name_fold", folded)
	return all(ctx, r, scanTeam, "select "+teamColumns+" from teams t"+cond.where()+" order by t.name_fold", cond.args...)
}

// KeepRefresh stores the sealed refresh token of a session, nil for none, and
// when the provider is to be asked again; nobody is asking any more. A session
// that has ended stays so: CodeNotFound.
func (t *Tx) KeepRefresh(ctx context.Context, session belay.ID, sealed []byte, at time.Time) error {
	return notFound(t.exec(ctx, "update sessions set refresh_token = $2, refresh_at = $3, refreshing_until = 0 where id = $1",
		session, sealed, micros(at)), "session")
}

// KeptRefresh returns the sealed refresh token of a session, nil where it has
// none or has ended.
func (r Reader) KeptRefresh(ctx context.Context, session belay.ID) ([]byte, error) {
	sealed, err := one(ctx, r, func(r row) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, "select refresh_token from sessions where id = $1", session)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return sealed, err
}

// HurryRefresh says that the provider is to be asked again at a time already,
// as long as the session's refresh token is still sealed so.
func (t *Tx) HurryRefresh(ctx context.Context, session belay.ID, sealed []byte, at time.Time) error {
	_, err := t.execAny(ctx, "update sessions set refresh_at = $3 where id = $1 and refresh_token = $2 and refresh_at > $3",
		session, sealed, micros(at))
	return err
}

// PutOffRefresh says when the provider is to be asked again that was not to be
// had, with the token that there is.
func (t *Tx) PutOffRefresh(ctx context.Context, session belay.ID, at time.Time) error {
	_, err := t.execAny(ctx, "update sessions set refresh_at = $2, refreshing_until = 0 where id = $1", session, micros(at))
	return err
}

// ClaimRefresh returns the sealed refresh token of a session to the one who
// may ask the provider with it until then; nil where there is nothing to ask,
// or another is asking.
func (t *Tx) ClaimRefresh(ctx context.Context, session belay.ID, now, until time.Time) ([]byte, error) {
	sealed, err := one(ctx, t.Reader, func(r row) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, `
		update sessions set refreshing_until = $3
		where id = $1 and refresh_at > 0 and refresh_at <= $2 and refreshing_until <= $2 and refresh_token is not null
		returning refresh_token`, session, micros(now), micros(until))
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return sealed, err
}

// EndProviderSessions ends the sessions that began in one session at a
// provider, and returns their ids. With a subject they must be his.
func (t *Tx) EndProviderSessions(ctx context.Context, provider, session, subject string) ([]belay.ID, error) {
	return all(ctx, t.Reader, scanID, `
		delete from sessions where provider_session = $2 and provider_session <> '' and user_id in
			(select u.id from users u where u.provider = $1 and ($3 = '' or u.subject = $3))
		returning id`, provider, session, subject)
}

// EndSessionsOfSubject ends the sessions of whom a provider calls so that had
// begun by then, and returns their ids.
func (t *Tx) EndSessionsOfSubject(ctx context.Context, provider, subject string, by time.Time) ([]belay.ID, error) {
	return all(ctx, t.Reader, scanID, `
		delete from sessions where created_at <= $3 and user_id in (select u.id from users u where u.provider = $1 and u.subject = $2)
		returning id`, provider, subject, micros(by))
}
