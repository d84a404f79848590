package belaytest_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

func TestStart(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { tour(t, belaytest.Start(t, belaytest.Options{})) })
	t.Run("PostgreSQL", func(t *testing.T) { tour(t, belaytest.OnPostgres(t, belaytest.Options{})) })
}

// tour uses everything that the package offers.
func tour(t *testing.T, s *belaytest.Server) {
	before := s.Stored()
	w := s.Admin.Post("/api/workspaces", map[string]any{"name": "payments"}).Want(http.StatusCreated)
	if maps.Equal(before, s.Stored()) {
		t.Error("Stored does not see a new workspace")
	}
	path := "/api/workspaces/" + w.ID()
	s.MemberWith("viewer", w.ID(), belay.RoleViewer).Get(path).Want(http.StatusOK)
	s.Member("stranger").Get(path).Want(http.StatusNotFound)
	s.Browser(s.Admin.UserID).Get(path).Want(http.StatusOK)
	s.Client(belay.Secret{}).Get(path).Want(http.StatusUnauthorized)
	s.As(s.Admin.UserID, belay.PermissionUserRead).Get(path).WantCode(belay.CodeForbidden)
	second := s.NewOrganization("Second", s.Admin.UserID)
	s.As(s.Admin.UserID).Get("/api/workspaces?orgId=" + string(second)).Want(http.StatusOK)
	if !strings.Contains(s.Log(), path) {
		t.Error("the log does not show the request")
	}
}

func TestClock(t *testing.T) {
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := belaytest.Start(t, belaytest.Options{Clock: clock.Now})
	e := s.Admin.Post("/api/environments", map[string]any{"name": "production"}).Want(http.StatusCreated)
	if got := e.Object()["createdAt"]; got != "2026-01-02T03:04:05Z" {
		t.Errorf("createdAt %v is not the clock's", got)
	}
	token := s.Client(s.Token(belay.Token{UserID: s.Admin.UserID, ExpiresAt: clock.Now().Add(time.Hour)}))
	token.Get("/api/user").Want(http.StatusOK)
	clock.Advance(2 * time.Hour)
	token.Get("/api/user").WantCode(belay.CodeUnauthenticated)
}
