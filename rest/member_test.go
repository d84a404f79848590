package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"belay"
	"belay/belaytest"
)

// TestMembers lists who belongs to an organization, narrowed and searched.
func TestMembers(t *testing.T) { onBoth(t, testMembers) }

func testMembers(t *testing.T, w *world) {
	users := w.path("/api/identity/orgs/{orgId}/users")
	adm := w.Member("adm")
	w.Join(w.Organization, adm.UserID, belay.OrganizationAdmin)
	w.Admin.Post(w.path("/api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}"), nil).Want(http.StatusCreated)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/users/{userId}"), nil).Want(http.StatusOK)
	q := url.QueryEscape
	for query, want := range map[string][]string{
		"":            {"adm@example.com", "admin@localhost", "pat@example.com"},
		"?search=pat": {"pat@example.com"},
		"?filter=" + q(`{"role": ["admin", "owner"]}`):      {"adm@example.com", "admin@localhost"},
		"?filter=" + q(`{"email": "PAT@example.com"}`):      {"pat@example.com"},
		"?filter=" + q(fmt.Sprintf(`{"team": %q}`, w.team)): {"pat@example.com"},
		"?teamId=" + w.team: {"pat@example.com"},
		"?filter=" + q(fmt.Sprintf(`{"workspace": %q}`, w.workspace)): {"pat@example.com"},
		"?order=" + q("email desc"):                                   {"pat@example.com", "admin@localhost", "adm@example.com"},
	} {
		wantList(t, query, emails(w.person.Get(users+query).Want(http.StatusOK).Items("data")), want...)
	}
	stranger := w.Member("sam") // who does not see the workspace
	wantList(t, "of a hidden workspace", emails(stranger.Get(filtered(users, fmt.Sprintf(`{"workspace": %q}`, w.workspace))).Want(http.StatusOK).Items("data")))
	for _, bad := range []string{"?teamId=nonsense", "?filter=" + q(`{"role": ["king"]}`), "?filter=" + q(`{"nonsense": 1}`)} {
		w.Admin.Get(users + bad).Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery)
	}
	one := w.person.Get(users + "/" + string(adm.UserID)).Want(http.StatusOK).Object()
	if one["email"] != "adm@example.com" || one["role"] != "admin" || one["joinedAt"] == nil {
		t.Errorf("one of them is %v", one)
	}
	for _, nobody := range []string{missing, string(w.NewUser("zoe"))} {
		w.Admin.Get(users + "/" + nobody).Want(http.StatusNotFound)
	}
}

// TestChangeMember changes roles, as everybody: owners are made and unmade by
// owners only, and the last one stays.
func TestChangeMember(t *testing.T) { onBoth(t, testChangeMember) }

func testChangeMember(t *testing.T, w *world) {
	users := w.path("/api/identity/orgs/{orgId}/users/")
	owner, adm := w.Admin, w.Member("adm")
	role := func(c *belaytest.Client, of belay.ID, role string) *belaytest.Answer {
		return c.Put(users+string(of), object{"role": role})
	}
	role(owner, adm.UserID, "admin").Want(http.StatusOK)
	adm = w.As(adm.UserID)
	before := w.Stored()
	for _, refused := range []*belaytest.Answer{
		role(w.person, w.person.UserID, "admin"), role(w.person, adm.UserID, "member"),
		role(adm, w.person.UserID, "owner"), role(adm, adm.UserID, "owner"), role(adm, owner.UserID, "member"),
		adm.Delete(users + string(owner.UserID)), w.person.Delete(users + string(adm.UserID)),
		adm.Post(users+string(w.person.UserID), object{"role": "owner"}),
	} {
		wantText(t, refused.Want(http.StatusForbidden).WantCode(belay.CodeForbidden), string(belay.PermissionMemberWrite))
	}
	for _, last := range []*belaytest.Answer{role(owner, owner.UserID, "admin"), owner.Delete(users + string(owner.UserID))} {
		wantText(t, last.Want(http.StatusConflict).WantCode(belay.CodeConflict), "last owner")
	}
	for _, bad := range []string{"", "king", "Owner"} {
		wantFields(t, role(owner, adm.UserID, bad).Want(http.StatusUnprocessableEntity).Problem(), "/role")
	}
	for _, nobody := range []belay.ID{missing, w.NewUser("zoe")} {
		role(owner, nobody, "admin").Want(http.StatusNotFound)
		owner.Delete(users + string(nobody)).Want(http.StatusNotFound)
		owner.Post(users+string(nobody), nil).Want(http.StatusNotFound)
	}
	if changed := differing(before, w.Stored()); len(changed) > 1 { // zoe is new
		t.Errorf("something was stored: %v", changed)
	}
	if got := role(adm, w.person.UserID, "admin").Want(http.StatusOK).Object(); got["role"] != "admin" {
		t.Errorf("changed to %v", got)
	}
	if got := owner.Post(users+string(w.person.UserID), nil).Want(http.StatusCreated).Object(); got["role"] != "admin" {
		t.Errorf("adding him again made him %v", got)
	}
	role(owner, adm.UserID, "owner").Want(http.StatusOK)
	role(w.As(adm.UserID), owner.UserID, "member").Want(http.StatusOK)
}

// TestRemoveMember removes somebody with what he could, keeps what he owned,
// and gives it to another.
func TestRemoveMember(t *testing.T) { onBoth(t, testRemoveMember) }

func testRemoveMember(t *testing.T, w *world) {
	users := w.path("/api/identity/orgs/{orgId}/users/")
	w.Admin.Post(w.path("/api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}"), nil).Want(http.StatusCreated)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/teams/{teamId}"), nil).Want(http.StatusOK)
	mine := "/api/environments/" + w.person.Post("/api/environments", object{"name": "of pat"}).Want(http.StatusCreated).ID()
	for _, path := range []string{mine, w.path("/api/integrations/connections/{connectionId}")} {
		w.person.Get(path).Want(http.StatusOK)
	}
	w.person.Delete(users + string(w.person.UserID)).Want(http.StatusNoContent) // he leaves
	w.As(w.person.UserID).Get("/api/environments").Want(http.StatusForbidden)
	w.Admin.Get(users + string(w.person.UserID)).Want(http.StatusNotFound)
	w.Admin.Get(mine).Want(http.StatusOK)
	ann := w.Member("ann")
	transfer := users + string(w.person.UserID) + "/transfer"
	ann.Post(transfer, object{"to": ann.UserID}).Want(http.StatusForbidden)
	for _, nobody := range []belay.ID{missing, w.person.UserID} {
		wantFields(t, w.Admin.Post(transfer, object{"to": nobody}).Want(http.StatusUnprocessableEntity).Problem(), "/to")
	}
	moved := w.Admin.Post(transfer, object{"to": ann.UserID}).Want(http.StatusOK).Object()["transferred"]
	if got := fmt.Sprint(moved); got != "map[connections:0 credentials:0 environments:1 teams:0 workspaces:0]" {
		t.Errorf("transferred %s", got)
	}
	ann.Put(mine, object{"name": "of ann"}).Want(http.StatusOK)
}

// TestAddMember adds somebody whom the administrator of two organizations
// knows from one of them to the other.
func TestAddMember(t *testing.T) {
	w := newWorld(t)
	second := string(w.NewOrganization("Second", w.Admin.UserID))
	third := string(w.NewOrganization("Third", w.NewUser("zoe")))
	a, path := w.As(w.Admin.UserID), "/users/"+string(w.person.UserID)
	w.person.Post("/api/identity/orgs/"+second+path, nil).Want(http.StatusNotFound)
	a.Post("/api/identity/orgs/"+third+path, nil).Want(http.StatusNotFound)
	if got := a.Post("/api/identity/orgs/"+second+path, nil).Want(http.StatusCreated).Object(); got["role"] != "member" {
		t.Errorf("added as %v", got)
	}
	w.As(w.person.UserID).Get("/api/identity/orgs/" + second).Want(http.StatusOK)
	// Who is only a member elsewhere knows nobody there.
	ann := w.Member("ann")
	fourth := string(w.NewOrganization("Fourth", ann.UserID))
	w.As(ann.UserID).Post("/api/identity/orgs/"+fourth+path, nil).Want(http.StatusNotFound)
}
