package acceptance_test

import (
	"encoding/base64"
	"net/http"
	"path/filepath"
	"strings"
)

// kubeconfigs previews and imports users of every shape.
func (l *leak) kubeconfigs() {
	word := func(where string) string { return l.text("a kubeconfig's " + where) }
	// Tokens must be fit for a header, and kubectl's are.
	contexts := []kubeContext{
		{Name: "token", User: tokenUser(word("token"))},
		{Name: "certificate", User: object{"client-certificate-data": nil}},
		{Name: "basic", User: object{"username": "me", "password": word("password")}},
		{Name: "both", User: object{"token": word("token beside"), "username": "me", "password": word("password beside"), "as": "somebody"}},
		{Name: "exec", User: object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": []string{"--token", word("exec argument")},
			"env": []object{{"name": "AWS_SECRET_ACCESS_KEY", "value": word("exec variable")}},
		}}},
		{Name: "provider", User: object{"auth-provider": object{"name": "oidc", "config": object{
			"id-token": word("id token"), "refresh-token": word("refresh token"), "client-secret": word("client secret"),
		}}}},
		{Name: "groups", User: object{"token": word("token with groups"), "as": "x", "as-groups": []string{"y"}}},
		{Name: "half", User: object{"client-key-data": base64.StdEncoding.EncodeToString([]byte(word("half a pair")))}},
		{Name: "spaced", User: tokenUser("two words " + word("token with spaces"))},
		{Name: "numbers", User: object{"token": []string{word("token in a list")}}},
		{Name: "proxied", User: tokenUser(word("token behind a proxy")), Cluster: object{"proxy-url": "http://me:" + word("proxy password")[:26] + "@127.0.0.1:1"}},
	}
	pair := l.pair("a kubeconfig's client key")
	contexts[1].User = object{"client-certificate-data": pair.Certificate, "client-key-data": pair.Key}
	other := l.pair("a kubeconfig's key of another certificate")
	contexts = append(contexts, kubeContext{Name: "mismatched", User: object{"client-certificate-data": pair.Certificate, "client-key-data": other.Key}})
	for _, status := range l.statuses {
		for i := range contexts {
			contexts[i].Server, contexts[i].CA = l.echo.tls+"/"+status, clusterCA.PEM()
		}
		file := kubeconfig(contexts...)
		l.c.preview(file)
		l.c.importFile(file, nil)
		var asked []object // to follow what has moved, and to do without what cannot sign in
		for _, k := range contexts {
			asked = append(asked, object{"name": k.Name, "move": true, "withoutCredential": k.Name == "exec" || k.Name == "half"})
		}
		l.c.importFile(file, object{"contexts": asked})
	}
	l.c.importFile(kubeconfig(contexts...), nil)
	inURL := kubeContext{Name: "in the address", Server: "https://me:" + word("password in the address")[:26] + "@127.0.0.1:1"}
	asQuery := kubeContext{Name: "in the query", Server: "https://127.0.0.1:1/?token=" + word("token in the query")[:26]}
	l.c.importFile(kubeconfig(inURL, asQuery), nil)
	byFile := kubeContext{Name: "by file", Server: l.echo.tls, CA: clusterCA.PEM(), User: object{"tokenFile": "token"}}
	l.c.upload(kubernetesPath, kubeconfig(byFile), nil, map[string][]byte{"token": []byte(word("token file"))}).want(http.StatusOK)
}

// malformedKubeconfigs are refused, or in part, for what is wrong beside a
// secret.
func (l *leak) malformedKubeconfigs() {
	for why, form := range map[string]string{
		"not YAML":            "users: [{name: x, user: {token: %s",
		"a tab":               "users:\n\t- token: %s",
		"a doubled key":       "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user:\n    token: %s\n    token: %s\n",
		"another kind":        "apiVersion: v1\nkind: Secret\ndata:\n  token: %s\n",
		"an anchor too many":  "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user: {token: *%s}\n",
		"a tag":               "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user: {token: !%s x}\n",
		"no contexts":         "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user: {token: %s}\n",
		"a text for a user":   "apiVersion: v1\nkind: Config\ncontexts:\n- name: x\n  context: {cluster: x, user: x}\nusers:\n- name: x\n  user: %s\n",
		"a text for the file": "%s",
		"a bad escape":        "users: [{name: x, user: {token: \"\\q%s\"}}]",
		"not base64":          "apiVersion: v1\nkind: Config\ncontexts:\n- name: x\n  context: {cluster: x, user: x}\nclusters:\n- name: x\n  cluster: {server: 'https://127.0.0.1:1'}\nusers:\n- name: x\n  user: {client-certificate-data: x, client-key-data: '**%s**'}\n",
	} {
		text := []byte(strings.ReplaceAll(form, "%s", l.text("a kubeconfig with " + why)[:26]))
		for _, path := range []string{kubernetesPath + "/contexts", kubernetesPath} {
			if a := l.c.upload(path, text, nil, nil); a.status >= 500 {
				l.t.Errorf("%s: %s", why, a.body)
			}
		}
		l.run("connection", "import", "kubeconfig", "-f", l.file(string(text)), "--all")
	}
}

// run runs a command in every way in which it could say too much. How it
// ends is of no interest here.
func (l *leak) run(args ...string) {
	for _, more := range [][]string{{"--debug", "-o", "json"}, {"-v", "-o", "yaml"}, {"--debug", "-o", "wide"}} {
		l.n.command(l.t, "", append(args, more...)...)
	}
}

// commandLine gets secrets in by the command line.
func (l *leak) commandLine() {
	word := func(where string) string { return l.text("the command line's " + where) }
	l.n.env["NEW_SECRET"] = word("variable")
	defer delete(l.n.env, "NEW_SECRET")
	for i, more := range [][]string{{"--debug", "-o", "json"}, {"-v", "-o", "yaml"}, {"--debug"}} {
		name := l.name("typed")
		must := func(stdin string, args ...string) {
			l.t.Helper()
			r := l.n.command(l.t, stdin, append(args, more...)...)
			if r.status != 0 && r.status != 7 {
				l.t.Errorf("belay %q ends with %d: %s", args, r.status, r.stderr)
			}
		}
		must("", "credential", "create", name, "--type", "bearer", "--secret-file", l.file(word("file")))
		must(word("standard input")+"\n", "credential", "create", name+"-in", "--type", "basic", "--user", "me", "--secret-file", "-")
		must("", "credential", "create", name+"-env", "--type", "header", "--field", "name=X-Api-Key", "--secret-env", "value=NEW_SECRET")
		must("", "connection", "create", name, "--kind", "http", "--url", l.echo.url+"/"+[]string{"500", "401", "200"}[i],
			"--new-credential", name+"-new", "--type", "bearer", "--secret-file", l.file(word("new credential")))
		must("", "connection", "create", name+"-dry", "--dry-run", "--kind", "http", "--url", l.echo.url+"/403",
			"--new-credential", name+"-dry", "--type", "bearer", "--secret-file", l.file(word("dry run")))
		must("", "credential", "edit", name+"-new", "--secret-file", l.file(word("replacement")))
		must("", "connection", "test", name)
		must("", "connection", "test", "--environment", l.c.list(environmentsPath).Environments[0].Name)
		for _, args := range [][]string{
			{"credential", "list"},
			{"credential", "view", name},
			{"credential", "usage", name + "-new"},
			{"connection", "list"},
			{"connection", "view", name},
			{"whoami"},
			{"config", "list"},
			{"context", "view"},
			{"api", "GET", credentialsPath},
		} {
			l.n.command(l.t, "", append(args, more...)...)
		}
		token := filepath.Join(l.files, "token")
		writeFile(l.t, token, []byte(word("kubeconfig's file")))
		file := kubeconfig(
			kubeContext{Name: name + "-token", Server: l.echo.tls + "/401", CA: clusterCA.PEM(), User: tokenUser(word("kubeconfig"))},
			kubeContext{Name: name + "-file", Server: l.echo.tls + "/200", CA: clusterCA.PEM(), User: object{"tokenFile": token}},
		)
		must("", "connection", "import", "kubeconfig", "-f", l.file(string(file)), "--all")
		must("", "connection", "import", "kubeconfig", "-f", l.file(string(file)), "--all", "--dry-run")
	}
}

// mistypedCommands put a secret where none belongs: it is not said again.
func (l *leak) mistypedCommands() {
	word := func(where string) string { return l.text("mistyped: " + where) }
	l.run("connection", "create", "x", "--kind", "http", "--url", "http://127.0.0.1:1", "--password", word("flag"))
	l.run("credential", "create", "x", "--type", "bearer", "--token="+word("flag with a sign"))
	l.run("credential", "create", "x", "--type", "bearer", "--field", "token="+word("public field"))
	l.run("credential", "create", "x", "--type", "bearer", "--secret-env", "token="+word("variable's name"))
	l.run("credential", "create", "x", "--type", "mtls", "--secret-file", "token="+l.file(word("wrong field")))
	l.run("credential", "create", "x", "--type", "mtls", "--secret-file", "key="+l.file(word("no certificate")))
	l.run("connection", "create", "x", "--kind", "http", "--url", "http://me:"+word("address")[:26]+"@127.0.0.1:1")
	l.run("api", "POST", credentialsPath, "-f", "password="+word("body"))
	l.n.env["BELAY_TOKEN"] = word("token in the environment")
	l.run("whoami")
	l.run("config", "list")
	l.n.env["BELAY_TOKEN"] = "bly_" + word("token of the right form")
	l.run("connection", "list")
	delete(l.n.env, "BELAY_TOKEN")
	l.n.env["BELAY_TOKEN_FILE"] = l.file(word("token in a file") + " two words")
	l.run("whoami")
	delete(l.n.env, "BELAY_TOKEN_FILE")
}
