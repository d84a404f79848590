package acceptance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

// federation is one Belay with its local users and two OpenID providers.
type federation struct {
	*node
	okta, dex *peers.OIDC
}

// startFederation starts the providers and a Belay that is registered with
// both. What the first says is believed for a few seconds only; the second
// does not answer when Belay starts.
func startFederation(t *testing.T) federation {
	t.Helper()
	f := federation{okta: peers.StartOIDCProvider(t, peers.OIDCOptions{TTL: 5 * time.Second}), dex: peers.StartDex(t, peers.OIDCOptions{})}
	f.dex.Stop()
	dir := t.TempDir()
	secret := filepath.Join(dir, "okta-secret")
	writeFile(t, secret, []byte("web-secret\n"))
	text := fmt.Sprintf(`
providers:
  okta:
    type: oidc
    title: Okta
    issuer: %s
    clientId: web
    clientSecretFile: %s
    scopes: [profile, email, groups, offline_access]
    organization: My Org
    teams: [{group: admins, team: sre}, {group: "view*", team: "read*"}]
  dex:
    type: oidc
    issuer: %s
    clientId: web
    clientSecretVariable: DEX_SECRET
    scopes: [profile, email, groups, offline_access]
    organization: My Org
    newcomers: member
`, f.okta.Issuer, secret, f.dex.Issuer)
	config := filepath.Join(dir, "belay.yaml")
	writeFile(t, config, []byte(text))
	f.node = startNode(t, nodeOptions{Args: []string{"--config", config}, Env: map[string]string{"DEX_SECRET": "web-secret"}})
	register := func(key string) func(*peers.OIDCOptions) {
		return func(o *peers.OIDCOptions) {
			c := &o.Clients[0]
			c.RedirectURIs, c.LogoutURIs = []string{f.url + "/user/callback/" + key}, []string{f.url + "/"}
			c.BackChannelLogoutURI = f.url + "/user/backchannel-logout/" + key
		}
	}
	if err := f.okta.Change(register("okta")); err != nil {
		t.Fatal(err)
	}
	register("dex")(&f.dex.OIDCOptions)
	return f
}

// signIn goes through the pages as a person does, and returns his browser's
// client.
func (f federation) signIn(t *testing.T, b *peers.Browser, key string) *client {
	t.Helper()
	at, err := b.Visit(t.Context(), f.url+"/user/login?return_to=/docs/errors&provider="+key, f.url+"/docs/errors")
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, node: f.node, header: http.Header{"Cookie": {b.Cookies(at)}, "Sec-Fetch-Site": {"same-origin"}}}
}

// page asks as a person at a browser does.
func (c *client) page(method, path string) answer {
	c.t.Helper()
	as := *c
	as.header = c.header.Clone()
	if as.header == nil {
		as.header = http.Header{}
	}
	as.header.Set("Accept", "text/html")
	return as.send(method, path, "application/x-www-form-urlencoded", nil)
}

// until asks again and again until the status is the one that is wanted.
func (c *client) until(within time.Duration, path string, want int) {
	c.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		got := c.send(http.MethodGet, path, "", nil)
		if got.status == want {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s: after %s it is still %d\n%s", path, within, got.status, got.body)
		}
	}
}

// A3: identity through OpenID providers, two real ones: who may enter, what
// groups give and take while somebody is signed in, and an end there that is
// an end here.
func TestA3_OpenIDProviders(t *testing.T) {
	t.Parallel()
	f := startFederation(t)
	c := f.admin(t)
	org := c.organization()
	conn := c.connect("shop", "http", f.url+"/healthz/live", nil)
	workspace := c.workspace("payments")
	c.share(workspace, c.group("production", conn.ID))
	// Nobody of a group without a team may enter.
	bob := peers.NewBrowser("bob", "secret")
	if _, err := bob.Visit(t.Context(), f.url+"/user/login?provider=okta", f.url+"/docs"); err == nil || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "no organization") {
		t.Errorf("bob enters without a team: %v", err)
	}
	for _, name := range []string{"sre", "readers"} {
		id := decode[named](c.post("/api/identity/orgs/"+org+"/teams", object{"name": name})).ID
		c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/teams/"+id, object{"role": map[string]string{"sre": "operator", "readers": "viewer"}[name]})
	}
	there := peers.NewBrowser("alice", "secret")
	alice := f.signIn(t, there, "okta")
	path := connectionsPath + "/" + conn.ID
	if got := decode[connection](alice.get(path)); got.Name != "shop" {
		t.Errorf("alice sees %+v", got)
	}
	program := alice.letIn()
	program.want(0, []string{"connection", "view", "shop"}, "shop")
	f.signIn(t, bob, "okta").do(http.StatusForbidden, http.MethodPost, path+"/test", nil) // a viewer tests nothing

	// A group that she is not in any more is a team less, at the next refresh.
	err := f.okta.Change(func(o *peers.OIDCOptions) {
		u := o.Users["alice"]
		u.Groups = []string{"staff"}
		o.Users["alice"] = u
	})
	if err != nil {
		t.Fatal(err)
	}
	alice.until(15*time.Second, path, http.StatusNotFound)
	alice.get("/api/user") // she is signed in all the same
	program.want(3, []string{"connection", "view", "shop"}, "shop")

	// Signing out there is signing out here, in all browsers.
	if at, err := url.Parse(f.url); err != nil {
		t.Fatal(err)
	} else {
		there.Forget(at, "belay_session") // as another browser would, that shares the session there
	}
	other := f.signIn(t, there, "okta")
	alice.get("/api/user")
	out := other.page(http.MethodPost, "/user/logout").want(http.StatusOK)
	where := strings.TrimPrefix(out.header.Get("Refresh"), "0; url=")
	if !strings.HasPrefix(where, f.okta.Issuer) {
		t.Fatalf("she is sent to %q", where)
	}
	if _, err := there.Visit(t.Context(), where, f.url+"/"); err != nil {
		t.Fatal(err)
	}
	alice.until(time.Second, "/api/user", http.StatusUnauthorized)
	program.want(4, []string{"whoami"}, "belay login")
	f.noSecrets(t)
}

// noSecrets looks in what the server has printed for what only it and the
// provider may know.
func (f federation) noSecrets(t *testing.T) {
	t.Helper()
	printed := f.stdout.String() + f.stderr.String()
	for _, secret := range []string{"web-secret", "state=", "logout_token", "refresh_token"} {
		if strings.Contains(printed, secret) {
			t.Errorf("the server has printed %s:\n%s", secret, printed)
		}
	}
}

// A4: several providers at once: they are listed, one is chosen, a request
// can name its own, and one that does not answer keeps nobody out but those
// of its users who are not in yet.
func TestA4_SeveralProviders(t *testing.T) {
	t.Parallel()
	f := startFederation(t)
	c := f.admin(t)
	stranger := f.as(t, "")
	// Dex did not answer at the start, and does not yet.
	down := stranger.page(http.MethodGet, "/user/login?provider=dex").want(http.StatusServiceUnavailable)
	for _, part := range []string{"cannot be reached", "Sign in with Okta", `type="password"`} {
		if !strings.Contains(string(down.body), part) {
			t.Errorf("the page lacks %q:\n%s", part, down.body)
		}
	}
	type provider struct {
		Type  string `json:"providerType"`
		State struct{ Status, Since string }
	}
	listed := decode[map[string]provider](stranger.get("/api/providers"))
	if len(listed) != 3 || listed["dex"].State.Status != "unreachable" || listed["dex"].State.Since == "" || listed["local"].Type != "local" || listed["okta"].Type != "remote" {
		t.Errorf("the providers are %+v", listed)
	}
	if err := f.dex.Start(); err != nil {
		t.Fatal(err)
	}
	chosen := stranger.send(http.MethodGet, "/api/provider?provider=dex", "", nil).want(http.StatusFound)
	if got := chosen.header.Get("Location"); got != "/user/login?provider=dex" {
		t.Errorf("who chooses is sent to %s", got)
	}
	stranger.until(5*time.Second, "/user/login?provider=dex", http.StatusSeeOther) // it is left alone for two seconds after it failed
	away := stranger.send(http.MethodGet, "/user/login?provider=dex", "", nil).want(http.StatusSeeOther)
	if to, err := url.Parse(away.header.Get("Location")); err != nil || to.Query().Get("code_challenge_method") != "S256" {
		t.Errorf("who goes to Dex goes without PKCE: %v", to)
	}
	for _, key := range []string{"okta", "dex"} {
		tested := decode[struct {
			OK       bool
			Findings []struct{ Name, Status, Message string }
		}](c.do(http.StatusOK, http.MethodPost, "/api/providers/"+key+"/test", nil))
		if !tested.OK {
			t.Errorf("%s: %+v", key, tested)
		}
	}
	there := peers.NewBrowser("alice", "secret")
	alice := f.signIn(t, there, "dex")
	me := decode[struct{ ID, Email, Provider string }](alice.get("/api/user"))
	if me.Email != "alice@example.test" || me.Provider != "dex" {
		t.Errorf("she is %+v", me)
	}
	alice.get("/api/user?provider=dex")
	alice.do(http.StatusUnauthorized, http.MethodGet, "/api/user?provider=okta", nil)
	c.get("/api/user?provider=local")
	// The same person at another provider, and the same address at none, is
	// somebody else.
	c.post("/api/identity/orgs/"+c.organization()+"/teams", object{"name": "sre"})
	again := decode[struct{ ID, Email string }](f.signIn(t, peers.NewBrowser("alice", "secret"), "okta").get("/api/user"))
	if again.ID == me.ID || again.Email != me.Email {
		t.Errorf("she is %+v", again)
	}
	// A local user, by the invitation's page, with the account of a provider.
	made := decode[struct {
		ID         string
		Invitation struct{ Link string }
	}](c.post("/api/identity/orgs/"+c.organization()+"/users", object{"email": "bob@example.test"}))
	page := f.as(t, "").page(http.MethodGet, strings.TrimPrefix(made.Invitation.Link, f.url)).want(http.StatusOK)
	link := regexp.MustCompile(`href="(/user/login\?[^"]*provider=okta[^"]*)"`).FindStringSubmatch(string(page.body))
	if link == nil {
		t.Fatalf("the invitation cannot be accepted with Okta:\n%s", page.body)
	}
	invited := peers.NewBrowser("bob", "secret")
	at, err := invited.Visit(t.Context(), f.url+strings.ReplaceAll(link[1], "&amp;", "&")+"&return_to=/docs", f.url+"/docs")
	if err != nil {
		t.Fatal(err)
	}
	bob := &client{t: t, node: f.node, header: http.Header{"Cookie": {invited.Cookies(at)}}}
	if who := decode[struct{ ID, Provider string }](bob.get("/api/user")); who.ID != made.ID || who.Provider != "okta" {
		t.Errorf("he is %+v, not %s", who, made.ID)
	}
	// Who is in stays in while the provider is away.
	f.dex.Stop()
	alice.get("/api/user")
	stranger.page(http.MethodGet, "/user/login").want(http.StatusOK)
}
