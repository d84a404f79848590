package oidc_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"belay/egress"
	"belay/oidc"
)

// refuse makes the token endpoint answer with an error.
func (s *standIn) refuse(name string) {
	s.token = func(w http.ResponseWriter, _ url.Values) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"` + name + `","error_description":"canary-told"}`))
		return true
	}
}

// TestExamine finds what is wrong with a provider, and what is not.
func TestExamine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit  func(*standIn)
		check string
		grade oidc.Grade
		say   string
	}{
		"good":          {func(*standIn) {}, "client", oidc.Good, "knows this server"},
		"keys":          {func(*standIn) {}, "keys", oidc.Good, "1 that"},
		"refresh":       {func(*standIn) {}, "refresh", oidc.Good, "followed"},
		"wrong secret":  {func(s *standIn) { s.refuse("invalid_client") }, "client", oidc.Broken, "refuses this server's client id or secret"},
		"silent client": {func(s *standIn) { s.refuse("server_error") }, "client", oidc.Doubt, "does not say"},
		"issuer":        {func(s *standIn) { s.metadata = func(m object) { m["issuer"] = s.URL + "/" } }, "description", oidc.Broken, "letter for letter"},
		"no keys":       {func(s *standIn) { s.published = func() any { return keyList([]jose.JSONWebKey{}...) } }, "keys", oidc.Broken, "no key"},
		"clock":         {func(s *standIn) { s.clock.Advance(-time.Hour) }, "clock", oidc.Broken, "differs from this server's by"},
		"clock a bit":   {func(s *standIn) { s.clock.Advance(30 * time.Second) }, "clock", oidc.Doubt, "differs from this server's by"},
		"offline": {func(s *standIn) {
			s.metadata = func(m object) { m["scopes_supported"] = []string{"openid", "offline_access"} }
		}, "refresh", oidc.Doubt, "no refresh tokens are asked for"},
		"told": {func(s *standIn) { s.metadata = func(m object) { m["backchannel_logout_supported"] = true } }, "logout", oidc.Good, "if the back-channel logout URI is registered there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.refuse("invalid_grant")
			c.edit(s)
			var found *oidc.Finding
			for _, f := range s.provider().Examine(t.Context()) {
				for _, canary := range canaries() {
					if strings.Contains(f.Message+f.Fix, canary) {
						t.Errorf("%s shows %s", f.Name, canary)
					}
				}
				if f.Name == c.check {
					found = &f
				}
				if f.Grade == oidc.Broken && f.Fix == "" {
					t.Errorf("%s: nothing is advised", f.Name)
				}
			}
			if found == nil || found.Grade != c.grade || !strings.Contains(found.Message, c.say) {
				t.Errorf("found %+v", found)
			}
		})
	}
}

// TestGroupsThatEnter lets in who is in a permitted group, at the sign-in and
// when he is asked after again.
func TestGroupsThatEnter(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	p := s.provider(func(c *oidc.Config) { c.Groups = []string{"belay-*", "staff"} })
	id, err := s.finish(p)
	if err != nil {
		t.Fatal(err)
	}
	s.claims = func(claims object) { claims["groups"] = []string{"staffing", "x-belay-"} }
	_, err = s.finish(p)
	wantRealError(t, err, "forbidden", "certain groups")
	_, err = p.Refresh(t.Context(), id.RefreshToken, id.Subject)
	wantRealError(t, err, "forbidden", "certain groups")
	s.claims, s.userInfo = func(claims object) { delete(claims, "groups") }, object{"sub": "alice"}
	_, err = s.finish(p)
	wantRealError(t, err, "forbidden", "certain groups")
	if !p.Config().AdmitsGroups([]string{"x", "belay-sre"}) {
		t.Error("an asterisk stands for nothing")
	}
}

// TestExamineUnreachable advises what is about the way to the provider, and
// not about the client's settings.
func TestExamineUnreachable(t *testing.T) {
	t.Parallel()
	gone := newStandIn(t)
	p := gone.provider()
	gone.Close()
	found := p.Examine(t.Context())
	if len(found) != 1 || !strings.Contains(found[0].Fix, gone.URL) || !strings.Contains(found[0].Fix, "network") || strings.Contains(found[0].Fix, "client") {
		t.Errorf("found %+v", found)
	}
	denied, err := oidc.New(
		oidc.Config{Key: "okta", Issuer: newStandIn(t).URL, ClientID: "belay"},
		oidc.Options{Dialer: &egress.Dialer{Policy: egress.Policy{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}, Now: time.Now},
	)
	if err != nil {
		t.Fatal(err)
	}
	if found := denied.Examine(t.Context()); len(found) != 1 || !strings.Contains(found[0].Fix, "--egress-allow") {
		t.Errorf("found %+v", found)
	}
}
