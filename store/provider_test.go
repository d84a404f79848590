package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// from stores a user of a provider.
func (w *world) from(provider, subject string) *belay.User {
	w.t.Helper()
	u := &belay.User{
		ID: w.id(), Provider: provider, Subject: subject, Issuer: "https://" + provider + ".example", Email: subject + "@example.test",
		FirstName: "First", Version: 1, CreatedAt: w.now(),
	}
	u.UpdatedAt = u.CreatedAt
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, u) })
	return u
}

// TestUsersOfProviders are known by provider and subject, never by address,
// and are found by what the provider has said last.
func TestUsersOfProviders(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want, other := w.from("okta", "sub"), w.from("dex", "sub")
		got, err := w.UserBySubject(ctx, "okta", "sub")
		wantCode(t, err, "")
		wantEqual(t, got, want)
		for _, absent := range [][2]string{{"okta", "SUB"}, {"okta", ""}, {"local", "sub"}} {
			_, err := w.UserBySubject(ctx, absent[0], absent[1])
			wantCode(t, err, belay.CodeNotFound)
		}
		w.member(w.org, want.ID, belay.OrganizationMember)
		w.member(w.other, want.ID, belay.OrganizationMember)
		want.Email, want.FirstName, want.LastName, want.AvatarURL = "Renamed@example.test", "Robin", "Reed", "https://example.test/robin.png"
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.FollowUser(ctx, want, w.now()) }), "")
		got, err = w.UserBySubject(ctx, "okta", "sub")
		wantCode(t, err, "")
		if got.Version != 2 || got.Email != want.Email || got.FirstName != "Robin" || got.LastName != "Reed" || got.AvatarURL != want.AvatarURL {
			t.Errorf("he is now %+v", got)
		}
		for _, org := range []belay.ID{w.org, w.other} {
			for search, n := range map[string]int{"robin": 1, "first": 0} {
				page, err := w.Members(ctx, org, belay.MemberFilter{}, belay.Query{Search: search})
				wantCode(t, err, "")
				wantEqual(t, len(page.Items), n)
			}
			page, err := w.Members(ctx, org, belay.MemberFilter{Email: "renamed@example.test"}, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, len(page.Items), 1)
		}
		got, err = w.User(ctx, other.ID)
		wantCode(t, err, "")
		wantEqual(t, got, other)
	})
}

// TestAdopt gives only those to a provider who have no password.
func TestAdopt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		invited, has := w.addUser("invited"), w.addUser("has")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.SetPassword(ctx, &belay.Password{UserID: has, Hash: "h", ChangedAt: w.now()})
		})
		adopt := func(id belay.ID, want belay.Code) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error {
				return tx.Adopt(ctx, &belay.User{ID: id, Provider: "okta", Subject: "sub", Issuer: "https://okta.example"}, w.now())
			}), want)
		}
		adopt(has, belay.CodeNotFound)
		adopt(w.id(), belay.CodeNotFound)
		adopt(invited, "")
		adopt(invited, belay.CodeNotFound)
		got, err := w.UserBySubject(ctx, "okta", "sub")
		wantCode(t, err, "")
		if got.ID != invited || got.Issuer != "https://okta.example" {
			t.Errorf("it is %+v", got)
		}
	})
}

func TestNamed(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for name, want := range map[string]int{"ORG": 1, string(w.org): 1, "Or": 0, "": 0} {
			found, err := w.OrganizationsNamed(ctx, name)
			wantCode(t, err, "")
			wantEqual(t, len(found), want)
		}
		w.addOrganization("org", w.eve)
		found, err := w.OrganizationsNamed(ctx, "Org")
		wantCode(t, err, "")
		wantEqual(t, len(found), 2)
		sre := w.addTeam(w.org, "SRE")
		w.addTeam(w.other, "sre")
		teams, err := w.TeamsNamed(ctx, w.org, "sre", "absent")
		wantCode(t, err, "")
		if len(teams) != 1 || teams[0].ID != sre.ID {
			t.Errorf("found %v", teams)
		}
		none, err := w.TeamsNamed(ctx, w.org)
		wantCode(t, err, "")
		wantEqual(t, len(none), 0)
	})
}

// session stores one of a user, that began in one at his provider.
func (w *world) session(user belay.ID, there string) *belay.Session {
	w.t.Helper()
	s := &belay.Session{ID: w.id(), UserID: user, CreatedAt: w.now(), ExpiresAt: w.now().Add(time.Hour), ProviderSession: there}
	s.Hash, s.LastUsedAt = []byte(s.ID), s.CreatedAt
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateSession(ctx, s) })
	return s
}

// TestClaimRefresh lets one ask at a time, when it is time to.
func TestClaimRefresh(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.session(w.from("okta", "sub").ID, "there")
		now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
		keep := func(sealed []byte, at time.Time) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.KeepRefresh(ctx, s.ID, sealed, at) }), "")
		}
		claim := func(at time.Time, want []byte) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error {
				got, err := tx.ClaimRefresh(ctx, s.ID, at, at.Add(time.Minute))
				if string(got) != string(want) {
					t.Errorf("at %s %q is claimed, want %q", at, got, want)
				}
				return err
			}), "")
		}
		claim(now, nil) // there is none
		keep([]byte("one"), now)
		got, err := w.SessionByHash(ctx, s.Hash)
		wantCode(t, err, "")
		s.RefreshAt = now
		wantEqual(t, got, s)
		claim(now.Add(-time.Second), nil)
		claim(now, []byte("one"))
		claim(now.Add(59*time.Second), nil)
		claim(now.Add(time.Minute), []byte("one")) // who asked has not come back
		keep([]byte("two"), now.Add(time.Hour))
		claim(now.Add(2*time.Minute), nil)
		claim(now.Add(time.Hour), []byte("two"))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.PutOffRefresh(ctx, s.ID, now.Add(2*time.Hour)) }), "")
		claim(now.Add(time.Hour), nil)
		claim(now.Add(2*time.Hour), []byte("two"))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, s.UserID, s.ID) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.KeepRefresh(ctx, s.ID, []byte("three"), now) }), belay.CodeNotFound)
		claim(now.Add(3*time.Hour), nil)
	})
}

// TestEndProviderSessions ends what a provider has named, and nothing else.
func TestEndProviderSessions(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		alice, bob, foreign := w.from("okta", "alice").ID, w.from("okta", "bob").ID, w.from("dex", "alice").ID
		first, second, silent := w.session(alice, "a"), w.session(alice, "b"), w.session(alice, "")
		his, there := w.session(bob, "b"), w.session(foreign, "a")
		end := func(do func(*store.Tx) ([]belay.ID, error), want ...belay.ID) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error {
				got, err := do(tx)
				if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
					t.Errorf("ended %v, want %v", got, want)
				}
				return err
			}), "")
		}
		end(func(tx *store.Tx) ([]belay.ID, error) { return tx.EndProviderSessions(ctx, "okta", "", "") })
		end(func(tx *store.Tx) ([]belay.ID, error) { return tx.EndProviderSessions(ctx, "okta", "a", "bob") })
		end(func(tx *store.Tx) ([]belay.ID, error) { return tx.EndProviderSessions(ctx, "okta", "a", "") }, first.ID)
		end(func(tx *store.Tx) ([]belay.ID, error) { return tx.EndProviderSessions(ctx, "okta", "b", "alice") }, second.ID)
		end(func(tx *store.Tx) ([]belay.ID, error) {
			return tx.EndSessionsOfSubject(ctx, "okta", "alice", silent.CreatedAt.Add(-time.Second))
		})
		end(func(tx *store.Tx) ([]belay.ID, error) {
			return tx.EndSessionsOfSubject(ctx, "okta", "alice", silent.CreatedAt)
		}, silent.ID)
		for _, s := range []*belay.Session{his, there} {
			if got, err := w.SessionByHash(ctx, s.Hash); got == nil || err != nil {
				t.Errorf("a session of another has ended: %v", err)
			}
		}
	})
}
