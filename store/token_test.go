package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"belay"
	"belay/store"
)

func TestToken(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := &belay.Token{
			ID: w.id(), UserID: w.max, OrganizationID: w.org, Name: "ci", Prefix: "bly_x", Hash: []byte{0, 1, 0xff},
			WorkspaceID: w.id(), EnvironmentID: w.id(), Purpose: "tests", UpdatedAt: w.now(),
			Scopes: []belay.Permission{belay.PermissionConnectionRead}, CreatedAt: w.now(), ExpiresAt: w.now(),
		}
		all := &belay.Token{ID: w.id(), UserID: w.max, Hash: []byte{2}, CreatedAt: w.now()} // of every scope, forever
		w.write(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.CreateToken(ctx, all); err != nil {
				return err
			}
			return tx.CreateToken(ctx, want)
		})
		find := func(hash []byte, want *belay.Token) {
			t.Helper()
			got, err := w.TokenByHash(ctx, hash)
			wantCode(t, err, "")
			wantEqual(t, got, want)
			if want == nil {
				return
			}
			got, err = w.TokenOf(ctx, want.UserID, want.ID)
			wantCode(t, err, "")
			wantEqual(t, got, want)
			got, err = w.TokenOf(ctx, w.eve, want.ID)
			wantCode(t, err, "")
			wantEqual(t, got, (*belay.Token)(nil))
		}
		find(want.Hash, want)
		find(all.Hash, all)
		find([]byte{0, 1}, nil)
		find(nil, nil)
		if got, _ := w.TokenByHash(ctx, all.Hash); got.Scopes != nil {
			t.Errorf("a token of all scopes came back with %v", got.Scopes)
		}
		want.LastUsedAt, want.LastUsedFrom = w.now(), "192.0.2.1"
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.TokenUsed(ctx, want.ID, want.LastUsedAt, want.LastUsedFrom, false) }), "")
		find(want.Hash, want)
		revoke := func(user, id belay.ID, want belay.Code) {
			t.Helper()
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.RevokeToken(ctx, user, id, w.now()) }), want)
		}
		revoke(w.ann, want.ID, belay.CodeNotFound)
		revoke(w.max, w.id(), belay.CodeNotFound)
		find(want.Hash, want)
		want.RevokedAt = w.now()
		want.UpdatedAt = want.RevokedAt
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.RevokeToken(ctx, w.max, want.ID, want.RevokedAt) }), "")
		find(want.Hash, want)
		revoke(w.max, want.ID, "") // which changes nothing
		find(want.Hash, want)
	})
}

// A token bound to a workspace is bound to its organization.
func TestTokenBinding(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for _, k := range []belay.Token{{WorkspaceID: w.id()}, {EnvironmentID: w.id()}} {
			k.ID, k.UserID, k.Hash = w.id(), w.max, []byte(w.id())
			if err := w.try(func(tx *store.Tx) error { return tx.CreateToken(ctx, &k) }); err == nil {
				t.Errorf("stored: %+v", k)
			}
		}
	})
}

// TestRotateToken finds a token by its text before and after its rotation,
// and after the next one by neither of the first.
func TestRotateToken(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k := w.addToken(belay.Token{UserID: w.max, Name: "ci"})
		rotate := func(hash string, want belay.Code) {
			t.Helper()
			next := *k
			next.Former = belay.FormerToken{Prefix: k.Prefix, Hash: k.Hash, ExpiresAt: w.now()}
			next.Prefix, next.Hash, next.RotatedAt, next.ExpiresAt = "bly_"+hash, []byte(hash), w.now(), w.now()
			next.UpdatedAt = next.RotatedAt
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.RotateToken(ctx, &next) }), want)
			if want == "" {
				k = &next
			}
		}
		first := k.Hash
		rotate("second", "")
		used := w.now()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.TokenUsed(ctx, k.ID, used, "192.0.2.1", true) }), "")
		k.LastUsedAt, k.LastUsedFrom, k.Former.LastUsedAt = used, "192.0.2.1", used
		many, err := w.TokensByHash(ctx, [][]byte{first, k.Hash, []byte("unknown")})
		wantCode(t, err, "")
		for _, hash := range [][]byte{first, k.Hash} {
			got, err := w.TokenByHash(ctx, hash)
			wantCode(t, err, "")
			wantEqual(t, got, k)
			wantEqual(t, many[string(hash)], k)
		}
		wantEqual(t, len(many), 2)
		rotate("third", "")
		got, err := w.TokenByHash(ctx, first)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Token)(nil))

		stale := *k
		rotate("fourth", "")
		k = &stale
		rotate("again", belay.CodeConflict)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.RevokeToken(ctx, w.max, k.ID, w.now()) }), "")
		k, err = w.TokenOf(ctx, w.max, k.ID)
		wantCode(t, err, "")
		rotate("revoked", belay.CodeConflict)
	})
}

func (w *world) addToken(k belay.Token) *belay.Token {
	w.t.Helper()
	k.ID, k.CreatedAt, k.UpdatedAt = w.id(), w.now(), w.now()
	if k.Hash == nil {
		k.Hash = []byte("hash of " + k.ID)
	}
	if k.Prefix == "" {
		k.Prefix = "bly_" + string(k.ID[28:])
	}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateToken(ctx, &k) })
	return &k
}

// TestTokens lists tokens by whose they are, what they are bound to, whether
// they still work, and by their words.
func TestTokens(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, e, at := w.id(), w.id(), w.now()
		w.addToken(belay.Token{UserID: w.max, Name: "Deploy 100%_sure", Purpose: "Größe of things"})
		w.addToken(belay.Token{UserID: w.max, Name: "bound", OrganizationID: w.org, WorkspaceID: v, EnvironmentID: e, Prefix: "bly_bound"})
		w.addToken(belay.Token{UserID: w.max, Name: "rotated", OrganizationID: w.org, WorkspaceID: v, Former: belay.FormerToken{Prefix: "bly_before", Hash: []byte("before")}})
		w.addToken(belay.Token{UserID: w.ann, Name: "of ann", OrganizationID: w.org})
		w.addToken(belay.Token{UserID: w.max, Name: "expired", ExpiresAt: at})
		w.addToken(belay.Token{UserID: w.max, Name: "expires", ExpiresAt: at.Add(time.Second)})
		w.addToken(belay.Token{UserID: w.max, Name: "revoked", RevokedAt: at})
		type filter = belay.TokenFilter
		for _, c := range []struct {
			filter filter
			search string
			want   []string
		}{
			{filter{UserID: w.max}, "", []string{"bound", "Deploy 100%_sure", "expires", "rotated"}},
			{filter{UserID: w.max, Ended: true}, "", []string{"expired", "revoked"}},
			{filter{UserID: w.eve}, "", nil},
			{filter{OrganizationID: w.org}, "", []string{"bound", "of ann", "rotated"}},
			{filter{OrganizationID: w.other}, "", nil},
			{filter{UserID: w.max, WorkspaceID: v}, "", []string{"bound", "rotated"}},
			{filter{UserID: w.max, EnvironmentID: e}, "", []string{"bound"}},
			{filter{UserID: w.max, Prefix: "bly_bound"}, "", []string{"bound"}},
			{filter{UserID: w.max, Prefix: "bly_before"}, "", []string{"rotated"}},
			{filter{UserID: w.ann, Prefix: "bly_before"}, "", nil},
			{filter{UserID: w.max}, "DEP", []string{"Deploy 100%_sure"}},
			{filter{UserID: w.max}, "größe sure", []string{"Deploy 100%_sure"}},
			{filter{UserID: w.max}, "eploy", nil},
			{filter{UserID: w.max}, "%", nil},
			{filter{UserID: w.max}, "sure 11", nil},
		} {
			c.filter.At = at
			page, err := w.Tokens(ctx, c.filter, belay.Query{Search: c.search})
			wantCode(t, err, "")
			wantEqual(t, tokenNames(page), c.want)
			wantEqual(t, page.Total, len(c.want))
		}
	})
}

func tokenNames(page belay.Page[*belay.Token]) []string {
	var out []string
	for _, k := range page.Items {
		out = append(out, k.Name)
	}
	return out
}

// TestTokenPages follows cursors through a list in each of its orders.
func TestTokenPages(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var names []string
		for i := range 7 {
			names = append(names, w.addToken(belay.Token{UserID: w.max, Name: fmt.Sprint("token ", i)}).Name)
		}
		for _, column := range []string{"name", "createdAt", "updatedAt"} {
			var got []string
			q := belay.Query{Size: 3, Order: belay.Order{Column: column}}
			for {
				page, err := w.Tokens(ctx, belay.TokenFilter{UserID: w.max}, q)
				wantCode(t, err, "")
				wantEqual(t, page.Total, 7)
				got = append(got, tokenNames(page)...)
				if q.Cursor = page.NextCursor; q.Cursor == "" {
					break
				}
			}
			wantEqual(t, got, names)
		}
	})
}

// TestSessions lists the sessions of a user that have not ended, and ends
// them.
func TestSessions(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		hashes := map[belay.ID][]byte{}
		add := func(user belay.ID, used, expires time.Time) belay.ID {
			s := &belay.Session{ID: w.id(), UserID: user, Hash: []byte("session " + w.id()), CreatedAt: w.now(), LastUsedAt: used, ExpiresAt: expires}
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateSession(ctx, s) }), "")
			hashes[s.ID] = s.Hash
			return s.ID
		}
		idle, later := now.Add(-time.Minute), now.Add(time.Hour)
		a, b := add(w.max, idle, later), add(w.max, now, later)
		add(w.max, idle.Add(-time.Microsecond), later)
		add(w.max, now, now)
		foreign := add(w.eve, now, later)
		list := func(user belay.ID, want ...belay.ID) {
			t.Helper()
			page, err := w.Sessions(ctx, user, now, idle, belay.Query{})
			wantCode(t, err, "")
			var got []belay.ID
			for _, s := range page.Items {
				got = append(got, s.ID)
			}
			wantEqual(t, got, want)
			wantEqual(t, page.Total, len(want))
		}
		list(w.max, b, a)
		many, err := w.SessionsByHash(ctx, [][]byte{hashes[a], hashes[b], []byte("unknown"), hashes[a], []byte("another")})
		wantCode(t, err, "")
		wantEqual(t, map[belay.ID]int{many[string(hashes[a])].ID: 1, many[string(hashes[b])].ID: 1, "": len(many)}, map[belay.ID]int{a: 1, b: 1, "": 2})
		wantCode(t, w.try(func(tx *store.Tx) error {
			n, err := tx.DeleteOtherSessions(ctx, w.max, b)
			wantEqual(t, n, 3)
			return err
		}), "")
		list(w.max, b)
		list(w.eve, foreign)
		wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.DeleteOtherSessions(ctx, w.max, ""); return err }), "")
		list(w.max)
	})
}

func TestSession(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want := &belay.Session{
			ID: w.id(), UserID: w.max, Hash: []byte("hash"), UserAgent: "browser", RemoteAddr: "192.0.2.1",
			CreatedAt: w.now(), LastUsedAt: w.now(), ExpiresAt: w.now(),
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateSession(ctx, want) }), "")
		want.LastUsedAt = w.now()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.SessionUsed(ctx, want.ID, want.LastUsedAt) }), "")
		got, err := w.SessionByHash(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		got, err = w.SessionOf(ctx, w.max, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		got, err = w.SessionOf(ctx, w.eve, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Session)(nil))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, w.eve, want.ID) }), belay.CodeNotFound)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, w.max, want.ID) }), "")
		got, err = w.SessionByHash(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.Session)(nil))
	})
}
