package probe

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"

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
