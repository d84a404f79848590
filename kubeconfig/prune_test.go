package kubeconfig

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const several = `
apiVersion: v1
kind: Config
current-context: b
preferences: {note: canary-preferences}
clusters:
- {name: ka, cluster: {server: "https://a.example"}}
- {name: kb, cluster: &k {server: "https://b.example", tls-server-name: canary-b}}
- {name: kc, cluster: {<<: *k, server: "https://c.example"}}
users:
- {name: ua, user: {token: token-a}} # canary-comment
- {name: ub, user: {token: canary-b, tokenFile: canary-path}}
- {name: uc, user: {username: 0123, password: 2031-05-06}}
contexts:
- {name: a, context: {cluster: ka, user: ua, namespace: here}}
- {name: b, context: {cluster: kb, user: ub}}
- {name: c, context: {cluster: kc, user: uc}}
- {name: a, context: {cluster: ka, user: ub}}
`

// unplaced leaves out where things stand in the file.
func unplaced(c Context) Context {
	c.Problems = slices.Clone(c.Problems)
	for i := range c.Problems {
		c.Problems[i].Path, c.Problems[i].Line = "", 0
	}
	return c
}

// What is left says the same of the chosen contexts, and nothing of others.
func TestPrune(t *testing.T) {
	whole := parse(t, []byte(several), nil)
	for i, name := range map[int]string{1: "b", 2: "c"} {
		left, absent, err := Prune([]byte(several), []string{name})
		if err != nil || absent != nil {
			t.Fatalf("%s: %v, %v", name, absent, err)
		}
		got := parse(t, left, nil)
		if len(got.Contexts) != 1 || !reflect.DeepEqual(unplaced(got.Contexts[0]), unplaced(whole.Contexts[i])) {
			t.Errorf("%s: %+v, want %+v", name, got.Contexts, whole.Contexts[i])
		}
	}
	left, absent, err := Prune([]byte(several), []string{"c", "none"})
	if err != nil || !slices.Equal(absent, []string{"none"}) {
		t.Errorf("%v, %v", absent, err)
	}
	for _, gone := range []string{"token-a", "canary-preferences", "canary-comment", "canary-path", "a.example"} {
		if strings.Contains(string(left), gone) {
			t.Errorf("%q is still there:\n%s", gone, left)
		}
	}
	if paths := References(left); len(paths) != 0 {
		t.Errorf("it refers to %v", paths)
	}
	twice, _, err := Prune([]byte(several), []string{"a"})
	if got := parse(t, twice, nil); err != nil || len(got.Contexts) != 2 {
		t.Errorf("a stands twice: %+v, %v", got.Contexts, err)
	}
}

func FuzzPrune(f *testing.F) {
	f.Add([]byte(several), "c")
	f.Add([]byte(minikube), "minikube")
	f.Add([]byte(one(goodCluster, "{token: canary}")), "c")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		whole, parsed := Parse(data, Options{Now: now})
		left, absent, err := Prune(data, []string{name})
		if (err == nil) != (parsed == nil) {
			t.Fatalf("pruned: %v, parsed: %v", err, parsed)
		}
		if err != nil || len(absent) > 0 || len(left) > MaxBytes {
			return
		}
		got, err := Parse(left, Options{Now: now})
		if err != nil {
			t.Fatalf("what is left cannot be read: %v\n%s", err, left)
		}
		i := slices.IndexFunc(whole.Contexts, func(c Context) bool { return c.Name == name })
		if a, b := whole.Contexts[i], got.Contexts[0]; a.Endpoint != b.Endpoint || a.TLS != b.TLS || a.CredentialType != b.CredentialType {
			t.Errorf("%+v, want %+v", b, a)
		}
	})
}
