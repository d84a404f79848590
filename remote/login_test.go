package remote_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/remote"
)

// enters signs the hub's user in.
func enters(t *testing.T, h *hub, p *remote.Provider) *remote.Identity {
	t.Helper()
	b, err := p.Begin(t.Context(), callback, "spoke.example")
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.Finish(t.Context(), url.Values{"state": {b.State}, "code": {"canary-code"}, "iss": {h.URL}}, b.Remembered)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSignIn goes through the hub's pages with a code and PKCE, and learns who
// the user is.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, c := h.provider()
	b, err := p.Begin(t.Context(), callback, "spoke.example")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "spoke", "redirect_uri": callback, "state": b.State, "code_challenge_method": "S256", "host": "spoke.example",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if len(q.Get("code_challenge")) != 43 || strings.Contains(b.URL, secret) {
		t.Errorf("the address is %s", b.URL)
	}
	id := enters(t, h, p)
	if id.Issuer != h.URL || id.Subject != "alice-id" || id.Email != "alice@example.test" || id.FirstName != "Alice" {
		t.Errorf("identity %+v", id)
	}
	if want := c.Now().Add(14 * time.Minute); !id.ExpiresAt.Equal(want) {
		t.Errorf("refreshed at %s, want a minute before the access token expires, %s", id.ExpiresAt, want)
	}
	access, err := p.Access(id.Kept)
	if err != nil || string(access.Reveal()) != "canary-access-1" {
		t.Errorf("the access token is %q: %v", access.Reveal(), err)
	}
	r, body := h.last("/oauth/token")
	user, password, _ := r.BasicAuth()
	if user != "spoke" || password != secret || !strings.Contains(body, "code_verifier=") || strings.Contains(body, secret) {
		t.Errorf("the token endpoint is asked by %q with %s", user, body)
	}
}

// TestAnswersThatAreRefused are those of other sign-ins and other servers.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, c := h.provider()
	for name, edit := range map[string]func(url.Values){
		"another state":   func(q url.Values) { q.Set("state", "x") },
		"another issuer":  func(q url.Values) { q.Set("iss", "https://evil.example") },
		"no issuer":       func(q url.Values) { q.Del("iss") },
		"two codes":       func(q url.Values) { q.Add("code", "x") },
		"no code":         func(q url.Values) { q.Del("code") },
		"not allowed":     func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") },
		"takes too long":  func(url.Values) { c.advance(11 * time.Minute) },
		"code is refused": func(url.Values) { h.token = refuse },
	} {
		h.token = nil
		b, err := p.Begin(t.Context(), callback, "")
		if err != nil {
			t.Fatal(err)
		}
		q := url.Values{"state": {b.State}, "code": {"canary-code"}, "iss": {h.URL}}
		edit(q)
		_, err = p.Finish(t.Context(), q, b.Remembered)
		wantError(t, name, err, belay.CodeUnauthenticated, "")
	}
	_, err := p.Finish(t.Context(), url.Values{}, belay.SecretString("{}"))
	wantError(t, "nothing remembered", err, belay.CodeUnauthenticated, "another provider")
}

func refuse(w http.ResponseWriter, _ url.Values) bool {
	fail(w, http.StatusBadRequest, "invalid_grant")
	return true
}

func wantError(t *testing.T, name string, err error, code belay.Code, part string) {
	t.Helper()
	if belay.CodeOf(err) != code || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v, want %s: %s", name, err, code, part)
		return
	}
	e := err.(*belay.Error) //nolint:errorlint // it is returned bare
	if text := err.Error() + " " + errorText(e.Err); strings.Contains(text, "canary") {
		t.Errorf("%s: the error tells a secret: %s", name, text)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestRefresh gets new tokens, follows who the user is, and loses nothing when
// the hub stops answering in the middle.
func TestRefresh(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, _ := h.provider()
	first := enters(t, h, p)
	second, err := p.Refresh(t.Context(), first.Kept, "alice-id")
	if err != nil {
		t.Fatal(err)
	}
	if _, body := h.last("/oauth/token"); !strings.Contains(body, "refresh_token=canary-refresh-1") {
		t.Errorf("refreshed with %s", body)
	}
	h.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	third, err := p.Refresh(t.Context(), second.Kept, "alice-id")
	if err != nil || third.Email != "alice@example.test" || third.Subject != "alice-id" {
		t.Errorf("new tokens are lost because the hub does not say who their user is: %+v, %v", third, err)
	}
	h.answer = nil
	_, err = p.Refresh(t.Context(), third.Kept, "bob-id")
	wantError(t, "another user", err, belay.CodeUnauthenticated, "another user")
	h.token = refuse
	_, err = p.Refresh(t.Context(), third.Kept, "alice-id")
	wantError(t, "ended there", err, belay.CodeUnauthenticated, "has ended at the provider hub")
	h.token = func(w http.ResponseWriter, _ url.Values) bool {
		fail(w, http.StatusUnauthorized, "invalid_client")
		return true
	}
	_, err = p.Refresh(t.Context(), third.Kept, "alice-id")
	wantError(t, "not the client", err, belay.CodeUnavailable, "client id")
	h.token = func(w http.ResponseWriter, _ url.Values) bool { w.WriteHeader(http.StatusBadGateway); return true }
	_, err = p.Refresh(t.Context(), third.Kept, "alice-id")
	wantError(t, "down", err, belay.CodeUnavailable, "does not answer since")
}

// TestRevoke ends the session there.
func TestRevoke(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, _ := h.provider()
	id := enters(t, h, p)
	if err := p.Revoke(t.Context(), id.Kept); err != nil {
		t.Fatal(err)
	}
	r, body := h.last("/oauth/revoke")
	if user, _, _ := r.BasicAuth(); user != "spoke" || !strings.Contains(body, "token=canary-refresh-1") {
		t.Errorf("revoked by %s with %s", user, body)
	}
}

// TestDescriptionsThatAreRefused are those of a hub that would send codes and
// tokens elsewhere.
func TestDescriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, _ := h.provider()
	for part, edit := range map[string]func(object){
		"it calls itself":        func(m object) { m["issuer"] = "https://evil.example" },
		"token_endpoint":         func(m object) { m["token_endpoint"] = "https://evil.example/token" },
		"authorization_endpoint": func(m object) { m["authorization_endpoint"] = "//evil.example" },
		"PKCE":                   func(m object) { delete(m, "code_challenge_methods_supported") },
	} {
		h.edit = edit
		_, err := p.Begin(t.Context(), callback, "")
		wantError(t, part, err, belay.CodeUnavailable, part)
	}
}

// TestConfig refuses what cannot be a hub.
func TestConfig(t *testing.T) {
	t.Parallel()
	for url, part := range map[string]string{
		"": "is missing", "http://hub.example": "https://", "https://hub.example/path": "alone", "https://u:p@hub.example": "password",
		"https://hub.example?x=1": "alone", "https://": "is not an address", "https://hub.example": "", "http://127.0.0.1:1": "", "http://localhost:1/": "",
	} {
		err := remote.Config{Key: "hub", URL: url, ClientID: "spoke"}.Validate()
		if part == "" && err == nil {
			continue
		}
		e, ok := err.(*belay.Error) //nolint:errorlint // it is returned bare
		if !ok || part == "" || len(e.Fields) != 1 || !strings.Contains(e.Fields[0].Message, part) {
			t.Errorf("%q: %v, want %q", url, e, part)
		}
	}
}

// TestExamine says what is wrong with a hub, and what to do.
func TestExamine(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, c := h.provider()
	status := func(redirect string) (out []string) {
		for _, f := range p.Examine(t.Context(), redirect, "v1") {
			out = append(out, f.Name+" "+string("gdb"[f.Grade]))
			if f.Message == "" || f.Grade == remote.Broken && f.Fix == "" {
				t.Errorf("%s says %q, and to do %q", f.Name, f.Message, f.Fix)
			}
		}
		return out
	}
	wantAll := func(redirect, want string) {
		t.Helper()
		if got := strings.Join(status(redirect), ", "); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	}
	wantAll(callback, "hub g, version g, clock g, api g, client g, redirect URI g")
	c.advance(2 * time.Minute)
	h.token = func(w http.ResponseWriter, _ url.Values) bool {
		fail(w, http.StatusUnauthorized, "invalid_client")
		return true
	}
	h.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/openapi.json" {
			return false
		}
		writeJSON(w, object{"paths": object{}})
		return true
	}
	wantAll(callback+"x", "hub g, version g, clock d, api b, client b, redirect URI b")
	h.Close()
	wantAll(callback, "hub b")
}

// TestKeptOfAnotherHub goes to none but the hub that gave it, also when the
// provider's key is given to another one.
func TestKeptOfAnotherHub(t *testing.T) {
	t.Parallel()
	h, other := newHub(t), newHub(t)
	p, _ := h.provider()
	id := enters(t, h, p)
	elsewhere, _ := other.provider()
	if _, err := elsewhere.Access(id.Kept); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("access: %v", err)
	}
	if _, err := elsewhere.Refresh(t.Context(), id.Kept, id.Subject); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("refresh: %v", err)
	}
	if err := elsewhere.Revoke(t.Context(), id.Kept); err != nil {
		t.Errorf("revoke: %v", err)
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if len(other.requests) != 0 {
		t.Errorf("the other hub was sent %d requests", len(other.requests))
	}
}
