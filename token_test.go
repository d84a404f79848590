package belay_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"belay"
)

// TestNewToken makes tokens, and sessions are the same: each of 256 bits that
// come from what it is given, and none when there are too few.
func TestNewToken(t *testing.T) {
	const size = 6 + 32 // what is public, and the secret
	seen := map[string]bool{}
	for range 1000 {
		text, prefix, err := belay.NewToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s := string(text.Reveal())
		if err := belay.CheckToken(s); err != nil || !strings.HasPrefix(s, prefix) || seen[s] {
			t.Fatalf("%v, prefix %s, there already: %t", err, prefix, seen[s])
		}
		seen[s] = true
	}
	text := func(random string) string {
		made, _, err := belay.NewToken(strings.NewReader(random))
		if err != nil {
			t.Fatal(err)
		}
		return string(made.Reveal())
	}
	zero := strings.Repeat("\x00", size)
	for i := range size * 8 { // every bit counts
		b := []byte(zero)
		b[i/8] ^= 1 << (i % 8)
		if text(string(b)) == text(zero) && i >= 6*8 {
			t.Errorf("bit %d of the secret makes no difference", i-6*8)
		}
	}
	if _, _, err := belay.NewToken(strings.NewReader(zero[1:])); err == nil {
		t.Error("a token is made of less")
	}
}
