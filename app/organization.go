package app

import (
	"context"
	"slices"

	"belay"
	"belay/store"
)

// OrganizationChange is what a client wants an organization to be; nil leaves
// a field as it is.
type OrganizationChange struct {
	Name        *string
	Description *string
	Country     *string
	Region      *string
}

func (ch OrganizationChange) apply(o *belay.Organization) error {
	var p problems
	set(&o.Description, ch.Description)
	set(&o.Country, ch.Country)
	set(&o.Region, ch.Region)
	p.rename(&o.Name, ch.Name, maxOrganizationName)
	p.text("/description", o.Description, maxOrganizationDescription)
	p.text("/country", o.Country, maxPlace)
	p.text("/region", o.Region, maxPlace)
	return p.err()
}

// DeletedOrganizations lists the organizations that the caller can restore.
func (a *App) DeletedOrganizations(ctx context.Context, q belay.Query) (belay.Page[*belay.Organization], error) {
	principal, err := authenticated(ctx, belay.PermissionOrganizationRead)
	if err != nil {
		return belay.Page[*belay.Organization]{}, err
	}
	whose := principal.UserID
	if principal.OrganizationID != "" {
		whose = "" // a token that is bound to an organization sees no other
	}
	return a.store.DeletedOrganizations(ctx, whose, q)
}

// CreateOrganization makes an organization, owned by the caller, who must own
// one already.
func (a *App) CreateOrganization(ctx context.Context, ch OrganizationChange) (*belay.Organization, error) {
	principal, err := authenticated(ctx, belay.PermissionOrganizationWrite)
	if err != nil {
		return nil, err
	}
	if principal.OrganizationID != "" {
		return nil, boundToOrganization()
	}
	owns := func(org belay.ID) bool { return principal.Roles[org] == belay.OrganizationOwner }
	if !slices.ContainsFunc(principal.Organizations(), owns) {
		return nil, ownersOnly("creates another")
	}
	now := a.now()
	o := &belay.Organization{ID: a.newID(), OwnerID: principal.UserID, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := ch.apply(o); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, caller{Principal: principal}, o.ID, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateOrganization(ctx, o); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: o.ID, UserID: o.OwnerID, Role: belay.OrganizationOwner}, now)
	})
	a.gate.ForgetUser(principal.UserID)
	if err != nil || id != o.ID {
		return replayed(err, func() (*belay.Organization, error) { return a.store.Organization(ctx, id) })
	}
	return o, nil
}

// boundToOrganization refuses what leads out of the organization that a token
// is for.
func boundToOrganization() error {
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "the token that was used is for one organization only, and this is about another",
		Remedy: []belay.Remedy{{
			ID: "token.binding", Title: "Use another token",
			Description: "A token that is not bound to an organization can do this, if its user may.",
		}},
	}
}

func ownersOnly(does string) error {
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "you may not do this: it needs the permission " + string(belay.PermissionOrganizationWrite) + " as an owner; only an owner of an organization " + does,
		Remedy: []belay.Remedy{{
			ID: "organization.owner.ask", Title: "Ask an owner",
			Description: "An owner of the organization can do this.",
		}},
	}
}

// UpdateOrganization changes an organization, as one who administers it. With
// a version other than 0 it does so only if that is still its version.
func (a *App) UpdateOrganization(ctx context.Context, id belay.ID, version int64, ch OrganizationChange) (o *belay.Organization, err error) {
	c, err := a.administers(ctx, id, belay.PermissionOrganizationWrite)
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		o, err = tx.UpdateOrganization(ctx, c.org, a.now(), func(o *belay.Organization) error {
			if err := unchanged(version, o.Version); err != nil {
				return err
			}
			return ch.apply(o)
		})
		return err
	})
	return o, err
}

// DeleteOrganization deletes an organization, as one of its owners: nobody
// reaches what is in it until one of them restores it. Who belongs to no
// other keeps it, since he could not restore it then.
func (a *App) DeleteOrganization(ctx context.Context, id belay.ID, version int64) error {
	c, err := a.authorize(ctx, id, belay.PermissionOrganizationWrite)
	if err != nil {
		return err
	}
	if c.Roles[c.org] != belay.OrganizationOwner {
		return ownersOnly("deletes it")
	}
	defer a.gate.forget(func(p *belay.Principal) bool { return p.Roles[c.org] != "" })
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		o, err := tx.Organization(ctx, c.org)
		if err != nil {
			return err
		}
		if err := unchanged(version, o.Version); err != nil {
			return err
		}
		others, err := tx.Memberships(ctx, c.UserID)
		if err != nil {
			return err
		}
		if len(others) < 2 {
			return belay.Errorf(belay.CodeConflict, "this is the only organization that you belong to; without one you could do nothing here")
		}
		return tx.DeleteOrganization(ctx, c.org, a.now())
	})
}

// RestoreOrganization takes back the deletion of an organization, as one of
// its owners. Restoring what is there changes nothing.
func (a *App) RestoreOrganization(ctx context.Context, id belay.ID) (o *belay.Organization, err error) {
	principal, err := authenticated(ctx, belay.PermissionOrganizationWrite)
	if err != nil {
		return nil, err
	}
	if role, ok := principal.Roles[id]; ok {
		if role != belay.OrganizationOwner {
			return nil, ownersOnly("restores it")
		}
		return a.store.Organization(ctx, id)
	}
	if principal.OrganizationID != "" {
		return nil, boundToOrganization()
	}
	defer a.gate.forget(func(*belay.Principal) bool { return true }) // of whom nobody remembers who belongs to it
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		o, err = tx.RestoreOrganization(ctx, id, principal.UserID, a.now())
		return err
	})
	return o, err
}
