package app

import (
	"context"
	"slices"

	"belay"
	"belay/store"
)

// users are the connections that use a credential, as the caller sees them.
type users store.CredentialUsers

// maxNamedUsers is how many users of something are named where it is refused
// to delete it.
const maxNamedUsers = 20

// sight is what the caller sees of the connections, and may change.
func (c caller) sight() store.Sight {
	with := func(p belay.Permission) []belay.Role {
		return slices.DeleteFunc(belay.Roles(), func(r belay.Role) bool { return !r.Has(p) })
	}
	return store.Sight{Viewer: c.viewer(), Readers: with(belay.PermissionConnectionRead), Writers: with(belay.PermissionConnectionWrite)}
}

// mayDetach refuses to delete a credential that connections use, unless it is
// to be taken off them first and the caller may change all of them. It is
// asked before the transaction, which it would keep long for many users.
func (a *App) mayDetach(ctx context.Context, c caller, v *belay.Credential, asked bool) error {
	found, err := a.store.CredentialUsers(ctx, c.sight(), v.ID, maxNamedUsers)
	if err != nil || found.Total == 0 {
		return err
	}
	if !asked || found.Foreign > 0 || !c.InScope(belay.PermissionConnectionWrite) {
		u := users(found)
		return u.inUse(v)
	}
	return nil
}

// deleteUnused deletes a credential that nothing uses; with detach it is
// taken off its users first, if they are no more than one transaction takes.
// When there are more it is taken off some, which is kept, and left is true.
// When there are users of which it may not take it, that is
// CodePreconditionFailed.
func (a *App) deleteUnused(ctx context.Context, c caller, id belay.ID, version int64, detach bool) (left bool, err error) {
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.CredentialToDelete(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, v.Version); err != nil {
			return err
		}
		n := 0
		if detach {
			if n, err = tx.DetachCredential(ctx, c.sight(), id, a.now()); err != nil {
				return err
			}
		}
		if left, err = tx.CredentialInUse(ctx, c.org, id); err != nil {
			return err
		}
		switch {
		case !left:
			return tx.DeleteCredential(ctx, c.org, id, a.now())
		case n < store.DetachLimit:
			return outdated()
		}
		return nil
	})
	return left, err
}

// inUse is the refusal to delete a credential, with the names of those of
// its users that the caller sees.
func (u *users) inUse(v *belay.Credential) error {
	e := belay.Errorf(belay.CodeInUse, "%q is used by %s", v.Name, u)
	for _, k := range u.Named {
		e.Fields = append(e.Fields, belay.Field{Pointer: "/connections/" + string(k.ID), Message: k.Name})
	}
	if u.Foreign > 0 {
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
		Command:     belay.CommandLine("belay", "credential", "delete", v.Name, "--detach"),
	}}
	return e
}

// String counts the users in words.
func (u *users) String() string {
	text := itoa(u.Total) + " connections"
	if u.Total == 1 {
		text = "one connection"
	}
	switch {
	case u.Hidden == u.Total:
		return text + " that you cannot see"
	case u.Hidden > 0:
		return text + ", " + itoa(u.Hidden) + " of which you cannot see"
	}
	return text
}
