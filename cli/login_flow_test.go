package cli

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestAwaiting takes the answer that has the state, of the server that is to
// get the code.
func TestAwaiting(t *testing.T) {
	const own = "https://belay.example"
	for query, want := range map[string]struct {
		status int
		fault  string
		code   string
	}{
		"state=s&code=c&iss=" + own:                       {http.StatusOK, "", "c"},
		"state=s&code=c&iss=https://honest.example":       {http.StatusOK, "issuer_mismatch", ""},
		"state=s&code=c":                                  {http.StatusOK, "issuer_mismatch", ""},
		"state=other&code=c&iss=" + own:                   {http.StatusBadRequest, "", ""},
		"state=s&error=access_denied&iss=" + own:          {http.StatusOK, "access_denied", ""},
		"state=s&iss=" + own:                              {http.StatusOK, "invalid_request", ""},
		"state=s&code=c&iss=" + own + ".attacker.example": {http.StatusOK, "issuer_mismatch", ""},
	} {
		arrived := make(chan arrival, 1)
		w := httptest.NewRecorder()
		awaiting("s", own, arrived).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/callback?"+query, http.NoBody))
		var got arrival
		select {
		case got = <-arrived:
		default:
		}
		if w.Code != want.status || got.fault != want.fault || got.code != want.code {
			t.Errorf("%s: %d, %+v", query, w.Code, got)
		}
		if said := strings.Contains(w.Body.String(), "has what it needs"); said != (want.code != "") {
			t.Errorf("%s: the page says %s", query, w.Body)
		}
	}
}

func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://Belay.Example:443/x": "https://belay.example", "http://127.0.0.1:9081": "http://127.0.0.1:9081", "http://h:80": "http://h", "https://[::1]:9": "https://[::1]:9",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(u); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
