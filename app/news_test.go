package app_test

import (
	"context"
	"encoding/json"
	"testing"

	"belay"
	"belay/app"
	"belay/e2e/peers"
	"belay/store"
)

// Who owns a workspace sees it, and not by that what is in it: no list of
// workspaces tells that an environment is there which he cannot see.
func TestWorkspacesOfAHiddenEnvironment(t *testing.T) {
	w := newImportWorld(t)
	member := w.member()
	was := *belay.PrincipalFrom(member)
	was.Roles = map[belay.ID]belay.OrganizationRole{w.org: belay.OrganizationAdmin}
	name := "shop"
	owned, err := w.CreateWorkspace(belay.WithPrincipal(t.Context(), &was), w.org, app.WorkspaceChange{Name: &name})
	w.must(err)
	hidden, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	typ, secret := belay.CredentialBearer, belay.SecretString("x")
	sealed, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &typ, Secret: map[string]*belay.Secret{"token": &secret}})
	w.must(err)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.AssignCredential(ctx, w.org, belay.Assignment{ID: w.newID(), LeftID: owned.ID, RightID: sealed.ID}); err != nil {
			return err
		}
		_, err := tx.AssignEnvironment(ctx, w.org, belay.Assignment{ID: w.newID(), LeftID: owned.ID, RightID: hidden.ID})
		return err
	})
	for ctx, want := range map[context.Context]int{member: 0, w.admin: 1} {
		for what, f := range map[string]belay.WorkspaceFilter{"environment": {EnvironmentID: hidden.ID}, "credential": {CredentialID: sealed.ID}} {
			page, err := w.Workspaces(ctx, w.org, f, belay.Query{})
			w.must(err)
			if len(page.Items) != want || page.Total != want {
				t.Errorf("%d workspaces of %d have the %s, want %d", len(page.Items), page.Total, what, want)
			}
		}
	}
	if page, err := w.Workspaces(member, w.org, belay.WorkspaceFilter{}, belay.Query{}); err != nil || len(page.Items) != 1 {
		t.Errorf("the owner sees %d workspaces, %v", len(page.Items), err)
	}
}

// A configuration that is stored in another order, or with other spaces, is
// the one in the file.
func TestImportKeepsHowAConfigurationIsWritten(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	v := w.one(w.admin, app.ImportCreated, up).Connection
	var members map[string]json.RawMessage
	w.must(json.Unmarshal(v.Config, &members))
	other := []byte(`{"user":` + string(members["user"]) + `,"tls":` + string(members["tls"]) + `,"context":` + string(members["context"]) + `,"cluster":` + string(members["cluster"]) + `}`)
	_, err := w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Config: other})
	w.must(err)
	w.run(w.admin, up) // records the test that the change asks for
	got := w.one(w.admin, app.ImportUnchanged, up).Connection
	if string(got.Config) != string(other) || string(got.Config) == string(v.Config) {
		t.Errorf("the configuration is %s", got.Config)
	}
	changed := w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "a", server: here, user: token("x"), ca: peers.NewCA("another").PEM()})).Connection
	if string(changed.Config) == string(other) {
		t.Error("another authority is no change")
	}
}

// Which cluster it is, is news where that was not known, unless another
// connection is known to stand for it.
func TestImportLearnsTheIdentity(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "" // it works, and does not say which cluster it is
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	w.one(w.admin, app.ImportCreated, up)
	w.one(w.admin, app.ImportUnchanged, up)
	w.uids[here] = "one"
	learnt := w.one(w.admin, app.ImportUpdated, up).Connection
	if learnt.Identity != "kubernetes:one/a" {
		t.Errorf("the identity is %q", learnt.Identity)
	}
	w.one(w.admin, app.ImportUnchanged, up)
}
