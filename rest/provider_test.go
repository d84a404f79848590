package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"belay"
)

// TestProviders asks as a stranger where users come from, and chooses.
func TestProviders(t *testing.T) {
	w := newWorld(t)
	stranger := w.Client(belay.Secret{})
	var all map[string]struct {
		ProviderType, ProviderName, Title string
		Capabilities                      []struct{ Feature, Endpoint string }
	}
	stranger.Get("/api/providers").Want(http.StatusOK).Decode(&all)
	if p := all["local"]; len(all) != 1 || p.ProviderType != "local" || p.ProviderName != "local" || len(p.Capabilities) == 0 {
		t.Errorf("the providers are %+v", all)
	}
	a := stranger.Get("/api/provider?provider=local").Want(http.StatusFound)
	if c := a.Header.Get("Set-Cookie"); a.Header.Get("Location") != "/user/login" || !strings.HasPrefix(c, "meshery-provider=local;") || !strings.Contains(c, "HttpOnly") {
		t.Errorf("the answer is %v", a.Header)
	}
	for _, path := range []string{"/api/provider", "/api/provider?provider=okta", "/api/providers?provider=okta"} {
		if a := stranger.Get(path); a.Want(http.StatusBadRequest).Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
	}
	stranger.Get("/api/provider/capabilities").Want(http.StatusUnauthorized)
	if got := w.Admin.Get("/api/provider/capabilities").Want(http.StatusOK).Object(); got["providerName"] != "local" {
		t.Errorf("the capabilities are %v", got)
	}
}

// TestOwnToken gives back the token that was sent, by either way, and none to
// a session.
func TestOwnToken(t *testing.T) {
	w := newWorld(t)
	token := string(w.Token(belay.Token{UserID: w.Admin.UserID}).Reveal())
	stranger := w.Client(belay.Secret{})
	for header, value := range map[string]string{"Authorization": "Bearer " + token, "Cookie": "token=" + token + "; meshery-provider=local"} {
		a := stranger.With(header, value).Get("/api/token").Want(http.StatusOK)
		if o := a.Object(); o["token"] != token || o["meshery-provider"] != "local" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", header, a.Header)
		}
	}
	w.Browser(w.Admin.UserID).Get("/api/token").Want(http.StatusConflict)
	stranger.Get("/api/token").Want(http.StatusUnauthorized)
	if strings.Contains(w.Log(), token) {
		t.Error("the token is in the log")
	}
}
