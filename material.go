package belay

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
)

// form is what the value of a credential's field looks like.
type form int

// The forms.
const (
	formAny          form = iota
	formToken             // sent behind "Bearer" (RFC 6750)
	formUser              // of basic authentication (RFC 7617)
	formPassword          // of basic authentication (RFC 7617)
	formHeaderName        // RFC 9110, section 5.6.2
	formHeaderValue       // RFC 9110, section 5.5
	formCertificates      // PEM (RFC 7468)
	formPrivateKey        // PEM (RFC 7468)
)

// fault says what is wrong with a value that is to have this form, "" for
// nothing. It never quotes the value.
func (f form) fault(value string) string {
	switch f {
	case formToken:
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "must be one word of visible ASCII characters, without spaces and line ends"
		}
	case formUser:
		if strings.Contains(value, ":") || strings.ContainsFunc(value, isControl) {
			return "must have no colon and no control characters, such as line ends"
		}
	case formPassword:
		if strings.ContainsFunc(value, isControl) {
			return "must have no control characters, such as line ends"
		}
	case formHeaderName:
		return headerNameFault(value)
	case formHeaderValue:
		if !SendableValue(value) {
			return "must have no control characters, such as line ends"
		}
	case formCertificates:
		_, fault := firstCertificate(value)
		return fault
	case formPrivateKey:
		_, fault := privateKey(value)
		return fault
	case formAny:
	}
	return ""
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// SendableValue tells whether a text can be the value of a request header.
func SendableValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return isControl(r) && r != '\t' })
}

// SendableHeader tells whether a credential can be sent in a request header of
// this name: it is a token, and none of the headers that say where a request
// ends or goes, or that concern the next hop only (RFC 9110, section 7.6.1).
func SendableHeader(name string) bool { return headerNameFault(name) == "" }

func headerNameFault(name string) string {
	notToken := func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
	framing := []string{
		"connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade",
	}
	switch {
	case name == "" || strings.ContainsFunc(name, notToken):
		return "must be a header's name, such as X-API-Key: letters, digits and hyphens, without spaces and a colon"
	case slices.Contains(framing, strings.ToLower(name)):
		return "is a header that no credential can be sent in: it says where a request ends or goes"
	default:
		return ""
	}
}

// firstCertificate reads certificates and returns the first, which is the one
// that the key belongs to.
func firstCertificate(text string) (*x509.Certificate, string) {
	const wanted = "must be certificates in PEM form, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
	var first *x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, "holds a private key, which is a field of its own"
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, wanted
		}
		if first == nil {
			first = c
		}
	}
	if first == nil || strings.TrimSpace(string(rest)) != "" {
		return nil, wanted
	}
	return first, ""
}

// privateKey reads the first private key in a text, which may have the
// parameters of its curve before it.
func privateKey(text string) (crypto.Signer, string) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, "must be a private key in PEM form, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----"
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, "is encrypted with a passphrase; it is stored encrypted anyway, give it without one"
		}
		if key := parseKey(block.Bytes); key != nil {
			return key, ""
		}
		return nil, "cannot be read as a private key of RSA, ECDSA or Ed25519"
	}
}

func parseKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// pairFault says what is wrong between a certificate and its key, both of
// which are well-formed, or absent.
func pairFault(certificate, key string) string {
	switch {
	case certificate == "" && key == "":
		return ""
	case key == "":
		return "is required with a certificate"
	case certificate == "":
		return "is of no use without its certificate"
	}
	c, fault := firstCertificate(certificate)
	k, keyFault := privateKey(key)
	if fault != "" || keyFault != "" {
		return "" // told already
	}
	if public, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(c.PublicKey) {
		return ""
	}
	return "does not belong to the certificate, the first if there are several"
}

// faults are what is wrong with the values of a credential's fields, below
// prefix.
func (t CredentialType) faults(prefix string, values map[string]Secret) []Field {
	var out []Field
	text := func(form form) (name, value string) {
		i := slices.IndexFunc(t.Fields, func(f CredentialField) bool { return f.form == form })
		if i < 0 {
			return "", ""
		}
		return t.Fields[i].Name, string(values[t.Fields[i].Name].Reveal())
	}
	for _, f := range t.Fields {
		if values[f.Name].IsZero() {
			continue
		}
		if fault := f.form.fault(string(values[f.Name].Reveal())); fault != "" {
			out = append(out, Field{prefix + "/" + f.Name, fault})
		}
	}
	_, certificate := text(formCertificates)
	if name, key := text(formPrivateKey); name != "" {
		if fault := pairFault(certificate, key); fault != "" {
			out = append(out, Field{prefix + "/" + name, fault})
		}
	}
	return out
}
