package app_test

import (
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/app"
)

const (
	here  = "https://10.0.0.1:6443"
	there = "https://10.0.0.2:7443"
)

// remediesOf are the ids of remedies; each must say what it does.
func remediesOf(t *testing.T, all []belay.Remedy) (ids []string) {
	t.Helper()
	for _, r := range all {
		ids = append(ids, r.ID)
		if r.Title == "" || r.Description == "" || r.Command == "" {
			t.Errorf("the remedy %+v does not say what to do", r)
		}
	}
	return ids
}

// A connection whose credential others use too goes to a new one; both are
// named, and who leaves a credential last says that nothing uses it.
func TestImportNamesTheCredentialsOfAMove(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	both := file(kubeContext{name: "a", server: here, user: token("old")}, kubeContext{name: "b", server: there, user: token("old")})
	for _, k := range w.run(w.admin, both) {
		if k.Outcome != app.ImportCreated || k.Credential != nil {
			t.Fatalf("%s is %s, from another credential: %+v", k.Name, k.Outcome, k.Credential)
		}
	}
	a := w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "a", server: here, user: token("new")}))
	if a.Credential == nil || a.Credential.From.Name != "a" || a.Credential.To.Name != "a-2" || a.Credential.Unused || a.Credential.Remedies != nil {
		t.Errorf("a changes its credential, while b uses it: %+v", a.Credential)
	}
	if left := a.Credential.Left; len(left) != 1 || left[0].Name != "b" || a.Credential.LeftTotal != 1 {
		t.Errorf("who goes on with the old one is %v of %d", left, a.Credential.LeftTotal)
	}
	if a.Connection.Credentials[0].CredentialID != a.Credential.To.ID {
		t.Error("a does not use the credential that is named")
	}
	b := w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "b", server: there, user: token("new")}))
	if b.Credential == nil || b.Credential.From.ID != a.Credential.From.ID || b.Credential.To.ID != a.Credential.To.ID || !b.Credential.Unused {
		t.Fatalf("b leaves the credential that nothing else uses: %+v", b.Credential)
	}
	if got := remediesOf(t, b.Credential.Remedies); !slices.Equal(got, []string{"credential.delete"}) {
		t.Fatalf("the remedies are %v", got)
	}
	r := b.Credential.Remedies[0]
	if r.Command != "belay credential delete a" || !strings.HasSuffix(r.Action.Href, "?credentialId="+string(b.Credential.From.ID)) {
		t.Errorf("the remedy is %q, %+v", r.Command, r.Action)
	}
	if err := w.DeleteCredential(w.admin, w.org, b.Credential.From.ID, 0, false); err != nil {
		t.Errorf("the remedy does not work: %v", err)
	}
}

// Two connections that trade credentials leave none unused.
func TestImportThatTradesCredentials(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	w.run(w.admin, file(kubeContext{name: "a", server: here, user: token("x")}, kubeContext{name: "b", server: there, user: token("y")}))
	for _, k := range w.run(w.admin, file(kubeContext{name: "a", server: here, user: token("y")}, kubeContext{name: "b", server: there, user: token("x")})) {
		if k.Credential == nil || k.Credential.Unused || k.Credential.LeftTotal != 0 {
			t.Errorf("%s: %+v", k.Name, k.Credential)
		}
	}
}

// A credential that the caller does not see is named by its id only.
func TestImportDoesNotNameWhatIsHidden(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	owner := w.member()
	mine := w.one(owner, app.ImportCreated, file(kubeContext{name: "a", server: here, user: token("old")}))
	name, kind := "of the administrator", belay.CredentialKubernetes
	secret := belay.SecretString("hidden")
	hidden, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &secret}})
	w.must(err)
	_, err = w.UpdateConnection(w.admin, w.org, mine.Connection.ID, 0, app.ConnectionChange{
		Credentials: &[]belay.CredentialUse{{CredentialID: hidden.ID, Purpose: belay.PurposePrimary}},
	})
	w.must(err)
	got := w.one(owner, app.ImportUpdated, file(kubeContext{name: "a", server: here, user: token("new")}))
	if got.Credential == nil || got.Credential.From.ID != hidden.ID || got.Credential.From.Name != "" || got.Credential.Unused {
		t.Errorf("the change of the credential: %+v", got.Credential)
	}
}

// As renames a connection that is there, or says why it cannot.
func TestImportRenames(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	first := w.one(w.admin, app.ImportCreated, up)
	as := func(name string, how app.OnExisting) app.ContextImport {
		return app.ContextImport{Name: "a", As: name, OnExisting: how}
	}
	if k := w.one(w.admin, app.ImportSkipped, up, as("other", app.OnExistingSkip)); k.Connection.Name != "a" {
		t.Errorf("what is skipped is called %q", k.Connection.Name)
	}
	k := w.one(w.admin, app.ImportUpdated, up, as("production", app.OnExistingUpdate))
	if k.Connection.Name != "production" || k.RenamedFrom != "a" || k.Connection.ID != first.Connection.ID {
		t.Errorf("renamed: %q, from %q", k.Connection.Name, k.RenamedFrom)
	}
	if k := w.one(w.admin, app.ImportUnchanged, up, as("production", "")); k.RenamedFrom != "" {
		t.Errorf("renamed again from %q", k.RenamedFrom)
	}
	w.one(w.admin, app.ImportCreated, file(kubeContext{name: "b", server: there, user: token("x")}))
	taken := w.one(w.admin, app.ImportFailed, up, as("b", ""))
	if !strings.Contains(taken.Message, "name") || !slices.Contains(remediesOf(t, taken.Remedies), "kubeconfig.rename") {
		t.Errorf("a name that is taken: %s, %v", taken.Message, taken.Remedies)
	}
	if bad := w.one(w.admin, app.ImportFailed, up, as("two\nlines", "")); !strings.Contains(bad.Message, "/name") {
		t.Errorf("a name that cannot be: %s", bad.Message)
	}
}

// Whose user cannot sign in from here does not become a connection that
// signs in as nobody, unless that is asked for.
func TestImportOfAPluginIsBlocked(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	provider := map[string]any{"auth-provider": map[string]any{"name": "oidc"}}
	masked := token("REDACTED")
	up := file(kubeContext{name: "eks", server: here, user: plugin}, kubeContext{name: "oidc", server: here, user: provider},
		kubeContext{name: "masked", server: here, user: masked}, kubeContext{name: "anonymous", server: here, user: map[string]any{}},
		kubeContext{name: "good", server: there, user: token("x")})
	says := map[string]string{"eks": "the program aws", "oidc": "auth-provider oidc", "masked": "masked"}
	for _, k := range w.run(w.admin, up) {
		said, blocked := says[k.Name]
		if !blocked {
			if k.Outcome != app.ImportCreated {
				t.Errorf("%s is %s: %s", k.Name, k.Outcome, k.Message)
			}
			continue
		}
		if k.Outcome != app.ImportBlocked || !strings.Contains(k.Message, said) || k.Connection != nil || len(k.Recipe) == 0 {
			t.Errorf("%s is %s: %s; %+v", k.Name, k.Outcome, k.Message, k.Recipe)
		}
		if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.service_account", "kubeconfig.without_credential"}) {
			t.Errorf("%s: the remedies are %v", k.Name, got)
		}
	}
	if page, err := w.Connections(w.admin, w.org, belay.ConnectionFilter{}, belay.Query{}); err != nil || page.Total != 2 {
		t.Errorf("%d connections are stored, %v", page.Total, err)
	}
	asked := w.run(w.admin, up, app.ContextImport{Name: "eks", WithoutCredential: true}, app.ContextImport{Name: "good", OnExisting: app.OnExistingNew, As: "bare", WithoutCredential: true})
	for _, k := range asked {
		if k.Outcome != app.ImportCreated || len(k.Connection.Credentials) != 0 || k.Check.Cause != belay.CauseCredentialMissing {
			t.Errorf("%s, asked for without a credential, is %s with %d: %+v", k.Name, k.Outcome, len(k.Connection.Credentials), k.Check)
		}
	}
	// A credential that is there stays, and takes the place of the program.
	again := file(kubeContext{name: "good", server: there, user: plugin})
	if k := w.one(w.admin, app.ImportUnchanged, again); k.Check.Cause != "" {
		t.Errorf("with its own credential: %+v", k.Check)
	}
}

// What no connection can be keeps no other context out.
func TestImportOfWhatNoConnectionCanBe(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: refusedContext, server: here, user: token("x")}, kubeContext{name: "good", server: here, user: token("x")})
	out := w.run(w.admin, up)
	if out[0].Outcome != app.ImportFailed || !strings.Contains(out[0].Message, "/metadata/context") || out[1].Outcome != app.ImportCreated {
		t.Errorf("%s (%s), %s", out[0].Outcome, out[0].Message, out[1].Outcome)
	}
}
