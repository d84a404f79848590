package rest

import (
	"slices"

	"belay"
	"belay/app"
)

type explanation struct {
	Allowed    bool              `json:"allowed"`
	Permission belay.Permission  `json:"permission"`
	Object     explanationStep   `json:"object"`
	Path       []explanationStep `json:"path"`
	Missing    *missingStep      `json:"missing,omitempty"`
}

type explanationStep struct {
	Type   string   `json:"type"`
	ID     belay.ID `json:"id,omitempty"`
	Name   string   `json:"name,omitempty"`
	Role   string   `json:"role,omitempty"`
	Hidden bool     `json:"hidden,omitempty"`
}

type missingStep struct {
	Step   string `json:"step"`
	Remedy remedy `json:"remedy"`
}

func (a *API) explain(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	q, err := r.question()
	if err != nil {
		return response{}, err
	}
	e, err := a.app.Explain(r.Context(), org, q)
	if err != nil {
		return response{}, err
	}
	out := explanation{Allowed: e.Allowed, Permission: e.Permission, Object: explanationStep(e.Object), Path: []explanationStep{}}
	for _, s := range e.Path {
		out.Path = append(out.Path, explanationStep(s))
	}
	if e.Missing != nil {
		out.Missing = &missingStep{e.Missing.Step, remedies([]belay.Remedy{e.Missing.Remedy})[0]}
	}
	return response{body: out}, nil
}

// question reads who is asked about, and what.
func (r *request) question() (q app.Question, err error) {
	permission, _ := r.first("permission")
	q.Permission = belay.Permission(permission)
	for name, id := range map[string]*belay.ID{
		"user": &q.UserID, "workspace": &q.WorkspaceID, "environment": &q.EnvironmentID, "connection": &q.ConnectionID, "credential": &q.CredentialID,
	} {
		s, _ := r.first(name)
		if s == "" {
			continue
		}
		if *id, err = belay.ParseID(s); err != nil {
			return q, belay.BadQuery(name, "%s", err)
		}
	}
	return q, nil
}

type routeInfo struct {
	Method     string             `json:"method"`
	Path       string             `json:"path"`
	Permission belay.Permission   `json:"permission"`
	Further    []belay.Permission `json:"further,omitempty"`
}

type permissionInfo struct {
	Name belay.Permission `json:"name"`
	// Roles are those in a workspace that give it on what the workspace
	// reaches; owners of an object and administrators have every one.
	Roles []belay.Role `json:"roles"`
}

// listPermissions publishes the table of routes, and what each role gives.
func (a *API) listPermissions(*request) (response, error) {
	var out struct {
		Permissions []permissionInfo `json:"permissions"`
		Routes      []routeInfo      `json:"routes"`
	}
	for _, r := range a.routes() {
		out.Routes = append(out.Routes, routeInfo{r.Method, r.Path, r.Permission, r.Further()})
	}
	for _, p := range belay.Permissions() {
		roles := slices.DeleteFunc(belay.Roles(), func(r belay.Role) bool { return !r.Has(p) })
		out.Permissions = append(out.Permissions, permissionInfo{p, roles})
	}
	return response{body: out}, nil
}
