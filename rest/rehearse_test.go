package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// A dry run of each route that has one is answered as the request would be if
// it is refused, and stores nothing if it is not.
func TestDryRun(t *testing.T) {
	w, tried := newWorld(t), 0
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !slices.Contains(r.Query, "dryRun") {
			return
		}
		path := with(w.address(r), "dryRun=true")
		a.Do(r.Method, path, w.sent(r)).Want(http.StatusNoContent)
		wrong := map[string]any{"name": ""}
		if strings.Contains(r.Path, "/users/") {
			wrong = map[string]any{"role": ""}
		}
		a.Do(r.Method, path, wrong).WantCode(belay.CodeInvalid)
		tried++
	})
	if tried != 13 {
		t.Errorf("%d routes have a dry run", tried)
	}
}

// A dry run contacts no target, and finds what only the database refuses.
func TestDryRunRefuses(t *testing.T) {
	w := newWorld(t)
	connections, credentials := "/api/integrations/connections?dryRun=true", "/api/integrations/credentials?dryRun=true"
	body := func(name, url string) map[string]any {
		return map[string]any{"name": name, "kind": "http", "url": url, "status": "connected"}
	}
	w.Admin.Post(connections, body("fresh", "http://127.0.0.1:1")).Want(http.StatusNoContent)
	w.Admin.Post(connections, body("fresh", "ftp://x")).Want(http.StatusUnprocessableEntity)
	w.Admin.Post("/api/integrations/connections", body("fresh", "http://127.0.0.1:1")).Want(http.StatusCreated)
	w.Admin.Post(connections, body("fresh", "http://127.0.0.1:1")).WantCode(belay.CodeConflict)
	secret := map[string]any{"name": "fresh", "type": "bearer", "secret": map[string]string{"token": "correct-horse"}}
	w.Admin.Post(credentials, secret).Want(http.StatusNoContent)
	w.Admin.Post("/api/integrations/credentials", secret).Want(http.StatusCreated)
	w.Admin.Post(credentials, secret).WantCode(belay.CodeConflict)
	for _, unclear := range []string{"dryRun=perhaps", "dryRun=", "dryRun"} {
		w.Admin.Post("/api/environments?"+unclear, map[string]any{"name": "x"}).WantCode(belay.CodeBadQuery)
	}
}
