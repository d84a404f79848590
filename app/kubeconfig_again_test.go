package app_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/app"
	"belay/e2e/peers"
)

// What is imported again as it is writes nothing at all.
func TestImportAgainWritesNothing(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "up", server: here, user: token("x")}, kubeContext{name: "down", server: there, user: token("x")})
	w.run(w.admin, up)
	// The same material is stored a second time, by somebody before.
	name, kind, text := "twin", belay.CredentialKubernetes, belay.SecretString("x")
	_, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
	w.must(err)
	before := w.stored()
	for _, k := range w.run(w.admin, up) {
		if k.Outcome != app.ImportUnchanged || k.Connection == nil || k.Check == nil || k.Credential != nil {
			t.Errorf("%s is %s: %+v", k.Name, k.Outcome, k)
		}
	}
	if d := cmp.Diff(before, w.stored()); d != "" {
		t.Errorf("it writes (-before +after):\n%s", d)
	}

	// That one of them answers by now is news.
	w.uids[there] = "two"
	for _, k := range w.run(w.admin, up) {
		if want := map[string]app.ImportOutcome{"up": app.ImportUnchanged, "down": app.ImportUpdated}[k.Name]; k.Outcome != want || k.Connection.Status != belay.StatusConnected {
			t.Errorf("%s is %s and %s, want %s", k.Name, k.Outcome, k.Connection.Status, want)
		}
	}
}

// What a test says anew is written though the file is the same, once: how it
// works, why it does not, and who answers. So is a new secret in the place of
// the old one.
func TestImportAgainWritesWhatIsNew(t *testing.T) {
	w := newImportWorld(t)
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	says := func(health belay.HealthStatus, cause belay.Cause, identity string) *belay.Report {
		return &belay.Report{Health: health, Cause: cause, Summary: "made up", Identity: identity}
	}
	w.says = says(belay.HealthUnhealthy, belay.CauseConnectionRefused, "")
	w.one(w.admin, app.ImportCreated, up)
	for _, now := range []*belay.Report{
		says(belay.HealthUnhealthy, belay.CauseCredentialRejected, ""), says(belay.HealthHealthy, "", ""), says(belay.HealthDegraded, "", ""), says(belay.HealthDegraded, "", "one"),
	} {
		w.says = now
		k := w.one(w.admin, app.ImportUpdated, up)
		if k.Connection.Health.Status != now.Health || k.Connection.Health.Cause != now.Cause || k.Connection.Identity != now.Identity {
			t.Errorf("it is %s, %s, %q; the test says %+v", k.Connection.Health.Status, k.Connection.Health.Cause, k.Connection.Identity, now)
		}
		before := w.stored()
		w.one(w.admin, app.ImportUnchanged, up)
		if d := cmp.Diff(before, w.stored()); d != "" {
			t.Errorf("it writes (-before +after):\n%s", d)
		}
	}
	k := w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "a", server: here, user: token("y")}))
	if v, err := w.Credential(w.admin, w.org, k.Connection.Credentials[0].CredentialID); err != nil || v.Current != 2 {
		t.Errorf("its secret has another version: %+v, %v", v, err)
	}
}

// Only the environments are new: the connection itself stays as it is.
func TestImportAgainIntoAnEnvironment(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	first := w.one(w.admin, app.ImportCreated, up)
	name := "production"
	e, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	for _, want := range []app.ImportOutcome{app.ImportUpdated, app.ImportUnchanged} {
		out, err := w.ImportKubeconfig(w.admin, w.org, up, app.KubeconfigImport{EnvironmentIDs: []belay.ID{e.ID}})
		w.must(err)
		if out[0].Outcome != want || out[0].Connection.Version != first.Connection.Version {
			t.Errorf("it is %s with version %d, want %s with %d", out[0].Outcome, out[0].Connection.Version, want, first.Connection.Version)
		}
	}
}

// TestImportAgainBesideADuplicate makes a second connection of a context
// while nobody knows any more which cluster the first leads to.
func TestImportAgainBesideADuplicate(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	first := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: token("x")})).Connection
	w.configure(first.ID, map[string]any{"context": "a", "cluster": "a", "user": "a", "tls": map[string]any{"certificateAuthority": string(peers.NewCA("wrong").PEM())}})
	second := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: token("x")}),
		app.ContextImport{Name: "a", As: "other", OnExisting: app.OnExistingNew}).Connection
	up := file(kubeContext{name: "a", server: here, user: token("y")})
	k := w.state(w.admin, up)
	if k.Connection == nil || k.Connection.ID != first.ID || len(k.SameContext) != 1 || k.SameContext[0].ID != second.ID {
		t.Fatalf("it stands for %+v beside %+v", k.Connection, k.SameContext)
	}
	done := w.one(w.admin, app.ImportUpdated, up)
	if done.Connection.ID != first.ID || len(done.SameContext) != 1 || done.SameContext[0].ID != second.ID {
		t.Errorf("mended is %s beside %v", done.Connection.Name, done.SameContext)
	}
	mended, err := w.Connection(w.admin, w.org, first.ID)
	if err != nil || !mended.Health.Status.Works() {
		t.Errorf("it is not mended: %+v, %v", mended.Health, err)
	}
	// The other one is reached by naming it.
	up.ConnectionID = second.ID
	if done := w.one(w.admin, app.ImportUpdated, up); done.Connection.ID != second.ID {
		t.Errorf("mended is %s", done.Connection.Name)
	}
}
