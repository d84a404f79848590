package rest_test

import (
	"net/http"
	"testing"

	"belay"
	"belay/belaytest"
)

// TestOrganizationLife makes an organization, changes it, deletes it and
// takes that back, and lets those try who may not.
func TestOrganizationLife(t *testing.T) { onBoth(t, testOrganizationLife) }

func testOrganizationLife(t *testing.T, w *world) {
	const orgs = "/api/identity/orgs"
	wantText(t, w.person.Post(orgs, object{"name": "mine"}).Want(http.StatusForbidden).Problem(), string(belay.PermissionOrganizationWrite))
	w.Admin.Post(orgs, object{"name": ""}).Want(http.StatusUnprocessableEntity)
	made := w.Admin.Post(orgs, object{"name": "Second", "country": "Iceland"}).Want(http.StatusCreated).Object()
	path := orgs + "/" + made["id"].(string)
	if made["owner"] != string(w.Admin.UserID) || made["country"] != "Iceland" {
		t.Errorf("made %v", made)
	}
	// It is there with the very next request, and takes objects.
	inside := "/api/environments/" + w.Admin.Post("/api/environments?orgId="+made["id"].(string), object{"name": "inside"}).Want(http.StatusCreated).ID()
	adm := w.Member("adm")
	w.Join(belay.ID(made["id"].(string)), adm.UserID, belay.OrganizationAdmin)
	adm.Put(path, object{"description": "ours"}).Want(http.StatusOK)
	w.Join(belay.ID(made["id"].(string)), w.person.UserID, belay.OrganizationMember)
	member := w.As(w.person.UserID)
	before := w.Stored()
	for _, refused := range []*belaytest.Answer{
		member.Put(path, object{"name": "mine"}), member.Delete(path), adm.Delete(path), adm.Post(path+"/restore", nil),
	} {
		wantText(t, refused.Want(http.StatusForbidden).WantCode(belay.CodeForbidden), string(belay.PermissionOrganizationWrite))
	}
	stranger := w.As(w.NewUser("zoe"))
	stranger.Put(path, object{"name": "mine"}).Want(http.StatusNotFound)
	stranger.Delete(path).Want(http.StatusNotFound)
	stranger.Post(path+"/restore", nil).Want(http.StatusNotFound)
	w.Admin.With("If-Match", `"99-x"`).Delete(path).Want(http.StatusPreconditionFailed)
	if changed := differing(before, w.Stored()); len(changed) > 2 { // zoe and her token are new
		t.Errorf("something was stored: %v", changed)
	}

	w.Admin.Delete(path).Want(http.StatusNoContent)
	for _, a := range []*belaytest.Client{w.Admin, adm, member} {
		a.Get(path).Want(http.StatusNotFound)
		a.Get(inside).Want(http.StatusNotFound)
	}
	deleted := filtered(orgs, `{"deleted": true}`)
	if got := w.Admin.Get(deleted).Want(http.StatusOK).Items("organizations"); len(got) != 1 || got[0]["id"] != made["id"] {
		t.Errorf("deleted are %v", got)
	}
	if got := adm.Get(deleted).Want(http.StatusOK).Items("organizations"); len(got) != 0 {
		t.Errorf("an administrator can restore %v", got)
	}
	adm.Post(path+"/restore", nil).Want(http.StatusNotFound)
	for range 2 {
		w.Admin.Post(path+"/restore", nil).Want(http.StatusOK)
	}
	w.Admin.Get(inside).Want(http.StatusOK)
	adm.Get(path).Want(http.StatusOK)
}

// TestOnlyOrganizationStays deletes the only organization that one has.
func TestOnlyOrganizationStays(t *testing.T) {
	w := newWorld(t)
	p := w.Admin.Delete(w.path("/api/identity/orgs/{orgId}")).Want(http.StatusConflict).WantCode(belay.CodeConflict)
	wantText(t, p, "only organization")
	w.Admin.Get(w.path("/api/identity/orgs/{orgId}")).Want(http.StatusOK)
}

// TestTokenStaysInItsOrganization leaves the organization that its token is for:
// it makes none, and sees and restores none that is deleted.
func TestTokenStaysInItsOrganization(t *testing.T) {
	w := newWorld(t)
	const orgs = "/api/identity/orgs"
	second := w.Admin.Post(orgs, object{"name": "Second"}).Want(http.StatusCreated).ID()
	bound := w.Client(w.Token(belay.Token{UserID: w.Admin.UserID, OrganizationID: w.Organization}))
	bound.Put(w.path(orgs+"/{orgId}"), object{"description": "ours"}).Want(http.StatusOK)
	bound.Delete(orgs + "/" + second).Want(http.StatusNotFound)
	w.Admin.Delete(orgs + "/" + second).Want(http.StatusNoContent)
	wantText(t, bound.Post(orgs, object{"name": "Third"}).Want(http.StatusForbidden).WantCode(belay.CodeForbidden), "one organization")
	wantText(t, bound.Post(orgs+"/"+second+"/restore", nil).Want(http.StatusForbidden).WantCode(belay.CodeForbidden), "one organization")
	if got := bound.Get(filtered(orgs, `{"deleted": true}`)).Want(http.StatusOK).Items("organizations"); len(got) != 0 {
		t.Errorf("it can restore %v", got)
	}
	w.Admin.Post(orgs+"/"+second+"/restore", nil).Want(http.StatusOK)
}
