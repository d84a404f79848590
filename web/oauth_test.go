package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

const verifier = "a-verifier-of-rfc-7636-that-has-43-characters"

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const callback = "http://127.0.0.1:49152/callback"

// request is a request for the user's leave, with some parameters changed;
// one that is "-" is left out.
func request(changes ...string) url.Values {
	v := url.Values{
		"response_type": {"code"}, "client_id": {belay.CommandLineClient}, "redirect_uri": {callback}, "state": {"st&ate"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "host": {"laptop"},
	}
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
		if changes[i+1] == "-" {
			v.Del(changes[i])
		}
	}
	return v
}

// flow is a server, a browser that is signed in to it and a program.
type flow struct {
	*belaytest.Server
	t       *testing.T
	browser *belaytest.Client
	program *belaytest.Client
	clock   *belaytest.Clock
}

var remoteServer = belay.Client{ID: "other", Title: "Other server", RedirectURIs: []string{"https://other.example/user/callback"}, Secret: belay.SecretString("secret-of-other")}

func newFlow(t *testing.T) *flow {
	t.Helper()
	clock := belaytest.NewClock(time.Now())
	s := belaytest.Start(t, belaytest.Options{Clock: clock.Now, Clients: []belay.Client{remoteServer}})
	f := &flow{Server: s, t: t, clock: clock, program: s.Client(belay.Secret{}).With("Content-Type", form)}
	f.browser = f.signedIn()
	return f
}

func (f *flow) signedIn() *belaytest.Client {
	f.t.Helper()
	c := cookieOf(f.t, signIn(visitor(f.Server), link(f.t, f.Server)).Want(http.StatusSeeOther))
	return visitor(f.Server).With("Cookie", c.Name+"="+c.Value)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fields are the hidden fields of a page's form.
func fields(a *belaytest.Answer) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(string(a.Body), -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// answerTo is what the page at a query is answered with.
func (f *flow) answerTo(query url.Values, answer string) url.Values {
	f.t.Helper()
	page := f.browser.Get("/oauth/authorize?" + query.Encode()).Want(http.StatusOK)
	v := fields(page)
	v.Set("answer", answer)
	return f.sentTo(f.browser.Post("/oauth/authorize", []byte(v.Encode())).Want(http.StatusSeeOther), query.Get("redirect_uri"))
}

// sentTo is the query with which an answer sends the browser to a program.
func (f *flow) sentTo(a *belaytest.Answer, to string) url.Values {
	f.t.Helper()
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(u.String(), to+"?") {
		f.t.Fatalf("the browser is sent to %s", a.Header.Get("Location"))
	}
	if u.Query().Get("iss") != f.URL() {
		f.t.Errorf("the answer is of %s", u.Query().Get("iss"))
	}
	return u.Query()
}

// token asks the token endpoint.
func (f *flow) token(pairs ...string) *belaytest.Answer {
	f.t.Helper()
	v := url.Values{"client_id": {belay.CommandLineClient}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	a := f.program.Post("/oauth/token", []byte(v.Encode()))
	if a.Header.Get("Cache-Control") != "no-store" {
		f.t.Errorf("%d may be kept: %v", a.Status, a.Header)
	}
	return a
}

func (f *flow) exchange(code string, changes ...string) *belaytest.Answer {
	f.t.Helper()
	return f.token(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier}, changes...)...)
}

func (f *flow) refresh(token string) *belaytest.Answer {
	f.t.Helper()
	return f.token("grant_type", "refresh_token", "refresh_token", token)
}

func (f *flow) wantError(a *belaytest.Answer, status int, code string) {
	f.t.Helper()
	if got := a.Want(status).Object()["error"]; got != code {
		f.t.Errorf("the error is %v, want %s: %s", got, code, a.Body)
	}
}

type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Ends    int    `json:"refresh_token_expires_in"`
}

func (f *flow) tokens(a *belaytest.Answer) tokens {
	f.t.Helper()
	var got tokens
	a.Want(http.StatusOK).Decode(&got)
	if got.Type != "Bearer" || got.Expires != 900 || got.Ends != 30*24*3600 {
		f.t.Errorf("the tokens are for %d and %d s", got.Expires, got.Ends)
	}
	return got
}

func (f *flow) newTokens() tokens {
	f.t.Helper()
	return f.tokens(f.exchange(f.answerTo(request(), "allow").Get("code")))
}

func (f *flow) as(access string) *belaytest.Client { return f.Client(belay.SecretString(access)) }

// TestAuthorizationCode lets the command line in by way of the browser, and
// nothing else (RFC 6749, 7636, 8252).
func TestAuthorizationCode(t *testing.T) {
	f := newFlow(t)
	stranger := visitor(f.Server)
	wanted := "/oauth/authorize?" + request().Encode()
	login := stranger.Get(wanted).Want(http.StatusSeeOther).Header.Get("Location")
	v := fields(stranger.Get(login).Want(http.StatusOK))
	if v.Get("return_to") != wanted {
		t.Fatalf("the sign-in leads back to %s, want %s", v.Get("return_to"), wanted)
	}
	in := stranger.Post("/user/login", formOf("code", link(t, f.Server), "return_to", wanted)).Want(http.StatusSeeOther)
	if got := in.Header.Get("Location"); got != wanted {
		t.Fatalf("signing in leads to %s", got)
	}
	chosen := stranger.Get(wanted + "&provider=local").Want(http.StatusSeeOther).Header.Get("Location")
	if u, err := url.Parse(chosen); err != nil || u.Query().Get("provider") != "local" {
		t.Errorf("the provider that was chosen is lost: %s", chosen)
	}
	page := f.browser.Get(wanted).Want(http.StatusOK)
	wantPage(t, page, "Belay command line", "laptop", "admin@localhost", "127.0.0.1:49152", "Deny")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://127.0.0.1:49152;") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %s", policy)
	}
	got := f.answerTo(request(), "allow")
	if got.Get("state") != "st&ate" {
		t.Errorf("the state is %q", got.Get("state"))
	}
	tokens := f.tokens(f.exchange(got.Get("code")))
	if me := f.as(tokens.Access).Get("/api/user").Want(http.StatusOK).Object(); me["id"] != string(f.Admin.UserID) {
		t.Errorf("the program acts as %v", me)
	}
	list := f.as(tokens.Access).Get("/api/identity/sessions").Items("sessions")
	mine := slices.IndexFunc(list, func(s map[string]any) bool { return s["current"] == true })
	if len(list) != 3 || mine < 0 || list[mine]["userAgent"] != "Belay command line on laptop" || list[mine]["client"] != belay.CommandLineClient || list[mine]["idleAt"] != list[mine]["expiresAt"] {
		t.Errorf("the sessions are %v", list)
	}
	f.as(tokens.Refresh).Get("/api/user").Want(http.StatusUnauthorized)
	visitor(f.Server).With("Cookie", "belay_session="+tokens.Access).Get("/api/user").Want(http.StatusUnauthorized)

	// Once: what comes again was overheard.
	f.wantError(f.exchange(got.Get("code")), http.StatusBadRequest, "invalid_grant")
	f.as(tokens.Access).Get("/api/user").Want(http.StatusUnauthorized)

	if denied := f.answerTo(request(), "deny"); denied.Get("error") != "access_denied" || denied.Get("code") != "" {
		t.Errorf("denying answers %v", denied)
	}
	late := f.answerTo(request(), "allow").Get("code")
	f.clock.Advance(time.Minute)
	f.wantError(f.exchange(late), http.StatusBadRequest, "invalid_grant")
	void := f.answerTo(request(), "allow").Get("code")
	f.browser.Post("/user/logout", nil).Want(http.StatusSeeOther)
	f.wantError(f.exchange(void), http.StatusBadRequest, "invalid_grant")
}

// TestAuthorizationRefused asks for the user's leave as nobody may.
func TestAuthorizationRefused(t *testing.T) {
	f := newFlow(t)
	for name, change := range map[string][]string{
		"another host":     {"redirect_uri", "http://evil.example:49152/callback"},
		"a name":           {"redirect_uri", "http://localhost:49152/callback"},
		"another path":     {"redirect_uri", "http://127.0.0.1:49152/callback/x"},
		"a path above":     {"redirect_uri", "http://127.0.0.1:49152/callback/../x"},
		"a query":          {"redirect_uri", callback + "?x=1"},
		"a fragment":       {"redirect_uri", callback + "#x"},
		"a user":           {"redirect_uri", "http://x@127.0.0.1:49152/callback"},
		"TLS":              {"redirect_uri", "https://127.0.0.1:49152/callback"},
		"no address":       {"redirect_uri", "-"},
		"another loopback": {"redirect_uri", "http://127.0.0.2:49152/callback"},
		"a client":         {"client_id", "unknown"},
		"another's":        {"client_id", "other"},
		"a longer one":     {"client_id", "other", "redirect_uri", "https://other.example/user/callback/x"},
	} {
		a := f.browser.Get("/oauth/authorize?" + request(change...).Encode())
		if a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.Status, a.Header.Get("Location"))
		}
	}
	twice := request()
	twice.Add("redirect_uri", "http://evil.example/")
	f.browser.Get("/oauth/authorize?" + twice.Encode()).Want(http.StatusBadRequest)
	for want, change := range map[string][]string{
		"unsupported_response_type": {"response_type", "token"},
		"invalid_request":           {"code_challenge_method", "plain"},
	} {
		if got := f.sentTo(f.browser.Get("/oauth/authorize?"+request(change...).Encode()).Want(http.StatusSeeOther), callback); got.Get("error") != want || got.Get("state") != "st&ate" {
			t.Errorf("%v answers %v", change, got)
		}
	}
	if got := f.sentTo(f.browser.Get("/oauth/authorize?"+request("code_challenge", "-").Encode()).Want(http.StatusSeeOther), callback); got.Get("error") != "invalid_request" {
		t.Errorf("without PKCE it answers %v", got)
	}
	allow := request("answer", "allow")
	f.browser.With("Sec-Fetch-Site", "cross-site").Post("/oauth/authorize", []byte(allow.Encode())).Want(http.StatusForbidden)
	f.browser.Post("/oauth/authorize", []byte(request("answer", "allow", "redirect_uri", "https://evil.example/").Encode())).Want(http.StatusBadRequest)
	visitor(f.Server).Post("/oauth/authorize", []byte(allow.Encode())).Want(http.StatusSeeOther)
	if got := f.browser.Get("/oauth/authorize?" + request("redirect_uri", "http://[::1]:49152/callback").Encode()).Want(http.StatusOK).Header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' http:;") {
		t.Errorf("the policy is %s", got)
	}

	for name, change := range map[string][]string{
		"another verifier": {"code_verifier", strings.ToUpper(verifier)},
		"no verifier":      {"code_verifier", ""},
		"another address":  {"redirect_uri", "http://127.0.0.1:49153/callback"},
	} {
		code := f.answerTo(request(), "allow").Get("code")
		f.wantError(f.exchange(code, change...), http.StatusBadRequest, "invalid_grant")
		if a := f.exchange(code); a.Status != http.StatusOK {
			t.Errorf("%s has spent the code: %s", name, a.Body)
		}
	}
	code := f.answerTo(request(), "allow").Get("code")
	f.wantError(f.exchange(code, "client_id", "other", "client_secret", "secret-of-other"), http.StatusBadRequest, "invalid_grant")
	f.wantError(f.exchange("blc_nonsense"), http.StatusBadRequest, "invalid_grant")
	f.wantError(f.exchange(code, "client_id", "unknown"), http.StatusUnauthorized, "invalid_client")
	f.wantError(f.exchange(code, "grant_type", "password"), http.StatusBadRequest, "unsupported_grant_type")
	f.wantError(f.program.Post("/oauth/token", []byte("client_id=belay-cli&code=1&code=2")), http.StatusBadRequest, "invalid_request")
	f.wantError(f.program.With("Content-Type", "application/json").Post("/oauth/token", []byte("{}")), http.StatusBadRequest, "invalid_request")
}

// TestServerAsClient lets another server in that the operator knows, by its
// secret.
func TestServerAsClient(t *testing.T) {
	f := newFlow(t)
	to := remoteServer.RedirectURIs[0]
	code := f.answerTo(request("client_id", "other", "redirect_uri", to), "allow").Get("code")
	f.wantError(f.exchange(code, "client_id", "other", "redirect_uri", to), http.StatusUnauthorized, "invalid_client")
	f.wantError(f.exchange(code, "client_id", "other", "redirect_uri", to, "client_secret", "wrong"), http.StatusUnauthorized, "invalid_client")
	f.program = f.program.With("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("other:secret-of-other")))
	got := f.tokens(f.exchange(code, "client_id", "other", "redirect_uri", to))
	f.as(got.Access).Get("/api/user").Want(http.StatusOK)
	f.wantError(f.refresh(got.Refresh), http.StatusBadRequest, "invalid_request") // it says that it is another
	f.tokens(f.token("client_id", "other", "grant_type", "refresh_token", "refresh_token", got.Refresh))
	f.wantError(f.program.Post("/oauth/device", []byte("client_id=other")), http.StatusBadRequest, "unauthorized_client")
	var about map[string]any
	f.program.Get("/.well-known/oauth-authorization-server").Want(http.StatusOK).Decode(&about)
	if about["issuer"] != f.URL() || about["token_endpoint"] != f.URL()+"/oauth/token" {
		t.Errorf("the server tells %v", about)
	}
}

// TestRefresh rotates refresh tokens, and ends all when one comes again.
func TestRefresh(t *testing.T) {
	f := newFlow(t)
	first := f.newTokens()
	f.as(first.Access).Get("/api/user").Want(http.StatusOK)
	second := f.tokens(f.refresh(first.Refresh))
	f.as(first.Access).Get("/api/user").Want(http.StatusUnauthorized)
	third := f.tokens(f.refresh(second.Refresh))
	f.as(third.Access).Get("/api/user").Want(http.StatusOK)
	f.wantError(f.refresh(first.Refresh), http.StatusBadRequest, "invalid_grant")
	f.as(third.Access).Get("/api/user").Want(http.StatusUnauthorized)
	f.wantError(f.refresh(third.Refresh), http.StatusBadRequest, "invalid_grant")

	again := f.newTokens()
	f.clock.Advance(15 * time.Minute)
	f.as(again.Access).Get("/api/user").Want(http.StatusUnauthorized)
	again = f.tokens(f.refresh(again.Refresh))
	f.clock.Advance(29 * 24 * time.Hour) // much longer than a browser's may be idle
	again = f.tokens(f.refresh(again.Refresh))
	f.as(again.Access).Get("/api/user").Want(http.StatusOK)
	f.clock.Advance(30 * 24 * time.Hour)
	f.wantError(f.refresh(again.Refresh), http.StatusBadRequest, "invalid_grant")
}

// TestRefreshAtOnce uses a refresh token many times at once: one gets tokens
// at the most, and they are good for nothing.
func TestRefreshAtOnce(t *testing.T) {
	f := newFlow(t)
	first := f.newTokens()
	const n = 8
	answers := make(chan *belaytest.Answer, n)
	for range n {
		go func() { answers <- f.refresh(first.Refresh) }()
	}
	var got []tokens
	for range n {
		if a := <-answers; a.Status == http.StatusOK {
			got = append(got, f.tokens(a))
		}
	}
	if len(got) > 1 {
		t.Fatalf("%d of %d got tokens", len(got), n)
	}
	for _, g := range got {
		f.as(g.Access).Get("/api/user").Want(http.StatusUnauthorized)
	}
}

// TestClientSessionEnds ends the session of a client in each way that there is.
func TestClientSessionEnds(t *testing.T) {
	f := newFlow(t)
	for name, end := range map[string]func(tokens){
		"revoking the refresh token": func(g tokens) {
			f.program.Post("/oauth/revoke", formOf("client_id", "belay-cli", "token", g.Refresh)).Want(http.StatusOK)
		},
		"revoking the access token": func(g tokens) {
			f.program.Post("/oauth/revoke", formOf("client_id", "belay-cli", "token", g.Access, "token_type_hint", "access_token")).Want(http.StatusOK)
		},
		"ending all others": func(tokens) { f.browser.Delete("/api/identity/sessions").Want(http.StatusOK) },
		"ending it": func(g tokens) {
			for _, s := range f.as(g.Access).Get("/api/identity/sessions").Items("sessions") {
				if s["current"] == true {
					f.browser.Delete("/api/identity/sessions/" + s["id"].(string)).Want(http.StatusNoContent)
				}
			}
		},
		"another password": func(tokens) {
			f.browser.With("Content-Type", "application/json").Put("/api/user/password", map[string]string{"password": "quiet harbor lantern"}).Want(http.StatusOK)
		},
	} {
		got := f.newTokens()
		f.as(got.Access).Get("/api/user").Want(http.StatusOK)
		if name == "another password" {
			// What lets a program in must not become a way to sign in.
			f.as(got.Access).Put("/api/user/password", map[string]string{"password": "velvet compass tundra"}).Want(http.StatusForbidden)
		}
		end(got)
		if a := f.as(got.Access).Get("/api/user"); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
		f.wantError(f.refresh(got.Refresh), http.StatusBadRequest, "invalid_grant")
	}
	f.program.Post("/oauth/revoke", formOf("client_id", "belay-cli", "token", "unknown")).Want(http.StatusOK)
	kept := f.newTokens()
	f.program.With("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("other:secret-of-other"))).
		Post("/oauth/revoke", formOf("token", kept.Refresh)).Want(http.StatusOK)
	f.as(kept.Access).Get("/api/user").Want(http.StatusOK) // it is another client's
}

func (f *flow) startDevice() map[string]any {
	f.t.Helper()
	return f.program.Post("/oauth/device", formOf("client_id", "belay-cli", "host", "box\u202e<b>")).Want(http.StatusOK).Object()
}

func (f *flow) poll(d map[string]any) *belaytest.Answer {
	f.t.Helper()
	return f.token("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", d["device_code"].(string))
}

// TestDevice lets a program in that waits elsewhere (RFC 8628).
func TestDevice(t *testing.T) {
	f := newFlow(t)
	d := f.startDevice()
	code := d["user_code"].(string)
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(code) ||
		d["verification_uri"] != f.URL()+"/device" || d["expires_in"] != 600.0 || d["interval"] != 2.0 {
		t.Fatalf("the answer is %v", d)
	}
	f.wantError(f.poll(d), http.StatusBadRequest, "authorization_pending")
	f.wantError(f.poll(d), http.StatusBadRequest, "slow_down")
	f.clock.Advance(6 * time.Second)
	f.wantError(f.poll(d), http.StatusBadRequest, "slow_down") // 5 s more than before
	f.clock.Advance(15 * time.Second)
	f.wantError(f.poll(d), http.StatusBadRequest, "authorization_pending")

	link := "/device?code=" + code
	stranger := visitor(f.Server).Get(link).Want(http.StatusSeeOther)
	if got := stranger.Header.Get("Location"); got != "/user/login?return_to="+url.QueryEscape(link) {
		t.Errorf("a stranger is sent to %s", got)
	}
	wantPage(t, f.browser.Get(link).Want(http.StatusOK), code, "Continue")
	wantPage(t, f.browser.Post("/device", formOf("code", "BCDF-BCDF")).Want(http.StatusNotFound), "No program waits")
	page := f.browser.Post("/device", formOf("code", strings.ToLower(strings.ReplaceAll(code, "-", " ")))).Want(http.StatusOK)
	wantPage(t, page, "<code>"+code+"</code>", "box &lt;b&gt;", "127.0.0.1", "UTC", "admin@localhost", "Allow")
	f.browser.With("Sec-Fetch-Site", "cross-site").Post("/device", formOf("code", code, "answer", "allow")).Want(http.StatusForbidden)
	f.wantError(f.poll(d), http.StatusBadRequest, "slow_down")
	wantPage(t, f.browser.Post("/device", formOf("code", code, "answer", "allow")).Want(http.StatusOK), "is signed in as admin@localhost")
	f.browser.Post("/device", formOf("code", code, "answer", "allow")).Want(http.StatusNotFound)
	f.as(f.tokens(f.poll(d)).Access).Get("/api/user").Want(http.StatusOK)
	f.wantError(f.poll(d), http.StatusBadRequest, "expired_token")

	denied := f.startDevice()
	wantPage(t, f.browser.Post("/device", formOf("code", denied["user_code"].(string), "answer", "deny")).Want(http.StatusOK), "Denied")
	f.wantError(f.poll(denied), http.StatusBadRequest, "access_denied")
	late := f.startDevice()
	f.clock.Advance(10 * time.Minute)
	f.wantError(f.poll(late), http.StatusBadRequest, "expired_token")
	f.browser.Post("/device", formOf("code", late["user_code"].(string))).Want(http.StatusNotFound)
	void := f.startDevice()
	f.browser.Post("/device", formOf("code", void["user_code"].(string), "answer", "allow")).Want(http.StatusOK)
	f.browser.Post("/user/logout", nil).Want(http.StatusSeeOther)
	f.wantError(f.poll(void), http.StatusBadRequest, "expired_token")
}

// TestDeviceLimits counts codes that are tried, and programs that begin.
func TestDeviceLimits(t *testing.T) {
	f := newFlow(t)
	status := map[int]int{}
	for range 12 {
		status[f.browser.Post("/device", formOf("code", "BCDF-BCDF")).Status]++
	}
	if want := map[int]int{http.StatusNotFound: 10, http.StatusTooManyRequests: 2}; !maps.Equal(status, want) {
		t.Errorf("a user who tries codes gets %v, want %v", status, want)
	}
	var last *belaytest.Answer
	for range 31 {
		last = f.program.Post("/oauth/device", formOf("client_id", "belay-cli"))
	}
	f.wantError(last, http.StatusTooManyRequests, "slow_down")
	if last.Header.Get("Retry-After") == "" {
		t.Error("it is not said when to try again")
	}
}

// TestReturnPath leads nowhere but to this server's own pages.
func TestReturnPath(t *testing.T) {
	f := newFlow(t)
	for _, to := range []string{
		"https://evil.example/", "//evil.example/device", "/\\evil.example", "javascript:alert(1)", "device", "/device/../api", "\t//evil.example", "",
	} {
		got := visitor(f.Server).Post("/user/login", formOf("code", link(t, f.Server), "return_to", to)).Want(http.StatusSeeOther).Header.Get("Location")
		if got != "/" {
			t.Errorf("%q leads to %s", to, got)
		}
	}
}
