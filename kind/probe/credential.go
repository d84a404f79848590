package probe

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"belay"
)

var (
	errUnsendable = errors.New("holds what cannot be sent in a request header")
	errKeyPair    = errors.New("holds a client certificate and a key that do not belong together")
)

// authorize puts the credential onto a request. Client certificates are not
// its matter, they are shown in the handshake.
func authorize(h http.Header, m *belay.Material) error {
	if m == nil {
		return nil
	}
	value := func(field string) string { return strings.TrimSpace(m.Value(field)) }
	switch m.Type {
	case belay.CredentialBearer:
		return setHeader(h, "Authorization", "Bearer "+value("token"))
	case belay.CredentialBasic:
		setBasic(h, m)
	case belay.CredentialHeader:
		return setHeader(h, value("name"), value("value"))
	case belay.CredentialKubernetes:
		return authorizeKubernetes(h, m, value)
	}
	return nil
}

// authorizeKubernetes follows a kubeconfig: a token goes before a password.
func authorizeKubernetes(h http.Header, m *belay.Material, value func(string) string) error {
	if user := value("impersonate"); user != "" {
		if err := setHeader(h, "Impersonate-User", user); err != nil {
			return err
		}
	}
	switch {
	case value("token") != "":
		return setHeader(h, "Authorization", "Bearer "+value("token"))
	case value("password") != "":
		setBasic(h, m)
	}
	return nil
}

// setBasic leaves the password as it is: a space at its end may be part of it.
func setBasic(h http.Header, m *belay.Material) {
	r := http.Request{Header: h}
	r.SetBasicAuth(m.Value("username"), m.Value("password"))
}

func setHeader(h http.Header, name, value string) error {
	if !belay.SendableHeader(name) || !belay.SendableValue(value) {
		return errUnsendable
	}
	h[http.CanonicalHeaderKey(name)] = []string{value}
	return nil
}

// clientCertificate returns the one to show in the handshake, nil for none.
func clientCertificate(m *belay.Material) (*tls.Certificate, error) {
	certificate, key := certificateFields(m)
	if certificate == "" && key == "" {
		return nil, nil
	}
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		return nil, errKeyPair // not err: it may quote what it has read
	}
	return &pair, nil
}

func certificateFields(m *belay.Material) (certificate, key string) {
	switch {
	case m == nil:
		return "", ""
	case m.Type == belay.CredentialMTLS:
		return m.Value("certificate"), m.Value("key")
	case m.Type == belay.CredentialKubernetes:
		return m.Value("clientCertificate"), m.Value("clientKey")
	default:
		return "", ""
	}
}

// Expiry tells when a credential ends, as it says itself: a JWT by its exp
// claim (RFC 7519), a client certificate by its notAfter. Zero when it does
// not say. The earliest counts. Nothing is verified.
func Expiry(m *belay.Material) time.Time {
	if m == nil {
		return time.Time{}
	}
	certificate, _ := certificateFields(m)
	ends := []time.Time{certificateExpiry(certificate), tokenExpiry(m.Value("token"))}
	if m.Type == belay.CredentialHeader {
		ends = append(ends, tokenExpiry(m.Value("value")))
	}
	var first time.Time
	for _, t := range ends {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func certificateExpiry(text string) time.Time {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return time.Time{}
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return c.NotAfter
}

func tokenExpiry(text string) time.Time {
	fields := strings.Fields(text) // a header's value may begin with a scheme
	if len(fields) == 0 {
		return time.Time{}
	}
	parts := strings.Split(fields[len(fields)-1], ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Exp > math.MaxInt32*100 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
