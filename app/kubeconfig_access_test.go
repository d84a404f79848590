package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/app"
)

// Who may only look at a connection does not change it by a file.
func TestImportByAViewer(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	for _, role := range []belay.Role{belay.RoleViewer, belay.RoleOperator} {
		member := w.member()
		w.share(member, role, v.ID)
		before := w.stored()
		for what, up := range map[string]app.KubeconfigUpload{
			"the same": file(kubeContext{name: "prod", server: here, user: token("x")}),
			"a secret": file(kubeContext{name: "prod", server: here, user: token("y")}),
		} {
			k := w.one(member, app.ImportFailed, up)
			if !strings.Contains(k.Message, string(belay.PermissionConnectionWrite)) {
				t.Errorf("%s, %s: %s", role, what, k.Message)
			}
		}
		if d := cmp.Diff(before, w.stored()); d != "" {
			t.Errorf("%s writes (-before +after):\n%s", role, d)
		}
	}
}

// Who may not use a credential cannot guess what it holds.
func TestPreviewIsNoOracle(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	editor := w.member()
	w.share(editor, belay.RoleEditor, v.ID)
	for _, guess := range []string{"wrong", "x"} {
		k := w.state(editor, file(kubeContext{name: "prod", server: here, user: token(guess)}))
		if k.Connection == nil || k.State != app.MatchSecretChanged || k.Known != nil {
			t.Errorf("the guess %q is answered with %s, %v", guess, k.State, k.Known)
		}
	}
	if k := w.state(w.admin, file(kubeContext{name: "prod", server: here, user: token("x")})); k.State != app.MatchSame {
		t.Errorf("who may use it is told %s", k.State)
	}
	if k := w.state(editor, file(kubeContext{name: "prod", server: here, user: plugin})); k.State != app.MatchSame {
		t.Errorf("a file without a secret is %s", k.State)
	}
}

// What a member does not see is not found by the cluster it leads to.
func TestImportDoesNotRevealHiddenConnections(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "prod", server: here, user: token("x")})
	hidden := w.one(w.admin, app.ImportCreated, up).Connection
	seen := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "other", server: here, user: token("x")})).Connection
	member := w.member()
	w.share(member, belay.RoleViewer, seen.ID)
	for _, from := range []string{"prod", "third"} {
		k := w.state(member, file(kubeContext{name: from, server: here, user: token("z")}))
		if k.State != app.MatchNew || k.Connection != nil || len(k.SameCluster) != 1 || k.SameCluster[0].ID != seen.ID {
			t.Errorf("%s: a member sees %s, %v, of the same cluster %v", from, k.State, k.Connection, k.SameCluster)
		}
	}
	if k := w.state(w.admin, file(kubeContext{name: "third", server: here, user: token("z")})); len(k.SameCluster) != 2 {
		t.Errorf("the administrator sees %d connections of the cluster", len(k.SameCluster))
	}
	// His own connection to it is found again, though the hidden one has the identity.
	options := app.ContextImport{Name: "prod", As: "mine"}
	mine := w.one(member, app.ImportCreated, up, options)
	if k := w.one(member, app.ImportUnchanged, up); k.Connection.ID != mine.Connection.ID || k.Connection.ID == hidden.ID {
		t.Errorf("a second import finds %s", k.Connection.Name)
	}
}

// A connection that was deleted is restored by its owner and by
// administrators, and by nobody to whom it was only shared.
func TestRestoreConnection(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	owner := w.member()
	v := w.one(owner, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	others := map[string]belay.Role{"a stranger": belay.RoleNone, "a viewer": belay.RoleViewer, "an editor": belay.RoleEditor, "an admin of the workspace": belay.RoleAdmin}
	registered := belay.StatusRegistered
	for who, role := range others {
		member := w.member()
		if role != belay.RoleNone {
			w.share(member, role, v.ID)
		}
		w.must(w.DeleteConnection(owner, w.org, v.ID, 0))
		if _, err := w.UpdateConnection(member, w.org, v.ID, 0, app.ConnectionChange{Status: &registered}); belay.CodeOf(err) != belay.CodeNotFound {
			t.Errorf("%s restores it: %v", who, err)
		}
		if _, err := w.UpdateConnection(owner, w.org, v.ID, 0, app.ConnectionChange{Status: &registered}); err != nil {
			t.Errorf("its owner cannot restore it: %v", err)
		}
	}
	w.must(w.DeleteConnection(owner, w.org, v.ID, 0))
	if _, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Status: &registered}); err != nil {
		t.Errorf("the administrator cannot restore it: %v", err)
	}
}

// A cluster that was built anew is taken for a connection's own only when
// that is asked for, and never with a stored secret that the caller may not
// use.
func TestImportOfAClusterThatWasBuiltAnew(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("stored")})).Connection
	editor := w.member()
	w.share(editor, belay.RoleEditor, v.ID)
	w.uids[here] = "two"
	up := file(kubeContext{name: "prod", server: here, user: token("new")})
	up.ConnectionID = v.ID
	k := w.one(editor, app.ImportBlocked, up)
	if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.accept"}) {
		t.Errorf("%s; the remedies are %v", k.Message, got)
	}
	accept := app.ContextImport{Name: "prod", AcceptIdentity: true}
	bare := accept
	bare.WithoutCredential = true
	if k := w.one(editor, app.ImportFailed, up, bare); !strings.Contains(k.Message, string(belay.PermissionCredentialUse)) {
		t.Errorf("with the stored secret: %s", k.Message)
	}
	k = w.one(editor, app.ImportUpdated, up, accept)
	if k.Connection.ID != v.ID || k.Connection.Identity == v.Identity || k.Connection.Identity == "" {
		t.Errorf("it is %q, was %q", k.Connection.Identity, v.Identity)
	}
	again, err := w.TestConnection(w.admin, "", v.ID)
	if err != nil || again.Health != belay.HealthHealthy {
		t.Errorf("%+v, %v", again, err)
	}
}
