package store

import (
	"context"
	"time"

	"belay"
)

var members = list[*belay.Member]{
	columns: userColumns + ", m.role, m.version, m.created_at",
	from:    "memberships m join users u on u.id = m.user_id",
	id:      "m.user_id",
	natural: belay.Order{Column: "email"},
	orders: map[string]sortKey{
		"email":     {column: "m.email_fold"},
		"createdAt": {column: "m.created_at", number: true},
	},
	scan: scanMember,
}

func scanMember(r row) (*belay.Member, error) {
	var m belay.Member
	u, err := scanUser(extended{r, []any{&m.Role, &m.RoleVersion, stamp{&m.JoinedAt}}})
	m.User = u
	return &m, err
}

// usersOfTeam selects the users of a team of an organization.
const usersOfTeam = `select tu.user_id from team_users tu
	join teams t on t.id = tu.team_id and t.deleted_at = 0 where t.id = ? and t.organization_id = ?`

// usersOfWorkspace selects who has a role of his own in a workspace of an
// organization.
const usersOfWorkspace = `select wu.user_id from workspace_users wu
	join workspaces w on w.id = wu.workspace_id and w.deleted_at = 0 where w.id = ? and w.organization_id = ?`

// Members lists the users who belong to an organization.
func (r Reader) Members(ctx context.Context, org belay.ID, f belay.MemberFilter, q belay.Query) (belay.Page[*belay.Member], error) {
	var cond condition
	cond.add("m.organization_id = ?", org)
	cond.add("u.deleted_at = 0")
	cond.in("m.role", texts(f.Roles))
	if f.Email != "" {
		cond.add("m.email_fold = ?", fold(f.Email))
	}
	if f.TeamID != "" {
		cond.add("u.id in ("+usersOfTeam+")", f.TeamID, org)
	}
	if f.NotInTeamID != "" {
		cond.add("u.id not in ("+usersOfTeam+")", f.NotInTeamID, org)
	}
	if f.WorkspaceID != "" {
		cond.add("u.id in ("+usersOfWorkspace+")", f.WorkspaceID, org)
	}
	if f.NotInWorkspaceID != "" {
		cond.add("u.id not in ("+usersOfWorkspace+")", f.NotInWorkspaceID, org)
	}
	cond.search(org, "user", "u.id", q.Search)
	return members.counted(ctx, r, &cond, &cond, q)
}

// Member returns a user of an organization.
func (r Reader) Member(ctx context.Context, org, user belay.ID) (*belay.Member, error) {
	m, err := one(ctx, r, scanMember, "select "+members.columns+" from "+members.from+
		" where m.organization_id = $1 and m.user_id = $2 and u.deleted_at = 0", org, user)
	return m, notFound(err, "user")
}

// SetMembership gives a user a role in an organization. Taking its role away
// from the last owner is CodeConflict.
func (t *Tx) SetMembership(ctx context.Context, m belay.Membership, now time.Time) error {
	before, err := t.standing(ctx, m.OrganizationID, m.UserID, t.lock)
	if err != nil {
		return err
	}
	if m.Role != belay.OrganizationOwner {
		if err := before.mayGo(); err != nil {
			return err
		}
	}
	t.accessChanged(m.OrganizationID)
	err = t.exec(ctx, `
		insert into memberships (organization_id, user_id, role, email_fold, created_at)
		select cast($1 as text), u.id, cast($3 as text), u.email_fold, cast($4 as bigint) from users u where u.id = $2 and u.deleted_at = 0
		on conflict (organization_id, user_id) do update set role = excluded.role, version = memberships.version + 1`,
		m.OrganizationID, m.UserID, m.Role, micros(now))
	if err != nil || before.role != "" {
		return notFound(err, "user")
	}
	u, err := t.User(ctx, m.UserID)
	if err != nil {
		return err
	}
	return t.addTerms(ctx, m.OrganizationID, "user", u.ID, u.Email, u.FirstName, u.LastName)
}

// standing is what a user is in an organization.
type standing struct {
	role    belay.OrganizationRole // "" for no member
	version int64                  // of the role
	others  int                    // owners beside him
}

// standing reads what a user is in an organization, and locks that and its
// owners, so that two of them do not leave at the same time. Everybody locks
// in the order of the ids: then none waits for another who waits for him.
func (t *Tx) standing(ctx context.Context, org, user belay.ID, lock string) (standing, error) {
	var s standing
	found, err := all(ctx, t.Reader, func(r row) (belay.Membership, error) {
		var m belay.Membership
		err := r.Scan(&m.UserID, &m.Role, &m.Version)
		return m, err
	}, `
		select user_id, role, version from memberships
		where organization_id = $1 and (user_id = $2 or role = 'owner') order by user_id`+lock, org, user)
	for _, m := range found {
		switch {
		case m.UserID == user:
			s.role, s.version = m.Role, m.Version
		case m.Role == belay.OrganizationOwner:
			s.others++
		}
	}
	return s, err
}

// Membership returns what a user is in an organization, without a role for who
// does not belong to it. That, and who owns the organization, stays as it is
// until the transaction ends.
func (t *Tx) Membership(ctx context.Context, org, user belay.ID) (belay.Membership, error) {
	s, err := t.standing(ctx, org, user, t.leaving())
	return belay.Membership{OrganizationID: org, UserID: user, Role: s.role, Version: s.version}, err
}

// leaving is what a select of memberships ends with that waits for who gives
// their users a place meanwhile.
func (t *Tx) leaving() string {
	if t.postgres {
		return " for update"
	}
	return ""
}

// mayGo refuses when nobody else owns the organization.
func (s standing) mayGo() error {
	if s.role != belay.OrganizationOwner || s.others > 0 {
		return nil
	}
	return &belay.Error{
		Code:    belay.CodeConflict,
		Message: "this is the last owner of the organization; without one nobody could administer it",
		Remedy: []belay.Remedy{{
			ID: "organization.owner", Title: "Make somebody else owner first",
			Description: "Give another member the role owner, then repeat this.",
		}},
	}
}

// RemoveMember takes a user out of an organization, with his roles in its
// workspaces, his places in its teams and the tokens that are bound to it.
// What he owned stays. Removing the last owner is CodeConflict.
func (t *Tx) RemoveMember(ctx context.Context, org, user belay.ID) error {
	before, err := t.standing(ctx, org, user, t.leaving())
	if err != nil {
		return err
	}
	if before.role == "" {
		return belay.NotFound("user")
	}
	if err := before.mayGo(); err != nil {
		return err
	}
	t.accessChanged(org)
	for _, statement := range []string{
		"delete from workspace_users where user_id = $2 and workspace_id in (select id from workspaces where organization_id = $1)",
		"delete from team_users where user_id = $2 and team_id in (select id from teams where organization_id = $1)",
		"delete from tokens where organization_id = $1 and user_id = $2",
		"delete from search_terms where organization_id = $1 and object = 'user' and object_id = $2",
		"delete from memberships where organization_id = $1 and user_id = $2",
	} {
		if _, err := t.execAny(ctx, statement, org, user); err != nil {
			return err
		}
	}
	return nil
}

// AddTeamUser makes a member of the organization one of a team; source is
// the provider whose groups say so, "" for a person. changed is false when
// he was one already.
func (t *Tx) AddTeamUser(ctx context.Context, org belay.ID, a belay.Assignment, source string) (changed bool, err error) {
	n, err := t.execAny(ctx, `
		insert into team_users (id, team_id, user_id, source, created_at)
		select cast($4 as text), t.id, m.user_id, cast($5 as text), cast($6 as bigint) from teams t
		join memberships m on m.organization_id = t.organization_id and m.user_id = $3
		where t.organization_id = $1 and t.id = $2 and t.deleted_at = 0`+t.keep("t, m", "")+`
		on conflict do nothing`,
		org, a.LeftID, a.RightID, a.ID, source, micros(a.CreatedAt))
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, t.teamAndUser(ctx, org, a.LeftID, a.RightID)
	}
	t.accessChanged(org)
	return true, nil
}

// teamAndUser tells which of a team and a member of the organization is not
// there.
func (r Reader) teamAndUser(ctx context.Context, org, team, user belay.ID) error {
	if _, err := r.Team(ctx, org, team); err != nil {
		return err
	}
	_, err := r.Member(ctx, org, user)
	return err
}

// RemoveTeamUser takes a user out of a team; changed is false when he was
// not in it. Without such a team, or such a member of the organization, that
// is CodeNotFound.
func (t *Tx) RemoveTeamUser(ctx context.Context, org, team, user belay.ID) (changed bool, err error) {
	n, err := t.execAny(ctx, `
		delete from team_users where user_id = $3
		and team_id in (select id from teams where organization_id = $1 and id = $2 and deleted_at = 0)`, org, team, user)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, t.teamAndUser(ctx, org, team, user)
	}
	t.accessChanged(org)
	return true, nil
}

// TeamsOf returns the live teams of an organization of which a user is a
// member, by id, with the source of each membership.
func (r Reader) TeamsOf(ctx context.Context, org, user belay.ID) (map[belay.ID]string, error) {
	type pair struct {
		team   belay.ID
		source string
	}
	pairs, err := all(ctx, r, func(r row) (pair, error) {
		var p pair
		err := r.Scan(&p.team, &p.source)
		return p, err
	}, `
		select tu.team_id, tu.source from team_users tu
		join teams t on t.id = tu.team_id and t.deleted_at = 0 and t.organization_id = $1
		where tu.user_id = $2`, org, user)
	out := make(map[belay.ID]string, len(pairs))
	for _, p := range pairs {
		out[p.team] = p.source
	}
	return out, err
}

// TeamUsers returns, for each of some users who are in a team, since when and
// under which id he is.
func (r Reader) TeamUsers(ctx context.Context, org, team belay.ID, users ...belay.ID) (map[belay.ID]belay.Assignment, error) {
	out := map[belay.ID]belay.Assignment{}
	if len(users) == 0 {
		return out, nil
	}
	var cond condition
	cond.add("t.organization_id = ?", org)
	cond.add("t.id = ?", team)
	cond.add("t.deleted_at = 0")
	cond.in("tu.user_id", texts(users))
	found, err := all(ctx, r, func(r row) (belay.Assignment, error) {
		a := belay.Assignment{LeftID: team}
		err := r.Scan(&a.ID, &a.RightID, stamp{&a.CreatedAt})
		return a, err
	}, "select tu.id, tu.user_id, tu.created_at from team_users tu join teams t on t.id = tu.team_id"+cond.where(), cond.args...)
	for _, a := range found {
		out[a.RightID] = a
	}
	return out, err
}

// owned are the tables of what a user can own in an organization, in the
// order in which their rows are locked.
var owned = []string{"workspaces", "environments", "credentials", "connections", "teams"}

// Transfer gives what one user owns in an organization, what is deleted and
// can be restored included, to a member of it, and returns how many objects
// those were of each sort.
func (t *Tx) Transfer(ctx context.Context, org, from, to belay.ID, now time.Time) (map[string]int64, error) {
	if _, err := t.Member(ctx, org, to); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, table := range owned {
		if _, err := all(ctx, t.Reader, scanID, "select id from "+table+" where organization_id = $1 and owner_id = $2 order by id"+t.lock, org, from); err != nil {
			return nil, err
		}
		n, err := t.execAny(ctx, "update "+table+` set owner_id = $3, version = version + 1, updated_at = $4
			where organization_id = $1 and owner_id = $2`, org, from, to, micros(now))
		if err != nil {
			return nil, err
		}
		out[table] = n
	}
	return out, nil
}
