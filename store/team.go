package store

import (
	"context"
	"time"

	"belay"
)

const teamColumns = `t.id, t.organization_id, t.owner_id, t.name, t.description, t.metadata,
	t.version, t.created_at, t.updated_at, t.deleted_at`

const selectTeam = "select " + teamColumns + " from teams t where t.organization_id = $1 and t.id = $2 and t.deleted_at = 0"

const selectDeletedTeam = "select " + teamColumns + " from teams t where t.organization_id = $1 and t.id = $2 and t.deleted_at > 0"

func scanTeam(r row) (*belay.Team, error) {
	var t belay.Team
	err := r.Scan(&t.ID, &t.OrganizationID, &t.OwnerID, &t.Name, &t.Description, &t.Metadata,
		&t.Version, stamp{&t.CreatedAt}, stamp{&t.UpdatedAt}, stamp{&t.DeletedAt})
	return &t, err
}

var teams = list[*belay.Team]{
	columns: teamColumns,
	from:    "teams t",
	id:      "t.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "t.name_fold"},
		"createdAt": {column: "t.created_at", number: true},
		"updatedAt": {column: "t.updated_at", number: true},
	},
	scan: scanTeam,
}

// Team returns one team.
func (r Reader) Team(ctx context.Context, org, id belay.ID) (*belay.Team, error) {
	t, err := one(ctx, r, scanTeam, selectTeam, org, id)
	return t, notFound(err, "team")
}

// DeletedTeam returns one team that can be restored.
func (r Reader) DeletedTeam(ctx context.Context, org, id belay.ID) (*belay.Team, error) {
	t, err := one(ctx, r, scanTeam, selectDeletedTeam, org, id)
	return t, notFound(err, "deleted team")
}

// teamsOfWorkspace selects the teams with a role in a workspace of an
// organization.
const teamsOfWorkspace = `select wt.team_id from workspace_teams wt
	join workspaces w on w.id = wt.workspace_id and w.deleted_at = 0 where w.id = ? and w.organization_id = ?`

// Teams lists the teams of an organization; every member sees them all, and
// through a binding there is none.
func (r Reader) Teams(ctx context.Context, v belay.Viewer, f belay.TeamFilter, q belay.Query) (belay.Page[*belay.Team], error) {
	var cond condition
	cond.add("t.organization_id = ?", v.OrganizationID)
	if v.Bound() {
		cond.add("1 = 0")
	}
	cond.live("t", f.Deleted)
	if f.Deleted && !v.All {
		cond.add("t.owner_id = ?", v.UserID)
	}
	if f.WorkspaceID != "" {
		cond.add("t.id in ("+teamsOfWorkspace+")", f.WorkspaceID, v.OrganizationID)
	}
	if f.NotInWorkspaceID != "" {
		cond.add("t.id not in ("+teamsOfWorkspace+")", f.NotInWorkspaceID, v.OrganizationID)
	}
	if f.UserID != "" {
		cond.add("t.id in (select tu.team_id from team_users tu where tu.user_id = ?)", f.UserID)
	}
	cond.search(v.OrganizationID, "team", "t.id", q.Search)
	if !f.Deleted && len(cond.parts) == 2 {
		return withTotal(ctx, r, &teams, &cond, q, v.OrganizationID, "team")
	}
	return teams.counted(ctx, r, &cond, &cond, q)
}

// CreateTeam stores a new team.
func (t *Tx) CreateTeam(ctx context.Context, m *belay.Team) error {
	err := t.exec(ctx, `
		insert into teams (id, organization_id, owner_id, name, name_fold, description, metadata, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		m.ID, m.OrganizationID, m.OwnerID, m.Name, fold(m.Name), m.Description, object(m.Metadata), m.Version,
		micros(m.CreatedAt), micros(m.UpdatedAt))
	if err != nil {
		return err
	}
	if err := t.addTerms(ctx, m.OrganizationID, "team", m.ID, m.Name, m.Description); err != nil {
		return err
	}
	return t.countObject(ctx, m.OrganizationID, "team", 1)
}

// UpdateTeam changes a team by change, which sees it as it is stored, and
// returns it as it then is. Ids, creation and deletion are not change's to
// alter.
func (t *Tx) UpdateTeam(ctx context.Context, org, id belay.ID, now time.Time, change func(*belay.Team) error) (*belay.Team, error) {
	before, err := one(ctx, t.Reader, scanTeam, selectTeam+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "team")
	}
	m := new(*before)
	if err := change(m); err != nil {
		return nil, err
	}
	m.ID, m.OrganizationID, m.CreatedAt, m.DeletedAt = before.ID, before.OrganizationID, before.CreatedAt, before.DeletedAt
	m.Version, m.UpdatedAt = before.Version+1, now
	err = t.exec(ctx, `
		update teams set name = $4, name_fold = $5, description = $6, metadata = $7, version = $8, updated_at = $9, owner_id = $10
		where organization_id = $1 and id = $2 and version = $3 and deleted_at = 0`,
		org, id, before.Version, m.Name, fold(m.Name), m.Description, object(m.Metadata), m.Version, micros(now), m.OwnerID)
	if err != nil {
		return nil, overtaken(err)
	}
	return m, t.setTerms(ctx, org, "team", id, []string{before.Name, before.Description}, []string{m.Name, m.Description})
}

// DeleteTeam deletes a team softly: it can be restored with its members and
// its roles.
func (t *Tx) DeleteTeam(ctx context.Context, org, id belay.ID, now time.Time) error {
	if err := t.seize(ctx, "teams", org, id); err != nil {
		return err
	}
	err := t.exec(ctx, `
		update teams set deleted_at = $3, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at = 0`, org, id, micros(now))
	if err != nil {
		return notFound(err, "team")
	}
	t.accessChanged(org)
	return t.countObject(ctx, org, "team", -1)
}

// RestoreTeam takes back a deletion.
func (t *Tx) RestoreTeam(ctx context.Context, org, id belay.ID, now time.Time) (*belay.Team, error) {
	err := t.exec(ctx, `
		update teams set deleted_at = 0, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at > 0`, org, id, micros(now))
	if err != nil {
		return nil, notFound(err, "deleted team")
	}
	t.accessChanged(org)
	if err := t.countObject(ctx, org, "team", 1); err != nil {
		return nil, err
	}
	return t.Team(ctx, org, id)
}
