package rest

import (
	"encoding/json"
	"time"

	"belay"
	"belay/app"
)

type team struct {
	ID                belay.ID           `json:"id"`
	Name              string             `json:"name"`
	Description       string             `json:"description"`
	OrganizationID    belay.ID           `json:"organizationId"`
	Owner             belay.ID           `json:"owner"`
	Metadata          json.RawMessage    `json:"metadata"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	DeletedAt         *time.Time         `json:"deletedAt,omitempty"`
	AuthorizedActions []belay.Permission `json:"authorizedActions"`
}

func newTeam(v *app.Team) team {
	return team{
		ID: v.ID, Name: v.Name, Description: v.Description, OrganizationID: v.OrganizationID, Owner: v.OwnerID,
		Metadata: rawObject(v.Metadata), CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, DeletedAt: when(v.DeletedAt),
		AuthorizedActions: v.Actions,
	}
}

// snakePage is the envelope of the lists for which Meshery publishes two of
// its members in snake case; both spellings are there.
type snakePage struct {
	pageOf
	PageSizeToo   int `json:"page_size"`
	TotalCountToo int `json:"total_count"`
}

func snakeEnvelope[T any](p belay.Page[T]) snakePage {
	return snakePage{envelope(p), p.Size, p.Total}
}

// teamMapping says that a team belongs to its organization, as Meshery's
// clients have it, where that is a relation of its own.
type teamMapping struct {
	ID             belay.ID   `json:"id"`
	OrganizationID belay.ID   `json:"orgId"`
	TeamID         belay.ID   `json:"teamId"`
	CreatedAt      time.Time  `json:"createdAt"`
	UpdatedAt      time.Time  `json:"updatedAt"`
	DeletedAt      *time.Time `json:"deletedAt,omitempty"`
}

func teamMappingPage(v *app.Team) response {
	return response{body: struct {
		pageOf
		Mapping []teamMapping `json:"teamsOrganizationsMapping"`
	}{one, []teamMapping{{v.ID, v.OrganizationID, v.ID, v.CreatedAt, v.UpdatedAt, when(v.DeletedAt)}}}}
}

type teamBody struct {
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Metadata    json.RawMessage `json:"metadata"`
	Owner       *belay.ID       `json:"owner"`
}

func (b teamBody) change() app.TeamChange {
	return app.TeamChange{Name: b.Name, Description: b.Description, Metadata: objectOrEmpty(b.Metadata), OwnerID: b.Owner}
}

func (a *API) listTeams(r *request) (response, error) {
	org, err := r.organization()
	if err != nil {
		return response{}, err
	}
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	var f struct {
		User      belay.ID `json:"user"`
		Workspace belay.ID `json:"workspace"`
		Deleted   bool     `json:"deleted"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.Teams(r.Context(), org, belay.TeamFilter{UserID: f.User, WorkspaceID: f.Workspace, Deleted: f.Deleted}, q)
	return response{body: struct {
		snakePage
		Teams []team `json:"teams"`
	}{snakeEnvelope(page), list(page, newTeam)}}, err
}

func (a *API) createTeam(r *request) (response, error) {
	org, err := r.organization()
	if err != nil {
		return response{}, err
	}
	var b teamBody
	if _, err := r.create(&b, new(belay.ID)); err != nil {
		return response{}, err
	}
	return teamAnswer(a.app.CreateTeam(r.once(), org, b.change()))
}

func teamAnswer(v *app.Team, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{body: newTeam(v), version: v.Version}, nil
}

func (a *API) getTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	return teamAnswer(a.app.Team(r.Context(), org, id))
}

func (a *API) updateTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	var b teamBody
	_, _, version, err := r.update("teamId", "team", &b, new(belay.ID))
	if err != nil {
		return response{}, err
	}
	return teamAnswer(a.app.UpdateTeam(r.Context(), org, id, version, b.change()))
}

func (a *API) deleteTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	_, _, version, err := r.remove("teamId", "team")
	if err != nil {
		return response{}, err
	}
	_, err = a.app.DeleteTeam(r.Context(), org, id, version)
	return response{}, err
}

func (a *API) restoreTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	return teamAnswer(a.app.RestoreTeam(r.Context(), org, id))
}

// addTeam is Meshery's way to restore a team, and with the action "delete" to
// delete one.
func (a *API) addTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	var b struct {
		Action string `json:"action"`
	}
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	switch b.Action {
	case "":
		v, err := a.app.RestoreTeam(r.Context(), org, id)
		if err != nil {
			return response{}, err
		}
		return teamMappingPage(v), nil
	case "delete":
		version, err := r.version()
		if err != nil {
			return response{}, err
		}
		v, err := a.app.DeleteTeam(r.Context(), org, id, version)
		if err != nil {
			return response{}, err
		}
		return response{body: struct {
			pageOf
			Teams []team `json:"teams"`
		}{one, []team{newTeam(v)}}}, nil
	}
	return response{}, belay.Invalid("/action", `can only be "delete"`)
}

// removeTeam is Meshery's way to take a team out of its organization: that
// deletes it, since it belongs to no other.
func (a *API) removeTeam(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	_, _, version, err := r.remove("teamId", "team")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.DeleteTeam(r.Context(), org, id, version)
	if err != nil {
		return response{}, err
	}
	return teamMappingPage(v), nil
}
