package probe

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/e2e/peers"
)

func TestAuthorize(t *testing.T) {
	for name, c := range map[string]struct {
		typ    string
		values map[string]string
		want   string // headers, sorted; "error" when it cannot be sent
	}{
		"bearer":                 {belay.CredentialBearer, map[string]string{"token": " t0ken\n"}, "Authorization: Bearer t0ken"},
		"basic":                  {belay.CredentialBasic, map[string]string{"username": "u", "password": "p "}, "Authorization: Basic dTpwIA=="},
		"header":                 {belay.CredentialHeader, map[string]string{"name": "x-api-key", "value": "v\n"}, "X-Api-Key: v"},
		"mtls":                   {belay.CredentialMTLS, map[string]string{"certificate": "c", "key": "k"}, ""},
		"opaque":                 {belay.CredentialOpaque, map[string]string{"token": "t"}, ""},
		"kubernetes token":       {belay.CredentialKubernetes, map[string]string{"token": "t", "username": "u", "password": "p"}, "Authorization: Bearer t"},
		"kubernetes password":    {belay.CredentialKubernetes, map[string]string{"username": "u", "password": "p"}, "Authorization: Basic dTpw"},
		"kubernetes in disguise": {belay.CredentialKubernetes, map[string]string{"token": "t", "impersonate": "jane"}, "Authorization: Bearer t Impersonate-User: jane"},
		"token with line break":  {belay.CredentialBearer, map[string]string{"token": "a\r\nX-B: c"}, "error"},
		"name with line break":   {belay.CredentialHeader, map[string]string{"name": "a\nb", "value": "v"}, "error"},
		"no name":                {belay.CredentialHeader, map[string]string{"name": "", "value": "v"}, "error"},
		"host":                   {belay.CredentialHeader, map[string]string{"name": "host", "value": "v"}, "error"},
		"framing":                {belay.CredentialHeader, map[string]string{"name": "transfer-encoding", "value": "chunked"}, "error"},
		"framing, of one word":   {belay.CredentialHeader, map[string]string{"name": "Te", "value": "trailers"}, "error"},
		"user with line break":   {belay.CredentialKubernetes, map[string]string{"token": "t", "impersonate": "a\nb"}, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			err := authorize(h, material(c.typ, c.values))
			var text strings.Builder
			_ = h.Write(&text)
			got := strings.ReplaceAll(strings.TrimSpace(text.String()), "\r\n", " ")
			if err != nil {
				got = "error"
				for _, v := range c.values {
					if v != "" && len(v) > 3 && strings.Contains(err.Error(), v) {
						t.Errorf("the error quotes the credential: %v", err)
					}
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if err := authorize(http.Header{}, nil); err != nil {
		t.Errorf("no credential: %v", err)
	}
}

func jwt(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part([]byte(claims)) + ".c2ln"
}

func TestExpiry(t *testing.T) {
	end := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	pair := peers.NewCA("test").Issue(peers.CertificateOptions{CommonName: "c", NotAfter: end})
	token := jwt(fmt.Sprintf(`{"exp":%d}`, end.Unix()))
	earlier := jwt(fmt.Sprintf(`{"exp":%d.9}`, end.Unix()-60))
	for name, c := range map[string]struct {
		typ    string
		values map[string]string
		want   time.Time
	}{
		"JWT":                 {belay.CredentialBearer, map[string]string{"token": token + "\n"}, end},
		"JWT in a header":     {belay.CredentialHeader, map[string]string{"name": "X", "value": "Bearer " + token}, end},
		"certificate":         {belay.CredentialMTLS, map[string]string{"certificate": string(pair.Certificate)}, end},
		"kubernetes":          {belay.CredentialKubernetes, map[string]string{"clientCertificate": string(pair.Certificate), "token": earlier}, end.Add(-time.Minute)},
		"opaque token":        {belay.CredentialBearer, map[string]string{"token": "abc"}, time.Time{}},
		"dots":                {belay.CredentialBearer, map[string]string{"token": "a.b.c"}, time.Time{}},
		"no claims":           {belay.CredentialBearer, map[string]string{"token": jwt(`[]`)}, time.Time{}},
		"no end":              {belay.CredentialBearer, map[string]string{"token": jwt(`{}`)}, time.Time{}},
		"an end beyond times": {belay.CredentialBearer, map[string]string{"token": jwt(`{"exp":1e300}`)}, time.Time{}},
		"no PEM":              {belay.CredentialMTLS, map[string]string{"certificate": "x"}, time.Time{}},
		"no certificate":      {belay.CredentialMTLS, map[string]string{"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, time.Time{}},
	} {
		if got := Expiry(material(c.typ, c.values)); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := Expiry(nil); !got.IsZero() {
		t.Errorf("no credential: %v", got)
	}
}

func FuzzTokenExpiry(f *testing.F) {
	f.Add(jwt(`{"exp":1}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if got := tokenExpiry(token); !got.IsZero() && got.Unix() < 0 {
			t.Errorf("%q ends at %v", token, got)
		}
	})
}
