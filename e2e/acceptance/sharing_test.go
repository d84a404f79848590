package acceptance_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// give gives somebody a role in a workspace.
func (c *client) give(workspace, user, role string) {
	c.t.Helper()
	c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/users/"+user, object{"role": role})
}

// assign assigns a credential to a workspace.
func (c *client) assign(workspace, credential string) {
	c.t.Helper()
	c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/credentials/"+credential, nil)
}

// E7: with the connections that are shared their credentials are, without
// that anybody can read one: neither from an answer, nor by sending it to a
// target of his own.
func TestE7_CredentialsAreUsedAndNotRead(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := newWitness(t, nginx.Get(t).URL)
		thief := newWitness(t, nginx.Get(t).URL)
		c := n.admin(t)
		key := c.keep("github", "bearer", object{"token": nginxToken})
		conn := c.connect("github", "http", target.url, object{"metadata": object{"path": "/bearer/"}, "credentialId": key.ID})
		env, org := c.group("production", conn.ID), c.organization()
		workspace := c.workspace("payments", env)
		for _, role := range []string{"viewer", "operator", "editor", "admin"} {
			p := c.invite(org, role+"@example.com")
			c.give(workspace, p.id, role)
			target.take()
			if role != "viewer" {
				p.wantHealthy(conn.ID)
				target.wantOnly(t, "the test by an "+role, "Bearer "+nginxToken)
			}
			// What there is to be read about it says that it exists.
			got := p.credential(key.ID)
			if !got.SecretSet["token"] || got.Fingerprint == "" {
				t.Errorf("an %s sees of the credential %+v", role, got)
			}
			var read strings.Builder
			for _, path := range []string{
				credentialsPath, credentialsPath + "/" + key.ID, credentialsPath + "/" + key.ID + "/usage", credentialsPath + "/" + key.ID + "/versions",
				environmentsPath + "/" + env + "/credentials", connectionsPath + "/" + conn.ID, connectionsPath + "/" + conn.ID + "/checks",
			} {
				read.Write(p.get(path).body)
			}
			for _, text := range []string{nginxToken, hex.EncodeToString([]byte(nginxToken)), base64.StdEncoding.EncodeToString([]byte(nginxToken))} {
				if strings.Contains(read.String(), text) {
					t.Errorf("an %s reads the secret, as %s", role, text)
				}
			}
			// It goes to no target of his own: not with a connection or a
			// draft, and not by leading the one that is shared elsewhere.
			own := object{"name": role, "kind": "http", "url": thief.url, "metadata": object{"path": "/bearer/"}, "credentialId": key.ID}
			for _, path := range []string{connectionsPath, connectionsPath + "/test"} {
				p.do(http.StatusForbidden, http.MethodPost, path, own) // to see it is not to use it
			}
			p.do(http.StatusForbidden, http.MethodPut, connectionsPath+"/"+conn.ID, object{"url": thief.url})
			if seen := thief.take(); len(seen) != 0 {
				t.Errorf("an %s has sent it elsewhere", role)
			}
		}
	})
}

// C6: a credential is shared within the workspaces to which it is assigned,
// and with no other: who works elsewhere neither sees nor uses it.
func TestC6_NotBeyondItsWorkspaces(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := newWitness(t, nginx.Get(t).URL)
		c := n.admin(t)
		org := c.organization()
		key := c.keep("payments", "bearer", object{"token": nginxToken})
		payments, billing := c.workspace("payments"), c.workspace("billing")
		c.assign(payments, key.ID)
		inside, elsewhere := c.invite(org, "ann@example.com"), c.invite(org, "bob@example.com")
		c.give(payments, inside.id, "editor")
		c.give(billing, elsewhere.id, "admin")
		body := func(name string) object {
			return object{"name": name, "kind": "http", "url": target.url, "metadata": object{"path": "/bearer/"}, "credentialId": key.ID}
		}

		// Within, several connections use it.
		for _, name := range []string{"first", "second"} {
			inside.wantHealthy(decode[connection](inside.post(connectionsPath, body(name))).ID)
		}
		target.wantOnly(t, "in its workspace", "Bearer "+nginxToken)

		// Elsewhere it is as if it were not, whatever one's role there is.
		absent := string(newID())
		for what, ask := range map[string]func(id string) answer{
			"read": func(id string) answer { return elsewhere.send(http.MethodGet, credentialsPath+"/"+id, "", nil) },
			"usage": func(id string) answer {
				return elsewhere.send(http.MethodGet, credentialsPath+"/"+id+"/usage", "", nil)
			},
			"delete": func(id string) answer {
				return elsewhere.send(http.MethodDelete, credentialsPath+"?credentialId="+id, "", nil)
			},
			"replace": func(id string) answer {
				return elsewhere.send(http.MethodPut, credentialsPath, "application/json", encode(t, object{"id": id, "secret": object{"token": "mine"}}))
			},
			"share": func(id string) answer {
				return elsewhere.send(http.MethodPost, workspacesPath+"/"+billing+"/credentials/"+id, "", nil)
			},
			"connect": func(id string) answer {
				return elsewhere.send(http.MethodPost, connectionsPath, "application/json", encode(t, object{"name": "x", "kind": "http", "url": target.url, "credentialId": id}))
			},
			"draft": func(id string) answer {
				return elsewhere.send(http.MethodPost, connectionsPath+"/test", "application/json", encode(t, object{"name": "x", "kind": "http", "url": target.url, "credentialId": id}))
			},
		} {
			there, not := ask(key.ID), ask(absent)
			if there.status < 400 || there.status >= 500 || there.status != not.status || decode[problem](there).Detail != decode[problem](not).Detail {
				t.Errorf("%s: %d %s, of what is not there: %d %s", what, there.status, there.body, not.status, not.body)
			}
		}
		wantNames(t, "what is elsewhere", names(elsewhere.list(credentialsPath).Credentials), nil)
		wantNames(t, "the other workspace's", names(elsewhere.list(workspacesPath+"/"+billing+"/credentials").Credentials), nil)
		if seen := target.take(); len(seen) != 0 {
			t.Error("it was sent from elsewhere")
		}

		// Assigned, it is there at once; taken away, it is gone again.
		c.assign(billing, key.ID)
		third := decode[connection](elsewhere.post(connectionsPath, body("third")))
		elsewhere.wantHealthy(third.ID)
		c.delete(workspacesPath + "/" + billing + "/credentials/" + key.ID)
		elsewhere.do(http.StatusUnprocessableEntity, http.MethodPost, connectionsPath, body("fourth"))
		inside.do(http.StatusCreated, http.MethodPost, connectionsPath, body("fourth"))
	})
}

// C10: one can say which credentials are associated with which connections
// and workspaces, and control who may use and who may manage each.
func TestC10_WhoUsesAndWhoManages(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := nginx.Get(t)
		c := n.admin(t)
		org := c.organization()
		key, other := c.keep("shared", "bearer", object{"token": nginxToken}), c.keep("other", "bearer", object{"token": nginxToken})
		var ids []string
		for _, name := range []string{"shop", "docs"} {
			ids = append(ids, c.connect(name, "http", target.URL, object{"metadata": object{"path": "/bearer/"}, "credentialId": key.ID}).ID)
		}
		env := c.group("production", ids...)
		payments, billing := c.workspace("payments", env), c.workspace("billing")
		c.assign(payments, key.ID)
		c.assign(billing, key.ID)
		c.assign(billing, other.ID)

		// Which with which, from either end.
		wantNames(t, "its connections", names(c.list(credentialsPath+"/"+key.ID+"/usage").Connections), []string{"shop", "docs"})
		wantNames(t, "the other's", names(c.list(credentialsPath+"/"+other.ID+"/usage").Connections), nil)
		for _, id := range ids {
			if got := c.connection(id).Credentials; len(got) != 1 || got[0].ID != key.ID {
				t.Errorf("the connection names the credentials %v", got)
			}
		}
		wantNames(t, "those of payments", names(c.list(workspacesPath+"/"+payments+"/credentials").Credentials), []string{"shared"})
		wantNames(t, "those of billing", names(c.list(workspacesPath+"/"+billing+"/credentials").Credentials), []string{"shared", "other"})
		wantNames(t, "those of the environment", names(c.list(environmentsPath+"/"+env+"/credentials").Credentials), []string{"shared"})
		for id, want := range map[string][]string{key.ID: {"payments", "billing"}, other.ID: {"billing"}} {
			found := c.list(workspacesPath, "filter", fmt.Sprintf(`{"credential":%q}`, id)).Workspaces
			wantNames(t, "the workspaces of a credential", names(found), want)
		}
		if out := n.cli(t, "workspace", "list", "--filter", "credential=other", "-o", "name"); out != "workspace/billing\n" {
			t.Errorf("the command line names\n%s", out)
		}
		if out := n.cli(t, "credential", "usage", "shared", "-o", "name"); !containsAll(out, "connection/shop", "connection/docs") {
			t.Errorf("the command line names\n%s", out)
		}

		// Who may use and who may manage it is a matter of the role, and is
		// told by the same rule that decides.
		ann := c.invite(org, "ann@example.com")
		may := func(permission, object string) bool {
			a := c.get("/api/access/explain?user=" + ann.id + "&permission=" + permission + "&" + object)
			return decode[struct{ Allowed bool }](a).Allowed
		}
		for _, step := range []struct {
			role                string
			test, attach, write bool
		}{{"viewer", false, false, false}, {"operator", true, false, false}, {"editor", true, true, true}, {"admin", true, true, true}, {"viewer", false, false, false}} {
			c.give(payments, ann.id, step.role)
			told := []bool{may("connection:use", "connection="+ids[0]), may("credential:use", "credential="+key.ID), may("credential:write", "credential="+key.ID)}
			done := []bool{
				ann.send(http.MethodPost, connectionsPath+"/"+ids[0]+"/test", "", nil).status == http.StatusOK,
				ann.send(http.MethodPost, connectionsPath+"/test", "application/json", encode(t, object{"name": "x", "kind": "http", "url": target.URL, "credentialId": key.ID})).status == http.StatusOK,
				ann.send(http.MethodPut, credentialsPath, "application/json", encode(t, object{"id": key.ID, "secret": object{"token": nginxToken}})).status == http.StatusOK,
			}
			want := []bool{step.test, step.attach, step.write}
			if d := cmp.Diff(want, told); d != "" {
				t.Errorf("%s: of test, attach and replace it is told (-want +got):\n%s", step.role, d)
			}
			if d := cmp.Diff(want, done); d != "" {
				t.Errorf("%s: of test, attach and replace is done (-want +got):\n%s", step.role, d)
			}
			if own := ann.credential(key.ID).AuthorizedActions; slices.Contains(own, "credential:write") != step.write || slices.Contains(own, "credential:use") != step.attach {
				t.Errorf("%s: she is told that she may %v", step.role, own)
			}
			if step.role == "editor" { // an administrator of the workspace shares, nobody below
				ann.do(http.StatusForbidden, http.MethodDelete, workspacesPath+"/"+payments+"/credentials/"+key.ID, nil)
			}
		}
	})
}
