package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// TestStrangers sends every route what proves nothing.
func TestStrangers(t *testing.T) {
	w := newWorld(t)
	stranger := w.Client(belay.Secret{})
	fake, _, err := belay.NewToken(strings.NewReader(strings.Repeat("0123456789abcdef", 64)))
	if err != nil {
		t.Fatal(err)
	}
	w.eachRoute(t, func(t *testing.T, _ *belaytest.Client, r rest.Route) {
		for header, value := range map[string]string{
			"": "", "Authorization": "Bearer " + string(fake.Reveal()), "authorization": "Basic YTpi", "AUTHORIZATION": "Bearer",
			"Cookie": "belay_session=nonsense", "cookie": "token=nonsense",
		} {
			a := stranger.In(t)
			if header != "" {
				a = a.With(header, value)
			}
			answer := a.Do(r.Method, w.address(r), w.sent(r)).Want(http.StatusUnauthorized)
			answer.WantCode(belay.CodeUnauthenticated)
			if !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate is %q", answer.Header.Get("WWW-Authenticate"))
			}
		}
	})
	stranger.Get("/api/nonsense").Want(http.StatusUnauthorized)
	stranger.Get("/healthz/live").Want(http.StatusOK)
	stranger.Get("/healthz/ready").Want(http.StatusOK)
	stranger.Get("/openapi.json").Want(http.StatusOK)
	stranger.Get("/docs").Want(http.StatusOK)
	stranger.Get("/docs/errors/forbidden").Want(http.StatusOK)
	stranger.Get("/docs/errors/unhealthy").Want(http.StatusOK)
	stranger.Get("/user/login").Want(http.StatusOK)
}

// use carries out a route as it is meant to be used.
func (w *world) use(t *testing.T, a *belaytest.Client, r rest.Route) *belaytest.Answer {
	t.Helper()
	a = a.In(t).With("If-Match", "*")
	if r.Multipart {
		body, media := form(t, "k8sfile", kubeconfig)
		return a.With("Content-Type", media).Do(r.Method, w.address(r), body)
	}
	return a.Do(r.Method, w.address(r), w.sent(r))
}

// TestScopes uses each route with a token for every other permission: what
// it asks for is what the table of routes says.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	without := map[belay.Permission]*belaytest.Client{}
	for _, p := range belay.Permissions() {
		without[p] = w.As(w.Admin.UserID, slices.DeleteFunc(belay.Permissions(), func(q belay.Permission) bool { return p == q })...)
	}
	nothing := w.As(w.Admin.UserID, "nothing:at-all") // which no route asks for
	w.setPassword()
	w.connection = w.Admin.Post("/api/integrations/connections", object{"name": "alone", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	w.eachRoute(t, func(t *testing.T, _ *belaytest.Client, r rest.Route) {
		if r.Permission == rest.AnyCaller {
			w.use(t, nothing, r).Want(r.Status)
			return
		}
		for _, needed := range append(r.Further(), r.Permission) {
			p := w.use(t, without[needed], r).Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
			wantText(t, p, string(needed))
		}
		w.use(t, nothing, r).Want(http.StatusForbidden)
	})
}

// TestOwnScope uses each route with a token for what it asks for and nothing
// else: no route asks for more than it says.
func TestOwnScope(t *testing.T) {
	w := newWorld(t)
	for i, r := range routes() {
		if r.Permission == rest.AnyCaller {
			continue
		}
		if r.Permission == belay.PermissionUserWrite {
			w.setPassword()
		}
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			w := w
			if r.Permission == belay.PermissionOrganizationWrite { // in a world of its own, where there are others
				w = newWorld(t)
				w.NewOrganization("Second", w.Admin.UserID)
			} else {
				w.fresh(fmt.Sprint("fresh", i), r)
			}
			want := r.Status
			if r.Method+" "+r.Path == "DELETE /api/environments/{environmentId}/test" { // of which none is under way
				want = http.StatusNotFound
			}
			w.use(t, w.As(w.Admin.UserID, append(r.Further(), r.Permission)...), r).Want(want)
		})
	}
}

// fresh makes new objects on which a route can be carried out.
func (w *world) fresh(name string, r rest.Route) {
	w.person = w.Member(name)
	w.make(name, name, name, name)
	w.other = name + " other"
	if strings.Contains(r.Path, "kubernetes/") {
		w.connection = w.Admin.Post("/api/integrations/connections", object{
			"name": name + " cluster", "kind": "kubernetes", "url": "http://127.0.0.1:1",
		}).Want(http.StatusCreated).ID()
	}
	if r.Method == http.MethodDelete && r.Path == "/api/integrations/credentials" {
		w.Admin.Put(w.path("/api/integrations/connections/{connectionId}"), object{"credentialId": nil}).Want(http.StatusOK)
	}
	if object, ok := strings.CutSuffix(r.Path, "/restore"); ok && !strings.Contains(object, "credentials") {
		w.Admin.Delete(w.path(object)).Want(http.StatusNoContent)
	} else if ok {
		w.Admin.Delete(with("/api/integrations/credentials?credentialId="+w.credential, "detach=true")).Want(http.StatusNoContent)
	}
}

// ofAll tells whether a route is about what every member of an organization
// sees: itself, its members and its teams.
func ofAll(r rest.Route) bool {
	return strings.Contains(r.Path, "{orgId}") || strings.Contains(r.Path, "/identity/teams/")
}

// TestUnreadable asks for what exists and is not shared with the caller, and
// for what does not exist: the answers differ in nothing.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	member := w.Member("ann")
	w.eachRoute(t, func(t *testing.T, _ *belaytest.Client, r rest.Route) {
		if !strings.Contains(r.Path, "Id}") || r.Multipart {
			return
		}
		ask := func(path string) string {
			answer := member.In(t).With("If-Match", "*").With("X-Request-ID", "same").Do(r.Method, path, w.sent(r)).Want(http.StatusNotFound)
			return answer.Header.Get("ETag") + strings.ReplaceAll(string(answer.Body), path, "PATH")
		}
		absent := r.Path
		for _, name := range []string{"{workspaceId}", "{environmentId}", "{connectionId}", "{credentialId}", "{teamId}", "{userId}", "{orgId}", "{tokenId}", "{sessionId}"} {
			absent = strings.ReplaceAll(absent, name, missing)
		}
		if ofAll(r) || strings.Contains(r.Path, "{registrationId}") {
			return // the member is in the organization; a registration is nothing stored
		}
		if there, not := ask(w.address(r)), ask(absent); there != not {
			t.Errorf("what is not shared: %s\nwhat is not there: %s", there, not)
		}
	})
	for _, path := range []string{"/api/integrations/credentials?credentialId=", "/api/system/kubernetes/ping?connectionId="} {
		method := map[bool]string{true: http.MethodDelete, false: http.MethodGet}[strings.Contains(path, "credentialId")]
		id := map[bool]string{true: w.credential, false: w.connection}[strings.Contains(path, "credentialId")]
		a := member.With("X-Request-ID", "same")
		if there, not := a.Do(method, path+id, nil).Want(http.StatusNotFound), a.Do(method, path+missing, nil).Want(http.StatusNotFound); string(there.Body) != string(not.Body) {
			t.Errorf("%s\n%s", there.Body, not.Body)
		}
	}
}

// TestUnreadableInBody names, inside a body, what exists and is not shared,
// and what does not exist.
func TestUnreadableInBody(t *testing.T) {
	w := newWorld(t)
	member := w.Member("ann").With("X-Request-ID", "same")
	environment := member.Post("/api/environments", object{"name": "mine"}).Want(http.StatusCreated).ID()
	draft := func(id string) object {
		return object{"name": "mine", "kind": "http", "url": w.target.URL, "credentialId": id}
	}
	for _, ask := range []func(connection, credential string) *belaytest.Answer{
		func(_, credential string) *belaytest.Answer {
			return member.Post("/api/integrations/connections", draft(credential))
		},
		func(_, credential string) *belaytest.Answer {
			return member.Post("/api/integrations/connections/test", draft(credential))
		},
		func(_, credential string) *belaytest.Answer {
			return member.Put("/api/integrations/credentials", object{"id": credential, "name": "x"})
		},
		func(connection, _ string) *belaytest.Answer {
			return member.With("If-Match", "*").Put("/api/environments/"+environment+"/connections", object{"connectionIds": []string{connection}})
		},
		func(connection, _ string) *belaytest.Answer {
			return member.With("If-Match", "*").Put("/api/environments/"+environment+"/connections", object{"connectionIds": []string{connection}})
		},
	} {
		there, not := ask(w.connection, w.credential), ask(missing, missing)
		if there.Status < 400 || string(there.Body) != string(not.Body) {
			t.Errorf("what is not shared: %s\nwhat is not there: %s", there.Body, not.Body)
		}
	}
}

// TestForbiddenNamesPermission lets a viewer try what he may not.
func TestForbiddenNamesPermission(t *testing.T) {
	w := newWorld(t)
	viewer := w.MemberWith("ann", w.workspace, belay.RoleViewer)
	w.eachRoute(t, func(t *testing.T, _ *belaytest.Client, r rest.Route) {
		creates := strings.Contains(r.Path, "/register") || r.Path == "/api/environments" || r.Path == "/api/integrations/connections" || r.Path == "/api/integrations/credentials" && r.Method == http.MethodPost
		reads := (r.Method == http.MethodGet && r.Path != "/api/system/kubernetes/ping") || strings.HasSuffix(r.Path, "connections/test")
		own := strings.HasPrefix(r.Path, "/api/identity/tokens") || strings.HasPrefix(r.Path, "/api/identity/sessions") || r.Permission == belay.PermissionUserWrite
		if creates || reads || own || r.Multipart {
			return // anybody may make things of his own
		}
		p := viewer.In(t).With("If-Match", "*").Do(r.Method, w.address(r), w.sent(r)).Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
		wantText(t, p, string(r.Permission))
	})
}

// TestOrganizations is about who belongs to two organizations.
func TestOrganizations(t *testing.T) {
	w := newWorld(t)
	second := w.NewOrganization("Second", w.Admin.UserID)
	foreign := w.NewOrganization("Foreign", w.NewUser("zoe"))
	a := w.As(w.Admin.UserID)
	for _, r := range routes() {
		if r.Multipart || strings.Contains(r.Path, "{") || r.Permission == rest.AnyCaller {
			continue
		}
		if r.Method == http.MethodPut || r.Method == http.MethodDelete || r.Path == "/api/system/kubernetes/ping" ||
			slices.Contains([]belay.Permission{belay.PermissionUserRead, belay.PermissionOrganizationRead, belay.PermissionOrganizationWrite, belay.PermissionKindRead, belay.PermissionTokenRead, belay.PermissionTokenWrite, belay.PermissionSessionRead}, r.Permission) {
			continue // is about one object, or about no organization
		}
		p := a.Do(r.Method, r.Path, w.sent(r)).Want(http.StatusBadRequest).WantCode(belay.CodeOrganizationRequired)
		wantText(t, p, "orgId is required")
		for _, org := range []string{string(foreign), missing} {
			a.Do(r.Method, r.Path+"?orgId="+org, w.sent(r)).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		}
		if r.Method == http.MethodGet {
			a.Get(r.Path + "?orgId=" + string(second)).Want(http.StatusOK)
			a.Get(r.Path + "?orgID=" + string(w.Organization)).Want(http.StatusOK)
		}
	}
	// One object is found in any of the caller's organizations, and only in
	// the one that is named.
	for _, path := range []string{"/api/environments/{environmentId}", "/api/integrations/connections/{connectionId}", "/api/integrations/credentials/{credentialId}", "/api/workspaces/{workspaceId}"} {
		a.Get(w.path(path)).Want(http.StatusOK)
		a.Get(w.path(path) + "?orgId=" + string(w.Organization)).Want(http.StatusOK)
		a.Get(w.path(path) + "?orgId=" + string(second)).Want(http.StatusNotFound)
	}
	a.Get("/api/identity/orgs/" + string(foreign)).Want(http.StatusNotFound)
}

// TestOrganizationsDoNotMix tries to put what belongs to one organization
// into another.
func TestOrganizationsDoNotMix(t *testing.T) {
	w := newWorld(t)
	second := string(w.NewOrganization("Second", w.Admin.UserID))
	a := w.As(w.Admin.UserID)
	environment := a.Post("/api/environments", object{"name": "production", "organizationId": second}).Want(http.StatusCreated).ID()
	workspace := a.Post("/api/workspaces?orgId="+second, object{"name": "payments"}).Want(http.StatusCreated).ID()
	before := w.Stored()
	a.Post("/api/environments/"+environment+"/connections/"+w.connection, nil).Want(http.StatusNotFound)
	a.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusNotFound)
	a.Post("/api/workspaces/"+workspace+"/credentials/"+w.credential, nil).Want(http.StatusNotFound)
	a.With("If-Match", "*").Put("/api/environments/"+environment+"/connections", object{"connectionIds": []string{w.connection}}).Want(http.StatusUnprocessableEntity)
	a.Post("/api/integrations/connections?orgId="+second, object{"name": "x", "kind": "http", "url": w.target.URL, "credentialId": w.credential}).Want(http.StatusUnprocessableEntity)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
}

// TestRequestID gives requests an id, well-formed or not.
func TestRequestID(t *testing.T) {
	w := newWorld(t)
	for given, kept := range map[string]bool{
		"": false, "my-id": true, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": true,
		"with space": false, strings.Repeat("a", 129): false, "<b>": false, "ü": false,
	} {
		for _, path := range []string{"/api/user", "/api/nonsense", "/healthz/live", "/nonsense"} {
			answer := w.Admin.With("X-Request-ID", given).Get(path)
			got := answer.Header.Get("X-Request-ID")
			if got == "" || (got == given) != kept {
				t.Errorf("%s: given %q, answered %q", path, given, got)
			}
			if !strings.Contains(w.Log(), got) {
				t.Errorf("%s: %q is not in the log", path, got)
			}
		}
	}
}

// TestBrowser changes something with a cookie: only from the server's own
// pages.
func TestBrowser(t *testing.T) {
	w := newWorld(t)
	b := w.Browser(w.Admin.UserID)
	create := func(c *belaytest.Client, name string) *belaytest.Answer {
		return c.Post("/api/environments", object{"name": name})
	}
	b.Get("/api/user").Want(http.StatusOK)
	create(b.With("Sec-Fetch-Site", "same-origin"), "a").Want(http.StatusCreated)
	create(b.With("Origin", w.URL()), "b").Want(http.StatusCreated)
	before := w.Stored()
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"} {
		create(b.With(header, value), "c").Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	token := w.Token(belay.Token{UserID: w.Admin.UserID})
	w.Client(belay.Secret{}).With("Cookie", "token="+string(token.Reveal())).Get("/api/user").Want(http.StatusOK)
	b.With("Sec-Fetch-Site", "same-origin").Post("/user/logout", nil).Want(http.StatusSeeOther)
	b.Get("/api/user").Want(http.StatusUnauthorized)
}
