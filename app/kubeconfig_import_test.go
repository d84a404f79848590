package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/app"
	"belay/e2e/peers"
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
		if k.Credential == nil || k.Credential.Unused {
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

// A cluster at another address is recognised, by what it is or by the
// authority that it trusts, and followed only when that is asked for.
func TestImportOfAMovedCluster(t *testing.T) {
	for name, uid := range map[string]string{"by its identity": "one", "by its authority": ""} {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			w.uids[here], w.uids[there] = uid, uid
			ca := authority().PEM()
			if uid != "" {
				ca = peers.NewCA("another").PEM()
			}
			first := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")}))
			up := file(kubeContext{name: "prod", server: there, ca: ca, user: token("x")})
			if k := w.state(w.admin, up); k.State != app.MatchMoved || k.MovedFrom != here || k.Endpoint != there || k.Connection.ID != first.Connection.ID {
				t.Errorf("the preview says %s of %v, from %q to %q", k.State, k.Connection, k.MovedFrom, k.Endpoint)
			}
			before := w.stored()
			k := w.one(w.admin, app.ImportBlocked, up)
			if !strings.Contains(k.Message, here) || !strings.Contains(k.Message, there) {
				t.Errorf("unasked: %s", k.Message)
			}
			if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.move", "kubeconfig.new"}) {
				t.Errorf("the remedies are %v", got)
			}
			if d := cmp.Diff(before, w.stored()); d != "" {
				t.Errorf("unasked it writes (-before +after):\n%s", d)
			}
			k = w.one(w.admin, app.ImportUpdated, up, app.ContextImport{Name: "prod", Move: true})
			if k.Connection.ID != first.Connection.ID || k.Connection.Endpoint != there || k.MovedFrom != here || k.Credential != nil {
				t.Errorf("asked for: %+v, %+v", k.Connection, k.Credential)
			}
			w.one(w.admin, app.ImportUnchanged, up)
			// And back, as another one.
			k = w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, ca: ca, user: token("x")}),
				app.ContextImport{Name: "prod", OnExisting: app.OnExistingNew, As: "second"})
			if k.Connection.ID == first.Connection.ID {
				t.Error("it is not another connection")
			}
		})
	}
}

// What is like a connection and answers as another cluster has not moved.
func TestImportOfAnotherClusterOfTheSameAuthority(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	w.one(w.admin, app.ImportCreated, file(kubeContext{name: "default", server: here, user: token("x")}))
	up := file(kubeContext{name: "default", server: there, user: token("y")})
	if k := w.state(w.admin, up); k.State != app.MatchNew {
		t.Errorf("the preview says %s", k.State)
	}
	k := w.one(w.admin, app.ImportFailed, up)
	if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.rename"}) {
		t.Errorf("%s; the remedies are %v", k.Message, got)
	}
	// A context of that name whose cluster is not known may be the same one.
	delete(w.uids, there)
	k = w.one(w.admin, app.ImportFailed, file(kubeContext{name: "default", server: there, ca: peers.NewCA("another").PEM(), user: token("y")}))
	if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.rename", "kubeconfig.upload"}) {
		t.Errorf("%s; the remedies are %v", k.Message, got)
	}
	if !strings.Contains(k.Remedies[1].Command, "--connection default --accept-identity") {
		t.Errorf("the remedy is %q", k.Remedies[1].Command)
	}
}

// A stored secret goes to another address only with the file that brings it,
// or with the right to use it.
func TestImportThatMovesASecret(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("stored")})).Connection
	editor := w.member()
	w.share(editor, belay.RoleEditor, v.ID)
	w.uids[there] = "" // it tells nobody what it is
	move := app.ContextImport{Name: "prod", Move: true}
	for what, user := range map[string]map[string]any{"nothing": {}, "a program": plugin} {
		k := w.one(editor, app.ImportFailed, file(kubeContext{name: "prod", server: there, user: user}), move)
		if !strings.Contains(k.Message, string(belay.PermissionCredentialUse)) {
			t.Errorf("a file with %s: %s", what, k.Message)
		}
	}
	if w.saw(there, "stored") {
		t.Error("the stored secret went there")
	}
	k := w.one(editor, app.ImportUpdated, file(kubeContext{name: "prod", server: there, user: token("stored")}), move)
	if k.Connection.Credentials[0].CredentialID == v.Credentials[0].CredentialID || k.Credential == nil || !k.Credential.Unused {
		t.Errorf("the file brings the secret, and the editor may not use the stored one: %+v", k.Credential)
	}
	// The administrator may, and says so.
	w.uids["https://10.0.0.3"] = ""
	w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "prod", server: "https://10.0.0.3", user: plugin}), move)
	if !w.saw("https://10.0.0.3", "stored") {
		t.Error("the connection was not tested with its secret")
	}
}

// A fallback is a stored secret as well.
func TestImportThatMovesAFallback(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", ""
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("stored")})).Connection
	name, kind, text := "fallback", belay.CredentialKubernetes, belay.SecretString("second")
	second, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
	w.must(err)
	uses := append(slices.Clone(v.Credentials), belay.CredentialUse{CredentialID: second.ID, Purpose: belay.PurposeFallback})
	_, err = w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: &uses})
	w.must(err)
	editor := w.member()
	w.share(editor, belay.RoleEditor, v.ID)
	k := w.one(editor, app.ImportFailed, file(kubeContext{name: "prod", server: there, user: token("brought")}), app.ContextImport{Name: "prod", Move: true})
	if !strings.Contains(k.Message, string(belay.PermissionCredentialUse)) {
		t.Error(k.Message)
	}
}

// An upload for one connection asks for that one to be mended. It is still
// not led elsewhere with a secret that is stored.
func TestUploadForAConnectionThatMoves(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", ""
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	upload := func(user map[string]any) app.KubeconfigUpload {
		up := file(kubeContext{name: "anything", server: there, user: user})
		up.ConnectionID = v.ID
		return up
	}
	move := app.ContextImport{Name: "anything", Move: true}
	if k := w.state(w.admin, upload(token("y"))); k.State != app.MatchMoved {
		t.Errorf("the preview says %s", k.State)
	}
	k := w.one(w.admin, app.ImportBlocked, upload(token("y")))
	if len(k.Remedies) == 0 || !strings.Contains(k.Remedies[0].Command, "--connection prod --move") || !strings.Contains(k.Remedies[0].Action.Href, string(v.ID)) {
		t.Errorf("%s; the remedies are %+v", k.Message, k.Remedies)
	}
	w.one(w.admin, app.ImportBlocked, upload(plugin))
	w.one(w.admin, app.ImportBlocked, upload(token("y")), app.ContextImport{Name: "anything", WithoutCredential: true})
	if w.saw(there, "x") {
		t.Error("the stored secret went there")
	}
	name, kind, text := "fallback", belay.CredentialKubernetes, belay.SecretString("second")
	second, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{Name: &name, Type: &kind, Secret: map[string]*belay.Secret{"token": &text}})
	w.must(err)
	uses := append(slices.Clone(v.Credentials), belay.CredentialUse{CredentialID: second.ID, Purpose: belay.PurposeFallback})
	_, err = w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: &uses})
	w.must(err)
	w.one(w.admin, app.ImportBlocked, upload(token("y")))
	uses = uses[:1]
	_, err = w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Credentials: &uses})
	w.must(err)
	if k := w.one(w.admin, app.ImportUpdated, upload(token("y")), move); k.MovedFrom != here {
		t.Errorf("moved from %q", k.MovedFrom)
	}
	up := file(kubeContext{name: "anything", server: here, user: plugin})
	up.ConnectionID = v.ID
	w.one(w.admin, app.ImportUpdated, up, move)
}

// An address under another authority is not taken for the cluster of the
// connection that an upload names where nobody was told which cluster either
// is; what one context of a file is told holds for the others there.
func TestUploadForAConnectionOfAnUnknownCluster(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "", "two"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "prod", server: here, user: token("x")})).Connection
	up := file(kubeContext{name: "viewer", server: there, ca: peers.NewCA("another").PEM(), user: token("y")})
	up.ConnectionID = v.ID
	for _, move := range []bool{false, true} {
		k := w.one(w.admin, app.ImportBlocked, up, app.ContextImport{Name: "viewer", Move: move})
		if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.accept"}) || !strings.Contains(k.Message, "never read") {
			t.Errorf("%s; the remedies are %v", k.Message, got)
		}
	}
	k := w.one(w.admin, app.ImportUpdated, up, app.ContextImport{Name: "viewer", AcceptIdentity: true})
	if k.MovedFrom != here || !strings.Contains(k.Connection.Identity, "two") {
		t.Errorf("it is %q, moved from %q", k.Connection.Identity, k.MovedFrom)
	}
	both := file(
		kubeContext{name: "one", server: here, user: token("x")},
		kubeContext{name: "two", server: here, user: map[string]any{}}) // without a token it is not told
	w.uids[here], both.ConnectionID = "one", v.ID
	p, err := w.PreviewKubeconfig(w.admin, w.org, both)
	w.must(err)
	for _, k := range p.Contexts {
		if k.State != app.MatchOtherCluster {
			t.Errorf("%s is %s", k.Name, k.State)
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
