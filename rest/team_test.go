package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"belay"
	"belay/belaytest"
)

func filtered(path, filter string) string { return path + "?filter=" + url.QueryEscape(filter) }

// emails lists the addresses of a list of users.
func emails(items []map[string]any) []string {
	out := []string{}
	for _, u := range items {
		out = append(out, fmt.Sprint(u["email"]))
	}
	return out
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestTeams makes a team, changes it and who is in it, and lets those try
// who may not.
func TestTeams(t *testing.T) { onBoth(t, testTeams) }

func testTeams(t *testing.T, w *world) {
	teams := w.path("/api/identity/orgs/{orgId}/teams")
	sre := w.Admin.Post(teams, object{"name": "sre", "description": "on call", "metadata": object{"pager": "1"}}).Want(http.StatusCreated)
	path, ann := teams+"/"+sre.ID(), w.Member("ann")
	// Everybody sees it, and who is in it; its owner and administrators change it.
	for _, at := range []string{teams, path, path + "/users", "/api/identity/teams/" + sre.ID() + "/users"} {
		ann.Get(at).Want(http.StatusOK)
	}
	before := w.Stored()
	for _, refused := range []*belaytest.Answer{
		ann.Post(teams, object{"name": "mine"}), ann.Put(path, object{"name": "mine"}), ann.Delete(path), ann.Post(path+"/remove", nil),
		ann.Post(path+"/restore", nil), ann.Post(path, object{"action": "delete"}),
		ann.Post(path+"/users/"+string(ann.UserID), nil), ann.Delete(path + "/users/" + string(w.person.UserID)),
	} {
		wantText(t, refused.Want(http.StatusForbidden).WantCode(belay.CodeForbidden), string(belay.PermissionTeamWrite))
	}
	w.Admin.Post(teams, object{"name": "SRE"}).Want(http.StatusConflict)
	w.Admin.Post(teams, object{"name": " "}).Want(http.StatusUnprocessableEntity)
	w.Admin.Post(path, object{"action": "nonsense"}).Want(http.StatusUnprocessableEntity)
	for _, nobody := range []string{missing, string(w.NewUser("zoe"))} {
		wantFields(t, w.Admin.Put(path, object{"owner": nobody}).Want(http.StatusUnprocessableEntity).Problem(), "/owner")
	}
	if changed := differing(before, w.Stored()); len(changed) > 1 { // zoe is new
		t.Errorf("something was stored: %v", changed)
	}

	w.Admin.Put(path, object{"owner": ann.UserID}).Want(http.StatusOK)
	renamed := ann.Put(path, object{"name": "SRE", "description": nil}).Want(http.StatusOK).Object()
	if renamed["name"] != "SRE" || renamed["description"] != "" || renamed["owner"] != string(ann.UserID) {
		t.Errorf("changed to %v", renamed)
	}
	ann.Put(path, object{"owner": w.person.UserID}).Want(http.StatusForbidden)
	first := ann.Post(path+"/users/"+string(w.person.UserID), nil).Want(http.StatusCreated)
	if again := ann.Post(path+"/users/"+string(w.person.UserID), nil).Want(http.StatusCreated); again.ID() != first.ID() {
		t.Errorf("added twice: %s and %s", first.Body, again.Body)
	}
	for _, nobody := range []string{missing, string(w.NewUser("yan"))} {
		ann.Post(path+"/users/"+nobody, nil).Want(http.StatusNotFound)
	}
	wantList(t, "in the team", emails(ann.Get(filtered(path+"/users", `{"assigned": true}`)).Want(http.StatusOK).Items("data")), "pat@example.com")
	wantList(t, "not in the team", emails(ann.Get(path+"/users").Want(http.StatusOK).Items("data")), "admin@localhost", "ann@example.com")
	for _, user := range []belay.ID{w.person.UserID, ann.UserID} {
		n := map[bool]int{true: 1}[user == w.person.UserID]
		if got := ann.Get(filtered(teams, fmt.Sprintf(`{"user": %q}`, user))).Want(http.StatusOK).Items("teams"); len(got) != n {
			t.Errorf("teams of %s: %v", user, got)
		}
	}
	for range 2 { // he leaves, and again, which changes nothing
		w.person.Delete(path + "/users/" + string(w.person.UserID)).Want(http.StatusNoContent)
	}
	wantList(t, "after he left", emails(ann.Get(filtered(path+"/users", `{"assigned": true}`)).Items("data")))
}

// TestTeamDeletion deletes a team in each way that there is, and takes it
// back in each.
func TestTeamDeletion(t *testing.T) { onBoth(t, testTeamDeletion) }

func testTeamDeletion(t *testing.T, w *world) {
	teams := w.path("/api/identity/orgs/{orgId}/teams")
	path := teams + "/" + w.team
	deleted := filtered(teams, `{"deleted": true}`)
	w.Admin.Post(path+"/users/"+string(w.person.UserID), nil).Want(http.StatusCreated)
	for _, way := range []struct {
		remove func() *belaytest.Answer
		status int
		back   string
	}{
		{func() *belaytest.Answer { return w.Admin.Delete(path) }, http.StatusNoContent, "/restore"},
		{func() *belaytest.Answer { return w.Admin.Post(path+"/remove", nil) }, http.StatusOK, ""},
		{func() *belaytest.Answer { return w.Admin.Post(path, object{"action": "delete"}) }, http.StatusCreated, "/restore"},
	} {
		way.remove().Want(way.status)
		way.remove().Want(http.StatusNotFound)
		for _, at := range []string{path, path + "/users", "/api/identity/teams/" + w.team + "/users"} {
			w.Admin.Get(at).Want(http.StatusNotFound)
		}
		if got := w.Admin.Get(deleted).Want(http.StatusOK).Items("teams"); len(got) != 1 {
			t.Errorf("deleted are %v", got)
		}
		if got := w.person.Get(deleted).Want(http.StatusOK).Items("teams"); len(got) != 0 {
			t.Errorf("a member sees deleted %v", got)
		}
		w.person.Post(path+"/restore", nil).Want(http.StatusNotFound)
		for range 2 {
			w.Admin.Post(path+way.back, nil)
		}
		w.Admin.Get(path).Want(http.StatusOK)
		wantList(t, "in the restored team", emails(w.Admin.Get(filtered(path+"/users", `{"assigned": true}`)).Items("data")), "pat@example.com")
	}
}

// TestTeamOfAnother asks for a team of another organization, by its own and
// through one's own.
func TestTeamOfAnother(t *testing.T) {
	w := newWorld(t)
	zoe := w.NewUser("zoe")
	foreign := string(w.NewOrganization("Foreign", zoe))
	team := w.As(zoe).Post("/api/identity/orgs/"+foreign+"/teams", object{"name": "theirs"}).Want(http.StatusCreated).ID()
	before := w.Stored()
	for _, path := range []string{"/api/identity/orgs/" + foreign + "/teams/" + team, w.path("/api/identity/orgs/{orgId}/teams/") + team} {
		for _, a := range []*belaytest.Client{w.Admin, w.person} {
			a.Get(path).Want(http.StatusNotFound)
			a.Get(path + "/users").Want(http.StatusNotFound)
			a.Put(path, object{"name": "mine"}).Want(http.StatusNotFound)
			a.Delete(path).Want(http.StatusNotFound)
			a.Post(path+"/users/"+string(a.UserID), nil).Want(http.StatusNotFound)
			a.Delete(path + "/users/" + string(a.UserID)).Want(http.StatusNotFound)
		}
	}
	w.Admin.Get("/api/identity/teams/" + team + "/users").Want(http.StatusNotFound)
	w.Admin.Get("/api/identity/orgs/" + foreign + "/teams").Want(http.StatusNotFound)
	w.Admin.Get(w.path("/api/identity/orgs/{orgId}/teams") + "?orgId=" + foreign).Want(http.StatusBadRequest)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
}
