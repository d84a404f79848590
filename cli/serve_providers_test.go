package cli

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"belay"
)

const oneProviderFile = `
listen: 127.0.0.1:0
providers:
  okta:
    type: oidc
    title: Okta
    issuer: https://login.example.com
    clientId: belay
    SECRET
    scopes: [profile, email, groups]
    claims: {groups: /realm_access/roles}
    allowedDomains: [example.com]
    organization: My Org
    newcomers: member
    teams: [{group: belay-*, team: "*"}]
    caFile: CA
  dex: {type: oidc, issuer: "https://dex.example.com", clientId: other}
`

// TestServeProviders reads providers with what they name, and shows no secret
// where something is wrong.
func TestServeProviders(t *testing.T) {
	dir := t.TempDir()
	secret, ca := filepath.Join(dir, "secret"), filepath.Join(dir, "ca.pem")
	writeFile(t, secret, "canary-of-a-file\n")
	writeFile(t, ca, "PEM")
	read := func(text string) (map[string]belay.ProviderSettings, error) {
		t.Helper()
		path := filepath.Join(dir, "belay.yaml")
		writeFile(t, path, strings.NewReplacer("CA", ca).Replace(text))
		f := newFixture(t, map[string]string{"OKTA_SECRET": "canary-of-a-variable"})
		if _, err := readServeFile(path, settingNames()); err != nil {
			return nil, err
		}
		got, faults, err := (&serve{Config: path}).providerSettings(f.invocation(t, globals{}))
		if len(faults) > 0 {
			err = errors.New(strings.Join(faults, "\n"))
		}
		return got, err
	}
	for line, want := range map[string]string{
		"clientSecretFile: " + secret: "canary-of-a-file", "clientSecretVariable: OKTA_SECRET": "canary-of-a-variable", "": "",
	} {
		got, err := read(strings.Replace(oneProviderFile, "SECRET", line, 1))
		if err != nil {
			t.Fatal(err)
		}
		o := got["okta"]
		if string(o.ClientSecret.Reveal()) != want || o.Title != "Okta" || o.Claims.Groups != "/realm_access/roles" || o.Newcomers != belay.OrganizationMember ||
			len(o.Teams) != 1 || o.Teams[0] != (belay.TeamRule{Group: "belay-*", Team: "*"}) || string(o.CA) != "PEM" || got["dex"].ClientID != "other" || len(got) != 2 {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for line, want := range map[string]string{
		"clientSecret: canary":         "clientSecret: a secret does not belong into this file",
		"clientSecretFile: /nowhere":   "providers.okta.clientSecretFile: cannot be read",
		"clientSecretVariable: ABSENT": "providers.okta.clientSecretVariable: there is no variable ABSENT",
		"colour: canary":               "line 9, column 5: unknown field \"colour\"",
		"trustEmail: perhaps":          "line 9, column 17: this is not the kind",
	} {
		_, err := read(strings.Replace(oneProviderFile, "SECRET", line, 1))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if _, err := read("providers: [okta]"); err == nil {
		t.Error("a list is taken")
	}
	if got, _, err := (&serve{}).providerSettings(newFixture(t, nil).invocation(t, globals{})); err != nil || got != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
}
