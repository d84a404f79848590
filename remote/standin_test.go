package remote_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/remote"
)

const (
	callback = "http://127.0.0.1:8080/user/callback/hub"
	secret   = "canary-client-secret"
)

type object = map[string]any

// hub is another server of this kind that records what it is sent, and lies on
// command. Its fields are set before it is asked.
type hub struct {
	*httptest.Server
	t *testing.T

	edit   func(object)                                  // edits its description
	token  func(http.ResponseWriter, url.Values) bool    // answers instead of the token endpoint, unless false
	answer func(http.ResponseWriter, *http.Request) bool // answers instead of the rest, unless false

	mu       sync.Mutex
	requests []*http.Request // with bodies that can be read, all but those for the description
	bodies   []string
	issued   int
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", h.describe)
	mux.HandleFunc("POST /oauth/token", h.tokens)
	mux.HandleFunc("/", h.rest)
	h.Server = httptest.NewServer(h.recorded(mux))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Belay-Version", "v1")
		if r.URL.Path != "/.well-known/oauth-authorization-server" {
			body, _ := io.ReadAll(r.Body)
			copied := r.Clone(context.WithoutCancel(r.Context()))
			h.mu.Lock()
			h.requests, h.bodies = append(h.requests, copied), append(h.bodies, string(body))
			h.mu.Unlock()
			r.PostForm, _ = url.ParseQuery(string(body))
		}
		next.ServeHTTP(w, r)
	})
}

func (h *hub) describe(w http.ResponseWriter, _ *http.Request) {
	m := object{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/oauth/authorize", "token_endpoint": h.URL + "/oauth/token",
		"revocation_endpoint": h.URL + "/oauth/revoke", "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if h.edit != nil {
		h.edit(m)
	}
	writeJSON(w, m)
}

func (h *hub) tokens(w http.ResponseWriter, r *http.Request) {
	if h.token != nil && h.token(w, r.PostForm) {
		return
	}
	if r.PostForm.Get("code") == "a-code-that-is-none" {
		fail(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	h.mu.Lock()
	h.issued++
	n := string(rune('0' + h.issued))
	h.mu.Unlock()
	writeJSON(w, object{"access_token": "canary-access-" + n, "token_type": "Bearer", "expires_in": 900, "refresh_token": "canary-refresh-" + n})
}

func (h *hub) rest(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.answer != nil && h.answer(w, r):
	case r.URL.Path == "/api/user":
		writeJSON(w, object{"id": "alice-id", "email": "alice@example.test", "firstName": "Alice", "lastName": "A"})
	case r.URL.Path == "/openapi.json":
		writeJSON(w, object{"paths": object{"/api/user": 1, "/api/environments": 1, "/api/integrations/connections": 1, "/api/workspaces": 1}})
	case r.URL.Path == "/oauth/authorize" && r.URL.Query().Get("redirect_uri") == callback:
		http.Redirect(w, r, "/user/login", http.StatusSeeOther)
	case r.URL.Path == "/oauth/authorize":
		w.WriteHeader(http.StatusBadRequest)
	}
}

// last is the last request to a path, with its body.
func (h *hub) last(path string) (*http.Request, string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, r := range slices.Backward(h.requests) {
		if r.URL.Path == path {
			return r, h.bodies[i]
		}
	}
	h.t.Fatalf("nothing was sent to %s", path)
	return nil, ""
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, name string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"error": name, "error_description": "canary-description"})
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (h *hub) provider() (*remote.Provider, *clock) {
	h.t.Helper()
	return h.trusted(nil, "127.0.0.0/8")
}

// trusted is a provider for which some vouch, and that may dial some addresses.
func (h *hub) trusted(roots *x509.CertPool, allowed string) (*remote.Provider, *clock) {
	h.t.Helper()
	c := &clock{now: time.Now().UTC().Truncate(time.Second)}
	p, err := remote.New(
		remote.Config{Key: "hub", URL: h.URL + "/", ClientID: "spoke", ClientSecret: belay.SecretString(secret)},
		remote.Options{Dialer: &egress.Dialer{Policy: egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix(allowed)}}}, Now: c.Now, RootCAs: roots},
	)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(p.Close)
	return p, c
}
