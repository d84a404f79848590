package belay

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math"
	"time"
)

// maxExpiry is the last time that RFC 3339 can write.
const maxExpiry = 253402300799

// Validity is when a credential or a certificate is valid, as it says itself;
// in UTC, and zero where it says nothing.
type Validity struct {
	From  time.Time
	Until time.Time
}

// expiryWarning is how long before its end something is warned of, unless a
// quarter of the time for which it is valid is less: what is issued for an
// hour, and renewed in time, is no matter of concern.
const expiryWarning = 14 * 24 * time.Hour

// EndsSoon tells whether what is valid now is to be replaced soon.
func (v Validity) EndsSoon(now time.Time) bool {
	if v.Until.IsZero() || !now.Before(v.Until) {
		return false
	}
	if v.From.IsZero() {
		return v.Until.Sub(now) <= expiryWarning
	}
	return v.Until.Sub(now) <= min(expiryWarning, v.Until.Sub(v.From)/4)
}

// Ended tells whether the end has passed.
func (v Validity) Ended(now time.Time) bool { return !v.Until.IsZero() && v.Until.Before(now) }

// sooner returns the one that ends first.
func sooner(a, b Validity) Validity {
	if a.Until.IsZero() || !b.Until.IsZero() && b.Until.Before(a.Until) {
		return b
	}
	return a
}

// ValidityOf reads from the material itself when it is valid: what ends first
// of its certificates (notBefore and notAfter of RFC 5280) and its JSON Web
// Tokens (exp of RFC 7519, with nbf or iat). Signatures are not checked.
func ValidityOf(credentialType string, values map[string]Secret) Validity {
	var first Validity
	for _, name := range expiringFields(credentialType, values) {
		b := values[name].Reveal()
		first = sooner(sooner(first, certificatesValidity(b)), tokenValidity(b))
	}
	return first
}

// Validity is ValidityOf what the credential holds, zero for none.
func (m *Material) Validity() Validity {
	if m == nil {
		return Validity{}
	}
	return ValidityOf(m.Type, m.Values)
}

// expiringFields names what the target will look at; of a type without fixed
// fields that is anything.
func expiringFields(credentialType string, values map[string]Secret) []string {
	switch credentialType {
	case CredentialBearer:
		return []string{"token"}
	case CredentialBasic:
		return []string{"password"}
	case CredentialHeader:
		return []string{"value"}
	case CredentialMTLS:
		return []string{"certificate"}
	case CredentialKubernetes:
		return []string{"token", "clientCertificate"}
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	return names
}

func certificatesValidity(text []byte) Validity {
	var first Validity
	for _, der := range CertificatesIn(text) {
		if c, err := x509.ParseCertificate(der); err == nil {
			first = sooner(first, Validity{From: c.NotBefore.UTC(), Until: c.NotAfter.UTC()})
		}
	}
	return first
}

// tokenValidity reads the claims of a JWT in compact form, alone or after the
// name of a scheme as in "Bearer <token>".
func tokenValidity(b []byte) Validity {
	words := bytes.Fields(b)
	if len(words) == 0 || len(words) > 2 {
		return Validity{}
	}
	parts := bytes.Split(words[len(words)-1], []byte("."))
	if len(parts) != 3 {
		return Validity{}
	}
	var header struct{ Alg string }
	var claims map[string]any // one that is no number does not spoil the others
	if !decodeSegment(parts[0], &header) || header.Alg == "" || !decodeSegment(parts[1], &claims) {
		return Validity{}
	}
	from := numericDate(claims["nbf"])
	if from.IsZero() {
		from = numericDate(claims["iat"])
	}
	return Validity{From: from, Until: numericDate(claims["exp"])}
}

// numericDate is a time of RFC 7519, section 2; zero for none, and for one
// that cannot be written.
func numericDate(claim any) time.Time {
	seconds, _ := claim.(float64)
	if s := math.Floor(seconds); s > 0 && s <= maxExpiry {
		return time.Unix(int64(s), 0).UTC()
	}
	return time.Time{}
}

func decodeSegment(segment []byte, v any) bool {
	b, err := base64.RawURLEncoding.AppendDecode(nil, segment)
	defer clear(b)
	return err == nil && json.Unmarshal(b, v) == nil
}
