package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/store"
)

// chest is a door that keeps its users' data too.
type chest struct {
	*door
	revoked *[]string
}

func (chest) Access(refresh belay.Secret) (belay.Secret, error) {
	return belay.SecretString("access-of-" + string(refresh.Reveal())), nil
}

func (c chest) Revoke(_ context.Context, refresh belay.Secret) error {
	*c.revoked = append(*c.revoked, string(refresh.Reveal()))
	return errors.New("down")
}

// kept is a threshold whose provider keeps its users' data, with somebody who
// is signed in.
func kept(t *testing.T) (*threshold, *app.Arrival, *[]string) {
	t.Helper()
	w := newThreshold(t, app.Admission{Organization: "My Org", Newcomers: belay.OrganizationAdmin, Map: sameName})
	var revoked []string
	w.config.Providers["okta"] = chest{w.door, &revoked}
	w.gate = w.replica()
	w.identity = *w.says("first", "sre")
	return w, w.enters(), &revoked
}

func (w *threshold) principal(s *app.Arrival) *belay.Principal {
	w.t.Helper()
	p, err := w.gate.Session(w.t.Context(), s.Value, "")
	w.must(err)
	return p
}

// TestKeptElsewhere lets somebody in who belongs to no organization here, and
// whom nothing here can give a role.
func TestKeptElsewhere(t *testing.T) {
	t.Parallel()
	w, s, revoked := kept(t)
	p := w.principal(s)
	if len(p.Roles) != 0 {
		t.Errorf("he has the roles %v", p.Roles)
	}
	w.must(w.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: p.UserID, Role: belay.OrganizationAdmin}, w.clock())
	}))
	w.advance(time.Second)
	if p = w.principal(s); len(p.Roles) != 0 {
		t.Errorf("a membership gives him the roles %v", p.Roles)
	}
	o, err := w.gate.Onward(t.Context(), p)
	w.must(err)
	if string(o.Access.Reveal()) != "access-of-first" {
		t.Errorf("his requests are authenticated by %s", o.Access.Reveal())
	}
	_, err = w.signIn(app.Errand{Invitation: belay.SecretString("any")})
	if belay.CodeOf(err) != belay.CodeConflict || !strings.Contains(err.Error(), "keeps his data") {
		t.Errorf("an invitation is answered with %v", err)
	}
	w.must(w.gate.SignOut(t.Context(), s.Value))
	if got := *revoked; len(got) != 1 || got[0] != "first" {
		t.Errorf("signing out revokes %v", got)
	}
	_, err = w.gate.Onward(t.Context(), p)
	wantMessage(t, err, belay.CodeUnauthenticated, "the session has expired")
	p.SessionID, p.TokenID = "", "token"
	_, err = w.gate.Onward(t.Context(), p)
	wantMessage(t, err, belay.CodeForbidden, "a token that was made here")
}

func wantMessage(t *testing.T, err error, code belay.Code, part string) {
	t.Helper()
	if belay.CodeOf(err) != code || !strings.Contains(err.Error(), part) {
		t.Errorf("got %v, want %s: %s", err, code, part)
	}
}

// TestOnwardAgain asks for new tokens when those are refused, once for all who
// were refused with the same.
func TestOnwardAgain(t *testing.T) {
	t.Parallel()
	w, s, _ := kept(t)
	p := w.principal(s)
	first, err := w.gate.Onward(t.Context(), p)
	w.must(err)

	w.answers(func(string) (*app.Identity, error) { return nil, belay.Errorf(belay.CodeUnavailable, "down") })
	_, err = w.gate.OnwardAgain(t.Context(), p, first)
	wantMessage(t, err, belay.CodeUnavailable, "you stay signed in")
	w.wantSession(s, w.gate, "")

	w.answers(func(string) (*app.Identity, error) { return w.says("second"), nil })
	for range 2 {
		second, err := w.gate.OnwardAgain(t.Context(), p, first)
		w.must(err)
		if string(second.Access.Reveal()) != "access-of-second" {
			t.Errorf("then by %s", second.Access.Reveal())
		}
	}
	if n := w.times(); n != 2 {
		t.Errorf("asked again %d times, want once while it was down and once after", n)
	}
	w.answers(func(string) (*app.Identity, error) { return nil, app.Unauthenticated("ended there") })
	second, err := w.gate.Onward(t.Context(), p)
	w.must(err)
	_, err = w.gate.OnwardAgain(t.Context(), p, second)
	wantMessage(t, err, belay.CodeUnauthenticated, "the session has expired: it has ended at the provider okta")
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
}

// TestEndOnward ends a session whose new tokens are refused too.
func TestEndOnward(t *testing.T) {
	t.Parallel()
	w, s, _ := kept(t)
	p := w.principal(s)
	wantMessage(t, w.gate.EndOnward(t.Context(), p), belay.CodeUnauthenticated, "sign in again")
	w.wantSession(s, w.gate, belay.CodeUnauthenticated)
}

// TestForeign knows a token of this server's, also one that lets nobody in any
// more, from another.
func TestForeign(t *testing.T) {
	t.Parallel()
	w, s, _ := kept(t)
	ended, err := w.gate.Issue(t.Context(), belay.Token{ID: "t", UserID: w.principal(s).UserID, Name: "t", CreatedAt: w.clock(), ExpiresAt: w.clock().Add(time.Second)})
	w.must(err)
	w.advance(time.Minute)
	other := newThreshold(t, app.Admission{})
	unknown, err := other.gate.Issue(t.Context(), belay.Token{ID: "t", UserID: belay.PrincipalFrom(other.admin).UserID, Name: "t", CreatedAt: w.clock()})
	w.must(err)
	for _, c := range []struct {
		key   string
		token belay.Secret
		want  bool
	}{
		{"okta", unknown, true},
		{"okta", ended, false},
		{"okta", belay.SecretString("no token"), false},
		{"okta", belay.Secret{}, false},
		{"dex", unknown, false}, // keeps nobody's data
		{belay.LocalProvider, unknown, false},
		{"nobody", unknown, false},
	} {
		got, err := w.gate.Foreign(t.Context(), c.key, c.token, "192.0.2.1")
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.key, got, err)
		}
	}
}
