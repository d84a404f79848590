package rest

import (
	"time"

	"belay"
	"belay/app"
)

// teamUserMapping is a user's place in a team.
type teamUserMapping struct {
	ID        belay.ID   `json:"id"`
	TeamID    belay.ID   `json:"teamId"`
	UserID    belay.ID   `json:"userId"`
	CreatedAt time.Time  `json:"createdAt"`
	UpdatedAt time.Time  `json:"updatedAt"`
	DeletedAt *time.Time `json:"deletedAt,omitempty"`
	User      *member    `json:"user,omitempty"`
}

func newTeamUserMapping(as belay.Assignment) teamUserMapping {
	return teamUserMapping{ID: as.ID, TeamID: as.LeftID, UserID: as.RightID, CreatedAt: as.CreatedAt, UpdatedAt: as.CreatedAt}
}

// listTeamCandidates lists whom a team could take in, as it is published; by
// its filter also who is in it.
func (a *API) listTeamCandidates(r *request) (response, error) {
	org, id, err := r.below("teamId", "team")
	if err != nil {
		return response{}, err
	}
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	var f assignedFilter
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.TeamUsers(r.Context(), org, id, f.Assigned != nil && *f.Assigned, q)
	return response{body: struct {
		snakePage
		Data []member `json:"data"`
	}{snakeEnvelope(page), list(page, func(u app.TeamUser) member { return newMember(u.Member) })}}, err
}

func (a *API) listTeamUsers(r *request) (response, error) {
	org, id, q, err := r.listOf("teamId", "team")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.TeamUsers(r.Context(), org, id, true, q)
	return response{body: struct {
		snakePage
		Mapping []teamUserMapping `json:"usersTeamsMapping"`
	}{snakeEnvelope(page), list(page, func(u app.TeamUser) teamUserMapping {
		m := newTeamUserMapping(u.In)
		m.User = new(newMember(u.Member))
		return m
	})}}, err
}

func (a *API) addTeamUser(r *request) (response, error) {
	org, id, user, err := r.pairBelow("teamId", "team", "userId", "user")
	if err != nil {
		return response{}, err
	}
	as, err := a.app.AddTeamUser(r.Context(), org, id, user)
	if err != nil {
		return response{}, err
	}
	return response{body: newTeamUserMapping(as)}, nil
}

func (a *API) removeTeamUser(r *request) (response, error) {
	org, id, user, err := r.pairBelow("teamId", "team", "userId", "user")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.RemoveTeamUser(r.Context(), org, id, user)
}
