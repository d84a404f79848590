package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/mail"
	"strings"

	"belay"
	"belay/password"
	"belay/store"
)

// Limits of a user's fields; those of names are Meshery's.
const (
	maxEmail     = 254 // RFC 5321, section 4.5.3.1.3
	maxFirstName = 200
	maxLastName  = 300
)

// NewUser is a local user who is to be made, or invited.
type NewUser struct {
	Email     string
	FirstName string
	LastName  string
	Role      belay.OrganizationRole // "" is member
	Password  belay.Secret           // zero: he sets one himself, by an invitation
}

// LocalUser is a member of an organization and, where there is a new one, the
// invitation with which he sets a password.
type LocalUser struct {
	*belay.Member
	Pending    bool              // he has no password yet
	Invitation *belay.Invitation // nil: none was made
}

func (n NewUser) check() error {
	var p problems
	if address, err := mail.ParseAddress(n.Email); err != nil || address.Address != n.Email || len(n.Email) > maxEmail {
		p.add("/email", "must be an e-mail address of at most %d characters", maxEmail)
	}
	p.text("/firstName", n.FirstName, maxFirstName)
	p.text("/lastName", n.LastName, maxLastName)
	if !n.Password.IsZero() {
		if err := p.also(password.Check("/password", n.Password, n.Email, n.FirstName, n.LastName)); err != nil {
			return err
		}
	}
	return p.err()
}

// CreateUser makes a local user and a member of the organization of him.
// Without a password he gets an invitation, which is shown this once. Only
// administrators may, and none may give a role above his own.
func (a *App) CreateUser(ctx context.Context, org belay.ID, n NewUser) (*LocalUser, error) {
	n.Role = cmp.Or(n.Role, belay.OrganizationMember)
	c, err := a.changesMembers(ctx, org, n.Role)
	if err != nil {
		return nil, err
	}
	n.Email = strings.TrimSpace(n.Email)
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := c.mayMakeOwner("", n.Role); err != nil {
		return nil, err
	}
	return a.createUser(ctx, c, n)
}

func (a *App) createUser(ctx context.Context, c caller, n NewUser) (*LocalUser, error) {
	user, known, err := a.newUser(ctx, n)
	if err != nil {
		return nil, err
	}
	hash := ""
	if !n.Password.IsZero() {
		if hash, err = a.passwords.Hash(ctx, n.Password); err != nil {
			return nil, err
		}
	}
	invitation, err := a.newInvitation()
	if err != nil {
		return nil, err
	}
	created := false
	id, err := a.createOnce(ctx, c, user.ID, func(ctx context.Context, tx *store.Tx) error {
		created = true
		if err := a.storeUser(ctx, tx, c, user, n.Role, known); err != nil {
			return err
		}
		if hash != "" {
			return tx.SetPassword(ctx, &belay.Password{UserID: user.ID, Hash: hash, ChangedAt: user.UpdatedAt})
		}
		return tx.CreateInvitation(ctx, belay.HashToken(invitation.Code), user.ID, user.UpdatedAt, invitation.ExpiresAt)
	})
	a.gate.ForgetUser(user.ID)
	if err != nil {
		return nil, err
	}
	if !created { // the request was repeated; its invitation is known to nobody
		return a.invitedAgain(ctx, c, id)
	}
	u, err := a.localUser(ctx, c, user.ID)
	if err == nil && hash == "" {
		u.Invitation = invitation
	}
	return u, err
}

// newUser is the user to be stored: a new one, or one who is known and has
// the address, if he belongs to no organization any more.
func (a *App) newUser(ctx context.Context, n NewUser) (_ *belay.User, known bool, err error) {
	now := a.now()
	u := &belay.User{
		ID: a.newID(), Provider: belay.LocalProvider, Email: n.Email, FirstName: n.FirstName, LastName: n.LastName,
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	u.Subject = string(u.ID) // addresses change
	before, err := a.store.LocalUser(ctx, n.Email)
	if isNotFound(err) {
		return u, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	before.FirstName, before.LastName, before.UpdatedAt = n.FirstName, n.LastName, now
	return before, true, nil
}

// belongsNowhere refuses an address whose user belongs to an organization.
func (a *App) belongsNowhere(ctx context.Context, r store.Reader, c caller, u *belay.User) error {
	memberships, err := r.AllMemberships(ctx, u.ID)
	if err != nil || len(memberships) == 0 {
		return err
	}
	taken := &belay.Error{
		Code: belay.CodeConflict, Message: "another user of this server has that address",
		Fields: []belay.Field{{Pointer: "/email", Message: "is taken"}},
	}
	for _, m := range memberships {
		if m.OrganizationID == c.org {
			taken.Message = "a member of this organization has that address"
			taken.Remedy = []belay.Remedy{{
				ID: "user.invite", Title: "Make a new invitation",
				Description: "A new invitation lets the member set a new password.",
				Action:      &belay.RemedyAction{Method: "POST", Href: "/api/identity/orgs/" + string(c.org) + "/users/" + string(u.ID) + "/invitation"},
				Command:     belay.CommandLine("belay", "organization", "invite", u.Email),
			}}
		}
	}
	return taken
}

// notByAnother refuses the address of a member who signs in by another
// provider: he would be two users then, the second of which has nothing.
func notByAnother(ctx context.Context, r store.Reader, c caller, email string) error {
	members, err := r.Members(ctx, c.org, belay.MemberFilter{Email: email}, belay.Query{Size: belay.MaxPageSize})
	if err != nil {
		return err
	}
	for _, m := range members.Items {
		if m.Provider != belay.LocalProvider {
			return &belay.Error{
				Code: belay.CodeConflict, Message: "a member of this organization has that address, and signs in by the provider " + m.Provider,
				Fields: []belay.Field{{Pointer: "/email", Message: "is that of a member who signs in by the provider " + m.Provider}},
			}
		}
	}
	return nil
}

func (a *App) storeUser(ctx context.Context, tx *store.Tx, c caller, u *belay.User, role belay.OrganizationRole, known bool) error {
	if err := notByAnother(ctx, tx.Reader, c, u.Email); err != nil {
		return err
	}
	if !known {
		if err := tx.CreateUser(ctx, u); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: c.org, UserID: u.ID, Role: role}, u.UpdatedAt)
	}
	if err := a.belongsNowhere(ctx, tx.Reader, c, u); err != nil {
		return err
	}
	if err := tx.UpdateUser(ctx, u, u.UpdatedAt); err != nil {
		return err
	}
	if err := tx.CancelLinks(ctx, u.ID); err != nil {
		return err
	}
	if err := tx.RemovePassword(ctx, u.ID); err != nil {
		return err
	}
	if _, err := tx.DeleteOtherSessions(ctx, u.ID, ""); err != nil {
		return err
	}
	if err := tx.RevokeTokensOf(ctx, u.ID, u.UpdatedAt); err != nil {
		return err
	}
	return tx.SetMembership(ctx, belay.Membership{OrganizationID: c.org, UserID: u.ID, Role: role}, u.UpdatedAt)
}

// InviteUser makes a new invitation for the member with an address, or a
// member with an invitation where the address is nobody's.
func (a *App) InviteUser(ctx context.Context, org belay.ID, n NewUser) (*LocalUser, error) {
	c, err := a.changesMembers(ctx, org, cmp.Or(n.Role, belay.OrganizationMember))
	if err != nil {
		return nil, err
	}
	n.Email, n.Password = strings.TrimSpace(n.Email), belay.Secret{}
	if err := n.check(); err != nil {
		return nil, err
	}
	user, err := a.store.LocalUser(ctx, n.Email)
	if isNotFound(err) {
		return a.CreateUser(ctx, c.org, n)
	}
	if err != nil {
		return nil, err
	}
	m, err := a.store.Member(ctx, c.org, user.ID)
	if isNotFound(err) {
		return a.CreateUser(ctx, c.org, n)
	}
	if err != nil {
		return nil, err
	}
	if n.Role != "" && n.Role != m.Role {
		return nil, &belay.Error{
			Code: belay.CodeConflict, Message: "a member of this organization has that address and another role: " + string(m.Role),
			Fields: []belay.Field{{Pointer: "/role", Message: "is another than the member's"}},
			Remedy: []belay.Remedy{{
				ID: "member.role", Title: "Change the role", Description: "An invitation changes no member's role; it is changed by itself.",
				Action:  &belay.RemedyAction{Method: "PUT", Href: "/api/identity/orgs/" + string(c.org) + "/users/" + string(m.ID)},
				Command: belay.CommandLine("belay", "organization", "member", "role", string(n.Role), m.Email),
			}},
		}
	}
	return a.invite(ctx, c, m)
}

// RenewInvitation makes a new invitation for a member: the one before is
// void, and so is his password once he sets another.
func (a *App) RenewInvitation(ctx context.Context, org, user belay.ID) (*LocalUser, error) {
	c, err := a.administers(ctx, org, belay.PermissionMemberWrite)
	if err != nil {
		return nil, err
	}
	m, err := a.store.Member(ctx, c.org, user)
	if err != nil {
		return nil, err
	}
	return a.invite(ctx, c, m)
}

// mayInvite refuses to let somebody take over an account that reaches further
// than he does: that of an owner, and that of somebody who belongs to an
// organization which the caller does not administer.
func (a *App) mayInvite(ctx context.Context, c caller, m *belay.Member) error {
	if m.Provider != belay.LocalProvider {
		return belay.Errorf(belay.CodeConflict, "the member signs in by the provider %s, which keeps no password here", m.Provider)
	}
	return a.reachesNoFurther(ctx, c, m, belay.Remedy{
		ID: "user.operator", Title: "Ask who runs the server", Description: "On the server's machine a sign-in link can be made for anybody.",
		Command: belay.CommandLine("belay", "user", "sign-in-link", m.Email),
	})
}

// reachesNoFurther refuses what is about the whole of an account that reaches
// further than the caller does, with what he can do instead.
func (a *App) reachesNoFurther(ctx context.Context, c caller, m *belay.Member, instead belay.Remedy) error {
	memberships, err := a.store.AllMemberships(ctx, m.ID)
	if err != nil {
		return err
	}
	for _, other := range memberships {
		there, err := in(c.Principal, other.OrganizationID)
		if err != nil || !there.admin {
			return &belay.Error{
				Code: belay.CodeForbidden, Message: "the member belongs to another organization too, in which you do not have the permission " + string(belay.PermissionMemberWrite),
				Remedy: []belay.Remedy{instead},
			}
		}
		if err := there.mayMakeOwner("", other.Role); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) invite(ctx context.Context, c caller, m *belay.Member) (*LocalUser, error) {
	if err := a.mayInvite(ctx, c, m); err != nil {
		return nil, err
	}
	invitation, err := a.newInvitation()
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateInvitation(ctx, belay.HashToken(invitation.Code), m.ID, a.now(), invitation.ExpiresAt)
	})
	if err != nil {
		return nil, err
	}
	u, err := a.localUser(ctx, c, m.ID)
	if err != nil {
		return nil, err
	}
	u.Invitation = invitation
	return u, nil
}

// invitedAgain answers the repetition of a request that has made a user: with
// a new invitation while he has not used the first.
func (a *App) invitedAgain(ctx context.Context, c caller, user belay.ID) (*LocalUser, error) {
	u, err := a.localUser(ctx, c, user)
	if err != nil || !u.Pending {
		return u, err
	}
	return a.invite(ctx, c, u.Member)
}

func (a *App) localUser(ctx context.Context, c caller, user belay.ID) (*LocalUser, error) {
	m, err := a.store.Member(ctx, c.org, user)
	if err != nil {
		return nil, err
	}
	p, err := a.store.Password(ctx, user)
	return &LocalUser{Member: m, Pending: p == nil}, err
}

func (a *App) newInvitation() (*belay.Invitation, error) {
	code, _, err := belay.NewToken(rand.Reader)
	return &belay.Invitation{Code: code, ExpiresAt: a.now().Add(invitationLife)}, err
}
