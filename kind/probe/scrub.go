package probe

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
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

// unmatchable stands for what is hidden where an answer is compared with what
// somebody asks for: it can be asked for by nobody, so that not even the place
// of a secret can be found out.
const unmatchable = "\x00"

// Scrubber makes what a target says fit to be shown: without the credential
// in any usual form, printable, and short. A target may echo the credential
// on purpose, whole, cut or encoded.
//
// What is compared goes through it too: whoever can change what is looked for
// in an answer could otherwise find a secret that the target echoes, letter by
// letter, from which tests pass. The reverse is as bad: when a target repeats
// a text that somebody has chosen, its being hidden would tell that it is part
// of the secret. Such text is given to Conceal and hidden in any case.
type Scrubber struct {
	material *belay.Material
	built    bool
	grams    map[uint64]reach // every run of gramSize bytes of a secret's forms
	short    []string         // forms shorter than that
	mute     bool             // nothing can be quoted safely
}

// reach is how many characters around a run show something of the secret too.
type reach uint8

// NewScrubber makes a Scrubber for a credential, nil for none.
func NewScrubber(m *belay.Material) *Scrubber { return &Scrubber{material: m} }

// Conceal hides a text that somebody has chosen to be sent, wherever the
// target repeats it, as if it were part of the credential. Without a
// credential it does nothing.
func (s *Scrubber) Conceal(text string) {
	s.build()
	if s.empty() {
		return
	}
	unescaped := unescape(text).text
	for _, form := range []string{text, unescaped, strings.ReplaceAll(unescaped, "+", " ")} {
		s.learn(lower(form), 0)
	}
}

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
	return shorten(s.redact(printable(s.redact(text, redacted)), redacted))
}

// Redact returns all of text with "[redacted]" for what is hidden, to take
// something out of it that is then cleaned.
func (s *Scrubber) Redact(text string) string {
	s.build()
	return s.redact(text, redacted)
}

// Compare returns all of text as it may be compared with what somebody looks
// for: no text without a NUL in it can match what is hidden.
func (s *Scrubber) Compare(text string) string {
	s.build()
	if s.empty() {
		return text
	}
	return s.redact(strings.ReplaceAll(text, unmatchable, " "), unmatchable)
}

// Holds tells whether there is any of the credential in text, which can then
// not be shown. It is for text that makes sense only as a whole.
func (s *Scrubber) Holds(text string) bool {
	s.build()
	return s.mute || s.redact(text, redacted) != text
}

// Value is a value decoded from JSON, with Clean applied to every text in it.
func (s *Scrubber) Value(v any) any { return s.Each(v, s.Clean) }

// Each is a value decoded from JSON, with f, one of Clean, Redact and Compare,
// applied to every text in it, and to each number that f does not leave alone.
func (s *Scrubber) Each(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.Each(e, f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[f(k)] = s.Each(e, f)
		}
		return out
	case json.Number, int, int64, float64:
		if text := fmt.Sprint(v); f(text) != text {
			return f(text)
		}
		return v
	default:
		return v
	}
}

func (s *Scrubber) empty() bool { return len(s.grams) == 0 && len(s.short) == 0 }

func (s *Scrubber) build() {
	if s.built {
		return
	}
	s.built, s.grams = true, map[uint64]reach{}
	for _, secret := range secrets(s.material) {
		s.mute = s.mute || len(secret) < muteBelow
		for _, form := range forms(secret) {
			s.hide(lower(form.text), form.reach)
		}
	}
}

func (s *Scrubber) hide(form string, r reach) {
	if form != "" && len(form) < gramSize {
		s.short = append(s.short, form)
		return
	}
	s.learn(form, r)
}

// learn takes every run of a form.
func (s *Scrubber) learn(form string, r reach) {
	for _, gram := range runs(form) {
		s.grams[gram] = max(s.grams[gram], r)
	}
}

// runs yields the runs of gramSize bytes of a text, each as a number, by the
// place behind its end.
func runs(text string) iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		var gram uint64
		for i := range len(text) {
			gram = gram<<8 | uint64(text[i])
			if i+1 >= gramSize && !yield(i+1, gram) {
				return
			}
		}
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

// redact puts mark for each stretch of text that holds a secret, as it stands
// or escaped, up to twice.
func (s *Scrubber) redact(text, mark string) string {
	if s.empty() {
		return text
	}
	hidden := make([]bool, len(text))
	s.find(reading{text: text}, hidden)
	if once := unescape(text); once.text != text {
		s.find(once, hidden)
		if twice := unescape(once.text); twice.text != once.text {
			s.find(twice.within(once), hidden)
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			out.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			out.WriteString(mark)
		}
	}
	return out.String()
}

// find marks what a reading of a text shows of a secret.
func (s *Scrubber) find(r reading, hidden []bool) {
	folded := lower(r.text)
	for end, gram := range runs(folded) {
		around, found := s.grams[gram]
		if !found {
			continue
		}
		from := end - gramSize
		for range around {
			if from > 0 && isBase64(folded[from-1]) {
				from--
			}
			if end < len(folded) && isBase64(folded[end]) {
				end++
			}
		}
		r.mark(from, end, hidden)
	}
	for _, form := range s.short {
		for at := 0; ; at++ {
			i := strings.Index(folded[at:], form)
			if i < 0 {
				break
			}
			at += i
			r.mark(at, at+len(form), hidden)
		}
	}
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
