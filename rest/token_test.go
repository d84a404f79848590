package rest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
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
)

const tokensPath = "/api/identity/tokens"

// issued makes a token and returns its answer and itself.
func issued(a *belaytest.Client, body object) (t object, text string) {
	t = a.Post(tokensPath, body).Want(http.StatusCreated).Items("tokens")[0]
	return t, fmt.Sprint(t["accessToken"])
}

// holder is a client that uses the text of a token.
func (w *world) holder(text string) *belaytest.Client { return w.Client(belay.SecretString(text)) }

func path(t object) string { return tokensPath + "/" + fmt.Sprint(t["id"]) }

// clocked is a world with a clock that a test moves.
func clocked(t *testing.T, lives app.Lifetimes) (*world, *belaytest.Clock) {
	t.Helper()
	clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return newWorldOn(t, belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Clock: clock.Now, Lifetimes: lives})), clock
}

// promised is how soon a revocation takes effect.
const promised = time.Second

// TestToken makes a token, uses it, looks at it and revokes it.
func TestToken(t *testing.T) { onBoth(t, testToken) }

func testToken(t *testing.T, w *world) {
	t.Helper()
	made := w.Admin.Post(tokensPath+"?name=ci&purpose=the+pipeline", nil).Want(http.StatusCreated)
	if got := made.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the answer with the token may be kept: %s", got)
	}
	token := made.Items("tokens")[0]
	text := fmt.Sprint(token["accessToken"])
	if err := belay.CheckToken(text); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	w.holder(text).Get("/api/user").Want(http.StatusOK)
	shown := w.Admin.Get(path(token)).Want(http.StatusOK).Object()
	wanted := object{
		"name": "ci", "purpose": "the pipeline", "accessToken": text[:12], "scopes": nil, "status": "active", "lastUsedFrom": "127.0.0.1",
		"provider": "local", "userEmail": "admin@localhost", "current": false, "expiresSoon": false,
	}
	for name, want := range wanted {
		if shown[name] != want {
			t.Errorf("%s is %v, want %v", name, shown[name], want)
		}
	}
	if shown["lastUsedAt"] == nil || shown["expiresAt"] == nil {
		t.Errorf("last used %v, expires %v", shown["lastUsedAt"], shown["expiresAt"])
	}
	if own := w.holder(text).Get(path(token)).Want(http.StatusOK).Object(); own["current"] != true {
		t.Error("it does not know itself")
	}
	w.Admin.Delete(path(token)).Want(http.StatusNoContent)
	w.Admin.Delete(path(token)).Want(http.StatusNoContent)
	again := w.Admin.Delete(tokensPath + "?tokenId=" + fmt.Sprint(token["id"])).Want(http.StatusOK).Items("tokens")[0]
	if again["status"] != "revoked" || again["accessToken"] != text[:12] {
		t.Errorf("it is shown as %v", again)
	}
	deadline := time.Now().Add(promised)
	for w.holder(text).Get("/api/user").Status != http.StatusUnauthorized {
		if time.Now().After(deadline) {
			t.Fatal("a revoked token works for longer than a second")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestTokenIsShownOnce looks for the text of tokens in every list, in what a
// repeated request is answered, in the log and in every file of the server.
func TestTokenIsShownOnce(t *testing.T) {
	w := newWorld(t)
	a := w.Admin.With("Idempotency-Key", "once")
	first := a.Post(tokensPath, object{"name": "canary"}).Want(http.StatusCreated).Items("tokens")[0]
	texts := []string{fmt.Sprint(first["accessToken"])}
	p := a.Post(tokensPath, object{"name": "canary"}).Want(http.StatusConflict).WantCode(belay.CodeConflict)
	wantText(t, p, "cannot be shown again")
	a = w.Admin.With("Idempotency-Key", "rotated")
	texts = append(texts, fmt.Sprint(a.Post(path(first)+"/rotate", nil).Want(http.StatusOK).Object()["accessToken"]))
	a.Post(path(first)+"/rotate", nil).Want(http.StatusConflict).WantCode(belay.CodeConflict)
	a.Post(path(first)+"/rotate", object{"overlapSeconds": 1}).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeIdempotencyReused)
	w.holder(texts[1]).Get("/api/user").Want(http.StatusOK)
	var seen []byte
	for _, path := range []string{tokensPath, path(first), tokensPath + "?search=canary", tokensPath + "?filter=" + url.QueryEscape(`{"ended":true}`), "/api/user"} {
		seen = append(seen, w.holder(texts[1]).Get(path).Want(http.StatusOK).Body...)
	}
	mistyped := texts[0][:60] + map[bool]string{true: "y", false: "x"}[texts[0][60:] == "x"]
	w.holder(mistyped).Get("/api/user").Want(http.StatusUnauthorized)
	seen = append(seen, w.Log()...)
	files, err := os.ReadDir(w.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(w.DataDir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, b...)
	}
	for _, text := range texts {
		if !bytes.Contains(seen, []byte(text[:12])) {
			t.Error("its public part is nowhere: this test looks at nothing")
		}
		secret := text[12:55]
		for _, form := range []string{secret, hex.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)), secret[:20]} {
			if bytes.Contains(seen, []byte(form)) {
				t.Errorf("the token is somewhere, as %s", form)
			}
		}
	}
}

// TestTokenRefusals asks for tokens that cannot be.
func TestTokenRefusals(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{Token: 30 * 24 * time.Hour})
	in := func(d time.Duration) string { return clock.Now().Add(d).Format(time.RFC3339) }
	rotate := path(object{"id": w.token}) + "/rotate"
	before := w.Stored()
	for _, c := range []struct {
		path    string
		body    object
		status  int
		pointer string
		say     string
	}{
		{tokensPath, object{}, http.StatusUnprocessableEntity, "/name", "empty"},
		{tokensPath, object{"name": " "}, http.StatusUnprocessableEntity, "/name", "empty"},
		{tokensPath, object{"name": "a\nb"}, http.StatusUnprocessableEntity, "/name", "one line"},
		{tokensPath, object{"name": strings.Repeat("a", 256)}, http.StatusUnprocessableEntity, "/name", "255"},
		{tokensPath, object{"name": "a", "purpose": strings.Repeat("a", 501)}, http.StatusUnprocessableEntity, "/purpose", "500"},
		{tokensPath + "?name=a", object{"name": "b"}, http.StatusUnprocessableEntity, "/name", "another"},
		{tokensPath, object{"name": "a", "scopes": []string{}}, http.StatusUnprocessableEntity, "/scopes", "at least one"},
		{tokensPath, object{"name": "a", "scopes": []string{"kind:read", "king"}}, http.StatusUnprocessableEntity, "/scopes/1", "connection:use"},
		{tokensPath, object{"name": "a", "scopes": []string{"kind:read", "*"}}, http.StatusUnprocessableEntity, "/scopes/1", "alone"},
		{tokensPath, object{"name": "a", "expiresAt": in(-time.Second)}, http.StatusUnprocessableEntity, "/expiresAt", "future"},
		{tokensPath, object{"name": "a", "expiresAt": in(0)}, http.StatusUnprocessableEntity, "/expiresAt", "future"},
		{tokensPath, object{"name": "a", "expiresAt": nil}, http.StatusUnprocessableEntity, "/expiresAt", "30 days"},
		{tokensPath, object{"name": "a", "expiresAt": in(30*24*time.Hour + time.Second)}, http.StatusUnprocessableEntity, "/expiresAt", "30 days"},
		{tokensPath, object{"name": "a", "expiresInDays": 31}, http.StatusUnprocessableEntity, "/expiresInDays", "30 days"},
		{tokensPath, object{"name": "a", "expiresInDays": 0}, http.StatusUnprocessableEntity, "/expiresInDays", "from 1"},
		{tokensPath, object{"name": "a", "expiresInDays": 1, "expiresAt": in(time.Hour)}, http.StatusUnprocessableEntity, "/expiresInDays", "one of them"},
		{tokensPath, object{"name": "a", "workspaceId": missing}, http.StatusUnprocessableEntity, "/workspaceId", "workspace"},
		{tokensPath, object{"name": "a", "environmentId": missing}, http.StatusUnprocessableEntity, "/environmentId", "environment"},
		{tokensPath, object{"name": "a", "organizationId": missing}, http.StatusNotFound, "", "organization"},
		{rotate, object{"overlapSeconds": 604801}, http.StatusUnprocessableEntity, "/overlapSeconds", "604800"},
		{rotate, object{"overlapSeconds": -1}, http.StatusUnprocessableEntity, "/overlapSeconds", "number of seconds"},
		{rotate, object{"expiresInDays": 31}, http.StatusUnprocessableEntity, "/expiresInDays", "30 days"},
		{rotate, object{"expiresAt": in(-1)}, http.StatusUnprocessableEntity, "/expiresAt", "future"},
	} {
		p := w.Admin.Post(c.path, c.body).Want(c.status).Problem()
		if c.pointer != "" {
			wantFields(t, p, c.pointer)
		}
		wantText(t, p, c.say)
	}
	w.Admin.Get(tokensPath + "?filter=" + url.QueryEscape(`{"prefix":"bly_"}`)).Want(http.StatusBadRequest)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
}

// TestTokenEnds gives tokens an end, or lets the server give them one.
func TestTokenEnds(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		longest time.Duration
		body    object
		want    time.Duration // 0: never
	}{
		{0, object{}, 90 * day},
		{0, object{"expiresInDays": 366}, 366 * day},
		{0, object{"expiresInDays": 1}, day},
		{30 * day, object{}, 30 * day},
		{-1, object{}, 90 * day},
		{-1, object{"expiresAt": nil}, 0},
		{-1, object{"expiresInDays": 36_500}, 36_500 * day},
	} {
		w, clock := clocked(t, app.Lifetimes{Token: c.longest})
		c.body["name"] = "a"
		token, _ := issued(w.Admin, c.body)
		ends := func(token object) time.Duration {
			at, err := time.Parse(time.RFC3339, fmt.Sprint(token["expiresAt"]))
			if token["expiresAt"] == nil {
				return 0
			}
			if err != nil {
				t.Fatal(err)
			}
			return at.Sub(clock.Now())
		}
		if got := ends(token); got != c.want {
			t.Errorf("%v: ends after %v, want %v", c, got, c.want)
		}
		clock.Advance(12 * time.Hour)
		// Rotated, it lives as long again; with itself, it ends as before.
		if got := ends(w.Admin.Post(path(token)+"/rotate", nil).Want(http.StatusOK).Object()); got != c.want {
			t.Errorf("%v: rotated, it ends after %v, want %v", c, got, c.want)
		}
		_, text := issued(w.Admin, c.body)
		clock.Advance(6 * time.Hour)
		me := w.holder(text)
		self := me.Get(tokensPath + "?search=a").Want(http.StatusOK).Items("tokens")
		i := slices.IndexFunc(self, func(t object) bool { return t["current"] == true })
		if got := ends(me.Post(path(self[i])+"/rotate", nil).Want(http.StatusOK).Object()); c.want != 0 && got != c.want-6*time.Hour {
			t.Errorf("%v: rotated with itself, it ends after %v", c, got)
		}
	}
}

// TestRotateToken uses a token before and after a rotation, by what it was
// and by what it is.
func TestRotateToken(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{})
	token, first := issued(w.Admin, object{"name": "ci", "expiresInDays": 30})
	rotate := func(body any) string {
		clock.Advance(promised)
		v := w.Admin.Post(path(token)+"/rotate", body).Want(http.StatusOK).Object()
		if v["id"] != token["id"] {
			t.Errorf("it became another token: %v", v)
		}
		clock.Advance(promised)
		return fmt.Sprint(v["accessToken"])
	}
	use := func(text string, want int) *belaytest.Answer {
		t.Helper()
		return w.holder(text).Get("/api/user").Want(want)
	}
	second := rotate(object{"overlapSeconds": 3600})
	if soon := use(first, http.StatusOK).Header.Get("Belay-Token-Expires"); soon == "" {
		t.Error("what is about to end is not warned of")
	}
	if soon := use(second, http.StatusOK).Header.Get("Belay-Token-Expires"); soon != "" {
		t.Errorf("what was just made is said to end at %s", soon)
	}
	previous, _ := w.Admin.Get(path(token)).Object()["previous"].(object)
	if previous["accessToken"] != first[:12] || previous["lastUsedAt"] == nil {
		t.Errorf("the former one is shown as %v", previous)
	}
	found := w.Admin.Get(tokensPath + "?filter=" + url.QueryEscape(`{"prefix":"`+first[:12]+`"}`)).Items("tokens")
	if len(found) != 1 || found[0]["id"] != token["id"] {
		t.Errorf("by what it was is found %v", found)
	}
	wantText(t, w.holder(first).Post(path(token)+"/rotate", nil).Want(http.StatusForbidden).Problem(), "use what it is now")
	short, before := issued(w.Admin, object{"name": "short", "expiresInDays": 1})
	w.holder(before).Post(path(short)+"/rotate", nil).Want(http.StatusOK) // both end when the first would have
	clock.Advance(promised)
	w.holder(before).Post(path(short)+"/rotate", nil).Want(http.StatusForbidden)
	third := rotate(nil)
	use(first, http.StatusUnauthorized)
	use(second, http.StatusOK)
	use(third, http.StatusOK)
	clock.Advance(app.DefaultOverlap - 2*promised)
	use(second, http.StatusOK)
	clock.Advance(promised)
	wantText(t, use(second, http.StatusUnauthorized).WantCode(belay.CodeUnauthenticated), "rotated")
	use(third, http.StatusOK)
	fourth := rotate(object{"overlapSeconds": 0})
	use(third, http.StatusUnauthorized)
	w.Admin.Delete(path(token)).Want(http.StatusNoContent)
	clock.Advance(promised)
	use(fourth, http.StatusUnauthorized)
	wantText(t, w.Admin.Post(path(token)+"/rotate", nil).Want(http.StatusConflict).Problem(), "revoked")
}

// TestTokenOfToken makes and rotates tokens with a token: none is allowed
// more, or longer, or elsewhere.
func TestTokenOfToken(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{})
	in := func(d time.Duration) string { return clock.Now().Add(d).Format(time.RFC3339) }
	wide, _ := issued(w.Admin, object{"name": "wide"})
	_, text := issued(w.Admin, object{"name": "narrow", "scopes": []string{"token:write", "token:read", "kind:read"}, "expiresAt": in(time.Hour)})
	a := w.holder(text)
	for _, c := range []struct {
		body    object
		pointer string
	}{
		{object{"scopes": []string{"kind:read", "connection:read"}}, "/scopes/1"},
		{object{"expiresAt": in(time.Hour + time.Second)}, "/expiresAt"},
		{object{"expiresInDays": 1}, "/expiresAt"},
	} {
		c.body["name"] = "refused"
		wantFields(t, a.Post(tokensPath, c.body).Want(http.StatusForbidden).WantCode(belay.CodeForbidden), c.pointer)
	}
	wantFields(t, a.Post(path(wide)+"/rotate", nil).Want(http.StatusForbidden).Problem(), "/scopes")
	child, _ := issued(a, object{"name": "child"})
	if child["expiresAt"] != in(time.Hour) || fmt.Sprint(child["scopes"]) != "[token:write token:read kind:read]" {
		t.Errorf("it made %v", child)
	}
	if all, _ := issued(a, object{"name": "child", "scopes": []string{"*"}}); fmt.Sprint(all["scopes"]) != "[token:write token:read kind:read]" {
		t.Errorf("all are %v", all["scopes"])
	}
	narrower, _ := issued(a, object{"name": "child", "scopes": []string{"kind:read", "kind:read"}, "expiresAt": in(time.Minute)})
	if fmt.Sprint(narrower["scopes"]) != "[kind:read]" {
		t.Errorf("scopes %v", narrower["scopes"])
	}
	a.Post(path(narrower)+"/rotate", object{"expiresAt": in(time.Hour)}).Want(http.StatusOK)
	wantFields(t, a.Post(path(narrower)+"/rotate", object{"expiresAt": in(2 * time.Hour)}).Want(http.StatusForbidden).Problem(), "/expiresAt")
	a.Delete(path(wide)).Want(http.StatusNoContent) // to end something is never too much
	_, text = issued(w.Admin, object{"name": "without", "scopes": []string{"token:read"}})
	wantText(t, w.holder(text).Post(tokensPath, object{"name": "x"}).Want(http.StatusForbidden).Problem(), "token:write")
}

// TestBoundToken makes tokens that are bound to an organization, a workspace
// or an environment, and tokens with these.
func TestBoundToken(t *testing.T) {
	w := newWorld(t)
	second := string(w.NewOrganization("Second", w.Admin.UserID))
	admin := w.As(w.Admin.UserID)
	other := admin.Post("/api/workspaces", object{"name": "other", "organizationId": second}).Want(http.StatusCreated).ID()
	free, _ := issued(admin, object{"name": "free"})
	ofWorkspace, text := issued(admin, object{"name": "of the workspace", "workspaceId": w.workspace})
	if ofWorkspace["organizationId"] != string(w.Organization) || ofWorkspace["workspaceId"] != w.workspace {
		t.Errorf("it is bound to %v", ofWorkspace)
	}
	ofEnvironment, _ := issued(admin, object{"name": "of the environment", "environmentId": w.environment})
	if ofEnvironment["organizationId"] != string(w.Organization) || ofEnvironment["environmentId"] != w.environment {
		t.Errorf("it is bound to %v", ofEnvironment)
	}
	wantFields(t, admin.Post(tokensPath, object{"name": "x", "organizationId": second, "workspaceId": w.workspace}).
		Want(http.StatusUnprocessableEntity).Problem(), "/workspaceId")
	wantFields(t, admin.Post(tokensPath, object{"name": "x", "workspaceId": other, "environmentId": w.environment}).
		Want(http.StatusUnprocessableEntity).Problem(), "/environmentId")
	a := w.holder(text)
	for pointer, body := range map[string]object{"/organizationId": {"organizationId": second}, "/workspaceId": {"workspaceId": other}} {
		body["name"] = "x"
		wantFields(t, a.Post(tokensPath, body).Want(http.StatusForbidden).Problem(), pointer)
	}
	child, _ := issued(a, object{"name": "child", "environmentId": w.environment})
	if child["workspaceId"] != w.workspace || child["organizationId"] != string(w.Organization) || child["environmentId"] != w.environment {
		t.Errorf("it made %v", child)
	}
	for _, hidden := range []object{free, ofEnvironment} {
		a.Get(path(hidden)).Want(http.StatusNotFound)
		a.Delete(path(hidden)).Want(http.StatusNotFound)
		a.Post(path(hidden)+"/rotate", nil).Want(http.StatusNotFound)
	}
	if got := namesOf(a.Get(tokensPath).Items("tokens")); !slices.Equal(got, []string{"child", "of the workspace"}) {
		t.Errorf("it sees %v", got)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		a.Do(method, "/api/identity/sessions", nil).Want(http.StatusForbidden)
	}
	a.Delete("/api/identity/sessions/" + w.session).Want(http.StatusForbidden)
}

func namesOf(items []object) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, fmt.Sprint(it["name"]))
	}
	return out
}

// TestTokensOfEveryone lets an administrator see and revoke what is bound to
// his organization, and nothing else.
func TestTokensOfEveryone(t *testing.T) {
	w := newWorld(t)
	ann := w.Member("ann")
	bound, _ := issued(ann, object{"name": "bound", "organizationId": string(w.Organization)})
	free, _ := issued(ann, object{"name": "free"})
	if got := namesOf(w.Admin.Get(tokensPath + "?everyone=true").Want(http.StatusOK).Items("tokens")); !slices.Equal(got, []string{"bound"}) {
		t.Errorf("bound to the organization are %v", got)
	}
	ann.Get(tokensPath + "?everyone=true").Want(http.StatusForbidden)
	ann.Get(tokensPath + "?orgId=" + missing).Want(http.StatusNotFound)
	if got := namesOf(ann.Get(tokensPath + "?orgId=" + string(w.Organization)).Want(http.StatusOK).Items("tokens")); !slices.Equal(got, []string{"bound"}) {
		t.Errorf("hers bound to the organization are %v", got)
	}
	if got := ann.Get(tokensPath + "?isOauth=true").Want(http.StatusOK).Object(); got["totalCount"] != 0.0 {
		t.Errorf("OAuth sessions: %v", got)
	}
	w.As(w.Admin.UserID, belay.PermissionTokenRead).Get(tokensPath + "?everyone=true").Want(http.StatusForbidden)
	w.As(w.Admin.UserID, belay.PermissionTokenWrite).Delete(path(bound)).Want(http.StatusNotFound)
	bob := w.Member("bob")
	for _, token := range []object{bound, free} {
		bob.Get(path(token)).Want(http.StatusNotFound)
		bob.Delete(path(token)).Want(http.StatusNotFound)
		w.Admin.Post(path(token)+"/rotate", nil).Want(http.StatusNotFound)
	}
	w.Admin.Get(path(free)).Want(http.StatusNotFound)
	w.Admin.Delete(path(free)).Want(http.StatusNotFound)
	if got := w.Admin.Get(path(bound)).Want(http.StatusOK).Object(); got["userEmail"] != "ann@example.com" {
		t.Errorf("it is shown as %v", got)
	}
	w.Admin.Delete(path(bound)).Want(http.StatusNoContent)
	if got := namesOf(ann.Get(tokensPath + "?filter=" + url.QueryEscape(`{"ended":true}`)).Items("tokens")); !slices.Equal(got, []string{"bound"}) {
		t.Errorf("ended are %v", got)
	}
}

// TestTokenWarning uses a token up to its end.
func TestTokenWarning(t *testing.T) {
	const day = 24 * time.Hour
	w, clock := clocked(t, app.Lifetimes{})
	token, text := issued(w.Admin, object{"name": "ci", "expiresInDays": 90})
	a := w.holder(text)
	warned := func(want bool) {
		t.Helper()
		clock.Advance(promised)
		answer := a.Get(path(token)).Want(http.StatusOK)
		if got := answer.Header.Get("Belay-Token-Expires"); (got == token["expiresAt"]) != want || (got == "") == want {
			t.Errorf("the header says %q, the end is %v", got, token["expiresAt"])
		}
		if got := answer.Object()["expiresSoon"]; got != want {
			t.Errorf("expiresSoon is %v", got)
		}
	}
	warned(false)
	clock.Advance(83*day - 3*promised)
	warned(false)
	clock.Advance(promised)
	warned(true)
	if a.Get("/api/nonsense").Header.Get("Belay-Token-Expires") == "" {
		t.Error("an error does not warn")
	}
	clock.Advance(7 * day)
	answer := a.Get(path(token)).Want(http.StatusUnauthorized)
	wantText(t, answer.Problem(), "expired")
	if w.Admin.Get(path(token)).Want(http.StatusOK).Object()["status"] != "expired" {
		t.Error("it is not shown as expired")
	}
}
