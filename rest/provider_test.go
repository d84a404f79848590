package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
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

// TestProviderCheck tests a provider that does not answer, and previews what
// groups give.
func TestProviderCheck(t *testing.T) {
	t.Parallel()
	s := belaytest.Start(t, belaytest.Options{Providers: map[string]belay.ProviderSettings{"okta": {
		Type: "oidc", Issuer: "http://127.0.0.1:1", ClientID: "belay", Organization: "My Org",
		Teams: []belay.TeamRule{{Group: "belay-*", Team: "*"}, {Group: "ops", Team: "absent"}},
	}}})
	s.Admin.Post("/api/identity/orgs/"+string(s.Organization)+"/teams", object{"name": "sre"}).Want(http.StatusCreated)
	var got struct {
		OK       bool
		State    struct{ Status string }
		Findings []struct{ Name, Status, Message, Fix string }
	}
	s.Admin.Post("/api/providers/okta/test", nil).Want(http.StatusOK).Decode(&got)
	found := map[string]string{}
	for _, f := range got.Findings {
		found[f.Name] = f.Status + " " + f.Message + " " + f.Fix
	}
	for name, part := range map[string]string{
		"description": "failed the OpenID provider http://127.0.0.1:1 cannot be used now: it cannot be reached", "redirect URI": "note " + s.URL() + "/user/callback/okta",
		"organization": "ok My Org", "teams": "warning there are no teams of these names, and so their groups give nothing: absent",
		"back-channel logout URI": "note " + s.URL() + "/user/backchannel-logout/okta",
	} {
		if !strings.HasPrefix(found[name], part) {
			t.Errorf("%s: %q, want %q", name, found[name], part)
		}
	}
	if got.OK || got.State.Status != "unreachable" {
		t.Errorf("got %+v", got)
	}
	v := s.Admin.Get("/api/providers/okta/mapping?group=belay-sre&group=ops&group=x").Want(http.StatusOK).Object()
	if v["enters"] != true || v["role"] != "member" || len(v["teams"].([]any)) != 2 || len(v["unmatched"].([]any)) != 1 || len(v["matches"].([]any)) != 2 {
		t.Errorf("got %v", v)
	}
	if v := s.Admin.Get("/api/providers/okta/mapping?group=ops").Want(http.StatusOK).Object(); v["enters"] != false {
		t.Errorf("got %v", v)
	}
	s.Admin.Get("/api/providers/absent/mapping").Want(http.StatusNotFound)
	s.Admin.Post("/api/providers/absent/test", nil).Want(http.StatusNotFound)
	s.Member("max").Post("/api/providers/okta/test", nil).Want(http.StatusForbidden)
}
