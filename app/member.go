package app

import (
	"cmp"
	"context"
	"slices"

	"belay"
	"belay/store"
)

// Members lists who belongs to an organization, which every member sees:
// one cannot share with whom one does not know.
func (a *App) Members(ctx context.Context, org belay.ID, f belay.MemberFilter, q belay.Query) (belay.Page[*belay.Member], error) {
	c, err := a.authorize(ctx, org, belay.PermissionMemberRead)
	if err != nil {
		return belay.Page[*belay.Member]{}, err
	}
	for _, r := range f.Roles {
		if !slices.Contains(organizationRoles, r) {
			return belay.Page[*belay.Member]{}, belay.BadQuery("filter", "role must be owner, admin or member")
		}
	}
	viewer, err := a.viewerOf(ctx, c, named{workspaces: []belay.ID{f.WorkspaceID}})
	if err != nil {
		return belay.Page[*belay.Member]{}, err
	}
	return a.store.Members(ctx, viewer.OrganizationID, f, q)
}

var organizationRoles = []belay.OrganizationRole{belay.OrganizationOwner, belay.OrganizationAdmin, belay.OrganizationMember}

// Member returns one user of an organization.
func (a *App) Member(ctx context.Context, org, user belay.ID) (*belay.Member, error) {
	c, err := a.authorize(ctx, org, belay.PermissionMemberRead)
	if err != nil {
		return nil, err
	}
	return a.store.Member(ctx, c.org, user)
}

// ChangeMember gives a member of an organization another role in it, as an
// administrator. An owner is made and unmade only by an owner, and the last
// one stays. With a version other than 0 it does so only if that is still the
// version of his role.
func (a *App) ChangeMember(ctx context.Context, org, user belay.ID, version int64, role belay.OrganizationRole) (*belay.Member, error) {
	c, err := a.changesMembers(ctx, org, role)
	if err != nil {
		return nil, err
	}
	return a.setMember(ctx, c, user, func(_ context.Context, _ *store.Tx, before belay.Membership) (belay.OrganizationRole, error) {
		if before.Role == "" {
			return "", belay.NotFound("user")
		}
		if err := unchanged(version, before.Version); err != nil {
			return "", err
		}
		return role, c.mayMakeOwner(before.Role, role)
	})
}

// AddMember makes somebody a member of an organization, as an administrator
// of it and of another one to which that user belongs: others he does not
// know. Without a role it is the role member. Adding one who is there changes
// nothing, or his role.
func (a *App) AddMember(ctx context.Context, org, user belay.ID, role belay.OrganizationRole) (*belay.Member, error) {
	as := cmp.Or(role, belay.OrganizationMember)
	c, err := a.changesMembers(ctx, org, as)
	if err != nil {
		return nil, err
	}
	return a.setMember(ctx, c, user, func(ctx context.Context, tx *store.Tx, before belay.Membership) (belay.OrganizationRole, error) {
		switch {
		case before.Role == as || before.Role != "" && role == "":
			return "", nil
		case before.Role != "":
			return as, c.mayMakeOwner(before.Role, as)
		}
		if err := c.mayMakeOwner("", as); err != nil {
			return "", err
		}
		return as, c.administersElsewhere(ctx, tx, user)
	})
}

// changesMembers finds out who wants to give somebody a role.
func (a *App) changesMembers(ctx context.Context, org belay.ID, role belay.OrganizationRole) (caller, error) {
	c, err := a.administers(ctx, org, belay.PermissionMemberWrite)
	if err != nil {
		return c, err
	}
	if !slices.Contains(organizationRoles, role) {
		return c, belay.Invalid("/role", "must be owner, admin or member")
	}
	return c, nil
}

// setMember gives somebody the role that decide chooses, who sees what he is;
// "" leaves him as he is.
func (a *App) setMember(ctx context.Context, c caller, user belay.ID,
	decide func(ctx context.Context, tx *store.Tx, before belay.Membership) (belay.OrganizationRole, error),
) (m *belay.Member, err error) {
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, err := tx.Membership(ctx, c.org, user)
		if err != nil {
			return err
		}
		role, err := decide(ctx, tx, before)
		if err != nil {
			return err
		}
		if role != "" {
			if err := outgrown(ctx, tx, before, role); err != nil {
				return err
			}
			if err := tx.SetMembership(ctx, belay.Membership{OrganizationID: c.org, UserID: user, Role: role}, a.now()); err != nil {
				return err
			}
		}
		m, err = tx.Member(ctx, c.org, user)
		return err
	})
	a.gate.ForgetUser(user)
	return m, err
}

// outgrown makes void the links that somebody might not make any more when a
// member gets another role, or "" for none: the member's own, which would let
// their maker take over more than he could then, and all that he may have made
// where he administers no longer.
func outgrown(ctx context.Context, tx *store.Tx, before belay.Membership, role belay.OrganizationRole) error {
	if before.Role.Administers() && !role.Administers() {
		if err := tx.CancelInvitationsOf(ctx, before.OrganizationID); err != nil {
			return err
		}
	}
	return tx.CancelLinks(ctx, before.UserID)
}

// mayMakeOwner refuses an administrator who would make or unmake an owner:
// he could take the organization from those to whom it belongs.
func (c caller) mayMakeOwner(before, after belay.OrganizationRole) error {
	if before == after || c.Roles[c.org] == belay.OrganizationOwner {
		return nil
	}
	if before != belay.OrganizationOwner && after != belay.OrganizationOwner {
		return nil
	}
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "you may not do this: it needs the permission " + string(belay.PermissionMemberWrite) + " as an owner of the organization, whom only owners make and unmake",
		Remedy: []belay.Remedy{{
			ID: "organization.owner.ask", Title: "Ask an owner",
			Description: "An owner of the organization can do this.",
		}},
	}
}

// administersElsewhere refuses whoever administers no other organization to
// which a user belongs.
func (c caller) administersElsewhere(ctx context.Context, tx *store.Tx, user belay.ID) error {
	for _, org := range c.Organizations() {
		if org == c.org || !c.Roles[org].Administers() {
			continue
		}
		if _, err := tx.Member(ctx, org, user); !isNotFound(err) {
			return err
		}
	}
	return belay.NotFound("user")
}

// RemoveMember takes a user out of an organization, with his roles in its
// workspaces, his places in its teams and the tokens that are bound to it.
// What he owned stays, and administrators can give it to others. It takes an
// administrator, and an owner to remove an owner; everybody may leave. The
// last owner stays. With a version other than 0 it does so only if that is
// still the version of his role.
func (a *App) RemoveMember(ctx context.Context, org, user belay.ID, version int64) error {
	c, err := a.authorize(ctx, org, belay.PermissionMemberWrite)
	if err != nil {
		return err
	}
	if user != c.UserID {
		if err := c.requireAdmin(belay.PermissionMemberWrite); err != nil {
			return err
		}
	}
	defer a.gate.ForgetUser(user)
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, err := tx.Membership(ctx, c.org, user)
		if err != nil {
			return err
		}
		if before.Role == "" {
			return belay.NotFound("user")
		}
		if err := unchanged(version, before.Version); err != nil {
			return err
		}
		if user != c.UserID {
			if err := c.mayMakeOwner(before.Role, ""); err != nil {
				return err
			}
		}
		if err := outgrown(ctx, tx, before, ""); err != nil {
			return err
		}
		return tx.RemoveMember(ctx, c.org, user)
	})
}

// Transfer gives everything that somebody owns in an organization to one of
// its members, as an administrator, and returns how many objects those were
// of each sort. He who owned it may have been removed by then.
func (a *App) Transfer(ctx context.Context, org, from, to belay.ID) (moved map[string]int64, err error) {
	c, err := a.administers(ctx, org, belay.PermissionMemberWrite)
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		moved, err = tx.Transfer(ctx, c.org, from, to, a.now())
		return about("/to", err)
	})
	return moved, err
}
