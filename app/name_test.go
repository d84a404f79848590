package app_test

import (
	"context"
	"testing"

	"belay"
	"belay/app"
	"belay/store"
)

// A name that would stand for something else is refused, of whatever it is to
// be the name; one that is there already is let be.
func TestNamesThatAreRefused(t *testing.T) {
	w := newImportWorld(t)
	kind, endpoint, basic := "kubernetes", here, belay.CredentialBearer
	token := belay.SecretString("x")
	secret := map[string]*belay.Secret{"token": &token}
	create := map[string]func(string) (string, error){
		"connection": func(name string) (string, error) {
			v, err := w.CreateConnection(w.admin, w.org, app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
		"credential": func(name string) (string, error) {
			v, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &basic, Secret: secret})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
		"environment": func(name string) (string, error) {
			v, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
		"workspace": func(name string) (string, error) {
			v, err := w.CreateWorkspace(w.admin, w.org, app.WorkspaceChange{Name: &name})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
		"team": func(name string) (string, error) {
			v, err := w.CreateTeam(w.admin, w.org, app.TeamChange{Name: &name})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
		"organization": func(name string) (string, error) {
			v, err := w.CreateOrganization(w.admin, app.OrganizationChange{Name: &name})
			if err != nil {
				return "", err
			}
			return v.Name, nil
		},
	}
	for noun, make := range create {
		for _, name := range []string{"connection/foo", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "all,of", "none", "a\u202eb", "a\x00"} {
			if _, err := make(name); belay.CodeOf(err) != belay.CodeInvalid {
				t.Errorf("%s %q: %v", noun, name, err)
			}
		}
		if got, err := make(" dev/test "); err != nil || got != "dev/test" {
			t.Errorf("%s dev/test is %q: %v", noun, got, err)
		}
	}
}

// What is made of a context has a name that can be used, whatever the context
// is called, and is found again by the next import.
func TestNamesOfOddContexts(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	for context, want := range map[string]string{
		"arn:aws:eks:eu-west-1:1:cluster/x": "arn:aws:eks:eu-west-1:1:cluster/x", "connection/foo": "connection-foo", "none": "context-none",
		"a,b": "a-b", "dev/test": "dev/test",
	} {
		f := file(kubeContext{name: context, server: here, user: token("t" + context)})
		made := w.one(w.admin, app.ImportCreated, f)
		if made.Connection.Name != want {
			t.Errorf("%q becomes %q, want %q", context, made.Connection.Name, want)
		}
		if again := w.one(w.admin, app.ImportUnchanged, f); again.Connection.ID != made.Connection.ID {
			t.Errorf("%q is not found again", context)
		}
	}
}

// A name from before there was such a rule stays, and what has it can be
// changed.
func TestNamesThatAreThereAlready(t *testing.T) {
	w := newImportWorld(t)
	old := &belay.Environment{
		ID: w.newID(), OrganizationID: w.org, OwnerID: belay.PrincipalFrom(w.admin).UserID, Name: "a,b", Version: 1, SetVersion: 1, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateEnvironment(ctx, old) })
	same, other, text := "a,b", "b,c", "changed"
	got, err := w.UpdateEnvironment(w.admin, w.org, old.ID, 0, app.EnvironmentChange{Name: &same, Description: &text})
	if err != nil || got.Name != "a,b" || got.Description != text {
		t.Errorf("%+v: %v", got, err)
	}
	if _, err := w.UpdateEnvironment(w.admin, w.org, old.ID, 0, app.EnvironmentChange{Name: &other}); belay.CodeOf(err) != belay.CodeInvalid {
		t.Errorf("renamed: %v", err)
	}
}
