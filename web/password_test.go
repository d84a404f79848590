package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"belay/belaytest"
)

func formOf(pairs ...string) []byte {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return []byte(v.Encode())
}

func wantPage(t *testing.T, a *belaytest.Answer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(string(a.Body), text) {
			t.Errorf("%s %s does not say %q:\n%s", a.Method, a.Path, text, a.Body)
		}
	}
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(string(a.Body), "<script") {
		t.Errorf("%s %s: %v", a.Method, a.Path, a.Header)
	}
}

// TestPasswordPages goes through the pages as a browser does.
func TestPasswordPages(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	v := visitor(s)
	const first, second = "quiet harbor lantern", "velvet compass tundra"
	invitation, _ := s.Admin.Post("/api/identity/orgs/"+string(s.Organization)+"/users", map[string]any{"email": "ann@example.org"}).
		Want(http.StatusCreated).Object()["invitation"].(map[string]any)
	u, err := url.Parse(invitation["link"].(string))
	if err != nil || !strings.HasPrefix(u.String(), s.URL()) {
		t.Fatalf("the link is %s", u)
	}
	code := u.Query().Get("code")
	wantPage(t, v.Get(u.RequestURI()).Want(http.StatusOK), "You are invited to <strong>My Org</strong>", "ann@example.org", "new-password", "12 to 128")
	wantPage(t, v.Get("/user/invitation?code=no").Want(http.StatusUnauthorized), "used before", "/user/login")
	wantPage(t, v.Post("/user/invitation", formOf("code", code, "password", first, "again", second)).Want(http.StatusUnprocessableEntity), "differ", "ann@example.org")
	wantPage(t, v.Post("/user/invitation", formOf("code", code, "password", "short", "again", "short")).Want(http.StatusUnprocessableEntity), "at least 12")
	v.With("Sec-Fetch-Site", "cross-site").Post("/user/invitation", formOf("code", code, "password", first, "again", first)).Want(http.StatusForbidden)
	accepted := v.Post("/user/invitation", formOf("code", code, "password", first, "again", first)).Want(http.StatusSeeOther)
	c := cookieOf(t, accepted)
	ann := v.With("Cookie", c.Name+"="+c.Value)
	wantPage(t, ann.Get("/").Want(http.StatusOK), "ann@example.org", "/user/password")

	wantPage(t, v.Get("/user/login").Want(http.StatusOK), `name="email"`, `autocomplete="current-password"`)
	wantPage(t, v.Post("/user/login", formOf("email", `<"ann`, "password", "x")).Want(http.StatusUnauthorized), "address or the password is wrong", "&lt;&#34;ann")
	in := cookieOf(t, v.Post("/user/login", formOf("email", "ann@example.org", "password", first)).Want(http.StatusSeeOther))
	other := v.With("Cookie", in.Name+"="+in.Value)

	if a := v.Get("/user/password").Want(http.StatusSeeOther); a.Header.Get("Location") != "/user/login?return_to=%2Fuser%2Fpassword" {
		t.Errorf("a stranger goes to %s", a.Header.Get("Location"))
	}
	wantPage(t, other.Get("/user/password").Want(http.StatusOK), "Present password", "Your password is from")
	wantPage(t, other.Post("/user/password", formOf("current", "no", "password", second, "again", second)).Want(http.StatusUnprocessableEntity), "not your present")
	other.With("Sec-Fetch-Site", "cross-site").Post("/user/password", formOf("current", first, "password", second, "again", second)).Want(http.StatusForbidden)
	wantPage(t, other.Post("/user/password", formOf("current", first, "password", second, "again", second)).Want(http.StatusOK), "is changed", "1 other browser")
	other.Get("/user/password").Want(http.StatusOK)

	held := v.Post("/user/login", formOf("email", "ann@example.org", "password", "x"))
	for range 6 {
		held = v.Post("/user/login", formOf("email", "ann@example.org", "password", "x"))
	}
	wantPage(t, held.Want(http.StatusTooManyRequests), "too many attempts")
	if held.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to go on")
	}
	wantPage(t, other.Get("/user/logout").Want(http.StatusOK), "Sign out")
	other.Get("/api/user").Want(http.StatusOK) // looking at the page changes nothing
	// A first password needs no present one.
	admin := cookieOf(t, signIn(v, link(t, s)).Want(http.StatusSeeOther))
	browser := v.With("Cookie", admin.Name+"="+admin.Value)
	if a := browser.Get("/user/password").Want(http.StatusOK); strings.Contains(string(a.Body), "Present password") {
		t.Errorf("it asks for what there is not: %s", a.Body)
	}
	browser.Post("/user/password", formOf("password", second, "again", second)).Want(http.StatusOK)
}
