package acceptance_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"belay"
	"belay/e2e/peers"
	"belay/server"
	"belay/store"
)

// connectCluster registers a cluster with a credential.
func (c *client) connectCluster(name string, k *peers.Kubernetes, credential string) connection {
	c.t.Helper()
	return c.connect(name, "kubernetes", k.URL, object{
		"metadata":     object{"tls": object{"certificateAuthority": string(k.CA.PEM())}},
		"credentialId": credential,
	})
}

// keepToken stores a user of a cluster as a credential.
func (c *client) keepToken(name string, u peers.KubernetesUser) credential {
	c.t.Helper()
	return c.keep(name, "kubernetes", object{"token": u.Token})
}

// keepCertificate likewise, for one who signs in with a client certificate.
func (c *client) keepCertificate(name string, u peers.KubernetesUser) credential {
	c.t.Helper()
	return c.keep(name, "kubernetes", object{
		"clientCertificate": string(u.Certificate.Certificate), "clientKey": string(u.Certificate.Key),
	})
}

func (c *client) keepMetrics(name string) credential {
	c.t.Helper()
	return c.keep(name, "basic", object{"username": "metrics", "password": prometheusPassword})
}

// dummy registers a connection that no test reaches.
func (c *client) dummy(name string) connection {
	c.t.Helper()
	return c.connect(name, "http", "http://127.0.0.1:1", nil)
}

func (c *client) dummies(n int) []string {
	c.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = c.dummy(fmt.Sprintf("service-%03d", i)).ID
	}
	return ids
}

// held lists the names of what an environment holds, ordered.
func (c *client) held(environment string) []string {
	c.t.Helper()
	return names(c.list(environmentsPath+"/"+environment+"/connections", "pageSize", "100", "order", "name asc").Connections)
}

func wantNames(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestE1_EnvironmentListsConnectionsAndCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		const password = "the-word-that-nobody-sees"
		basic := c.keep("prom-basic", "basic", object{"username": "metrics", "password": password})
		user := peers.NewCA("users").Client("someone")
		certificate := c.keep("cluster-user", "kubernetes", object{
			"clientCertificate": string(user.Certificate), "clientKey": string(user.Key),
		})
		prom := c.connect("prom", "prometheus", "http://127.0.0.1:1", object{"credentialId": basic.ID})
		cluster := c.connect("cluster", "kubernetes", "https://127.0.0.1:1", object{"credentialId": certificate.ID})
		env := c.group("production", prom.ID, cluster.ID)
		c.keep("not used here", "bearer", object{"token": "x"})

		wantNames(t, "its connections", c.held(env), []string{"cluster", "prom"})
		answer := c.get(environmentsPath + "/" + env + "/credentials")
		for _, secret := range []string{password, string(encode(t, string(user.Key)))} {
			if strings.Contains(string(answer.body), strings.Trim(secret, `"`)) {
				t.Error("the list of credentials shows a secret")
			}
		}
		credentials := decode[list](answer).Credentials
		wantNames(t, "its credentials", names(credentials), []string{"cluster-user", "prom-basic"})
		for _, v := range credentials {
			if v.Type == "" || v.Fingerprint == "" {
				t.Errorf("%s has no type or no fingerprint: %+v", v.Name, v)
			}
			if v.ID == certificate.ID && v.ExpiresAt == nil {
				t.Error("it does not say when the certificate expires")
			}
		}
	})
}

func TestE3_AssignOneByOneOrAsASet(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		ids := c.dummies(250)
		env := c.group("production")
		set := environmentsPath + "/" + env + "/connections"

		one := set + "/" + ids[0]
		c.do(http.StatusCreated, http.MethodPost, one, nil)
		before := c.get(set)
		c.do(http.StatusCreated, http.MethodPost, one, nil)
		after := c.get(set)
		if before.header.Get("ETag") != after.header.Get("ETag") || string(before.body) != string(after.body) {
			t.Error("assigning twice changes something")
		}

		c.header = http.Header{"If-Match": {after.header.Get("ETag")}}
		all := c.put(set, object{"connectionIds": ids})
		if got := c.list(set).TotalCount; got != len(ids) {
			t.Errorf("the set holds %d connections, want %d", got, len(ids))
		}

		// One that does not exist: nothing of the set is taken over.
		c.header = http.Header{"If-Match": {all.header.Get("ETag")}}
		c.do(http.StatusUnprocessableEntity, http.MethodPut, set, object{"connectionIds": []string{ids[1], string(newID())}})
		if got := c.list(set).TotalCount; got != len(ids) {
			t.Errorf("after a set that was refused it holds %d connections, want %d", got, len(ids))
		}

		// On what somebody else has changed meanwhile: nothing either.
		c.header = http.Header{"If-Match": {before.header.Get("ETag")}}
		c.do(http.StatusPreconditionFailed, http.MethodPut, set, object{"connectionIds": []string{ids[1]}})
		c.header = nil
		if got := c.list(set).TotalCount; got != len(ids) {
			t.Errorf("after a stale set it holds %d connections, want %d", got, len(ids))
		}
	})
}

func TestE4_ManagedAndUnmanagedAlike(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		unmanaged := c.dummy("by-hand")
		org := belay.ID(c.organization())
		owner := decode[named](c.get("/api/user")).ID
		managed := newID()
		n.restart(t, func(ctx context.Context, s *server.Server) {
			write(ctx, t, s, func(ctx context.Context, tx *store.Tx) error {
				return tx.CreateConnection(ctx, &belay.Connection{
					ID: managed, OrganizationID: org, OwnerID: belay.ID(owner), Name: "found", Kind: "http", Type: "platform", SubType: "service",
					Endpoint: "http://127.0.0.1:1", Config: []byte("{}"), Management: belay.Managed, Origin: belay.OriginDiscovery,
					Status: belay.StatusDiscovered, StatusChangedBy: "discovery", Health: belay.Health{Status: belay.HealthUnchecked},
					Policy:  belay.CheckPolicy{Interval: belay.DefaultCheckInterval, Timeout: belay.DefaultCheckTimeout},
					Version: 1, CreatedAt: clock(), UpdatedAt: clock(), StatusChangedAt: clock(),
				})
			})
		})
		c = n.admin(t)
		env := c.group("production", unmanaged.ID, string(managed))
		got := map[string]string{}
		for _, v := range c.list(environmentsPath + "/" + env + "/connections").Connections {
			got[v.Name] = v.Management
		}
		if d := cmp.Diff(map[string]string{"by-hand": "unmanaged", "found": "managed"}, got); d != "" {
			t.Errorf("the API shows (-want +got):\n%s", d)
		}
		for name, management := range got {
			if out := n.cli(t, "connection", "view", name); !strings.Contains(out, management) {
				t.Errorf("the command line does not show that %s is %s:\n%s", name, management, out)
			}
		}
	})
}

func TestE5_AnyEnvironmentsToAnyWorkspaces(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		environments := map[string]string{}
		for _, name := range []string{"dev", "production", "test"} {
			environments[name] = c.group(name)
		}
		all := []string{"dev", "production", "test"}
		workspaces := map[string]string{"payments": "", "web": ""}
		for name := range workspaces {
			workspaces[name] = c.workspace(name)
			for _, env := range environments {
				c.share(workspaces[name], env)
				c.share(workspaces[name], env)
			}
			got := c.list(workspacesPath + "/" + workspaces[name] + "/environments").Environments
			wantNames(t, "the environments of "+name, names(got), all)
		}
		got := c.list(workspacesPath, "filter", string(encode(t, object{"environment": environments["dev"]}))).Workspaces
		wantNames(t, "the workspaces of dev", names(got), []string{"payments", "web"})

		c.delete(workspacesPath + "/" + workspaces["web"] + "/environments/" + environments["dev"])
		wantNames(t, "web without dev", names(c.list(workspacesPath+"/"+workspaces["web"]+"/environments").Environments), []string{"production", "test"})
		wantNames(t, "payments", names(c.list(workspacesPath+"/"+workspaces["payments"]+"/environments").Environments), all)
	})
}

// E6 and E7: a member of a workspace uses what is shared with it by the very
// next request, and reads no secret.
func TestE6_MembersUseWhatIsSharedAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := nginx.Get(t)
		c := n.admin(t)
		key := c.keep("github", "bearer", object{"token": nginxToken})
		conn := c.connect("github", "http", target.URL, object{"metadata": object{"path": "/bearer/"}, "credentialId": key.ID})
		env, workspace, org := c.group("production", conn.ID), c.workspace("payments"), c.organization()
		var operatorToken, viewerToken string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			operator := addMember(ctx, t, s, org, "operator@example.com")
			viewer := addMember(ctx, t, s, org, "viewer@example.com")
			operator.grant(ctx, t, s, workspace, belay.RoleOperator)
			viewer.grant(ctx, t, s, workspace, belay.RoleViewer)
			operatorToken, viewerToken = issue(ctx, t, s.Gate(), operator.id), issue(ctx, t, s.Gate(), viewer.id)
		})
		c = n.admin(t)
		operator, viewer := n.as(t, operatorToken), n.as(t, viewerToken)
		testPath := connectionsPath + "/" + conn.ID + "/test"
		operator.do(http.StatusNotFound, http.MethodPost, testPath, nil)

		c.share(workspace, env)
		if k := decode[check](operator.do(http.StatusOK, http.MethodPost, testPath, nil)); k.Health != "healthy" {
			t.Errorf("the member's test: %s, %s", k.Health, k.Summary)
		}
		if got := operator.credential(key.ID); len(got.AuthorizedActions) != 1 || got.AuthorizedActions[0] != "credential:read" {
			t.Errorf("the member may %v with the credential, want to read that it exists", got.AuthorizedActions)
		}
		if body := operator.get(credentialsPath + "/" + key.ID).body; strings.Contains(string(body), nginxToken) {
			t.Errorf("the member reads the secret: %s", body)
		}
		if p := decode[problem](viewer.do(http.StatusForbidden, http.MethodPost, testPath, nil)); !strings.Contains(p.Detail, "connection:use") {
			t.Errorf("the viewer's refusal does not name the permission: %q", p.Detail)
		}

		c.delete(workspacesPath + "/" + workspace + "/environments/" + env)
		operator.do(http.StatusNotFound, http.MethodPost, testPath, nil)
	})
}

func TestE8_ConnectionInSeveralEnvironments(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		shared := c.dummy("github")
		for _, name := range []string{"production", "dev/test", "staging"} {
			c.group(name, shared.ID)
		}
		all := []string{"production", "dev/test", "staging"}
		wantNames(t, "its environments", names(c.connection(shared.ID).Environments), all)
		if out := n.cli(t, "connection", "view", "github"); !containsAll(out, all...) {
			t.Errorf("the command line does not show every environment:\n%s", out)
		}
	})
}

func containsAll(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
}

func TestE9_TheExample(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		prodKube, devKube := prodCluster.Get(t), devCluster.Get(t)
		c := n.admin(t)
		metrics := c.keepMetrics("prometheus").ID
		github := c.connect("github", "http", nginx.Get(t).URL, object{
			"metadata":     object{"path": "/bearer/"},
			"credentialId": c.keep("github", "bearer", object{"token": nginxToken}).ID,
		})
		production := c.group("production", github.ID,
			c.connectCluster("k8s-prod", prodKube, c.keepToken("k8s-prod", prodKube.User("admin")).ID).ID,
			c.connect("prom-prod", "prometheus", prodPrometheus.Get(t).URL, object{"credentialId": metrics}).ID)
		devTest := c.group("dev/test", github.ID,
			c.connectCluster("k8s-dev", devKube, c.keepToken("k8s-dev", devKube.User("admin")).ID).ID,
			c.connect("prom-dev", "prometheus", devPrometheus.Get(t).URL, object{"credentialId": metrics}).ID)
		workspace, org := c.workspace("payments", production, devTest), c.organization()
		var token string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			m := addMember(ctx, t, s, org, "member@example.com")
			m.grant(ctx, t, s, workspace, belay.RoleOperator)
			token = issue(ctx, t, s.Gate(), m.id)
		})
		admin, member := n.admin(t), n.as(t, token)
		for _, env := range []string{production, devTest} {
			got := decode[checkSummary](member.do(http.StatusOK, http.MethodPost, environmentsPath+"/"+env+"/test", nil))
			if got.Summary.Total != 3 || got.Summary.Healthy != 3 {
				t.Errorf("the member's test: %+v", got.Summary)
			}
		}

		admin.delete(environmentsPath + "/" + production)
		wantNames(t, "all connections", names(admin.list(connectionsPath).Connections), []string{"github", "k8s-dev", "k8s-prod", "prom-dev", "prom-prod"})
		wantNames(t, "dev/test", admin.held(devTest), []string{"github", "k8s-dev", "prom-dev"})
		wantNames(t, "what the member sees", names(member.list(connectionsPath).Connections), []string{"github", "k8s-dev", "prom-dev"})
		if k := member.test(github.ID); k.Health != "healthy" {
			t.Errorf("GitHub after the deletion: %s, %s", k.Health, k.Summary)
		}
	})
}

func TestE10_DeletingAnEnvironmentDeletesNothingElse(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		key := c.keep("key", "bearer", object{"token": nginxToken})
		conn := c.connect("web", "http", nginx.Get(t).URL, object{"metadata": object{"path": "/bearer/"}, "credentialId": key.ID})
		env := c.group("production", conn.ID)
		c.wantHealthy(conn.ID)
		before, sealed := c.connection(conn.ID), c.credential(key.ID)

		c.delete(environmentsPath + "/" + env)
		c.do(http.StatusNotFound, http.MethodGet, environmentsPath+"/"+env, nil)
		after := c.connection(conn.ID)
		before.Environments, after.Environments = nil, nil
		if d := cmp.Diff(before, after, cmp.AllowUnexported(connection{})); d != "" {
			t.Errorf("the connection changed (-before +after):\n%s", d)
		}
		if d := cmp.Diff(sealed, c.credential(key.ID), cmp.AllowUnexported(credential{})); d != "" {
			t.Errorf("the credential changed (-before +after):\n%s", d)
		}
		c.wantHealthy(conn.ID)
	})
}

func TestE11_ConnectionStaysInOtherEnvironments(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		conn := c.dummy("github")
		production, dev := c.group("production", conn.ID), c.group("dev/test", conn.ID)
		workspace := c.workspace("payments", production, dev)

		c.delete(environmentsPath + "/" + production)
		wantNames(t, "its environments", names(c.connection(conn.ID).Environments), []string{"dev/test"})
		wantNames(t, "dev/test", c.held(dev), []string{"github"})
		wantNames(t, "the workspace's environments", names(c.list(workspacesPath+"/"+workspace+"/environments").Environments), []string{"dev/test"})
	})
}

func TestE13_ListSearchSortFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		web := c.connect("web", "http", nginx.Get(t).URL, object{"labels": object{"team": "shop", "tier": "1"}})
		prom := c.connect("prom eu", "prometheus", "http://127.0.0.1:1", object{"labels": object{"team": "pay"}})
		idle := c.connect("cluster eu", "kubernetes", "https://127.0.0.1:1", nil)
		c.wantHealthy(web.ID)
		c.wantCause(prom.ID, "connection_refused")
		c.put(connectionsPath+"/"+idle.ID, object{"status": "maintenance"})
		production := c.group("production", web.ID, prom.ID)
		workspace := c.workspace("payments", production)

		for name, test := range map[string]struct {
			query []string
			want  []string
			args  []string // of belay connection list
		}{
			"all":              {nil, []string{"web", "prom eu", "cluster eu"}, nil},
			"search":           {[]string{"search", "EU"}, []string{"prom eu", "cluster eu"}, []string{"--search", "EU"}},
			"environment":      {[]string{"filter", `{"environment":"` + production + `"}`}, []string{"web", "prom eu"}, []string{"--environment", "production"}},
			"no environment":   {[]string{"filter", `{"environment":"none"}`}, []string{"cluster eu"}, []string{"--environment", "none"}},
			"kind":             {[]string{"kind", "http"}, []string{"web"}, []string{"--kind", "http"}},
			"two kinds":        {[]string{"kind", "http", "kind", "prometheus"}, []string{"web", "prom eu"}, []string{"--filter", "kind=http,prometheus"}},
			"type":             {[]string{"type", "platform"}, []string{"web", "cluster eu"}, []string{"--filter", "type=platform"}},
			"status":           {[]string{"status", "maintenance"}, []string{"cluster eu"}, []string{"--filter", "status=maintenance"}},
			"health":           {[]string{"health", "healthy"}, []string{"web"}, []string{"--filter", "health=healthy"}},
			"two healths":      {[]string{"health", `["unhealthy","unchecked"]`}, []string{"prom eu", "cluster eu"}, []string{"--filter", "health=unhealthy,unchecked"}},
			"label":            {[]string{"label", "team=shop"}, []string{"web"}, []string{"--label", "team=shop"}},
			"workspace":        {[]string{"filter", `{"workspace":"` + workspace + `"}`}, []string{"web", "prom eu"}, []string{"--filter", "workspace=payments"}},
			"several at once":  {[]string{"kind", "http", "health", "unhealthy"}, nil, []string{"--kind", "http", "--filter", "health=unhealthy"}},
			"nothing is there": {[]string{"search", "absent"}, nil, []string{"--search", "absent"}},
		} {
			got := c.list(connectionsPath, test.query...)
			wantNames(t, name, names(got.Connections), slices.Clone(test.want))
			if got.TotalCount != len(test.want) {
				t.Errorf("%s: totalCount %d, want %d", name, got.TotalCount, len(test.want))
			}
			out := n.cli(t, append([]string{"connection", "list", "-o", "name"}, test.args...)...)
			var listed []string
			for line := range strings.Lines(out) {
				listed = append(listed, strings.TrimPrefix(strings.TrimSpace(line), "connection/"))
			}
			wantNames(t, name+" on the command line", listed, slices.Clone(test.want))
		}

		for order, want := range map[string][]string{
			"name asc":  {"cluster eu", "prom eu", "web"},
			"name desc": {"web", "prom eu", "cluster eu"},
			"kind asc":  {"web", "cluster eu", "prom eu"},
		} {
			if d := cmp.Diff(want, names(c.list(connectionsPath, "order", order).Connections)); d != "" {
				t.Errorf("order %s (-want +got):\n%s", order, d)
			}
		}
		for _, bad := range []string{"?order=secret%20asc", "?status=broken", `?filter={"sql":"1"}`, "?colour=red"} {
			p := decode[problem](c.do(http.StatusBadRequest, http.MethodGet, connectionsPath+strings.ReplaceAll(bad, `"`, "%22"), nil))
			if len(p.Errors) == 0 {
				t.Errorf("%s: the refusal does not say what is wrong: %+v", bad, p)
			}
		}
	})
}
