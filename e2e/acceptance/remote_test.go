package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

const (
	hubUser     = "alice@example.test"
	hubPassword = "a horse that is a zebra 7"
)

// union is a hub and a spoke whose users come from there, two Belays.
type union struct {
	hub, spoke *node
	org, alice string // of the hub's first organization, and of a member of it
}

func startUnion(t *testing.T) union {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	writeFile(t, secret, []byte("canary-client-secret-of-40-characters-or-so\n"))
	configured := func(name, format string, args ...any) nodeOptions {
		path := filepath.Join(dir, name)
		writeFile(t, path, fmt.Appendf(nil, format, args...))
		return nodeOptions{Args: []string{"--config", path}}
	}
	// On loopback one address stands for every port (RFC 8252, section 7.3).
	u := union{hub: startNode(t, configured("hub.yaml", `
clients:
  berlin: {title: Belay in Berlin, redirectUris: ["http://127.0.0.1/user/callback/hub"], secretFile: %s}
`, secret))}
	u.hub.args = append(u.hub.args, "--listen", strings.TrimPrefix(u.hub.url, "http://")) // it comes back to where it was
	u.spoke = startNode(t, configured("spoke.yaml", `
providers:
  hub: {type: remote, title: Company, url: "%s", clientId: berlin, clientSecretFile: %s}
`, u.hub.url, secret))
	c := u.hub.admin(t)
	u.org = c.organization()
	u.alice = decode[named](c.post("/api/identity/orgs/"+u.org+"/users", object{"email": hubUser, "password": hubPassword, "role": "admin"})).ID
	return u
}

// enter signs the hub's user in at the spoke, by the pages of both, and returns
// her browser's client there.
func (u union) enter(t *testing.T) *client {
	t.Helper()
	b := peers.NewBrowser(hubUser, hubPassword)
	at, err := b.Visit(t.Context(), u.spoke.url+"/user/login?return_to=/docs/errors&provider=hub", u.spoke.url+"/docs/errors")
	if err != nil {
		t.Fatalf("%v\n%s", err, u.spoke.stderr.String())
	}
	return &client{t: t, node: u.spoke, header: http.Header{"Cookie": {b.Cookies(at)}, "Sec-Fetch-Site": {"same-origin"}}}
}

// A3: another server of this kind is the remote provider that holds the data:
// who signs in there works there from here, and can do no more and no less.
func TestA3_RemoteProvider(t *testing.T) {
	t.Parallel()
	u := startUnion(t)
	hub, local := u.hub.admin(t), u.spoke.admin(t)
	alice := u.enter(t)
	if me := decode[struct{ ID, Email string }](alice.get("/api/user")); me.ID != u.alice || me.Email != hubUser {
		t.Errorf("she is %+v, want the hub's %s", me, u.alice)
	}

	// What she makes here is there, and in the organization that she names.
	second := decode[named](hub.post("/api/identity/orgs", object{"name": "Second"})).ID
	hub.do(http.StatusCreated, http.MethodPost, "/api/identity/orgs/"+second+"/users/"+u.alice, object{"role": "member"})
	alice.until(2*time.Second, environmentsPath, http.StatusBadRequest) // which one?
	made := alice.do(http.StatusCreated, http.MethodPost, environmentsPath+"?orgId="+u.org, object{"name": "production"})
	if made.header.Get("Belay-Provider") != "hub" {
		t.Errorf("the answer does not say whose it is: %v", made.header)
	}
	env := decode[named](made)
	if got := hub.list(environmentsPath, "orgId", u.org).Environments; len(got) != 1 || got[0].ID != env.ID {
		t.Errorf("the hub has %+v", got)
	}
	if got := alice.list(environmentsPath, "orgId", second).Environments; len(got) != 0 {
		t.Errorf("the second organization has %+v", got)
	}
	if got := local.list(environmentsPath).Environments; len(got) != 0 {
		t.Errorf("the spoke has %+v", got)
	}
	conn := decode[connection](alice.post(connectionsPath+"?orgId="+u.org, object{"name": "shop", "kind": "http", "url": u.spoke.url + "/healthz/live"}))
	if got := decode[check](alice.do(http.StatusOK, http.MethodPost, connectionsPath+"/"+conn.ID+"/test?orgId="+u.org, nil)); got.Health != "healthy" {
		t.Errorf("the hub tests it: %+v", got)
	}
	program := alice.letIn()
	program.want(0, []string{"environment", "list", "--org", u.org, "-o", "name"}, "environment/production")
	program.want(0, []string{"environment", "create", "staging", "--org", u.org})
	if got := hub.list(environmentsPath, "orgId", u.org).Environments; len(got) != 2 {
		t.Errorf("the hub has %+v", got)
	}
	if r := u.spoke.command(t, "", "provider", "test", "hub", "--output", "json"); r.status != 0 || !strings.Contains(r.stdout, "it knows this server by its client id and secret") || !strings.Contains(r.stdout, "is known there") {
		t.Errorf("the test of the provider ends with %d: %s%s", r.status, r.stdout, r.stderr)
	}
	u.outage(t, alice)
	u.ended(t, alice)
	program.want(4, []string{"environment", "list", "--org", u.org}, "belay login") // it has ended with her browser's session

	// What the hub's administrator takes away is gone here within a second.
	alice = u.enter(t)
	alice.get(environmentsPath + "/" + env.ID + "?orgId=" + u.org)
	hub.delete("/api/identity/orgs/" + u.org + "/users/" + u.alice)
	alice.until(time.Second, environmentsPath+"/"+env.ID+"?orgId="+u.org, http.StatusNotFound)
	for _, n := range []*node{u.hub, u.spoke} {
		if printed := n.stdout.String() + n.stderr.String(); strings.Contains(printed, "canary") || strings.Contains(printed, "blr_") || strings.Contains(printed, "bla_") {
			t.Errorf("a secret is printed:\n%s", printed)
		}
	}
}

// outage stops the hub, and starts it again: the session lives on.
func (u union) outage(t *testing.T, alice *client) {
	t.Helper()
	u.hub.stop(t)
	down := alice.do(http.StatusServiceUnavailable, http.MethodGet, workspacesPath+"?orgId="+u.org, nil)
	if !strings.Contains(string(down.body), "the provider hub ("+u.hub.url+")") || !strings.Contains(string(down.body), "does not answer since 20") {
		t.Errorf("she hears %s", down.body)
	}
	alice.get("/api/identity/sessions")
	u.spoke.as(t, "").page(http.MethodGet, "/user/login?provider=hub").want(http.StatusServiceUnavailable)
	u.hub.start(t)
	alice.get(workspacesPath + "?orgId=" + u.org)
}

// ended ends all of her sessions at the hub, and so the one here.
func (u union) ended(t *testing.T, alice *client) {
	t.Helper()
	there := u.hub.as(t, "")
	in := there.do(http.StatusCreated, http.MethodPost, "/api/identity/sessions", object{"email": hubUser, "password": hubPassword})
	there.header = http.Header{"Cookie": {strings.SplitN(in.header.Get("Set-Cookie"), ";", 2)[0]}, "Sec-Fetch-Site": {"same-origin"}}
	there.do(http.StatusOK, http.MethodDelete, "/api/identity/sessions", nil)
	alice.until(time.Second, workspacesPath+"?orgId="+u.org, http.StatusUnauthorized)
	if over := alice.do(http.StatusUnauthorized, http.MethodGet, "/api/identity/sessions", nil); !strings.Contains(string(over.body), "sign in again") {
		t.Errorf("she hears %s", over.body)
	}
}

// A9: listing the workspaces of a remote provider works with curl as the
// documentation prints it.
func TestA9_RemoteProviderWithCurl(t *testing.T) {
	t.Parallel()
	m := withCurl.FindStringSubmatch(string(readFile(t, filepath.Join("..", "..", "docs", "remote.md"))))
	if m == nil {
		t.Fatal("docs/remote.md has no line <!-- curl --> and behind it a block of ```sh")
	}
	u := startUnion(t)
	u.hub.admin(t).workspace("payments")
	writeFile(t, filepath.Join(u.spoke.home, "token"), []byte(u.hub.cli(t, "token", "create", "curl", "--expires", "7d", "--quiet")))
	const usual = "http://127.0.0.1:9081"
	if !strings.Contains(m[1], usual) {
		t.Errorf("the commands do not name %s", usual)
	}
	r := u.spoke.shell(t, strings.ReplaceAll(m[1], usual, u.spoke.url))
	var listed list
	if err := json.Unmarshal([]byte(r.stdout), &listed); err != nil || r.status != 0 {
		t.Fatalf("the commands end with %d: %v\n%s%s", r.status, err, r.stdout, r.stderr)
	}
	wantNames(t, "the workspaces", names(listed.Workspaces), []string{"payments"})
}
