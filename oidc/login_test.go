package oidc_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/egress"
	"belay/oidc"
)

// wantError fails the test unless err is of that code, has these words in it
// or its cause, a remedy, and nothing secret.
func wantError(t *testing.T, err error, code belay.Code, words string) {
	t.Helper()
	e, ok := errors.AsType[*belay.Error](err)
	if !ok || e.Code != code {
		t.Errorf("error %v (%s), want one of code %s", err, belay.CodeOf(err), code)
		return
	}
	all := chain(err)
	if !strings.Contains(all, words) {
		t.Errorf("error %q, want one with %q", all, words)
	}
	for _, c := range canaries() {
		if strings.Contains(all, c) {
			t.Errorf("%q is in the error: %s", c, all)
		}
	}
}

// chain is an error with all of its causes.
func chain(err error) (text string) {
	for ; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf("%v | %+v | %#v\n", err, err, err)
	}
	return text
}

func TestSignIn(t *testing.T) {
	s := newStandIn(t)
	s.claims = func(c object) {
		c["at_hash"] = half("canary-access-token")
		c["groups"] = []string{"staff", "admins", "staff"}
	}
	p := s.provider()
	begun := s.begin(p)
	sent := query(t, begun.URL)
	for name, want := range map[string]string{
		"client_id": "web", "redirect_uri": callback, "response_type": "code", "scope": "openid profile email",
		"state": begun.State, "code_challenge_method": "S256", "prompt": "",
	} {
		if got := sent.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	id, err := p.Finish(t.Context(), url.Values{"state": {begun.State}, "code": {"canary-code"}, "iss": {s.URL}}, begun.Remembered)
	if err != nil {
		t.Fatal(err)
	}
	if string(id.RefreshToken.Reveal()) != "canary-refresh-token" {
		t.Error("the refresh token is another")
	}
	id.RefreshToken = belay.Secret{}
	want := &oidc.Identity{
		Issuer: s.URL, Subject: "alice", Email: "alice@example.test", EmailVerified: true, Name: "Alice",
		Groups: []string{"admins", "staff"}, SessionID: "session", ExpiresAt: s.clock.Now().Add(5 * time.Minute),
	}
	if diff := cmp.Diff(want, id, cmp.Comparer(belay.Secret.Equal)); diff != "" {
		t.Error(diff)
	}
	if s.times("/userinfo") != 0 {
		t.Error("the UserInfo endpoint was asked for what the token says")
	}
	if s.sent.Get("redirect_uri") != callback || len(s.sent.Get("code_verifier")) != 43 || s.sent.Get("client_secret") != "" {
		t.Errorf("sent %v", s.sent)
	}
}

func TestEachSignInIsItsOwn(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	one, two := query(t, s.begin(p).URL), query(t, s.begin(p).URL)
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if one.Get(name) == two.Get(name) || len(one.Get(name)) != 43 {
			t.Errorf("%s: %q and %q", name, one.Get(name), two.Get(name))
		}
	}
}

func TestLoginOptions(t *testing.T) {
	s := newStandIn(t)
	p := s.provider(func(c *oidc.Config) { c.Scopes = []string{"offline_access", "openid"} })
	begun, err := p.Begin(t.Context(), oidc.Login{Redirect: callback, Hint: "alice", Again: true})
	if err != nil {
		t.Fatal(err)
	}
	sent := query(t, begun.URL)
	if sent.Get("prompt") != "login consent" || sent.Get("login_hint") != "alice" || sent.Get("scope") != "openid offline_access" {
		t.Errorf("sent %v", sent)
	}
}

func TestWhatComesBackMustBelongToWhatBegan(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	good := func(b *oidc.Begun) url.Values { return url.Values{"state": {b.State}, "code": {"canary-code"}} }
	with := func(name string, values ...string) func(*oidc.Begun) url.Values {
		return func(b *oidc.Begun) url.Values {
			q := good(b)
			q[name] = values
			return q
		}
	}
	for name, edit := range map[string]func(*oidc.Begun) url.Values{
		"another sign-in":                 with("state", "other"),
		"is not the answer":               with("state"),
		"not the answer of an OpenID":     with("code", ""),
		"the same parameter twice":        with("code", "canary-code", "other"),
		"from another provider":           with("iss", "https://other.example.test"),
		"answer is from another provider": with("iss", ""),
		"is not the answer of an OpenID":  with("error", "access_denied"), // with a code
		"the answer is too long":          with("code", strings.Repeat("x", 100_000)),
	} {
		begun := s.begin(p)
		_, err := p.Finish(t.Context(), edit(begun), begun.Remembered)
		t.Run(name, func(t *testing.T) { wantError(t, err, belay.CodeUnauthenticated, name) })
	}
	if n := s.times("/token"); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func TestWhatIsRemembered(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	begun := s.begin(p)
	q := url.Values{"state": {begun.State}, "code": {"canary-code"}}
	for name, text := range map[string]string{"none": "", "not JSON": "x", "another's": "{}"} {
		_, err := p.Finish(t.Context(), q, belay.SecretString(text))
		t.Run(name, func(t *testing.T) { wantError(t, err, belay.CodeUnauthenticated, "in this browser") })
	}
	other := s.provider(func(c *oidc.Config) { c.Key = "other" })
	_, err := other.Finish(t.Context(), q, begun.Remembered)
	wantError(t, err, belay.CodeUnauthenticated, "another provider")
	if begun.ExpiresAt != s.clock.Now().Add(10*time.Minute) {
		t.Errorf("remembered until %s", begun.ExpiresAt)
	}
	s.clock.Advance(10 * time.Minute)
	_, err = p.Finish(t.Context(), q, begun.Remembered)
	wantError(t, err, belay.CodeUnauthenticated, "longer than ten minutes")
}

func TestTheProviderSaysNo(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	for name, want := range map[string]string{
		"access_denied": "it was refused", "login_required": "login_required", "made up\x1b[31m": "no standard's",
	} {
		begun := s.begin(p)
		_, err := p.Finish(t.Context(), url.Values{
			"state": {begun.State}, "error": {name}, "error_description": {"no\x1b[31m\n" + strings.Repeat("long ", 1000)},
		}, begun.Remembered)
		wantError(t, err, belay.CodeUnauthenticated, want)
		if text := err.Error(); len(text) > 500 || strings.ContainsAny(text, "\x1b\n") {
			t.Errorf("error of %d bytes: %q", len(text), text)
		}
	}
}

func TestIssuerInAnswersIsWanted(t *testing.T) {
	s := newStandIn(t)
	s.metadata = func(m object) { m["authorization_response_iss_parameter_supported"] = true }
	_, err := s.finish(s.provider())
	wantError(t, err, belay.CodeUnauthenticated, "another provider")
}

func TestHowTheClientAuthenticates(t *testing.T) {
	s := newStandIn(t)
	s.metadata = func(m object) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_post", "none"} }
	if _, err := s.finish(s.provider()); err != nil {
		t.Fatal(err)
	}
	if s.sent.Get("client_secret") != secret {
		t.Error("the secret is not in the body, where alone the provider reads it")
	}
	if _, err := s.finish(s.provider(func(c *oidc.Config) { c.ClientSecret = belay.Secret{} })); err != nil {
		t.Fatal(err)
	}
	if s.sent.Has("client_secret") || s.sent.Get("client_id") != "web" {
		t.Errorf("a public client sent %v", s.sent)
	}
}

func TestUserInfo(t *testing.T) {
	s := newStandIn(t)
	s.claims = func(c object) { delete(c, "email"); delete(c, "name"); delete(c, "groups") }
	s.userInfo = object{"sub": "alice", "name": "Alice", "email": "a@example.test", "groups": []string{"staff"}, "picture": "https://example.test/a.png"}
	p := s.provider()
	id, err := s.finish(p)
	if err != nil || id.Name != "Alice" || id.Email != "a@example.test" || len(id.Groups) != 1 || id.Picture == "" {
		t.Fatalf("got %+v, %v", id, err)
	}
	s.userInfo["sub"] = "bob"
	_, err = s.finish(p)
	wantError(t, err, belay.CodeUnauthenticated, "another user")
}

func TestClaims(t *testing.T) {
	s := newStandIn(t)
	s.userInfo = object{"sub": "alice"}
	names := oidc.ClaimNames{Groups: "/realm/0/ro~1les"}
	p := s.provider(func(c *oidc.Config) { c.Claims = names })
	for name, c := range map[string]struct {
		claims object
		check  func(*oidc.Identity) bool
	}{
		"groups at a pointer":  {object{"realm": []any{object{"ro/les": "one"}}}, func(i *oidc.Identity) bool { return cmp.Equal(i.Groups, []string{"one"}) }},
		"no groups":            {object{}, func(i *oidc.Identity) bool { return i.Groups == nil }},
		"an empty list":        {object{"realm": []any{object{"ro/les": []any{}}}}, func(i *oidc.Identity) bool { return i.Groups != nil && len(i.Groups) == 0 }},
		"a word for true":      {object{"email_verified": "true"}, func(i *oidc.Identity) bool { return i.EmailVerified }},
		"not verified":         {object{"email_verified": "yes"}, func(i *oidc.Identity) bool { return !i.EmailVerified }},
		"no address":           {object{"email": "alice"}, func(i *oidc.Identity) bool { return i.Email == "" && !i.EmailVerified }},
		"a picture by script":  {object{"picture": "javascript:alert(1)"}, func(i *oidc.Identity) bool { return i.Picture == "" }},
		"a name with controls": {object{"name": "A\x1b[31m"}, func(i *oidc.Identity) bool { return i.Name == "" }},
		"a name too long":      {object{"name": strings.Repeat("a", 400)}, func(i *oidc.Identity) bool { return i.Name == "" }},
	} {
		s.claims = func(all object) {
			maps.Copy(all, c.claims)
		}
		id, err := s.finish(p)
		if err != nil || !c.check(id) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for words, value := range map[string]any{
		"neither a list": 1, "not a text": []any{1}, "more than 1000": make([]string, 1001),
	} {
		s.claims = func(all object) { all["realm"] = []any{object{"ro/les": value}} }
		_, err := s.finish(p)
		wantError(t, err, belay.CodeUnauthenticated, words)
	}
}

func TestEmailDomains(t *testing.T) {
	s := newStandIn(t)
	p := s.provider(func(c *oidc.Config) { c.EmailDomains = []string{"Example.test"} })
	if _, err := s.finish(p); err != nil {
		t.Error(err)
	}
	for words, claims := range map[string]object{
		"certain domains": {"email": "alice@sub.example.test"}, "not verified your": {"email_verified": false},
	} {
		s.claims = func(all object) {
			maps.Copy(all, claims)
		}
		_, err := s.finish(p)
		wantError(t, err, belay.CodeForbidden, words)
	}
}

func TestRefresh(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	old := belay.SecretString("canary-refresh-token")
	if id, err := p.Refresh(t.Context(), old, "alice"); err != nil || id.Subject != "alice" || id.RefreshToken.IsZero() {
		t.Errorf("got %+v, %v", id, err)
	}
	_, err := p.Refresh(t.Context(), old, "bob")
	wantError(t, err, belay.CodeUnauthenticated, "another user")
	s.token = func(w http.ResponseWriter, _ url.Values) bool {
		answer(w, object{"access_token": "canary-access-token", "token_type": "Bearer", "expires_in": 60})
		return true
	}
	s.userInfo = object{"sub": "alice", "name": "Alice"}
	id, err := p.Refresh(t.Context(), old, "alice")
	if err != nil || id.Name != "Alice" || !id.RefreshToken.Equal(old) {
		t.Errorf("without an ID token and a new refresh token: %+v, %v", id, err)
	}
	_, err = p.Refresh(t.Context(), old, "bob")
	wantError(t, err, belay.CodeUnauthenticated, "another user")
}

func TestDevice(t *testing.T) {
	s := newStandIn(t)
	s.claims = func(c object) { delete(c, "nonce") }
	p := s.provider()
	d, err := p.StartDevice(t.Context())
	if err != nil || d.UserCode != "ABCD" || d.Interval != time.Second || d.ExpiresAt != s.clock.Now().Add(time.Minute) {
		t.Fatalf("got %+v, %v", d, err)
	}
	name := ""
	s.token = func(w http.ResponseWriter, _ url.Values) bool {
		w.Header().Set("Content-Type", "application/json")
		if name != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":%q}`, name)
		}
		return name != ""
	}
	for pending, want := range map[string]time.Duration{"authorization_pending": time.Second, "slow_down": 6 * time.Second} {
		name = pending
		if id, wait, err := p.PollDevice(t.Context(), d); id != nil || wait != want || err != nil {
			t.Errorf("%s: %v, %s, %v", pending, id, wait, err)
		}
	}
	name = "access_denied"
	_, _, err = p.PollDevice(t.Context(), d)
	wantError(t, err, belay.CodeUnauthenticated, "does not accept")
	name = ""
	if id, _, err := p.PollDevice(t.Context(), d); err != nil || id.Subject != "alice" {
		t.Errorf("got %+v, %v", id, err)
	}
	s.clock.Advance(time.Minute)
	_, _, err = p.PollDevice(t.Context(), d)
	wantError(t, err, belay.CodeUnauthenticated, "too long")
}

func TestEgress(t *testing.T) {
	s := newStandIn(t)
	p, err := oidc.New(config(s.URL), oidc.Options{Dialer: &egress.Dialer{}, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Begin(t.Context(), oidc.Login{Redirect: callback})
	wantError(t, err, belay.CodeUnavailable, "network policy")
	if !errors.Is(err, egress.ErrDenied) {
		t.Errorf("error %v, want one that is ErrDenied", err)
	}
}
