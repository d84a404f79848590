package cli

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"belay"
)

func TestDifferences(t *testing.T) {
	now, err := newItem([]byte(`{"name":"a","description":"","labels":{"k":"v","old":"1"},"check":{"intervalSeconds":60,"timeoutSeconds":5},
		"metadata":{"path":"/","tls":{"serverName":"x"}},"credentials":[{"id":"1","purpose":"primary","name":"one"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"name":"a","id":"x","check":{"intervalSeconds":60,"timeoutSeconds":5}}`: `null`,
		`{"credentials":[{"purpose":"primary","id":"1"}]}`:                        `null`,
		`{"name":"b"}`:                        `[{"field":"name","from":"a","to":"b"}]`,
		`{"labels":{"k":"w"}}`:                `[{"field":"labels.k","from":"v","to":"w"},{"field":"labels.old","from":"1","to":null}]`,
		`{"metadata":{"path":"/","tls":{}}}`:  `[{"field":"metadata.tls.serverName","from":"x","to":null}]`,
		`{"metadata":{"path":"/"}}`:           `[{"field":"metadata.tls","from":{"serverName":"x"},"to":null}]`,
		`{"identity":"y","description":""}`:   `[{"field":"identity","from":null,"to":"y"}]`,
		`{"credentials":[]}`:                  `[{"field":"credentials","from":[{"id":"1","purpose":"primary"}],"to":[]}]`,
		`{"metadata":{"path":"/","tls":"x"}}`: `[{"field":"metadata.tls","from":{"serverName":"x"},"to":"x"}]`,
	} {
		var b map[string]any
		if err := json.Unmarshal([]byte(body), &b); err != nil {
			t.Fatal(err)
		}
		got, err := differences(now, b)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := json.Marshal(got); err != nil || string(raw) != want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", body, raw, err, want)
		}
	}
}

func mustType(t *testing.T, name string) belay.CredentialType {
	t.Helper()
	found, err := credentialType(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A secret is never among what is shown of an edit, nor in the document of a
// dry run.
func TestDifferencesHoldNoSecret(t *testing.T) {
	const secret = "correct-horse"
	now, err := newItem([]byte(`{"id":"1","name":"a","type":"basic","public":{"username":"me"},"secretSet":{"password":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	given := fields{"username": belay.SecretString("you"), "password": belay.SecretString(secret), "extra": belay.SecretString(secret)}
	got, err := differences(now, map[string]any{"id": "1", "secret": typedFields{given, mustType(t, "basic")}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, string(raw), `"from":"me","to":"you"`, `{"field":"secret.extra","from":null,"to":"(secret)"}`, `{"field":"secret.password","from":"(secret)","to":"(secret)"}`)
	f := newFixture(t, nil)
	in := f.invocation(t, globals{})
	in.sayOutcome(t.Context(), &outcome{text: "would change it", r: credentials(), it: now, changes: got})
	mustContain(t, f.err.String(), "secret.password  secret would be replaced", "secret.extra     secret would be set", "public.username  me → you")
	mustNotContain(t, string(raw)+f.err.String(), secret)
}

// A certificate is told by what tells it from another, not by its letters.
func TestValuesAsPeopleReadThem(t *testing.T) {
	if got := valueText(nil) + valueText("") + valueText([]any{}); got != "(none)(none)(none)" {
		t.Error(got)
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	got := valueText(pemOf(server.Certificate().Raw))
	mustContain(t, got, "SHA-256 "+thumbprint(server.Certificate()))
	mustNotContain(t, got, "BEGIN")
}
