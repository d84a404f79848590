package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

const (
	form    = "application/x-www-form-urlencoded"
	browser = "text/html,application/xhtml+xml,*/*;q=0.8"
)

var public = &url.URL{Scheme: "https", Host: "belay.example.com"}

// link makes the code of a sign-in link for the administrator.
func link(t *testing.T, s *belaytest.Server) string {
	t.Helper()
	code, err := s.Gate().SignInLink(t.Context(), s.Admin.UserID)
	if err != nil {
		t.Fatal(err)
	}
	return string(code.Reveal())
}

// visitor is a browser that is not signed in, on the server's own page.
func visitor(s *belaytest.Server) *belaytest.Client {
	return s.Client(belay.Secret{}).With("Accept", browser).With("Content-Type", form).With("Sec-Fetch-Site", "same-origin")
}

func signIn(c *belaytest.Client, code string) *belaytest.Answer {
	return c.Post("/user/login", []byte(url.Values{"code": {code}}.Encode()))
}

// cookieOf is the one cookie that an answer sets, nil for none.
func cookieOf(t *testing.T, a *belaytest.Answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.Header}).Cookies()
	if len(cookies) > 1 {
		t.Fatalf("the answer sets %d cookies", len(cookies))
	}
	if len(cookies) == 0 {
		return nil
	}
	return cookies[0]
}

func TestSessionCookie(t *testing.T) {
	for name, c := range map[string]struct {
		public *url.URL
		name   string
		secure bool
	}{
		"on this machine":   {nil, "belay_session", false},
		"behind plain HTTP": {&url.URL{Scheme: "http", Host: "localhost"}, "belay_session", false},
		"behind TLS":        {public, "__Host-belay_session", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := belaytest.Start(t, belaytest.Options{PublicURL: c.public})
			a := signIn(visitor(s), link(t, s)).Want(http.StatusSeeOther)
			got := cookieOf(t, a)
			if got == nil {
				t.Fatal("no cookie is set")
			}
			if got.Name != c.name || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.Expires.IsZero() {
				t.Errorf("the cookie is %+v", *got)
			}
			signedIn := visitor(s).With("Cookie", got.Name+"="+got.Value)
			signedIn.Get("/api/user").Want(http.StatusOK)
			other := map[string]string{"belay_session": "__Host-belay_session", "__Host-belay_session": "belay_session"}[got.Name]
			visitor(s).With("Cookie", other+"="+got.Value).Get("/api/user").Want(http.StatusUnauthorized)

			out := cookieOf(t, signedIn.Post("/user/logout", []byte("")).Want(http.StatusSeeOther))
			if out == nil || out.Name != got.Name || out.Value != "" || out.Secure != c.secure || out.Expires.After(time.Unix(1, 0)) {
				t.Errorf("signing out sets %+v", out)
			}
			signedIn.Get("/api/user").Want(http.StatusUnauthorized)
			if strings.Contains(s.Log(), got.Value) {
				t.Error("the session is in the log")
			}
		})
	}
}

// TestSignInLink is used once, by nobody who only looks at it, and within
// its time.
func TestSignInLink(t *testing.T) {
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := belaytest.Start(t, belaytest.Options{Clock: clock.Now})
	v := visitor(s)
	code := link(t, s)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if a := v.Do(method, "/user/login?code="+code, nil).Want(http.StatusOK); cookieOf(t, a) != nil {
			t.Errorf("%s signs in", method)
		}
	}
	first := cookieOf(t, signIn(v, code).Want(http.StatusSeeOther))
	if a := signIn(v, code).Want(http.StatusUnauthorized); cookieOf(t, a) != nil || !strings.Contains(string(a.Body), "used before") {
		t.Errorf("a link that was used: %s", a.Body)
	}
	signIn(v, "").Want(http.StatusUnauthorized)
	v.With("Content-Type", form).Post("/user/login?code="+link(t, s), []byte("")).Want(http.StatusUnauthorized)

	// Signing in again ends the session before.
	old := v.With("Cookie", first.Name+"="+first.Value)
	old.Get("/api/user").Want(http.StatusOK)
	second := cookieOf(t, signIn(old, link(t, s)).Want(http.StatusSeeOther))
	old.Get("/api/user").Want(http.StatusUnauthorized)
	v.With("Cookie", second.Name+"="+second.Value).Get("/api/user").Want(http.StatusOK)

	late := link(t, s)
	clock.Advance(24*time.Hour + time.Second)
	signIn(v, late).Want(http.StatusUnauthorized)
	for _, spent := range []string{code, late} {
		if strings.Contains(s.Log(), spent) {
			t.Error("a code is in the log")
		}
	}
}

// Pages that hold a code, or say what became of one, are kept nowhere.
func TestSignInPagesAreNotKept(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	v := visitor(s)
	for name, a := range map[string]*belaytest.Answer{
		"with a code": v.Get("/user/login?code=" + link(t, s)).Want(http.StatusOK), "without": v.Get("/user/login").Want(http.StatusOK),
		"refused": signIn(v, "spent").Want(http.StatusUnauthorized),
		"foreign": signIn(v.With("Sec-Fetch-Site", "cross-site"), link(t, s)).Want(http.StatusForbidden),
	} {
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q", name, got)
		}
	}
}

// TestSignInFromElsewhere lets another site's page send the form, as it
// would to sign a victim in to the attacker's account. The code stays good.
func TestSignInFromElsewhere(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{PublicURL: public})
	v := visitor(s)
	code := link(t, s)
	for name, c := range map[string]*belaytest.Client{
		"cross-site":      v.With("Sec-Fetch-Site", "cross-site"),
		"same-site":       v.With("Sec-Fetch-Site", "same-site"),
		"another origin":  v.With("Sec-Fetch-Site", "").With("Origin", "https://evil.example.com"),
		"an opaque one":   v.With("Sec-Fetch-Site", "").With("Origin", "null"),
		"the public host": v.With("Sec-Fetch-Site", "").With("Origin", "http://belay.example.com"),
	} {
		for _, path := range []string{"/user/login", "/user/logout"} {
			a := c.Post(path, []byte("code="+code)).Want(http.StatusForbidden)
			if cookieOf(t, a) != nil || !strings.Contains(string(a.Body), "own page") {
				t.Errorf("%s to %s: %s", name, path, a.Body)
			}
		}
	}
	// What stands in front may send its own Host on.
	signIn(v.With("Sec-Fetch-Site", "").With("Origin", "https://belay.example.com"), code).Want(http.StatusSeeOther)
}

// TestSessionEnds leaves one session alone and keeps another busy.
func TestSessionEnds(t *testing.T) {
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := belaytest.Start(t, belaytest.Options{Clock: clock.Now})
	begin := func() *belaytest.Client {
		got := cookieOf(t, signIn(visitor(s), link(t, s)).Want(http.StatusSeeOther))
		return visitor(s).With("Cookie", got.Name+"="+got.Value)
	}
	idle, busy := begin(), begin()
	for range 11 {
		clock.Advance(time.Hour)
		busy.Get("/api/user").Want(http.StatusOK)
	}
	idle.Get("/api/user").Want(http.StatusUnauthorized)
	clock.Advance(time.Hour - time.Second)
	busy.Get("/api/user").Want(http.StatusOK)
	clock.Advance(time.Second)
	busy.Get("/api/user").Want(http.StatusUnauthorized)
	almost := begin()
	clock.Advance(2 * time.Hour)
	almost.Get("/api/user").Want(http.StatusOK)
	clock.Advance(2*time.Hour + time.Second)
	almost.Get("/api/user").Want(http.StatusUnauthorized)
}

func TestLargeForm(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	code := link(t, s)
	large := []byte("code=" + code + "&filler=" + strings.Repeat("x", 8192))
	visitor(s).Post("/user/login", large).Want(http.StatusRequestEntityTooLarge)
	visitor(s).With("Accept", "").Post("/user/login", large).Want(http.StatusRequestEntityTooLarge).WantCode(belay.CodeTooLarge)
	visitor(s).Post("/user/login", []byte("code=%zz")).Want(http.StatusBadRequest)
	signIn(visitor(s), code).Want(http.StatusSeeOther)
}

// TestFormsWithoutFetchMetadata are those of a browser that sends no
// Sec-Fetch-Site, as all do by plain HTTP to another machine: its Origin is
// "null" where a page's policy is to send no referrer at all.
func TestFormsWithoutFetchMetadata(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	v := visitor(s).With("Sec-Fetch-Site", "")
	for _, path := range []string{"/", "/user/login", "/user/invitation?code=x", "/user/logout", "/nothing", "/docs"} {
		if got := v.Get(path).Header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("%s: %q", path, got)
		}
	}
	signIn(v.With("Origin", s.URL()), link(t, s)).Want(http.StatusSeeOther)
}
