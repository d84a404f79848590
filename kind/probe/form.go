package probe

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form is a secret as it may be echoed.
type form struct {
	text  string
	reach reach
}

// forms returns a secret as it may be echoed. Escaped forms are not among
// them: a text is read with its escapes undone too.
func forms(secret string) []form {
	backwards := []rune(secret)
	slices.Reverse(backwards)
	out := []form{
		{secret, 0},
		{printable(secret), 0},
		{html.EscapeString(secret), 0},
		{url.QueryEscape(secret), 0},
		{hex.EncodeToString([]byte(secret)), 0},
		{string(backwards), 0},
	}
	// Base64 of a longer text with the secret in it shows it in one of three
	// alignments. The characters at its ends depend on its neighbours as well:
	// they are hidden with it.
	for pad := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(append(make([]byte, pad), secret...))
			out = append(out, form{text[min(len(text), (pad*8+5)/6):max(len(text)-1, 0)], 2})
		}
	}
	return out
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_=", c) >= 0
}

// reading is one way to read a text, with where each byte of it stands there.
type reading struct {
	text  string
	spans []span // by byte; nil for the text as it stands
}

type span struct{ from, to int }

// mark marks where in the text the bytes from, but not to, stand.
func (r reading) mark(from, to int, hidden []bool) {
	if r.spans != nil {
		from, to = r.spans[from].from, r.spans[to-1].to
	}
	for i := from; i < to; i++ {
		hidden[i] = true
	}
}

// within is a reading of a reading, as a reading of the text of the latter.
func (r reading) within(outer reading) reading {
	for i, s := range r.spans {
		r.spans[i] = span{outer.spans[s.from].from, outer.spans[s.to-1].to}
	}
	return r
}

// unescape reads a text with the escapes of JSON and of programs undone, those
// of URLs, and the character references of HTML, in any mixture: which of them
// a target uses, and for which characters, is up to its library.
func unescape(text string) reading {
	r := reading{text: text}
	if !strings.ContainsAny(text, `\%&`) {
		return r
	}
	r.spans = make([]span, 0, len(text))
	var out strings.Builder
	for i := 0; i < len(text); {
		char, size := text[i:i+1], 1
		switch text[i] {
		case '\\':
			char, size = unescapeBackslash(text[i:])
		case '%':
			char, size = unescapeDigits(text[i:], 1, 2)
		case '&':
			char, size = unescapeReference(text[i:])
		}
		out.WriteString(char)
		for range len(char) {
			r.spans = append(r.spans, span{i, i + size})
		}
		i += size
	}
	r.text = out.String()
	return r
}

func unescapeBackslash(text string) (string, int) {
	if len(text) < 2 {
		return text, len(text)
	}
	switch text[1] {
	case 'u':
		return unescapeDigits(text, 2, 4)
	case 'x':
		return unescapeDigits(text, 2, 2)
	case '/', '\\', '"', '\'':
		return text[1:2], 2
	default:
		return text[:1], 1
	}
}

// unescapeDigits reads a character that is written as hexadecimal digits.
func unescapeDigits(text string, begin, digits int) (string, int) {
	if len(text) < begin+digits {
		return text[:1], 1
	}
	code, err := strconv.ParseUint(text[begin:begin+digits], 16, 16)
	switch {
	case err != nil:
		return text[:1], 1
	case digits == 2:
		return string([]byte{byte(code)}), begin + digits
	default:
		return string(utf8.AppendRune(nil, rune(code))), begin + digits
	}
}

// longestReference is the length of the longest character reference that is
// looked for, such as &quot; or &#x0073;.
const longestReference = 10

func unescapeReference(text string) (string, int) {
	end := strings.IndexByte(text[:min(len(text), longestReference)], ';')
	if end < 0 {
		return text[:1], 1
	}
	if char := html.UnescapeString(text[:end+1]); char != text[:end+1] {
		return char, end + 1
	}
	return text[:1], 1
}
