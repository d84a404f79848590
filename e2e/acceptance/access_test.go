package acceptance_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"belay"
	"belay/server"
	"belay/store"
)

var signInLink = regexp.MustCompile(`http://\S+/user/login\?code=(\S+)`)

// A2: the first start works and is not open to strangers.
func TestA2_FirstStart(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		if got := c.list(connectionsPath).TotalCount; got != 0 {
			t.Errorf("a new server holds %d connections", got)
		}
		if out := n.cli(t, "whoami"); !strings.Contains(out, "admin@localhost") {
			t.Errorf("the command line is not signed in: %s", out)
		}
		stranger := n.as(t, "")
		for _, path := range []string{connectionsPath, credentialsPath, environmentsPath, workspacesPath, "/api/user", "/api/nothing"} {
			stranger.do(http.StatusUnauthorized, http.MethodGet, path, nil)
		}
		for name, want := range map[string]os.FileMode{
			".": os.ModeDir | 0o700, "admin.token": 0o600, keyFileName: 0o600,
		} {
			info, err := os.Stat(filepath.Join(n.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
			}
		}

		n.restart(t, nil)
		n.admin(t).list(connectionsPath)
		n.stop(t)
		if links := signInLink.FindAllString(n.stdout.String(), -1); len(links) != 1 {
			t.Errorf("the two starts print %d sign-in links, want one", len(links))
		}
		if strings.Contains(n.stderr.String(), "code=") {
			t.Error("the log holds a sign-in link")
		}
	})
}

// The link that the first start prints signs in once: by POST, and not by
// GET, which changes nothing.
func TestA2_SignInLinkWorksOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		n.restart(t, nil) // so that all of the first start has been printed
		m := signInLink.FindStringSubmatch(n.stdout.String())
		if m == nil {
			t.Fatalf("there is no sign-in link:\n%s", n.stdout.String())
		}
		stranger := n.as(t, "")
		for range 3 {
			a := stranger.get("/user/login?code=" + m[1])
			if len(a.header.Values("Set-Cookie")) > 0 {
				t.Error("GET signs in")
			}
		}
		form := []byte(url.Values{"code": {m[1]}}.Encode())
		send := func() answer {
			return stranger.send(http.MethodPost, "/user/login", "application/x-www-form-urlencoded", form)
		}
		in := send().want(http.StatusSeeOther)
		cookies := (&http.Response{Header: in.header}).Cookies()
		if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
			t.Fatalf("the session's cookie: %v", in.header.Values("Set-Cookie"))
		}
		session := n.as(t, "")
		session.header = http.Header{"Cookie": {cookies[0].Name + "=" + cookies[0].Value}}
		if got := decode[struct {
			Email string `json:"email"`
		}](session.get("/api/user")); got.Email != "admin@localhost" {
			t.Errorf("the session is of %q", got.Email)
		}
		if again := send().want(http.StatusUnauthorized); len(again.header.Values("Set-Cookie")) > 0 {
			t.Error("the link signs in twice")
		}

		// Another site cannot use the session's cookie for a change.
		session.header.Set("Sec-Fetch-Site", "cross-site")
		session.do(http.StatusForbidden, http.MethodPost, environmentsPath, object{"name": "x"})
	})
}

// A7: the request id comes back and is found in the log.
func TestA7_RequestIDIsEchoedAndLogged(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	c.header = http.Header{"X-Request-Id": {"trace-me-1234"}}
	if got := c.get(connectionsPath).header.Get("X-Request-ID"); got != "trace-me-1234" {
		t.Errorf("the answer carries the id %q", got)
	}
	c.header.Set("X-Request-Id", "trace-me-5678")
	failed := c.do(http.StatusNotFound, http.MethodGet, connectionsPath+"/"+string(newID()), nil)
	if p := decode[problem](failed); p.RequestID != "trace-me-5678" || failed.header.Get("X-Request-ID") != "trace-me-5678" {
		t.Errorf("the error carries the ids %q and %q", p.RequestID, failed.header.Get("X-Request-ID"))
	}
	c.header.Set("X-Request-Id", "not an id; level=ERROR")
	made := c.get(connectionsPath).header.Get("X-Request-ID")
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(made) {
		t.Errorf("instead of what is no id the answer carries %q", made)
	}
	n.command(t, "", "connection", "list", "--request-id", "trace-me-cli")
	n.stop(t)
	log := n.stderr.String()
	for _, id := range []string{"trace-me-1234", "trace-me-5678", "trace-me-cli", made} {
		found := false
		for line := range strings.Lines(log) {
			found = found || strings.Contains(line, id) && strings.Contains(line, connectionsPath)
		}
		if !found {
			t.Errorf("no line of the log has the id %s and the path:\n%s", id, log)
		}
	}
	if strings.Contains(log, "not an id") {
		t.Error("the log holds what is no id")
	}
}

// A10: 401 for missing or invalid credentials, 403 for valid ones without
// the permission, as JSON, with what to do about it.
func TestA10_UnauthorizedAndForbidden(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		conn := c.dummy("web")
		key := c.keep("key", "bearer", object{"token": "x"})
		env := c.group("production", conn.ID)
		workspace, org := c.workspace("payments", env), c.organization()
		me := belay.ID(decode[named](c.get("/api/user")).ID)
		c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/credentials/"+key.ID, nil)
		var scoped, viewer, revoked string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			scoped = issue(ctx, t, s.Gate(), me, belay.PermissionConnectionRead)
			m := addMember(ctx, t, s, org, "viewer@example.com")
			m.grant(ctx, t, s, workspace, belay.RoleViewer)
			viewer, revoked = issue(ctx, t, s.Gate(), m.id), issue(ctx, t, s.Gate(), m.id)
			token, err := s.Store().TokenByHash(ctx, belay.HashToken(belay.SecretString(revoked)))
			if err != nil {
				t.Fatal(err)
			}
			write(ctx, t, s, func(ctx context.Context, tx *store.Tx) error {
				return tx.RevokeToken(ctx, token.UserID, token.ID, clock())
			})
		})
		type request struct {
			method, path string
			body         any
			permission   string // that is missing
		}
		requests := []request{
			{http.MethodPost, connectionsPath + "/" + conn.ID + "/test", nil, "connection:use"},
			{http.MethodPut, connectionsPath + "/" + conn.ID, object{"name": "mine"}, "connection:write"},
			{http.MethodDelete, connectionsPath + "/" + conn.ID, nil, "connection:write"},
			{http.MethodPut, credentialsPath, object{"id": key.ID, "secret": object{"token": "mine"}}, "credential:write"},
			{http.MethodDelete, environmentsPath + "/" + env, nil, "environment:write"},
			{http.MethodPut, workspacesPath + "/" + workspace, object{"name": "mine"}, "workspace:write"},
		}
		for who, token := range map[string]string{
			"nobody": "", "a made-up token": "bly_nothing", "a token with a flipped character": flipped(n.token(t)), "a revoked token": revoked,
		} {
			for _, r := range requests {
				a := n.as(t, token).do(http.StatusUnauthorized, r.method, r.path, r.body)
				wantProblem(t, who, a, "unauthenticated", "")
				if a.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %s has no WWW-Authenticate", who, a.what)
				}
			}
		}
		for who, token := range map[string]string{"a viewer": viewer, "a token without the scope": scoped} {
			caller := n.as(t, token)
			caller.get(connectionsPath + "/" + conn.ID)
			for _, r := range requests {
				wantProblem(t, who, caller.do(http.StatusForbidden, r.method, r.path, r.body), "forbidden", r.permission)
			}
		}
		if got := n.admin(t).connection(conn.ID).Name; got != "web" {
			t.Errorf("what was refused was done: the connection is %q", got)
		}

		n.env["BELAY_TOKEN"] = viewer
		defer delete(n.env, "BELAY_TOKEN")
		if r := n.command(t, "", "connection", "test", "web"); r.status != 5 || !strings.Contains(r.stderr, "connection:use") {
			t.Errorf("the command line ends with %d: %s", r.status, r.stderr)
		}
		n.env["BELAY_TOKEN"] = revoked
		if r := n.command(t, "", "connection", "list"); r.status != 4 {
			t.Errorf("the command line ends with %d: %s", r.status, r.stderr)
		}
	})
}

// wantProblem fails unless an answer is a problem document that says what to
// do and names the permission.
func wantProblem(t *testing.T, who string, a answer, code, permission string) {
	t.Helper()
	p := decode[problem](a)
	if media := a.header.Get("Content-Type"); media != "application/problem+json" {
		t.Errorf("%s: %s is answered as %s", who, a.what, media)
	}
	if p.Code != code || p.Status != a.status || p.RequestID == "" || len(p.Remediation) == 0 || p.Remediation[0].Title == "" {
		t.Errorf("%s: %s: %s", who, a.what, a.body)
	}
	if !strings.Contains(p.Detail, permission) {
		t.Errorf("%s: %s does not name %s: %s", who, a.what, permission, p.Detail)
	}
}

func flipped(token string) string {
	last := byte('0')
	if token[len(token)-1] == last {
		last = '1'
	}
	return token[:len(token)-1] + string(last)
}
