package contract

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"

	"belay/belaytest"
)

// made are the objects of a journey.
type made struct {
	workspace, environment, connection, kubernetes, credential, token string
	team, user, member                                                string
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: dev, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: ann, user: {token: not-a-real-token}}]
contexts: [{name: dev, context: {cluster: dev, user: ann}}]
`

// journey makes, reads and changes one object of each sort, with the bodies
// and parameters that the documents ask for.
func journey(t *testing.T, s *belaytest.Server, target string) made {
	t.Helper()
	var m made
	a, org := s.Admin, string(s.Organization)
	m.user = string(s.Member("ann").UserID)
	m.credential = a.Post("/api/integrations/credentials", object{
		"name": "reader", "type": "bearer", "secret": object{"token": "not-a-real-token"},
	}).Want(http.StatusCreated).ID()
	a.Put("/api/integrations/credentials", object{
		"id": m.credential, "name": "prometheus reader", "type": "bearer", "secret": object{"token": "not-a-real-token-either"},
	}).Want(http.StatusOK)
	a.Get("/api/integrations/credentials?page=0&pagesize=10&search=&order=").Want(http.StatusOK)
	a.Get("/api/integrations/credentials/" + m.credential).Want(http.StatusOK)

	connection := object{
		"name": "metrics", "kind": "prometheus", "type": "telemetry", "subType": "metrics", "status": "registered",
		"metadata": object{"url": target}, "credentialId": m.credential,
	}
	m.connection = a.Post("/api/integrations/connections", connection).Want(http.StatusCreated).ID()
	connection["name"], connection["id"], connection["status"] = "more metrics", m.connection, "connected"
	a.Put("/api/integrations/connections/"+m.connection, connection).Want(http.StatusOK)
	a.Get("/api/integrations/connections?" + url.Values{
		"page": {"0"}, "pageSize": {"10"}, "search": {"more"}, "order": {"created_at desc"}, "orgId": {org}, "name": {"metrics"},
		"kind": {`["prometheus"]`}, "status": {"registered", "connected"}, "type": {"telemetry"}, "filter": {`{"assigned":false}`},
	}.Encode()).Want(http.StatusOK)
	a.Get("/api/integrations/connections/" + m.connection).Want(http.StatusOK)
	m.kubernetes = importContext(t, a)
	a.Get("/api/integrations/connections/kubernetes/" + m.kubernetes + "/context").Want(http.StatusOK)

	m.environments(a, org)
	m.workspaces(a, org)
	users := "/api/identity/orgs/" + org + "/users"
	a.Get(users + "?search=ann&order=&page=0&pageSize=10&filter=").Want(http.StatusOK)
	m.member = users + "/" + m.user
	a.Post(m.member, nil).Want(http.StatusCreated)
	m.teams(a, "/api/identity/orgs/"+org+"/teams")
	a.Get("/api/identity/orgs?page=0&pageSize=10&search=&order=&all=true").Want(http.StatusOK)
	a.Get("/api/identity/orgs/" + org).Want(http.StatusOK)
	m.tokens(a)
	second := a.Post("/api/identity/orgs", object{"name": "Second", "country": "Iceland", "region": "Europe"}).Want(http.StatusCreated).ID()
	a.Put("/api/identity/orgs/"+second, object{"name": "Another"}).Want(http.StatusOK)
	a.Delete("/api/identity/orgs/" + second).Want(http.StatusNoContent)
	return m
}

func (m *made) tokens(a *belaytest.Client) {
	const path = "/api/identity/tokens"
	m.token, _ = a.Post(path+"?name=ci&purpose=the+pipeline", nil).Want(http.StatusCreated).Items("tokens")[0]["id"].(string)
	a.Get(path + "?page=0&pagesize=10&search=ci&order=updated_at+desc&isOauth=false").Want(http.StatusOK)
	a.Get(path + "/" + m.token).Want(http.StatusOK)
}

func importContext(t *testing.T, a *belaytest.Client) string {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("k8sfile", "config")
	if err == nil {
		_, err = part.Write([]byte(kubeconfig))
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	answer := a.With("Content-Type", form.FormDataContentType()).Post("/api/system/kubernetes", b.Bytes()).Want(http.StatusOK)
	id, _ := answer.Items("registeredContexts")[0]["connectionId"].(string)
	return id
}

func (m *made) environments(a *belaytest.Client, org string) {
	m.environment = a.Post("/api/environments", object{"name": "production", "description": "what customers use", "organizationId": org}).Want(http.StatusCreated).ID()
	path := "/api/environments/" + m.environment
	a.Put(path, object{"name": "production", "description": "", "organizationId": org}).Want(http.StatusOK)
	a.Get(path + "?orgId=" + org).Want(http.StatusOK)
	a.Get("/api/environments?search=pro&order=name%20asc&page=0&pagesize=10&orgId=" + org).Want(http.StatusOK)
	a.Post(path+"/connections/"+m.connection, nil).Want(http.StatusCreated)
	for _, filter := range []string{"", `{"assigned":false}`, `{"assigned":true}`} {
		a.Get(path + "/connections?search=&order=&page=0&pagesize=10&filter=" + url.QueryEscape(filter)).Want(http.StatusOK)
	}
	a.Get("/api/integrations/connections/" + m.connection).Want(http.StatusOK) // which now shows its environment
}

func (m *made) workspaces(a *belaytest.Client, org string) {
	m.workspace = a.Post("/api/workspaces", object{"name": "payments", "description": "the payments team", "organizationId": org, "metadata": object{"color": "green"}}).Want(http.StatusCreated).ID()
	path := "/api/workspaces/" + m.workspace
	a.Put(path, object{"description": "", "organizationId": org}).Want(http.StatusOK)
	a.Get(path).Want(http.StatusOK)
	a.Get("/api/workspaces?search=pay&order=updated_at%20desc&page=0&pagesize=10&filter=&orgId=" + org).Want(http.StatusOK)
	a.Post(path+"/environments/"+m.environment, nil).Want(http.StatusOK)
	for _, filter := range []string{"", `{"assigned":false}`} {
		a.Get(path + "/environments?search=&order=&page=0&pagesize=10&filter=" + url.QueryEscape(filter)).Want(http.StatusOK)
	}
}

func (m *made) teams(a *belaytest.Client, teams string) {
	m.team = a.Post(teams, object{"name": "sre"}).Want(http.StatusCreated).ID()
	path := teams + "/" + m.team
	a.Put(path, object{"name": "SRE"}).Want(http.StatusOK)
	a.Get(path).Want(http.StatusOK)
	a.Get(teams + "?search=sre&order=created_at%20desc&page=0&pagesize=10").Want(http.StatusOK)
	a.Get(path + "/users?search=ann&order=&page=0&pagesize=10").Want(http.StatusOK)
	a.Post(path+"/users/"+m.user, nil).Want(http.StatusCreated)
	a.Get("/api/identity/teams/" + m.team + "/users?search=&order=&page=0&pagesize=10").Want(http.StatusOK)
	shared := "/api/workspaces/" + m.workspace + "/teams"
	a.Post(shared+"/"+m.team, nil).Want(http.StatusOK)
	a.Get(shared + "?search=sre&order=&page=0&pagesize=10&filter=").Want(http.StatusOK)
	a.Delete(shared + "/" + m.team).Want(http.StatusNoContent)
	a.Post(path, object{"action": "delete"}).Want(http.StatusCreated)
	a.Post(path, nil).Want(http.StatusCreated)
	a.Post(path+"/remove", nil).Want(http.StatusOK)
	a.Post(path, nil).Want(http.StatusCreated)
	a.Delete(path + "/users/" + m.user).Want(http.StatusNoContent)
	a.Delete(path).Want(http.StatusNoContent)
}

// takeApart ends what a journey has made.
func (m made) takeApart(a *belaytest.Client) {
	a.Delete("/api/identity/tokens?tokenId=" + m.token).Want(http.StatusOK)
	for _, path := range []string{
		m.member, "/api/workspaces/" + m.workspace + "/environments/" + m.environment, "/api/workspaces/" + m.workspace,
		"/api/environments/" + m.environment + "/connections/" + m.connection, "/api/environments/" + m.environment,
		"/api/integrations/connections/" + m.connection, "/api/integrations/connections/" + m.kubernetes,
		"/api/integrations/credentials?credentialId=" + m.credential,
	} {
		a.Delete(path).Want(http.StatusNoContent)
	}
}
