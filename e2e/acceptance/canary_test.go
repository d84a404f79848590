package acceptance_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"belay/e2e/peers"
)

// aviary makes canaries: texts that stand nowhere else, one for every place
// in which a secret goes in.
type aviary struct {
	where map[string]string // by the part of a canary that is searched for
}

func newAviary() *aviary { return &aviary{where: map[string]string{}} }

// text is a canary for a field, with characters behind it that URLs, JSON and
// shells write differently.
func (a *aviary) text(field string) string {
	core := rand.Text()
	a.where[core] = field
	return core + `"/+&<>\%`
}

// pair is a client certificate, whose key is the canary.
func (a *aviary) pair(field string) *peers.KeyPair {
	user := certificateUser(field).Certificate
	// The second line begins in the middle of the private number (RFC 5915);
	// it ends in the public point, which the certificate shows too.
	a.where[strings.Split(string(user.Key), "\n")[2][:24]] = field
	return user
}

// known makes a canary of a secret that somebody else has made.
func (a *aviary) known(field, text string) { a.where[text] = field }

// forms are the ways in which a text may stand somewhere, in lower case: as
// it is, cut off, in base64 in each alignment, in hexadecimal, and escaped as
// URLs and JSON have it.
func forms(core string) map[string]string {
	var percent, unicode strings.Builder
	for _, b := range []byte(core) {
		fmt.Fprintf(&percent, "%%%02x", b)
		fmt.Fprintf(&unicode, `\u%04x`, b)
	}
	out := map[string]string{
		"plain": core, "its beginning": core[:12], "its end": core[len(core)-12:],
		"hexadecimal": hex.EncodeToString([]byte(core)), "percent": percent.String(), "JSON": unicode.String(),
	}
	for pad := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.EncodeToString(append(make([]byte, pad), core...))
			// The characters at both ends depend on what stands beside it.
			out[fmt.Sprintf("%s at %d", name, pad)] = text[(pad*8+5)/6 : len(text)-1]
		}
	}
	for name, text := range out {
		out[name] = strings.ToLower(text)
	}
	return out
}

// window is how many bytes a search begins with. Every form of a canary has
// more.
const window = 8

// wanted is a form of a canary.
type wanted struct{ field, form, text string }

// hits says where canaries are in some pieces. One pass over the pieces looks
// for all forms of all canaries, by the windows with which they begin.
func (a *aviary) hits(pieces []piece) []string {
	begins := map[[window]byte][]wanted{}
	for core, field := range a.where {
		for form, text := range forms(core) {
			key := [window]byte([]byte(text))
			begins[key] = append(begins[key], wanted{field, form, text})
		}
	}
	var out []string
	for _, p := range pieces {
		text := bytes.ToLower(p.text)
		for at := range max(0, len(text)-window+1) {
			for _, w := range begins[[window]byte(text[at:])] {
				if bytes.HasPrefix(text[at:], []byte(w.text)) {
					out = append(out, fmt.Sprintf("%s: %s, as %s: …%q…", p.where, w.field, w.form, text[max(0, at-60):min(len(text), at+20)]))
				}
			}
		}
	}
	return out
}

// A control: the search finds what is there, in each form and in each place.
func TestCanary_TheSearchFinds(t *testing.T) {
	a := newAviary()
	a.text("a secret")
	dir := t.TempDir()
	for core := range a.where {
		variants := map[string]string{
			"plain":       "x" + core + "y",
			"cut off":     "x" + core[:14],
			"end":         core[9:] + "x",
			"base64":      base64.StdEncoding.EncodeToString([]byte(core)),
			"base64 at 1": base64.StdEncoding.EncodeToString([]byte("u" + core + "v")),
			"base64 at 2": base64.URLEncoding.EncodeToString([]byte("me" + core)),
			"hexadecimal": strings.ToUpper(hex.EncodeToString([]byte(core))),
			"percent":     strings.ToUpper(forms(core)["percent"]),
			"JSON":        forms(core)["JSON"],
		}
		for name, text := range variants {
			r := &recorder{}
			r.add("an answer", []byte("before "+text+" behind"))
			if len(a.hits(r.pieces)) == 0 {
				t.Errorf("%s is not found in an answer", name)
			}
			writeFile(t, filepath.Join(dir, "planted"), []byte("\x00\x01"+text+"\x00"))
			if len(a.hits(inFiles(t, dir))) == 0 {
				t.Errorf("%s is not found in a file", name)
			}
		}
	}
	writeFile(t, filepath.Join(dir, "planted"), []byte("nothing"))
	if found := a.hits(inFiles(t, dir)); found != nil {
		t.Errorf("what is not there is found: %v", found)
	}
}

// inFiles are all files below a directory, but for those of some names.
func inFiles(t *testing.T, dir string, except ...string) []piece {
	t.Helper()
	r := &recorder{}
	for name, text := range files(t, dir) {
		keep := true
		for _, e := range except {
			keep = keep && name != e
		}
		if keep {
			r.add("the file "+name, text)
		}
	}
	return r.pieces
}
