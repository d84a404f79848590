package rest_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"belay/belaytest"
	"belay/rest"
)

// world is a server with one object of each sort, and a client whose every
// exchange is held to the document.
type world struct {
	*belaytest.Server
	target *httptest.Server // what the connection leads to

	workspace, environment, connection, credential, token, session string
	team                                                           string
	person                                                         *belaytest.Client // a member who has nothing
	other                                                          string            // a name that nothing has
}

const targetToken = "not-a-real-token"

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, newWorldOn(t, belaytest.OnPostgres(t, belaytest.Options{Transport: mustContract(t).conform})))
	})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform}))
}

func newWorldOn(t testing.TB, s *belaytest.Server) *world {
	t.Helper()
	w := &world{Server: s, other: "other", target: httptest.NewServer(http.HandlerFunc(answer))}
	t.Cleanup(w.target.Close)
	w.person = w.Member("pat")
	w.make("payments", "production", "shop", "reader")
	return w
}

// make makes one object of each sort, under these names, and puts them
// together.
func (w *world) make(workspace, environment, connection, credential string) {
	a := w.Admin
	w.workspace = a.Post(w.in("/api/workspaces"), object{"name": workspace}).Want(http.StatusCreated).ID()
	w.environment = a.Post(w.in("/api/environments"), object{"name": environment}).Want(http.StatusCreated).ID()
	w.credential = a.Post(w.in("/api/integrations/credentials"), object{
		"name": credential, "type": "bearer", "secret": object{"token": targetToken},
	}).Want(http.StatusCreated).ID()
	w.connection = a.Post(w.in("/api/integrations/connections"), object{
		"name": connection, "kind": "http", "url": w.target.URL, "credentialId": w.credential,
	}).Want(http.StatusCreated).ID()
	w.team = a.Post(w.path("/api/identity/orgs/{orgId}/teams"), object{"name": workspace}).Want(http.StatusCreated).ID()
	a.Post(w.path("/api/environments/{environmentId}/connections/{connectionId}"), nil).Want(http.StatusCreated)
	a.Post(w.path("/api/workspaces/{workspaceId}/environments/{environmentId}"), nil).Want(http.StatusOK)
	a.Post(w.path("/api/workspaces/{workspaceId}/credentials/{credentialId}"), nil).Want(http.StatusOK)
	w.token, _ = a.Post("/api/identity/tokens", object{"name": credential, "scopes": []string{"token:write"}}).Want(http.StatusCreated).Items("tokens")[0]["id"].(string)
	w.session, _ = w.Browser(a.UserID).Get("/api/identity/sessions").Want(http.StatusOK).Items("sessions")[0]["id"].(string)
}

// in is a path in the first organization, of which there may be others.
func (w *world) in(path string) string { return with(path, "orgId="+string(w.Organization)) }

type object = map[string]any

// answer is a target that wants a token.
func answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+targetToken {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = io.WriteString(w, "ok")
}

// path fills in the objects of the world.
func (w *world) path(pattern string) string {
	return strings.NewReplacer(
		"{workspaceId}", w.workspace, "{environmentId}", w.environment, "{connectionId}", w.connection,
		"{credentialId}", w.credential, "{tokenId}", w.token, "{sessionId}", w.session, "{teamId}", w.team, "{userId}", string(w.person.UserID),
		"{orgId}", string(w.Organization), "{name}", "http", "{registrationId}", missing, "{providerName}", "local",
	).Replace(pattern)
}

// address is the path of a route, with the parameters that it needs.
func (w *world) address(r rest.Route) string {
	path := w.path(r.Path)
	switch {
	case r.Method == http.MethodDelete && r.Path == "/api/integrations/credentials":
		path += "?credentialId=" + w.credential
	case r.Path == "/api/access/explain":
		path += "?permission=connection:read&connection=" + w.connection
	case r.Method == http.MethodDelete && r.Path == "/api/identity/tokens":
		path += "?tokenId=" + w.token
	case r.Path == "/api/system/kubernetes/ping":
		path += "?connectionId=" + w.connection
	}
	return path
}

// with adds a parameter.
func with(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

// routes are those for whoever is signed in.
func routes() []rest.Route {
	return slices.DeleteFunc(rest.Routes(), func(r rest.Route) bool { return r.Permission == rest.Anyone })
}

// eachRoute runs a test for every route and, when it must store nothing,
// looks whether it has.
func (w *world) eachRoute(t *testing.T, test func(t *testing.T, a *belaytest.Client, r rest.Route)) {
	t.Helper()
	for _, r := range routes() {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			before := w.Stored()
			test(t, w.Admin.In(t), r)
			if after := w.Stored(); !maps.Equal(before, after) {
				t.Errorf("something was stored: %v", differing(before, after))
			}
		})
	}
}

func differing(a, b map[string]string) []string {
	var tables []string
	for name := range a {
		if a[name] != b[name] {
			tables = append(tables, name)
		}
	}
	return tables
}

// body is a body that the route carries out; nil for a route that takes
// none.
func (w *world) body(r rest.Route) object {
	name := fmt.Sprintf("%s %s", r.Method, r.Path)
	return map[string]object{
		"POST /api/environments":                                  {"name": "staging"},
		"PUT /api/environments/{environmentId}":                   {"description": "of the shop"},
		"PUT /api/environments/{environmentId}/connections":       {"connectionIds": []string{w.connection}},
		"POST /api/integrations/connections":                      {"name": w.other, "kind": "http", "url": w.target.URL},
		"POST /api/integrations/connections/register":             {"name": w.other, "kind": "http", "url": w.target.URL, "status": "register"},
		"POST /api/integrations/connections/test":                 {"kind": "http", "url": w.target.URL},
		"PUT /api/integrations/connections/{connectionId}":        {"description": "of the shop"},
		"POST /api/integrations/credentials":                      {"name": w.other, "type": "bearer", "secret": object{"token": "x"}},
		"PUT /api/integrations/credentials":                       {"id": w.credential},
		"POST /api/identity/tokens":                               {"name": w.other},
		"POST /api/identity/tokens/{tokenId}/rotate":              {"overlapSeconds": 0},
		"POST /api/workspaces":                                    {"name": "billing"},
		"PUT /api/workspaces/{workspaceId}":                       {"description": "of the shop"},
		"PUT /api/identity/orgs/{orgId}/users/{userId}":           {"role": "admin"},
		"POST /api/identity/orgs/{orgId}/users/{userId}/transfer": {"to": w.Admin.UserID},
		"POST /api/identity/orgs/{orgId}/users":                   {"email": strings.ReplaceAll(w.other, " ", ".") + "@example.org"},
		"POST /api/identity/orgs/{orgId}/users/invite":            {"email": "pat@example.com"},
		"PUT /api/user/prefs":                                     {"theme": "dark"},
		"PUT /api/user/password":                                  {"currentPassword": adminPassword, "password": adminPassword},
		"POST /api/identity/orgs":                                 {"name": w.other},
		"PUT /api/identity/orgs/{orgId}":                          {"description": "of the shop"},
		"POST /api/identity/orgs/{orgId}/teams":                   {"name": w.other},
		"PUT /api/identity/orgs/{orgId}/teams/{teamId}":           {"description": "of the shop"},
	}[name]
}

// takesBody tells whether a route takes a JSON body.
func (w *world) takesBody(r rest.Route) bool { return w.body(r) != nil }

// missing is an id that nothing has.
const missing = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

// wantFields fails the test unless an error names exactly these places.
func wantFields(t *testing.T, p belaytest.Problem, pointers ...string) {
	t.Helper()
	got := map[string]bool{}
	for _, e := range p.Errors {
		got[e.Pointer] = true
	}
	for _, want := range pointers {
		if !got[want] {
			t.Errorf("the error does not name %q: %+v", want, p)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("the error also names %v: %+v", got, p)
	}
}

// wantText fails the test unless an error's fields say all of these.
func wantText(t *testing.T, p belaytest.Problem, texts ...string) {
	t.Helper()
	all := p.Detail
	for _, e := range p.Errors {
		all += "\n" + e.Pointer + " " + e.Message
	}
	for _, want := range texts {
		if !strings.Contains(all, want) {
			t.Errorf("the error does not say %q: %s", want, all)
		}
	}
}
