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

// Expiry reads from the material itself when it stops being valid: the
// earliest notAfter of its certificates (RFC 5280) and exp of its JSON Web
// Tokens (RFC 7519), in UTC. Signatures are not checked. It is the zero time
// when nothing in it says so.
func Expiry(credentialType string, values map[string]Secret) time.Time {
	var first time.Time
	for _, name := range expiringFields(credentialType, values) {
		b := values[name].Reveal()
		for _, t := range []time.Time{certificatesExpiry(b), tokenExpiry(b)} {
			first = earlier(first, t)
		}
	}
	return first
}

// Expiry is Expiry of what the credential holds, zero for none.
func (m *Material) Expiry() time.Time {
	if m == nil {
		return time.Time{}
	}
	return Expiry(m.Type, m.Values)
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

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func certificatesExpiry(text []byte) time.Time {
	var first time.Time
	for _, der := range CertificatesIn(text) {
		if c, err := x509.ParseCertificate(der); err == nil {
			first = earlier(first, c.NotAfter.UTC())
		}
	}
	return first
}

// tokenExpiry reads the exp of a JWT in compact form, alone or after the
// name of a scheme as in "Bearer <token>".
func tokenExpiry(b []byte) time.Time {
	words := bytes.Fields(b)
	if len(words) == 0 || len(words) > 2 {
		return time.Time{}
	}
	parts := bytes.Split(words[len(words)-1], []byte("."))
	if len(parts) != 3 {
		return time.Time{}
	}
	var header struct{ Alg string }
	var claims struct{ Exp *float64 }
	if !decodeSegment(parts[0], &header) || header.Alg == "" || !decodeSegment(parts[1], &claims) || claims.Exp == nil {
		return time.Time{}
	}
	if s := math.Floor(*claims.Exp); s > 0 && s <= maxExpiry {
		return time.Unix(int64(s), 0).UTC()
	}
	return time.Time{}
}

func decodeSegment(segment []byte, v any) bool {
	b, err := base64.RawURLEncoding.AppendDecode(nil, segment)
	defer clear(b)
	return err == nil && json.Unmarshal(b, v) == nil
}
