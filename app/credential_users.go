package app

import (
	"context"

	"belay"
	"belay/store"
)

// users are the connections that use a credential.
type users struct {
	all     []belay.ID
	visible []*belay.Connection // to the caller, the first maxNamedUsers of them
	hidden  int                 // from the caller
	foreign int                 // that the caller may not change
}

// maxNamedUsers is how many users of something are named where it is refused
// to delete it.
const maxNamedUsers = 20

func usersOf(ctx context.Context, tx *store.Tx, c caller, credential belay.ID) (users, error) {
	var u users
	all := belay.Viewer{OrganizationID: c.org, All: true}
	q := belay.Query{Size: belay.MaxPageSize}
	for {
		page, err := tx.Connections(ctx, all, belay.ConnectionFilter{CredentialID: credential}, q)
		if err != nil {
			return u, err
		}
		ids := idsOf(page.Items, func(v *belay.Connection) belay.ID { return v.ID })
		roles, err := c.roles(ctx, tx.ConnectionRoles, ids)
		if err != nil {
			return u, err
		}
		for _, v := range page.Items {
			u.add(v, c.standing(v.OwnerID, roles[v.ID]))
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return u, nil
		}
	}
}

func (u *users) add(v *belay.Connection, s belay.Standing) {
	u.all = append(u.all, v.ID)
	switch {
	case !s.Has(belay.PermissionConnectionRead):
		u.hidden++
	case len(u.visible) < maxNamedUsers:
		u.visible = append(u.visible, v)
	}
	if !s.Has(belay.PermissionConnectionWrite) {
		u.foreign++
	}
}

// inUse is the refusal to delete a credential, with the names of those of
// its users that the caller sees.
func (u *users) inUse(v *belay.Credential) error {
	e := belay.Errorf(belay.CodeInUse, "%q is used by %s", v.Name, u)
	for _, k := range u.visible {
		e.Fields = append(e.Fields, belay.Field{Pointer: "/connections/" + string(k.ID), Message: k.Name})
	}
	if u.foreign > 0 {
		e.Remedy = []belay.Remedy{{
			ID: "permission.ask", Title: "Ask an administrator",
			Description: "You may not change all of the connections that use it. An administrator of the organization can take it off them.",
		}}
		return e
	}
	e.Remedy = []belay.Remedy{{
		ID: "credential.detach", Title: "Detach and delete",
		Description: "Takes the credential off every connection that uses it, then deletes it. They cannot authenticate until they get another.",
		Action:      &belay.RemedyAction{Method: "DELETE", Href: "/api/integrations/credentials?credentialId=" + string(v.ID) + "&detach=true"},
		Command:     "belay credential delete " + string(v.ID) + " --detach",
	}}
	return e
}

// String counts the users in words.
func (u *users) String() string {
	text := itoa(len(u.all)) + " connections"
	if len(u.all) == 1 {
		text = "one connection"
	}
	switch {
	case u.hidden == len(u.all):
		return text + " that you cannot see"
	case u.hidden > 0:
		return text + ", " + itoa(u.hidden) + " of which you cannot see"
	}
	return text
}
