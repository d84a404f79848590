package acceptance_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/rest"
)

// leak drives canaries through every way in which a secret gets into a node.
type leak struct {
	*aviary
	t     *testing.T
	n     *node
	c     *client
	echo  *echo
	files string // of whoever types commands
	made  int

	statuses []string // with which the target answers
}

// X6: proof that nothing leaks. What goes in as a secret is found nowhere
// outside: in no answer, no output, no log and no file.
func TestX6_NoSecretComesOut(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { noSecretComesOut(t, "") })
	t.Run("postgres", func(t *testing.T) { noSecretComesOut(t, postgres.Get(t).Database(t)) })
}

func noSecretComesOut(t *testing.T, database string) {
	seen := &recorder{}
	n := startNode(t, nodeOptions{Database: database, Args: []string{"--log-level", "debug"}, Seen: seen})
	l := &leak{aviary: newAviary(), t: t, n: n, c: n.admin(t), echo: newEcho(t), files: t.TempDir(), statuses: echoStatuses()}
	l.known("the administrator's token", n.token(t)[12:]) // it begins with what may be shown
	if database != "" {
		l.statuses = []string{"200", "401", "500"} // what a target answers is no matter of the database
	}

	for _, typ := range belay.CredentialTypes() {
		l.credentials(typ)
	}
	l.loose()
	l.malformed()
	l.kubeconfigs()
	l.malformedKubeconfigs()
	l.commandLine()
	l.mistypedCommands()
	l.everyGet()

	running := inFiles(t, n.dir, "admin.token")
	n.stop(t)
	seen.add("the server's output", []byte(n.stdout.String()), []byte(n.stderr.String()))
	pieces := append(seen.pieces, append(running, append(inFiles(t, n.dir, "admin.token"), inFiles(t, n.home)...)...)...)
	if database != "" {
		pieces = append(pieces, inDatabase(t, database)...)
	} else {
		for table, rows := range dump(t, n.dir) {
			pieces = append(pieces, piece{"the table " + table, []byte(strings.Join(rows, "\n"))})
		}
	}
	if l.echo.told.Load() < 50 {
		t.Errorf("the target gave back only %d credentials: nothing is proved", l.echo.told.Load())
	}
	if len(seen.pieces) < 500 || len(l.where) < 50 {
		t.Errorf("only %d texts came out, for %d canaries: nothing is proved", len(seen.pieces), len(l.where))
	}
	found := l.hits(pieces)
	for _, hit := range found[:min(len(found), 30)] {
		t.Error(hit)
	}
	t.Logf("%d canaries, %d texts, %d credentials given back, %d hits", len(l.where), len(pieces), l.echo.told.Load(), len(found))
}

// inDatabase are the rows of every table.
func inDatabase(t *testing.T, url string) []piece {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out []piece
	for table, lines := range rows(t, db, "select table_name from information_schema.tables where table_schema = 'public'") {
		out = append(out, piece{"the table " + table, []byte(strings.Join(lines, "\n"))})
	}
	return out
}

// name is one that is free.
func (l *leak) name(kind string) string {
	l.made++
	return fmt.Sprintf("%s-%d", kind, l.made)
}

// secrets are sets of fields that make a whole credential of a type, each
// secret field with a canary of its own.
func (l *leak) secrets(typ, during string) []object {
	text := func(field string) string { return l.text(during + " " + typ + "." + field) }
	switch typ {
	case belay.CredentialBearer:
		return []object{{"token": text("token")}}
	case belay.CredentialBasic:
		return []object{{"username": "me", "password": text("password")}}
	case belay.CredentialHeader:
		return []object{{"name": "X-Api-Key", "value": text("value")}}
	case belay.CredentialMTLS:
		p := l.pair(during + " mtls.key")
		return []object{{"certificate": string(p.Certificate), "key": string(p.Key)}}
	case belay.CredentialKubernetes:
		p := l.pair(during + " kubernetes.clientKey")
		return []object{
			{"token": text("token"), "impersonate": "somebody"},
			{"username": "me", "password": text("password")},
			{"clientCertificate": string(p.Certificate), "clientKey": string(p.Key)},
		}
	case belay.CredentialOpaque:
		return []object{{"anything": text("anything"), "key/with~slash": text("key/with~slash")}}
	}
	l.t.Fatalf("there are no canaries for credentials of type %s", typ)
	return nil
}

// takes tells which kinds take a type of credential, and where they are
// tried.
func (l *leak) takes(typ string) map[string]string {
	switch typ {
	case belay.CredentialOpaque:
		return nil
	case belay.CredentialKubernetes:
		return map[string]string{"kubernetes": l.echo.tls}
	case belay.CredentialMTLS:
		return map[string]string{"kubernetes": l.echo.tls, "http": l.echo.tls}
	case belay.CredentialBearer:
		return map[string]string{"kubernetes": l.echo.tls, "http": l.echo.url, "prometheus": l.echo.url}
	}
	return map[string]string{"http": l.echo.url, "prometheus": l.echo.url}
}

var trust = object{"tls": object{"certificateAuthority": string(clusterCA.PEM())}}

// credentials stores, replaces and uses credentials of a type.
func (l *leak) credentials(typ belay.CredentialType) {
	for i, secret := range l.secrets(typ.Name, "stored") {
		l.c.header = http.Header{"Idempotency-Key": {l.name("once")}}
		key := l.c.keep(l.name(typ.Name), typ.Name, secret)
		l.c.header = nil
		for kind, url := range l.takes(typ.Name) {
			env := l.c.group(l.name("environment"))
			for _, status := range l.statuses {
				conn := l.c.connect(l.name(kind), kind, url+"/"+status, object{"credentialId": key.ID, "metadata": trust, "status": "connected"})
				l.c.test(conn.ID)
				l.c.do(http.StatusCreated, http.MethodPost, environmentsPath+"/"+env+"/connections/"+conn.ID, nil)
				l.c.do(http.StatusOK, http.MethodPost, connectionsPath+"/test", object{"kind": kind, "url": url + "/" + status, "credentialId": key.ID, "metadata": trust})
			}
			l.c.do(http.StatusOK, http.MethodPost, environmentsPath+"/"+env+"/test", nil)
		}
		l.c.rekey(key.ID, l.secrets(typ.Name, "replaced")[i])
	}
}

// loose sends secrets that come with a connection, or with a draft.
func (l *leak) loose() {
	for _, typ := range belay.CredentialTypes() {
		for kind, url := range l.takes(typ.Name) {
			for i, secret := range l.secrets(typ.Name, "draft") {
				for _, status := range l.statuses {
					l.c.do(http.StatusOK, http.MethodPost, connectionsPath+"/test", object{
						"kind": kind, "url": url + "/" + status, "metadata": trust, "credentialType": typ.Name, "credentialSecret": secret,
					})
				}
				conn := l.c.connect(l.name(kind), kind, url+"/500", object{
					"metadata": trust, "credentialType": typ.Name, "credentialSecret": l.secrets(typ.Name, "with a connection")[i],
				})
				l.c.put(connectionsPath+"/"+conn.ID, object{"credentialSecret": l.secrets(typ.Name, "with a change")[i]})
				l.c.test(conn.ID)
				for _, event := range []string{"initialize", "register", "connect", "nonsense"} {
					a := l.c.send(http.MethodPost, connectionsPath+"/register", "application/json", encode(l.t, object{
						"status": event, "name": l.name(kind), "kind": kind, "url": url + "/401", "metadata": trust,
						"credentialType": typ.Name, "credentialSecret": l.secrets(typ.Name, "registered by "+event)[i],
					}))
					if a.status >= 500 {
						l.t.Errorf("the event %s: %s", event, a.body)
					}
				}
			}
		}
	}
}

// malformed sends secrets in requests that are refused.
func (l *leak) malformed() {
	word := func(why string) string { return l.text("refused: " + why) }
	quoted := func(why string) string { return string(encode(l.t, word(why))) }
	for why, form := range map[string]string{
		"cut off":           `{"name":"x","type":"bearer","secret":{"token":%s`,
		"two values":        `{"name":"x"}%s`,
		"a bare value":      `%s`,
		"in an array":       `{"name":"x","type":"bearer","secret":{"token":[%s]}}`,
		"as the secret":     `{"name":"x","type":"bearer","secret":%s}`,
		"an unknown field":  `{"name":"x","type":"bearer","password":%s}`,
		"a field too many":  `{"name":"x","type":"bearer","secret":{"token":"x","password":%s}}`,
		"without its type":  `{"name":"x","secret":{"token":%s}}`,
		"of no type":        `{"name":"x","type":"none","secret":{"token":%s}}`,
		"half":              `{"name":"x","type":"kubernetes","secret":{"username":"me","clientKey":%s}}`,
		"without a name":    `{"type":"bearer","secret":{"token":%s}}`,
		"twice":             `{"name":"x","type":"bearer","secret":{"token":%s,"token":"y"}}`,
		"not a reference":   `{"name":"x","type":"bearer","secret":{"token":{"from":"file","path":%s}}}`,
		"with a wrong name": `{"name":7,"type":"bearer","secret":{"token":%s}}`,
	} {
		text := []byte(fmt.Sprintf(form, quoted(why)))
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			l.refused(l.c.send(method, credentialsPath, "application/json", text))
		}
		l.refused(l.c.send(http.MethodPost, credentialsPath, "text/plain", text))
	}
	for why, more := range map[string]object{
		"for another kind":   {"kind": "kubernetes", "url": "https://127.0.0.1:1", "credentialType": "basic", "credentialSecret": object{"username": "x", "password": word("another kind")}},
		"without its type":   {"kind": "http", "url": "http://127.0.0.1:1", "credentialSecret": object{"token": word("connection without type")}},
		"with a wrong URL":   {"kind": "http", "url": "nonsense", "credentialType": "bearer", "credentialSecret": object{"token": word("a wrong URL")}},
		"with wrong members": {"kind": "http", "url": "http://127.0.0.1:1", "metadata": object{"x": 1}, "credentialType": "bearer", "credentialSecret": object{"token": word("wrong members")}},
	} {
		for _, path := range []string{connectionsPath, connectionsPath + "/test"} {
			more["name"] = why
			l.refused(l.c.send(http.MethodPost, path, "application/json", encode(l.t, more)))
		}
	}
	too := strings.Repeat(word("too large"), 1<<16)
	l.refused(l.c.send(http.MethodPost, credentialsPath, "application/json", encode(l.t, object{"name": "x", "type": "bearer", "secret": object{"token": too}})))
	for _, token := range []string{word("a token that is none"), "bly_" + word("a token of the right form")} {
		l.refused(l.n.as(l.t, token).send(http.MethodGet, connectionsPath, "", nil))
	}
	l.refused(l.n.as(l.t, "").send(http.MethodPost, "/user/login", "application/x-www-form-urlencoded", []byte("code="+word("a sign-in code"))))
}

func (l *leak) refused(a answer) {
	l.t.Helper()
	if a.status < 400 || a.status >= 500 {
		l.t.Errorf("%s is answered with %d: %s", a.what, a.status, a.body)
	}
}

// everyGet asks every route that can be read, of every object there is.
func (l *leak) everyGet() {
	org, me := l.c.organization(), decode[named](l.c.get("/api/user")).ID
	ids := map[string][]string{"orgId": {org}, "name": {"kubernetes", "http"}, "providerName": {"local"}, "userId": {me}, "teamId": {l.c.team(org, l.name("team"), me)}}
	l.c.post(tokensPath, object{"name": l.name("token")})
	for name, path := range map[string]string{
		"tokenId": tokensPath, "connectionId": connectionsPath, "credentialId": credentialsPath, "environmentId": environmentsPath, "workspaceId": workspacesPath,
	} {
		page := l.c.list(path, "pageSize", "100")
		for _, v := range page.Connections {
			ids[name] = append(ids[name], v.ID)
		}
		for _, v := range page.Credentials {
			ids[name] = append(ids[name], v.ID)
		}
		for _, v := range slices.Concat(page.Environments, page.Workspaces, page.Tokens) {
			ids[name] = append(ids[name], v.ID)
		}
	}
	ids["workspaceId"] = append(ids["workspaceId"], l.c.workspace(l.name("workspace")))
	variable := regexp.MustCompile(`\{(\w+)\}`)
	for _, route := range rest.Routes() {
		if route.Method != http.MethodGet || route.Path == "/api/token" { // which gives back what the request itself has sent
			continue
		}
		path := route.Path
		names := variable.FindAllStringSubmatch(path, -1)
		if len(names) > 1 && names[0][1] == "orgId" {
			path, names = strings.Replace(path, names[0][0], org, 1), names[1:]
		}
		if len(names) == 0 {
			l.read(path)
			continue
		}
		values := ids[names[0][1]]
		if len(names) > 1 || len(values) == 0 {
			l.t.Errorf("there is no way to ask for %s", route.Path)
		}
		for _, id := range values {
			l.read(variable.ReplaceAllLiteralString(path, id))
		}
	}
	for _, path := range []string{"/", "/user/login", "/healthz/ready", "/openapi.json", "/docs"} {
		l.read(path)
	}
}

// read asks for something, whatever the answer is.
func (l *leak) read(path string) {
	l.t.Helper()
	if a := l.c.send(http.MethodGet, path, "", nil); a.status >= 500 {
		l.t.Errorf("GET %s: status %d", path, a.status)
	}
}

// file writes something that a command reads, and returns its path.
func (l *leak) file(text string) string {
	l.made++
	path := filepath.Join(l.files, fmt.Sprintf("file-%d", l.made))
	writeFile(l.t, path, []byte(text))
	return path
}
