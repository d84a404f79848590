package rest

import (
	"time"

	"belay"
	"belay/app"
)

// invited is a member with the invitation that was made for him, if any. He
// is pending until he has set a password.
type invited struct {
	member
	Invitation *invitation `json:"invitation"`
}

// invitation is shown once: only a hash of its link is kept.
type invitation struct {
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// InvitationPath is the page on which an invited person sets a password.
const InvitationPath = "/user/invitation"

func (a *API) invited(u *app.LocalUser, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	out := invited{member: newMember(u.Member)}
	if u.Pending {
		out.Status = "pending"
	}
	if i := u.Invitation; i != nil {
		out.Invitation = &invitation{Link: a.publicURL + InvitationPath + "?code=" + string(i.Code.Reveal()), ExpiresAt: i.ExpiresAt}
	}
	return response{body: out, version: u.RoleVersion, secret: true}, nil
}

// inviteeBody is who is to be invited.
type inviteeBody struct {
	Email     string                 `json:"email"`
	FirstName string                 `json:"firstName"`
	LastName  string                 `json:"lastName"`
	Role      belay.OrganizationRole `json:"role"`
}

func (b inviteeBody) user() app.NewUser {
	return app.NewUser{Email: b.Email, FirstName: b.FirstName, LastName: b.LastName, Role: b.Role}
}

func (a *API) createUser(r *request) (response, error) {
	org, err := r.organization()
	if err == nil {
		err = r.checkIdempotencyKey()
	}
	if err != nil {
		return response{}, err
	}
	var b struct {
		inviteeBody
		Password belay.Secret `json:"password"`
	}
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	u := b.user()
	u.Password = b.Password
	return a.invited(a.app.CreateUser(r.once(), org, u))
}

func (a *API) inviteUser(r *request) (response, error) {
	var b inviteeBody
	org, err := r.organization()
	if err == nil {
		err = r.decode(&b)
	}
	if err != nil {
		return response{}, err
	}
	return a.invited(a.app.InviteUser(r.Context(), org, b.user()))
}

func (a *API) renewInvitation(r *request) (response, error) {
	org, user, err := r.below("userId", "user")
	if err == nil {
		err = r.noBody()
	}
	if err != nil {
		return response{}, err
	}
	return a.invited(a.app.RenewInvitation(r.Context(), org, user))
}

func (a *API) changePassword(r *request) (response, error) {
	var b struct {
		Current  belay.Secret `json:"currentPassword"`
		Password belay.Secret `json:"password"`
	}
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	ended, err := a.app.ChangePassword(r.Context(), b.Current, b.Password)
	return response{body: map[string]int{"sessionsEnded": ended}}, err
}
