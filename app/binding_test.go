package app_test

import (
	"context"
	"slices"
	"testing"

	"belay"
	"belay/app"
)

// bound is somebody whose token is bound.
func bound(ctx context.Context, workspace, environment belay.ID) context.Context {
	p := *belay.PrincipalFrom(ctx)
	p.WorkspaceID, p.EnvironmentID = workspace, environment
	return belay.WithPrincipal(ctx, &p)
}

// estate is what the tests of bindings are about: a connection in an
// environment of a workspace, to which another credential is assigned, and
// one of each elsewhere.
type estate struct {
	workspace, environment, connection, credential, assigned belay.ID
	otherWorkspace, otherEnvironment, otherConnection        belay.ID
}

func (w *importWorld) estate() (e estate) {
	w.t.Helper()
	w.uids[here], w.uids[there] = "one", "two"
	one := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "one", server: here, user: token("x")})).Connection
	two := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "two", server: there, user: token("y")})).Connection
	e.connection, e.credential, e.otherConnection = one.ID, one.Credentials[0].CredentialID, two.ID
	place := func(name string, connection belay.ID) (belay.ID, belay.ID) {
		v, err := w.CreateWorkspace(w.admin, w.org, app.WorkspaceChange{Name: &name})
		w.must(err)
		n, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
		w.must(err)
		w.must(w.AssignConnection(w.admin, w.org, n.ID, connection))
		_, err = w.AssignEnvironment(w.admin, w.org, v.ID, n.ID)
		w.must(err)
		return v.ID, n.ID
	}
	e.workspace, e.environment = place("here", e.connection)
	e.otherWorkspace, e.otherEnvironment = place("there", e.otherConnection)
	name, kind, text := "assigned", belay.CredentialKubernetes, belay.SecretString("z")
	k, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
	w.must(err)
	_, err = w.AssignCredential(w.admin, w.org, e.workspace, k.ID)
	w.must(err)
	e.assigned = k.ID
	return e
}

// TestBoundOwner does as the owner of the organization, with a token that is
// bound, what he may do with one that is not: it works where the binding
// leads, and nothing else is there.
func TestBoundOwner(t *testing.T) {
	w := newImportWorld(t)
	e := w.estate()
	inEnvironment, inWorkspace := bound(w.admin, "", e.environment), bound(w.admin, e.workspace, "")
	both := bound(w.admin, e.workspace, e.environment)
	text := "changed"
	for what, c := range map[string]struct {
		do                           func(ctx context.Context) error
		environment, workspace, each belay.Code // the answer through one, the other, and both
	}{
		"environment": {func(ctx context.Context) error { _, err := w.Environment(ctx, w.org, e.environment); return err }, "", "", ""},
		"connection":  {func(ctx context.Context) error { _, err := w.Connection(ctx, w.org, e.connection); return err }, "", "", ""},
		"used credential": {
			func(ctx context.Context) error { _, err := w.Credential(ctx, w.org, e.credential); return err }, "", "", "",
		},
		"assigned credential": {
			func(ctx context.Context) error { _, err := w.Credential(ctx, w.org, e.assigned); return err },
			belay.CodeNotFound, "", belay.CodeNotFound,
		},
		"workspace": {
			func(ctx context.Context) error { _, err := w.Workspace(ctx, w.org, e.workspace); return err },
			belay.CodeNotFound, "", belay.CodeNotFound,
		},
		"test": {func(ctx context.Context) error { _, err := w.TestConnection(ctx, w.org, e.connection); return err }, "", "", ""},
		"test of all": {func(ctx context.Context) error {
			_, err := w.TestEnvironment(ctx, w.org, e.environment, app.EnvironmentWatch{})
			return err
		}, "", "", ""},
		"change of the environment": {func(ctx context.Context) error {
			_, err := w.UpdateEnvironment(ctx, w.org, e.environment, 0, app.EnvironmentChange{Description: &text})
			return err
		}, "", "", ""},
		"change of the connection": {func(ctx context.Context) error {
			_, err := w.UpdateConnection(ctx, w.org, e.connection, 0, app.ConnectionChange{Description: &text})
			return err
		}, "", "", ""},
		"change of the used credential": {func(ctx context.Context) error {
			_, err := w.UpdateCredential(ctx, w.org, e.credential, 0, app.CredentialChange{Name: &text})
			return err
		}, belay.CodeForbidden, belay.CodeForbidden, belay.CodeForbidden},
		"change of the assigned credential": {func(ctx context.Context) error {
			_, err := w.UpdateCredential(ctx, w.org, e.assigned, 0, app.CredentialChange{})
			return err
		}, belay.CodeNotFound, "", belay.CodeNotFound},
		"another environment": {
			func(ctx context.Context) error { _, err := w.Environment(ctx, w.org, e.otherEnvironment); return err },
			belay.CodeNotFound, belay.CodeNotFound, belay.CodeNotFound,
		},
		"another connection": {
			func(ctx context.Context) error { _, err := w.TestConnection(ctx, w.org, e.otherConnection); return err },
			belay.CodeNotFound, belay.CodeNotFound, belay.CodeNotFound,
		},
		"another workspace": {
			func(ctx context.Context) error { return w.DeleteWorkspace(ctx, w.org, e.otherWorkspace, 0) },
			belay.CodeNotFound, belay.CodeNotFound, belay.CodeNotFound,
		},
		"another connection put into the environment": {func(ctx context.Context) error {
			return w.AssignConnection(ctx, w.org, e.environment, e.otherConnection)
		}, belay.CodeNotFound, belay.CodeNotFound, belay.CodeNotFound},
		"another connection put into the set": {func(ctx context.Context) error {
			_, _, err := w.SetEnvironmentConnections(ctx, w.org, e.environment, 0, []belay.ID{e.connection, e.otherConnection})
			return err
		}, belay.CodeInvalid, belay.CodeInvalid, belay.CodeInvalid},
		"the same set": {func(ctx context.Context) error {
			_, _, err := w.SetEnvironmentConnections(ctx, w.org, e.environment, 0, []belay.ID{e.connection})
			return err
		}, "", "", ""},
		"another environment assigned": {func(ctx context.Context) error {
			_, err := w.AssignEnvironment(ctx, w.org, e.workspace, e.otherEnvironment)
			return err
		}, belay.CodeNotFound, belay.CodeNotFound, belay.CodeNotFound},
	} {
		for i, ctx := range []context.Context{inEnvironment, inWorkspace, both} {
			want := []belay.Code{c.environment, c.workspace, c.each}[i]
			if err := c.do(ctx); belay.CodeOf(err) != want {
				t.Errorf("%s, bound in way %d: %v, want %q", what, i, err, want)
			}
		}
	}
}

// TestBoundCreatesNothing makes what would lie outside of the binding.
func TestBoundCreatesNothing(t *testing.T) {
	w := newImportWorld(t)
	e := w.estate()
	before := w.stored()
	name, kind, endpoint, typ, text := "new", "kubernetes", here, belay.CredentialKubernetes, belay.SecretString("n")
	secret := map[string]*belay.Secret{"token": &text}
	draft := app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint}
	up := file(kubeContext{name: "new", server: "https://10.0.0.3:6443", user: token("n")})
	for what, do := range map[string]func(ctx context.Context) error{
		"workspace": func(ctx context.Context) error {
			_, err := w.CreateWorkspace(ctx, w.org, app.WorkspaceChange{Name: &name})
			return err
		},
		"environment": func(ctx context.Context) error {
			_, err := w.CreateEnvironment(ctx, w.org, app.EnvironmentChange{Name: &name})
			return err
		},
		"connection": func(ctx context.Context) error { _, err := w.CreateConnection(ctx, w.org, draft); return err },
		"credential": func(ctx context.Context) error {
			_, err := w.CreateCredential(ctx, w.org, app.CredentialChange{Name: &name, Type: &typ, Secret: secret})
			return err
		},
		"draft":        func(ctx context.Context) error { _, err := w.TestDraft(ctx, w.org, draft); return err },
		"registration": func(ctx context.Context) error { _, _, err := w.BeginRegistration(ctx, kind); return err },
		"preview":      func(ctx context.Context) error { _, err := w.PreviewKubeconfig(ctx, w.org, up); return err },
		"import": func(ctx context.Context) error {
			_, err := w.ImportKubeconfig(ctx, w.org, up, app.KubeconfigImport{EnvironmentIDs: []belay.ID{e.environment}})
			return err
		},
		"offer": func(ctx context.Context) error { _, err := w.OfferKubeconfig(ctx, w.org, up.Data); return err },
		"a credential with a change": func(ctx context.Context) error {
			_, err := w.UpdateConnection(ctx, w.org, e.connection, 0, app.ConnectionChange{Secret: secret, SecretType: typ, SecretName: name})
			return err
		},
	} {
		for _, ctx := range []context.Context{bound(w.admin, "", e.environment), bound(w.admin, e.workspace, "")} {
			if err := do(ctx); belay.CodeOf(err) != belay.CodeForbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if len(before) != len(w.stored()) {
		t.Error("something was stored")
	}
}

// TestBoundMember is bound to what he has a role in, and to what he has not.
func TestBoundMember(t *testing.T) {
	w := newImportWorld(t)
	e := w.estate()
	member := w.member()
	w.share(member, belay.RoleOperator, e.connection)
	for what, c := range map[string]struct {
		ctx  context.Context
		want belay.Code
	}{
		"not bound":                      {member, ""},
		"bound to a workspace of others": {bound(member, e.workspace, ""), belay.CodeNotFound},
		"bound to one that is nowhere":   {bound(member, w.newID(), ""), belay.CodeNotFound},
		"bound to an environment":        {bound(member, "", e.environment), belay.CodeNotFound},
	} {
		if _, err := w.TestConnection(c.ctx, w.org, e.connection); belay.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	page, err := w.Connections(bound(w.admin, "", e.environment), w.org, belay.ConnectionFilter{}, belay.Query{})
	w.must(err)
	if page.Total != 1 || page.Items[0].ID != e.connection || !slices.Contains(page.Items[0].Actions, belay.PermissionConnectionWrite) ||
		len(page.Items[0].Environments) != 1 {
		t.Errorf("the administrator's environment lists %+v", page)
	}
	credentials, err := w.Credentials(bound(w.admin, "", e.environment), w.org, belay.CredentialFilter{}, belay.Query{})
	w.must(err)
	if credentials.Total != 1 || !slices.Equal(credentials.Items[0].Actions, []belay.Permission{belay.PermissionCredentialRead}) {
		t.Errorf("its credentials are %+v", credentials.Items)
	}
	if summary, err := w.StatusSummary(bound(w.admin, "", e.environment), w.org); err != nil || summary != nil {
		t.Errorf("it counts the organization: %v, %v", summary, err)
	}
}
