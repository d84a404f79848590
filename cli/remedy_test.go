package cli

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"belay"
	"belay/kind"
)

// filled are the words that a person puts in place of those in capitals.
var filled = strings.NewReplacer("FIELD=PATH", "token=a-file", "PATH", "a-file", "CREDENTIAL", "a-name", "URL", "https://target.example",
	"VALUE", "a-value", "NAME", "a-name", "CIDR", "192.0.2.0/24")

// Each command that a remedy offers is one that this program takes.
func TestEveryRemedysCommandParses(t *testing.T) {
	kinds, err := kind.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range kinds {
		for _, typ := range append(k.CredentialTypes, "") {
			for _, cause := range belay.Causes() {
				for _, unverified := range []bool{false, true} {
					rc := belay.RemedyContext{
						ConnectionID: "11111111-1111-7111-8111-111111111111", ConnectionName: "it's one", Kind: k.Name, Status: belay.StatusDiscovered,
						CredentialID: "22222222-2222-7222-8222-222222222222", CredentialName: "a key", CredentialType: typ, Accepts: k.CredentialTypes,
						Others: []belay.CredentialUse{{CredentialID: "33333333-3333-7333-8333-333333333333"}, {CredentialID: "44444444-4444-7444-8444-444444444444"}},
						Set:    []string{"path", "contains", "jsonEquals"}, DeletedID: "55555555-5555-7555-8555-555555555555", DeletedName: "a lost key", Identity: "kubernetes:1/a b", Unverified: unverified,
					}
					if cause != belay.CauseTimeout { // which is to offer maintenance
						rc.Status = belay.StatusConnected
					}
					for _, r := range belay.Remedies(cause, rc) {
						if r.Command != "" && !seen[r.Command] {
							seen[r.Command] = true
							parses(t, r)
						}
					}
				}
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d commands were tried", len(seen))
	}
}

// parses lets a shell read a command line into words, and our grammar those.
func parses(t *testing.T, r belay.Remedy) {
	t.Helper()
	for line := range strings.SplitSeq(filled.Replace(r.Command), " && ") {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `belay() { printf '%s\0' "$@"; }; `+line).Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		words := rewrite(strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
		in := &invocation{Program: New()}
		var root grammar
		exited := false
		parser, err := in.parser(context.Background(), &root, &exited)
		if err != nil {
			t.Fatal(err)
		}
		if err := refuseSecrets(words, parser.Model); err != nil {
			t.Errorf("%s: %s: %v", r.ID, line, err)
		}
		if _, err := parser.Parse(words); err != nil || exited {
			t.Errorf("%s: %s: %v", r.ID, line, err)
		}
	}
}
