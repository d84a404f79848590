package rest

import (
	"time"

	"belay"
	"belay/app"
)

// grantedTeam is a team with its role in a workspace. Its times are also
// spelled as Meshery publishes them here.
type grantedTeam struct {
	team
	Role         *belay.Role `json:"role"`
	GrantedAt    *time.Time  `json:"grantedAt"`
	CreatedAtToo time.Time   `json:"created_at"`
	UpdatedAtToo time.Time   `json:"updated_at"`
}

func newGrantedTeam(v app.GrantedTeam) grantedTeam {
	return grantedTeam{newTeam(v.Team), roleOf(v.Grant), when(v.Grant.CreatedAt), v.CreatedAt, v.UpdatedAt}
}

// grantedUser is a user with his role in a workspace.
type grantedUser struct {
	person
	Role             *belay.Role            `json:"role"`
	GrantedAt        *time.Time             `json:"grantedAt"`
	OrganizationRole belay.OrganizationRole `json:"organizationRole"`
}

func newGrantedUser(v app.GrantedUser) grantedUser {
	return grantedUser{newPerson(v.User), roleOf(v.Grant), when(v.Grant.CreatedAt), v.Member.Role}
}

// roleOf is a granted role on the wire: null where there is none.
func roleOf(g belay.Grant) *belay.Role {
	if g.Role == belay.RoleNone {
		return nil
	}
	return &g.Role
}

func (a *API) listWorkspaceTeams(r *request) (response, error) {
	org, id, q, err := r.listOf("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	var f assignedFilter
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.WorkspaceTeams(r.Context(), org, id, f.assigned(), q)
	return response{body: struct {
		snakePage
		Teams []grantedTeam `json:"teams"`
	}{snakeEnvelope(page), list(page, newGrantedTeam)}}, err
}

func (a *API) listWorkspaceUsers(r *request) (response, error) {
	org, id, q, err := r.listOf("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	var f assignedFilter
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.WorkspaceUsers(r.Context(), org, id, f.assigned(), q)
	return response{body: struct {
		pageOf
		Users []grantedUser `json:"users"`
	}{envelope(page), list(page, newGrantedUser)}}, err
}

// grant reads what giving a role takes.
func (r *request) grant(otherName, otherNoun string) (org, workspace, other belay.ID, role belay.Role, err error) {
	if org, workspace, err = r.object("workspaceId", "workspace"); err != nil {
		return org, workspace, other, role, err
	}
	if other, err = r.id(otherName, otherNoun); err != nil {
		return org, workspace, other, role, err
	}
	var b struct {
		Role belay.Role `json:"role"`
	}
	err = r.decode(&b)
	return org, workspace, other, b.Role, err
}

func (a *API) setTeamGrant(r *request) (response, error) {
	org, workspace, other, role, err := r.grant("teamId", "team")
	if err != nil {
		return response{}, err
	}
	g, err := a.app.SetGrant(r.Context(), org, belay.Grant{WorkspaceID: workspace, TeamID: other, Role: role})
	return response{body: struct {
		pageOf
		Mapping []mapping `json:"workspacesTeamsMapping"`
	}{one, []mapping{newGrantMapping(g)}}}, err
}

func (a *API) setUserGrant(r *request) (response, error) {
	org, workspace, other, role, err := r.grant("userId", "user")
	if err != nil {
		return response{}, err
	}
	g, err := a.app.SetGrant(r.Context(), org, belay.Grant{WorkspaceID: workspace, UserID: other, Role: role})
	return response{body: struct {
		pageOf
		Mapping []mapping `json:"workspacesUsersMapping"`
	}{one, []mapping{newGrantMapping(g)}}}, err
}

func newGrantMapping(g belay.Grant) mapping {
	return mapping{ID: g.ID, WorkspaceID: g.WorkspaceID, TeamID: g.TeamID, UserID: g.UserID, Role: g.Role, CreatedAt: g.CreatedAt, UpdatedAt: g.CreatedAt}
}

func (a *API) removeTeamGrant(r *request) (response, error) {
	org, workspace, other, err := r.pair("workspaceId", "workspace", "teamId", "team")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.RemoveGrant(r.Context(), org, belay.Grant{WorkspaceID: workspace, TeamID: other})
}

func (a *API) removeUserGrant(r *request) (response, error) {
	org, workspace, other, err := r.pair("workspaceId", "workspace", "userId", "user")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.RemoveGrant(r.Context(), org, belay.Grant{WorkspaceID: workspace, UserID: other})
}
