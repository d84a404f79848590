package app_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/e2e/peers"
	"belay/secret"
	"belay/store"
)

// door is a provider whose users sign in on its own pages, with one user.
type door struct {
	mu       sync.Mutex
	identity app.Identity
	finished error // instead of it
	refresh  func(token string) (*app.Identity, error)
	asked    []string // refresh tokens
	logout   *app.ProviderLogout
	silent   bool   // it does not say where one signs out
	issuer   string // "" is oktaIssuer
}

const oktaIssuer = "https://okta.example"

func (d *door) Describe() belay.Provider {
	return belay.Provider{Key: "okta", Type: "remote", Name: "okta", URL: cmp.Or(d.issuer, oktaIssuer), Redirects: true}
}

func (*door) Begin(_ context.Context, hint string) (*app.Begun, error) {
	return &app.Begun{URL: oktaIssuer + "?hint=" + hint, State: "state", Remembered: belay.SecretString("verifier")}, nil
}

func (d *door) Finish(_ context.Context, _ url.Values, remembered belay.Secret) (*app.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if string(remembered.Reveal()) != "verifier" {
		return nil, app.Unauthenticated("another sign-in")
	}
	id := d.identity
	return &id, d.finished
}

func (d *door) Refresh(_ context.Context, refresh belay.Secret, subject string) (*app.Identity, error) {
	d.mu.Lock()
	d.asked = append(d.asked, string(refresh.Reveal()))
	do := d.refresh
	d.mu.Unlock()
	if subject != "alice" {
		return nil, app.Unauthenticated("another user")
	}
	return do(string(refresh.Reveal()))
}

func (d *door) SignOutURL(ctx context.Context) (string, error) {
	if d.silent {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return oktaIssuer + "/end", nil
}

func (d *door) VerifyLogout(_ context.Context, token string) (*app.ProviderLogout, error) {
	if token != "good" {
		return nil, app.Unauthenticated("not the provider's")
	}
	return d.logout, nil
}

// threshold is a server with one such provider.
type threshold struct {
	*door
	*app.App
	t      *testing.T
	store  *store.Store
	config app.Config
	gate   *app.Gate
	org    belay.ID
	admin  context.Context

	mu  sync.Mutex
	now time.Time
}

func newThreshold(t *testing.T, ad app.Admission) *threshold {
	t.Helper()
	return newThresholdOn(t, filepath.Join(t.TempDir(), "belay.db"), ad)
}

// eachDatabase runs a test on a server on either engine.
func eachDatabase(t *testing.T, ad app.Admission, test func(*testing.T, *threshold)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newThreshold(t, ad)) })
	t.Run("postgres", func(t *testing.T) {
		pg, err := peers.SharedPostgres()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pg.Close)
		test(t, newThresholdOn(t, pg.Database(t), ad))
	})
}

func newThresholdOn(t *testing.T, database string, ad app.Admission) *threshold {
	t.Helper()
	w := &threshold{t: t, door: &door{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.identity = app.Identity{Issuer: oktaIssuer, Subject: "alice", Email: "alice@example.test", FirstName: "Alice"}
	st, err := store.Open(t.Context(), database)
	w.must(err)
	w.store = st
	keyring, err := app.OpenKeyring(t.Context(), st, secret.Source{Dir: t.TempDir()}, w.now)
	w.must(err)
	w.config = app.Config{
		Store: st, Keyring: keyring, Kinds: map[string]app.Kind{}, Log: slog.New(slog.DiscardHandler), Clock: w.clock,
		NewID:      func() belay.ID { return belay.ID(uuid.NewString()) },
		Providers:  map[string]app.Provider{"okta": w.door, "dex": &door{}, belay.LocalProvider: app.LocalProvider()},
		Admissions: map[string]app.Admission{"okta": ad},
	}
	first, err := app.SetUp(t.Context(), w.config, func(belay.Secret) error { return nil })
	w.must(err)
	w.App, w.org, w.admin = app.New(w.config), first.Organization.ID, belay.WithPrincipal(t.Context(), first.Principal())
	w.gate = w.replica()
	w.Behind(w.gate)
	t.Cleanup(func() {
		w.App.Close()
		w.must(st.Close())
	})
	return w
}

// replica is another server on the same database.
func (w *threshold) replica() *app.Gate {
	g := app.NewGate(w.config)
	w.t.Cleanup(g.Close)
	return g
}

func (w *threshold) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *threshold) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *threshold) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// signIn signs the provider's user in.
func (w *threshold) signIn(e app.Errand) (*app.Arrival, error) {
	w.t.Helper()
	d, err := w.gate.Depart(w.t.Context(), "okta", e)
	w.must(err)
	return w.gate.Arrive(w.t.Context(), "okta", url.Values{"state": {d.State}}, d.Sealed, app.Visitor{RemoteAddr: "192.0.2.1"})
}

func (w *threshold) enters() *app.Arrival {
	w.t.Helper()
	s, err := w.signIn(app.Errand{})
	w.must(err)
	return s
}

func (w *threshold) refused(want belay.Code, part string) {
	w.t.Helper()
	if _, err := w.signIn(app.Errand{}); belay.CodeOf(err) != want || !strings.Contains(err.Error(), part) {
		w.t.Errorf("got %v, want %s: %s", err, want, part)
	}
}

func (w *threshold) team(name string) belay.ID {
	w.t.Helper()
	m, err := w.CreateTeam(w.admin, w.org, app.TeamChange{Name: &name})
	w.must(err)
	return m.ID
}

// teams are those of a user, by name.
func (w *threshold) teams(user belay.ID) (names []string) {
	w.t.Helper()
	of, err := w.store.TeamsOf(w.t.Context(), w.org, user)
	w.must(err)
	for id := range of {
		m, err := w.store.Team(w.t.Context(), w.org, id)
		w.must(err)
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// sameName maps each group to the team of its name; nobody of the group
// "banned" may enter.
func sameName(groups []string) app.Mapped {
	m := app.Mapped{Teams: groups}
	if slices.Contains(groups, "banned") {
		m.Refused = "banned"
	}
	return m
}

var byGroups = app.Admission{Organization: "My Org", Map: sameName}

// TestNewcomers enter only as the configuration says.
func TestNewcomers(t *testing.T) {
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		w := newThreshold(t, app.Admission{})
		w.refused(belay.CodeForbidden, "belong to no organization")
		if _, err := w.store.UserBySubject(t.Context(), "okta", "alice"); belay.CodeOf(err) != belay.CodeNotFound {
			t.Errorf("who was refused is kept: %v", err)
		}
	})
	t.Run("everybody", func(t *testing.T) {
		t.Parallel()
		w := newThreshold(t, app.Admission{Organization: "my org", Newcomers: belay.OrganizationAdmin})
		s := w.enters()
		p, err := w.gate.Session(t.Context(), s.Value, "")
		w.must(err)
		if p.Roles[w.org] != belay.OrganizationAdmin || p.Provider != "okta" || p.Email != "alice@example.test" {
			t.Errorf("he is %+v", p)
		}
	})
	t.Run("of groups", func(t *testing.T) {
		t.Parallel()
		w := newThreshold(t, byGroups)
		w.identity.Groups = []string{"sre"}
		w.refused(belay.CodeForbidden, "belong to no organization") // there is no such team
		w.team("SRE")
		s := w.enters()
		if p, err := w.gate.Session(t.Context(), s.Value, ""); err != nil || p.Roles[w.org] != belay.OrganizationMember {
			t.Errorf("he is %+v, %v", p, err)
		}
		if again := w.enters(); again.UserID != s.UserID {
			t.Error("the same subject is two users")
		}
	})
	t.Run("no organization", func(t *testing.T) {
		t.Parallel()
		w := newThreshold(t, app.Admission{Organization: "absent", Newcomers: belay.OrganizationMember})
		w.refused(belay.CodeUnavailable, `"absent", is none`)
	})
}

// TestWhoSomebodyIs is told by provider and subject alone.
func TestWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, app.Admission{Organization: "My Org", Newcomers: belay.OrganizationMember})
	local, err := w.CreateUser(w.admin, w.org, app.NewUser{Email: "alice@example.test", Password: belay.SecretString("several words that do not belong")})
	w.must(err)
	s := w.enters()
	if s.UserID == local.ID {
		t.Fatal("an address joins two accounts")
	}
	w.identity.Email, w.identity.FirstName = "renamed@example.test", "Alicia"
	if again := w.enters(); again.UserID != s.UserID {
		t.Error("with another address he is another")
	}
	u, err := w.store.User(t.Context(), s.UserID)
	w.must(err)
	if u.Email != "renamed@example.test" || u.FirstName != "Alicia" || u.Issuer != oktaIssuer {
		t.Errorf("he is %+v", u)
	}
	w.identity.Issuer = "https://other.example"
	w.refused(belay.CodeForbidden, "not the one any more")
}

// TestFirstSignInsTogether makes one user of somebody whose browsers come back
// at once.
func TestFirstSignInsTogether(t *testing.T) {
	t.Parallel()
	eachDatabase(t, byGroups, func(t *testing.T, w *threshold) {
		w.team("sre")
		w.identity.Groups = []string{"sre"}
		users := make(chan belay.ID, 8)
		var wg sync.WaitGroup
		for range cap(users) {
			wg.Go(func() {
				s, err := w.signIn(app.Errand{})
				if err != nil {
					t.Error(err)
					return
				}
				users <- s.UserID
			})
		}
		wg.Wait()
		close(users)
		first := <-users
		for other := range users {
			if other != first {
				t.Errorf("%s and %s", first, other)
			}
		}
	})
}

// TestTeamsOfGroups are those that the groups own, and no others.
func TestTeamsOfGroups(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, byGroups)
	w.team("sre")
	w.team("web")
	byHand := w.team("oncall")
	w.identity.Groups = []string{"sre", "web", "absent"}
	s := w.enters()
	wantTeams := func(want ...string) {
		t.Helper()
		if got := w.teams(s.UserID); !slices.Equal(got, want) {
			t.Errorf("the teams are %v, want %v", got, want)
		}
	}
	wantTeams("sre", "web")
	_, err := w.AddTeamUser(w.admin, w.org, byHand, s.UserID)
	w.must(err)
	w.identity.Groups = []string{"web", "oncall"}
	w.enters()
	wantTeams("oncall", "web")
	w.identity.Groups = nil
	w.enters()
	wantTeams("oncall") // that one a person has given
}

// TestSealedSignIn is for one provider, one sign-in and this server.
func TestSealedSignIn(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, app.Admission{Organization: "My Org", Newcomers: belay.OrganizationMember})
	d, err := w.gate.Depart(t.Context(), "okta", app.Errand{Return: "/docs", Hint: "alice"})
	w.must(err)
	text := string(d.Sealed.Reveal())
	if strings.Contains(text, "verifier") || d.URL != oktaIssuer+"?hint=alice" {
		t.Errorf("got %s, %s", d.URL, text)
	}
	for name, c := range map[string]struct{ key, state, sealed string }{
		"another provider": {"dex", "state", text}, "another sign-in": {"okta", "other", text},
		"changed": {"okta", "state", text[:len(text)-4] + "AAAA"}, "cut": {"okta", "state", text[:20]}, "none": {"okta", "state", ""},
	} {
		_, err := w.gate.Arrive(t.Context(), c.key, url.Values{"state": {c.state}}, belay.SecretString(c.sealed), app.Visitor{})
		if belay.CodeOf(err) != belay.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := w.gate.Arrive(t.Context(), "okta", url.Values{"state": {"state"}}, d.Sealed, app.Visitor{})
	w.must(err)
	if s.Return != "/docs" {
		t.Errorf("he goes to %q", s.Return)
	}
	for _, key := range []string{"local", "absent"} {
		if _, err := w.gate.Depart(t.Context(), key, app.Errand{}); belay.CodeOf(err) != belay.CodeBadQuery {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestArriveTooOften keeps whoever comes back without an account from making
// this server ask the provider again and again.
func TestArriveTooOften(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, everybody)
	for range 50 { // what goes well does not count
		w.enters()
	}
	w.finished = app.Unauthenticated("no code of the provider's")
	var err error
	for range 41 {
		_, err = w.signIn(app.Errand{})
	}
	if e, ok := errors.AsType[*belay.Error](err); !ok || e.Code != belay.CodeRateLimited || e.RetryAfter == 0 {
		t.Errorf("after many attempts: %v", err)
	}
	d, err := w.gate.Depart(t.Context(), "okta", app.Errand{})
	w.must(err)
	w.finished = nil
	if _, err := w.gate.Arrive(t.Context(), "okta", url.Values{"state": {d.State}}, d.Sealed, app.Visitor{RemoteAddr: "192.0.2.2"}); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// TestInvitationByProvider is accepted by whoever has it, once.
func TestInvitationByProvider(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, app.Admission{})
	invite := func(email string, role belay.OrganizationRole) (belay.ID, app.Errand) {
		t.Helper()
		u, err := w.CreateUser(w.admin, w.org, app.NewUser{Email: email, Role: role})
		w.must(err)
		return u.ID, app.Errand{Invitation: u.Invitation.Code}
	}
	id, e := invite("somebody@example.test", belay.OrganizationAdmin)
	s, err := w.signIn(e)
	w.must(err)
	if p, err := w.gate.Session(t.Context(), s.Value, ""); err != nil || s.UserID != id || p.Provider != "okta" || p.Email != "alice@example.test" || p.Roles[w.org] != belay.OrganizationAdmin {
		t.Errorf("he is %+v, %v", p, err)
	}
	if _, err := w.signIn(e); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("a second time: %v", err)
	}
	if again := w.enters(); again.UserID != id {
		t.Error("without the invitation he is another")
	}
	// His address makes no second user of him.
	for _, again := range []func(context.Context, belay.ID, app.NewUser) (*app.LocalUser, error){w.CreateUser, w.InviteUser} {
		if _, err := again(w.admin, w.org, app.NewUser{Email: "Alice@example.test"}); belay.CodeOf(err) != belay.CodeConflict || !strings.Contains(err.Error(), "the provider okta") {
			t.Errorf("he is invited to be another: %v", err)
		}
	}
	// Who is here already keeps his role and takes nobody's account.
	other, e := invite("other@example.test", belay.OrganizationMember)
	s, err = w.signIn(e)
	w.must(err)
	if _, err := w.store.Member(t.Context(), w.org, other); s.UserID != id || belay.CodeOf(err) != belay.CodeNotFound {
		t.Errorf("he is %s, the other %v", s.UserID, err)
	}
	// An invitation that mends a password is no way into that account.
	has, err := w.CreateUser(w.admin, w.org, app.NewUser{Email: "has@example.test", Password: belay.SecretString("several words that do not belong")})
	w.must(err)
	mends, err := w.RenewInvitation(w.admin, w.org, has.ID)
	w.must(err)
	if _, err := w.signIn(app.Errand{Invitation: mends.Invitation.Code}); belay.CodeOf(err) != belay.CodeConflict {
		t.Errorf("an account with a password is taken: %v", err)
	}
}

// TestGroupPreview shows what groups would give, without giving it.
func TestGroupPreview(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, byGroups)
	sre := w.team("SRE")
	v, err := w.PreviewGroups(w.admin, "okta", []string{"sre", "absent"})
	w.must(err)
	if v.Role != belay.OrganizationMember || v.Organization.ID != w.org || !slices.Equal(v.Teams, []app.MappedTeam{{Name: "SRE", ID: sre}, {Name: "absent"}}) {
		t.Errorf("got %+v", v)
	}
	v, err = w.PreviewGroups(w.admin, "okta", []string{"absent"})
	w.must(err)
	if v.Role != "" {
		t.Errorf("got %+v", v)
	}
	v, err = w.PreviewGroups(w.admin, "okta", []string{"sre", "banned"})
	w.must(err)
	if v.Role != "" || v.Refused != "banned" {
		t.Errorf("got %+v", v)
	}
	if _, err := w.PreviewGroups(w.admin, "absent", nil); belay.CodeOf(err) != belay.CodeNotFound {
		t.Errorf("no provider: %v", err)
	}
	w.identity.Groups = []string{"sre"}
	s := w.enters()
	member, err := w.gate.Session(t.Context(), s.Value, "")
	w.must(err)
	for name, do := range map[string]func(context.Context) error{
		"preview": func(ctx context.Context) error { _, err := w.PreviewGroups(ctx, "okta", nil); return err },
		"test":    func(ctx context.Context) error { _, err := w.TestProvider(ctx, "okta"); return err },
	} {
		if err := do(belay.WithPrincipal(t.Context(), member)); belay.CodeOf(err) != belay.CodeForbidden {
			t.Errorf("%s by a member: %v", name, err)
		}
	}
}
