package rest

import (
	"time"

	"belay"
)

// person is a user, in Meshery's fields.
type person struct {
	ID            belay.ID   `json:"id"`
	UserID        string     `json:"userId"`
	Provider      string     `json:"provider"`
	Email         string     `json:"email"`
	FirstName     string     `json:"firstName"`
	LastName      string     `json:"lastName"`
	AvatarURL     string     `json:"avatarUrl,omitempty"`
	Status        string     `json:"status"`
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	LastLoginTime time.Time  `json:"lastLoginTime"`
	DeletedAt     *time.Time `json:"deletedAt"`
}

func newPerson(u *belay.User) person {
	return person{
		ID: u.ID, UserID: u.Subject, Provider: u.Provider, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		AvatarURL: u.AvatarURL, Status: "active", CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, LastLoginTime: u.UpdatedAt,
		DeletedAt: when(u.DeletedAt),
	}
}

// member is a user with his place in an organization.
type member struct {
	person
	Role     belay.OrganizationRole `json:"role"`
	JoinedAt time.Time              `json:"joinedAt"`
}

func newMember(m *belay.Member) member { return member{newPerson(m.User), m.Role, m.JoinedAt} }

type memberBody struct {
	Role belay.OrganizationRole `json:"role"`
}

func (a *API) listMembers(r *request) (response, error) {
	org, err := r.organization()
	if err != nil {
		return response{}, err
	}
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	f, err := r.memberFilter()
	if err != nil {
		return response{}, err
	}
	page, err := a.app.Members(r.Context(), org, f, q)
	return response{body: struct {
		pageOf
		Data []member `json:"data"`
	}{envelope(page), list(page, newMember)}}, err
}

func (r *request) memberFilter() (belay.MemberFilter, error) {
	var f struct {
		Role      []belay.OrganizationRole `json:"role"`
		Team      belay.ID                 `json:"team"`
		Workspace belay.ID                 `json:"workspace"`
		Email     string                   `json:"email"`
	}
	if err := r.filter(&f); err != nil {
		return belay.MemberFilter{}, err
	}
	s, _ := r.first("teamId")
	if s != "" {
		id, err := belay.ParseID(s)
		if err != nil {
			return belay.MemberFilter{}, belay.BadQuery("teamId", "%s", err)
		}
		f.Team = id
	}
	return belay.MemberFilter{Roles: f.Role, TeamID: f.Team, WorkspaceID: f.Workspace, Email: f.Email}, nil
}

func memberAnswer(m *belay.Member, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{body: newMember(m), version: m.RoleVersion}, nil
}

func (a *API) getMember(r *request) (response, error) {
	org, id, err := r.below("userId", "user")
	if err != nil {
		return response{}, err
	}
	return memberAnswer(a.app.Member(r.Context(), org, id))
}

func (a *API) addMember(r *request) (response, error) {
	var b memberBody
	org, id, err := r.below("userId", "user")
	if err == nil {
		err = r.decode(&b)
	}
	if err != nil {
		return response{}, err
	}
	return memberAnswer(a.app.AddMember(r.Context(), org, id, b.Role))
}

func (a *API) updateMember(r *request) (response, error) {
	org, id, err := r.below("userId", "user")
	if err != nil {
		return response{}, err
	}
	var b memberBody
	_, _, version, err := r.update("userId", "user", &b, new(belay.ID))
	if err != nil {
		return response{}, err
	}
	return memberAnswer(a.app.ChangeMember(r.Context(), org, id, version, b.Role))
}

func (a *API) removeMember(r *request) (response, error) {
	org, id, err := r.below("userId", "user")
	if err != nil {
		return response{}, err
	}
	_, _, version, err := r.remove("userId", "user")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.RemoveMember(r.Context(), org, id, version)
}

func (a *API) transferOwned(r *request) (response, error) {
	var b struct {
		To belay.ID `json:"to"`
	}
	org, from, err := r.below("userId", "user")
	if err == nil {
		err = r.decode(&b)
	}
	if err != nil {
		return response{}, err
	}
	moved, err := a.app.Transfer(r.Context(), org, from, b.To)
	return response{body: map[string]any{"transferred": moved}}, err
}
