package rest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// TestBadQuery sends parameters that cannot be answered to every route.
func TestBadQuery(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		path := w.address(r)
		refused := func(query string, pointer string, say ...string) {
			t.Helper()
			p := a.Do(r.Method, with(path, query), w.sent(r)).Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery)
			if pointer != "" {
				wantFields(t, p, pointer)
			}
			wantText(t, p, say...)
		}
		refused("nonsense=1", "nonsense", append(slices.Clone(r.Query), "orgId")...)
		refused("orgId=%00", "orgId")
		refused("provider=%ff", "provider")
		refused("orgId=nonsense", "orgId", "UUID")
		refused("orgID=nonsense", "orgID", "UUID")
		refused("orgId="+missing+"&orgId="+missing, "orgId", "twice")
		refused("orgId="+missing+"&orgID="+missing, "orgID", "another spelling")
		refused("%zz", "")
		refused("orgId="+missing+";x", "")
		for _, name := range r.Query {
			w.badParameter(t, name, refused)
		}
	})
}

// sent is the body of a request that would be carried out.
func (w *world) sent(r rest.Route) any {
	if b := w.body(r); b != nil {
		return b
	}
	return nil
}

// badParameter sends the wrong values of one parameter.
func (w *world) badParameter(t *testing.T, name string, refused func(query, pointer string, say ...string)) {
	t.Helper()
	q := url.QueryEscape
	switch name {
	case "page", "pageSize", "pagesize", "page_size":
		for _, v := range []string{"-1", "x", "1.5", "99999999999999999999", "1e3", " 1"} {
			refused(name+"="+q(v), name, "whole number")
		}
	case "cursor":
		for _, v := range []string{"x", "****", strings.Repeat("a", 5000), "bnVsbA", "e30"} {
			refused(name+"="+q(v), name)
		}
	case "search":
		refused(name+"="+strings.Repeat("a", 501), name)
	case "permission", "workspace", "environment", "connection", "credential":
		// TestExplain sends what they do not take.
	case "order":
		refused("order=nonsense", "order", "it can be")
		refused("order="+q("name sideways"), "order", "asc")
		refused("order="+q("name;drop table connections"), "order")
		refused("order="+q("name asc desc"), "order")
	case "filter":
		for _, v := range []string{"x", "[]", "1", `{"nonsense":1}`, `{`, `{"a":1}{}`, `{"workspace":1,"connection":1,"environment":1,"assigned":1}`} {
			refused("filter="+q(v), "filter", "it can hold")
		}
		refused("filter="+q(`{"x":"`+strings.Repeat("a", 5000)+`"}`), "filter")
	case "status", "health":
		refused(name+"=nonsense", name, "must be one of")
		refused(name+"="+q(`["nonsense"]`), name, "must be one of")
		refused(name+"="+q(`[1]`), name, "JSON array")
		refused(name+"="+q(`[`), name, "JSON array")
	case "kind", "type":
		refused(name+"="+q(`[1]`), name, "JSON array")
		refused(strings.Repeat(name+"=a&", 51), name, "50")
	case "group":
		refused("group="+strings.Repeat("a", 513), "group", "512")
		refused(strings.Repeat("group=a&", 1001), "group", "1000")
	case "label":
		refused("label=nonsense", "label", "KEY=VALUE")
		refused("label="+q("=x"), "label", "KEY=VALUE")
	case "credentialId", "connectionId", "tokenId":
		// Where it is required, it is there already.
	case "user", "userId", "teamId":
		refused(name+"=nonsense", name, "UUID")
	case "all", "detach", "dryRun", "everyone", "isOauth":
		refused(name+"=yes", name, "true or false")
	case "name", "purpose":
	default:
		t.Errorf("the parameter %s is not tested", name)
	}
}

// TestOrderListsColumns asks each list to sort by what it cannot, and then
// by everything that it says it can.
func TestOrderListsColumns(t *testing.T) { onBoth(t, testOrderListsColumns) }

func testOrderListsColumns(t *testing.T, w *world) {
	t.Helper()
	for _, r := range routes() {
		if !slices.Contains(r.Query, "order") {
			continue
		}
		t.Run(r.Path, func(t *testing.T) {
			a := w.Admin.In(t)
			p := a.Get(with(w.address(r), "order=nonsense")).WantCode(belay.CodeBadQuery)
			_, list, ok := strings.Cut(p.Errors[0].Message, "it can be ")
			if !ok {
				t.Fatalf("the columns are not listed: %+v", p)
			}
			for column := range strings.SplitSeq(list, ", ") {
				for _, direction := range []string{"", " asc", " desc"} {
					a.Get(with(w.address(r), "order="+url.QueryEscape(column+direction))).Want(http.StatusOK)
				}
			}
		})
	}
}

// TestPathNamesNothing sends paths that name no object: the answer is the
// same as for an object that does not exist.
func TestPathNamesNothing(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !strings.Contains(r.Path, "{") {
			return
		}
		for _, id := range []string{"nonsense", "%00", "%ff", "..%2f..", "%27%20or%201=1", missing[:35], missing + "0", strings.Repeat("a", 4000), "*"} {
			path := r.Path
			for _, name := range []string{"{workspaceId}", "{environmentId}", "{connectionId}", "{credentialId}", "{orgId}", "{teamId}", "{userId}", "{name}", "{registrationId}", "{tokenId}", "{sessionId}"} {
				path = strings.ReplaceAll(path, name, id)
			}
			a.With("If-Match", "*").Do(r.Method, path, w.sent(r)).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		}
	})
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/api/", "/api/nonsense", "/api/environments/" + w.environment + "/nonsense", "/api/environments/", "/api/integrations"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, "NONSENSE"} {
			w.Admin.Do(method, path, nil).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		}
	}
}

// TestNoRedirects sends paths that a router might want to tidy up: an API
// that redirects makes clients repeat a request that they did not send.
func TestNoRedirects(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/api//environments", "/api/./environments", "/api/workspaces/../environments", "/api", "/api/environments/%2e%2e/workspaces", "//api/environments"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w.Admin.Do(method, path, nil).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		}
	}
}

// TestMethodNotAllowed sends every method that a path does not have.
func TestMethodNotAllowed(t *testing.T) {
	w := newWorld(t)
	methods := map[string][]string{}
	for _, r := range rest.Routes() {
		methods[r.Path] = append(methods[r.Path], r.Method)
	}
	for path, allowed := range methods {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "NONSENSE"} {
			if slices.Contains(allowed, method) {
				continue
			}
			named := strings.HasSuffix(path, "/connections/test") || strings.HasSuffix(path, "/connections/register") || strings.HasSuffix(path, "/users/invite")
			if named && (method == http.MethodPut || method == http.MethodDelete) {
				continue // is about the connection or user with that id, of which there is none
			}
			answer := w.Admin.Do(method, w.path(path), nil).Want(http.StatusMethodNotAllowed)
			answer.WantCode(belay.CodeMethodNotAllowed)
			for _, want := range allowed {
				if !slices.Contains(strings.Split(answer.Header.Get("Allow"), ", "), want) {
					t.Errorf("%s %s: Allow is %q, without %s", method, path, answer.Header.Get("Allow"), want)
				}
			}
		}
	}
}

// TestProvider names where the caller comes from, in each of the ways in
// which Meshery's clients do.
func TestProvider(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		path := w.address(r)
		for name, ask := range map[string]func(provider string) *belaytest.Answer{
			"provider": func(p string) *belaytest.Answer { return a.Do(r.Method, with(path, "provider="+p), w.sent(r)) },
			"header":   func(p string) *belaytest.Answer { return a.With("meshery-provider", p).Do(r.Method, path, w.sent(r)) },
			"cookie": func(p string) *belaytest.Answer {
				return a.With("Cookie", "meshery-provider="+p).Do(r.Method, path, w.sent(r))
			},
		} {
			p := ask("Meshery").Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery)
			wantText(t, p, "is no provider of this server; it has: local")
			pointer := map[bool]string{true: "provider", false: "meshery-provider"}[name == "provider"]
			wantFields(t, p, pointer)
		}
	})
	for _, known := range []string{"local", ""} {
		w.Admin.Get("/api/user?provider=" + known).Want(http.StatusOK)
		w.Admin.With("meshery-provider", known).Get("/api/user").Want(http.StatusOK)
		w.Admin.With("Cookie", "meshery-provider="+known).Get("/api/user").Want(http.StatusOK)
	}
	// What another server on this host has left in the browser says nothing
	// about a session here.
	b := w.Browser(w.Admin.UserID)
	b.With("meshery-provider", "Meshery").Get("/api/user").Want(http.StatusBadRequest)

	b.WithCookie("meshery-provider=Meshery").Get("/api/user").Want(http.StatusOK)
}
