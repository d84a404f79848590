package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

func TestUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := &belay.User{
			ID: w.id(), Provider: "oidc", Subject: "s-1", Email: "Zoë@example.test", FirstName: "Zoë", LastName: "Ö",
			AvatarURL: "https://example.test/z.png", Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateUser(ctx, want) }), "")
		got, err := w.User(ctx, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		_, err = w.User(ctx, w.id())
		wantCode(t, err, belay.CodeNotFound)

		twin := *want
		twin.ID = w.id()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateUser(ctx, &twin) }), belay.CodeConflict)
		twin.Provider = "local"
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateUser(ctx, &twin) }), "")
	})
}

func TestMemberships(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.member(w.other, w.max, belay.OrganizationMember)
		w.member(w.other, w.max, belay.OrganizationAdmin) // replaces
		got, err := w.Memberships(ctx, w.max)
		wantCode(t, err, "")
		wantEqual(t, got, []belay.Membership{
			{OrganizationID: w.org, UserID: w.max, Role: belay.OrganizationMember, AccessVersion: 2},
			{OrganizationID: w.other, UserID: w.max, Role: belay.OrganizationAdmin, AccessVersion: 3},
		})
		got, err = w.Memberships(ctx, w.id())
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
		wantCode(t, w.try(func(tx *store.Tx) error {
			return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: w.max, Role: "king"}, w.now())
		}), belay.CodeInvalid)
	})
}

func TestOrganization(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := &belay.Organization{
			ID: w.id(), Name: "Größe & Co", Description: "makers of things", Country: "de", Region: "eu", OwnerID: w.max,
			Version: 1, CreatedAt: w.now(), UpdatedAt: w.now(),
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateOrganization(ctx, want) }), "")
		w.member(want.ID, w.max, belay.OrganizationOwner)
		got, err := w.Organization(ctx, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		_, err = w.Organization(ctx, w.id())
		wantCode(t, err, belay.CodeNotFound)

		for search, names := range map[string][]string{
			"": {"Größe & Co", "Org"}, "GRÖ": {"Größe & Co"}, "co mak": {"Größe & Co"}, "öße": {}, "other": {}, "&": {}, "or": {"Org"},
		} {
			page, err := w.OrganizationsOf(ctx, w.max, "", belay.Query{Search: search})
			wantCode(t, err, "")
			var got []string
			for _, o := range page.Items {
				got = append(got, o.Name)
			}
			wantEqual(t, got, names)
			wantEqual(t, page.Total, len(names))
		}
	})
}

func TestOrganizationCount(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *store.Store) {
		w := &world{Store: s, t: t}
		ann := w.addUser("ann")
		for _, want := range []int{0, 1, 2, 2} {
			got, err := s.OrganizationCount(context.Background())
			wantCode(t, err, "")
			wantEqual(t, got, want)
			w.addOrganization("org", ann) // names of organizations need not differ
		}
	})
}

func TestSignInLink(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return tx.CreateSignInLink(ctx, []byte("link"), w.max, now, now.Add(time.Minute))
		})
		spend := func(hash string, at time.Time, want belay.ID, code belay.Code) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error {
				got, err := tx.UseSignInLink(ctx, []byte(hash), at)
				if got != want {
					t.Errorf("signed in %q, want %q", got, want)
				}
				return err
			}), code)
		}
		spend("other", now, "", belay.CodeNotFound)
		spend("link", now.Add(time.Minute), "", belay.CodeNotFound) // expired
		spend("link", now, w.max, "")
		spend("link", now, "", belay.CodeNotFound) // spent
	})
}

func TestIdempotency(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		day := now.Add(-24 * time.Hour)
		want := &store.Idempotency{UserID: w.max, Key: "k", Request: []byte{0, 1}, ObjectID: w.id()}
		remember := func(i *store.Idempotency, at time.Time) error {
			i.CreatedAt = at
			return w.try(func(tx *store.Tx) error {
				return tx.RememberRequest(ctx, i, at.Add(-24*time.Hour), at.Add(-10*time.Minute))
			})
		}
		find := func(user belay.ID, key string, after time.Time, want *store.Idempotency) {
			t.Helper()
			got, err := w.Idempotency(ctx, user, key, after)
			wantCode(t, err, "")
			wantEqual(t, got, want)
		}
		find(w.max, "k", day, nil)
		wantCode(t, remember(want, now), "")
		find(w.max, "k", day, want)
		find(w.max, "k", now, nil)
		find(w.max, "K", day, nil)
		find(w.ann, "k", day, nil)
		again := &store.Idempotency{UserID: w.max, Key: "k", Request: []byte{2}, ObjectID: w.id()}
		wantCode(t, remember(again, now.Add(23*time.Hour)), belay.CodeConflict)
		find(w.max, "k", day, want)
		wantCode(t, remember(again, now.Add(24*time.Hour)), "")
		find(w.max, "k", now, again)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.ForgetRequest(ctx, want) }), "") // long ago
		find(w.max, "k", now, again)
		of := *again
		of.UserID = w.ann
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.ForgetRequest(ctx, &of) }), "")
		find(w.max, "k", now, again)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.ForgetRequest(ctx, again) }), "")
		find(w.max, "k", now, nil)

		// Of requests that create nothing, one that is under way for too long
		// gives way, one that was answered does not.
		slow := &store.Idempotency{UserID: w.max, Key: "k", Request: []byte{3}}
		next := &store.Idempotency{UserID: w.max, Key: "k", Request: []byte{3}}
		wantCode(t, remember(slow, now), "")
		wantCode(t, remember(next, now.Add(10*time.Minute-time.Second)), belay.CodeConflict)
		wantCode(t, remember(next, now.Add(10*time.Minute)), "")
		slow.Answer = []byte("late")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.AnswerRequest(ctx, slow) }), "")
		find(w.max, "k", day, next)
		next.Answer = []byte("done")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.AnswerRequest(ctx, next) }), "")
		find(w.max, "k", day, next)
		wantCode(t, remember(slow, now.Add(time.Hour)), belay.CodeConflict)
		find(w.max, "k", day, next)
	})
}

func TestKeyset(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		find := func(name string, want *store.Keyset) {
			t.Helper()
			got, err := w.Keyset(ctx, name)
			wantCode(t, err, "")
			wantEqual(t, got, want)
		}
		find("data", nil)
		first := &store.Keyset{Name: "data", KEKID: "file", Wrapped: []byte{0, 0xff}}
		second := &store.Keyset{Name: "data", KEKID: "vault", Wrapped: []byte{1}}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateKeyset(ctx, first, w.now()) }), "")
		find("data", first)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateKeyset(ctx, second, w.now()) }), belay.CodeConflict)
		find("data", first)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.SaveKeyset(ctx, second, w.now()) }), "")
		find("data", second)
		find("other", nil)
	})
}
