package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay"
	"belay/belaytest"
)

// ways writes what a list of access says as text.
func ways(a *belaytest.Answer) (out []string) {
	var page struct {
		Access []struct {
			Name        string
			Permissions []string
			Because     [][]struct{ Type, Name, Role string }
		}
	}
	a.Decode(&page)
	for _, c := range page.Access {
		line := c.Name + ": " + strings.Join(c.Permissions, ",")
		for _, way := range c.Because {
			line += ";"
			for _, s := range way {
				line += " " + strings.Join(strings.Fields(s.Type+" "+s.Name+" "+s.Role), " ")
			}
		}
		out = append(out, line)
	}
	return out
}

// TestWorkspaceAccess asks what people may in a workspace, and because of
// what.
func TestWorkspaceAccess(t *testing.T) { onBoth(t, testWorkspaceAccess) }

func testWorkspaceAccess(t *testing.T, w *world) {
	path := w.path("/api/workspaces/{workspaceId}/access")
	of := func(user belay.ID) string { return path + "?user=" + string(user) }
	second := w.Admin.Post("/api/environments", object{"name": "dev"}).Want(http.StatusCreated).ID()
	w.Admin.Post("/api/environments/"+second+"/connections/"+w.connection, nil).Want(http.StatusCreated)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/environments/")+second, nil).Want(http.StatusOK)
	ask := func(c *belaytest.Client, user belay.ID) string {
		return strings.Join(ways(c.Get(of(user)).Want(http.StatusOK)), "\n")
	}
	if got := ask(w.Admin, w.person.UserID); got != "shop: " {
		t.Errorf("without a role: %q", got)
	}
	w.Admin.Post(w.path("/api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}"), nil).Want(http.StatusCreated)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/teams/{teamId}"), nil).Want(http.StatusOK)
	const team = "; team payments workspace payments operator environment dev; team payments workspace payments operator environment production"
	for _, got := range []string{ask(w.Admin, w.person.UserID), ask(w.person, w.person.UserID), strings.Join(ways(w.person.Get(path).Want(http.StatusOK)), "\n")} {
		if got != "shop: connection:read,connection:use"+team {
			t.Errorf("through a team: %q", got)
		}
	}
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/users/{userId}"), object{"role": "editor"}).Want(http.StatusOK)
	if got := ask(w.Admin, w.person.UserID); !strings.HasPrefix(got, "shop: connection:read,connection:use,connection:write;") || !strings.Contains(got, "; workspace payments editor environment dev") {
		t.Errorf("by himself too: %q", got)
	}
	if got := ask(w.Admin, w.Admin.UserID); got != "shop: connection:read,connection:use,connection:write; organization owner; connection shop owner" {
		t.Errorf("the administrator: %q", got)
	}
	// What of others, only who may assign sees.
	wantText(t, w.person.Get(of(w.Admin.UserID)).Want(http.StatusForbidden).Problem(), string(belay.PermissionWorkspaceAssign))
	reader := w.As(w.Admin.UserID, belay.PermissionWorkspaceRead)
	reader.Get(path).Want(http.StatusOK)
	wantText(t, reader.Get(of(w.person.UserID)).Want(http.StatusForbidden).Problem(), string(belay.PermissionWorkspaceAssign))
	w.Member("ann").Get(path).Want(http.StatusNotFound)
	for _, nobody := range []string{missing, string(w.NewUser("zoe"))} {
		w.Admin.Get(path + "?user=" + nobody).Want(http.StatusNotFound)
	}
	w.Admin.Get(path + "?user=nonsense").Want(http.StatusBadRequest)
	for i := range 3 {
		name := fmt.Sprint("more ", i)
		id := w.Admin.Post("/api/integrations/connections", object{"name": name, "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
		w.Admin.Post(w.path("/api/environments/{environmentId}/connections/")+id, nil).Want(http.StatusCreated)
	}
	first := w.person.Get(path + "?pageSize=2").Want(http.StatusOK).Object()
	if first["totalCount"] != 4.0 || first["nextCursor"] == nil {
		t.Errorf("the first page says %v", first)
	}
}

// TestWorkspaceAccessHides asks as the owner of a workspace who has no role
// in it: he sees of it what is his own, and not where else that is.
func TestWorkspaceAccessHides(t *testing.T) {
	w := newWorld(t)
	member, ann := w.path("/api/identity/orgs/{orgId}/users/{userId}"), w.Member("ann").UserID
	mine := w.person.Post("/api/integrations/connections", object{"name": "mine", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	w.Admin.Post(w.path("/api/environments/{environmentId}/connections/")+mine, nil).Want(http.StatusCreated)
	w.Admin.Put(member, object{"role": "admin"}).Want(http.StatusOK)
	path := "/api/workspaces/" + w.person.Post("/api/workspaces", object{"name": "owned"}).Want(http.StatusCreated).ID()
	w.Admin.Put(member, object{"role": "member"}).Want(http.StatusOK)
	w.Admin.Post(w.path(path+"/environments/{environmentId}"), nil).Want(http.StatusOK)
	w.Admin.Post(path+"/users/"+string(ann), nil).Want(http.StatusOK)
	if got := strings.Join(ways(w.person.Get(path+"/access").Want(http.StatusOK)), "\n"); got != "mine: connection:read,connection:use,connection:write; connection mine owner" {
		t.Errorf("his own: %q", got)
	}
	of := path + "/access?user=" + string(ann)
	if got := strings.Join(ways(w.person.Get(of).Want(http.StatusOK)), "\n"); got != "mine: connection:read,connection:use; workspace owned operator environment" {
		t.Errorf("another's: %q", got)
	}
}
