package belay_test

import (
	"errors"
	"strings"
	"testing"

	"belay"
	"belay/e2e/peers"
)

func TestValuesOfCredentialsAreChecked(t *testing.T) {
	ca := peers.NewCA("material")
	one, two := ca.Client("one"), ca.Client("two")
	certificate, key := string(one.Certificate), string(one.Key)
	encrypted := strings.Replace(key, "PRIVATE KEY-----\n", "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1)
	for name, c := range map[string]struct {
		typ    string
		values map[string]string
		wrong  string // the fields at fault, in order
	}{
		"token":                   {"bearer", map[string]string{"token": "ey.J-_~+/="}, ""},
		"token with a space":      {"bearer", map[string]string{"token": "canary one"}, "token"},
		"token with its line end": {"bearer", map[string]string{"token": "canary\n"}, "token"},
		"token with an accent":    {"bearer", map[string]string{"token": "cañary"}, "token"},
		"user and password":       {"basic", map[string]string{"username": "jané doe", "password": " p:ä "}, ""},
		"user with a colon":       {"basic", map[string]string{"username": "canary:x", "password": "p"}, "username"},
		"password with line end":  {"basic", map[string]string{"username": "u", "password": "canary\r\n"}, "password"},
		"header":                  {"header", map[string]string{"name": "X-Api_Key", "value": "Token a\tb"}, ""},
		"header with a space":     {"header", map[string]string{"name": "X Api", "value": "v"}, "name"},
		"header with a colon":     {"header", map[string]string{"name": "X-Api:", "value": "v"}, "name"},
		"header Host":             {"header", map[string]string{"name": "hOST", "value": "v"}, "name"},
		"header of framing":       {"header", map[string]string{"name": "Content-Length", "value": "v"}, "name"},
		"header of the next hop":  {"header", map[string]string{"name": "keep-alive", "value": "v"}, "name"},
		"header with line end":    {"header", map[string]string{"name": "X-Api", "value": "canary\r\nX-Other: 1"}, "value"},
		"pair":                    {"mtls", map[string]string{"certificate": certificate, "key": key}, ""},
		"pair with its chain":     {"mtls", map[string]string{"certificate": certificate + string(ca.PEM()), "key": key}, ""},
		"other key":               {"mtls", map[string]string{"certificate": certificate, "key": string(two.Key)}, "key"},
		"chain the wrong way":     {"mtls", map[string]string{"certificate": string(ca.PEM()) + certificate, "key": key}, "key"},
		"no PEM":                  {"mtls", map[string]string{"certificate": "canary", "key": "canary"}, "certificate key"},
		"something behind":        {"mtls", map[string]string{"certificate": certificate + "canary", "key": key}, "certificate"},
		"key beside certificate":  {"mtls", map[string]string{"certificate": certificate + key, "key": key}, "certificate"},
		"certificate for key":     {"mtls", map[string]string{"certificate": certificate, "key": certificate}, "key"},
		"key with a passphrase":   {"mtls", map[string]string{"certificate": certificate, "key": encrypted}, "key"},
		"cluster pair":            {"kubernetes", map[string]string{"clientCertificate": certificate, "clientKey": key}, ""},
		"cluster, other key":      {"kubernetes", map[string]string{"clientCertificate": certificate, "clientKey": string(two.Key)}, "clientKey"},
		"cluster, half a pair":    {"kubernetes", map[string]string{"token": "t", "clientCertificate": certificate}, "clientKey"},
		"cluster, other half":     {"kubernetes", map[string]string{"token": "t", "clientKey": key}, "clientKey"},
		"cluster, token":          {"kubernetes", map[string]string{"token": "a b"}, "token"},
		"cluster, disguise":       {"kubernetes", map[string]string{"token": "t", "impersonate": "a\nb"}, "impersonate"},
		"anything":                {"opaque", map[string]string{"x": "a\r\nb"}, ""},
	} {
		typ, _ := belay.FindCredentialType(c.typ)
		values := map[string]belay.Secret{}
		for name, v := range c.values {
			values[name] = belay.SecretString(v)
		}
		var wrong []string
		err := typ.Check("/secret", values)
		if e, ok := errors.AsType[*belay.Error](err); ok {
			for _, f := range e.Fields {
				wrong = append(wrong, strings.TrimPrefix(f.Pointer, "/secret/"))
			}
		}
		if got := strings.Join(wrong, " "); got != c.wrong || (err != nil && belay.CodeOf(err) != belay.CodeInvalid) {
			t.Errorf("%s: wrong are %q, want %q: %v", name, got, c.wrong, err)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), strings.Split(key, "\n")[1])) {
			t.Errorf("%s: the error quotes the value: %v", name, err)
		}
	}
}

func FuzzCheckMaterial(f *testing.F) {
	pair := peers.NewCA("material").Client("one")
	f.Add(string(pair.Certificate), string(pair.Key))
	f.Add("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, typ := range belay.CredentialTypes() {
			values := map[string]belay.Secret{}
			for i, field := range typ.Fields {
				values[field.Name] = belay.SecretString([]string{a, b}[i%2])
			}
			if err := typ.Check("", values); err != nil && belay.CodeOf(err) != belay.CodeInvalid {
				t.Errorf("%s: %v", typ.Name, err)
			}
		}
	})
}

// TestNoCredentialIsFraming names each header that says where a request ends
// or goes (RFC 9110, sections 7.2, 7.6.1, 7.8, 10.1 and 11.7; RFC 9112,
// section 6), in every case.
func TestNoCredentialIsFraming(t *testing.T) {
	header, _ := belay.FindCredentialType(belay.CredentialHeader)
	fault := func(name string) error {
		return header.Check("/secret", map[string]belay.Secret{"name": belay.SecretString(name), "value": belay.SecretString("v")})
	}
	for _, name := range []string{
		"Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		for _, written := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			if err := fault(written); belay.CodeOf(err) != belay.CodeInvalid {
				t.Errorf("%s: %v", written, err)
			}
		}
		if err := fault("X-" + name); err != nil {
			t.Errorf("X-%s: %v", name, err)
		}
	}
}
