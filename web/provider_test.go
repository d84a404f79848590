package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
	"belay/e2e/peers"
	"belay/web"
)

// okta is a real OpenID provider's settings.
func okta(issuer string) belay.ProviderSettings {
	return belay.ProviderSettings{
		Type: "oidc", Title: "Okta", Issuer: issuer, ClientID: "web", ClientSecret: belay.SecretString("web-secret"), ClientSecretFile: "x",
		Scopes: []string{"profile", "email", "groups", "offline_access"}, Organization: "My Org", Newcomers: belay.OrganizationMember,
	}
}

// withOkta starts a server whose users sign in at a real OpenID provider, and
// is registered there.
func withOkta(t *testing.T, o belaytest.Options, edits ...func(*belay.ProviderSettings)) (*belaytest.Server, *peers.OIDC) {
	t.Helper()
	there := peers.StartOIDCProvider(t, peers.OIDCOptions{})
	settings := okta(there.Issuer)
	for _, edit := range edits {
		edit(&settings)
	}
	o.Providers = map[string]belay.ProviderSettings{"okta": settings}
	s := belaytest.Start(t, o)
	err := there.Change(func(p *peers.OIDCOptions) {
		c := &p.Clients[0]
		c.RedirectURIs, c.LogoutURIs = []string{s.PublicURL() + "/user/callback/okta"}, []string{s.PublicURL() + "/"}
		c.BackChannelLogoutURI = s.URL() + "/user/backchannel-logout/okta"
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, there
}

// leave begins a sign-in, and returns the cookie and where the browser goes.
func leave(t *testing.T, v *belaytest.Client, path string) (pair string, to string) {
	t.Helper()
	a := v.Get(path).Want(http.StatusSeeOther)
	c := cookieOf(t, a)
	if c == nil {
		t.Fatalf("no cookie is set by the answer that leads to %s", a.Header.Get("Location"))
	}
	return c.Name + "=" + c.Value, a.Header.Get("Location")
}

// come goes through the provider's pages and returns the path with which the
// browser comes back.
func come(t *testing.T, s *belaytest.Server, b *peers.Browser, to string) string {
	t.Helper()
	at, err := b.Visit(t.Context(), to, s.PublicURL())
	if err != nil {
		t.Fatal(err)
	}
	return at.RequestURI()
}

// cookies are those that an answer sets, by name.
func cookies(a *belaytest.Answer) map[string]*http.Cookie {
	out := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		out[c.Name] = c
	}
	return out
}

// TestSignInAtAProvider goes there and back.
func TestSignInAtAProvider(t *testing.T) {
	t.Parallel()
	s, there := withOkta(t, belaytest.Options{})
	v := visitor(s)
	page := string(v.Get("/user/login?return_to=/user/password").Want(http.StatusOK).Body)
	if !strings.Contains(page, `href="/user/login?provider=okta&amp;return_to=%2Fuser%2Fpassword"`) || !strings.Contains(page, "Sign in with Okta") || !strings.Contains(page, `type="password"`) {
		t.Errorf("the page is %s", page)
	}
	alice := peers.NewBrowser("alice", "secret")
	pair, to := leave(t, v, "/user/login?provider=okta&return_to=/docs/kinds")
	if q := mustParse(t, to).Query(); q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != s.URL()+"/user/callback/okta" {
		t.Errorf("he is sent to %s", to)
	}
	back := come(t, s, alice, to)
	if a := v.Get(back).Want(http.StatusUnauthorized); !strings.Contains(string(a.Body), "Nothing is known of a sign-in") || len(cookies(a)) != 0 {
		t.Errorf("another browser is signed in: %s", a.Body)
	}
	a := v.WithCookie(pair).Get(back).Want(http.StatusSeeOther)
	got := cookies(a)
	session := got["belay_session"]
	name, _, _ := strings.Cut(pair, "=")
	if session == nil || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || got[name].Value != "" || a.Header.Get("Location") != "/docs/kinds" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the answer is %v", a.Header)
	}
	in := v.WithCookie("belay_session=" + session.Value)
	me := in.Get("/api/user").Want(http.StatusOK).Object()
	if me["email"] != "alice@example.test" {
		t.Errorf("he is %v", me)
	}
	wantPage(t, in.Get("/user/password").Want(http.StatusConflict), "by the provider okta, which keeps your password")
	if home := in.Get("/").Want(http.StatusOK); strings.Contains(string(home.Body), "/user/password") {
		t.Errorf("he is offered to change a password that is not here: %s", home.Body)
	}
	v.WithCookie(pair).Get(back).Want(http.StatusUnauthorized) // the provider takes a code once
	for _, hidden := range []string{session.Value, mustParse(t, back).Query().Get("code"), "web-secret"} {
		if strings.Contains(s.Log(), hidden) {
			t.Errorf("in the log: %s", hidden)
		}
	}
	// Signing in again ends the session before.
	pair, to = leave(t, in, "/user/login?provider=okta")
	in.WithCookie(pair).Get(come(t, s, alice, to)).Want(http.StatusSeeOther)
	in.Get("/api/user").Want(http.StatusUnauthorized)
	// An address that nobody has verified is nobody's.
	pair, to = leave(t, v, "/user/login?provider=okta")
	a = v.WithCookie(pair).Get(come(t, s, peers.NewBrowser("mallory", "secret"), to)).Want(http.StatusSeeOther)
	if me := v.WithCookie("belay_session=" + cookies(a)["belay_session"].Value).Get("/api/user").Want(http.StatusOK).Object(); me["email"] != "" {
		t.Errorf("she is %v", me)
	}
	signOutThere(t, s, v, there)
}

// signOutThere signs out here and there, and is told of it by the provider.
func signOutThere(t *testing.T, s *belaytest.Server, v *belaytest.Client, there *peers.OIDC) {
	t.Helper()
	bob := peers.NewBrowser("bob", "secret")
	enter := func() *belaytest.Client {
		t.Helper()
		pair, to := leave(t, v, "/user/login?provider=okta")
		a := v.WithCookie(pair).Get(come(t, s, bob, to)).Want(http.StatusSeeOther)
		return v.WithCookie("belay_session=" + cookies(a)["belay_session"].Value)
	}
	one, two := enter(), enter() // two browsers in one session there
	a := one.Post("/user/logout", []byte("")).Want(http.StatusOK)
	refresh := regexp.MustCompile(`^0; url=(\S+)$`).FindStringSubmatch(a.Header.Get("Refresh"))
	if refresh == nil || !strings.HasPrefix(refresh[1], there.Issuer) {
		t.Fatalf("the answer is %v", a.Header)
	}
	one.Get("/api/user").Want(http.StatusUnauthorized)
	two.Get("/api/user").Want(http.StatusOK)
	if at, err := bob.Visit(t.Context(), refresh[1], s.URL()+"/"); err != nil || at.Path != "/" {
		t.Fatalf("he ends at %v, %v", at, err)
	}
	for end := time.Now().Add(time.Second); two.Do(http.MethodGet, "/api/user", nil).Status != http.StatusUnauthorized; {
		if time.Now().After(end) {
			t.Fatal("a second later the other session goes on")
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestReturnsStayHere leads nobody to another site.
func TestReturnsStayHere(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	for to, want := range map[string]string{
		"/docs/kinds?x=1": "/docs/kinds?x=1", "": "/", "docs": "/", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/",
		"/docs/../..//evil.example": "/", "javascript:alert(1)": "/", "/" + strings.Repeat("a", 1024): "/", "/%zz": "/",
	} {
		form := url.Values{"code": {link(t, s)}, "return_to": {to}}.Encode()
		if got := visitor(s).Post("/user/login", []byte(form)).Want(http.StatusSeeOther).Header.Get("Location"); got != want {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	a := visitor(s).Get("/user/password").Want(http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != "/user/login?return_to=%2Fuser%2Fpassword" {
		t.Errorf("who is not signed in is sent to %q", got)
	}
}

// TestProviderOutage is told, with the other ways in; nobody's session ends.
func TestProviderOutage(t *testing.T) {
	t.Parallel()
	down := okta("http://127.0.0.1:1")
	s := belaytest.Start(t, belaytest.Options{Providers: map[string]belay.ProviderSettings{"okta": down}, PublicURL: public})
	v := visitor(s)
	in := v.WithCookie("__Host-belay_session=" + cookieOf(t, signIn(v, link(t, s)).Want(http.StatusSeeOther)).Value)
	page := string(v.Get("/user/login?provider=okta").Want(http.StatusServiceUnavailable).Body)
	for _, part := range []string{"cannot be reached", "Sign in with Okta", `type="password"`, "It does not answer since"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q: %s", part, page)
		}
	}
	in.Get("/api/user").Want(http.StatusOK)
	var all map[string]struct {
		State struct{ Status, Since string }
	}
	v.Get("/api/providers").Want(http.StatusOK).Decode(&all)
	if all["okta"].State.Status != "unreachable" || all["okta"].State.Since == "" || all["local"].State.Status != "answering" {
		t.Errorf("the providers are %+v", all)
	}
	for _, path := range []string{"/user/login?provider=absent", "/user/callback/absent?state=x&code=y"} {
		if a := v.Get(path); a.Status != http.StatusBadRequest || !strings.Contains(string(a.Body), "The provider is no provider of this server") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	v.Get("/user/callback/okta?state=x&code=y").Want(http.StatusUnauthorized)
	v.Get("/user/callback/okta").Want(http.StatusUnauthorized)
	for _, body := range []string{"", "logout_token=x", "logout_token=x&logout_token=y", "logout_token=" + strings.Repeat("x", 70_000)} {
		a := v.Post("/user/backchannel-logout/okta", []byte(body)).Want(http.StatusBadRequest)
		if a.Header.Get("Cache-Control") != "no-store" || a.Problem().Code != belay.CodeMalformed {
			t.Errorf("the answer is %v %s", a.Header, a.Body)
		}
	}
	v.Post("/user/backchannel-logout/local", []byte("logout_token=x")).Want(http.StatusBadRequest)
}

// TestSignInOverTLS takes a cookie for TLS along, to where the provider sends
// the browser back.
func TestSignInOverTLS(t *testing.T) {
	t.Parallel()
	there := peers.StartOIDCProvider(t, peers.OIDCOptions{})
	s := belaytest.Start(t, belaytest.Options{Providers: map[string]belay.ProviderSettings{"okta": okta(there.Issuer)}, PublicURL: public})
	pair, to := leave(t, visitor(s), "/user/login?provider=okta")
	if !strings.HasPrefix(pair, "__Host-belay_signin_") || mustParse(t, to).Query().Get("redirect_uri") != "https://belay.example.com/user/callback/okta" {
		t.Errorf("%s, %s", pair, to)
	}
	if a := visitor(s).Get("/api/provider?provider=okta").Want(http.StatusFound); a.Header.Get("Location") != "/user/login?provider=okta" {
		t.Errorf("who chooses is sent to %s", a.Header.Get("Location"))
	}
	// Another site does not make somebody accept an invitation.
	v := visitor(s).With("Sec-Fetch-Site", "cross-site")
	v.Get("/user/login?provider=okta&invitation=x").Want(http.StatusForbidden)
}

func FuzzReturnTo(f *testing.F) {
	for _, to := range []string{"/docs?x=1#y", "//evil.example", `/\evil.example`, "/.//evil.example", "/\t/evil.example", "https:evil.example"} {
		f.Add(to)
	}
	base := &url.URL{Scheme: "https", Host: "belay.example"}
	f.Fuzz(func(t *testing.T, to string) {
		got := web.ReturnTo(to)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n") {
			t.Errorf("%q leads to %q, %v", to, got, err)
		}
	})
}
