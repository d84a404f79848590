package app_test

import (
	"context"
	"slices"
	"testing"

	"belay"
	"belay/app"
)

// TestRestoreOfAnotherVersion restores a connection as of a version that it
// does not have any more: it stays deleted.
func TestRestoreOfAnotherVersion(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	w.must(w.DeleteConnection(w.admin, w.org, v.ID, 0))
	deleted, err := w.store.DeletedConnection(t.Context(), w.org, v.ID)
	w.must(err)
	registered := belay.StatusRegistered
	if _, err := w.UpdateConnection(w.admin, w.org, v.ID, deleted.Version+1, app.ConnectionChange{Status: &registered}); belay.CodeOf(err) != belay.CodePreconditionFailed {
		t.Errorf("with another version: %v", err)
	}
	if _, err := w.Connection(w.admin, w.org, v.ID); belay.CodeOf(err) != belay.CodeNotFound {
		t.Errorf("it is there again: %v", err)
	}
	if _, err := w.UpdateConnection(w.admin, w.org, v.ID, deleted.Version, app.ConnectionChange{Status: &registered}); err != nil {
		t.Errorf("with its own version: %v", err)
	}
}

// TestMaintenanceIsOverWithItsStatus takes a connection out of maintenance:
// why it was in it goes too.
func TestMaintenanceIsOverWithItsStatus(t *testing.T) {
	a, ctx := newOwner(t, &fakeKind{})
	v, err := a.CreateConnection(ctx, "", connectionTo("one", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []belay.Status{belay.StatusRegistered, belay.StatusDisconnected} {
		maintenance := belay.StatusMaintenance
		v, err = a.UpdateConnection(ctx, "", v.ID, 0, app.ConnectionChange{Status: &maintenance, Maintenance: &belay.Maintenance{Reason: "disks"}})
		if err != nil || v.Status != maintenance || v.Maintenance.Reason != "disks" {
			t.Fatalf("%+v, %v", v, err)
		}
		v, err = a.UpdateConnection(ctx, "", v.ID, 0, app.ConnectionChange{Status: &to})
		if err != nil {
			t.Fatal(err)
		}
		if v.Status != to || v.Maintenance != (belay.Maintenance{}) {
			t.Errorf("it is %s, in maintenance for %+v", v.Status, v.Maintenance)
		}
	}
}

// A connection whose credential was deleted meanwhile is restored without it,
// and says so; who may restore the credential is told how.
func TestRestoreConnectionWithoutItsCredential(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	owner := w.member()
	v := w.one(owner, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	id := v.Credentials[0].CredentialID
	w.must(w.DeleteConnection(owner, w.org, v.ID, 0))
	w.must(w.DeleteCredential(owner, w.org, id, 0, false))
	restored, err := w.RestoreConnection(owner, w.org, v.ID)
	w.must(err)
	if !slices.Equal(restored.Gone, []belay.ID{id}) {
		t.Errorf("the credentials that are gone are %v, want %s", restored.Gone, id)
	}
	other := w.member()
	w.share(other, belay.RoleEditor, v.ID)
	for who, member := range map[string]context.Context{"its owner": owner, "another": other} {
		k, err := w.TestConnection(member, w.org, v.ID)
		w.must(err)
		command := ""
		for _, r := range k.Remedies {
			if r.ID == "credential.restore" {
				command = r.Command
			}
		}
		want := map[bool]string{true: "belay credential restore prod"}[member == owner]
		if command != want {
			t.Errorf("%s is offered %q, want %q (%+v)", who, command, want, k.Remedies)
		}
	}
	_, err = w.RestoreCredential(owner, w.org, id)
	w.must(err)
	if k, err := w.TestConnection(owner, w.org, v.ID); err != nil || k.Health != belay.HealthHealthy {
		t.Errorf("with the credential: %+v, %v", k, err)
	}
}
