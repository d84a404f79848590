package acceptance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
)

// Paths of the API.
const (
	connectionsPath  = "/api/integrations/connections"
	credentialsPath  = "/api/integrations/credentials"
	environmentsPath = "/api/environments"
	workspacesPath   = "/api/workspaces"
	kubernetesPath   = "/api/system/kubernetes"
)

// object is a JSON object to be sent.
type object = map[string]any

// client speaks to a node over HTTP.
type client struct {
	t      testing.TB
	node   *node
	token  string
	header http.Header // sent with each request
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string // the request, for messages
	status int
	header http.Header
	body   []byte
}

// httpClient follows nothing and keeps no connection to a server that is
// about to be stopped.
var httpClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       time.Minute,
}

// send sends a body as it is.
func (c *client) send(method, path, media string, body []byte) answer {
	c.t.Helper()
	a, err := c.try(method, path, media, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *client) try(method, path, media string, body []byte) (answer, error) {
	request, err := http.NewRequest(method, c.node.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	maps.Copy(request.Header, c.header)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	if len(body) > 1<<20 {
		request.Header.Set("Expect", "100-continue") // as curl does: what is refused is not sent
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	c.node.seen.answer(response, text)
	return answer{c.t, method + " " + path, response.StatusCode, response.Header, text}, err
}

// do sends v as JSON, or nothing when it is nil, and wants a status.
func (c *client) do(want int, method, path string, v any) answer {
	c.t.Helper()
	var body []byte
	media := ""
	if v != nil {
		media = "application/json"
		body = encode(c.t, v)
	}
	return c.send(method, path, media, body).want(want)
}

func (c *client) get(path string) answer {
	c.t.Helper()
	return c.do(http.StatusOK, http.MethodGet, path, nil)
}

func (c *client) post(path string, v any) answer {
	c.t.Helper()
	return c.do(http.StatusCreated, http.MethodPost, path, v)
}

func (c *client) put(path string, v any) answer {
	c.t.Helper()
	return c.do(http.StatusOK, http.MethodPut, path, v)
}

func (c *client) delete(path string) {
	c.t.Helper()
	c.do(http.StatusNoContent, http.MethodDelete, path, nil)
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// decode reads an answer's body.
func decode[T any](a answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
	return v
}

// What the API answers with, as far as the tests look at it.
type (
	named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	credentialUse struct {
		ID      string `json:"id"`
		Purpose string `json:"purpose"`
	}
	connection struct {
		named
		Kind         string          `json:"kind"`
		URL          string          `json:"url"`
		Status       string          `json:"status"`
		StatusReason string          `json:"statusReason"`
		Management   string          `json:"management"`
		Origin       string          `json:"origin"`
		Identity     string          `json:"identity"`
		CredentialID string          `json:"credentialId"`
		Credentials  []credentialUse `json:"credentials"`
		Environments []named         `json:"environments"`
		Metadata     object          `json:"metadata"`
		Health       struct {
			Status string `json:"status"`
			Cause  string `json:"cause"`
		} `json:"health"`
		AuthorizedActions []string `json:"authorizedActions"`
	}
	credential struct {
		named
		Type        string            `json:"type"`
		Fingerprint string            `json:"fingerprint"`
		Version     int               `json:"version"`
		ExpiresAt   *time.Time        `json:"expiresAt"`
		SecretSet   map[string]bool   `json:"secretSet"`
		Public      map[string]string `json:"public"`
		Usage       struct {
			Connections int `json:"connections"`
		} `json:"usage"`
		AuthorizedActions []string `json:"authorizedActions"`
	}
	remedy struct {
		ID     string `json:"id"`
		Action *struct {
			Method string `json:"method"`
			Href   string `json:"href"`
			Body   object `json:"body"`
		} `json:"action"`
		Command     string `json:"command"`
		Title       string `json:"title"`
		Description string `json:"description"`
	}
	check struct {
		ID                string   `json:"id"`
		ConnectionID      string   `json:"connectionId"`
		Health            string   `json:"health"`
		Cause             string   `json:"cause"`
		Summary           string   `json:"summary"`
		CredentialID      string   `json:"credentialId"`
		CredentialVersion int      `json:"credentialVersion"`
		Facts             object   `json:"facts"`
		Remediation       []remedy `json:"remediation"`
		Stages            []struct {
			Name    string `json:"name"`
			Outcome string `json:"outcome"`
		} `json:"stages"`
	}
	checkSummary struct {
		Checks  []check `json:"checks"`
		Summary struct {
			Total   int `json:"total"`
			Healthy int `json:"healthy"`
		} `json:"summary"`
	}
	list struct {
		TotalCount   int          `json:"totalCount"`
		Connections  []connection `json:"connections"`
		Credentials  []credential `json:"credentials"`
		Environments []named      `json:"environments"`
		Workspaces   []named      `json:"workspaces"`
		Tokens       []named      `json:"tokens"`
		Checks       []check      `json:"checks"`
	}
	problem struct {
		Status      int      `json:"status"`
		Detail      string   `json:"detail"`
		Code        string   `json:"code"`
		RequestID   string   `json:"requestId"`
		Remediation []remedy `json:"remediation"`
		Errors      []struct {
			Pointer string `json:"pointer"`
			Message string `json:"message"`
		} `json:"errors"`
	}
)

// organization is the id of the only one.
func (c *client) organization() string {
	c.t.Helper()
	return decode[struct{ Organizations []named }](c.get("/api/identity/orgs")).Organizations[0].ID
}

// connect registers a connection.
func (c *client) connect(name, kind, url string, more object) connection {
	c.t.Helper()
	body := object{"name": name, "kind": kind, "url": url}
	maps.Copy(body, more)
	return decode[connection](c.post(connectionsPath, body))
}

func (c *client) connection(id string) connection {
	c.t.Helper()
	return decode[connection](c.get(connectionsPath + "/" + id))
}

// keep stores a credential.
func (c *client) keep(name, kind string, secret object) credential {
	c.t.Helper()
	return decode[credential](c.post(credentialsPath, object{"name": name, "type": kind, "secret": secret}))
}

func (c *client) credential(id string) credential {
	c.t.Helper()
	return decode[credential](c.get(credentialsPath + "/" + id))
}

// rekey replaces fields of a credential's secret.
func (c *client) rekey(id string, secret object) credential {
	c.t.Helper()
	return decode[credential](c.put(credentialsPath, object{"id": id, "secret": secret}))
}

// group makes an environment with connections in it.
func (c *client) group(name string, connections ...string) string {
	c.t.Helper()
	id := decode[named](c.post(environmentsPath, object{"name": name})).ID
	for _, held := range connections {
		c.do(http.StatusCreated, http.MethodPost, environmentsPath+"/"+id+"/connections/"+held, nil)
	}
	return id
}

func (c *client) workspace(name string, environments ...string) string {
	c.t.Helper()
	id := decode[named](c.post(workspacesPath, object{"name": name})).ID
	for _, e := range environments {
		c.share(id, e)
	}
	return id
}

// share assigns an environment to a workspace.
func (c *client) share(workspace, environment string) {
	c.t.Helper()
	c.do(http.StatusOK, http.MethodPost, workspacesPath+"/"+workspace+"/environments/"+environment, nil)
}

// test runs the test of a connection.
func (c *client) test(id string) check {
	c.t.Helper()
	return decode[check](c.do(http.StatusOK, http.MethodPost, connectionsPath+"/"+id+"/test", nil))
}

// wantHealthy fails unless the test of a connection passes.
func (c *client) wantHealthy(id string) check {
	c.t.Helper()
	k := c.test(id)
	if k.Health != "healthy" {
		c.t.Fatalf("the test of %s: %s, %s: %s", c.connection(id).Name, k.Health, k.Cause, k.Summary)
	}
	return k
}

// wantCause fails unless the test of a connection fails for that reason.
func (c *client) wantCause(id, cause string) check {
	c.t.Helper()
	k := c.test(id)
	if k.Cause != cause || k.Health == "healthy" {
		c.t.Fatalf("the test of %s: %s, cause %q, want %q: %s", c.connection(id).Name, k.Health, k.Cause, cause, k.Summary)
	}
	return k
}

// list reads a list with a query of name and value pairs.
func (c *client) list(path string, query ...string) list {
	c.t.Helper()
	values := url.Values{}
	for pair := range slices.Chunk(query, 2) {
		values.Add(pair[0], pair[1])
	}
	return decode[list](c.get(path + "?" + values.Encode()))
}

// upload sends a kubeconfig: options nil for none, files by their names.
func (c *client) upload(path string, file []byte, options any, files map[string][]byte) answer {
	c.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part := func(field, name string, text []byte) {
		w, err := form.CreateFormFile(field, name)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	part("k8sfile", "config", file)
	for name, text := range files {
		part("files", name, text)
	}
	if options != nil {
		if err := form.WriteField("options", string(encode(c.t, options))); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		c.t.Fatal(err)
	}
	return c.send(http.MethodPost, path, form.FormDataContentType(), b.Bytes())
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeFile(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newID() belay.ID { return belay.ID(uuid.Must(uuid.NewV7()).String()) }

func clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// names lists the names of things.
func names[T interface{ label() string }](of []T) []string {
	out := make([]string, len(of))
	for i, v := range of {
		out[i] = v.label()
	}
	return out
}

func (n named) label() string { return n.Name }
