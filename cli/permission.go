package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"belay"
)

// permission is whether the caller may do something in an organization.
type permission struct {
	Name    belay.Permission `json:"permission"`
	May     string           `json:"may"` // yes, no, or partly: on some objects
	Because string           `json:"because"`
}

// showPermissions shows what the caller may do, as the policy of the server
// and the scopes of his token have it.
func (in *invocation) showPermissions(ctx context.Context, me item) error {
	org, role, err := in.roleHere(ctx, me)
	if err != nil {
		return err
	}
	var scopes []string
	list, limited := me.at("authentication.scopes").([]any)
	for _, s := range list {
		scopes = append(scopes, textOf(s))
	}
	var rows []permission
	var items []item
	for _, p := range belay.Permissions() {
		row := permissionOf(p, role)
		if limited && !slices.Contains(scopes, string(p)) {
			row = permission{p, "no", "the token lacks this scope"}
		}
		rows = append(rows, row)
		items = append(items, item{fields: map[string]any{"permission": string(p), "may": row.May, "because": row.Because}})
	}
	raw, err := json.Marshal(map[string]any{"organizationId": org, "role": role, "permissions": rows})
	if err != nil {
		return fmt.Errorf("show the permissions: %w", err)
	}
	return in.show(document{
		raw: raw, items: items, noun: "permission", called: func(it item) string { return it.text("permission") },
		columns: []column{field("PERMISSION", "permission"), mayColumn(), field("BECAUSE", "because")},
	})
}

func mayColumn() column {
	tones := map[string]tone{"yes": good, "partly": warning, "no": bad}
	return column{title: "MAY", cell: func(it item, _ view) cell {
		may := it.text("may")
		return cell{text: may, tone: tones[may]}
	}}
}

// roleHere is the caller's role in the organization in effect.
func (in *invocation) roleHere(ctx context.Context, me item) (string, belay.OrganizationRole, error) {
	roles, _ := me.at("organizationRoles").(map[string]any)
	org, err := in.organizationID(ctx)
	if err != nil {
		return "", "", err
	}
	if org == "" && len(roles) != 1 {
		return "", "", usage("you belong to %d organizations", len(roles)).withHelp("name one: --org NAME", "see: belay organization list")
	}
	for id := range roles {
		if org == "" {
			org = id
		}
	}
	return org, belay.OrganizationRole(textOf(roles[org])), nil
}

// permissionOf is what a role in the organization gives. Administrators may
// do everything; others what they own, what workspaces give them, and what
// everybody may.
func permissionOf(p belay.Permission, role belay.OrganizationRole) permission {
	if p.Own() {
		return permission{p, "yes", "it is about your own"}
	}
	if role.Administers() {
		return permission{p, "yes", "you are " + string(role) + " of the organization"}
	}
	switch p {
	case belay.PermissionOrganizationRead, belay.PermissionUserRead, belay.PermissionMemberRead, belay.PermissionTeamRead, belay.PermissionKindRead:
		return permission{p, "yes", "every member may"}
	case belay.PermissionMemberWrite:
		return permission{p, "partly", "you may leave"}
	case belay.PermissionTeamWrite:
		return permission{p, "partly", "with the teams that you own, and you may leave any"}
	}
	for _, r := range belay.Roles() {
		if r.Has(p) {
			return permission{p, "partly", "with what you own, and where you are " + string(r) + " of a workspace, or more"}
		}
	}
	return permission{p, "no", "only administrators of the organization may"}
}
