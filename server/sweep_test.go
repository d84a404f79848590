package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

// A server removes by itself what was deleted thirty days ago, and not before.
func TestSweeper(t *testing.T) {
	for name, start := range map[string]func(testing.TB, belaytest.Options) *belaytest.Server{"SQLite": belaytest.Start, "PostgreSQL": belaytest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			s := start(t, belaytest.Options{Clock: clock.Now, Sweep: time.Millisecond})
			secret := map[string]any{"name": "old", "type": "bearer", "secret": map[string]any{"token": "not-a-real-token"}}
			id := s.Admin.Post("/api/integrations/credentials", secret).Want(http.StatusCreated).ID()
			s.Admin.Delete("/api/integrations/credentials?credentialId=" + id).Want(http.StatusNoContent)
			s.Token(belay.Token{UserID: s.Admin.UserID, Name: "short", ExpiresAt: clock.Now().Add(time.Hour)})

			// A sign-in link is past its time sooner: that it goes shows that the sweeper has been at it.
			link := func() {
				t.Helper()
				if _, err := s.Gate().SignInLink(t.Context(), s.Admin.UserID); err != nil {
					t.Fatal(err)
				}
			}
			link()
			clock.Advance(29 * 24 * time.Hour)
			await(t, s, "links=")
			if log := s.Log(); strings.Contains(log, "objects=1") || strings.Contains(log, "tokens=1") {
				t.Errorf("removed too early:\n%s", log)
			}
			clock.Advance(2 * 24 * time.Hour)
			await(t, s, "objects=1")
			await(t, s, "tokens=1")
			if left, err := s.Store().CredentialVersions(t.Context(), s.Organization, belay.ID(id), belay.Query{}); err != nil || len(left.Items) > 0 {
				t.Errorf("%d ciphertexts are left, %v", len(left.Items), err)
			}
			if n := strings.Count(s.Log(), "removed what was past its time"); n > 4 {
				t.Errorf("%d lines in the log, though there was little to do:\n%s", n, s.Log())
			}
		})
	}
}

// await waits until the log says something.
func await(t *testing.T, s *belaytest.Server, what string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(s.Log(), what) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q:\n%s", what, s.Log())
		}
		time.Sleep(time.Millisecond)
	}
}
