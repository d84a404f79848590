package rest

import (
	"encoding/json"
	"time"

	"belay"
	"belay/app"
)

type environment struct {
	ID                belay.ID           `json:"id"`
	SchemaVersion     string             `json:"schemaVersion"`
	Name              string             `json:"name"`
	Description       string             `json:"description"`
	OrganizationID    belay.ID           `json:"organizationId"`
	Owner             belay.ID           `json:"owner"`
	Metadata          json.RawMessage    `json:"metadata"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	DeletedAt         *time.Time         `json:"deletedAt,omitempty"`
	AuthorizedActions []belay.Permission `json:"authorizedActions,omitempty"`
}

func newEnvironment(e *app.Environment) environment {
	w := environmentIn(e.Environment)
	w.AuthorizedActions = e.Actions
	return w
}

// environmentIn is an environment as it stands in another object.
func environmentIn(e *belay.Environment) environment {
	return environment{
		ID: e.ID, SchemaVersion: schemaEnvironment, Name: e.Name, Description: e.Description,
		OrganizationID: e.OrganizationID, Owner: e.OwnerID, Metadata: rawObject(e.Metadata),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, DeletedAt: when(e.DeletedAt),
	}
}

type environmentPage struct {
	pageOf
	Environments []environment `json:"environments"`
}

func newEnvironmentPage(p belay.Page[*app.Environment]) response {
	return response{body: environmentPage{envelope(p), list(p, newEnvironment)}}
}

type environmentBody struct {
	Name           *string         `json:"name"`
	Description    *string         `json:"description"`
	Metadata       json.RawMessage `json:"metadata"`
	OrganizationID belay.ID        `json:"organizationId"`
}

func (b environmentBody) change() app.EnvironmentChange {
	return app.EnvironmentChange{Name: b.Name, Description: b.Description, Metadata: objectOrEmpty(b.Metadata)}
}

// objectOrEmpty is a JSON object that null clears.
func objectOrEmpty(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return json.RawMessage("{}")
	}
	return raw
}

func (a *API) listEnvironments(r *request) (response, error) {
	org, q, err := r.list()
	if err != nil {
		return response{}, err
	}
	var f struct {
		Workspace  belay.ID `json:"workspace"`
		Connection belay.ID `json:"connection"`
		Deleted    bool     `json:"deleted"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.Environments(r.Context(), org, belay.EnvironmentFilter{WorkspaceID: f.Workspace, ConnectionID: f.Connection, Deleted: f.Deleted}, q)
	return newEnvironmentPage(page), err
}

func (a *API) createEnvironment(r *request) (response, error) {
	var b environmentBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	e, err := a.app.CreateEnvironment(r.once(), org, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newEnvironment(e), version: e.Version}, nil
}

func (a *API) getEnvironment(r *request) (response, error) {
	org, id, err := r.object("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	e, err := a.app.Environment(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newEnvironment(e), version: e.Version}, nil
}

func (a *API) updateEnvironment(r *request) (response, error) {
	var b environmentBody
	org, id, version, err := r.update("environmentId", "environment", &b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	e, err := a.app.UpdateEnvironment(r.Context(), org, id, version, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newEnvironment(e), version: e.Version}, nil
}

func (a *API) deleteEnvironment(r *request) (response, error) {
	org, id, version, err := r.remove("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.DeleteEnvironment(r.Context(), org, id, version)
}

func (a *API) listEnvironmentConnections(r *request) (response, error) {
	org, id, err := r.object("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	f, q, assigned, err := r.connections()
	if err != nil {
		return response{}, err
	}
	if assigned && f.EnvironmentID != "" && f.EnvironmentID != id {
		return response{}, belay.BadQuery("filter", "/environment must be the one whose connections are listed")
	}
	// The version first: should the set change in between, its ETag is of the
	// one before, and a change that is made on this list is refused.
	e, err := a.app.Environment(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	page, err := a.app.EnvironmentConnections(r.Context(), org, id, assigned, f, q)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnectionPage(page, nil), version: e.SetVersion}, nil
}

func (a *API) setEnvironmentConnections(r *request) (response, error) {
	var b struct {
		ConnectionIDs  *[]belay.ID `json:"connectionIds"`
		OrganizationID belay.ID    `json:"organizationId"`
	}
	org, id, _, err := r.update("environmentId", "environment", &b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	version, err := r.requiredVersion()
	if err != nil {
		return response{}, err
	}
	if b.ConnectionIDs == nil || *b.ConnectionIDs == nil {
		return response{}, belay.Invalid("/connectionIds", "is required: the ids of all connections that the environment is to hold")
	}
	e, page, err := a.app.SetEnvironmentConnections(r.Context(), org, id, version, *b.ConnectionIDs)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnectionPage(page, nil), version: e.SetVersion}, nil
}

func (a *API) assignConnection(r *request) (response, error) {
	org, id, other, err := r.pair("environmentId", "environment", "connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.AssignConnection(r.Context(), org, id, other)
}

func (a *API) unassignConnection(r *request) (response, error) {
	org, id, other, err := r.pair("environmentId", "environment", "connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.UnassignConnection(r.Context(), org, id, other)
}

func (a *API) listEnvironmentCredentials(r *request) (response, error) {
	org, id, q, err := r.listOf("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.EnvironmentCredentials(r.Context(), org, id, q)
	return newCredentialPage(page), err
}
