package rest

import (
	"encoding/json"
	"time"

	"belay"
	"belay/app"
)

type workspace struct {
	ID                belay.ID           `json:"id"`
	Name              string             `json:"name"`
	Description       string             `json:"description"`
	OrganizationID    belay.ID           `json:"organizationId"`
	Owner             belay.ID           `json:"owner"`
	OwnerID           belay.ID           `json:"ownerId"`
	Metadata          json.RawMessage    `json:"metadata"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	DeletedAt         *time.Time         `json:"deletedAt,omitempty"`
	AuthorizedActions []belay.Permission `json:"authorizedActions"`
}

func newWorkspace(v *app.Workspace) workspace {
	return workspace{
		ID: v.ID, Name: v.Name, Description: v.Description, OrganizationID: v.OrganizationID,
		Owner: v.OwnerID, OwnerID: v.OwnerID, Metadata: rawObject(v.Metadata),
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, DeletedAt: when(v.DeletedAt), AuthorizedActions: v.Actions,
	}
}

type workspacePage struct {
	pageOf
	Workspaces []workspace `json:"workspaces"`
}

type workspaceBody struct {
	Name           *string         `json:"name"`
	Description    *string         `json:"description"`
	Metadata       json.RawMessage `json:"metadata"`
	OrganizationID belay.ID        `json:"organizationId"`
}

func (b workspaceBody) change() app.WorkspaceChange {
	return app.WorkspaceChange{Name: b.Name, Description: b.Description, Metadata: objectOrEmpty(b.Metadata)}
}

func (a *API) listWorkspaces(r *request) (response, error) {
	org, q, err := r.list()
	if err != nil {
		return response{}, err
	}
	var f struct {
		Environment belay.ID `json:"environment"`
		Credential  belay.ID `json:"credential"`
		Deleted     bool     `json:"deleted"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.Workspaces(r.Context(), org, belay.WorkspaceFilter{EnvironmentID: f.Environment, CredentialID: f.Credential, Deleted: f.Deleted}, q)
	return response{body: workspacePage{envelope(page), list(page, newWorkspace)}}, err
}

func (a *API) createWorkspace(r *request) (response, error) {
	var b workspaceBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	v, err := a.app.CreateWorkspace(r.once(), org, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newWorkspace(v), version: v.Version}, nil
}

func (a *API) getWorkspace(r *request) (response, error) {
	org, id, err := r.object("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.Workspace(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newWorkspace(v), version: v.Version}, nil
}

func (a *API) updateWorkspace(r *request) (response, error) {
	var b workspaceBody
	org, id, version, err := r.update("workspaceId", "workspace", &b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	v, err := a.app.UpdateWorkspace(r.Context(), org, id, version, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newWorkspace(v), version: v.Version}, nil
}

func (a *API) deleteWorkspace(r *request) (response, error) {
	org, id, version, err := r.remove("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.DeleteWorkspace(r.Context(), org, id, version)
}

func (a *API) listWorkspaceEnvironments(r *request) (response, error) {
	org, id, q, err := r.listOf("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	var f assignedFilter
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.WorkspaceEnvironments(r.Context(), org, id, f.assigned(), q)
	return newEnvironmentPage(page), err
}

func (a *API) listWorkspaceCredentials(r *request) (response, error) {
	org, id, q, err := r.listOf("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.WorkspaceCredentials(r.Context(), org, id, q)
	return newCredentialPage(page), err
}

func (a *API) assignEnvironment(r *request) (response, error) {
	org, id, other, err := r.pair("workspaceId", "workspace", "environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	as, err := a.app.AssignEnvironment(r.Context(), org, id, other)
	if err != nil {
		return response{}, err
	}
	return response{body: struct {
		pageOf
		Mapping []mapping `json:"workspacesEnvironmentsMapping"`
	}{one, []mapping{{ID: as.ID, WorkspaceID: id, EnvironmentID: other, CreatedAt: as.CreatedAt, UpdatedAt: as.CreatedAt}}}}, nil
}

func (a *API) unassignEnvironment(r *request) (response, error) {
	org, id, other, err := r.pair("workspaceId", "workspace", "environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.UnassignEnvironment(r.Context(), org, id, other)
}

func (a *API) assignCredential(r *request) (response, error) {
	org, id, other, err := r.pair("workspaceId", "workspace", "credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	as, err := a.app.AssignCredential(r.Context(), org, id, other)
	if err != nil {
		return response{}, err
	}
	return response{body: struct {
		pageOf
		Mapping []mapping `json:"workspacesCredentialsMapping"`
	}{one, []mapping{{ID: as.ID, WorkspaceID: id, CredentialID: other, CreatedAt: as.CreatedAt, UpdatedAt: as.CreatedAt}}}}, nil
}

func (a *API) unassignCredential(r *request) (response, error) {
	org, id, other, err := r.pair("workspaceId", "workspace", "credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.UnassignCredential(r.Context(), org, id, other)
}
