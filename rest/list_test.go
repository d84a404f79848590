package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// fill makes environments with these names.
func (w *world) fill(t *testing.T, n int) []string {
	t.Helper()
	var names []string
	for i := range n {
		name := fmt.Sprintf("e%03d", i)
		w.Admin.Post("/api/environments", object{"name": name}).Want(http.StatusCreated)
		names = append(names, name)
	}
	return names
}

type page struct {
	Page, PageSize, TotalCount int
	NextCursor                 string
	Environments               []struct{ ID, Name string }
}

func (p page) names() []string {
	out := []string{}
	for _, e := range p.Environments {
		out = append(out, e.Name)
	}
	return out
}

func (w *world) list(query url.Values) page {
	var p page
	w.Admin.Get("/api/environments?" + query.Encode()).Want(http.StatusOK).Decode(&p)
	return p
}

// TestPages counts through a list and follows its cursors: both show every
// item once, in order, also when the list grows meanwhile.
func TestPages(t *testing.T) { onBoth(t, testPages) }

func testPages(t *testing.T, w *world) {
	t.Helper()
	names := append(w.fill(t, 25), "production")
	for _, order := range []string{"name asc", "name desc"} {
		want := slices.Clone(names)
		if order == "name desc" {
			slices.Reverse(want)
		}
		var counted, followed []string
		for n := range 4 {
			p := w.list(url.Values{"page": {fmt.Sprint(n)}, "pageSize": {"7"}, "order": {order}})
			if p.Page != n || p.PageSize != 7 || p.TotalCount != 26 || (p.NextCursor == "") != (n == 3) {
				t.Errorf("page %d: %+v", n, p)
			}
			counted = append(counted, p.names()...)
		}
		query := url.Values{"pageSize": {"7"}, "order": {order}}
		for {
			p := w.list(query)
			followed = append(followed, p.names()...)
			if p.NextCursor == "" {
				break
			}
			query.Set("cursor", p.NextCursor)
		}
		if !slices.Equal(counted, want) || !slices.Equal(followed, want) {
			t.Errorf("order %s:\ncounted  %v\nfollowed %v\nwant     %v", order, counted, followed, want)
		}
	}
	first := w.list(url.Values{"pageSize": {"5"}})
	w.Admin.Post("/api/environments", object{"name": "a new first one"}).Want(http.StatusCreated)
	if next := w.list(url.Values{"pageSize": {"5"}, "cursor": {first.NextCursor}}); next.names()[0] != "e005" {
		t.Errorf("the cursor leads to %v", next.names())
	}
	w.Admin.Get("/api/environments?order=createdAt&cursor=" + first.NextCursor).Want(http.StatusBadRequest) // of another order
	w.Admin.Get("/api/environments?order=name+desc&cursor=" + first.NextCursor).Want(http.StatusBadRequest)
}

// TestPageSizes tries the sizes and their spellings.
func TestPageSizes(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 104)
	for query, want := range map[string]int{
		"": 10, "pageSize=3": 3, "pagesize=3": 3, "page_size=3": 3, "pageSize=all": 100, "pageSize=1000": 100, "pageSize=0": 10, "pageSize=": 10,
	} {
		var p page
		w.Admin.Get("/api/environments?" + query).Want(http.StatusOK).Decode(&p)
		if p.PageSize != want || len(p.Environments) != want || p.TotalCount != 105 {
			t.Errorf("%s: size %d with %d items of %d, want %d", query, p.PageSize, len(p.Environments), p.TotalCount, want)
		}
	}
	if p := w.list(url.Values{"page": {"1000000"}}); len(p.Environments) != 0 || p.TotalCount != 105 {
		t.Errorf("beyond the end: %+v", p)
	}
}

// TestSearch finds by the beginnings of words, in any case.
func TestSearch(t *testing.T) { onBoth(t, testSearch) }

func testSearch(t *testing.T, w *world) {
	t.Helper()
	for _, name := range []string{"Payments EU", "payments us", "100%_sure", "Ümlaut", `back\slash`, "o'clock"} {
		w.Admin.Post("/api/environments", object{"name": name}).Want(http.StatusCreated)
	}
	for search, want := range map[string][]string{
		"PAY": {"Payments EU", "payments us"}, "pay eu": {"Payments EU"}, "eu pay": {"Payments EU"}, "ments": {},
		"ümlaut": {"Ümlaut"}, "%": {}, "_": {}, "100%_": {"100%_sure"}, "'": {}, "o'clock": {"o'clock"}, "' or '1'='1": {},
	} {
		got := w.list(url.Values{"search": {search}}).names()
		if search == "%" || search == "_" || search == "'" {
			continue // no words: what they find is the store's business, but never an error
		}
		if !slices.Equal(got, want) {
			t.Errorf("search %q: %v, want %v", search, got, want)
		}
	}
}

// listFilters are filters of each list that leave nothing of the world.
func listFilters() map[string][]string {
	connections := []string{
		`{"assigned":false}`, `{"environment":"none"}`, `{"workspace":"` + missing + `"}`, `{"credential":"` + missing + `"}`,
		`{"kind":["zyx"]}`, `{"status":["ignored"]}`, `{"type":["zyx"]}`, `{"health":["degraded"]}`, `{"labels":{"zyx":"1"}}`, `{"name":"zyx"}`,
	}
	return map[string][]string{
		"/api/environments":                               {`{"workspace":"` + missing + `"}`, `{"connection":"` + missing + `"}`, `{"deleted":true}`},
		"/api/environments/{environmentId}/connections":   connections,
		"/api/integrations/connections":                   append(connections, otherEnvironment),
		"/api/integrations/credentials":                   {`{"deleted":true}`},
		"/api/workspaces":                                 {`{"environment":"` + missing + `"}`, `{"deleted":true}`},
		"/api/workspaces/{workspaceId}/environments":      {`{"assigned":false}`},
		"/api/workspaces/{workspaceId}/teams":             {`{"assigned":false}`},
		"/api/workspaces/{workspaceId}/users":             {`{"assigned":false}`},
		"/api/identity/orgs":                              {`{"deleted":true}`},
		"/api/identity/orgs/{orgId}/users":                {`{"role":["admin"]}`, `{"team":"` + missing + `"}`, `{"workspace":"` + missing + `"}`, `{"email":"zyx@example.com"}`},
		"/api/identity/orgs/{orgId}/teams":                {`{"user":"` + missing + `"}`, `{"workspace":"` + missing + `"}`, `{"deleted":true}`},
		"/api/identity/orgs/{orgId}/teams/{teamId}/users": {`{"assigned":true}`},
		"/api/identity/tokens":                            {`{"ended":true}`, `{"prefix":"` + belay.TokenMarker + `zyxwvuts"}`},
	}
}

const otherEnvironment = `{"environment":"` + missing + `"}`

// Every parameter of every list narrows it, down to nothing: none is taken and
// ignored.
func TestNoParameterIsIgnored(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"integrations/connections/{connectionId}/test", "workspaces/{workspaceId}/teams/{teamId}",
		"workspaces/{workspaceId}/users/{userId}", "workspaces/{workspaceId}/users/" + string(w.Admin.UserID),
	} {
		w.Admin.Post(w.path("/api/"+path), nil).Want(http.StatusOK)
	}
	teams := w.path("/api/identity/orgs/{orgId}/teams")
	crew := w.Admin.Post(teams, object{"name": "crew"}).Want(http.StatusCreated).ID()
	w.Admin.Post(w.path(teams+"/"+crew+"/users/{userId}"), nil).Want(http.StatusCreated)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/teams/")+crew, nil).Want(http.StatusOK)
	narrow := map[string][]string{
		"search": {"search=zyx"}, "name": {"name=zyx"}, "kind": {"kind=zyx"}, "type": {"type=zyx"}, "label": {"label=zyx=1"},
		"status": {"status=ignored"}, "health": {"health=degraded"}, "isOauth": {"isOauth=true"}, "everyone": {"everyone=true"},
		"teamId": {"teamId=" + missing},
	}
	// What a page is shows in TestPages and TestPageSizes, and all is a size.
	// Whose access it is changes what is said of the connections, not which.
	pages := []string{"page", "pageSize", "pagesize", "page_size", "cursor", "order", "all", "user"}
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if r.Method != http.MethodGet || !slices.Contains(r.Query, "page") {
			return
		}
		path := w.path(r.Path)
		if r.Path == "/api/identity/teams/{teamId}/users" { // of one that has some
			path = strings.Replace(path, w.team, crew, 1)
		}
		total := func(query string) any {
			return a.Get(path + query).Want(http.StatusOK).Object()["totalCount"]
		}
		if n := total(""); n == 0.0 {
			t.Fatal("there is nothing that could be left out")
		}
		for _, name := range r.Query {
			queries := narrow[name]
			if name == "filter" {
				for _, f := range listFilters()[r.Path] {
					queries = append(queries, "filter="+url.QueryEscape(f))
				}
			}
			if len(queries) == 0 && !slices.Contains(pages, name) {
				t.Errorf("%s is not tried", name)
			}
			for _, q := range queries {
				if n := total("?" + q); n != 0.0 {
					t.Errorf("%s: %v are left", q, n)
				}
			}
		}
	})
}

// What one environment holds cannot be narrowed to another.
func TestTwoEnvironments(t *testing.T) {
	w := newWorld(t)
	path := w.path("/api/environments/{environmentId}/connections") + "?filter="
	wantFields(t, w.Admin.Get(path+url.QueryEscape(otherEnvironment)).Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery), "filter")
	if n := w.Admin.Get(path + url.QueryEscape(`{"environment":"`+w.environment+`"}`)).Want(http.StatusOK).Object()["totalCount"]; n != 1.0 {
		t.Errorf("of the same environment there are %v", n)
	}
}

// TestConnectionFilters narrows the list of connections in every way.
func TestConnectionFilters(t *testing.T) { onBoth(t, testConnectionFilters) }

func testConnectionFilters(t *testing.T, w *world) {
	t.Helper()
	a := w.Admin
	a.Post("/api/integrations/connections", object{
		"name": "Metrics", "kind": "prometheus", "url": w.target.URL, "labels": object{"tier": "gold", "zone": "a"}, "status": "maintenance",
	}).Want(http.StatusCreated)
	a.Post(w.path("/api/integrations/connections/{connectionId}/test"), nil).Want(http.StatusOK)
	filter := func(f string) string { return "filter=" + url.QueryEscape(f) }
	all, shop, metrics := []string{"Metrics", "shop"}, []string{"shop"}, []string{"Metrics"}
	for query, want := range map[string][]string{
		"":                                   all,
		"kind=http":                          shop,
		"kind=http&kind=prometheus":          all,
		`kind=["http","prometheus"]`:         all,
		"kind=nonsense":                      {},
		"status=maintenance":                 metrics,
		"status=not+found":                   {},
		"health=healthy":                     shop,
		"health=unchecked&health=unhealthy":  metrics,
		"type=telemetry":                     metrics,
		"label=tier%3Dgold":                  metrics,
		"label=tier%3Dgold&label=zone%3Db":   {},
		"name=shop":                          shop,
		"search=met&kind=http":               {},
		filter(`{"kind":["http"]}`):          shop,
		filter(`{"status":["maintenance"]}`): metrics,
		filter(`{"health":["healthy"]}`):     shop,
		filter(`{"labels":{"tier":"gold"}}`): metrics,
		filter(`{"name":"SHOP"}`):            shop,
		filter(`{"name":"sho"}`):             {},
		filter(`{"environment":"none"}`):     metrics,
		filter(`{"assigned":false}`):         metrics,
		filter(`{"assigned":true}`):          all,
		filter(`{"workspace":null}`):         all,
		filter(w.path(`{"environment":"`) + w.environment + `"}`): shop,
		filter(`{"workspace":"` + w.workspace + `"}`):             shop,
		filter(`{"credential":"` + w.credential + `"}`):           shop,
		filter(`{"credential":"` + missing + `"}`):                {},
	} {
		got := []string{}
		for _, c := range a.Get("/api/integrations/connections?" + query).Want(http.StatusOK).Items("connections") {
			got = append(got, fmt.Sprint(c["name"]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	unassigned := a.Get(w.path("/api/environments/{environmentId}/connections?") + filter(`{"assigned":false}`)).Items("connections")
	if len(unassigned) != 1 || unassigned[0]["name"] != "Metrics" {
		t.Errorf("not in the environment: %v", unassigned)
	}
}
