package cli

import (
	"encoding/json"
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
		belay.CredentialMTLS: "others: --secret-file certificate=PATH",
	} {
		f := newFixture(t, nil)
		f.run(t, exitUsage, "credential", "create", "x", "--type", name)
		mustContain(t, f.err.String(), want)
	}
}

// What is no text is refused wherever it comes from, and is never encoded as
// something else.
func TestASecretThatIsNoText(t *testing.T) {
	f := newFixture(t, nil)
	f.env["LATIN"] = "pa\xe9ss"
	f.run(t, exitUsage, "credential", "create", "x", "--type", "bearer", "--secret-env", "token=LATIN")
	mustContain(t, f.err.String(), "token is not text in UTF-8")
	if _, err := json.Marshal(fields{"token": belay.SecretString("pa\xe9ss")}); err == nil {
		t.Error("it was encoded")
	}
}
