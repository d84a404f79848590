package cli

import (
	"strings"
	"testing"

	"belay"
)

func TestWhatIsWrongWithACredentialIsNotMissing(t *testing.T) {
	bearer, _ := belay.FindCredentialType(belay.CredentialBearer)
	for want, have := range map[string]fields{
		"the credential is not complete": {},
		"the credential is not valid":    {"token": belay.SecretString("two words")},
	} {
		if err := missingFields(bearer, have); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// What is missing is named with the flag that gives it.
func TestFlagsOfWhatIsMissing(t *testing.T) {
	for name, want := range map[string]string{
		belay.CredentialBasic: "others: --user NAME", belay.CredentialHeader: "others: --field name=VALUE",
	} {
		f := newFixture(t, nil)
		f.run(t, exitUsage, "credential", "create", "x", "--type", name)
		mustContain(t, f.err.String(), want)
	}
}
