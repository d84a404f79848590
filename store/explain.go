package store

import (
	"context"

	"belay"
)

// AccessPath is one way by which a user reaches an object: through a team,
// if he has not the role himself, to a workspace, and on to what it holds.
type AccessPath struct {
	TeamID        belay.ID // "" for a role of his own
	WorkspaceID   belay.ID
	EnvironmentID belay.ID // "" where the workspace reaches the object at once
	ConnectionID  belay.ID // that uses a credential; "" where none is needed
	Role          belay.Role
}

// Object names one object by its id; the others are "".
type Object struct {
	WorkspaceID, EnvironmentID, ConnectionID, CredentialID belay.ID
}

// maxPaths is how many ways are looked at: the strongest.
const maxPaths = 50

// granted joins the workspaces of an organization ($1) with the roles that a
// user ($2) has there, himself and by his teams.
const granted = ` from (
		select wu.workspace_id, wu.role, '' as team_id from workspace_users wu where wu.user_id = $2
		union all
		select wt.workspace_id, wt.role, tu.team_id from team_users tu
		join teams t on t.id = tu.team_id and t.deleted_at = 0
		join workspace_teams wt on wt.team_id = tu.team_id where tu.user_id = $2
	) as g
	join workspaces w on w.id = g.workspace_id and w.deleted_at = 0 and coalesce(w.organization_id, '') = $1`

// toEnvironments leads from workspaces on to their environments.
const toEnvironments = `
	join workspace_environments we on we.workspace_id = w.id
	join environments e on e.id = we.environment_id and e.deleted_at = 0`

// AccessPaths returns by which ways a user reaches an object, the strongest
// role first, at most maxPaths of them.
func (r Reader) AccessPaths(ctx context.Context, org, user belay.ID, o Object) ([]AccessPath, error) {
	const environment = toEnvironments + " join environment_connections ec on ec.environment_id = e.id"
	var query string
	var id belay.ID
	switch {
	case o.WorkspaceID != "":
		query, id = "select g.team_id, w.id as workspace_id, '' as environment_id, '' as connection_id, g.role"+granted+" where w.id = $3", o.WorkspaceID
	case o.EnvironmentID != "":
		query, id = "select g.team_id, w.id as workspace_id, e.id as environment_id, '' as connection_id, g.role"+granted+toEnvironments+
			" where e.id = $3", o.EnvironmentID
	case o.ConnectionID != "":
		query, id = "select g.team_id, w.id as workspace_id, e.id as environment_id, '' as connection_id, g.role"+granted+environment+
			" where ec.connection_id = $3", o.ConnectionID
	default:
		query, id = "select g.team_id, w.id as workspace_id, '' as environment_id, '' as connection_id, g.role as role"+granted+
			" join workspace_credentials wc on wc.workspace_id = w.id where wc.credential_id = $3"+
			" union all select g.team_id, w.id, e.id, ec.connection_id, 'viewer'"+granted+environment+`
			join connections c on c.id = ec.connection_id and c.deleted_at = 0
			join connection_credentials cc on cc.connection_id = c.id where cc.credential_id = $3`, o.CredentialID
	}
	return all(ctx, r, func(r row) (AccessPath, error) {
		var p AccessPath
		err := r.Scan(&p.TeamID, &p.WorkspaceID, &p.EnvironmentID, &p.ConnectionID, &p.Role)
		return p, err
	}, "select team_id, workspace_id, environment_id, connection_id, role from ("+query+") as p order by "+rank+
		" desc, environment_id, workspace_id, team_id limit "+placeholder(4), org, user, id, maxPaths)
}

// Places tells how far an object is on its way to people: whether an
// environment holds it, and whether a workspace reaches it.
func (r Reader) Places(ctx context.Context, org belay.ID, o Object) (environment, workspace bool, err error) {
	const reaching = ` join workspace_environments we on we.environment_id = e.id
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0`
	exists := func(query string, id belay.ID) bool {
		if err != nil {
			return false
		}
		var found []belay.ID
		found, err = all(ctx, r, scanID, query+" limit 1", org, id)
		return len(found) > 0
	}
	const held = `select e.id from environment_connections ec
		join environments e on e.id = ec.environment_id and e.deleted_at = 0 and e.organization_id = $1`
	switch {
	case o.WorkspaceID != "":
		return true, true, nil
	case o.EnvironmentID != "":
		return true, exists("select e.id from environments e"+reaching+" where e.organization_id = $1 and e.id = $2", o.EnvironmentID), err
	case o.ConnectionID != "":
		environment = exists(held+" where ec.connection_id = $2", o.ConnectionID)
		return environment, exists(held+reaching+" where ec.connection_id = $2", o.ConnectionID), err
	}
	workspace = exists(`select w.id from workspace_credentials wc
		join workspaces w on w.id = wc.workspace_id and w.deleted_at = 0 and w.organization_id = $1 where wc.credential_id = $2`, o.CredentialID)
	return true, workspace, err
}
