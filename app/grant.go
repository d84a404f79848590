package app

import (
	"context"
	"slices"

	"belay"
	"belay/store"
)

// GrantedTeam is a team with its role in a workspace.
type GrantedTeam struct {
	*Team
	Grant belay.Grant // zero for one that has none
}

// GrantedUser is a member of the organization with the role that he has in a
// workspace by himself.
type GrantedUser struct {
	*belay.Member
	Grant belay.Grant // zero for one who has none
}

// WorkspaceTeams lists the teams that have a role in a workspace, or with
// assigned false those that could be given one.
func (a *App) WorkspaceTeams(ctx context.Context, org, id belay.ID, assigned bool, q belay.Query) (belay.Page[GrantedTeam], error) {
	c, err := a.seesGrants(ctx, org, id, assigned, belay.PermissionTeamRead)
	if err != nil {
		return belay.Page[GrantedTeam]{}, err
	}
	f := belay.TeamFilter{WorkspaceID: id}
	if !assigned {
		f = belay.TeamFilter{NotInWorkspaceID: id}
	}
	page, err := a.store.Teams(ctx, c.viewer(), f, q)
	if err != nil {
		return belay.Page[GrantedTeam]{}, err
	}
	grants, err := a.store.TeamGrants(ctx, c.org, id, idsOf(page.Items, func(t *belay.Team) belay.ID { return t.ID })...)
	return mapPage(page, func(t *belay.Team) GrantedTeam { return GrantedTeam{c.team(t), grants[t.ID]} }), err
}

// WorkspaceUsers lists the users who have a role in a workspace by
// themselves, or with assigned false those who could be given one.
func (a *App) WorkspaceUsers(ctx context.Context, org, id belay.ID, assigned bool, q belay.Query) (belay.Page[GrantedUser], error) {
	c, err := a.seesGrants(ctx, org, id, assigned, belay.PermissionMemberRead)
	if err != nil {
		return belay.Page[GrantedUser]{}, err
	}
	f := belay.MemberFilter{WorkspaceID: id}
	if !assigned {
		f = belay.MemberFilter{NotInWorkspaceID: id}
	}
	page, err := a.store.Members(ctx, c.org, f, q)
	if err != nil {
		return belay.Page[GrantedUser]{}, err
	}
	grants, err := a.store.UserGrants(ctx, c.org, id, idsOf(page.Items, memberID)...)
	return mapPage(page, func(m *belay.Member) GrantedUser { return GrantedUser{m, grants[m.ID]} }), err
}

// seesGrants finds the workspace of which somebody wants to see who has a
// role in it. Who has none belongs to the organization, of which a token
// needs its own scope to tell.
func (a *App) seesGrants(ctx context.Context, org, id belay.ID, assigned bool, others belay.Permission) (caller, error) {
	c, _, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceRead)
	if err == nil && !assigned {
		err = inScope(c.Principal, others)
	}
	return c, err
}

// SetGrant gives a team or a member of the organization a role in a
// workspace, in place of the one that it has: it is in force with the very
// next request. Without a role it keeps the one that it has, else it becomes
// an operator.
func (a *App) SetGrant(ctx context.Context, org belay.ID, g belay.Grant) (belay.Grant, error) {
	c, _, err := a.findWorkspace(ctx, org, g.WorkspaceID, belay.PermissionWorkspaceAssign)
	if err != nil {
		return g, err
	}
	if g.Role != belay.RoleNone && !slices.Contains(belay.Roles(), g.Role) {
		return g, belay.Invalid("/role", "must be viewer, operator, editor or admin")
	}
	g.ID, g.CreatedAt = a.newID(), a.now()
	stored := g
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		to := g
		if to.Role == belay.RoleNone {
			if to.Role, err = roleBefore(ctx, tx, c.org, g); err != nil {
				return err
			}
		}
		stored, err = tx.SetGrant(ctx, c.org, to)
		return err
	})
	return stored, err
}

// roleBefore is the role that is granted already, else operator.
func roleBefore(ctx context.Context, tx *store.Tx, org belay.ID, g belay.Grant) (belay.Role, error) {
	read, id := tx.UserGrants, g.UserID
	if g.TeamID != "" {
		read, id = tx.TeamGrants, g.TeamID
	}
	before, err := read(ctx, org, g.WorkspaceID, id)
	if role := before[id].Role; role != belay.RoleNone {
		return role, err
	}
	return belay.RoleOperator, err
}

// RemoveGrant takes the role of a team or a user in a workspace away. Doing
// it twice changes nothing.
func (a *App) RemoveGrant(ctx context.Context, org belay.ID, g belay.Grant) error {
	c, _, err := a.findWorkspace(ctx, org, g.WorkspaceID, belay.PermissionWorkspaceAssign)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RemoveGrant(ctx, c.org, g)
		return err
	})
}
