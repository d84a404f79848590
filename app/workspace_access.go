package app

import (
	"context"
	"slices"

	"belay"
)

// ConnectionAccess is what somebody may do with a connection of a workspace,
// and every way by which he may.
type ConnectionAccess struct {
	*belay.Connection
	Permissions []belay.Permission
	Because     [][]Step // without the user and the connection themselves
}

// access is what one user has in one workspace, as somebody sees it.
type access struct {
	asker     rights
	member    *belay.Member
	workspace *Workspace
	direct    belay.Role
	teams     []*belay.Team
	grants    map[belay.ID]belay.Grant // of the teams
}

// WorkspaceAccess lists, for each connection that a workspace reaches and the
// caller sees, what a user may do with it by what he has in this workspace, owns, or is in the
// organization. Everybody sees his own; that of others, who may assign.
// Without a user it is the caller's.
func (a *App) WorkspaceAccess(ctx context.Context, org, id, user belay.ID, q belay.Query) (belay.Page[*ConnectionAccess], error) {
	var none belay.Page[*ConnectionAccess]
	c, w, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceRead)
	if err != nil {
		return none, err
	}
	if user == "" {
		user = c.UserID
	}
	if err := c.maySeeAccess(w, user); err != nil {
		return none, err
	}
	x, err := a.accessOf(ctx, c, w, user)
	if err != nil {
		return none, err
	}
	page, err := a.store.Connections(ctx, c.viewer(), belay.ConnectionFilter{WorkspaceID: id}, q)
	if err != nil {
		return none, err
	}
	through, err := a.store.EnvironmentsThrough(ctx, c.org, id, idsOf(page.Items, func(v *belay.Connection) belay.ID { return v.ID })...)
	return mapPage(page, func(v *belay.Connection) *ConnectionAccess { return x.to(v, through[v.ID]) }), err
}

func (c caller) maySeeAccess(w *Workspace, user belay.ID) error {
	if user == c.UserID || slices.Contains(w.Actions, belay.PermissionWorkspaceAssign) {
		return nil
	}
	if err := inScope(c.Principal, belay.PermissionWorkspaceAssign); err != nil {
		return err
	}
	return forbidden(belay.PermissionWorkspaceAssign)
}

// accessOf reads what a member of the organization has in a workspace.
func (a *App) accessOf(ctx context.Context, c caller, w *Workspace, user belay.ID) (access, error) {
	x := access{workspace: w}
	var err error
	if x.asker, err = a.rights(ctx, c); err != nil {
		return x, err
	}
	if x.member, err = a.store.Member(ctx, c.org, user); err != nil {
		return x, err
	}
	direct, err := a.store.UserGrants(ctx, c.org, w.ID, user)
	if err != nil {
		return x, err
	}
	x.direct = direct[user].Role
	everything := belay.Viewer{OrganizationID: c.org, All: true}
	for q := (belay.Query{Size: belay.MaxPageSize}); ; {
		page, err := a.store.Teams(ctx, everything, belay.TeamFilter{WorkspaceID: w.ID, UserID: user}, q)
		if err != nil {
			return x, err
		}
		x.teams = append(x.teams, page.Items...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	x.grants, err = a.store.TeamGrants(ctx, c.org, w.ID, idsOf(x.teams, func(t *belay.Team) belay.ID { return t.ID })...)
	return x, err
}

// to is what he who has that access may do with one connection, which some
// environments of the workspace hold.
func (x access) to(v *belay.Connection, environments []*belay.Environment) *ConnectionAccess {
	out := &ConnectionAccess{Connection: v, Permissions: []belay.Permission{}, Because: [][]Step{}}
	s := belay.Standing{Owner: v.OwnerID == x.member.ID, Admin: x.member.Role.Administers()}
	if s.Admin {
		out.Because = append(out.Because, []Step{{Type: "organization", ID: v.OrganizationID, Role: string(x.member.Role)}})
	}
	if s.Owner {
		out.Because = append(out.Because, []Step{{Type: "connection", ID: v.ID, Name: v.Name, Role: "owner"}})
	}
	for _, e := range environments {
		environment := x.through(e)
		workspace := func(role belay.Role) Step {
			return Step{Type: "workspace", ID: x.workspace.ID, Name: x.workspace.Name, Role: string(role)}
		}
		for _, t := range x.teams {
			role := x.grants[t.ID].Role
			s.Roles = append(s.Roles, role)
			out.Because = append(out.Because, []Step{{Type: "team", ID: t.ID, Name: t.Name}, workspace(role), environment})
		}
		if x.direct != belay.RoleNone {
			s.Roles = append(s.Roles, x.direct)
			out.Because = append(out.Because, []Step{workspace(x.direct), environment})
		}
	}
	for _, p := range []belay.Permission{belay.PermissionConnectionRead, belay.PermissionConnectionUse, belay.PermissionConnectionWrite} {
		if s.Has(p) {
			out.Permissions = append(out.Permissions, p)
		}
	}
	return out
}

// through is the step over an environment, which the asker may not see.
func (x access) through(e *belay.Environment) Step {
	if !x.asker.toEnvironment(e).Has(belay.PermissionEnvironmentRead) {
		return Step{Type: "environment", Hidden: true}
	}
	return Step{Type: "environment", ID: e.ID, Name: e.Name}
}
