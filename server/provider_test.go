package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"belay"
	"belay/server"
)

// TestProvidersThatAreRefused names the keys of what is wrong, all at once,
// before anything is touched.
func TestProvidersThatAreRefused(t *testing.T) {
	t.Parallel()
	good := belay.ProviderSettings{Type: "oidc", Issuer: "https://login.example.com", ClientID: "belay"}
	for key, c := range map[string]struct {
		edit func(*belay.ProviderSettings)
		want []string
	}{
		"okta": {func(s *belay.ProviderSettings) {
			s.Type, s.Issuer, s.AllowedDomains, s.Teams = "saml", "http://login.example.com", []string{"x"}, []belay.TeamRule{{Group: "", Team: "*"}}
			s.AllowedGroups = []string{"**"}
		}, []string{
			"providers.okta.type: must be oidc", "providers.okta.issuer: must begin with https://", "providers.okta.allowedDomains: ",
			"providers.okta.teams.0.group: ", "providers.okta.organization: is missing", "providers.okta.allowedGroups: ",
		}},
		"local": {func(*belay.ProviderSettings) {}, []string{"providers.local: the key local is that of the built-in provider"}},
		"A b":   {func(*belay.ProviderSettings) {}, []string{"providers.A b: the key must be"}},
		"dex":   {func(s *belay.ProviderSettings) { s.Newcomers, s.Organization = belay.OrganizationOwner, "x" }, []string{"providers.dex.newcomers: must be member or admin"}},
		"empty": {func(s *belay.ProviderSettings) { s.ClientSecretFile = "/x" }, []string{"providers.empty.clientSecretFile: what it names is empty"}},
		"ca":    {func(s *belay.ProviderSettings) { s.CAFile, s.CA = "/x", []byte("no PEM") }, []string{"providers.ca.caFile: holds no certificate"}},
	} {
		s := good
		c.edit(&s)
		dir := t.TempDir() + "/data"
		what, help := why(t, server.Config{DataDir: dir, Providers: map[string]belay.ProviderSettings{key: s}})
		wants(t, what, help, append(c.want, "docs/providers.md")...)
	}
	what, help := why(t, server.Config{DataDir: t.TempDir(), Faults: []string{"clients.x.title: is required"}, Providers: map[string]belay.ProviderSettings{
		"hub": {Type: "remote", URL: "https://hub.example"}, "okta": {Type: "oidc", ClientID: "belay"}, "good": good,
	}})
	wants(t, what, help, "clients.x.title: is required\n", "providers.hub.clientId: is missing", "\n  providers.okta.issuer: is missing")
	what, help = why(t, server.Config{Provider: "dex", Providers: map[string]belay.ProviderSettings{"okta": good}})
	wants(t, what, help, `there is no provider "dex" to enforce`, "local, okta")
	what, help = why(t, server.Config{Listen: "0.0.0.0:0", InsecureHTTP: true, Providers: map[string]belay.ProviderSettings{"okta": good}})
	wants(t, what, help, "where to come back to", "--public-url")
}

// TestEnforcedProviderIsGoneTo sends browsers to the only provider at once;
// where that does not answer they are told so, and the server runs.
func TestEnforcedProviderIsGoneTo(t *testing.T) {
	t.Parallel()
	settings := belay.ProviderSettings{Type: "oidc", Title: "Okta", Issuer: "http://127.0.0.1:1", ClientID: "belay"}
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), Provider: "okta", Providers: map[string]belay.ProviderSettings{"okta": settings},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/user/login", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(page), "Sign in with Okta") || strings.Contains(string(page), `type="password"`) {
		t.Errorf("%s %v\n%s", response.Status, err, page)
	}
}

// TestOrganizationOfNobody warns at the start of a provider whose organization
// is none.
func TestOrganizationOfNobody(t *testing.T) {
	t.Parallel()
	settings := belay.ProviderSettings{Type: "oidc", Issuer: "http://127.0.0.1:1", ClientID: "belay", Organization: "Nowhere Ltd"}
	var log strings.Builder
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), Providers: map[string]belay.ProviderSettings{"okta": settings}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "Nowhere Ltd", "nobody can sign in through the provider okta", "key=providers.okta.organization"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, &log)
		}
	}
}
