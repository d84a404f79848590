package app_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"belay"
	"belay/app"
)

// TestForbiddenInOneOfSeveralOrganizations changes, without naming the
// organization, what one can only read: that it is not in the organizations
// looked into afterwards does not make it unknown.
func TestForbiddenInOneOfSeveralOrganizations(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: token("x")})).Connection
	viewer := w.member()
	w.share(viewer, belay.RoleViewer, v.ID)
	roles := belay.PrincipalFrom(viewer).Roles
	for range 20 { // before and behind the one that has it
		roles[belay.ID(uuid.NewString())] = belay.OrganizationMember
	}
	if _, err := w.Connection(viewer, "", v.ID); err != nil {
		t.Errorf("it cannot be read: %v", err)
	}
	description := "changed"
	if _, err := w.UpdateConnection(viewer, "", v.ID, 0, app.ConnectionChange{Description: &description}); belay.CodeOf(err) != belay.CodeForbidden {
		t.Errorf("a change is answered with %v", err)
	}
	if _, err := w.Connection(viewer, "", belay.ID(uuid.NewString())); belay.CodeOf(err) != belay.CodeNotFound {
		t.Errorf("what is nowhere is answered with %v", err)
	}
}

// TestListByWhatIsHidden filters, as the owner of a connection, by what
// belongs to it and its owner does not see.
func TestListByWhatIsHidden(t *testing.T) {
	w := newImportWorld(t)
	owner := w.member()
	kind, endpoint, name := "kubernetes", here, "mine"
	v, err := w.CreateConnection(owner, w.org, app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint})
	w.must(err)
	credentialType, secret := belay.CredentialKubernetes, belay.SecretString("x")
	hidden, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &credentialType, Secret: map[string]*belay.Secret{"token": &secret}})
	w.must(err)
	_, err = w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{
		Credentials: &[]belay.CredentialUse{{CredentialID: hidden.ID, Purpose: belay.PurposePrimary}},
	})
	w.must(err)
	e, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	w.must(w.AssignConnection(w.admin, w.org, e.ID, v.ID))

	for what, filter := range map[string]belay.ConnectionFilter{
		"its credential":               {CredentialID: hidden.ID},
		"its environment":              {EnvironmentID: e.ID},
		"not a hidden environment":     {NotInEnvironmentID: w.hiddenEnvironment()},
		"a credential that is nowhere": {CredentialID: w.newID()},
	} {
		page, err := w.Connections(owner, w.org, filter, belay.Query{})
		if err != nil || page.Total != 0 {
			t.Errorf("by %s its owner finds %d, %v", what, page.Total, err)
		}
	}
	if page, err := w.Connections(w.admin, w.org, belay.ConnectionFilter{CredentialID: hidden.ID}, belay.Query{}); err != nil || page.Total != 1 {
		t.Errorf("the administrator finds %d, %v", page.Total, err)
	}
}

// TestListsByWhatIsHidden does the same with the other lists: what its owner
// sees is joined to what he does not.
func TestListsByWhatIsHidden(t *testing.T) {
	w := newImportWorld(t)
	owner := w.member()
	kind, endpoint, name, credentialType, secret := "kubernetes", here, "one", belay.CredentialKubernetes, belay.SecretString("x")
	credential, err := w.CreateCredential(owner, w.org, app.CredentialChange{Name: &name, Type: &credentialType, Secret: map[string]*belay.Secret{"token": &secret}})
	w.must(err)
	environment, err := w.CreateEnvironment(owner, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	connection, err := w.CreateConnection(w.admin, w.org, app.ConnectionChange{
		Name: &name, Kind: &kind, Endpoint: &endpoint, Credentials: &[]belay.CredentialUse{{CredentialID: credential.ID, Purpose: belay.PurposePrimary}},
	})
	w.must(err)
	workspace, err := w.CreateWorkspace(w.admin, w.org, app.WorkspaceChange{Name: &name})
	w.must(err)
	hidden := w.hiddenEnvironment()
	for _, id := range []belay.ID{environment.ID, hidden} {
		w.must(w.AssignConnection(w.admin, w.org, id, connection.ID))
	}
	_, err = w.AssignCredential(w.admin, w.org, workspace.ID, credential.ID)
	w.must(err)

	for what, f := range map[string]belay.EnvironmentFilter{"a connection": {ConnectionID: connection.ID}, "not a workspace": {NotInWorkspaceID: workspace.ID}} {
		if page, err := w.Environments(owner, w.org, f, belay.Query{}); err != nil || page.Total != 0 {
			t.Errorf("by %s: %d environments, %v", what, page.Total, err)
		}
	}
	for what, f := range map[string]belay.CredentialFilter{
		"a connection": {ConnectionID: connection.ID}, "an environment": {EnvironmentID: hidden}, "a workspace": {WorkspaceID: workspace.ID},
	} {
		if page, err := w.Credentials(owner, w.org, f, belay.Query{}); err != nil || page.Total != 0 {
			t.Errorf("by %s: %d credentials, %v", what, page.Total, err)
		}
		if page, err := w.Credentials(w.admin, w.org, f, belay.Query{}); err != nil || page.Total != 1 {
			t.Errorf("by %s the administrator finds %d credentials, %v", what, page.Total, err)
		}
	}
}

// hiddenEnvironment is one that only administrators see.
func (w *importWorld) hiddenEnvironment() belay.ID {
	w.t.Helper()
	name := "hidden"
	e, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	return e.ID
}

// TestWhoCanGrant names those only who can give a permission.
func TestWhoCanGrant(t *testing.T) {
	w := newImportWorld(t)
	_, err := w.CreateUser(w.member(), w.org, app.NewUser{Email: "new@example.test"})
	e, ok := errors.AsType[*belay.Error](err)
	if !ok || e.Code != belay.CodeForbidden || len(e.Remedy) == 0 || !strings.HasPrefix(e.Remedy[0].Description, "An administrator of the organization can grant member:write") {
		t.Errorf("he is told %+v", err)
	}
}
