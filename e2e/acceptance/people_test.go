package acceptance_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Paths of who is who.
const (
	organizationsPath = "/api/identity/orgs"
	tokensPath        = "/api/identity/tokens"
	sessionsPath      = "/api/identity/sessions"
)

// aPassword is nobody's but theirs who are invited here.
const aPassword = "quiet harbor lantern"

// person is somebody who was invited and has set a password.
type person struct {
	*client // with a token of his
	id      string
	email   string
	tokenID string
	browser *client // with the session that he has begun with
}

// invite makes a person as people come in: an administrator invites him, he
// sets a password at the link, and makes a token in his session.
func (c *client) invite(org, email string) *person {
	c.t.Helper()
	made := c.post(organizationsPath+"/"+org+"/users", object{"email": email})
	u, err := url.Parse(decode[struct {
		Invitation struct {
			Link string `json:"link"`
		} `json:"invitation"`
	}](made).Invitation.Link)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &person{id: decode[named](made).ID, email: email}
	form := url.Values{"code": {u.Query().Get("code")}, "password": {aPassword}, "again": {aPassword}}
	p.browser = c.node.signedIn(c.t, c.node.as(c.t, "").send(http.MethodPost, u.Path, formMedia, []byte(form.Encode())).want(http.StatusSeeOther))
	p.client, p.tokenID = p.browser.newToken(object{"name": "first"})
	return p
}

const formMedia = "application/x-www-form-urlencoded"

// signIn types address and password into the page of the sign-in.
func (n *node) signIn(t testing.TB, email, password string) answer {
	t.Helper()
	form := url.Values{"email": {email}, "password": {password}}
	return n.as(t, "").send(http.MethodPost, "/user/login", formMedia, []byte(form.Encode()))
}

// signedIn is a browser with the session that an answer begins, on the pages
// of the server.
func (n *node) signedIn(t testing.TB, a answer) *client {
	t.Helper()
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(cookie.Name, "belay_session") && cookie.Value != "" {
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("the session's cookie: %v", a.header.Values("Set-Cookie"))
			}
			b := n.as(t, "")
			b.header = http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "Sec-Fetch-Site": {"same-origin"}}
			return b
		}
	}
	t.Fatalf("%s begins no session: %d %v", a.what, a.status, a.header)
	return nil
}

// issued is a token as the answer that makes it shows it.
type issued struct {
	named
	AccessToken string     `json:"accessToken"`
	Status      string     `json:"status"`
	ExpiresAt   *time.Time `json:"expiresAt"`
	LastUsedAt  *time.Time `json:"lastUsedAt"`
	Scopes      []string   `json:"scopes"`
}

func (c *client) makeToken(body object) issued {
	c.t.Helper()
	return decode[struct{ Tokens []issued }](c.post(tokensPath, body)).Tokens[0]
}

// newToken makes a token, and a client that uses it.
func (c *client) newToken(body object) (with *client, id string) {
	c.t.Helper()
	made := c.makeToken(body)
	return c.node.as(c.t, made.AccessToken), made.ID
}

// at is the same client at another replica.
func (c *client) at(n *node) *client {
	other := *c
	other.node = n
	return &other
}

// with is the same client with another header on each request.
func (c *client) with(name, value string) *client {
	other := *c
	if other.header = c.header.Clone(); other.header == nil {
		other.header = http.Header{}
	}
	other.header.Set(name, value)
	return &other
}

// replica starts another server on the database of a node, with its key. It
// has no token of its own.
func (n *node) replica(t *testing.T) *node {
	t.Helper()
	return startNode(t, nodeOptions{Database: n.database, Key: filepath.Join(n.dir, keyFileName), Seen: n.seen})
}

// replicas are a node and, where its database can have several, another.
func (n *node) replicas(t *testing.T) []*node {
	t.Helper()
	if n.database == "" {
		return []*node{n}
	}
	return []*node{n, n.replica(t)}
}

// promised is how soon what is taken away is gone.
const promised = time.Second

// refusedWithin waits, from now on and no longer than is promised, until a
// request is answered with a status.
func (c *client) refusedWithin(what string, want int, method, path string) {
	c.t.Helper()
	begin := time.Now()
	for {
		got := c.send(method, path, "", nil)
		if got.status == want {
			return
		}
		if time.Since(begin) > promised {
			c.t.Errorf("%s: a second later %s is still answered with %d, want %d", what, got.what, got.status, want)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
