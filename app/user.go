package app

import (
	"context"

	"belay"
)

// Me is who the caller is.
type Me struct {
	*belay.User
	Principal *belay.Principal
}

// WhoAmI returns the caller.
func (a *App) WhoAmI(ctx context.Context) (*Me, error) {
	principal, err := authenticated(ctx, belay.PermissionUserRead)
	if err != nil {
		return nil, err
	}
	u, err := a.store.User(ctx, principal.UserID)
	return &Me{User: u, Principal: principal}, err
}

// Organizations lists the organizations that the caller belongs to: one,
// when his token is bound to it.
func (a *App) Organizations(ctx context.Context, q belay.Query) (belay.Page[*belay.Organization], error) {
	principal, err := authenticated(ctx, belay.PermissionOrganizationRead)
	if err != nil {
		return belay.Page[*belay.Organization]{}, err
	}
	return a.store.OrganizationsOf(ctx, principal.UserID, principal.OrganizationID, q)
}

// Organization returns one organization to which the caller belongs.
func (a *App) Organization(ctx context.Context, id belay.ID) (*belay.Organization, error) {
	c, err := a.authorize(ctx, id, belay.PermissionOrganizationRead)
	if err != nil {
		return nil, err
	}
	return a.store.Organization(ctx, c.org)
}
