package rest_test

import (
	"net/http"
	"testing"

	"belay"
	"belay/rest"
)

// TestExplain asks why somebody may, and may not, on both databases.
func TestExplain(t *testing.T) { onBoth(t, testExplain) }

func testExplain(t *testing.T, w *world) {
	ann := w.MemberWith("ann", w.workspace, belay.RoleViewer)
	ask := "/api/access/explain?permission=connection:use&connection=" + w.connection
	var got struct {
		Allowed bool
		Path    []struct{ Type, Name, Role string }
		Missing struct {
			Step   string
			Remedy struct{ Title string }
		}
	}
	ann.Get(ask).Want(http.StatusOK).Decode(&got)
	if got.Allowed || got.Missing.Step != "role" || got.Missing.Remedy.Title == "" || len(got.Path) != 4 || got.Path[1].Role != "viewer" || got.Path[3].Name != "shop" {
		t.Errorf("a viewer may use it: %+v", got)
	}
	w.Grant(w.Organization, belay.ID(w.workspace), ann.UserID, belay.RoleOperator)
	w.Admin.Get(ask + "&user=" + string(ann.UserID)).Want(http.StatusOK).Decode(&got)
	if !got.Allowed || got.Path[1].Role != "operator" || got.Path[1].Name != "payments" {
		t.Errorf("an operator may not use it: %+v", got)
	}
	ann.Get(ask + "&user=" + string(w.Admin.UserID)).Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
	bob := w.Member("bob")
	bob.Get(ask).Want(http.StatusOK)
	bob.Get(ask + "&user=" + string(ann.UserID)).Want(http.StatusNotFound)
	for query, pointer := range map[string]string{
		"permission=connection:use":                                                  "connection",
		"permission=nonsense&connection=" + w.connection:                             "permission",
		"connection=" + w.connection:                                                 "permission",
		"permission=connection:use&connection=nonsense":                              "connection",
		"permission=connection:use&user=x&workspace=" + missing:                      "user",
		"permission=connection:use&workspace=x":                                      "workspace",
		"permission=connection:use&environment=x":                                    "environment",
		"permission=connection:use&credential=x":                                     "credential",
		"permission=connection:use&credential=" + missing + "&connection=" + missing: "connection",
	} {
		p := w.Admin.Get("/api/access/explain?" + query).Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery)
		wantFields(t, p, pointer)
	}
}

// TestPermissionTable compares what is published with the policy.
func TestPermissionTable(t *testing.T) {
	w := newWorld(t)
	var got struct {
		Permissions []struct {
			Name  belay.Permission
			Roles []belay.Role
		}
		Routes []struct {
			Method, Path string
			Permission   belay.Permission
			Further      []belay.Permission
		}
	}
	w.Member("ann").Get("/api/access/permissions").Want(http.StatusOK).Decode(&got)
	if len(got.Permissions) != len(belay.Permissions()) || len(got.Routes) != len(rest.Routes()) {
		t.Errorf("it lists %d permissions and %d routes", len(got.Permissions), len(got.Routes))
	}
	for _, p := range got.Permissions {
		given := map[belay.Role]bool{}
		for _, r := range p.Roles {
			given[r] = true
		}
		for _, r := range belay.Roles() {
			if given[r] != r.Has(p.Name) {
				t.Errorf("%s gives %s: %t", r, p.Name, given[r])
			}
		}
	}
}
