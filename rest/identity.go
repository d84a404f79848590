package rest

import (
	"runtime"
	"time"

	"belay"
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
	page, err := a.app.Organizations(r.Context(), q)
	return response{body: struct {
		pageOf
		Organizations []organization `json:"organizations"`
	}{envelope(page), list(page, newOrganization)}}, err
}

func (a *API) getOrganization(r *request) (response, error) {
	id, err := r.id("orgId", "organization")
	if err != nil {
		return response{}, err
	}
	o, err := a.app.Organization(r.Context(), id)
	if err != nil {
		return response{}, err
	}
	return response{body: newOrganization(o), version: o.Version}, nil
}

// user is who the caller is, in Meshery's fields, with what the token or
// session allows.
type user struct {
	ID             belay.ID                            `json:"id"`
	UserID         string                              `json:"userId"`
	Provider       string                              `json:"provider"`
	Email          string                              `json:"email"`
	FirstName      string                              `json:"firstName"`
	LastName       string                              `json:"lastName"`
	AvatarURL      string                              `json:"avatarUrl,omitempty"`
	Status         string                              `json:"status"`
	CreatedAt      time.Time                           `json:"createdAt"`
	UpdatedAt      time.Time                           `json:"updatedAt"`
	LastLoginTime  time.Time                           `json:"lastLoginTime"`
	DeletedAt      *time.Time                          `json:"deletedAt"`
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
		ID: me.ID, UserID: me.Subject, Provider: me.Provider, Email: me.Email, FirstName: me.FirstName, LastName: me.LastName,
		AvatarURL: me.AvatarURL, Status: "active", CreatedAt: me.CreatedAt, UpdatedAt: me.UpdatedAt, LastLoginTime: me.UpdatedAt,
		DeletedAt: when(me.DeletedAt), Roles: p.Roles, Authentication: authentication{method, p.Scopes, when(p.ExpiresAt)},
	}}, nil
}

func (a *API) getVersion(*request) (response, error) {
	return response{body: map[string]string{
		"build": a.version, "version": a.version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}}, nil
}
