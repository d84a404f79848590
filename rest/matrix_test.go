package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/rest"
)

// The matrix sends every route of the API as everybody, at objects of his own
// workspace, of another one and of another organization, with tokens of every
// scope, of the route's own and of all but those, bound and not bound, and
// compares the answer with what is declared here. Nothing of what it expects
// comes from the code under test; a route that is not declared fails.

// who calls. Those from viewer to workspaceAdmin have that role in the own
// workspace, all but the stranger belong to the organization.
type who int

const (
	stranger who = iota
	noRole
	viewer
	operator
	editor
	workspaceAdmin
	orgAdmin
	orgOwner
	nobody // in no cell: whom nothing is allowed
)

func (w who) String() string {
	return [...]string{"stranger", "no role", "viewer", "operator", "editor", "workspace admin", "organization admin", "organization owner"}[w]
}

// place is where the objects of a request are.
type place int

const (
	ownWorkspace place = iota
	otherWorkspace
	otherOrganization
)

// binding is to what a token is bound.
type binding int

const (
	unbound binding = iota
	toWorkspace
	toEnvironment
	toOtherWorkspace
)

// scope is what the scopes of a token leave.
type scope int

const (
	allScopes scope = iota
	onlyOwn
	allButOwn
)

// cell is one request of the matrix.
type cell struct {
	route rest.Route
	declared
	who     who
	place   place
	scope   scope
	binding binding
}

func (c cell) String() string {
	return fmt.Sprintf("%s %s as %s, at %s, %s, %s", c.route.Method, c.route.Path, c.who,
		[...]string{"his own workspace", "another workspace", "another organization"}[c.place],
		[...]string{"with all scopes", "with the route's scopes only", "with all other scopes"}[c.scope],
		[...]string{"not bound", "bound to the workspace", "bound to the environment", "bound to the other workspace"}[c.binding])
}

// standing is as who the caller stands to an object of a sort at the place:
// nobody when it does not exist for him.
func (c cell) standing(sort string) who {
	if sort == "organization" {
		if c.place == otherOrganization {
			return nobody
		}
		return c.who
	}
	reached := true // by the token
	switch c.binding {
	case toWorkspace:
		reached = c.place == ownWorkspace
	case toEnvironment:
		reached = c.place == ownWorkspace && sort != "workspace"
	case toOtherWorkspace:
		reached = c.place == otherWorkspace
	case unbound:
	}
	admin := c.who >= orgAdmin
	switch {
	case c.place == otherOrganization || !reached || c.place == otherWorkspace && !admin || c.who == noRole:
		return nobody
	case c.binding == toEnvironment && sort == "credential":
		return viewer // that it exists, for whomever
	}
	return c.who
}

// want is the answer that is declared, and whether a list holds the object.
func (c cell) want() (status int, listed bool) {
	switch {
	case c.who == stranger:
		return notSigned, false
	case c.scope == allButOwn && c.route.Permission != rest.AnyCaller:
		return forbidden, false
	case (c.own || c.ofAll) && c.binding != unbound:
		return forbidden, false
	case c.creates && (c.binding != unbound || c.who < c.needs):
		return forbidden, false
	case c.lists != theirRoute:
		return c.answer, c.standing(c.lists) != nobody
	case c.of == "":
		return c.answer, false
	}
	switch s := c.standing(c.of); {
	case s == nobody:
		return absent, false
	case s < c.needs:
		return forbidden, false
	}
	return c.answer, false
}

// site is one object of each sort at one place.
type site struct {
	workspace, environment, connection, cluster, credential, organization, team, user string
}

// path is where a route leads at a site: what it takes away was never there.
func (s site) path(r rest.Route) string {
	connection, environment, credential, team, user := s.connection, s.environment, s.credential, s.team, s.user
	if strings.Contains(r.Path, "/kubernetes/") {
		connection = s.cluster
	}
	if r.Method == http.MethodDelete {
		switch {
		case strings.Contains(r.Path, "/connections/{connectionId}") && strings.HasPrefix(r.Path, "/api/environments"):
			connection = missing
		case strings.HasPrefix(r.Path, "/api/workspaces/{workspaceId}/"):
			environment, credential, team, user = missing, missing, missing, missing
		case strings.Contains(r.Path, "/users/{userId}"):
			user = missing
		}
	}
	path := strings.NewReplacer("{workspaceId}", s.workspace, "{environmentId}", environment, "{connectionId}", connection,
		"{credentialId}", credential, "{orgId}", s.organization, "{teamId}", team, "{userId}", user, "{name}", "http", "{registrationId}", missing, "{providerName}", "local",
		"{tokenId}", missing, "{sessionId}", missing).Replace(r.Path)
	switch r.Method + " " + r.Path {
	case "POST /api/identity/orgs/{orgId}/users/{userId}/transfer":
		return strings.Replace(path, s.user, missing, 1)
	case "DELETE /api/integrations/credentials":
		return path + "?credentialId=" + s.credential
	case "DELETE /api/identity/tokens":
		return path + "?tokenId=" + missing
	case "GET /api/system/kubernetes/ping":
		return path + "?connectionId=" + s.cluster
	case "GET /api/access/explain":
		return path + "?permission=connection:read&connection=" + s.connection
	}
	return path
}

// body is a body that changes nothing: what would be made has too long a
// name, and what would be changed becomes what it is. A kubeconfig without a
// context is refused when it is read.
func (s site) body(r rest.Route) any {
	long := strings.Repeat("n", 1000)
	return map[string]any{
		"POST /api/identity/orgs":                                 object{"name": long},
		"PUT /api/identity/orgs/{orgId}":                          object{"description": ""},
		"POST /api/identity/orgs/{orgId}/users":                   object{"email": "nobody"},
		"POST /api/identity/orgs/{orgId}/users/invite":            object{"email": "nobody"},
		"PUT /api/user/prefs":                                     object{"theme": "mauve"},
		"PUT /api/user/password":                                  object{"password": "short"},
		"PUT /api/identity/orgs/{orgId}/users/{userId}":           object{"role": "member"},
		"POST /api/identity/orgs/{orgId}/users/{userId}/transfer": object{"to": s.user},
		"POST /api/identity/orgs/{orgId}/teams":                   object{"name": long},
		"PUT /api/identity/orgs/{orgId}/teams/{teamId}":           object{"description": ""},
		"POST /api/environments":                                  object{"name": long},
		"PUT /api/environments/{environmentId}":                   object{"description": ""},
		"PUT /api/environments/{environmentId}/connections":       object{"connectionIds": []string{s.connection, s.cluster}},
		"POST /api/integrations/connections":                      object{"name": long, "kind": "http", "url": "http://127.0.0.1:1"},
		"POST /api/integrations/connections/register":             object{"kind": "nonsense", "status": "register"},
		"POST /api/integrations/connections/test":                 object{"kind": "nonsense", "url": "http://127.0.0.1:1"},
		"PUT /api/integrations/connections/{connectionId}":        object{"description": ""},
		"POST /api/integrations/credentials":                      object{"name": long, "type": "bearer", "secret": object{"token": "x"}},
		"PUT /api/integrations/credentials":                       object{"id": s.credential},
		"POST /api/identity/tokens":                               object{"name": long},
		"POST /api/identity/tokens/{tokenId}/rotate":              object{},
		"POST /api/workspaces":                                    object{"name": long},
		"PUT /api/workspaces/{workspaceId}":                       object{"description": ""},
	}[r.Method+" "+r.Path]
}

// matrix is the world in which the cells are walked.
type matrix struct {
	*world
	api   *rest.API
	sites map[place]site
	users map[who]belay.ID
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	w := newWorld(t)
	api, err := rest.New(rest.Config{App: w.App(), Gate: w.Gate(), Log: slog.New(slog.DiscardHandler), Version: "v0.0.0-test"})
	if err != nil {
		t.Fatal(err)
	}
	m := &matrix{world: w, api: api, sites: map[place]site{}, users: map[who]belay.ID{orgOwner: w.Admin.UserID}}
	m.sites[ownWorkspace], m.sites[otherWorkspace] = m.site("own", w.person.UserID), m.site("other", w.person.UserID)
	zoe, own := w.NewUser("zoe"), w.Organization
	w.Organization, w.Admin = w.NewOrganization("Foreign", zoe), w.As(zoe)
	m.sites[otherOrganization] = m.site("foreign", zoe)
	w.Organization = own
	for i, role := range map[who]belay.Role{viewer: belay.RoleViewer, operator: belay.RoleOperator, editor: belay.RoleEditor, workspaceAdmin: belay.RoleAdmin} {
		m.users[i] = w.MemberWith(i.String(), m.sites[ownWorkspace].workspace, role).UserID
	}
	m.users[noRole] = w.Member("no role").UserID
	m.users[orgAdmin] = w.NewUser("orgAdmin")
	w.Join(w.Organization, m.users[orgAdmin], belay.OrganizationAdmin)
	return m
}

// site makes one object of each sort, as the administrator of the place.
// user is in the team, and both have a role in the workspace.
func (m *matrix) site(name string, user belay.ID) site {
	m.make(name, name, name, name)
	s := site{m.workspace, m.environment, m.connection, "", m.credential, string(m.Organization), m.team, string(user)}
	s.cluster = m.Admin.Post("/api/integrations/connections", object{"name": name + " cluster", "kind": "kubernetes", "url": "http://127.0.0.1:1"}).Want(made).ID()
	m.Admin.Post("/api/environments/"+s.environment+"/connections/"+s.cluster, nil).Want(made)
	for _, place := range []string{"users/" + s.user, "teams/" + s.team} {
		m.Admin.Post("/api/workspaces/"+s.workspace+"/"+place, object{"role": "viewer"}).Want(ok)
	}
	m.Admin.Post("/api/identity/orgs/"+s.organization+"/teams/"+s.team+"/users/"+s.user, nil).Want(made)
	return s
}

// principal is who calls in a cell.
func (m *matrix) principal(c cell) *belay.Principal {
	role := map[bool]belay.OrganizationRole{true: belay.OrganizationMember, false: belay.OrganizationAdmin}[c.who < orgAdmin]
	if c.who == orgOwner {
		role = belay.OrganizationOwner
	}
	p := &belay.Principal{UserID: m.users[c.who], Provider: belay.LocalProvider, Roles: map[belay.ID]belay.OrganizationRole{m.Organization: role}}
	own := append(c.route.Further(), c.route.Permission)
	switch c.scope {
	case onlyOwn:
		p.Scopes = own
	case allButOwn:
		p.Scopes = slices.DeleteFunc(belay.Permissions(), func(p belay.Permission) bool { return slices.Contains(own, p) })
	case allScopes:
	}
	switch c.binding {
	case toWorkspace:
		p.WorkspaceID = belay.ID(m.sites[ownWorkspace].workspace)
	case toEnvironment:
		p.EnvironmentID = belay.ID(m.sites[ownWorkspace].environment)
	case toOtherWorkspace:
		p.WorkspaceID = belay.ID(m.sites[otherWorkspace].workspace)
	case unbound:
	}
	return p
}

// request is the request of a cell.
func (m *matrix) request(t *testing.T, c cell) *http.Request {
	t.Helper()
	s := m.sites[c.place]
	var content []byte
	media := "application/json"
	if body := s.body(c.route); body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	if c.route.Multipart {
		content, media = form(t, "k8sfile", "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n")
	}
	r := httptest.NewRequestWithContext(t.Context(), c.route.Method, s.path(c.route), bytes.NewReader(content))
	if content != nil {
		r.Header.Set("Content-Type", media)
	}
	r.Header.Set("If-Match", "*")
	if c.answer == outdated {
		r.Header.Set("If-Match", `"999999"`)
	}
	return r
}

// walk sends the request of a cell and compares.
func (m *matrix) walk(t *testing.T, c cell) {
	t.Helper()
	r := m.request(t, c)
	var status int
	var body []byte
	if c.who == stranger {
		header := m.Client(belay.Secret{}).In(t).Do(r.Method, r.URL.String(), nil)
		status, body = header.Status, header.Body
	} else {
		rec := httptest.NewRecorder()
		m.api.ServeHTTP(rec, r.WithContext(belay.WithPrincipal(r.Context(), m.principal(c))))
		status, body = rec.Code, rec.Body.Bytes()
	}
	want, listed := c.want()
	if status != want {
		t.Errorf("%s: %d, want %d: %.300s", c, status, want, body)
		return
	}
	if c.lists == "" || status != ok {
		return
	}
	s := m.sites[c.place]
	id := map[string]string{
		"workspace": s.workspace, "environment": s.environment, "connection": s.connection, "credential": s.credential, "organization": s.organization,
	}[c.lists]
	if got := bytes.Contains(body, []byte(`"id":"`+id+`"`)); got != listed {
		t.Errorf("%s: its %s is in the list: %t, want %t", c, c.lists, got, listed)
	}
}

// TestMatrix walks every cell.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	cells, by := 0, map[string]int{}
	for _, r := range routes() {
		d, known := expected[r.Method+" "+r.Path]
		if !known {
			t.Errorf("%s %s is not declared: say in expected who may use it", r.Method, r.Path)
			continue
		}
		for who := range nobody {
			for place := ownWorkspace; place <= otherOrganization; place++ {
				for scope := allScopes; scope <= allButOwn; scope++ {
					for binding := unbound; binding <= toOtherWorkspace; binding++ {
						if who == stranger && (scope != allScopes || binding != unbound) {
							continue // he has no token
						}
						cells++
						by[resourceOf(r)]++
						m.walk(t, cell{r, d, who, place, scope, binding})
					}
				}
			}
		}
	}
	for name := range expected {
		if !slices.ContainsFunc(routes(), func(r rest.Route) bool { return r.Method+" "+r.Path == name }) {
			t.Errorf("%s is declared and no route", name)
		}
	}
	const each = 3 + int(nobody-1)*3*3*4 // the stranger at three places; everybody else with each token
	if want := len(routes()) * each; cells != want {
		t.Errorf("walked %d cells, want %d", cells, want)
	}
	t.Logf("walked %d cells: %d routes, each as %d callers at 3 places, with 3 sorts of scopes and 4 bindings: %v", cells, len(expected), int(nobody), by)
}

// resourceOf is what a route is about, for the count.
func resourceOf(r rest.Route) string {
	parts := strings.Split(strings.TrimPrefix(r.Path, "/api/"), "/")
	for _, part := range slices.Backward(parts) {
		switch part {
		case "orgs", "teams", "users", "invite", "invitation", "tokens", "sessions", "environments", "connections", "credentials", "workspaces":
			return part
		}
	}
	return parts[0]
}

// TestMatrixOutside asks, as a stranger and as a member, for what the server
// answers beside the API, and for those routes of the API that are open: no
// other is.
func TestMatrixOutside(t *testing.T) {
	w := newWorld(t)
	public := map[string]int{
		"GET /healthz/live": ok, "GET /healthz/ready": ok, "GET /openapi.json": ok, "GET /docs": ok, "GET /docs/errors": ok,
		"GET /docs/errors/{code}": ok, "GET /docs/kinds": ok, "GET /docs/kinds/{name}": ok, "GET /user/login": ok,
		"POST /user/login": http.StatusUnauthorized, "POST /user/logout": http.StatusSeeOther,
		"GET /user/logout": ok, "GET /user/invitation": http.StatusUnauthorized, "POST /user/invitation": http.StatusUnauthorized,
		"GET /.well-known/oauth-authorization-server": ok, "GET /oauth/authorize": http.StatusBadRequest, "POST /oauth/authorize": http.StatusBadRequest,
		"POST /oauth/token": http.StatusBadRequest, "POST /oauth/device": http.StatusBadRequest, "POST /oauth/revoke": http.StatusBadRequest,
		"GET /device": http.StatusSeeOther, "POST /device": http.StatusSeeOther,
		"GET /user/password": http.StatusSeeOther, "POST /user/password": http.StatusSeeOther,
		"POST /api/identity/sessions": badBody, "GET /api/providers": ok, "GET /api/provider": http.StatusBadRequest,
		"GET /user/callback/{providerName}": http.StatusBadRequest, "POST /user/backchannel-logout/{providerName}": http.StatusBadRequest, // local is none of those
	}
	member := w.Member("ann")
	names := slices.Clone(outside)
	for _, r := range rest.Routes() {
		if r.Permission == rest.Anyone {
			names = append(names, r.Method+" "+r.Path)
		}
	}
	if len(names) != len(public) {
		t.Errorf("%d are declared, and there are %d", len(public), len(names))
	}
	for _, name := range names {
		want, known := public[name]
		if !known {
			t.Errorf("%s is not declared: say who may use it", name)
			continue
		}
		method, path, _ := strings.Cut(name, " ")
		path = strings.NewReplacer("{code}", "forbidden", "{name}", "http", "{providerName}", "local").Replace(path)
		if got := w.Client(belay.Secret{}).Do(method, path, nil); got.Status != want {
			t.Errorf("%s as a stranger: %d, want %d: %.200s", name, got.Status, want, got.Body)
		}
		if got := member.Do(method, path, nil); got.Status != want {
			t.Errorf("%s as a member: %d, want %d: %.200s", name, got.Status, want, got.Body)
		}
	}
}
