package store

import (
	"context"
	"errors"

	"belay"
)

// grantee is one side of what a workspace grants roles to.
type grantee struct {
	table, column string
	// holder is the table of those of the organization, and key the column
	// with their id; live says when one is there.
	holder, key, live string
	noun              string
}

var (
	teamGrantee = grantee{
		table: "workspace_teams", column: "team_id",
		holder: "teams", key: "id", live: " and h.deleted_at = 0", noun: "team",
	}
	userGrantee = grantee{
		table: "workspace_users", column: "user_id",
		holder: "memberships", key: "user_id", noun: "user",
	}
)

func granteeOf(g belay.Grant) (grantee, belay.ID) {
	if g.TeamID != "" {
		return teamGrantee, g.TeamID
	}
	return userGrantee, g.UserID
}

// SetGrant gives a team or a member of the organization a role in a
// workspace, in place of the one it has, and returns the grant as it is
// stored: with the id and the time of the first one.
func (t *Tx) SetGrant(ctx context.Context, org belay.ID, g belay.Grant) (belay.Grant, error) {
	e, id := granteeOf(g)
	err := t.exec(ctx, `
		insert into `+e.table+` (id, workspace_id, `+e.column+`, role, created_at)
		select cast($4 as text), w.id, h.`+e.key+`, cast($5 as text), cast($6 as bigint) from workspaces w, `+e.holder+` h
		where w.organization_id = $1 and w.id = $2 and w.deleted_at = 0
		and h.organization_id = $1 and h.`+e.key+` = $3`+e.live+t.keep("w, h", "")+`
		on conflict (workspace_id, `+e.column+`) do update set role = excluded.role`,
		org, g.WorkspaceID, id, g.ID, g.Role, micros(g.CreatedAt))
	if errors.Is(err, errNoRow) {
		if _, err := t.Workspace(ctx, org, g.WorkspaceID); err != nil {
			return g, err
		}
		return g, belay.NotFound(e.noun)
	}
	if err != nil {
		return g, err
	}
	t.accessChanged(org)
	stored, err := t.grants(ctx, e, org, g.WorkspaceID, []belay.ID{id})
	return stored[id], err
}

// RemoveGrant takes a role in a workspace away; changed is false when there
// was none.
func (t *Tx) RemoveGrant(ctx context.Context, org belay.ID, g belay.Grant) (changed bool, err error) {
	e, id := granteeOf(g)
	n, err := t.execAny(ctx, "delete from "+e.table+" where "+e.column+
		" = $3 and workspace_id in (select id from workspaces where organization_id = $1 and id = $2 and deleted_at = 0)", org, g.WorkspaceID, id)
	if n > 0 {
		t.accessChanged(org)
	}
	return n > 0, err
}

// TeamGrants returns the roles that some teams have in a workspace.
func (r Reader) TeamGrants(ctx context.Context, org, workspace belay.ID, teams ...belay.ID) (map[belay.ID]belay.Grant, error) {
	return r.grants(ctx, teamGrantee, org, workspace, teams)
}

// UserGrants returns the roles that some users have in a workspace by
// themselves, and not through a team.
func (r Reader) UserGrants(ctx context.Context, org, workspace belay.ID, users ...belay.ID) (map[belay.ID]belay.Grant, error) {
	return r.grants(ctx, userGrantee, org, workspace, users)
}

func (r Reader) grants(ctx context.Context, e grantee, org, workspace belay.ID, ids []belay.ID) (map[belay.ID]belay.Grant, error) {
	out := map[belay.ID]belay.Grant{}
	if len(ids) == 0 {
		return out, nil
	}
	var cond condition
	cond.add("w.organization_id = ?", org)
	cond.add("w.id = ?", workspace)
	cond.add("w.deleted_at = 0")
	cond.in("g."+e.column, texts(ids))
	found, err := all(ctx, r, func(r row) (belay.Grant, error) {
		g := belay.Grant{WorkspaceID: workspace}
		to := &g.UserID
		if e.column == "team_id" {
			to = &g.TeamID
		}
		err := r.Scan(&g.ID, to, &g.Role, stamp{&g.CreatedAt})
		return g, err
	}, "select g.id, g."+e.column+", g.role, g.created_at from "+e.table+" g join workspaces w on w.id = g.workspace_id"+cond.where(), cond.args...)
	for _, g := range found {
		_, id := granteeOf(g)
		out[id] = g
	}
	return out, err
}
