package acceptance_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/e2e/peers"
	"belay/server"
)

func TestC1_CredentialsInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		target := newWitness(t, prodPrometheus.Get(t).URL)
		c := n.admin(t)
		old := c.keep("old", "basic", object{"username": "metrics", "password": "retired"})
		now := c.keepMetrics("now")
		conn := c.connect("prom", "prometheus", target.url, object{"credentials": []object{
			{"id": old.ID, "purpose": "primary"}, {"id": now.ID, "purpose": "fallback"},
		}})
		if got := conn.Credentials; len(got) != 2 || got[0] != (credentialUse{old.ID, "primary"}) || got[1] != (credentialUse{now.ID, "fallback"}) {
			t.Fatalf("the order is not kept: %v", got)
		}
		target.take()
		k := c.wantCause(conn.ID, "credential_rejected") // of the first one
		if k.Health != "degraded" || k.CredentialID != now.ID || k.CredentialVersion != 1 {
			t.Errorf("%s with credential %s version %d, want degraded with the fallback", k.Health, k.CredentialID, k.CredentialVersion)
		}
		if seen := target.take(); len(seen) != 2 {
			t.Errorf("%d credentials arrived, want the rejected one and the fallback", len(seen))
		}
		stored := c.list(connectionsPath + "/" + conn.ID + "/checks").Checks
		if len(stored) == 0 || stored[0].ID != k.ID || stored[0].CredentialID != now.ID {
			t.Errorf("the history does not record the fallback: %+v", stored)
		}

		// The other way round, the fallback is not needed and not sent.
		c.put(connectionsPath+"/"+conn.ID, object{"credentials": []object{{"id": now.ID}, {"id": old.ID}}})
		target.take()
		if k := c.wantHealthy(conn.ID); k.CredentialID != now.ID {
			t.Errorf("the check names credential %s, want the primary", k.CredentialID)
		}
		target.wantOnly(t, "a test whose primary is accepted", basic("metrics", prometheusPassword))
	})
}

func TestC3_EveryWaySendsTheConnectionsCredential(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	front := peers.StartNginx(t, peers.NginxOptions{
		User: "web", Password: nginxPassword,
		Upstream: prodPrometheus.Get(t).URL, UpstreamAuthorization: basic("metrics", prometheusPassword),
	})
	target := newWitness(t, front.URL)
	want := basic("web", nginxPassword)
	c.keep("another", "basic", object{"username": "web", "password": "another"})
	key := c.keep("web", "basic", object{"username": "web", "password": nginxPassword})
	body := object{"name": "prom", "kind": "prometheus", "url": target.url + "/basic", "credentialId": key.ID, "status": "connected"}

	conn := decode[connection](c.post(connectionsPath, body))
	if conn.Status != "connected" {
		t.Fatalf("the connection is %s: %s", conn.Status, conn.StatusReason)
	}
	target.wantOnly(t, "registration", want)
	c.wantHealthy(conn.ID)
	target.wantOnly(t, "the test", want)
	delete(body, "status")
	draft := decode[check](c.do(http.StatusOK, http.MethodPost, connectionsPath+"/test", body))
	if draft.Health != "healthy" {
		t.Errorf("the draft: %s, %s", draft.Cause, draft.Summary)
	}
	target.wantOnly(t, "a draft with a stored credential", want)
	delete(body, "credentialId")
	body["credentialType"], body["credentialSecret"] = "basic", object{"username": "web", "password": nginxPassword}
	if draft := decode[check](c.do(http.StatusOK, http.MethodPost, connectionsPath+"/test", body)); draft.Health != "healthy" {
		t.Errorf("the draft with a secret: %s, %s", draft.Cause, draft.Summary)
	}
	target.wantOnly(t, "a draft with its own secret", want)
	env := c.group("production", conn.ID)
	c.do(http.StatusOK, http.MethodPost, environmentsPath+"/"+env+"/test", nil)
	target.wantOnly(t, "the environment's test", want)
	n.cli(t, "connection", "test", "prom")
	target.wantOnly(t, "the command line's test", want)
}

func TestC3_ImportSendsTheContextsOwnCredential(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	prod, dev := prodCluster.Get(t), devCluster.Get(t)
	first, second := newClusterWitness(t, prod), newClusterWitness(t, dev)
	file := kubeconfig(
		kubeContext{Name: "first", Server: first.url, CA: clusterCA.PEM(), User: tokenUser(prod.User("admin").Token)},
		kubeContext{Name: "second", Server: second.url, CA: clusterCA.PEM(), User: tokenUser(dev.User("admin").Token)},
	)
	inTurn := func(during string) {
		t.Helper()
		first.wantOnly(t, during+", first", "Bearer "+prod.User("admin").Token)
		second.wantOnly(t, during+", second", "Bearer "+dev.User("admin").Token)
	}
	c.upload(kubernetesPath+"/contexts", file, nil, nil).want(http.StatusOK)
	inTurn("the preview")
	got := decode[imported](c.upload(kubernetesPath, file, nil, nil).want(http.StatusOK))
	inTurn("the import")
	if len(got.Connected) != 2 {
		t.Fatalf("%d contexts are connected, want 2", len(got.Connected))
	}
	for _, k := range got.Connected {
		c.get(kubernetesPath + "/ping?connectionId=" + k.ConnectionID)
	}
	inTurn("the ping")
}

func TestC5_ConnectionsShareACredential(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		key, private := c.keepMetrics("shared"), c.keepMetrics("private")
		workspace, org := c.workspace("payments"), c.organization()
		c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/credentials/"+key.ID, nil)
		var token string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			m := addMember(ctx, t, s, org, "editor@example.com")
			m.grant(ctx, t, s, workspace, belay.RoleEditor)
			token = issue(ctx, t, s.Gate(), m.id)
		})
		c = n.admin(t)
		editor := n.as(t, token)
		var ids []string
		for name, url := range map[string]string{"prom-a": prodPrometheus.Get(t).URL, "prom-b": devPrometheus.Get(t).URL} {
			conn := editor.connect(name, "prometheus", url, object{"credentialId": key.ID})
			ids = append(ids, conn.ID)
			editor.wantHealthy(conn.ID)
		}
		// C6: not one that is assigned to none of the editor's workspaces.
		refused := object{"name": "x", "kind": "prometheus", "url": prodPrometheus.Get(t).URL, "credentialId": private.ID}
		editor.do(http.StatusUnprocessableEntity, http.MethodPost, connectionsPath, refused)

		if got := c.credential(key.ID).Usage.Connections; got != 2 {
			t.Errorf("the credential is used by %d connections, want 2", got)
		}
		c.rekey(key.ID, object{"password": "wrong"})
		for _, id := range ids {
			c.wantCause(id, "credential_rejected")
		}
		c.rekey(key.ID, object{"password": prometheusPassword})
		for _, id := range ids {
			c.wantHealthy(id)
		}
	})
}

func TestC7_TwoClustersOneCredential(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	prod, dev := prodCluster.Get(t), devCluster.Get(t)
	key := c.keepCertificate("operator", certificateUser("operator"))
	a, b := c.connectCluster("prod", prod, key.ID), c.connectCluster("dev", dev, key.ID)
	first, second := c.wantHealthy(a.ID), c.wantHealthy(b.ID)
	if first.CredentialID != key.ID || second.CredentialID != key.ID {
		t.Error("the checks name another credential")
	}
	if first.Facts["clusterUid"] == second.Facts["clusterUid"] || first.Facts["clusterUid"] == nil {
		t.Errorf("the clusters are one: %v, %v", first.Facts["clusterUid"], second.Facts["clusterUid"])
	}
	if got := c.credential(key.ID).Usage.Connections; got != 2 {
		t.Errorf("the credential is used by %d connections, want 2", got)
	}
}

// certificateUser is an administrator of both clusters, whose certificate is
// not about to expire.
func certificateUser(name string) peers.KubernetesUser {
	return peers.KubernetesUser{Name: name, Certificate: clusterCA.Issue(peers.CertificateOptions{
		CommonName: name, Organizations: []string{"system:masters"}, NotAfter: time.Now().AddDate(1, 0, 0),
	})}
}

// A test passes if the credential is valid and the target reachable, and
// only then.
func TestC8_TestPassesOnlyIfValidAndReachable(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	cluster := peers.StartKubernetes(t, peers.KubernetesOptions{CA: clusterCA, Certificate: lasting(clusterCA)})
	prom := peers.StartPrometheus(t, peers.PrometheusOptions{Users: map[string]string{"metrics": prometheusPassword}})
	web := peers.StartNginx(t, peers.NginxOptions{Token: nginxToken})
	targets := map[string]struct {
		conn         connection
		key          string
		right, wrong object
		stop         func()
		start        func() error
	}{
		"kubernetes": {
			conn:  c.connectCluster("cluster", cluster, c.keepToken("cluster", cluster.User("admin")).ID),
			right: object{"token": cluster.User("admin").Token}, wrong: object{"token": "wrong"},
			stop: cluster.Stop, start: cluster.Start,
		},
		"prometheus": {
			conn:  c.connect("prom", "prometheus", prom.URL, object{"credentialId": c.keepMetrics("prom").ID}),
			right: object{"password": prometheusPassword}, wrong: object{"password": "wrong"},
			stop: prom.Stop, start: prom.Start,
		},
		"http": {
			conn: c.connect("web", "http", web.URL, object{
				"metadata":     object{"path": "/bearer/"},
				"credentialId": c.keep("web", "bearer", object{"token": nginxToken}).ID,
			}),
			right: object{"token": nginxToken}, wrong: object{"token": "wrong"},
			stop: web.Stop, start: web.Start,
		},
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			c := n.admin(t)
			id, key := target.conn.ID, target.conn.CredentialID
			c.wantHealthy(id)
			c.rekey(key, target.wrong)
			c.wantCause(id, "credential_rejected")
			target.stop()
			c.wantCause(id, "connection_refused")
			c.rekey(key, target.right)
			c.wantCause(id, "connection_refused")
			if err := target.start(); err != nil {
				t.Fatal(err)
			}
			c.wantHealthy(id)
			c.put(connectionsPath+"/"+id, object{"credentialId": nil})
			c.wantCause(id, "credential_missing")
		})
	}
}

func TestC11_KubernetesCredentials(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	cluster := prodCluster.Get(t)
	if err := cluster.Bind(t.Context(), "system:aggregate-to-view", peers.Subject{Kind: "ServiceAccount", Name: "belay", Namespace: "kube-system"}); err != nil {
		t.Fatal(err)
	}
	account, err := cluster.CreateToken(t.Context(), "kube-system", "belay", 30*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Bind(t.Context(), "system:aggregate-to-view", peers.Subject{Kind: "Group", Name: "viewers"}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key  credential
		user string
	}{
		"token":           {c.keepToken("token", cluster.User("viewer")), "viewer"},
		"certificate":     {c.keepCertificate("certificate", certificateUser("someone")), "someone"},
		"service account": {c.keep("account", "kubernetes", object{"token": account.Token}), "system:serviceaccount:kube-system:belay"},
		"bearer":          {c.keep("bearer", "bearer", object{"token": account.Token}), "system:serviceaccount:kube-system:belay"},
	} {
		conn := c.connectCluster(name, cluster, test.key.ID)
		if k := c.wantHealthy(conn.ID); k.Facts["user"] != test.user {
			t.Errorf("%s: the cluster sees %v, want %s", name, k.Facts["user"], test.user)
		}
		expires := c.credential(test.key.ID).ExpiresAt
		if name == "token" != (expires == nil) {
			t.Errorf("%s: expires %v", name, expires)
		}
	}
}

// The API behind the Kubernetes chip.
func TestC12_TestOfOneClusterInPlace(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		prod, dev := prodCluster.Get(t), devCluster.Get(t)
		conns := map[string]connection{
			"admin":   c.connectCluster("prod", prod, c.keepToken("prod", prod.User("admin")).ID),
			"someone": c.connectCluster("dev", dev, c.keepCertificate("dev", certificateUser("someone")).ID),
		}
		uids := map[any]bool{}
		for user, conn := range conns {
			k := c.wantHealthy(conn.ID)
			uids[k.Facts["clusterUid"]] = true
			if k.Facts["user"] != user || k.ConnectionID != conn.ID || k.CredentialID != conn.CredentialID {
				t.Errorf("the test of %s was made as %v, with credential %s", conn.Name, k.Facts["user"], k.CredentialID)
			}
			if len(k.Stages) != len(belay.Stages()) {
				t.Errorf("the result has %d stages, want %d", len(k.Stages), len(belay.Stages()))
			}
			if now := c.connection(conn.ID); now.Health.Status != "healthy" || now.Status != "connected" {
				t.Errorf("after the test %s is %s and %s", conn.Name, now.Status, now.Health.Status)
			}
			history := c.list(connectionsPath + "/" + conn.ID + "/checks").TotalCount
			if ping := decode[check](c.get(kubernetesPath + "/ping?connectionId=" + conn.ID)); ping.Health != "healthy" || ping.Facts["user"] != user {
				t.Errorf("the ping of %s: %s, as %v", conn.Name, ping.Health, ping.Facts["user"])
			}
			if got := c.list(connectionsPath + "/" + conn.ID + "/checks").TotalCount; got != history {
				t.Error("a GET changes the history")
			}
		}
		if len(uids) != 2 {
			t.Errorf("the tests were of %d clusters, want 2", len(uids))
		}
	})
}

func TestC19_SecretsGoInAndNeverOut(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	key := c.keep("prom", "basic", object{"username": "metrics", "password": "first-word-of-four"})
	conn := c.connect("prom", "prometheus", prodPrometheus.Get(t).URL, object{"credentialId": key.ID})
	c.wantCause(conn.ID, "credential_rejected")

	replaced := c.rekey(key.ID, object{"password": prometheusPassword})
	if replaced.Version != 2 || replaced.Fingerprint == key.Fingerprint {
		t.Errorf("after the replacement: version %d, fingerprint %s", replaced.Version, replaced.Fingerprint)
	}
	c.wantHealthy(conn.ID)
	if got := c.rekey(key.ID, object{"username": "metrics"}); got.Version != 2 {
		t.Errorf("the same secret again makes version %d", got.Version)
	}
	c.wantHealthy(conn.ID)
	for _, path := range []string{credentialsPath, credentialsPath + "/" + key.ID, credentialsPath + "/" + key.ID + "/versions", credentialsPath + "/" + key.ID + "/usage"} {
		if body := c.get(path).body; bytes.Contains(body, []byte(prometheusPassword)) || bytes.Contains(body, []byte("first-word")) {
			t.Errorf("GET %s shows a secret", path)
		}
	}
	n.stop(t)
	for path, text := range files(t, n.dir) {
		if bytes.Contains(text, []byte(prometheusPassword)) || bytes.Contains(text, []byte("first-word")) {
			t.Errorf("%s holds a secret", path)
		}
	}

	// The key is the operator's: without it, or with another, there is no
	// server, and nothing is written.
	keyFile := filepath.Join(n.dir, keyFileName)
	operators := readFile(t, keyFile)
	before := dump(t, n.dir)
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if said := n.startFails(t); !strings.Contains(said, keyFileName) {
		t.Errorf("without its key the server says: %s", said)
	}
	other := startNode(t, nodeOptions{})
	other.stop(t)
	writeFile(t, keyFile, readFile(t, filepath.Join(other.dir, keyFileName)))
	if said := n.startFails(t); !strings.Contains(said, "key") {
		t.Errorf("with another key the server says: %s", said)
	}
	writeFile(t, keyFile, operators)
	if d := cmp.Diff(before, dump(t, n.dir)); d != "" {
		t.Errorf("a start that was refused changed the database (-before +after):\n%s", d)
	}
	n.start(t)
	n.admin(t).wantHealthy(conn.ID)
}

// keyFileName is where the key is in a data directory.
const keyFileName = "key-encryption-key.json"

// startFails starts the program, which must end by itself with an error, and
// returns what it says.
func (n *node) startFails(t *testing.T) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program(), append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", n.dir}, n.args...)...)
	c.Env, c.SysProcAttr = n.environment(), attributes()
	out, err := c.CombinedOutput()
	if err == nil {
		t.Error("the server ended as if nothing was wrong")
	}
	return string(out)
}

// files reads every file below a directory, by its path there.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		out[name] = readFile(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
