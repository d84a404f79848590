package store

import (
	"context"

	"belay"
)

// roles reads pairs of an object's id and a role in a workspace that reaches
// it.
func (r Reader) roles(ctx context.Context, query string, cond *condition) (map[belay.ID][]belay.Role, error) {
	type pair struct {
		id   belay.ID
		role belay.Role
	}
	pairs, err := all(ctx, r, func(r row) (pair, error) {
		var p pair
		err := r.Scan(&p.id, &p.role)
		return p, err
	}, query+cond.where(), cond.args...)
	out := map[belay.ID][]belay.Role{}
	for _, p := range pairs {
		out[p.id] = append(out[p.id], p.role)
	}
	return out, err
}

// grantedTo selects the roles of a user on some objects.
func (r Reader) grantedTo(user belay.ID, column string, ids []belay.ID) *condition {
	var cond condition
	cond.add("wu.user_id = ?", user)
	if len(ids) > belay.MaxPageSize {
		cond.add(column+" in (select value from "+r.elements("?")+")", jsonText{ids})
		return &cond
	}
	cond.in(column, texts(ids))
	return &cond
}

// ConnectionRoles returns, for each of some connections, the user's roles in
// the workspaces that reach it.
func (r Reader) ConnectionRoles(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return r.roles(ctx, `
		select distinct ec.connection_id, wu.role from environment_connections ec
		join environments e on e.id = ec.environment_id and e.deleted_at = 0
		join workspace_environments we on we.environment_id = ec.environment_id
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join grants wu on wu.workspace_id = we.workspace_id`, r.grantedTo(user, "ec.connection_id", ids))
}

// EnvironmentRoles returns, for each of some environments, the user's roles
// in the workspaces that reach it.
func (r Reader) EnvironmentRoles(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return r.roles(ctx, `
		select distinct we.environment_id, wu.role from workspace_environments we
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join grants wu on wu.workspace_id = we.workspace_id`, r.grantedTo(user, "we.environment_id", ids))
}

// WorkspaceRoles returns the user's role in each of some workspaces.
func (r Reader) WorkspaceRoles(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return r.roles(ctx, `
		select wu.workspace_id, wu.role from grants wu
		join workspaces w on w.id = wu.workspace_id and w.deleted_at = 0`, r.grantedTo(user, "wu.workspace_id", ids))
}

// CredentialRoles returns, for each of some credentials, the user's roles in
// the workspaces to which it is assigned; and the role of a viewer where
// only a connection that uses it is reached.
func (r Reader) CredentialRoles(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	assigned, err := r.roles(ctx, `
		select distinct wc.credential_id, wu.role from workspace_credentials wc
		join workspaces w on w.id = wc.workspace_id and w.deleted_at = 0
		join grants wu on wu.workspace_id = wc.workspace_id`, r.grantedTo(user, "wc.credential_id", ids))
	if err != nil {
		return nil, err
	}
	seen, err := r.roles(ctx, `
		select distinct cc.credential_id, 'viewer' from connection_credentials cc
		join connections c on c.id = cc.connection_id and c.deleted_at = 0
		join environment_connections ec on ec.connection_id = cc.connection_id
		join environments e on e.id = ec.environment_id and e.deleted_at = 0
		join workspace_environments we on we.environment_id = ec.environment_id
		join workspaces w on w.id = we.workspace_id and w.deleted_at = 0
		join grants wu on wu.workspace_id = we.workspace_id`, r.grantedTo(user, "cc.credential_id", ids))
	for id, roles := range seen {
		assigned[id] = append(assigned[id], roles...)
	}
	return assigned, err
}
