package probe

import (
	"net/http"
	"strings"
	"testing"

	"belay"
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
