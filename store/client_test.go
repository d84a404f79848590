package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// TestClientSession keeps a session of a client by its two tokens, of which a
// refresh replaces both, and once.
func TestClientSession(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := w.now()
		want := &belay.ClientSession{
			Session: &belay.Session{
				ID: w.id(), UserID: w.max, Hash: []byte("nobody's"), UserAgent: "command line", RemoteAddr: "192.0.2.1", Client: "belay-cli",
				CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour),
			},
			AccessHash: []byte("access"), AccessExpiresAt: now.Add(time.Minute), FamilyHash: []byte("family"), RefreshHash: []byte("refresh"),
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateClientSession(ctx, want) }), "")
		look := func() {
			t.Helper()
			got, err := w.SessionByAccess(ctx, want.AccessHash)
			wantCode(t, err, "")
			wantEqual(t, got, want)
			got, err = w.SessionByFamily(ctx, want.FamilyHash)
			wantCode(t, err, "")
			wantEqual(t, got, want)
			many, err := w.SessionsByAccess(ctx, [][]byte{want.AccessHash, []byte("unknown")})
			wantCode(t, err, "")
			wantEqual(t, many, map[string]*belay.ClientSession{string(want.AccessHash): want})
		}
		look()
		want.AccessHash, want.RefreshHash, want.AccessExpiresAt = []byte("access 2"), []byte("refresh 2"), now.Add(2*time.Minute)
		want.ExpiresAt, want.LastUsedAt = now.Add(2*time.Hour), w.now()
		refresh := func() error {
			return w.try(func(tx *store.Tx) error { return tx.RefreshSession(ctx, want, []byte("refresh")) })
		}
		wantCode(t, refresh(), "")
		look()
		wantCode(t, refresh(), belay.CodeConflict)
		got, err := w.SessionByAccess(ctx, []byte("access"))
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.ClientSession)(nil))
		page, err := w.Sessions(ctx, w.max, now, w.now().Add(time.Hour), belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, 1) // it is not idle, as a browser's would be
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, w.max, want.ID) }), "")
		wantEqual(t, len(w.rows(t, "select * from session_tokens")), 0)
	})
}

// TestAuthorizationCode is exchanged once, and ends with the session in which
// it was allowed.
func TestAuthorizationCode(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := &belay.Session{ID: w.id(), UserID: w.max, Hash: []byte("browser"), ExpiresAt: w.now()}
		want := &belay.AuthorizationCode{
			Hash: []byte("code"), SessionID: s.ID, UserID: w.max, Client: "belay-cli", RedirectURI: "http://127.0.0.1:1/callback",
			Challenge: "challenge", Host: "laptop", ExpiresAt: w.now(),
		}
		wantCode(t, w.try(func(tx *store.Tx) error {
			if err := tx.CreateSession(ctx, s); err != nil {
				return err
			}
			return tx.CreateAuthorizationCode(ctx, want)
		}), "")
		use := func(id belay.ID) error {
			return w.try(func(tx *store.Tx) error { return tx.UseAuthorizationCode(ctx, want.Hash, id) })
		}
		want.IssuedID = w.id()
		wantCode(t, use(want.IssuedID), "")
		wantCode(t, use(w.id()), belay.CodeConflict)
		got, err := w.AuthorizationCode(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, w.max, s.ID) }), "")
		got, err = w.AuthorizationCode(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.AuthorizationCode)(nil))
	})
}

// TestDeviceRequest is answered once, and goes when it was exchanged, when
// the session of its answer ends, and when its time is over.
func TestDeviceRequest(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := &belay.Session{ID: w.id(), UserID: w.max, Hash: []byte("browser"), ExpiresAt: w.now().Add(time.Hour)}
		add := func(code string) *belay.DeviceRequest {
			d := &belay.DeviceRequest{
				Hash: []byte(code), UserCode: []byte("user " + code), Client: "belay-cli", Host: "box", RemoteAddr: "192.0.2.1",
				Pause: 5 * time.Second, CreatedAt: w.now(), ExpiresAt: w.now(),
			}
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateDeviceRequest(ctx, d) }), "")
			return d
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateSession(ctx, s) }), "")
		want := add("a")
		want.PolledAt, want.Pause = w.now(), 10*time.Second
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.PollDeviceRequest(ctx, want.Hash, want.PolledAt, want.Pause) }), "")
		answer := func() error {
			return w.try(func(tx *store.Tx) error { return tx.AnswerDeviceRequest(ctx, want) })
		}
		want.SessionID, want.UserID, want.Answer = s.ID, w.max, belay.DeviceAllowed
		wantCode(t, answer(), "")
		wantCode(t, answer(), belay.CodeConflict)
		got, err := w.DeviceRequest(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		got, err = w.DeviceRequestByUserCode(ctx, want.UserCode)
		wantCode(t, err, "")
		wantEqual(t, got, want)
		end := func() error {
			return w.try(func(tx *store.Tx) error { return tx.EndDeviceRequest(ctx, want.Hash) })
		}
		wantCode(t, end(), "")
		wantCode(t, end(), belay.CodeNotFound)
		want = add("b")
		want.SessionID, want.UserID, want.Answer = s.ID, w.max, belay.DeviceDenied
		wantCode(t, answer(), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteSession(ctx, w.max, s.ID) }), "")
		got, err = w.DeviceRequest(ctx, want.Hash)
		wantCode(t, err, "")
		wantEqual(t, got, (*belay.DeviceRequest)(nil))
		add("c")
		swept, err := w.Sweep(context.Background(), store.Due{Ended: w.now()})
		wantCode(t, err, "")
		wantEqual(t, swept.Links, int64(1))
	})
}
