package acceptance_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A1: providers handle authentication, sessions and preferences; the local one is there
// without any configuration. Whoever signs in is a user of the provider by
// which he did, and a request that names another one is not his.
func TestA1_ProvidersHandleAuthentication(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	ann := c.invite(c.organization(), "ann@example.com")
	stranger := n.as(t, "")
	type provider struct {
		Type         string   `json:"providerType"`
		Name         string   `json:"providerName"`
		Title        string   `json:"title"`
		Capabilities []object `json:"capabilities"`
	}
	all := decode[map[string]provider](stranger.get("/api/providers"))
	if p := all["local"]; len(all) != 1 || p.Type != "local" || p.Name != "local" || p.Title == "" || len(p.Capabilities) == 0 {
		t.Errorf("the providers are %v", all)
	}
	if out := n.cli(t, "provider", "list", "-o", "name"); out != "provider/local\n" {
		t.Errorf("the command line lists %q", out)
	}
	chosen := stranger.do(http.StatusFound, http.MethodGet, "/api/provider?provider=local", nil)
	if to := chosen.header.Get("Location"); to != "/user/login" {
		t.Errorf("who has chosen is sent to %q", to)
	}
	for _, named := range []string{"local", ""} {
		in := stranger.post(sessionsPath, object{"provider": named, "email": ann.email, "password": aPassword})
		b := n.signedIn(t, in)
		if got := decode[struct {
			Email    string `json:"email"`
			Provider string `json:"provider"`
		}](b.get("/api/user")); got.Email != ann.email || got.Provider != "local" {
			t.Errorf("signed in by %q: %+v", named, got)
		}
		if got := decode[provider](b.get("/api/provider/capabilities")); got.Name != "local" {
			t.Errorf("the session is of the provider %q", got.Name)
		}
		if got := decode[object](b.get("/api/user/prefs")); got["theme"] != map[string]string{"local": "system", "": "dark"}[named] {
			t.Errorf("signed in by %q, the user prefers %v", named, got)
		}
		b.do(http.StatusOK, http.MethodPut, "/api/user/prefs", object{"theme": "dark"})
		b.do(http.StatusSeeOther, http.MethodPost, "/user/logout", nil)
		b.do(http.StatusUnauthorized, http.MethodGet, "/api/user", nil)
	}
	for _, path := range []string{"/api/provider?provider=okta", "/api/user?provider=okta"} {
		p := decode[problem](ann.do(http.StatusBadRequest, http.MethodGet, path, nil))
		if len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Message, "local") {
			t.Errorf("%s: it is not said which there are: %+v", path, p)
		}
	}
}

// session is one as it is listed.
type session struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (c *client) sessions() []session {
	c.t.Helper()
	return decode[struct{ Sessions []session }](c.get(sessionsPath)).Sessions
}

// A5: signing in sets a session's cookie; sessions are listed and ended, one
// or all others; signing out ends the session everywhere.
func TestA5_SessionsAreListedAndEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		ann := c.invite(c.organization(), "ann@example.com")
		all := n.replicas(t)
		in := func(at *node) *client {
			return at.signedIn(t, at.signIn(t, ann.email, aPassword).want(http.StatusSeeOther))
		}
		first, second := in(n), in(all[len(all)-1])
		list := first.sessions()
		if len(list) != 3 { // with the one in which she has begun
			t.Fatalf("%d sessions are listed, want 3", len(list))
		}
		own := slices.IndexFunc(list, func(s session) bool { return s.Current })
		if own != 1 || !list[own].ExpiresAt.After(time.Now()) {
			t.Errorf("the second newest is the one that asks: %+v", list)
		}
		n.env["BELAY_TOKEN"] = ann.token
		if out := n.cli(t, "session", "list"); strings.Count(out, "\n") != 4 || strings.Contains(out, "bly_") {
			t.Errorf("the command line lists\n%s", out)
		}

		everywhere := func(b *client, what string) {
			t.Helper()
			for _, at := range all {
				b.at(at).refusedWithin(what, http.StatusUnauthorized, http.MethodGet, "/api/user")
			}
		}
		for _, at := range all { // known everywhere by now
			second.at(at).get("/api/user")
			ann.browser.at(at).get("/api/user")
		}
		first.delete(sessionsPath + "/" + list[0].ID)
		everywhere(second, "a session that was ended by another")
		n.cli(t, "session", "revoke", "--all", "--yes")
		everywhere(first, "a session that a token has ended")
		everywhere(ann.browser, "another one")
		ann.get("/api/user") // the token stays

		third := in(n)
		for _, at := range all {
			third.at(at).get("/api/user")
		}
		out := third.at(all[len(all)-1]).do(http.StatusSeeOther, http.MethodPost, "/user/logout", nil)
		if cookie := out.header.Get("Set-Cookie"); !strings.Contains(cookie, "belay_session=;") {
			t.Errorf("signing out leaves the cookie: %q", cookie)
		}
		everywhere(third, "a session that was signed out of")
		// What the browser goes back to is not the session's.
		if home := third.get("/"); strings.Contains(string(home.body), ann.email) || home.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the start page after signing out: %v %s", home.header, home.body)
		}
	})
}

// A6: programs use bearer tokens, made with the command line or over the API
// with a choice of scopes, shown once.
func TestA6_TokensForPrograms(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	conn := c.dummy("web")
	text := strings.TrimSuffix(n.cli(t, "token", "create", "ci", "--scope", "connection:read"), "\n")
	if strings.ContainsAny(text, " \n") || !strings.HasPrefix(text, "bly_") {
		t.Fatalf("the command line prints %q", text)
	}
	other := c.makeToken(object{"name": "dashboard", "scopes": []string{"connection:read", "environment:read"}})
	for name, program := range map[string]*client{"ci": n.as(t, text), "dashboard": n.as(t, other.AccessToken)} {
		if got := program.connection(conn.ID).Name; got != "web" {
			t.Errorf("%s reads %q", name, got)
		}
		for permission, path := range map[string]string{"credential:read": credentialsPath, "workspace:read": workspacesPath, "token:read": tokensPath} {
			wantProblem(t, name, program.do(http.StatusForbidden, http.MethodGet, path, nil), "forbidden", permission)
		}
	}
	n.as(t, other.AccessToken).get(environmentsPath)
	n.as(t, text).do(http.StatusForbidden, http.MethodGet, environmentsPath, nil)

	// Nowhere is either of them shown again.
	shown := string(c.get(tokensPath).body) + string(c.get(tokensPath+"/"+other.ID).body) + n.cli(t, "token", "list") + n.cli(t, "token", "view", "ci", "-o", "json")
	n.stop(t)
	shown += n.stderr.String()
	for _, text := range []string{text, other.AccessToken} {
		if !strings.Contains(shown, text[:12]) || strings.Contains(shown, text[12:20]) {
			t.Errorf("of %s…, the beginning is to be seen and nothing else", text[:12])
		}
	}
}

// A7: a bearer token, JSON in and out.
func TestA7_BearerAndJSON(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	body := encode(t, object{"name": "production"})
	made := c.send(http.MethodPost, environmentsPath, "application/json", body).want(http.StatusCreated)
	if media, _, _ := strings.Cut(made.header.Get("Content-Type"), ";"); media != "application/json" || !json.Valid(made.body) {
		t.Errorf("it is answered as %s: %s", media, made.body)
	}
	for _, media := range []string{"", "text/plain", formMedia} {
		if p := decode[problem](c.send(http.MethodPost, environmentsPath, media, body).want(http.StatusUnsupportedMediaType)); !strings.Contains(p.Detail, "application/json") {
			t.Errorf("as %q: %s", media, p.Detail)
		}
	}
	for _, header := range []string{"Basic YTpi", c.token, "Bearer", "Bearer " + c.token + "x"} {
		bad := n.as(t, "")
		bad.header = http.Header{"Authorization": {header}}
		wantProblem(t, "another header", bad.do(http.StatusUnauthorized, http.MethodGet, environmentsPath, nil), "unauthenticated", "")
	}
}

// A8: orgId says which organization's resources are meant, and the command
// line knows it.
func TestA8_OrganizationID(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	first := c.organization()
	c.group("production") // orgId is optional while there is one
	second := decode[named](c.post(organizationsPath, object{"name": "northwind"})).ID
	c.post(environmentsPath+"?orgId="+second, object{"name": "lab"})
	for org, want := range map[string]string{"orgId=" + first: "production", "orgId=" + second: "lab", "orgID=" + second: "lab"} {
		list := decode[list](c.get(environmentsPath + "?" + org))
		wantNames(t, org, names(list.Environments), []string{want})
	}
	c.do(http.StatusNotFound, http.MethodGet, environmentsPath+"?orgId="+string(newID()), nil)

	for name, id := range map[string]string{"My Org": first, "northwind": second} {
		if out := strings.TrimSpace(n.cli(t, "organization", "view", name, "--jq", ".id")); out != id {
			t.Errorf("the id of %s is %q, want %q", name, out, id)
		}
		if out := n.cli(t, "organization", "list", "-o", "json"); !strings.Contains(out, id) {
			t.Errorf("the list of organizations has no %s", id)
		}
		for _, org := range []string{name, id} {
			if out := n.cli(t, "environment", "list", "--org", org, "--jq", ".environments[].organizationId"); strings.TrimSpace(out) != id {
				t.Errorf("--org %s lists what belongs to %q", org, out)
			}
		}
	}
}

// A11: each of the three has a message of its own, which says how to go on.
func TestA11_MessagesThatSayHowToGoOn(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	ann := c.invite(c.organization(), "ann@example.com")
	c.post(organizationsPath, object{"name": "northwind"})
	says := func(a answer, code, message, remedy string) {
		t.Helper()
		wantProblem(t, a.what, a, code, message)
		r := decode[problem](a).Remediation[0]
		if all := r.ID + " " + r.Title; !strings.Contains(all, remedy) || r.Action == nil && r.Command == "" && r.Description == "" {
			t.Errorf("%s: the way out is %+v", a.what, r)
		}
	}
	says(c.do(http.StatusBadRequest, http.MethodGet, environmentsPath, nil), "organization_required", "orgId is required", "organization")
	says(ann.browser.do(http.StatusConflict, http.MethodGet, "/api/token", nil), "conflict", "failed to get token", "token.create")
	ann.browser.do(http.StatusSeeOther, http.MethodPost, "/user/logout", nil)
	says(ann.browser.do(http.StatusUnauthorized, http.MethodGet, environmentsPath, nil), "unauthenticated", "session expired", "session.renew")
	says(n.as(t, "").do(http.StatusUnauthorized, http.MethodGet, environmentsPath, nil), "unauthenticated", "no token and no session", "token.send")

	if r := n.command(t, "", "environment", "list"); r.status != 2 || !strings.Contains(r.stderr, "belay organization") {
		t.Errorf("the command line ends with %d: %s", r.status, r.stderr)
	}
}

// A13: tokens expire, are rotated with an overlap, revoked at once, show when
// they were used, are separate for each application, and can be bound.
func TestA13_LifeOfATokenAndItsBounds(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		inside, outside := c.dummy("inside"), c.dummy("outside")
		env := c.group("production", inside.ID)
		workspace := c.workspace("payments", env)
		one, other := c.makeToken(object{"name": "one"}), c.makeToken(object{"name": "other"})
		if life := time.Until(*one.ExpiresAt); life > 90*24*time.Hour || life < 90*24*time.Hour-time.Minute {
			t.Errorf("it lives %v, want 90 days", life)
		}
		read := func(id string) issued { return decode[issued](c.get(tokensPath + "/" + id)) }
		if read(one.ID).LastUsedAt != nil {
			t.Error("it was used before it was")
		}
		n.as(t, one.AccessToken).get("/api/user")
		if used := read(one.ID).LastUsedAt; used == nil || time.Since(*used) > time.Minute || read(other.ID).LastUsedAt != nil {
			t.Errorf("the one that was used was used at %v, the other at %v", used, read(other.ID).LastUsedAt)
		}

		rotated := decode[issued](c.do(http.StatusOK, http.MethodPost, tokensPath+"/"+one.ID+"/rotate", object{"overlapSeconds": 2}))
		if rotated.ID != one.ID || rotated.AccessToken == one.AccessToken {
			t.Errorf("rotated it is %+v", rotated)
		}
		for _, text := range []string{one.AccessToken, rotated.AccessToken} { // both, for a while
			n.as(t, text).get("/api/user")
		}
		for end := time.Now().Add(2*time.Second + promised); n.as(t, one.AccessToken).send(http.MethodGet, "/api/user", "", nil).status == http.StatusOK; {
			if time.Now().After(end) {
				t.Fatal("what it was before works beyond the overlap")
			}
			time.Sleep(50 * time.Millisecond)
		}
		n.as(t, rotated.AccessToken).get("/api/user")
		c.delete(tokensPath + "/" + one.ID)
		n.as(t, rotated.AccessToken).do(http.StatusUnauthorized, http.MethodGet, "/api/user", nil) // with the answer, where it was revoked
		n.as(t, other.AccessToken).get("/api/user")                                                // the other application goes on

		for bound, body := range map[string]object{"workspace": {"workspaceId": workspace}, "environment": {"environmentId": env}} {
			body["name"] = "of the " + bound
			b, _ := c.newToken(body)
			wantNames(t, "bound to the "+bound, names(b.list(connectionsPath).Connections), []string{"inside"})
			b.do(http.StatusNotFound, http.MethodGet, connectionsPath+"/"+outside.ID, nil)
			b.do(http.StatusForbidden, http.MethodGet, organizationsPath+"/"+c.organization()+"/users", nil)
		}
	})
}
