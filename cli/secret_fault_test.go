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
