package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"belay/belaytest"
	"belay/e2e/peers"
)

// TestExamples runs every example of every command's help against a server,
// each in a world of its own in which what it names is there.
func TestExamples(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("the examples are for a POSIX shell: ", err)
	}
	target := httptest.NewServer(http.HandlerFunc(answerAll))
	t.Cleanup(target.Close)
	found := examplesOf(t)
	if len(found) < 100 {
		t.Fatalf("%d examples were found", len(found))
	}
	for _, e := range found {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			w := newExampleWorld(t, bash, target.URL)
			w.prepare(e)
			w.run(e)
		})
	}
}

// examplesOf are the lines in the shell blocks of the reference.
func examplesOf(t *testing.T) []string {
	t.Helper()
	reference, err := exec.CommandContext(t.Context(), "belay", "help", "--markdown").Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	inside := false
	for line := range strings.Lines(string(reference)) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "```sh":
			inside = true
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			out = append(out, line)
		}
	}
	return out
}

// answerAll is a Prometheus server, and anything else that answers over HTTP.
func answerAll(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/-/ready":
		_, _ = io.WriteString(w, "Prometheus Server is Ready.\n")
	case "/api/v1/status/buildinfo":
		_, _ = io.WriteString(w, `{"status":"success","data":{"version":"3.5.0"}}`)
	case "/api/v1/query":
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`)
	default:
		_, _ = io.WriteString(w, "hello\n")
	}
}

// exampleWorld is a server with the objects that examples name, and the home
// directory and files of somebody who works with it.
type exampleWorld struct {
	*belaytest.Server
	t            *testing.T
	bash, target string
	dir          string
	ids          map[string]string // by noun and name
}

const (
	connectionsPath  = "/api/integrations/connections"
	credentialsPath  = "/api/integrations/credentials"
	environmentsPath = "/api/environments"
	workspacesPath   = "/api/workspaces"

	organizationsPath = "/api/identity/orgs"
)

func newExampleWorld(t *testing.T, bash, target string) *exampleWorld {
	t.Helper()
	w := &exampleWorld{Server: belaytest.Start(t, belaytest.Options{}), t: t, bash: bash, target: target, dir: t.TempDir(), ids: map[string]string{}}
	w.objects()
	w.files()
	return w
}

func (w *exampleWorld) create(noun, path, name string, more map[string]any) string {
	w.t.Helper()
	body := map[string]any{"name": name}
	maps.Copy(body, more)
	id := w.Admin.Post(path+"?orgId="+string(w.Organization), body).Want(http.StatusCreated).ID()
	w.ids[noun+" "+name] = id
	return id
}

func (w *exampleWorld) objects() {
	secret := map[string]any{"type": "basic", "secret": map[string]string{"username": "metrics", "password": "correct-horse"}}
	for _, name := range []string{"prom-basic", "prom-old", "prom-new"} {
		w.create("credential", credentialsPath, name, secret)
	}
	kinds := map[string]string{"prod-eu": "http", "github": "http", "grafana-ops": "http", "github-northwind": "http", "k8s-prod": "http"}
	for _, name := range []string{"prom-eu", "prom-lab", "prom-old", "prom-a", "prom-b", "prom-prod"} {
		kinds[name] = "prometheus"
	}
	for name, kind := range kinds {
		more := map[string]any{"kind": kind, "url": w.target, "labels": map[string]string{"team": "pay", "old": "yes"}}
		if name == "prom-eu" {
			more["credentialId"] = w.ids["credential prom-basic"]
		}
		w.create("connection", connectionsPath, name, more)
	}
	w.create("connection", connectionsPath, "unwanted", map[string]any{"kind": "http", "url": w.target, "status": "ignored"})
	holds := map[string][]string{"production": {"prod-eu", "prom-lab"}, "dev/test": {"prom-a", "prom-b"}, "lab": nil, "payments": nil}
	for name, held := range holds {
		id := w.create("environment", environmentsPath, name, nil)
		for _, c := range held {
			w.Admin.Post(environmentsPath+"/"+id+"/connections/"+w.ids["connection "+c], nil).Want(http.StatusCreated)
		}
	}
	id := w.create("workspace", workspacesPath, "payments", nil)
	for _, e := range []string{"production", "dev/test"} {
		w.Admin.Post(workspacesPath+"/"+id+"/environments/"+w.ids["environment "+e], nil).Want(http.StatusOK)
	}
	w.create("workspace", workspacesPath, "web", nil)
	w.create("team", w.teamsPath(), "sre", nil)
	for _, name := range []string{"ann", "max"} {
		w.Member(name)
	}
	for _, name := range []string{"ci", "old one", "old other"} {
		w.Admin.Post("/api/identity/tokens", map[string]any{"name": name}).Want(http.StatusCreated)
	}
	w.Browser(w.Admin.UserID)
}

func (w *exampleWorld) teamsPath() string {
	return organizationsPath + "/" + string(w.Organization) + "/teams"
}

func (w *exampleWorld) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *exampleWorld) files() {
	kubeconfig := `{apiVersion: v1, kind: Config,
clusters: [{name: c, cluster: {server: "` + w.target + `"}}],
users: [{name: u, user: {token: token-of-u}}],
contexts: [{name: staging, context: {cluster: c, user: u}}]}`
	w.write(".kube/config", kubeconfig)
	w.write("kc.yaml", kubeconfig)
	w.write("run/secrets/grafana", "token-of-grafana")
	token, err := os.ReadFile(filepath.Join(w.DataDir, "admin.token"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("run/token", string(token))
	w.write("etc/belay.yaml", "listen: 127.0.0.1:0\n")
	pair := peers.NewCA("servers").Server()
	w.write("etc/belay/tls.crt", string(pair.Certificate))
	w.write("etc/belay/tls.key", string(pair.Key))
	w.write("new.txt", "new-horse")
	w.write(".config/fish/completions/.keep", "")
	w.write(".config/belay/config.yaml", "current: prod\ncontexts:\n"+
		"  prod: {server: '"+w.URL()+"', org: My Org}\n  lab: {server: '"+w.URL()+"', org: My Org}\n")
	w.write("ca.pem", examplePEM)
}

// prepare takes away what the example is about to make, and deletes what it
// restores.
func (w *exampleWorld) prepare(example string) {
	if strings.Contains(example, "belay logout") {
		w.signIn()
	}
	if strings.Contains(example, "organization use northwind") || strings.Contains(example, "--org northwind") {
		w.Admin.Post(organizationsPath, map[string]any{"name": "northwind"}).Want(http.StatusCreated)
	}
	if strings.Contains(example, "environment test production --cancel") {
		w.beginTest("production")
	}
	if m := regexp.MustCompile(`organization (delete old|restore gone|list --deleted)`).FindString(example); m != "" {
		name := map[bool]string{true: "old", false: "gone"}[m == "organization delete old"]
		id := w.Admin.Post(organizationsPath, map[string]any{"name": name}).Want(http.StatusCreated).ID()
		if name == "gone" {
			w.Admin.Delete(organizationsPath + "/" + id).Want(http.StatusNoContent)
		}
	}
	paths := map[string]string{
		"connection": connectionsPath, "environment": environmentsPath, "workspace": workspacesPath, "credential": credentialsPath,
		"team": w.teamsPath(),
	}
	for noun, path := range paths {
		m := regexp.MustCompile(`belay ` + noun + ` (?:create|restore) ([^ -]\S*)`).FindStringSubmatch(example)
		if m != nil {
			w.remove(noun, path, m[1])
		}
		if strings.Contains(example, "belay "+noun+" list --deleted") {
			w.create(noun, path, "gone", map[string]map[string]any{
				"connection": {"kind": "http", "url": w.target},
				"credential": {"type": "bearer", "secret": map[string]string{"token": "token-of-gone"}},
			}[noun])
			w.remove(noun, path, "gone")
		}
	}
}

// signIn signs in to the context prod with a token.
func (w *exampleWorld) signIn() {
	w.t.Helper()
	cmd := w.shell("belay login " + w.URL() + " --with-token --insecure-storage --name prod < run/token")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

// beginTest leaves a test of an environment under way.
func (w *exampleWorld) beginTest(environment string) {
	w.t.Helper()
	target, began, _ := belaytest.HoldingTarget(w.t)
	path := environmentsPath + "/" + w.ids["environment "+environment]
	w.Admin.Post(path+"/connections/"+w.create("connection", connectionsPath, "slow", map[string]any{"kind": "http", "url": target}), nil).Want(http.StatusCreated)
	w.Admin.With("Prefer", "respond-async").Post(path+"/test", nil).Want(http.StatusAccepted)
	<-began
}

func (w *exampleWorld) remove(noun, path, name string) {
	w.t.Helper()
	id, ok := w.ids[noun+" "+name]
	switch {
	case !ok:
	case noun == "credential":
		w.Admin.Delete(path + "?detach=true&credentialId=" + id).Want(http.StatusNoContent)
	default:
		w.Admin.Delete(path + "/" + id).Want(http.StatusNoContent)
	}
}

// run runs an example in a shell. Where somebody would be asked whether he is
// sure, the answer is given beforehand, since nobody is there.
func (w *exampleWorld) run(example string) {
	w.t.Helper()
	line := strings.NewReplacer(
		"https://prom.eu.example:9090", w.target, "https://prom.eu.example", w.target, "https://shop.example", w.target,
		"http://127.0.0.1:9090", w.target, "https://belay.example", w.URL(), "http://127.0.0.1:9081", w.URL(),
		"/run/secrets/", "run/secrets/", "/etc/belay.yaml", "etc/belay.yaml", "/etc/belay/", "etc/belay/",
	).Replace(example)
	if regexp.MustCompile(` delete (?:[^-]\S*)$`).MatchString(line) && !strings.Contains(line, "context delete") {
		line += " --yes"
	}
	if strings.Contains(line, "belay serve") {
		w.serve(line)
		return
	}
	if strings.Contains(line, "--device") {
		w.allowed(line)
		return
	}
	cmd := w.shell(line)
	out, err := cmd.CombinedOutput()
	status := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else if err != nil {
		w.t.Fatal(err)
	}
	// The cluster of the kubeconfig is none, which a test finds out.
	if status != 0 && (status != 7 || !strings.Contains(line, "import kubeconfig")) {
		w.t.Errorf("ended with %d:\n%s", status, out)
	}
	if strings.Contains(string(out), "correct-horse") {
		w.t.Errorf("a secret is shown:\n%s", out)
	}
}

// allowed runs an example that waits for its user to allow it elsewhere.
func (w *exampleWorld) allowed(line string) {
	w.t.Helper()
	code, err := w.Gate().SignInLink(w.t.Context(), w.Admin.UserID)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("link", w.URL()+"/user/login?code="+string(code.Reveal()))
	shown := filepath.Join(w.dir, "shown")
	cmd := w.shell(line + " 2>" + shown)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if err := allowCode(shown, filepath.Join(w.dir, "link")); err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		text, _ := os.ReadFile(shown)
		w.t.Errorf("%v: %s", err, text)
	}
}

func (w *exampleWorld) shell(line string) *exec.Cmd {
	// What an example takes from its machine: a password manager, and where
	// zsh and PowerShell keep their scripts.
	const around = "set -o pipefail; pass() { echo correct-horse; }; fpath=('' .); PROFILE=profile; "
	cmd := exec.CommandContext(w.t.Context(), w.bash, "--noprofile", "--norc", "-c", around+line)
	cmd.Dir, cmd.Stdin = w.dir, strings.NewReader("correct-horse\n")
	cmd.Env = []string{
		"HOME=" + w.dir, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "BELAY_ORG=My Org", "API_KEY=key-of-api",
		"BELAY_TOKEN_FILE=" + filepath.Join(w.DataDir, "admin.token"), "BELAY_LISTEN=127.0.0.1:0",
	}
	if strings.Contains(line, "user sign-in-link") {
		cmd.Env = append(cmd.Env, "BELAY_DATA_DIR="+w.DataDir)
	}
	return cmd
}

// serve runs an example that goes on until it is interrupted.
func (w *exampleWorld) serve(line string) {
	w.t.Helper()
	cmd := w.shell(regexp.MustCompile(`^(\S+=\S+ )?belay`).ReplaceAllString(line, "exec env ${1}belay"))
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "ready at ") {
	}
	_ = cmd.Process.Signal(os.Interrupt)
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("%v:\n%s", err, log.String())
	}
}

const examplePEM = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIUeckLDl3I47ZrXv+lfCc15zezArswCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGT3BzIENBMB4XDTI2MTEyMjAyMzIwMloXDTI3MDIyMDAyMzIw
MlowETEPMA0GA1UEAwwGT3BzIENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
LdueYl42ToU7qzOnbS3U4TTuVJbJuC0lTZR14Fx2Gw5I73H0kLwefmR3lSEetb5L
q5CvFmEg2lnqKmW32HkI/aNTMFEwHQYDVR0OBBYEFMqXbsOa76b8AYKZEbBJk0dY
l53GMB8GA1UdIwQYMBaAFMqXbsOa76b8AYKZEbBJk0dYl53GMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAI4KVZd0pCjHzfvr7ZJVSOi3cuRKU1bQ
dUxaNVf/ABOlAiEAw1RmSIH0psz9bBfIGaH+A42d6eDA+cd32OgwX+yF9Fk=
-----END CERTIFICATE-----
`
