package belaytest

import (
	"context"

	"github.com/google/uuid"

	"belay"
	"belay/store"
)

func newID() belay.ID { return belay.ID(uuid.Must(uuid.NewV7()).String()) }

// write changes the store behind the server's back.
func (s *Server) write(doing string, fn func(context.Context, *store.Tx) error) {
	s.t.Helper()
	s.must(s.Store().Write(s.t.Context(), fn), "%s", doing)
}

// NewOrganization makes an organization that is owned by a user.
func (s *Server) NewOrganization(name string, owner belay.ID) belay.ID {
	s.t.Helper()
	now := s.clock()
	org := &belay.Organization{ID: newID(), Name: name, OwnerID: owner, Version: 1, CreatedAt: now, UpdatedAt: now}
	s.write("make organization "+name, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateOrganization(ctx, org); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: org.ID, UserID: owner, Role: belay.OrganizationOwner}, now)
	})
	s.Gate().ForgetUser(owner)
	return org.ID
}

// NewUser makes a user without an organization.
func (s *Server) NewUser(name string) belay.ID {
	s.t.Helper()
	now := s.clock()
	u := &belay.User{
		ID: newID(), Provider: "local", Subject: name, Email: name + "@example.com", FirstName: name,
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	s.write("make user "+name, func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, u) })
	return u.ID
}

// Join gives a user a role in an organization.
func (s *Server) Join(org, user belay.ID, role belay.OrganizationRole) {
	s.t.Helper()
	s.write("join", func(ctx context.Context, tx *store.Tx) error {
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: org, UserID: user, Role: role}, s.clock())
	})
	s.Gate().ForgetUser(user)
}

// Grant gives a user a role in a workspace of an organization.
func (s *Server) Grant(org, workspace, user belay.ID, role belay.Role) {
	s.t.Helper()
	s.write("grant", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetGrant(ctx, org, belay.Grant{ID: newID(), WorkspaceID: workspace, UserID: user, Role: role, CreatedAt: s.clock()})
		return err
	})
}

// Token makes a token for a user, limited to scopes if there are any. The
// fields of t beside its user, scopes and name may be set too.
func (s *Server) Token(t belay.Token) belay.Secret {
	s.t.Helper()
	if t.Name == "" {
		t.Name = "test"
	}
	text, err := s.Gate().Issue(s.t.Context(), t)
	s.must(err, "issue a token")
	return text
}

// As makes a client with a token of a user, limited to scopes if there are
// any.
func (s *Server) As(user belay.ID, scopes ...belay.Permission) *Client {
	s.t.Helper()
	c := s.Client(s.Token(belay.Token{UserID: user, Scopes: scopes}))
	c.UserID = user
	return c
}

// Member makes a user who is a plain member of the first organization, and
// a client with his token.
func (s *Server) Member(name string) *Client {
	s.t.Helper()
	user := s.NewUser(name)
	s.Join(s.Organization, user, belay.OrganizationMember)
	return s.As(user)
}

// MemberWith is Member with a role in a workspace of the first organization.
func (s *Server) MemberWith(name, workspace string, role belay.Role) *Client {
	s.t.Helper()
	c := s.Member(name)
	s.Grant(s.Organization, belay.ID(workspace), c.UserID, role)
	return c
}

// Browser makes a client that is signed in by a session cookie instead of a
// token.
func (s *Server) Browser(user belay.ID) *Client {
	s.t.Helper()
	code, err := s.Gate().SignInLink(s.t.Context(), user)
	s.must(err, "make a sign-in link")
	value, _, err := s.Gate().SignIn(s.t.Context(), code, "belaytest", "127.0.0.1")
	s.must(err, "sign in")
	c := s.Client(belay.Secret{}).With("Cookie", "belay_session="+string(value.Reveal()))
	c.UserID = user
	return c
}
