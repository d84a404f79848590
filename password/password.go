// Package password says which passwords are taken, and hashes and verifies
// them without letting that take the machine from others.
package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"belay"
)

// Bounds of a password's length, in characters (Unicode code points of the
// normalised form). There are no rules on what it is composed of: they make
// passwords worse (NIST SP 800-63B-4, section 3.1.1.2).
const (
	MinLength = 12
	MaxLength = 128
)

// maxBytes bounds what is looked at of a password: no character of a
// password that is taken has more than four bytes, and composing none makes
// it longer than thrice.
const maxBytes = MaxLength * 4 * 3

// prepare brings a password into the form in which it is hashed, so that it
// is the same from every keyboard: the OpaqueString profile of RFC 8265,
// section 4.2, which composes canonically (NFC) and makes every space the
// same, and leaves letters of compatibility and case as they are.
func prepare(text belay.Secret) []byte {
	spaced := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, string(text.Reveal()))
	return norm.NFC.Bytes([]byte(spaced))
}

// Check refuses a password that is too short, too long or easily guessed. The
// context is what an attacker tries first besides: the user's address and
// names. The error says what is wrong with it, never what it is; pointer is
// where in the request it stands.
func Check(pointer string, text belay.Secret, context ...string) error {
	if text.Len() > maxBytes {
		return belay.Invalid(pointer, "is longer than %d characters", MaxLength)
	}
	if !utf8.Valid(text.Reveal()) || strings.ContainsFunc(string(text.Reveal()), unicode.IsControl) {
		return belay.Invalid(pointer, "has a character that cannot be typed")
	}
	p := string(prepare(text))
	switch n := utf8.RuneCountInString(p); {
	case n < MinLength:
		return belay.Invalid(pointer, "must have at least %d characters; several words do well", MinLength)
	case n > MaxLength:
		return belay.Invalid(pointer, "is longer than %d characters", MaxLength)
	}
	if common(p, context) {
		return belay.Invalid(pointer, "is among the first that are tried; several words that do not belong together do well")
	}
	return nil
}
