package kind

import (
	"encoding/json"
	"strings"
	"testing"

	"belay"
)

// A secret in the query of a setting is refused, and not repeated.
func TestNoSecretInSettings(t *testing.T) {
	for path, want := range map[string]string{
		"/x?token=canary":                "token",
		"/x?verbose=1&access_token=cana": "access_token",
		"/x?api-key=canary":              "api-key",
		"/x?a=b;Sig=canary":              "Sig",
		"/x?%74oken=canary":              "token",
		"https://x.test/?key=canary":     "key",
		"/x?token=":                      "",
		"/x?query=up&verbose=1":          "",
		"/token/key?keyword=a":           "",
		"a text?token=canary":            "",
	} {
		config, err := json.Marshal(map[string]any{"path": path, "status": []int{200}})
		if err != nil {
			t.Fatal(err)
		}
		err = checkSecrets(config)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case want != "" && (belay.CodeOf(err) != belay.CodeInvalid || !strings.Contains(err.Error(), `"`+want+`"`) || strings.Contains(err.Error(), "cana")):
			t.Errorf("%s: %v, want one that names %q", path, err, want)
		}
	}
}

// The kind of HTTP services takes a path with a query, without a secret.
func TestKindTakesNoSecretInItsPath(t *testing.T) {
	kinds, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if k.Name != "http" {
			continue
		}
		if err := ValidateConfig(k, json.RawMessage(`{"path":"/x?verbose=1"}`)); err != nil {
			t.Error(err)
		}
		if err := ValidateConfig(k, json.RawMessage(`{"path":"/x?token=canary"}`)); belay.CodeOf(err) != belay.CodeInvalid {
			t.Errorf("a token: %v", err)
		}
		return
	}
	t.Error("there is no kind http")
}
