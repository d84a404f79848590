package app_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/secret"
	"belay/store"
)

// replica is one server on a database.
type replica struct {
	*app.App
	gate  *app.Gate
	store *store.Store
}

// replicas are two servers on one database, by a real clock: what one of them
// changes the other finds out by itself.
type replicas struct {
	t          *testing.T
	one, other replica
	admin      context.Context
	org        belay.ID
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	file, source := filepath.Join(t.TempDir(), "belay.db"), secret.Source{Dir: t.TempDir()}
	r := &replicas{t: t}
	var c app.Config
	for _, one := range []*replica{&r.one, &r.other} {
		st, err := store.Open(t.Context(), file)
		r.must(err)
		keyring, err := app.OpenKeyring(t.Context(), st, source, time.Now())
		r.must(err)
		c = app.Config{
			Store: st, Keyring: keyring, Clock: time.Now, Log: slog.New(slog.DiscardHandler), NewID: newUUID,
			Kinds: map[string]app.Kind{"fake": &fakeKind{}},
		}
		first, err := app.SetUp(t.Context(), c, func(belay.Secret) error { return nil })
		r.must(err)
		if first != nil {
			r.admin, r.org = belay.WithPrincipal(t.Context(), first.Principal()), first.Organization.ID
		}
		*one = replica{app.New(c), app.NewGate(c), st}
		t.Cleanup(func() {
			one.Close()
			r.must(st.Close())
		})
	}
	return r
}

func newUUID() belay.ID { return belay.ID(uuid.NewString()) }

func (r *replicas) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *replicas) write(fn func(ctx context.Context, tx *store.Tx) error) {
	r.t.Helper()
	r.must(r.one.store.Write(r.t.Context(), fn))
}

// stage is somebody, and a connection that he may use through a workspace: by
// himself, and another one by a team.
type stage struct {
	user, team, workspace, teamWorkspace, environment, teamEnvironment, connection, teamConnection belay.ID
	token, session                                                                                 belay.Secret
	tokenID, sessionID                                                                             belay.ID
}

func (r *replicas) stage() (s stage) {
	r.t.Helper()
	now := time.Now()
	s.user, s.team = newUUID(), newUUID()
	r.write(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, &belay.User{ID: s.user, Provider: "local", Subject: string(s.user), Version: 1}); err != nil {
			return err
		}
		if err := tx.SetMembership(ctx, belay.Membership{OrganizationID: r.org, UserID: s.user, Role: belay.OrganizationMember}, now); err != nil {
			return err
		}
		if err := tx.CreateTeam(ctx, &belay.Team{ID: s.team, OrganizationID: r.org, OwnerID: s.user, Name: string(s.team), Version: 1}); err != nil {
			return err
		}
		_, err := tx.AddTeamUser(ctx, r.org, belay.Assignment{ID: newUUID(), LeftID: s.team, RightID: s.user}, "")
		return err
	})
	s.workspace, s.environment, s.connection = r.place(belay.Grant{UserID: s.user})
	s.teamWorkspace, s.teamEnvironment, s.teamConnection = r.place(belay.Grant{TeamID: s.team})
	var err error
	s.token, err = r.one.gate.Issue(r.t.Context(), belay.Token{UserID: s.user, Name: "t"})
	r.must(err)
	p, err := r.one.gate.Token(r.t.Context(), s.token, "")
	r.must(err)
	s.tokenID = p.TokenID
	code, err := r.one.gate.SignInLink(r.t.Context(), s.user)
	r.must(err)
	s.session, _, err = r.one.gate.SignIn(r.t.Context(), code, "", "")
	r.must(err)
	p, err = r.one.gate.Session(r.t.Context(), s.session, "")
	r.must(err)
	s.sessionID = p.SessionID
	return s
}

// place makes a connection in an environment of a workspace with a grant.
func (r *replicas) place(g belay.Grant) (workspace, environment, connection belay.ID) {
	r.t.Helper()
	name := "of-" + uuid.NewString()
	w, err := r.one.CreateWorkspace(r.admin, r.org, app.WorkspaceChange{Name: &name})
	r.must(err)
	e, err := r.one.CreateEnvironment(r.admin, r.org, app.EnvironmentChange{Name: &name})
	r.must(err)
	v, err := r.one.CreateConnection(r.admin, r.org, connectionTo(name, ""))
	r.must(err)
	r.must(r.one.AssignConnection(r.admin, r.org, e.ID, v.ID))
	_, err = r.one.AssignEnvironment(r.admin, r.org, w.ID, e.ID)
	r.must(err)
	g.ID, g.WorkspaceID, g.Role = newUUID(), w.ID, belay.RoleOperator
	r.write(func(ctx context.Context, tx *store.Tx) error { _, err := tx.SetGrant(ctx, r.org, g); return err })
	return w.ID, e.ID, v.ID
}

// mayUse tells whether a request with a token, or for none with a session,
// may use a connection at one of the replicas.
func (r *replicas) mayUse(at replica, token, session belay.Secret, connection belay.ID) bool {
	r.t.Helper()
	p, err := at.gate.Token(r.t.Context(), token, "")
	if token.IsZero() {
		p, err = at.gate.Session(r.t.Context(), session, "")
	}
	if err != nil {
		return false
	}
	v, err := at.Connection(belay.WithPrincipal(r.t.Context(), p), "", connection)
	return err == nil && slices.Contains(v.Actions, belay.PermissionConnectionUse)
}

// TestEffectWithinASecond changes at one server what somebody may, and asks
// the other, which has just answered him, until it knows.
func TestEffectWithinASecond(t *testing.T) {
	r := newReplicas(t)
	none := belay.Secret{}
	for name, c := range map[string]struct {
		change func(ctx context.Context, tx *store.Tx, s stage) error
		team   bool // the connection that is reached by a team
		cookie bool // by the session
	}{
		"removed member": {change: func(ctx context.Context, tx *store.Tx, s stage) error { return tx.RemoveMember(ctx, r.org, s.user) }},
		"weaker role": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.SetGrant(ctx, r.org, belay.Grant{ID: newUUID(), WorkspaceID: s.workspace, UserID: s.user, Role: belay.RoleViewer})
			return err
		}},
		"removed role": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.RemoveGrant(ctx, r.org, belay.Grant{WorkspaceID: s.workspace, UserID: s.user})
			return err
		}},
		"weaker role of the team": {team: true, change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.SetGrant(ctx, r.org, belay.Grant{ID: newUUID(), WorkspaceID: s.teamWorkspace, TeamID: s.team, Role: belay.RoleViewer})
			return err
		}},
		"out of the team": {team: true, change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.RemoveTeamUser(ctx, r.org, s.team, s.user)
			return err
		}},
		"deleted team": {team: true, change: func(ctx context.Context, tx *store.Tx, s stage) error {
			return tx.DeleteTeam(ctx, r.org, s.team, time.Now())
		}},
		"environment taken away": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.UnassignEnvironment(ctx, r.org, s.workspace, s.environment)
			return err
		}},
		"connection taken away": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			_, err := tx.UnassignConnection(ctx, r.org, s.environment, s.connection)
			return err
		}},
		"deleted workspace": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			return tx.DeleteWorkspace(ctx, r.org, s.workspace, time.Now())
		}},
		"deleted environment": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			return tx.DeleteEnvironment(ctx, r.org, s.environment, time.Now())
		}},
		"revoked token": {change: func(ctx context.Context, tx *store.Tx, s stage) error {
			return tx.RevokeToken(ctx, s.user, s.tokenID, time.Now())
		}},
		"ended session": {cookie: true, change: func(ctx context.Context, tx *store.Tx, s stage) error {
			return tx.DeleteSession(ctx, s.user, s.sessionID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := r.stage()
			token, connection := s.token, s.connection
			if c.team {
				connection = s.teamConnection
			}
			if c.cookie {
				token = none
			}
			for _, at := range []replica{r.one, r.other} {
				if !r.mayUse(at, token, s.session, connection) {
					t.Fatal("it may not be used to begin with")
				}
			}
			r.write(func(ctx context.Context, tx *store.Tx) error { return c.change(ctx, tx, s) })
			changed := time.Now()
			for _, at := range []replica{r.one, r.other} {
				for r.mayUse(at, token, s.session, connection) {
					if time.Since(changed) > time.Second {
						t.Fatal("a second later it still may be used")
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
			t.Logf("known everywhere after %v", time.Since(changed).Round(time.Millisecond))
		})
	}
}

// TestGrantWithinASecond gives somebody a role: it counts at the server that
// has given it at once, and within a second at the other.
func TestGrantWithinASecond(t *testing.T) {
	r := newReplicas(t)
	s := r.stage()
	_, environment, connection := r.place(belay.Grant{TeamID: s.team})
	r.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RemoveTeamUser(ctx, r.org, s.team, s.user)
		return err
	})
	time.Sleep(time.Second)
	for _, at := range []replica{r.one, r.other} {
		if r.mayUse(at, s.token, s.session, connection) {
			t.Fatal("it may be used to begin with")
		}
	}
	_, err := r.one.AssignEnvironment(r.admin, r.org, s.workspace, environment)
	r.must(err)
	granted := time.Now()
	if !r.mayUse(r.one, s.token, s.session, connection) {
		t.Error("it does not count at once where it was given")
	}
	for !r.mayUse(r.other, s.token, s.session, connection) {
		if time.Since(granted) > time.Second {
			t.Fatal("a second later it does not count at the other server")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
