package belay

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a Secret would be printed.
const redacted = "[redacted]"

// Secret holds bytes that must not be shown. Whatever formats, marshals or
// logs it gets "[redacted]"; only Reveal returns the bytes, and the linter
// lists the few files that may call it.
//
// The bytes are behind a pointer, so that neither reflection-based printing
// of an enclosing struct (%+v, %#v) nor a debugger's dump of it walks into
// them.
type Secret struct{ value *[]byte }

// NewSecret takes over b; the caller must not use it afterwards.
func NewSecret(b []byte) Secret { return Secret{value: &b} }

// SecretString makes a Secret of a string.
func SecretString(s string) Secret { return NewSecret([]byte(s)) }

// Reveal returns the bytes themselves, not a copy. Calling it is restricted
// by the linter to the places that seal, compare or send a secret.
func (s Secret) Reveal() []byte {
	if s.value == nil {
		return nil
	}
	return *s.value
}

// Len is the number of bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// IsZero tells whether there is nothing in it.
func (s Secret) IsZero() bool { return s.Len() == 0 }

// Equal compares in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), t.Reveal()) == 1
}

// Wipe overwrites the bytes with zeros.
func (s Secret) Wipe() { clear(s.Reveal()) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]"; it also serves JSON map keys, XML and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
