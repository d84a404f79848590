package store

import (
	"context"

	"belay"
)

// Standing is what a user is to one object: its owner, and the roles in the
// workspaces that reach it.
type Standing struct {
	Owner bool
	Roles []belay.Role
}

// Has tells whether the standing gives a permission. What one owns one may
// do anything with.
func (s Standing) Has(p belay.Permission) bool {
	if s.Owner {
		return true
	}
	for _, r := range s.Roles {
		if r.Has(p) {
			return true
		}
	}
	return false
}

func (r Reader) standing(ctx context.Context, owner bool, query string, args ...any) (Standing, error) {
	roles, err := all(ctx, r, func(r row) (belay.Role, error) {
		var role belay.Role
		err := r.Scan(&role)
		return role, err
	}, query, args...)
	return Standing{Owner: owner, Roles: roles}, err
}

// ConnectionStanding is what a user is to a connection.
func (r Reader) ConnectionStanding(ctx context.Context, c *belay.Connection, user belay.ID) (Standing, error) {
	return r.standing(ctx, c.OwnerID == user, `
		select distinct wu.role from environment_connections ec
		join environments e on e.id = ec.environment_id and e.deleted_at = 0
		join workspace_environments we on we.environment_id = ec.environment_id
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join workspace_users wu on wu.workspace_id = we.workspace_id
		where ec.connection_id = $1 and wu.user_id = $2`, c.ID, user)
}

// EnvironmentStanding is what a user is to an environment.
func (r Reader) EnvironmentStanding(ctx context.Context, e *belay.Environment, user belay.ID) (Standing, error) {
	return r.standing(ctx, e.OwnerID == user, `
		select distinct wu.role from workspace_environments we
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join workspace_users wu on wu.workspace_id = we.workspace_id
		where we.environment_id = $1 and wu.user_id = $2`, e.ID, user)
}

// WorkspaceStanding is what a user is to a workspace.
func (r Reader) WorkspaceStanding(ctx context.Context, w *belay.Workspace, user belay.ID) (Standing, error) {
	return r.standing(ctx, w.OwnerID == user,
		"select role from workspace_users where workspace_id = $1 and user_id = $2", w.ID, user)
}

// CredentialStanding is what a user is to a credential: by the workspaces to
// which it is assigned, and as a viewer through the connections that use it.
func (r Reader) CredentialStanding(ctx context.Context, c *belay.Credential, user belay.ID) (Standing, error) {
	return r.standing(ctx, c.OwnerID == user, `
		select distinct wu.role from workspace_credentials wc
		join workspaces w on w.id = wc.workspace_id and w.deleted_at = 0
		join workspace_users wu on wu.workspace_id = wc.workspace_id
		where wc.credential_id = $1 and wu.user_id = $2
		union
		select 'viewer' from connection_credentials cc
		join connections c on c.id = cc.connection_id and c.deleted_at = 0
		join environment_connections ec on ec.connection_id = cc.connection_id
		join environments e on e.id = ec.environment_id and e.deleted_at = 0
		join workspace_environments we on we.environment_id = ec.environment_id
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join workspace_users wu on wu.workspace_id = we.workspace_id
		where cc.credential_id = $1 and wu.user_id = $2`, c.ID, user)
}
