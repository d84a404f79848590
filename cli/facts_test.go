package cli

import "testing"

func TestFacts(t *testing.T) {
	for _, c := range []struct{ facts, want string }{
		{`{"version":"3.5.0","targetsUp":4,"tls":{"version":"TLS 1.3"}}`, "prometheus 3.5.0 · 4 targets up"},
		{`{"user":"ops","groups":["a"],"nodeCount":3,"overPrivileged":true,"clusterUid":"x"}`, "3 nodes · over privileged · user ops"},
		{`{"nodeCount":1,"overPrivileged":false}`, "1 node"},
		{`{}`, ""},
		{`null`, ""},
	} {
		it, err := newItem([]byte(c.facts))
		if err != nil {
			t.Fatal(err)
		}
		if got := factsOf(it, "prometheus"); got != c.want {
			t.Errorf("%s: %q, want %q", c.facts, got, c.want)
		}
	}
}
