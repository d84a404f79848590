package belay_test

import (
	"strings"
	"testing"

	"belay"
)

const someID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

func TestNameFault(t *testing.T) {
	for _, name := range []string{
		"prod", "dev/test", "arn:aws:eks:eu-west-1:123456789012:cluster/x", "gke_p_europe-west1-b_x", "admin@cluster.local", "Zürich 1", "本番",
		"⚙️ staging", "nonesuch", "all-of-it", "connections", "connection", "a/connection/b", someID + "-x", "-x", "production (old)", "a=b",
	} {
		if fault := belay.NameFault(name); fault != "" {
			t.Errorf("%q %s", name, fault)
		}
	}
	for name, want := range map[string]string{
		"connection/foo": "begin with connection/", "Env/x": "begin with Env/", "c/": "begin with c/", "workspaces/a/b": "begin with",
		someID: "UUID", strings.ToUpper(someID): "UUID", "a,b": "comma", "none": "stands for others", "ALL": "stands for others", "-": "stands for others",
		"a\u202eb": "cannot be seen", "a\u200bb": "cannot be seen", "a\ufeff": "cannot be seen", "a\u2028b": "cannot be seen", "a\u3164": "cannot be seen",
		"a\ufe0f": "cannot be seen", "a\u00adb": "cannot be seen", "a\U000e0061": "cannot be seen", "a\nb": "control characters",
	} {
		if fault := belay.NameFault(name); !strings.Contains(fault, want) {
			t.Errorf("%q: %q, want %s", name, fault, want)
		}
	}
}

func TestNameFrom(t *testing.T) {
	for name, want := range map[string]string{
		"dev/test": "dev/test", "arn:aws:eks:eu-west-1:1:cluster/x": "arn:aws:eks:eu-west-1:1:cluster/x", "connection/foo": "connection-foo",
		"c/kind/x": "c-kind/x", "env/": "env", "a,b": "a-b", "none": "context-none", someID: "context-" + someID, "-": "context", "": "context",
		"a\u202eb": "ab", "\u200b": "context", "a\tb": "a-b", " x ": "x",
	} {
		if got := belay.NameFrom(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// Whatever a context is called, what is made of it can be a name.
func FuzzNameFrom(f *testing.F) {
	for _, s := range []string{"", "connection/x", "c/c/c/x", "none", "-,-", "\ufe0f", "⚙\ufe0f", "conn\u200bection/x", "\xff", "c/" + someID, "a\u202e/b", " none ", "c/,", "-/-", ",,", "x-", "c/ x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := belay.NameFrom(s)
		if fault := belay.NameFault(name); name == "" || fault != "" || strings.TrimSpace(name) != name {
			t.Errorf("%q becomes %q, which %s", s, name, fault)
		}
		if s == strings.TrimSpace(s) && s != "" && belay.NameFault(s) == "" && s != name {
			t.Errorf("%q needs no change and becomes %q", s, name)
		}
	})
}
