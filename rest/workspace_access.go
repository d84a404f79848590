package rest

import (
	"belay"
	"belay/app"
)

// connectionAccess is what somebody may do with a connection, and why.
type connectionAccess struct {
	ID          belay.ID            `json:"id"`
	Name        string              `json:"name"`
	Kind        string              `json:"kind"`
	Permissions []belay.Permission  `json:"permissions"`
	Because     [][]explanationStep `json:"because"`
}

func newConnectionAccess(v *app.ConnectionAccess) connectionAccess {
	out := connectionAccess{ID: v.ID, Name: v.Name, Kind: v.Kind, Permissions: v.Permissions, Because: make([][]explanationStep, len(v.Because))}
	for i, way := range v.Because {
		for _, s := range way {
			out.Because[i] = append(out.Because[i], explanationStep(s))
		}
	}
	return out
}

func (a *API) listWorkspaceAccess(r *request) (response, error) {
	org, id, q, err := r.listOf("workspaceId", "workspace")
	if err != nil {
		return response{}, err
	}
	var user belay.ID
	if s, _ := r.first("user"); s != "" {
		if user, err = belay.ParseID(s); err != nil {
			return response{}, belay.BadQuery("user", "%s", err)
		}
	}
	page, err := a.app.WorkspaceAccess(r.Context(), org, id, user, q)
	return response{body: struct {
		pageOf
		Access []connectionAccess `json:"access"`
	}{envelope(page), list(page, newConnectionAccess)}}, err
}
