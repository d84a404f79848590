package rest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// standInHub is another server of this kind that records what it is sent, and
// answers what a test says.
type standInHub struct {
	*httptest.Server
	mu      sync.Mutex
	got     []string // METHOD path?query access
	headers http.Header
	body    string
	access  string // the access token that it takes
	issued  int
	refuses bool // to refresh
	ended   int  // how many sessions were revoked
	answer  func(http.ResponseWriter, *http.Request)
}

func newStandInHub(t *testing.T) *standInHub {
	t.Helper()
	h := &standInHub{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements http.Handler.
func (h *standInHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": h.URL, "authorization_endpoint": h.URL + "/oauth/authorize", "token_endpoint": h.URL + "/oauth/token",
			"revocation_endpoint": h.URL + "/oauth/revoke", "code_challenge_methods_supported": []string{"S256"},
		})
	case "/oauth/token":
		h.token(w)
	case "/oauth/revoke":
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ended++
	default:
		h.api(w, r)
	}
}

func (h *standInHub) token(w http.ResponseWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuses {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	h.issued++
	h.access = "hub-access-" + string(rune('0'+h.issued))
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": h.access, "token_type": "Bearer", "expires_in": 900, "refresh_token": "hub-refresh"})
}

func (h *standInHub) api(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	access := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	h.mu.Lock()
	h.got, h.headers, h.body = append(h.got, r.Method+" "+r.URL.RequestURI()+" "+access), r.Header.Clone(), string(body)
	takes, answer := access == h.access || strings.HasPrefix(access, "bly_"), h.answer
	h.mu.Unlock()
	switch {
	case !takes:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"unauthenticated"}`)
	case r.URL.Path == "/api/user" || answer == nil:
		_, _ = io.WriteString(w, `{"id":"0198f000-0000-7000-8000-000000000001","email":"alice@example.test"}`)
	default:
		answer(w, r)
	}
}

// answers makes the hub answer so.
func (h *standInHub) answers(f func(http.ResponseWriter, *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

// expire makes the hub take its access token no more, and perhaps refuse
// another.
func (h *standInHub) expire(refuses bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.access, h.refuses = "none", refuses
}

// taken is what the hub was sent since the last time.
func (h *standInHub) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

// spoke is a server whose users come from a hub, with one who is signed in.
func spoke(t *testing.T) (s *belaytest.Server, h *standInHub, c *belaytest.Client, cookies string) {
	t.Helper()
	h = newStandInHub(t)
	s = belaytest.Start(t, belaytest.Options{Providers: map[string]belay.ProviderSettings{
		"hub": {Type: "remote", URL: h.URL, ClientID: "spoke"},
	}})
	cookies = hubUser(t, s, h)
	h.taken()
	return s, h, s.Client(belay.Secret{}).With("Cookie", cookies), cookies
}

// hubUser signs the hub's user in at a spoke, and returns the browser's cookies.
func hubUser(t *testing.T, s *belaytest.Server, h *standInHub) string {
	t.Helper()
	stranger := s.Client(belay.Secret{}).With("Accept", "text/html")
	gone := stranger.Get("/user/login?provider=hub").Want(http.StatusSeeOther)
	to, err := url.Parse(gone.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), h.URL+"/oauth/authorize?") {
		t.Fatalf("the browser goes to %s: %v", to, err)
	}
	back := to.Query().Get("redirect_uri")
	query := url.Values{"code": {"code"}, "state": {to.Query().Get("state")}}
	in := stranger.With("Cookie", pairs(gone)).Get(strings.TrimPrefix(back, s.URL()) + "?" + query.Encode()).Want(http.StatusSeeOther)
	return pairs(in)
}

func pairs(a *belaytest.Answer) string {
	var out []string
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		out = append(out, c.Name+"="+c.Value)
	}
	return strings.Join(out, "; ")
}

const anID = "0198f000-0000-7000-8000-000000000002"

// TestOnward passes requests for identity and data on to the hub that keeps
// them, as its user, and answers the others itself.
func TestOnward(t *testing.T) {
	t.Parallel()
	s, h, c, _ := spoke(t)
	before := s.Stored()["environments"]
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Set-Cookie": "a=b", "Etag": `"v1"`, "X-Request-Id": "the-hub's", "Location": h.URL + "/api/environments/1"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"name":"of the hub"}`)
	})
	a := c.With("X-Request-ID", "my-id").With("Idempotency-Key", "k").With("X-Forwarded-For", "1.2.3.4").With("Connection", "close, X-Hop").With("X-Hop", "1").
		Post("/api/environments?orgId="+anID+"&provider=hub", map[string]any{"name": "production"}).Want(http.StatusCreated)
	want := []string{"POST /api/environments?orgId=" + anID + " hub-access-1"}
	if got := h.taken(); !slices.Equal(got, want) || h.body != `{"name":"production"}` {
		t.Errorf("the hub gets %q, %s; want %q", got, h.body, want)
	}
	for name, want := range map[string]string{"X-Request-Id": "my-id", "Idempotency-Key": "k", "Cookie": "", "X-Forwarded-For": "", "Connection": "", "X-Hop": ""} {
		if got := h.headers.Get(name); got != want {
			t.Errorf("the hub gets %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"X-Request-Id": "my-id", "Set-Cookie": "", "Etag": `"v1"`, "Location": "/api/environments/1", "Belay-Provider": "hub", "Belay-Version": "v0.0.0-test",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("the caller gets %s: %q, want %q", name, got, want)
		}
	}
	if string(a.Body) != `{"name":"of the hub"}` {
		t.Errorf("the caller gets %s", a.Body)
	}
	c.Get("/api/identity/sessions").Want(http.StatusOK)
	c.Get("/api/provider/capabilities").Want(http.StatusOK)
	c.Get("/api/system/version").Want(http.StatusOK)
	c.Get("/api/token").WantCode(belay.CodeConflict)
	c.Put("/api/user/password", map[string]any{"password": "x"}).WantCode(belay.CodeForbidden)
	c.Get("/api/nothing").WantCode(belay.CodeNotFound)
	c.Do(http.MethodPatch, "/api/environments", nil).WantCode(belay.CodeMethodNotAllowed)
	c.Get("/api/environments?provider=local").WantCode(belay.CodeUnauthenticated)
	c.With("Sec-Fetch-Site", "cross-site").Post("/api/environments", map[string]any{}).WantCode(belay.CodeForbidden)
	c.Post("/api/environments", bytes.Repeat([]byte(" "), 2<<20)).WantCode(belay.CodeTooLarge)
	for _, path := range []string{
		"/api/environments/..%2f..%2fuser", "/api/environments/%2e%2e", "/api/environments/a%2Fconnections", "/api/environments/a%00", "/api/environments/a%3Fb", "/api/environments/%C3%A4",
	} {
		c.Get(path).WantCode(belay.CodeNotFound)
	}
	if got := h.taken(); got != nil {
		t.Errorf("the hub gets what is not for it: %q", got)
	}
	if s.Stored()["environments"] != before {
		t.Error("the environment is stored here")
	}
}

// TestOnwardRoutes wants of every route that it says whether it is passed on.
func TestOnwardRoutes(t *testing.T) {
	t.Parallel()
	for _, r := range rest.Routes() {
		if _, err := r.PassedOn(); err != nil {
			t.Error(err)
		}
	}
	if _, err := (rest.Route{Method: "GET", Path: "/api/new"}).PassedOn(); err == nil {
		t.Error("a route that nobody has thought about is taken")
	}
}

// TestOnwardSession gets new tokens when those are refused, sends the request
// again with its body, and ends the session when there are none to be had.
func TestOnwardSession(t *testing.T) {
	t.Parallel()
	_, h, c, _ := spoke(t)
	h.expire(false)
	c.Post("/api/environments", map[string]any{"name": "n"}).Want(http.StatusOK)
	want := []string{"POST /api/environments hub-access-1", "GET /api/user hub-access-2", "POST /api/environments hub-access-2"}
	if got := h.taken(); !slices.Equal(got, want) || h.body != `{"name":"n"}` {
		t.Errorf("the hub gets %q with %s, want %q", got, h.body, want)
	}
	h.expire(true)
	a := c.Get("/api/environments").Want(http.StatusUnauthorized)
	if !strings.Contains(string(a.Body), "the session has expired") || !strings.Contains(string(a.Body), "/user/login") {
		t.Errorf("he hears %s", a.Body)
	}
	c.Get("/api/identity/sessions").WantCode(belay.CodeUnauthenticated)
}

// TestOnwardOutage answers that the hub does not, and since when, and goes on
// when it is back.
func TestOnwardOutage(t *testing.T) {
	t.Parallel()
	s, h, c, cookies := spoke(t)
	if a := s.Admin.Get("/api/providers/hub/mapping?group=x").Want(http.StatusConflict); !strings.Contains(string(a.Body), "says who may enter") {
		t.Errorf("what groups give at a hub is %s", a.Body)
	}
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
	})
	a := c.Get("/api/workspaces").Want(http.StatusServiceUnavailable)
	if !strings.Contains(string(a.Body), "the provider hub ("+h.URL+")") || !strings.Contains(string(a.Body), "does not answer since 20") {
		t.Errorf("he hears %s", a.Body)
	}
	if state := string(s.Client(belay.Secret{}).Get("/api/providers").Body); !strings.Contains(state, `"status":"unreachable"`) {
		t.Errorf("the providers are %s", state)
	}
	c.Get("/api/identity/sessions").Want(http.StatusOK)
	h.answers(nil)
	c.Get("/api/workspaces").Want(http.StatusOK)
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/workspaces", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookies)
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	if err == nil {
		t.Error("half an answer is taken for the whole")
	}
}

// TestOnwardStream passes each line on when it comes.
func TestOnwardStream(t *testing.T) {
	t.Parallel()
	s, h, _, cookies := spoke(t)
	next := make(chan bool)
	h.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		for range next {
			_, _ = io.WriteString(w, "{}\n")
			_ = http.NewResponseController(w).Flush()
		}
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/api/environments/"+anID+"/test", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookies)
	go func() { next <- true }()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "{}\n" {
			t.Fatalf("a line is %q: %v", line, err)
		}
		go func() { next <- true }()
	}
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	close(next)
}

// TestForeignTokens passes on a token that this server does not know, where the
// request names the provider, and no other.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	s, h, _, _ := spoke(t)
	other := belaytest.Start(t, belaytest.Options{})
	unknown := other.Token(belay.Token{UserID: other.Admin.UserID})
	own := s.Token(belay.Token{UserID: s.Admin.UserID})
	text := string(unknown.Reveal())
	with, stranger := s.Client(unknown), s.Client(belay.Secret{})
	for name, get := range map[string]func() *belaytest.Answer{
		"header": func() *belaytest.Answer { return with.With("meshery-provider", "hub").Get("/api/workspaces") },
		"query":  func() *belaytest.Answer { return with.Get("/api/workspaces?provider=hub") },
		"cookie": func() *belaytest.Answer { return with.WithCookie("meshery-provider=hub").Get("/api/workspaces") },
		"cookies": func() *belaytest.Answer {
			return stranger.WithCookie("token=" + text + "; meshery-provider=hub").Get("/api/workspaces")
		},
	} {
		a := get().Want(http.StatusOK)
		if got := h.taken(); !slices.Equal(got, []string{"GET /api/workspaces " + text}) || a.Header.Get("Belay-Provider") != "hub" {
			t.Errorf("%s: the hub gets %q", name, got)
		}
	}
	with.Get("/api/workspaces").WantCode(belay.CodeUnauthenticated)
	with.With("meshery-provider", "local").Get("/api/workspaces").WantCode(belay.CodeUnauthenticated)
	with.With("meshery-provider", "hub").Get("/api/workspaces?provider=local").WantCode(belay.CodeUnauthenticated)
	with.With("meshery-provider", "hub").Get("/api/token").WantCode(belay.CodeForbidden)
	s.Client(own).With("meshery-provider", "hub").Get("/api/workspaces").WantCode(belay.CodeUnauthenticated)
	s.Client(belay.SecretString("bly_mistyped")).With("meshery-provider", "hub").Get("/api/workspaces").WantCode(belay.CodeUnauthenticated)
	if got := h.taken(); got != nil {
		t.Errorf("the hub is shown a token that is not for it: %q", got)
	}
}

// TestSignOutOfHub ends the session at the hub too.
func TestSignOutOfHub(t *testing.T) {
	t.Parallel()
	_, h, c, _ := spoke(t)
	c.Post("/user/logout", nil)
	if h.ended != 1 {
		t.Errorf("%d sessions have ended at the hub", h.ended)
	}
	c.Get("/api/environments").WantCode(belay.CodeUnauthenticated)
}

// TestSignOutWhileTheHubIsDown says that the session there goes on.
func TestSignOutWhileTheHubIsDown(t *testing.T) {
	t.Parallel()
	_, h, c, _ := spoke(t)
	h.Close()
	a := c.With("Accept", "text/html").Post("/user/logout", nil).Want(http.StatusOK)
	if !strings.Contains(string(a.Body), "the session there goes on until it ends by itself") || a.Header.Get("Refresh") != "" {
		t.Errorf("the page is %s", a.Body)
	}
	c.Get("/api/environments").WantCode(belay.CodeUnauthenticated)
}
