package app_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/store"
)

// refreshes says how the provider answers when it is asked again, and whether
// it gives another token then.
func (w *threshold) answers(do func(token string) (*app.Identity, error)) {
	w.door.mu.Lock()
	defer w.door.mu.Unlock()
	w.door.refresh = do
}

// times is how often the provider was asked again.
func (w *threshold) times() int {
	w.door.mu.Lock()
	defer w.door.mu.Unlock()
	return len(w.door.asked)
}

// says is the identity with some groups and another token.
func (w *threshold) says(token string, groups ...string) *app.Identity {
	id := w.identity
	id.Groups, id.RefreshToken, id.ExpiresAt = groups, belay.SecretString(token), w.clock().Add(5*time.Minute)
	return &id
}

var everybody = app.Admission{Organization: "My Org", Newcomers: belay.OrganizationMember, Map: sameName}

// lasting signs the user in with a refresh token, for five minutes.
func lasting(t *testing.T) (*threshold, *app.Arrival) {
	t.Helper()
	w := newThreshold(t, everybody)
	return w, w.lasting()
}

func (w *threshold) lasting() *app.Arrival {
	w.t.Helper()
	w.team("sre")
	w.team("web")
	w.identity = *w.says("canary-first", "sre")
	return w.enters()
}

func (w *threshold) wantSession(s *app.Arrival, g *app.Gate, want belay.Code) {
	w.t.Helper()
	if _, err := g.Session(w.t.Context(), s.Value, ""); belay.CodeOf(err) != want {
		w.t.Errorf("the session is answered with %v, want %q", err, want)
	}
}

// TestRefresh asks the provider again when what it said is too old, with the
// token that it gave last, and follows what it says.
func TestRefresh(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second", "web"), nil })
	w.advance(5*time.Minute - time.Second)
	w.wantSession(s, w.gate, "")
	if n := w.times(); n != 0 {
		t.Fatalf("asked %d times before it is time to", n)
	}
	w.advance(time.Second)
	w.wantSession(s, w.gate, "")
	if got := w.teams(s.UserID); !slices.Equal(got, []string{"web"}) {
		t.Errorf("the teams are %v", got)
	}
	w.advance(5 * time.Minute)
	w.wantSession(s, w.gate, "")
	if !slices.Equal(w.asked, []string{"canary-first", "canary-second"}) {
		t.Errorf("asked with %v", w.asked)
	}
	// Who was removed here is not let in again by that.
	w.must(w.RemoveMember(w.admin, w.org, s.UserID, 0))
	w.advance(5 * time.Minute)
	w.wantSession(s, w.gate, "")
	if _, err := w.store.Member(t.Context(), w.org, s.UserID); belay.CodeOf(err) != belay.CodeNotFound || w.times() != 3 {
		t.Errorf("he is a member again: %v, asked %d times", err, w.times())
	}
}

// TestRefreshOnce has many requests on two replicas at once.
func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, everybody, testRefreshOnce)
}

func testRefreshOnce(t *testing.T, w *threshold) {
	t.Helper()
	s, other := w.lasting(), w.replica()
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second", "web"), nil })
	for round := 1; round <= 5; round++ {
		w.advance(5 * time.Minute)
		var wg sync.WaitGroup
		for i := range 20 {
			g := []*app.Gate{w.gate, other}[i%2]
			wg.Go(func() {
				if _, err := g.Session(context.Background(), s.Value, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.times(); n != round {
			t.Fatalf("after %d rounds it was asked %d times", round, n)
		}
	}
}

// TestRefreshRefused ends the session of whom the provider does not know any
// more, or does not let in.
func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"refused": app.Unauthenticated("no longer"), "forbidden": belay.Errorf(belay.CodeForbidden, "of another domain"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := lasting(t)
			other := w.replica()
			w.wantSession(s, other, "")
			w.answers(func(string) (*app.Identity, error) { return nil, err })
			w.advance(5 * time.Minute)
			w.wantSession(s, w.gate, belay.CodeUnauthenticated)
			w.wantSession(s, other, belay.CodeUnauthenticated)
		})
	}
	t.Run("another issuer", func(t *testing.T) {
		t.Parallel()
		w, s := lasting(t)
		w.answers(func(string) (*app.Identity, error) {
			id := w.says("canary-second")
			id.Issuer = "https://other.example"
			return id, nil
		})
		w.advance(5 * time.Minute)
		w.wantSession(s, w.gate, belay.CodeUnauthenticated)
	})
}

// TestRefreshOutage lets who is signed in go on while the provider does not
// answer, and asks again each minute, until the session ends.
func TestRefreshOutage(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	down := belay.Errorf(belay.CodeUnavailable, "it does not answer")
	w.answers(func(string) (*app.Identity, error) { return nil, down })
	w.advance(5 * time.Minute)
	w.wantSession(s, w.gate, "")
	w.advance(59 * time.Second)
	w.wantSession(s, w.gate, "")
	if n := w.times(); n != 1 {
		t.Errorf("asked %d times within a minute", n)
	}
	w.advance(time.Second)
	w.wantSession(s, w.gate, "")
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second", "web"), nil })
	w.advance(time.Minute)
	w.wantSession(s, w.gate, "")
	if got := w.teams(s.UserID); w.times() != 3 || !slices.Equal(got, []string{"web"}) {
		t.Errorf("asked %d times, and the teams are %v", w.times(), got)
	}
	w.answers(func(string) (*app.Identity, error) { return nil, down })
	for range 12 {
		w.advance(59 * time.Minute)
		_, _ = w.gate.Session(t.Context(), s.Value, "")
	}
	w.advance(12 * time.Minute)
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
}

// TestRefreshThatHangs keeps nobody waiting who has waited once, and its
// answer is not lost.
func TestRefreshThatHangs(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	began, finish := make(chan struct{}), make(chan struct{})
	w.answers(func(string) (*app.Identity, error) {
		close(began)
		<-finish
		return w.says("canary-second", "web"), nil
	})
	w.advance(5 * time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := w.gate.Session(ctx, s.Value, "")
		left <- err
	}()
	<-began
	leave()
	if err := <-left; err == nil {
		t.Error("who has left is answered")
	}
	close(finish)
	w.gate.Close()
	if got := w.teams(s.UserID); !slices.Equal(got, []string{"web"}) {
		t.Errorf("the teams are %v", got)
	}
}

// TestSealedRefresh is nobody else's: neither to be read in the database, nor
// of use to another session.
func TestSealedRefresh(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	other := w.enters()
	w.answers(func(string) (*app.Identity, error) { return w.says("canary-second"), nil })
	w.advance(5 * time.Minute)
	w.must(w.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		sealed, err := tx.ClaimRefresh(ctx, s.ID, w.clock(), w.clock())
		if len(sealed) == 0 || slices.Contains(w.asked, string(sealed)) {
			t.Errorf("stored: %q", sealed)
		}
		if err != nil {
			return err
		}
		return tx.KeepRefresh(ctx, other.ID, sealed, w.clock())
	}))
	w.wantSession(other, w.gate, belay.CodeUnauthenticated)
	if n := w.times(); n != 0 {
		t.Errorf("asked %d times with another session's token", n)
	}
	w.wantSession(s, w.gate, "")
}

// TestProviderSignedOut ends what the provider names, at once.
func TestProviderSignedOut(t *testing.T) {
	t.Parallel()
	w := newThreshold(t, app.Admission{Organization: "My Org", Newcomers: belay.OrganizationMember})
	end := func(o *app.ProviderLogout, token string, want belay.Code) {
		t.Helper()
		w.door.logout = o
		if err := w.gate.ProviderSignedOut(t.Context(), "okta", token); belay.CodeOf(err) != want {
			t.Errorf("got %v", err)
		}
	}
	w.identity.SessionID = "one"
	one := w.enters()
	w.identity.SessionID = "two"
	two := w.enters()
	w.wantSession(one, w.gate, "")
	end(&app.ProviderLogout{SessionID: "one", IssuedAt: w.clock()}, "forged", belay.CodeUnauthenticated)
	end(&app.ProviderLogout{SessionID: "one", Subject: "bob", IssuedAt: w.clock()}, "good", "")
	w.wantSession(one, w.gate, "")
	end(&app.ProviderLogout{SessionID: "one", IssuedAt: w.clock()}, "good", "")
	w.wantSession(one, w.gate, belay.CodeUnauthenticated)
	w.wantSession(two, w.gate, "")
	end(&app.ProviderLogout{Subject: "alice", IssuedAt: w.clock().Add(-2 * time.Minute)}, "good", "")
	w.wantSession(two, w.gate, "") // it began later
	end(&app.ProviderLogout{Subject: "alice", IssuedAt: w.clock()}, "good", "")
	w.wantSession(two, w.gate, belay.CodeUnauthenticated)
	for _, key := range []string{"local", "absent"} {
		if err := w.gate.ProviderSignedOut(t.Context(), key, "good"); belay.CodeOf(err) != belay.CodeNotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestSignOutElsewhere ends the session and says where the browser goes on.
func TestSignOutElsewhere(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	where, p, err := w.gate.SignOutElsewhere(t.Context(), s.Value)
	if err != nil || where != oktaIssuer+"/end" || p.Key != "okta" {
		t.Errorf("got %q, %+v, %v", where, p, err)
	}
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
	if where, _, err := w.gate.SignOutElsewhere(t.Context(), s.Value); err != nil || where != "" {
		t.Errorf("again: %q, %v", where, err)
	}
	// A provider that does not answer keeps nobody here.
	w.silent = true
	s = w.enters()
	if where, _, err := w.gate.SignOutElsewhere(t.Context(), s.Value); err != nil || where != "" {
		t.Errorf("without the provider: %q, %v", where, err)
	}
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
}

// TestAnotherIssuer gives the provider's key to another one: whom the first had
// vouched for is not let in by its word, nor by what he has from then.
func TestAnotherIssuer(t *testing.T) {
	t.Parallel()
	w, s := lasting(t)
	text, err := w.gate.Issue(t.Context(), belay.Token{UserID: s.UserID, Name: "of before"})
	w.must(err)
	w.wantSession(s, w.gate, "")
	w.door.issuer = "https://other.example"
	w.advance(time.Second)
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
	if _, err := w.gate.Token(t.Context(), text, ""); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("his token is answered with %v", err)
	}
}
