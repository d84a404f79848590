package probe

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"belay"
)

// Limits of the Scrubber, in bytes.
const (
	quoteLimit = 200  // of what is shown
	readLimit  = 4096 // of what is looked at; what is cut off is never shown
	gramSize   = 8    // a run of a secret of this length is enough to be hidden
	muteBelow  = 4    // a secret shorter than this cannot be told from ordinary text
)

const redacted = "[redacted]"

// Scrubber makes what a target says fit to be shown: without the credential
// in any usual form, printable, and short. A target may echo the credential
// on purpose, whole, cut or encoded.
type Scrubber struct {
	material *belay.Material
	built    bool
	grams    map[string]bool // every run of gramSize bytes of a secret's forms
	short    []string        // forms shorter than that
	mute     bool            // nothing can be quoted safely
}

// NewScrubber makes a Scrubber for a credential, nil for none.
func NewScrubber(m *belay.Material) *Scrubber { return &Scrubber{material: m} }

// Clean returns at most 200 bytes of text that may be shown.
func (s *Scrubber) Clean(text string) string {
	s.build()
	if s.mute {
		return ""
	}
	if len(text) > readLimit {
		text = text[:readLimit]
	}
	// Twice: to put spaces for what cannot be printed may bring a secret about.
	return shorten(s.redact(printable(s.redact(text))))
}

// Holds tells whether there is any of the credential in text, which can then
// not be shown. It is for text that makes sense only as a whole.
func (s *Scrubber) Holds(text string) bool {
	s.build()
	return s.mute || s.redact(text) != text
}

// Value is a value decoded from JSON, with Clean applied to every text in it.
func (s *Scrubber) Value(v any) any {
	switch v := v.(type) {
	case string:
		return s.Clean(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.Value(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[s.Clean(k)] = s.Value(e)
		}
		return out
	case json.Number:
		return json.Number(s.Clean(v.String()))
	default:
		return v
	}
}

func (s *Scrubber) build() {
	if s.built {
		return
	}
	s.built, s.grams = true, map[string]bool{}
	for _, secret := range secrets(s.material) {
		s.mute = s.mute || len(secret) < muteBelow
		for _, form := range forms(secret) {
			s.hide(lower(form))
		}
	}
}

func (s *Scrubber) hide(form string) {
	if len(form) < gramSize {
		s.short = append(s.short, form)
		return
	}
	for i := range len(form) - gramSize + 1 {
		s.grams[form[i:i+gramSize]] = true
	}
}

// secrets lists the values that must not be shown: all but those of fields
// that the credential's type marks as public, and what is sent in their place.
func secrets(m *belay.Material) []string {
	if m == nil {
		return nil
	}
	var out []string
	typ, _ := belay.FindCredentialType(m.Type)
	for name := range m.Values {
		field, _ := typ.Field(name)
		if v := strings.TrimSpace(m.Value(name)); v != "" && !field.Public {
			out = append(out, v)
		}
	}
	if password := m.Value("password"); password != "" {
		out = append(out, base64.StdEncoding.EncodeToString([]byte(m.Value("username")+":"+password)))
	}
	return out
}

// forms returns a secret as it may be echoed.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	var percent strings.Builder
	for _, b := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02x", b)
	}
	out := []string{
		secret, printable(secret), strings.Trim(string(quoted), `"`), html.EscapeString(secret),
		url.QueryEscape(secret), url.PathEscape(secret), percent.String(), hex.EncodeToString([]byte(secret)),
	}
	// Base64 of a longer text with the secret in it shows it in one of three
	// alignments; the characters that depend on its neighbours are left out.
	for pad := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(append(make([]byte, pad), secret...))
			out = append(out, text[min(len(text), (pad*8+5)/6):max(len(text)-1, 0)])
		}
	}
	return out
}

func (s *Scrubber) redact(text string) string {
	folded := lower(text)
	hidden := make([]bool, len(text))
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			hidden[i] = true
		}
	}
	for i := 0; i+gramSize <= len(folded); i++ {
		if s.grams[folded[i:i+gramSize]] {
			mark(i, i+gramSize)
		}
	}
	for _, form := range s.short {
		for i := 0; form != "" && i+len(form) <= len(folded); i++ {
			if folded[i:i+len(form)] == form {
				mark(i, i+len(form))
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			out.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			out.WriteString(redacted)
		}
	}
	return out.String()
}

// lower folds ASCII only, so that positions stay the same.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// printable puts one space for each run of what cannot be printed.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

func shorten(s string) string {
	const more = "…"
	if len(s) <= quoteLimit {
		return s
	}
	cut := quoteLimit - len(more)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}
