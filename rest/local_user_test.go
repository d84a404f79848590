package rest_test

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/belaytest"
	"belay/password"
	"belay/store"
)

const adminPassword = "marble violin outpost"

// setPassword gives the administrator a password.
func (w *world) setPassword() { w.setPasswordOf(w.Admin.UserID, adminPassword) }

func (w *world) setPasswordOf(user belay.ID, text string) {
	ctx := context.Background()
	hash, err := password.NewHasher().Hash(ctx, belay.SecretString(text))
	if err == nil {
		err = w.Store().Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetPassword(ctx, &belay.Password{UserID: user, Hash: hash})
		})
	}
	if err != nil {
		panic(err)
	}
}

func (w *world) usersPath() string { return "/api/identity/orgs/" + string(w.Organization) + "/users" }

// link is the invitation of an answer.
func link(t *testing.T, a *belaytest.Answer) *url.URL {
	t.Helper()
	invitation, _ := a.Object()["invitation"].(map[string]any)
	text, _ := invitation["link"].(string)
	u, err := url.Parse(text)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("there is no link in %s", a.Body)
	}
	return u
}

// accept sends the form of an invitation's page.
func (w *world) accept(u *url.URL, text string) *belaytest.Answer {
	form := url.Values{"code": {u.Query().Get("code")}, "password": {text}, "again": {text}}
	return w.page().Post(u.Path, []byte(form.Encode()))
}

// page is a browser that is not signed in.
func (w *world) page() *belaytest.Client {
	return w.Client(belay.Secret{}).With("Accept", "text/html").With("Content-Type", "application/x-www-form-urlencoded")
}

func (w *world) signIn(email, text string) *belaytest.Answer {
	return w.Client(belay.Secret{}).Post("/api/identity/sessions", object{"provider": "local", "email": email, "password": text})
}

// browser is one that has the cookie of an answer.
func (w *world) browser(t *testing.T, a *belaytest.Answer) *belaytest.Client {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == "belay_session" && c.Value != "" && c.HttpOnly && c.SameSite == http.SameSiteLaxMode {
			return w.Client(belay.Secret{}).With("Cookie", c.Name+"="+c.Value)
		}
	}
	t.Fatalf("no session in %v", a.Header)
	return nil
}

// onBothWith is onBoth with options.
func onBothWith(t *testing.T, o belaytest.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	o.Transport = mustContract(t).conform
	t.Run("SQLite", func(t *testing.T) { test(t, newWorldOn(t, belaytest.Start(t, o))) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newWorldOn(t, belaytest.OnPostgres(t, o))) })
}

func visitorAt(addr string) app.Visitor { return app.Visitor{UserAgent: "test", RemoteAddr: addr} }

// TestLocalUser goes from the invitation of a user to his changed password.
func TestLocalUser(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		t.Helper()
		made := w.Admin.Post(w.usersPath(), object{"email": "Ann@Example.org", "firstName": "Ann", "role": "admin"}).Want(http.StatusCreated)
		if o := made.Object(); o["status"] != "pending" || o["role"] != "admin" || made.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("made %s, %v", made.Body, made.Header)
		}
		w.signIn("ann@example.org", "marble violin outpost").Want(http.StatusUnauthorized)
		old := link(t, made)
		u := link(t, w.Admin.Post(w.usersPath()+"/"+made.ID()+"/invitation", nil).Want(http.StatusOK))
		w.page().Get(old.RequestURI()).Want(http.StatusUnauthorized) // void by the newer one
		for range 2 {
			if a := w.page().Get(u.RequestURI()).Want(http.StatusOK); !bytes.Contains(a.Body, []byte("Ann@Example.org")) {
				t.Errorf("the page is %s", a.Body)
			}
		}
		w.accept(u, "password1234").Want(http.StatusUnprocessableEntity)
		w.accept(u, "ann-example-01").Want(http.StatusUnprocessableEntity)
		first := w.browser(t, w.accept(u, "quiet harbor lantern").Want(http.StatusSeeOther))
		w.accept(u, "quiet harbor lantern").Want(http.StatusUnauthorized) // spent
		first.Get("/api/user").Want(http.StatusOK)

		second := w.browser(t, w.signIn("ANN@example.ORG", "quiet harbor lantern").Want(http.StatusCreated))
		change := func(a *belaytest.Client, current, next string) *belaytest.Answer {
			return a.Put("/api/user/password", object{"currentPassword": current, "password": next})
		}
		wantFields(t, change(second, "quiet harbor", "velvet compass tundra").Want(http.StatusUnprocessableEntity).Problem(), "/currentPassword")
		wantFields(t, change(second, "quiet harbor lantern", "short").Want(http.StatusUnprocessableEntity).Problem(), "/password")
		if got := change(second, "quiet harbor lantern", "velvet compass tundra").Want(http.StatusOK); got.Object()["sessionsEnded"] != 1.0 {
			t.Errorf("ended %s", got.Body)
		}
		first.Get("/api/user").Want(http.StatusUnauthorized)
		second.Get("/api/user").Want(http.StatusOK)
		w.signIn("ann@example.org", "quiet harbor lantern").Want(http.StatusUnauthorized)
		w.signIn("ann@example.org", "velvet compass tundra").Want(http.StatusCreated)

		// The password is lost: a new link, by the address.
		u = link(t, w.Admin.Post(w.usersPath()+"/invite", object{"email": "ann@example.org"}).Want(http.StatusOK))
		w.signIn("ann@example.org", "velvet compass tundra").Want(http.StatusCreated) // until another is set
		w.accept(u, "amber glacier spoon").Want(http.StatusSeeOther)
		w.signIn("ann@example.org", "velvet compass tundra").Want(http.StatusUnauthorized)
		if a := w.signIn("ann@example.org", "amber glacier spoon").Want(http.StatusCreated); bytes.Contains(a.Body, []byte("bly_")) {
			t.Errorf("the session is in the body: %s", a.Body)
		}
	})
}

// TestWhoMayInvite gives no role above one's own, and no account that reaches
// further than the one who asks for it.
func TestWhoMayInvite(t *testing.T) {
	w := newWorld(t)
	admin := w.NewUser("adam")
	w.Join(w.Organization, admin, belay.OrganizationAdmin)
	a := w.As(admin)
	post := func(c *belaytest.Client, email, role string) *belaytest.Answer {
		return c.Post(w.usersPath(), object{"email": email, "role": role})
	}
	post(a, "o@example.org", "owner").Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
	post(w.Member("max"), "m@example.org", "member").Want(http.StatusForbidden)
	post(w.As(w.Admin.UserID, belay.PermissionUserRead), "m@example.org", "member").Want(http.StatusForbidden)
	post(a, "m@example.org", "root").Want(http.StatusUnprocessableEntity)
	post(a, "not an address", "member").Want(http.StatusUnprocessableEntity)
	post(a, "A <a@example.org>", "member").Want(http.StatusUnprocessableEntity)
	post(a, "a@example.org", "admin").Want(http.StatusCreated)
	post(w.Admin, "o@example.org", "owner").Want(http.StatusCreated)
	wantFields(t, post(a, "A@example.org", "admin").Want(http.StatusConflict).Problem(), "/email")

	again := func(c *belaytest.Client, user belay.ID) *belaytest.Answer {
		return c.Post(w.usersPath()+"/"+string(user)+"/invitation", nil)
	}
	again(a, w.Admin.UserID).Want(http.StatusForbidden) // of an owner
	again(a, belay.ID(missing)).Want(http.StatusNotFound)
	both := w.NewUser("both")
	w.Join(w.Organization, both, belay.OrganizationMember)
	again(a, both).Want(http.StatusOK)
	w.Join(w.NewOrganization("Other", w.NewUser("olga")), both, belay.OrganizationMember)
	again(a, both).Want(http.StatusForbidden)
	again(w.Admin, both).Want(http.StatusForbidden)
	w.Admin.Post(w.usersPath()+"/invite", object{"email": "both@example.com"}).Want(http.StatusForbidden)
	w.Admin.Post(w.usersPath()+"/invite", object{"email": "olga@example.com"}).Want(http.StatusConflict) // is elsewhere
	w.Admin.Post(w.usersPath()+"/invite", object{"email": "a@example.org", "role": "member"}).Want(http.StatusConflict)
}

// TestInvitedAfterRemoval invites somebody again who belongs nowhere any
// more: nothing of what he could sign in with is left.
func TestInvitedAfterRemoval(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		t.Helper()
		first := w.Admin.Post(w.usersPath(), object{"email": "ann@example.org", "password": "quiet harbor lantern"}).Want(http.StatusCreated)
		if first.Object()["invitation"] != nil || first.Object()["status"] != "active" {
			t.Errorf("made %s", first.Body)
		}
		browser := w.browser(t, w.signIn("ann@example.org", "quiet harbor lantern").Want(http.StatusCreated))
		program := w.As(belay.ID(first.ID()))
		w.Admin.Delete(w.usersPath() + "/" + first.ID()).Want(http.StatusNoContent)
		program.Get("/api/user").Want(http.StatusOK)
		key := w.Admin.With("Idempotency-Key", "ann-again")
		body := object{"email": "ann@example.org", "firstName": "Ann"}
		second := key.Post(w.usersPath(), body).Want(http.StatusCreated)
		if second.ID() != first.ID() || second.Object()["firstName"] != "Ann" {
			t.Errorf("made %s", second.Body)
		}
		w.signIn("ann@example.org", "quiet harbor lantern").Want(http.StatusUnauthorized)
		browser.Get("/api/user").Want(http.StatusUnauthorized)
		program.Get("/api/user").Want(http.StatusUnauthorized)
		// Who repeats the request has not seen the link, and gets a new one.
		third := key.Post(w.usersPath(), body).Want(http.StatusCreated)
		if third.ID() != first.ID() || link(t, third).String() == link(t, second).String() {
			t.Errorf("made %s", third.Body)
		}
		w.accept(link(t, second), "amber glacier spoon").Want(http.StatusUnauthorized)
		w.accept(link(t, third), "amber glacier spoon").Want(http.StatusSeeOther)
	})
}

// TestInvitedFromDeletedOrganization: whoever belongs to an organization that
// can be restored is nobody's to take, by a new account or by an invitation.
func TestInvitedFromDeletedOrganization(t *testing.T) {
	w := newWorld(t)
	eve := w.NewUser("eve")
	w.Join(w.NewOrganization("Elsewhere", w.Admin.UserID), eve, belay.OrganizationMember)
	deleted := w.NewOrganization("Deleted", eve)
	w.As(eve).Delete("/api/identity/orgs/" + string(deleted)).Want(http.StatusNoContent)
	elsewhere := w.Admin.Get("/api/identity/orgs?search=Elsewhere").Items("organizations")[0]["id"].(string)
	w.Admin.Post("/api/identity/orgs/"+elsewhere+"/users/"+string(eve)+"/invitation", nil).Want(http.StatusForbidden)
	w.Admin.Delete("/api/identity/orgs/" + elsewhere + "/users/" + string(eve)).Want(http.StatusNoContent)
	w.Admin.Post(w.usersPath()+"?orgId="+string(w.Organization), object{"email": "eve@example.com"}).Want(http.StatusConflict)
}

// TestOutgrownInvitation: a link is void when the one whom it is for reaches
// further than before, and when he who may have made it administers no longer.
func TestOutgrownInvitation(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		invited := func(email string) (string, *url.URL) {
			t.Helper()
			a := w.Admin.Post(w.usersPath(), object{"email": email}).Want(http.StatusCreated)
			return a.ID(), link(t, a)
		}
		const text = "amber glacier spoon"
		mia, old := invited("mia@example.org")
		w.Admin.Put(w.usersPath()+"/"+mia, object{"role": "owner"}).Want(http.StatusOK)
		w.accept(old, text).Want(http.StatusUnauthorized)

		adam := w.Member("adam")
		w.Admin.Put(w.usersPath()+"/"+string(adam.UserID), object{"role": "admin"}).Want(http.StatusOK)
		_, made := invited("max@example.org")
		w.Admin.Delete(w.usersPath() + "/" + string(adam.UserID)).Want(http.StatusNoContent)
		w.accept(made, text).Want(http.StatusUnauthorized)

		nina, left := invited("nina@example.org")
		w.Admin.Delete(w.usersPath() + "/" + nina).Want(http.StatusNoContent)
		w.Admin.Post(w.usersPath(), object{"email": "nina@example.org", "password": "quiet harbor lantern"}).Want(http.StatusCreated)
		w.accept(left, text).Want(http.StatusUnauthorized)
	})
}

// TestFirstPassword is set in a session, never by a token.
func TestFirstPassword(t *testing.T) {
	w := newWorld(t)
	body := object{"password": "quiet harbor lantern"}
	w.Admin.Put("/api/user/password", body).Want(http.StatusForbidden)
	w.Browser(w.Admin.UserID).Put("/api/user/password", body).Want(http.StatusOK)
	w.signIn("admin@localhost", "quiet harbor lantern").Want(http.StatusCreated)
	w.Browser(w.Admin.UserID).Put("/api/user/password", body).Want(http.StatusUnprocessableEntity)
}

// alike is an answer without what must differ.
func alike(a *belaytest.Answer) string {
	header := maps.Clone(a.Header)
	header.Del("Date")
	id := header.Get("X-Request-ID")
	header.Del("X-Request-ID")
	var lines []string
	for name, values := range header {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n" + strings.ReplaceAll(string(a.Body), id, "ID")
}

// TestEnumeration signs in as users who do and do not exist: nothing tells
// the two apart, from the first attempt to the one that is held.
func TestEnumeration(t *testing.T) {
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	onBothWith(t, belaytest.Options{Clock: clock.Now}, func(t *testing.T, w *world) {
		t.Helper()
		w.setPassword()
		held := false
		for range 8 {
			known, none := w.signIn("admin@localhost", "wrong wrong wrong"), w.signIn("admix@localhost", "wrong wrong wrong")
			invited := w.signIn("iris@example.org", "wrong wrong wrong")
			if a, b, c := alike(known), alike(none), alike(invited); a != b || a != c {
				t.Errorf("%s\n\n%s\n\n%s", a, b, c)
			}
			held = known.Status == http.StatusTooManyRequests
			form := func(email string) string {
				a := w.page().Post("/user/login", []byte(url.Values{"email": {email}, "password": {"wrong"}}.Encode()))
				return strings.ReplaceAll(alike(a), email, "EMAIL")
			}
			form("iris@example.org")
			if a, b := form("admin@localhost"), form("admix@localhost"); a != b {
				t.Errorf("%s\n\n%s", a, b)
			}
		}
		if !held {
			t.Error("nothing was held")
		}
	})
}

// TestBackOff holds attempts for longer and longer, and never for good.
func TestBackOff(t *testing.T) {
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	onBothWith(t, belaytest.Options{Clock: clock.Now}, func(t *testing.T, w *world) {
		t.Helper()
		w.setPassword()
		var waits []string
		for range 16 {
			a := w.signIn("admin@localhost", "wrong")
			if a.Status == http.StatusUnauthorized {
				continue
			}
			a.Want(http.StatusTooManyRequests).WantCode(belay.CodeRateLimited)
			// The right password is held too: otherwise it could be found out.
			w.signIn("admin@localhost", adminPassword).Want(http.StatusTooManyRequests)
			wait, err := time.ParseDuration(a.Header.Get("Retry-After") + "s")
			if err != nil {
				t.Fatal(err)
			}
			waits = append(waits, wait.String())
			clock.Advance(wait)
		}
		if got := strings.Join(waits, " "); !strings.HasPrefix(got, "1s 2s 4s 8s") {
			t.Errorf("held for %s", got)
		}
		clock.Advance(16 * time.Minute)
		w.signIn("admin@localhost", adminPassword).Want(http.StatusCreated)
		for range 5 { // all is forgotten
			w.signIn("admin@localhost", "wrong").Want(http.StatusUnauthorized)
		}
	})
}

// TestKnownPlace signs somebody in where he is known while others, elsewhere
// and there, try his account and others.
func TestKnownPlace(t *testing.T) {
	w := newWorld(t)
	w.setPassword()
	w.signIn("admin@localhost", adminPassword).Want(http.StatusCreated)
	gate := w.Gate()
	try := func(email, addr string) belay.Code {
		_, err := gate.SignInWithPassword(t.Context(), email, belay.SecretString("wrong"), visitorAt(addr))
		return belay.CodeOf(err)
	}
	for i := range 40 {
		try("admin@localhost", "192.0.2."+string(rune('0'+i%10)))
		try("user"+string(rune('a'+i))+"@example.org", "127.0.0.1")
	}
	if try("admin@localhost", "192.0.2.200") != belay.CodeRateLimited || try("new@example.org", "127.0.0.1") != belay.CodeRateLimited {
		t.Error("the account and the address are not held")
	}
	w.signIn("admin@localhost", adminPassword).Want(http.StatusCreated)
}

// TestSessionRotates ends the session that a browser had when it signs in.
func TestSessionRotates(t *testing.T) {
	w := newWorld(t)
	w.setPassword()
	old := w.browser(t, w.signIn("admin@localhost", adminPassword).Want(http.StatusCreated))
	body := object{"email": "admin@localhost", "password": adminPassword}
	next := w.browser(t, old.Post("/api/identity/sessions", body).Want(http.StatusCreated))
	old.Get("/api/user").Want(http.StatusUnauthorized)
	next.Get("/api/user").Want(http.StatusOK)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"} {
		w.Client(belay.Secret{}).With(header, value).Post("/api/identity/sessions", body).Want(http.StatusForbidden)
	}
	bad := w.Client(belay.Secret{})
	wantFields(t, bad.Post("/api/identity/sessions", object{"password": "x"}).Want(http.StatusUnprocessableEntity).Problem(), "/email")
	wantFields(t, bad.Post("/api/identity/sessions", object{"email": "x"}).Want(http.StatusUnprocessableEntity).Problem(), "/password")
	wantFields(t, bad.Post("/api/identity/sessions", object{"provider": "okta", "email": "x", "password": "x"}).Want(http.StatusUnprocessableEntity).Problem(), "/provider")
	bad.Post("/api/identity/sessions", object{"email": strings.Repeat("x", 9999), "password": strings.Repeat("x", 9999)}).Want(http.StatusUnauthorized)
	bad.Post("/api/identity/sessions", object{"email": "admin@localhost", "password": strings.Repeat("x", 9999)}).Want(http.StatusUnauthorized)
}

// TestPasswordCanary looks for passwords wherever the server writes or
// answers.
func TestPasswordCanary(t *testing.T) {
	birds, seen, c := &canaries{}, &recorder{}, mustContract(t)
	w := newWorldOn(t, belaytest.Start(t, belaytest.Options{Transport: func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return c.conform(seen)
	}}))
	given, typed, wrong, chosen, bad := birds.plain(), birds.plain(), birds.plain(), birds.plain(), birds.plain()
	w.Admin.Post(w.usersPath(), object{"email": "ann@example.org", "password": given}).Want(http.StatusCreated)
	w.Admin.Post(w.usersPath(), object{"email": "bob@example.org", "password": bad + "\x01"}).Want(http.StatusUnprocessableEntity)
	w.Admin.Post(w.usersPath(), object{"email": "bob@example.org", "password": object{"x": bad}}).Want(http.StatusUnprocessableEntity)
	w.signIn("ann@example.org", wrong).Want(http.StatusUnauthorized)
	w.signIn(wrong, wrong).Want(http.StatusUnauthorized) // typed into the wrong field
	a := w.browser(t, w.signIn("ann@example.org", given).Want(http.StatusCreated))
	a.Put("/api/user/password", object{"currentPassword": wrong, "password": typed}).Want(http.StatusUnprocessableEntity)
	a.Put("/api/user/password", object{"currentPassword": given, "password": typed}).Want(http.StatusOK)
	u := link(t, w.Admin.Post(w.usersPath()+"/invite", object{"email": "ann@example.org"}).Want(http.StatusOK))
	w.accept(u, bad+strings.Repeat("x", 200)).Want(http.StatusUnprocessableEntity)
	w.accept(u, chosen).Want(http.StatusSeeOther)
	w.signIn("ann@example.org", chosen).Want(http.StatusCreated)
	for _, answer := range seen.got {
		if form := birds.in([]byte(answer)); form != "" {
			t.Errorf("%q came out: %s", form, answer)
		}
	}
	if form := birds.in([]byte(w.Log())); form != "" || strings.Contains(w.Log(), u.Query().Get("code")) {
		t.Errorf("%q, or a code, is in the log", form)
	}
	err := filepath.WalkDir(w.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if form := birds.in(text); form != "" || bytes.Contains(text, []byte(u.Query().Get("code"))) {
			t.Errorf("%q, or a code, is in %s", form, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
