package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/store"
)

// way is a path in short: the steps with what they give, "?" for a hidden one.
func way(e *app.Explanation) string {
	var out []string
	for _, s := range e.Path {
		text := s.Type
		if s.Hidden {
			text += "?"
		}
		if s.Hidden && (s.ID != "" || s.Name != "") {
			text += " not hidden: " + s.Name
		}
		if s.Role != "" {
			text += "(" + s.Role + ")"
		}
		out = append(out, text)
	}
	text := strings.Join(out, " ")
	if e.Missing != nil {
		text += " missing " + e.Missing.Step
	}
	return text
}

// teamOf makes a team of a member and gives it a role in a workspace.
func (w *importWorld) teamOf(member context.Context, workspace belay.ID, role belay.Role) {
	w.t.Helper()
	id := belay.ID(uuid.NewString())
	user := belay.PrincipalFrom(member).UserID
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateTeam(ctx, &belay.Team{ID: id, OrganizationID: w.org, OwnerID: user, Name: string(id), Version: 1}); err != nil {
			return err
		}
		if _, err := tx.AddTeamUser(ctx, w.org, belay.Assignment{ID: w.newID(), LeftID: id, RightID: user}, ""); err != nil {
			return err
		}
		_, err := tx.SetGrant(ctx, w.org, belay.Grant{ID: w.newID(), WorkspaceID: workspace, TeamID: id, Role: role, CreatedAt: w.now})
		return err
	})
}

// actionsOf is what somebody may do with each object of an estate, as its
// views say.
func (w *importWorld) actionsOf(ctx context.Context, o store.Object) []belay.Permission {
	switch {
	case o.WorkspaceID != "":
		if v, err := w.Workspace(ctx, w.org, o.WorkspaceID); err == nil {
			return v.Actions
		}
	case o.EnvironmentID != "":
		if v, err := w.Environment(ctx, w.org, o.EnvironmentID); err == nil {
			return v.Actions
		}
	case o.ConnectionID != "":
		if v, err := w.Connection(ctx, w.org, o.ConnectionID); err == nil {
			return v.Actions
		}
	default:
		if v, err := w.Credential(ctx, w.org, o.CredentialID); err == nil {
			return v.Actions
		}
	}
	return nil
}

// TestExplainSaysWhatIsDone compares, for people of every sort, what is
// explained with what they may do; and what they are told with what an
// administrator is told of them.
func TestExplainSaysWhatIsDone(t *testing.T) {
	w := newImportWorld(t)
	e := w.estate()
	people := map[string]context.Context{"administrator": w.admin, "nobody": w.member(), "through": bound(w.admin, e.workspace, ""), "in": bound(w.admin, "", e.environment)}
	for _, role := range belay.Roles() {
		member, team := w.member(), w.member()
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.SetGrant(ctx, w.org, belay.Grant{
				ID: w.newID(), WorkspaceID: e.workspace, UserID: belay.PrincipalFrom(member).UserID, Role: role, CreatedAt: w.now,
			})
			return err
		})
		w.teamOf(team, e.workspace, role)
		people[string(role)], people[string(role)+" by a team"] = member, team
	}
	own := w.member()
	people["owner"] = own
	mine, err := w.CreateEnvironment(own, w.org, app.EnvironmentChange{Name: new("mine")})
	w.must(err)
	cells := 0
	for who, ctx := range people {
		for _, o := range []store.Object{
			{WorkspaceID: e.workspace},
			{WorkspaceID: e.otherWorkspace},
			{EnvironmentID: e.environment},
			{EnvironmentID: e.otherEnvironment},
			{EnvironmentID: mine.ID},
			{ConnectionID: e.connection},
			{ConnectionID: e.otherConnection},
			{CredentialID: e.credential},
			{CredentialID: e.assigned},
			{ConnectionID: w.newID()},
		} {
			may := w.actionsOf(ctx, o)
			prefix := "credential:"
			switch {
			case o.WorkspaceID != "":
				prefix = "workspace:"
			case o.EnvironmentID != "":
				prefix = "environment:"
			case o.ConnectionID != "":
				prefix = "connection:"
			}
			for _, p := range belay.Permissions() {
				if !strings.HasPrefix(string(p), prefix) {
					continue
				}
				cells++
				got, err := w.Explain(ctx, w.org, app.Question{Permission: p, Object: o})
				if err != nil || got.Allowed != slices.Contains(may, p) || got.Allowed == (got.Missing != nil) {
					t.Errorf("%s, %s on %+v: %+v, %v; he may %v", who, p, o, got, err, may)
					continue
				}
				if belay.PrincipalFrom(ctx).Bound() || len(w.actionsOf(w.admin, o)) == 0 {
					continue
				}
				told, err := w.Explain(w.admin, w.org, app.Question{UserID: belay.PrincipalFrom(ctx).UserID, Permission: p, Object: o})
				if err != nil || told.Allowed != got.Allowed {
					t.Errorf("%s, %s on %+v: the administrator is told %+v, %v", who, p, o, told, err)
				}
			}
		}
	}
	t.Logf("compared %d questions", cells)
}

// TestExplainPaths looks at the ways that are told, and at the first step
// that lacks.
func TestExplainPaths(t *testing.T) {
	w := newImportWorld(t)
	e := w.estate()
	lonely := w.member()
	viewer, team := w.member(), w.member()
	w.teamOf(viewer, e.workspace, belay.RoleViewer)
	w.teamOf(team, e.workspace, belay.RoleEditor)
	keeper := w.member() // administers the other workspace, which reaches it too
	w.teamOf(keeper, e.otherWorkspace, belay.RoleAdmin)
	w.must(w.AssignConnection(w.admin, w.org, e.otherEnvironment, e.connection))
	user := func(ctx context.Context) belay.ID { return belay.PrincipalFrom(ctx).UserID }
	alone := file(kubeContext{name: "alone", server: "https://10.0.0.9:6443", user: token("q")})
	unplaced := w.one(w.admin, app.ImportCreated, alone).Connection.ID
	placed := w.hiddenEnvironment()
	connection := store.Object{ConnectionID: e.connection}
	const use = belay.PermissionConnectionUse
	for i, c := range []struct {
		asker context.Context
		about belay.ID
		p     belay.Permission
		o     store.Object
		want  string
	}{
		{team, "", use, connection, "user team workspace(editor) environment connection"},
		{viewer, "", use, connection, "user team workspace(viewer) environment connection missing role"},
		{lonely, "", use, connection, "user missing team"},
		{w.admin, "", use, connection, "user organization(owner) connection"},
		{w.admin, user(team), use, connection, "user team workspace(editor) environment connection"},
		{w.admin, user(lonely), use, connection, "user missing team"},
		{w.admin, user(lonely), use, store.Object{ConnectionID: unplaced}, "user missing environment"},
		{w.admin, user(lonely), belay.PermissionEnvironmentRead, store.Object{EnvironmentID: placed}, "user missing workspace"},
		{w.admin, user(team), belay.PermissionCredentialWrite, store.Object{CredentialID: e.assigned}, "user team workspace(editor) credential"},
		{w.admin, user(team), belay.PermissionCredentialRead, store.Object{CredentialID: e.credential}, "user team workspace(viewer) environment connection credential"},
		{w.admin, user(team), belay.PermissionCredentialUse, store.Object{CredentialID: e.credential}, "user team workspace(viewer) environment connection credential missing role"},
		{w.admin, user(team), belay.PermissionWorkspaceAssign, store.Object{WorkspaceID: e.workspace}, "user team workspace(editor) missing role"},
		{w.admin, user(team), belay.PermissionOrganizationWrite, connection, "user team workspace(editor) environment connection missing organization"},
		{keeper, user(team), use, connection, "user team workspace?(editor) environment? connection"},
		{keeper, "", use, connection, "user team workspace(admin) environment connection"},
	} {
		got, err := w.Explain(c.asker, w.org, app.Question{UserID: c.about, Permission: c.p, Object: c.o})
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if way(got) != c.want {
			t.Errorf("%d: %s\nwant %s", i, way(got), c.want)
		}
		if got.Missing != nil && (got.Missing.Remedy.Title == "" || got.Missing.Remedy.Description == "") {
			t.Errorf("%d: the remedy says nothing: %+v", i, got.Missing.Remedy)
		}
	}
	for what, c := range map[string]struct {
		asker context.Context
		about belay.ID
		o     store.Object
		want  belay.Code
	}{
		"about others, without administering":         {team, user(viewer), connection, belay.CodeForbidden},
		"about others and what is hidden":             {lonely, user(viewer), connection, belay.CodeNotFound},
		"about others and what is nowhere":            {lonely, user(viewer), store.Object{ConnectionID: w.newID()}, belay.CodeNotFound},
		"about somebody who is nobody":                {w.admin, w.newID(), connection, belay.CodeNotFound},
		"about two objects":                           {w.admin, "", store.Object{ConnectionID: e.connection, WorkspaceID: e.workspace}, belay.CodeBadQuery},
		"about none":                                  {w.admin, "", store.Object{}, belay.CodeBadQuery},
		"about others, by a token that is not for it": {scoped(w.admin, belay.PermissionUserRead), user(team), connection, belay.CodeForbidden},
	} {
		if _, err := w.Explain(c.asker, w.org, app.Question{UserID: c.about, Permission: use, Object: c.o}); belay.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	narrow, err := w.Explain(scoped(w.admin, belay.PermissionUserRead), w.org, app.Question{Permission: use, Object: connection})
	if err != nil || narrow.Allowed || narrow.Missing.Step != "token" {
		t.Errorf("by a token without the scope: %+v, %v", narrow, err)
	}
	hidden, err := w.Explain(lonely, w.org, app.Question{Permission: use, Object: connection})
	w.must(err)
	nowhere, err := w.Explain(lonely, w.org, app.Question{Permission: use, Object: store.Object{ConnectionID: w.newID()}})
	w.must(err)
	hidden.Object.ID, nowhere.Object.ID = "", ""
	if fmt.Sprintf("%+v", *hidden.Missing) != fmt.Sprintf("%+v", *nowhere.Missing) || hidden.Object != nowhere.Object || way(hidden) != way(nowhere) {
		t.Errorf("what is hidden: %+v\nwhat is nowhere: %+v", hidden, nowhere)
	}
}

// scoped is somebody whose token has these scopes.
func scoped(ctx context.Context, scopes ...belay.Permission) context.Context {
	p := *belay.PrincipalFrom(ctx)
	p.Scopes = scopes
	return belay.WithPrincipal(ctx, &p)
}
