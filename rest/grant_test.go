package rest_test

import (
	"net/http"
	"slices"
	"testing"

	"belay"
	"belay/belaytest"
)

// TestTeamGrant gives a team a role: with his very next request a member of
// it reaches what the workspace reaches, as far as the role goes, and after
// it, or his place in the team, is gone, no more.
func TestTeamGrant(t *testing.T) { onBoth(t, testTeamGrant) }

func testTeamGrant(t *testing.T, w *world) {
	member, connection := w.person, w.path("/api/integrations/connections/{connectionId}")
	place, grant := w.path("/api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}"), w.path("/api/workspaces/{workspaceId}/teams/{teamId}")
	w.Admin.Post(place, nil).Want(http.StatusCreated)
	member.Get(connection).Want(http.StatusNotFound)
	for _, c := range []struct {
		body      any
		role      belay.Role
		use, edit int
	}{
		{nil, belay.RoleOperator, http.StatusOK, http.StatusForbidden},
		{object{"role": "editor"}, belay.RoleEditor, http.StatusOK, http.StatusOK},
		{nil, belay.RoleEditor, http.StatusOK, http.StatusOK}, // it keeps what it has
		{object{"role": "viewer"}, belay.RoleViewer, http.StatusForbidden, http.StatusForbidden},
	} {
		got := w.Admin.Post(grant, c.body).Want(http.StatusOK).Items("workspacesTeamsMapping")
		if len(got) != 1 || got[0]["role"] != string(c.role) || got[0]["teamId"] != w.team || got[0]["workspaceId"] != w.workspace {
			t.Errorf("granted %v", got)
		}
		member.Get(connection).Want(http.StatusOK)
		member.Post(connection+"/test", nil).Want(c.use)
		member.Put(connection, object{"description": "by role"}).Want(c.edit)
	}
	listed := w.Admin.Get(w.path("/api/workspaces/{workspaceId}/teams")).Want(http.StatusOK).Items("teams")
	if len(listed) != 1 || listed[0]["id"] != w.team || listed[0]["role"] != "viewer" || listed[0]["grantedAt"] == nil {
		t.Errorf("the teams of the workspace are %v", listed)
	}
	for name, cut := range map[string]struct{ do, undo func() }{
		"the role":  {func() { w.Admin.Delete(grant).Want(http.StatusNoContent) }, func() { w.Admin.Post(grant, nil).Want(http.StatusOK) }},
		"his place": {func() { w.Admin.Delete(place).Want(http.StatusNoContent) }, func() { w.Admin.Post(place, nil).Want(http.StatusCreated) }},
		"the team": {
			func() { w.Admin.Delete(w.path("/api/identity/orgs/{orgId}/teams/{teamId}")).Want(http.StatusNoContent) },
			func() {
				w.Admin.Post(w.path("/api/identity/orgs/{orgId}/teams/{teamId}/restore"), nil).Want(http.StatusOK)
			},
		},
	} {
		t.Run("without "+name, func(t *testing.T) {
			cut.do()
			member.In(t).Get(connection).Want(http.StatusNotFound)
			cut.undo()
			member.In(t).Get(connection).Want(http.StatusOK)
		})
	}
	w.Admin.Delete(grant).Want(http.StatusNoContent)
	w.Admin.Delete(grant).Want(http.StatusNoContent)
}

// TestUserGrant gives a role to somebody by himself.
func TestUserGrant(t *testing.T) { onBoth(t, testUserGrant) }

func testUserGrant(t *testing.T, w *world) {
	users := w.path("/api/workspaces/{workspaceId}/users")
	grant := users + "/" + string(w.person.UserID)
	w.Admin.Post(grant, object{"role": "viewer"}).Want(http.StatusOK)
	w.person.Get(w.path("/api/integrations/connections/{connectionId}")).Want(http.StatusOK)
	listed := w.person.Get(users).Want(http.StatusOK).Items("users")
	if len(listed) != 1 || listed[0]["email"] != "pat@example.com" || listed[0]["role"] != "viewer" || listed[0]["organizationRole"] != "member" {
		t.Errorf("the users of the workspace are %v", listed)
	}
	free := w.Admin.Get(filtered(users, `{"assigned": false}`)).Want(http.StatusOK).Items("users")
	wantList(t, "without a role", emails(free), "admin@localhost")
	if free[0]["role"] != nil {
		t.Errorf("without a role he has %v", free[0]["role"])
	}
	reader := w.As(w.Admin.UserID, belay.PermissionWorkspaceRead)
	for path, scope := range map[string]belay.Permission{users: belay.PermissionMemberRead, w.path("/api/workspaces/{workspaceId}/teams"): belay.PermissionTeamRead} {
		reader.Get(path).Want(http.StatusOK)
		wantText(t, reader.Get(filtered(path, `{"assigned": false}`)).Want(http.StatusForbidden).Problem(), string(scope))
	}
	w.Admin.Delete(grant).Want(http.StatusNoContent)
	w.person.Get(users).Want(http.StatusNotFound)
}

// TestGrantRefusals grants what cannot be granted, and as who may not.
func TestGrantRefusals(t *testing.T) {
	w := newWorld(t)
	zoe := w.NewUser("zoe")
	foreign := string(w.NewOrganization("Foreign", zoe))
	theirs := w.As(zoe).Post("/api/identity/orgs/"+foreign+"/teams", object{"name": "theirs"}).Want(http.StatusCreated).ID()
	var below []*belaytest.Client
	for _, role := range []belay.Role{belay.RoleViewer, belay.RoleOperator, belay.RoleEditor} {
		below = append(below, w.MemberWith(string(role), w.workspace, role))
	}
	before := w.Stored()
	for _, kind := range []string{"teams", "users"} {
		path := w.path("/api/workspaces/{workspaceId}/" + kind + "/")
		own := path + map[string]string{"teams": w.team, "users": string(w.person.UserID)}[kind]
		for _, role := range []any{"king", "owner", "Viewer", "viewer "} {
			wantFields(t, w.Admin.Post(own, object{"role": role}).Want(http.StatusUnprocessableEntity).Problem(), "/role")
		}
		for _, nobody := range []string{missing, theirs, string(zoe)} {
			w.Admin.Post(path+nobody, nil).Want(http.StatusNotFound)
		}
		for _, c := range below {
			c.Get(w.path("/api/workspaces/{workspaceId}/" + kind)).Want(http.StatusOK)
			for _, refused := range []*belaytest.Answer{c.Post(own, nil), c.Delete(own)} {
				wantText(t, refused.Want(http.StatusForbidden).Problem(), string(belay.PermissionWorkspaceAssign))
			}
		}
		for _, c := range []*belaytest.Client{w.person, w.As(zoe)} {
			c.Get(w.path("/api/workspaces/{workspaceId}/" + kind)).Want(http.StatusNotFound)
			c.Post(own, nil).Want(http.StatusNotFound)
			c.Delete(own).Want(http.StatusNotFound)
		}
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 && !slices.Equal(changed, []string{"tokens"}) {
		t.Errorf("something was stored: %v", changed)
	}
}

// TestWorkspaceWithoutAdmin lets the only administrator of a workspace give
// up his role: its owner and the organization's administrators remain.
func TestWorkspaceWithoutAdmin(t *testing.T) {
	w := newWorld(t)
	ann := w.MemberWith("ann", w.workspace, belay.RoleAdmin)
	ann.Post(w.path("/api/workspaces/{workspaceId}/teams/{teamId}"), object{"role": "admin"}).Want(http.StatusOK)
	ann.Delete(w.path("/api/workspaces/{workspaceId}/teams/{teamId}")).Want(http.StatusNoContent)
	ann.Delete(w.path("/api/workspaces/{workspaceId}/users/") + string(ann.UserID)).Want(http.StatusNoContent)
	ann.Get(w.path("/api/workspaces/{workspaceId}")).Want(http.StatusNotFound)
	w.Admin.Post(w.path("/api/workspaces/{workspaceId}/users/")+string(ann.UserID), object{"role": "admin"}).Want(http.StatusOK)
}
