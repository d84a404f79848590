package rest_test

import (
	"net/http"
	"net/url"
	"testing"

	"belay"
)

// TestRestoreEach deletes one of each sort, finds it among what is deleted,
// and takes the deletion back, as its owner; nobody else can, or sees it
// there.
func TestRestoreEach(t *testing.T) { onBoth(t, testRestoreEach) }

func testRestoreEach(t *testing.T, w *world) {
	w.Admin.Delete("/api/integrations/connections/" + w.connection).Want(http.StatusNoContent)
	ann := w.MemberWith("ann", w.workspace, belay.RoleAdmin)
	deleted := "?filter=" + url.QueryEscape(`{"deleted": true}`)
	for _, object := range []struct{ list, plural, id, remove string }{
		{"/api/environments", "environments", w.environment, "/api/environments/" + w.environment},
		{"/api/workspaces", "workspaces", w.workspace, "/api/workspaces/" + w.workspace},
		{"/api/integrations/credentials", "credentials", w.credential, "/api/integrations/credentials?credentialId=" + w.credential + "&detach=true"},
	} {
		a := w.Admin.In(t)
		path := object.list + "/" + object.id
		a.Delete(object.remove).Want(http.StatusNoContent)
		a.Get(path).Want(http.StatusNotFound)
		if got := a.Get(object.list + deleted).Want(http.StatusOK).Items(object.plural); len(got) != 1 || got[0]["id"] != object.id {
			t.Errorf("deleted %s: %v", object.plural, got)
		}
		if got := ann.Get(object.list + deleted).Want(http.StatusOK).Items(object.plural); len(got) != 0 {
			t.Errorf("a member sees the deleted %s %v", object.plural, got)
		}
		ann.Post(path+"/restore", nil).Want(http.StatusNotFound)
		for range 2 { // the second time changes nothing
			if got := a.Post(path+"/restore", nil).Want(http.StatusOK); got.ID() != object.id {
				t.Errorf("restored %s", got.Body)
			}
		}
		a.Get(path).Want(http.StatusOK)
		if got := a.Get(object.list + deleted).Want(http.StatusOK).Items(object.plural); len(got) != 0 {
			t.Errorf("still deleted: %v", got)
		}
	}
	// Its connection comes back as well, in its environment.
	w.Admin.Post("/api/integrations/connections/"+w.connection+"/restore", nil).Want(http.StatusOK)
	if got := w.Admin.Get("/api/environments/" + w.environment + "/connections").Want(http.StatusOK).Items("connections"); len(got) != 1 {
		t.Errorf("the environment holds %v", got)
	}
	ann.Get("/api/integrations/connections/" + w.connection).Want(http.StatusOK)
}

// TestRestoreNameTaken restores what has lost its name to another.
func TestRestoreNameTaken(t *testing.T) {
	w := newWorld(t)
	w.Admin.Delete("/api/environments/" + w.environment).Want(http.StatusNoContent)
	w.Admin.Post("/api/environments", object{"name": "Production"}).Want(http.StatusCreated)
	p := w.Admin.Post("/api/environments/"+w.environment+"/restore", nil).Want(http.StatusConflict).WantCode(belay.CodeConflict)
	wantText(t, p, "name")
}
