package acceptance_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/server"
)

// team makes a team over the API, with one member, and returns its id.
func (c *client) team(org, name, user string) string {
	c.t.Helper()
	teams := "/api/identity/orgs/" + org + "/teams"
	id := decode[named](c.post(teams, object{"name": name})).ID
	c.post(teams+"/"+id+"/users/"+user, nil)
	return id
}

// awaitGone waits until something is refused, for no longer than the second
// that is promised.
func (c *client) awaitGone(method, path string) {
	c.t.Helper()
	for end := time.Now().Add(time.Second); ; {
		got := c.send(method, path, "application/json", nil)
		if got.status == http.StatusNotFound {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s %s: a second later it is still answered with %d", method, path, got.status)
		}
	}
}

// E6, E7, E14, C6 and C10: an environment that is shared with a workspace is
// used by the members of its teams with the very next request, no secret is
// read, what is in no workspace of theirs is not there for them, and taking
// any link of the chain away ends it.
func TestE14_TeamsUseWhatIsShared(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := nginx.Get(t)
		c := n.admin(t)
		key := c.keep("shared", "bearer", object{"token": nginxToken})
		other := c.keep("of another workspace", "bearer", object{"token": nginxToken})
		conn := c.connect("shop", "http", target.URL, object{"metadata": object{"path": "/bearer/"}, "credentialId": key.ID})
		hidden := c.connect("hidden", "http", target.URL, object{"metadata": object{"path": "/bearer/"}, "credentialId": other.ID})
		env, workspace, elsewhere, org := c.group("production", conn.ID), c.workspace("payments"), c.workspace("elsewhere"), c.organization()
		c.share(elsewhere, c.group("other", hidden.ID))
		c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+elsewhere+"/credentials/"+other.ID, nil)
		c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/credentials/"+key.ID, nil)
		var id, token string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			m := addMember(ctx, t, s, org, "ann@example.com")
			id, token = string(m.id), issue(ctx, t, s.Gate(), m.id)
		})
		c = n.admin(t)
		ann := n.as(t, token)
		sre := c.team(org, "sre", id)
		test, grant := connectionsPath+"/"+conn.ID+"/test", workspacesPath+"/"+workspace+"/teams/"+sre
		c.do(http.StatusOK, http.MethodPost, grant, nil)
		ann.do(http.StatusNotFound, http.MethodPost, test, nil) // nothing is shared with the workspace yet
		c.share(workspace, env)
		if k := decode[check](ann.do(http.StatusOK, http.MethodPost, test, nil)); k.Health != "healthy" {
			t.Errorf("the member's test: %s, %s", k.Health, k.Summary)
		}
		if body := ann.get(credentialsPath + "/" + key.ID).body; strings.Contains(string(body), nginxToken) {
			t.Errorf("the member reads the secret: %s", body)
		}
		// What belongs to another workspace is not there.
		ann.do(http.StatusNotFound, http.MethodGet, credentialsPath+"/"+other.ID, nil)
		ann.do(http.StatusNotFound, http.MethodGet, connectionsPath+"/"+hidden.ID, nil)
		// Who manages it is a matter of the role: an editor attaches what is
		// assigned to the workspace, and nothing else.
		ann.do(http.StatusForbidden, http.MethodPut, connectionsPath+"/"+conn.ID, object{"credentialId": key.ID})
		c.do(http.StatusOK, http.MethodPost, grant, object{"role": "editor"})
		ann.do(http.StatusOK, http.MethodPut, connectionsPath+"/"+conn.ID, object{"credentialId": key.ID})
		ann.do(http.StatusUnprocessableEntity, http.MethodPut, connectionsPath+"/"+conn.ID, object{"credentialId": other.ID})

		team := "/api/identity/orgs/" + org + "/teams/" + sre
		for name, cut := range map[string][2]func(){
			"the role": {func() { c.delete(grant) }, func() { c.do(http.StatusOK, http.MethodPost, grant, nil) }},
			"the place": {
				func() { c.delete(team + "/users/" + id) }, func() { c.post(team+"/users/"+id, nil) },
			},
			"the team": {
				func() { c.delete(team) }, func() { c.do(http.StatusOK, http.MethodPost, team+"/restore", nil) },
			},
		} {
			cut[0]()
			ann.awaitGone(http.MethodPost, test)
			cut[1]()
			if k := decode[check](ann.do(http.StatusOK, http.MethodPost, test, nil)); k.Health != "healthy" {
				t.Errorf("after %s came back: %s", name, k.Health)
			}
		}
		c.delete("/api/identity/orgs/" + org + "/users/" + id)
		ann.awaitGone(http.MethodPost, test+"?orgId="+org)
	})
}
