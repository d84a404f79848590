package acceptance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The example of the model as somebody would type it, with real servers
// behind each connection.
func TestE9_TheExampleTyped(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		prod, dev := prodCluster.Get(t), devCluster.Get(t)
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				for name, value := range map[string]string{
					"HOME": n.home, "LANG": "C.UTF-8", "PATH": programDir + string(filepath.ListSeparator) + env.Getenv("PATH"),
					"BELAY_SERVER": n.url, "BELAY_DATA_DIR": n.dir,
					"GITHUB": nginx.Get(t).URL, "PROM_PROD": prodPrometheus.Get(t).URL, "PROM_DEV": devPrometheus.Get(t).URL,
				} {
					env.Setenv(name, value)
				}
				writeFile(t, filepath.Join(env.WorkDir, "prod.kubeconfig"), kubeconfig(ofCluster(prod, "prod", tokenUser(prod.User("admin").Token))))
				writeFile(t, filepath.Join(env.WorkDir, "dev.kubeconfig"), kubeconfig(ofCluster(dev, "dev", tokenUser(dev.User("admin").Token))))
				return nil
			},
		})
	})
}

var withCurl = regexp.MustCompile("(?s)<!-- curl -->\n+```sh\n(.*?)```")

// A9: listing workspaces and creating a connection work with curl as the
// documentation prints it.
func TestA9_CurlAsPrinted(t *testing.T) {
	m := withCurl.FindStringSubmatch(string(readFile(t, filepath.Join("..", "..", "docs", "api.md"))))
	if m == nil {
		t.Fatal("docs/api.md has no line <!-- curl --> and behind it a block of ```sh")
	}
	const usual = "http://127.0.0.1:9081"
	if !strings.Contains(m[1], usual) {
		t.Errorf("the commands do not name %s", usual)
	}
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	c.workspace("payments")
	r := n.shell(t, strings.ReplaceAll(m[1], usual, n.url))
	if r.status != 0 {
		t.Fatalf("the commands end with %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	answers := json.NewDecoder(strings.NewReader(r.stdout))
	var listed, found list
	var made connection
	for _, v := range []any{&listed, &made, &found} {
		if err := answers.Decode(v); err != nil {
			t.Fatalf("%v:\n%s", err, r.stdout)
		}
	}
	wantNames(t, "the workspaces", names(listed.Workspaces), []string{"payments"})
	wantNames(t, "what was found", names(found.Connections), []string{"docs"})
	if got := c.connection(made.ID); got.Name != "docs" || got.Kind != "http" || got.Health.Status != "unchecked" {
		t.Errorf("it made %+v", got)
	}
	n.stop(t)
	if !strings.Contains(n.stderr.String(), "from-the-docs") {
		t.Error("the log does not have the id of the request")
	}
}

var quickStart = regexp.MustCompile("(?s)<!-- quickstart -->\n+```sh\n(.*?)```")

// The quick start of the README works as it is printed: with a Belay that
// runs, a file with the password, and a Prometheus that wants it. That
// Prometheus has an address of its own, which is put in place of the usual
// one.
func TestReadme_QuickStart(t *testing.T) {
	readme := string(readFile(t, filepath.Join("..", "..", "README.md")))
	m := quickStart.FindStringSubmatch(readme)
	if m == nil {
		t.Fatal("README.md has no quick start: the line <!-- quickstart --> and behind it a block of ```sh")
	}
	const usual = "http://127.0.0.1:9090"
	if !strings.Contains(m[1], usual) {
		t.Errorf("the quick start does not name %s", usual)
	}
	n := startNode(t, nodeOptions{})
	// bin/belay, from where the README is.
	bin := filepath.Join(n.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(), filepath.Join(bin, "belay")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(n.home, "prometheus-password.txt"), []byte(prometheusPassword+"\n"))
	r := n.shell(t, strings.ReplaceAll(m[1], usual, prodPrometheus.Get(t).URL))
	if r.status != 0 {
		t.Fatalf("the quick start ends with %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	c := n.admin(t)
	env := c.list(environmentsPath).Environments
	if len(env) != 1 {
		t.Fatalf("it makes %d environments", len(env))
	}
	for _, v := range c.list(environmentsPath + "/" + env[0].ID + "/connections").Connections {
		if v.Health.Status != "healthy" {
			t.Errorf("%s is %s", v.Name, v.Health.Status)
		}
	}
	if fmt.Sprint(c.held(env[0].ID)) != "[prom]" {
		t.Errorf("the environment holds %v", c.held(env[0].ID))
	}
}
