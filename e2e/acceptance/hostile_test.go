package acceptance_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bomb is YAML whose aliases would grow to billions of nodes.
func bomb() []byte {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Config\na0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9))
	}
	b.WriteString("contexts: *a11\nclusters: []\nusers: []\n")
	return []byte(b.String())
}

// nested is YAML that is deep.
func nested() []byte {
	return []byte("apiVersion: v1\nkind: Config\ncontexts: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))
}

func TestHostile_KubeconfigsAreRefusedAndNothingIsStored(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	good := kubeconfig(ofCluster(prodCluster.Get(t), "prod", tokenUser(prodCluster.Get(t).User("admin").Token)))
	for name, test := range map[string]struct {
		file   []byte
		status int
	}{
		"empty":           {nil, http.StatusUnprocessableEntity},
		"bomb":            {bomb(), http.StatusUnprocessableEntity},
		"deep":            {nested(), http.StatusUnprocessableEntity},
		"10 MB":           {append(bytes.Clone(good), bytes.Repeat([]byte(" "), 10<<20)...), http.StatusRequestEntityTooLarge},
		"truncated":       {good[:len(good)/2], http.StatusUnprocessableEntity},
		"not UTF-8":       {append([]byte("# \xff\xfe\n"), good...), http.StatusUnprocessableEntity},
		"binary":          {bytes.Repeat([]byte{0, 1, 2, 0xff}, 1000), http.StatusUnprocessableEntity},
		"another object":  {[]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"), http.StatusUnprocessableEntity},
		"two documents":   {append(append(bytes.Clone(good), "\n---\n"...), good...), http.StatusUnprocessableEntity},
		"doubled keys":    {[]byte("apiVersion: v1\nkind: Config\ncontexts: []\ncontexts: []\n"), http.StatusUnprocessableEntity},
		"a list of names": {[]byte("[1, 2, 3]"), http.StatusUnprocessableEntity},
	} {
		for _, path := range []string{kubernetesPath + "/contexts", kubernetesPath} {
			a := c.upload(path, test.file, nil, nil)
			p := decode[problem](a)
			if a.status != test.status || p.Detail == "" && len(p.Errors) == 0 {
				t.Errorf("%s: %s: status %d, want %d: %s", name, path, a.status, test.status, a.body)
			}
		}
		if len(test.file) <= 1<<20 {
			writeFile(t, filepath.Join(n.home, "hostile"), test.file)
			// With some 4 GB of address space, so that it fails where it is greedy.
			r := n.exec(t, "", "/bin/sh", "-c", "ulimit -v 4000000; exec belay connection import kubeconfig -f hostile --all")
			if r.status == 0 || !strings.Contains(r.stderr, "error:") {
				t.Errorf("%s: the command line ends with %d: %s", name, r.status, r.stderr)
			}
		}
	}
	wantNothing(t, c)
}

func wantNothing(t *testing.T, c *client) {
	t.Helper()
	if all, keys := c.list(connectionsPath).TotalCount, c.list(credentialsPath).TotalCount; all+keys != 0 {
		t.Errorf("%d connections and %d credentials are stored", all, keys)
	}
}

// No program that a kubeconfig names is ever run, by no way in.
func TestHostile_ExecIsNeverRun(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ran")
	cluster := prodCluster.Get(t)
	file := kubeconfig(ofCluster(cluster, "x", execUser(marker)))
	n := startNode(t, nodeOptions{Kubeconfig: file})
	c := n.admin(t)
	c.preview(file)
	if got := c.importFile(file, nil); len(got.Errored) != 1 || got.Errored[0].Outcome != "blocked" {
		t.Errorf("the import: %+v", got)
	}
	got := c.importFile(file, object{"contexts": []object{{"name": "x", "withoutCredential": true}}})
	if len(got.Registered) != 1 {
		t.Fatalf("the import without a credential: %+v", got)
	}
	c.wantCause(got.Registered[0].ConnectionID, "credential_missing")
	c.get(kubernetesPath + "/ping?connectionId=" + got.Registered[0].ConnectionID)
	n.command(t, "", "connection", "import", "kubeconfig", "--all")
	n.command(t, "", "connection", "import", "kubeconfig", "--all", "--without-credential", "--on-existing", "new", "--as", "y")
	n.command(t, "", "connection", "test", "x")
	n.command(t, "", "connection", "test", "y")
	if _, err := os.Stat(marker); err == nil {
		t.Error("the program was run")
	}
}

// The server reads none of its own files because a kubeconfig names it.
func TestHostile_FilesOfTheServerAreNotRead(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	cluster := prodCluster.Get(t)
	// Were it read, the second context would work and the first would send
	// the administrator's token to the cluster.
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(cluster.User("admin").Token))
	witness := newClusterWitness(t, cluster)
	file := kubeconfig(
		kubeContext{Name: "own", Server: witness.url, CA: clusterCA.PEM(), User: object{"tokenFile": filepath.Join(n.dir, "admin.token")}},
		kubeContext{Name: "other", Server: witness.url, CA: clusterCA.PEM(), User: object{"tokenFile": token}},
		kubeContext{Name: "passwd", Server: witness.url, CA: clusterCA.PEM(), User: object{"tokenFile": "/etc/passwd", "client-certificate": "/etc/passwd", "client-key": "/etc/passwd"}},
		kubeContext{Name: "authority", Server: witness.url, Cluster: object{"certificate-authority": "/etc/passwd"}, User: tokenUser("x")},
	)
	for _, k := range c.preview(file).Contexts {
		if k.Usable || len(k.Missing) == 0 || k.Credential != nil {
			t.Errorf("%s: usable %t, missing %v, credential %v", k.Name, k.Usable, k.Missing, k.Credential)
		}
	}
	a := c.upload(kubernetesPath, file, nil, nil).want(http.StatusOK)
	if bytes.Contains(a.body, []byte("root:")) {
		t.Errorf("the answer shows a file of the server: %s", a.body)
	}
	if seen := witness.take(); len(seen) != 0 {
		t.Errorf("%d credentials were sent", len(seen))
	}
	if got := c.list(credentialsPath).TotalCount; got != 0 {
		t.Errorf("%d credentials are stored", got)
	}
}

// What is wrong with a request is said early and clearly, and nothing of it
// is stored.
func TestHostile_RequestsAreRefusedClearly(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		valid := `{"name":"x","kind":"http","url":"http://127.0.0.1:1"}`
		for name, test := range map[string]struct {
			method, path, media, body string
			status                    int
		}{
			"no JSON":            {"POST", connectionsPath, "application/json", "{", 400},
			"two values":         {"POST", connectionsPath, "application/json", valid + valid, 400},
			"not UTF-8":          {"POST", connectionsPath, "application/json", "{\"name\":\"\xff\"}", 400},
			"deep":               {"POST", connectionsPath, "application/json", strings.Repeat("[", 100_000), 400},
			"another media type": {"POST", connectionsPath, "text/plain", valid, 415},
			"an unknown field":   {"POST", connectionsPath, "application/json", `{"name":"x","colour":"y"}`, 422},
			"a wrong type":       {"POST", connectionsPath, "application/json", `{"name":7}`, 422},
			"a doubled field":    {"POST", connectionsPath, "application/json", `{"name":"x","name":"y"}`, 422},
			"no such kind":       {"POST", connectionsPath, "application/json", `{"name":"x","kind":"ftp","url":"ftp://x"}`, 422},
			"a user in the URL":  {"POST", connectionsPath, "application/json", `{"name":"x","kind":"http","url":"http://me:word@127.0.0.1"}`, 422},
			"no scheme":          {"POST", connectionsPath, "application/json", `{"name":"x","kind":"http","url":"127.0.0.1"}`, 422},
			"a file":             {"POST", connectionsPath, "application/json", `{"name":"x","kind":"http","url":"file:///etc/passwd"}`, 422},
			"too large":          {"POST", connectionsPath, "application/json", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
			"SQL as an order":    {"GET", connectionsPath + "?order=name;drop+table+users", "", "", 400},
			"an absent id":       {"GET", connectionsPath + "/0", "", "", 404},
			"an absent path":     {"PATCH", "/api/nothing/here", "", "", 404},
			"another method":     {"PATCH", connectionsPath, "", "", 405},
			"a status as lie":    {"POST", connectionsPath, "application/json", `{"name":"x","kind":"http","url":"http://127.0.0.1:1","status":"deleted"}`, 422},
		} {
			a := c.send(test.method, test.path, test.media, []byte(test.body))
			p := decode[problem](a)
			if a.status != test.status || p.Code == "" || p.Detail == "" {
				t.Errorf("%s: status %d, want %d: %s", name, a.status, test.status, a.body)
			}
		}
		wantNothing(t, c)
	})
}

// What leads to the server itself or to a cloud's metadata is not tried.
func TestHostile_TargetsThatAreNeverReached(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	own := strings.TrimPrefix(n.url, "http://127.0.0.1:")
	for _, url := range []string{
		n.url, "http://localhost:" + own, "http://[::ffff:127.0.0.1]:" + own, "http://169.254.169.254", "http://[::ffff:169.254.169.254]", "http://[fd00:ec2::254]",
	} {
		k := decode[check](c.do(http.StatusOK, http.MethodPost, connectionsPath+"/test", object{"kind": "http", "url": url}))
		if k.Cause != "egress_forbidden" || k.Health != "unknown" {
			t.Errorf("%s: %s, %s: %s", url, k.Health, k.Cause, k.Summary)
		}
	}
	for _, url := range []string{"http://2130706433:" + own, "http://0177.0.0.1:" + own, "http://0x7f.1:" + own} {
		a := c.send(http.MethodPost, connectionsPath+"/test", "application/json", encode(t, object{"kind": "http", "url": url}))
		if a.status == http.StatusOK && decode[check](a).Health == "healthy" {
			t.Errorf("%s reaches the server itself", url)
		}
	}
	// A redirect carries the credential nowhere.
	thief := newWitness(t, prodPrometheus.Get(t).URL)
	front := redirectTo(t, thief.url)
	key := c.keep("key", "bearer", object{"token": nginxToken})
	conn := c.connect("redirected", "http", front, object{"credentialId": key.ID})
	c.wantCause(conn.ID, "redirected_elsewhere")
	if seen := thief.take(); len(seen) != 0 {
		t.Error("the credential was sent where the target redirects to")
	}
}

// An upload for one connection mends that one, or nothing.
func TestHostile_UploadMendsNoOtherKind(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	conn := c.dummy("web")
	file := kubeconfig(ofCluster(prodCluster.Get(t), "prod", tokenUser("x")))
	c.upload(kubernetesPath+"?connectionId="+conn.ID, file, nil, nil).want(http.StatusUnprocessableEntity)
	cluster := c.connectCluster("prod", prodCluster.Get(t), c.keepToken("prod", prodCluster.Get(t).User("admin")).ID)
	c.wantHealthy(cluster.ID)
	other := kubeconfig(ofCluster(devCluster.Get(t), "dev", certificateOf(certificateUser("operator"))))
	got := decode[imported](c.upload(kubernetesPath+"?connectionId="+cluster.ID, other, nil, nil).want(http.StatusOK))
	if len(got.Errored) != 1 || !strings.Contains(got.Errored[0].Message, "another cluster") {
		t.Errorf("a kubeconfig of another cluster: %+v", got)
	}
	c.wantHealthy(cluster.ID)
}
