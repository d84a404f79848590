package rest

import (
	"runtime"
	"time"

	"belay"
	"belay/app"
)

type organization struct {
	ID          belay.ID   `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Country     string     `json:"country"`
	Region      string     `json:"region"`
	Owner       belay.ID   `json:"owner"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	DeletedAt   *time.Time `json:"deletedAt,omitempty"`
}

func newOrganization(o *belay.Organization) organization {
	return organization{
		ID: o.ID, Name: o.Name, Description: o.Description, Country: o.Country, Region: o.Region, Owner: o.OwnerID,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, DeletedAt: when(o.DeletedAt),
	}
}

func (a *API) listOrganizations(r *request) (response, error) {
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	all, err := r.flag("all")
	if err != nil {
		return response{}, err
	}
	if all {
		q.Size = belay.MaxPageSize
	}
	var f struct {
		Deleted bool `json:"deleted"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	read := a.app.Organizations
	if f.Deleted {
		read = a.app.DeletedOrganizations
	}
	page, err := read(r.Context(), q)
	return response{body: struct {
		pageOf
		Organizations []organization `json:"organizations"`
	}{envelope(page), list(page, newOrganization)}}, err
}

func (a *API) getOrganization(r *request) (response, error) {
	id, err := r.organization()
	if err != nil {
		return response{}, err
	}
	return organizationAnswer(a.app.Organization(r.Context(), id))
}

func organizationAnswer(o *belay.Organization, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{body: newOrganization(o), version: o.Version}, nil
}

type organizationBody struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Country     *string `json:"country"`
	Region      *string `json:"region"`
}

func (b organizationBody) change() app.OrganizationChange { return app.OrganizationChange(b) }

func (a *API) createOrganization(r *request) (response, error) {
	var b organizationBody
	if _, err := r.create(&b, new(belay.ID)); err != nil {
		return response{}, err
	}
	return organizationAnswer(a.app.CreateOrganization(r.once(), b.change()))
}

func (a *API) updateOrganization(r *request) (response, error) {
	id, err := r.organization()
	if err != nil {
		return response{}, err
	}
	var b organizationBody
	_, _, version, err := r.update("orgId", "organization", &b, new(belay.ID))
	if err != nil {
		return response{}, err
	}
	return organizationAnswer(a.app.UpdateOrganization(r.Context(), id, version, b.change()))
}

func (a *API) deleteOrganization(r *request) (response, error) {
	id, err := r.organization()
	if err != nil {
		return response{}, err
	}
	_, _, version, err := r.remove("orgId", "organization")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.DeleteOrganization(r.Context(), id, version)
}

func (a *API) restoreOrganization(r *request) (response, error) {
	id, err := r.organization()
	if err == nil {
		err = r.noBody()
	}
	if err != nil {
		return response{}, err
	}
	return organizationAnswer(a.app.RestoreOrganization(r.Context(), id))
}

// user is who the caller is, in Meshery's fields, with what the token or
// session allows.
type user struct {
	person
	Roles          map[belay.ID]belay.OrganizationRole `json:"organizationRoles"`
	Authentication authentication                      `json:"authentication"`
}

type authentication struct {
	Method    string             `json:"method"` // token or session
	Scopes    []belay.Permission `json:"scopes"` // null: everything the user may do
	ExpiresAt *time.Time         `json:"expiresAt"`
}

func (a *API) getUser(r *request) (response, error) {
	me, err := a.app.WhoAmI(r.Context())
	if err != nil {
		return response{}, err
	}
	p := me.Principal
	method := "session"
	if p.TokenID != "" {
		method = "token"
	}
	return response{version: me.Version, body: user{
		person: newPerson(me.User), Roles: p.Roles, Authentication: authentication{method, p.Scopes, when(p.ExpiresAt)},
	}}, nil
}

func (a *API) getVersion(*request) (response, error) {
	return response{body: map[string]string{
		"build": a.version, "version": a.version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}}, nil
}
