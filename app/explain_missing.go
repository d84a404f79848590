package app

import (
	"context"

	"belay"
)

// missing is the first step that lacks on the way to what was asked for;
// reached tells that there is a way to the object itself.
func (e *explaining) missing(ctx context.Context, reached bool) (*Missing, error) {
	if e.self && e.asker.Bound() {
		return missingToken("through its workspace or environment the " + e.noun + " cannot be reached like this"), nil
	}
	needed, given := neededRole(e.Permission)
	switch {
	case !given:
		return &Missing{"organization", belay.Remedy{
			ID: "access.administer", Title: "Administer the organization",
			Description: "No role in a workspace gives " + string(e.Permission) + "; administrators of the organization have it.",
		}}, nil
	case reached:
		return &Missing{"role", e.roleRemedy(needed)}, nil
	}
	inEnvironment, inWorkspace, err := e.app.store.Places(ctx, e.subject.org, e.Object)
	switch {
	case err != nil:
		return nil, err
	case !inEnvironment:
		return &Missing{"environment", belay.Remedy{
			ID: "connection.assign", Title: "Put the connection into an environment",
			Description: "No environment holds it, so that no workspace reaches it.",
			Command:     belay.CommandLine("belay", "connection", "assign", e.object.Name, "--environment") + " NAME",
		}}, nil
	case !inWorkspace:
		return &Missing{"workspace", e.workspaceRemedy()}, nil
	}
	return &Missing{"team", belay.Remedy{
		ID: "workspace.grant", Title: "Give a role in a workspace",
		Description: e.user.Email + " has no role in a workspace that reaches it, neither by himself nor by a team. The role " + string(needed) + " gives " + string(e.Permission) + ".",
		Action:      e.grantAction(needed),
	}}, nil
}

// neededRole is the weakest role in a workspace that gives a permission.
func neededRole(p belay.Permission) (belay.Role, bool) {
	for _, r := range belay.Roles() {
		if r.Has(p) {
			return r, true
		}
	}
	return belay.RoleNone, false
}

// roleRemedy is what to do where the role in the workspaces is too weak.
func (e *explaining) roleRemedy(needed belay.Role) belay.Remedy {
	r := belay.Remedy{
		ID: "workspace.role", Title: "Give a stronger role",
		Description: "The roles that " + e.user.Email + " has do not give " + string(e.Permission) + "; " + string(needed) + " in a workspace that reaches it does.",
		Action:      e.grantAction(needed),
	}
	if e.noun == "credential" {
		r.Description += " A credential that is assigned to no workspace, and only used by connections, can be seen and no more: assign it first."
	}
	return r
}

// workspaceRemedy is what to do where no workspace reaches the object.
func (e *explaining) workspaceRemedy() belay.Remedy {
	if e.noun == "credential" {
		return belay.Remedy{
			ID: "workspace.assign", Title: "Assign the credential to a workspace",
			Description: "It is assigned to none.",
			Action:      &belay.RemedyAction{Method: "POST", Href: "/api/workspaces/{workspaceId}/credentials/" + string(e.object.ID)},
		}
	}
	r := belay.Remedy{
		ID: "workspace.assign", Title: "Assign its environment to a workspace",
		Description: "No workspace has an environment that leads to it.",
	}
	if e.noun == "environment" {
		r.Action = &belay.RemedyAction{Method: "POST", Href: "/api/workspaces/{workspaceId}/environments/" + string(e.object.ID)}
	}
	return r
}

// grantAction gives the role to the user, where the workspace is known.
func (e *explaining) grantAction(needed belay.Role) *belay.RemedyAction {
	if e.noun != "workspace" {
		return nil
	}
	return &belay.RemedyAction{
		Method: "POST", Href: "/api/workspaces/" + string(e.object.ID) + "/users/" + string(e.user.ID),
		Body: map[string]string{"role": string(needed)},
	}
}
