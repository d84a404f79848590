package acceptance_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay/e2e/peers"
)

// A file with everything at once: what works, what cannot be reached, what
// signs in with a program, what refers to files, and what cannot be read.
func mixedKubeconfig(prod, dev *peers.Kubernetes) []byte {
	return kubeconfig(
		ofCluster(prod, "prod", tokenUser(prod.User("admin").Token)),
		ofCluster(dev, "dev", certificateOf(certificateUser("operator"))),
		kubeContext{Name: "down", Server: "https://127.0.0.1:1", CA: clusterCA.PEM(), User: tokenUser("any-token")},
		kubeContext{Name: "eks", Server: dev.URL, CA: clusterCA.PEM(), User: object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": []string{"eks", "get-token"},
		}}},
		kubeContext{Name: "files", Server: dev.URL, Cluster: object{"certificate-authority": "/pki/ca.crt"}, User: object{"tokenFile": "/pki/token"}},
		kubeContext{Name: "broken", Server: "not a server", User: tokenUser("any-token")},
	)
}

func TestKubeconfig_PreviewSaysWhatEachContextIs(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	prod, dev := prodCluster.Get(t), devCluster.Get(t)
	file := mixedKubeconfig(prod, dev)
	p := c.preview(file)
	want := map[string]string{"prod": "new", "dev": "new", "down": "new", "eks": "new", "files": "unreadable", "broken": "unreadable"}
	if d := cmp.Diff(want, p.states()); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	for _, k := range p.Contexts {
		said := ""
		for _, problem := range k.Problems {
			said += problem.Code + ": " + problem.Message + "\n"
		}
		switch k.Name {
		case "prod", "dev":
			if k.Check == nil || k.Check.Health != "healthy" || !k.Usable {
				t.Errorf("%s: %+v", k.Name, k.Check)
			}
		case "down":
			if k.Check == nil || k.Check.Cause != "connection_refused" {
				t.Errorf("down: %+v", k.Check)
			}
		case "eks":
			if k.Plugin != "aws" || !strings.Contains(said, "aws") || k.Usable || !containsAll(strings.Join(k.Recipe, "\n"), "create serviceaccount", "kubectl") {
				t.Errorf("eks: plugin %q, recipe %q, problems %s", k.Plugin, k.Recipe, said)
			}
		case "files":
			var paths []string
			for _, m := range k.Missing {
				paths = append(paths, m.Path)
			}
			wantNames(t, "missing files", paths, []string{"/pki/ca.crt", "/pki/token"})
			if !containsAll(said, "/pki/ca.crt", "/pki/token") {
				t.Errorf("files: %s", said)
			}
		case "broken":
			if k.Importable || !strings.Contains(said, "server") {
				t.Errorf("broken: importable %t, %s", k.Importable, said)
			}
		}
	}
	if all, keys := c.list(connectionsPath).TotalCount, c.list(credentialsPath).TotalCount; all+keys != 0 {
		t.Errorf("the preview stores %d connections and %d credentials", all, keys)
	}

	// The files come along, by the last elements of their paths.
	beside := map[string][]byte{"ca.crt": clusterCA.PEM(), "token": []byte(dev.User("admin").Token)}
	for _, k := range decode[preview](c.upload(kubernetesPath+"/contexts", file, nil, beside).want(http.StatusOK)).Contexts {
		if k.Name == "files" && (k.Check == nil || k.Check.Health != "healthy") {
			t.Errorf("files, with them: %+v", k)
		}
	}
}

func TestKubeconfig_ImportAndImportAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		c := n.admin(t)
		prod, dev := prodCluster.Get(t), devCluster.Get(t)
		file := mixedKubeconfig(prod, dev)
		env := c.group("production")
		got := c.importFile(file, object{"environmentIds": []string{env}})
		outcome := map[string][]string{}
		for group, contexts := range map[string][]importedContext{"connected": got.Connected, "registered": got.Registered, "ignored": got.Ignored, "errored": got.Errored} {
			for _, k := range contexts {
				outcome[group] = append(outcome[group], k.Name)
				if group == "errored" && k.Message == "" {
					t.Errorf("%s failed for no reason", k.Name)
				}
			}
		}
		want := map[string][]string{"connected": {"prod", "dev"}, "registered": {"down"}, "errored": {"eks", "files", "broken"}}
		if d := cmp.Diff(want, outcome); d != "" {
			t.Errorf("the import (-want +got):\n%s", d)
		}
		wantNames(t, "the environment", c.held(env), []string{"prod", "dev", "down"})
		eks := got.Errored[0]
		if eks.Outcome != "blocked" || eks.Plugin != "aws" || !strings.Contains(eks.Message, "aws") || len(eks.Recipe) == 0 || len(eks.Remediation) != 2 {
			t.Errorf("eks: %+v", eks)
		}

		want2 := map[string]string{"prod": "same", "dev": "same", "down": "same", "eks": "new", "files": "unreadable", "broken": "unreadable"}
		if d := cmp.Diff(want2, c.preview(file).states()); d != "" {
			t.Errorf("the second preview (-want +got):\n%s", d)
		}
		before := ids(c.list(connectionsPath).Connections)
		stored := encode(t, []any{c.list(connectionsPath), c.list(credentialsPath)})
		again := c.importFile(file, nil)
		for _, k := range slices.Concat(again.Connected, again.Registered) {
			if k.Outcome != "unchanged" {
				t.Errorf("%s is %s by the second import", k.Name, k.Outcome)
			}
		}
		if d := cmp.Diff(before, ids(c.list(connectionsPath).Connections)); d != "" {
			t.Errorf("the second import changes the connections (-before +after):\n%s", d)
		}
		if d := cmp.Diff(string(stored), string(encode(t, []any{c.list(connectionsPath), c.list(credentialsPath)}))); d != "" {
			t.Errorf("the second import writes (-before +after):\n%s", d)
		}

		// Another secret for one of them.
		changed := kubeconfig(ofCluster(prod, "prod", certificateOf(certificateUser("other"))))
		if got := c.preview(changed).states()["prod"]; got != "secret_changed" {
			t.Errorf("with another secret prod is %q", got)
		}
	})
}

func ids(of []connection) map[string]string {
	out := map[string]string{}
	for _, v := range of {
		out[v.Name] = v.ID
	}
	return out
}

// A file with nothing to sign in with leaves the credential that is there,
// and the connection is judged with that.
func TestKubeconfig_FileWithoutACredential(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	prod := prodCluster.Get(t)
	first := c.importFile(kubeconfig(ofCluster(prod, "prod", tokenUser(prod.User("admin").Token))), nil)
	id := first.Connected[0].ConnectionID
	before := c.connection(id)
	got := c.importFile(kubeconfig(ofCluster(prod, "prod", execUser("/nothing"))), nil)
	now := c.connection(id)
	if now.CredentialID != before.CredentialID || now.Status != "connected" || now.Health.Status != "healthy" {
		t.Errorf("after the import: credential %s, %s, %s; %+v", now.CredentialID, now.Status, now.Health.Status, got)
	}
	if k := c.list(connectionsPath + "/" + id + "/checks").Checks[0]; k.Health != "healthy" || k.CredentialID != before.CredentialID {
		t.Errorf("the last check: %s, %s, with credential %s", k.Health, k.Cause, k.CredentialID)
	}
}

func TestKubeconfig_OneUserIsOneCredential(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	operator := certificateOf(certificateUser("operator"))
	a, b := ofCluster(prodCluster.Get(t), "prod", operator), ofCluster(devCluster.Get(t), "dev", operator)
	a.UserName, b.UserName = "operator", "operator"
	got := c.importFile(kubeconfig(a, b), nil)
	if len(got.Connected) != 2 || got.Connected[0].CredentialID != got.Connected[1].CredentialID {
		t.Errorf("the contexts do not share a credential: %+v", got.Connected)
	}
	keys := c.list(credentialsPath).Credentials
	if len(keys) != 1 || keys[0].Usage.Connections != 2 {
		t.Errorf("%d credentials are stored: %+v", len(keys), keys)
	}
}

// The same through the command line, which also brings the files along.
func TestKubeconfig_CommandLine(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	c.group("production")
	prod, dev := prodCluster.Get(t), devCluster.Get(t)
	writeFile(t, filepath.Join(n.home, "ca.crt"), clusterCA.PEM())
	writeFile(t, filepath.Join(n.home, "token"), []byte(dev.User("admin").Token+"\n"))
	file := kubeconfig(
		ofCluster(prod, "prod", tokenUser(prod.User("admin").Token)),
		kubeContext{Name: "dev", Server: dev.URL, Cluster: object{"certificate-authority": "ca.crt"}, User: object{"tokenFile": "token"}},
		kubeContext{Name: "eks", Server: dev.URL, CA: clusterCA.PEM(), User: object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1", "command": "gke-gcloud-auth-plugin",
		}}},
	)
	writeFile(t, filepath.Join(n.home, "kubeconfig"), file)
	if r := n.command(t, "", "connection", "import", "kubeconfig", "-f", "kubeconfig", "--all", "--dry-run"); r.status != 8 || !containsAll(r.stderr, "prod", "dev", "eks", "new") {
		t.Errorf("the preview: %d\n%s", r.status, r.stderr)
	}
	if got := c.list(connectionsPath).TotalCount; got != 0 {
		t.Errorf("the preview stores %d connections", got)
	}
	r := n.command(t, "", "connection", "import", "kubeconfig", "-f", "kubeconfig", "--context", "prod", "--context", "dev", "--environment", "production")
	if r.status != 0 {
		t.Fatalf("the import: %d\n%s", r.status, r.stderr)
	}
	before := ids(c.list(connectionsPath).Connections)
	wantNames(t, "all", names(c.list(connectionsPath).Connections), []string{"prod", "dev"})
	n.cli(t, "connection", "test", "--environment", "production")

	// From standard input, with the way to sign in that eks has not.
	if r := n.command(t, string(file), "connection", "import", "kubeconfig", "-f", "-", "--all"); r.status != 8 || !containsAll(r.stderr, "gke-gcloud-auth-plugin", "create serviceaccount", "--without-credential") {
		t.Errorf("the second import: %d\n%s", r.status, r.stderr)
	}
	if r := n.command(t, string(file), "connection", "import", "kubeconfig", "-f", "-", "--context", "eks", "--without-credential"); r.status != 7 || !strings.Contains(r.stderr, "what was imported is kept") {
		t.Errorf("the import without a credential: %d\n%s", r.status, r.stderr)
	}
	after := ids(c.list(connectionsPath).Connections)
	if before["prod"] != after["prod"] || before["dev"] != after["dev"] || len(after) != 3 {
		t.Errorf("before %v, after %v", before, after)
	}
	moved := ofCluster(prod, "prod", tokenUser(prod.User("admin").Token))
	moved.Server, _ = forward(t, prod.URL)
	if r := n.command(t, string(kubeconfig(moved)), "connection", "import", "kubeconfig", "-f", "-"); r.status != 6 || !containsAll(r.stderr, "moved from "+prod.URL, "--move") {
		t.Errorf("the import of what has moved: %d\n%s", r.status, r.stderr)
	}
	if r := n.command(t, string(kubeconfig(moved)), "connection", "import", "kubeconfig", "-f", "-", "--move"); r.status != 0 || !containsAll(r.stderr, "updated, moved from "+prod.URL+" to "+moved.Server) {
		t.Errorf("the move: %d\n%s", r.status, r.stderr)
	}
	if r := n.command(t, "", "connection", "test", "eks"); r.status != 7 || !strings.Contains(r.stderr, "belay connection import kubeconfig") {
		t.Errorf("the test of what cannot sign in: %d\n%s", r.status, r.stderr)
	}
}

// The contexts of ~/.kube/config are offered at the first start; importing
// takes the same connections into use.
func TestKubeconfig_OfferedAtFirstStart(t *testing.T) {
	prod := prodCluster.Get(t)
	file := kubeconfig(
		ofCluster(prod, "prod", tokenUser(prod.User("admin").Token)),
		kubeContext{Name: "down", Server: "https://127.0.0.1:1", CA: clusterCA.PEM(), User: tokenUser("any-token")},
	)
	n := startNode(t, nodeOptions{Kubeconfig: file})
	c := n.admin(t)
	offered := c.list(connectionsPath).Connections
	wantNames(t, "offered", names(offered), []string{"prod", "down"})
	for _, v := range offered {
		if v.Status != "discovered" || len(v.Credentials) != 0 {
			t.Errorf("%s is %s with %d credentials, want discovered with none", v.Name, v.Status, len(v.Credentials))
		}
	}
	if got := c.list(credentialsPath).TotalCount; got != 0 {
		t.Errorf("%d credentials are stored before anybody has asked for it", got)
	}
	if out := n.cli(t, "connection", "list", "--filter", "status=discovered", "-o", "name"); !containsAll(out, "connection/prod", "connection/down") {
		t.Errorf("the command line lists:\n%s", out)
	}

	r := n.command(t, "", "connection", "import", "kubeconfig", "--all")
	if r.status != 7 { // one of them is down, and kept
		t.Fatalf("the import of ~/.kube/config: %d\n%s", r.status, r.stderr)
	}
	now := c.list(connectionsPath).Connections
	if d := cmp.Diff(ids(offered), ids(now)); d != "" {
		t.Errorf("the import changes ids (-before +after):\n%s", d)
	}
	for _, v := range now {
		want := map[string]string{"prod": "connected", "down": "registered"}[v.Name]
		if v.Status != want || len(v.Credentials) != 1 {
			t.Errorf("%s is %s with %d credentials, want %s with one", v.Name, v.Status, len(v.Credentials), want)
		}
	}

	n.restart(t, nil)
	if got := n.admin(t).list(connectionsPath).TotalCount; got != 2 {
		t.Errorf("after a second start there are %d connections", got)
	}
}

func TestKubeconfig_NotOfferedWhenSwitchedOff(t *testing.T) {
	top := t.TempDir()
	marker := filepath.Join(top, "ran")
	file := kubeconfig(kubeContext{Name: "x", Server: "https://127.0.0.1:1", User: execUser(marker)})
	off := startNode(t, nodeOptions{Kubeconfig: file, Args: []string{"--discover-kubeconfig=false"}})
	if got := off.admin(t).list(connectionsPath).TotalCount; got != 0 {
		t.Errorf("%d connections are offered", got)
	}
	on := startNode(t, nodeOptions{Kubeconfig: file})
	if got := on.admin(t).list(connectionsPath).TotalCount; got != 1 {
		t.Errorf("%d connections are offered, want one", got)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program that the kubeconfig names was run")
	}
}

// execUser signs in with a program that leaves a mark when it is run.
func execUser(marker string) object {
	return object{"exec": object{
		"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "interactiveMode": "Never",
		"args": []string{"-c", "touch " + marker},
	}}
}
