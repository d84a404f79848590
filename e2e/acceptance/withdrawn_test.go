package acceptance_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"belay/belaytest"
)

// reaching is somebody with one connection, which he reaches by a team alone.
type reaching struct {
	*person
	team, workspace, environment, connection string
}

func (c *client) reaching(org, name, target string) *reaching {
	c.t.Helper()
	r := &reaching{person: c.invite(org, name+"@example.com")}
	r.connection = c.connect(name, "http", target, nil).ID
	r.environment = c.group(name, r.connection)
	r.workspace, r.team = c.workspace(name, r.environment), c.team(org, name, r.id)
	c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+r.workspace+"/teams/"+r.team, nil)
	return r
}

// What is taken away is refused within a second: of a token, a session, a
// membership, a role and a place in a team, for requests and for an answer
// that is under way; also by the replica that was not told.
func TestA13_RefusedWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target, began, _ := belaytest.HoldingTarget(t)
		c := n.admin(t)
		org, all := c.organization(), n.replicas(t)
		far := all[len(all)-1]
		for name, test := range map[string]struct {
			take   func(r *reaching)
			cookie bool // who asks has a session
			want   int
		}{
			"token":   {func(r *reaching) { r.delete(tokensPath + "/" + r.tokenID) }, false, http.StatusUnauthorized},
			"session": {func(r *reaching) { r.client.do(http.StatusOK, http.MethodDelete, sessionsPath, nil) }, true, http.StatusUnauthorized},
			"member":  {func(r *reaching) { c.delete(organizationsPath + "/" + org + "/users/" + r.id) }, false, http.StatusForbidden},
			"role": {func(r *reaching) {
				c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+r.workspace+"/teams/"+r.team, object{"role": "viewer"})
			}, false, http.StatusForbidden},
			"team": {func(r *reaching) { r.delete(organizationsPath + "/" + org + "/teams/" + r.team + "/users/" + r.id) }, false, http.StatusNotFound},
		} {
			r := c.reaching(org, name, target)
			asks := r.client
			if test.cookie {
				asks = r.browser
			}
			for _, at := range all {
				asks.at(at).get(connectionsPath + "/" + r.connection)
			}
			stream, async := asks.at(far).with("Accept", "application/jsonl"), asks.with("Prefer", "respond-async")
			answered := make(chan answer, 1)
			go func() {
				a, _ := stream.try(http.MethodPost, environmentsPath+"/"+r.environment+"/test", "", nil)
				answered <- a // without a status where it failed
			}()
			<-began
			test.take(r)
			taken := time.Now()
			for _, at := range all {
				async.at(at).refusedWithin(name, test.want, http.MethodPost, connectionsPath+"/"+r.connection+"/test")
			}
			a := <-answered
			if took := time.Since(taken); took > promised {
				t.Errorf("%s: refused everywhere after %v", name, took)
			}
			lines := bytes.Split(bytes.TrimSpace(a.body), []byte("\n"))
			if last := lines[len(lines)-1]; a.status != http.StatusOK || !bytes.Contains(last, []byte(`{"problem":`)) || bytes.Contains(a.body, []byte(`"check":`)) {
				t.Errorf("%s: the stream ends, with %d, with %s", name, a.status, last)
			}
		}
	})
}
