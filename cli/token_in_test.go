package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// White space around a token is not of it, and what cannot be one is not sent.
func TestTokenInVariable(t *testing.T) {
	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(server.Close)
	for _, v := range []string{"horse\r", "horse\r\n", " horse\n"} {
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "BELAY_TOKEN": v})
		f.run(t, exitDone, "api", "/api/user")
		if got != "Bearer horse" {
			t.Errorf("%q: sent %q", v, got)
		}
	}
	for _, v := range []string{"two horses", "horse\x00", "\r\n", "hörse", "horse\r\nX-Other: 1"} {
		got = ""
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "BELAY_TOKEN": v})
		f.run(t, exitSignIn, "api", "/api/user")
		mustContain(t, f.err.String(), "error: BELAY_TOKEN does not hold a token — it must be one word")
		mustNotContain(t, f.err.String(), "orse")
		if got != "" {
			t.Errorf("%q was sent", v)
		}
	}
}
