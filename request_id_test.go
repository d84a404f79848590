package belay_test

import (
	"regexp"
	"testing"

	"belay"
)

// FuzzValidRequestID compares the rule with itself written another way.
func FuzzValidRequestID(f *testing.F) {
	for _, s := range []string{"", "my-id", "a/b:c.d_e", "with space", "line\nbreak", `"quoted"`, "<b>", "ü", "a\x00"} {
		f.Add(s)
	}
	rule := regexp.MustCompile(`\A[A-Za-z0-9._:/-]{1,128}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := belay.ValidRequestID(s), rule.MatchString(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	})
}
