package kubeconfig

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// A kubectl that fills in the template as the real one does is put in the
// place of it, and the recipe is run: what it writes must be the same context
// with the new token.
func TestTheRecipeGivesAKubeconfig(t *testing.T) {
	p := newPKI(t)
	for _, name := range []string{"eks-dev", "it's", "a b;touch hacked", "$(touch hacked)", "{{.data.token}}", "{{{", `"\n"`, "-n", "`x`", "ü<>&", "token\":\"TOKEN"} {
		t.Run(name, func(t *testing.T) {
			quoted, err := json.Marshal(name)
			if err != nil {
				t.Fatal(err)
			}
			text := "contexts: [{name: " + string(quoted) + ", context: {cluster: k, user: u, namespace: shop}}]\n" +
				"clusters: [{name: k, cluster: {server: 'https://k.example:6443', certificate-authority-data: {ca}, tls-server-name: kube.internal}}]\n" +
				"users: [{name: u, user: {exec: {command: aws}}}]\n"
			before := parse(t, p.fill(text), nil).Contexts[0]
			after := parse(t, runRecipe(t, before), nil).Contexts[0]
			if !after.Usable() || !after.Current || value(after, "token") != "canary" {
				t.Errorf("got %+v", after)
			}
			if after.Name != name || after.Endpoint != before.Endpoint || after.TLS != before.TLS || after.Namespace != "shop" {
				t.Errorf("got %+v, want %+v", after, before)
			}
		})
	}
}

func runRecipe(t *testing.T, c Context) []byte {
	t.Helper()
	dir := t.TempDir()
	stub := "#!/bin/sh\nprintf '%s\\n' \"$1\" >>calls\nfor a; do case $a in\n" +
		"--output=go-template=*) printf %s \"${a#--output=go-template=}\" ;;\n--output=jsonpath=*) echo x ;;\n--filename=-) cat >secret.json ;;\nesac; done\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-euc", strings.Join(c.Recipe(), "\n"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("the recipe: %v\n%s", err, out)
	}
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(read("calls")), "\n"), "\n") {
		if line != "--context="+c.Name {
			t.Errorf("kubectl was called with %q first", line)
		}
	}
	if !json.Valid(read("secret.json")) {
		t.Error("the Secret is not JSON")
	}
	if _, err := os.Stat(filepath.Join(dir, "hacked")); err == nil {
		t.Error("the context's name was run")
	}
	info, err := os.Stat(filepath.Join(dir, "belay-kubeconfig.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the new kubeconfig: %v, %v", info, err)
	}
	return filled(t, string(read("belay-kubeconfig.json")))
}

func filled(t *testing.T, text string) []byte {
	t.Helper()
	decode := func(s string) (string, error) { b, err := base64.StdEncoding.DecodeString(s); return string(b), err }
	tmpl, err := template.New("").Funcs(template.FuncMap{"base64decode": decode}).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	data := map[string]any{"data": map[string]any{"token": base64.StdEncoding.EncodeToString([]byte("canary"))}}
	if err := tmpl.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

func TestNoRecipeForWhatCannotBeImported(t *testing.T) {
	for _, text := range []string{
		one("{server: x}", "{exec: {command: aws}}"),
		strings.Replace(one(goodCluster, "{exec: {command: aws}}"), "name: c,", `name: "c\e[0m",`, 1),
	} {
		if c := parse(t, []byte(text), nil).Contexts[0]; c.Recipe() != nil {
			t.Errorf("a recipe for %q", c.Name)
		}
	}
}
