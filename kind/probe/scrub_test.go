package probe

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"belay"
)

const secret = `canary/with+"quotes"&%-0123456789`

func material(typ string, values map[string]string) *belay.Material {
	m := &belay.Material{Type: typ, Values: map[string]belay.Secret{}}
	for name, v := range values {
		m.Values[name] = belay.SecretString(v)
	}
	return m
}

func TestCleanHidesTheCredentialInEveryForm(t *testing.T) {
	quoted, _ := json.Marshal(secret)
	s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": secret + "\n"}))
	for name, form := range map[string]string{
		"plain":              secret,
		"upper case":         strings.ToUpper(secret),
		"first half":         secret[:len(secret)/2],
		"last half":          secret[len(secret)/2:],
		"JSON":               string(quoted),
		"query":              url.QueryEscape(secret),
		"path":               url.PathEscape(secret),
		"hex":                strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64":             base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 URL":         base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"base64 in a header": base64.StdEncoding.EncodeToString([]byte("Authorization: Bearer " + secret + "\r\n")),
		"backwards":          backwards(secret),
		"HTML":               html.EscapeString(secret),
		"HTML, decimal":      eachRune("&#%d;"),
		"HTML, hexadecimal":  eachRune("&#x%X;"),
		"JSON, all escaped":  eachRune(`\u%04x`),
		"JSON of PHP":        strings.ReplaceAll(strings.Trim(string(quoted), `"`), "/", `\/`),
		"JSON in JSON":       strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(quoted)),
		"percent, all":       eachRune("%%%02X"),
		"other case":         strings.Map(swapCase, secret),
		"base64 in a URL":    url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(secret))),
		"base64, shifted":    base64.StdEncoding.EncodeToString([]byte("Authorization: bearer  " + secret)),
		"many":               strings.Repeat(secret, 500),
		"far behind":         strings.Repeat(" ", readLimit-20) + secret,
	} {
		got := s.Clean("before " + form + " after")
		known := map[string]bool{}
		for i := 0; i+gramSize <= len(secret); i++ {
			known[lower(secret[i:i+gramSize])] = true
		}
		for i := 0; i+gramSize <= len(got); i++ {
			if known[lower(got[i:i+gramSize])] {
				t.Errorf("%s: %q shows %q", name, got, got[i:i+gramSize])
			}
		}
		if !strings.Contains(got, redacted) && name != "far behind" {
			t.Errorf("%s: nothing is hidden in %q", name, got)
		}
		if rest := strings.NewReplacer("before ", "", " after", "", redacted, "").Replace(got); len(rest) > 40 {
			t.Errorf("%s: %q is left", name, rest)
		}
	}
}

func backwards(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// eachRune writes the secret rune by rune in a format.
func eachRune(format string) string {
	var out strings.Builder
	for _, r := range secret {
		fmt.Fprintf(&out, format, r)
	}
	return out.String()
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

func TestNothingAskedForMatchesWhatIsHidden(t *testing.T) {
	s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "canary-0123456789"}))
	got := s.Compare("a\x00b canary-0123456789 [redacted]")
	if got != "a b \x00 [redacted]" {
		t.Errorf("got %q", got)
	}
	if got := NewScrubber(nil).Compare("a\x00b"); got != "a\x00b" {
		t.Errorf("without a credential: %q", got)
	}
}

func TestConcealedTextIsHiddenWhetherSecretOrNot(t *testing.T) {
	for _, guess := range []string{"canary-0123", "canary-0124"} {
		s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "canary-0123456789"}))
		s.Conceal("/?q=" + url.QueryEscape(guess+" &"))
		got := s.Compare("you asked for " + guess + " & got /?q=" + guess + "+%26 canary-0123456789.")
		if want := "you asked for \x00 got \x00 \x00."; got != want {
			t.Errorf("%s: %q, want %q", guess, got, want)
		}
	}
	s := NewScrubber(nil)
	s.Conceal("/status/of/all")
	if got := s.Clean("no /status/of/all"); got != "no /status/of/all" {
		t.Errorf("without a credential: %q", got)
	}
}

func TestCleanKeepsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		material   *belay.Material
		text, want string
	}{
		"no credential":    {nil, "no\tsuch\r\nuser\x00 \x1b[1m", "no such user [1m"},
		"public field":     {material(belay.CredentialBasic, map[string]string{"username": "jane-the-user", "password": "canary-1"}), "jane-the-user canary-1.", "jane-the-user [redacted]."},
		"basic":            {material(belay.CredentialBasic, map[string]string{"username": "u", "password": "canary"}), "Basic dTpjYW5hcnk=", "Basic [redacted]"},
		"unknown type":     {material("novel", map[string]string{"username": "jane-the-user"}), "jane-the-user.", "[redacted]."},
		"opaque":           {material(belay.CredentialOpaque, map[string]string{"anything": "canary"}), "a canary sings", "a [redacted] sings"},
		"short":            {material(belay.CredentialBearer, map[string]string{"token": "abcd"}), "xabcdx ABCD %61%62%63%64", "x[redacted]x [redacted] [redacted]"},
		"too short":        {material(belay.CredentialBearer, map[string]string{"token": "abc"}), "abcdef", ""},
		"empty":            {material(belay.CredentialBearer, map[string]string{"token": ""}), "said", "said"},
		"invalid UTF-8":    {nil, "a\xffb", "a b"},
		"direction change": {nil, "a\u202eb", "a b"},
		"long":             {nil, strings.Repeat("é", 150), strings.Repeat("é", 98) + "…"},
	} {
		if got := NewScrubber(c.material).Clean(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestHolds(t *testing.T) {
	s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "canary-0123456789"}))
	encoded := base64.StdEncoding.EncodeToString([]byte("CN=canary-0123456789"))
	if !s.Holds("-----BEGIN\n"+encoded) || s.Holds("-----BEGIN\nAAAA") {
		t.Error("what holds the credential is not told from what does not")
	}
	short := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "abc"}))
	if !short.Holds("anything") {
		t.Error("a short credential may be anywhere")
	}
}

func TestValueCleansAllTexts(t *testing.T) {
	s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "canary-0123"}))
	got, err := json.Marshal(s.Value(map[string]any{
		"canary-0123": []any{"canary-0123", json.Number("1"), true, nil, 2}, "b": json.Number("canary-0123"),
	}))
	if err != nil || strings.Contains(string(got), "canary") {
		t.Errorf("a number that is none was kept: %s, %v", got, err)
	}
	digits := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": "1234567890"}))
	got, err = json.Marshal(digits.Value([]any{json.Number("1234567890"), 1234567890, 12345.0}))
	if err != nil || string(got) != `["[redacted]","[redacted]",12345]` {
		t.Errorf("numbers: %s, %v", got, err)
	}
	got, err = json.Marshal(s.Value(map[string]any{"canary-0123": []any{"canary-0123", json.Number("1"), true, nil, 2}}))
	if err != nil || string(got) != `{"[redacted]":["[redacted]",1,true,null,2]}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("said the target", "canary-0123456789")
	f.Add("canary-0123456789\xff", "canary-0123456789")
	f.Fuzz(func(t *testing.T, text, secret string) {
		s := NewScrubber(material(belay.CredentialBearer, map[string]string{"token": secret}))
		got := s.Clean(text)
		if len(got) > quoteLimit || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is long or not printable", got)
		}
		secret, rest := lower(strings.TrimSpace(secret)), lower(strings.ReplaceAll(got, redacted, "\n"))
		for i := 0; i+gramSize <= len(secret); i++ {
			if strings.Contains(rest, secret[i:i+gramSize]) {
				t.Errorf("%q shows %q of %q", got, secret[i:i+gramSize], text)
			}
		}
	})
}
