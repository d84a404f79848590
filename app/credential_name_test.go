package app_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"belay"
	"belay/app"
)

// TestFreeCredentialNames makes credentials with connections of long names
// that are alike up to their last characters, and of one that is taken.
func TestFreeCredentialNames(t *testing.T) {
	for engine, w := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			kind, credentialType, endpoint := "kubernetes", belay.CredentialKubernetes, here
			token := belay.SecretString("x")
			secret := map[string]*belay.Secret{"token": &token}
			named := map[string]bool{}
			create := func(name string) string {
				t.Helper()
				c, err := w.CreateConnection(w.admin, w.org, app.ConnectionChange{
					Name: &name, Kind: &kind, Endpoint: &endpoint, SecretType: credentialType, Secret: secret,
				})
				w.must(err)
				k, err := w.Credential(w.admin, w.org, c.Credentials[0].CredentialID)
				w.must(err)
				if n := utf8.RuneCountInString(k.Name); n > 255 || !utf8.ValidString(k.Name) || named[k.Name] {
					t.Errorf("%q, of %d characters, is the name for %q", k.Name, n, name)
				}
				named[k.Name] = true
				return k.Name
			}
			for _, taken := range []string{strings.Repeat("é", 255), strings.Repeat("x", 250), "short", "short-2", "short-3", "Shorter"} {
				_, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &taken, Type: &credentialType, Secret: secret})
				w.must(err)
				named[taken] = true
			}
			for name, want := range map[string]string{
				strings.Repeat("é", 255): strings.Repeat("é", 247) + "-2",
				strings.Repeat("x", 250): strings.Repeat("x", 247) + "-2",
				"SHORT":                  "SHORT-4",
				"shorter-2":              "shorter-2",
			} {
				if got := create(name); got != want {
					t.Errorf("%q becomes %q, want %q", name, got, want)
				}
			}
		})
	}
}
