package app_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/app"
	"belay/e2e/peers"
)

// configure gives a connection these settings, as somebody does by hand.
func (w *importWorld) configure(id belay.ID, config map[string]any) {
	w.t.Helper()
	text, err := json.Marshal(config)
	w.must(err)
	_, err = w.UpdateConnection(w.admin, w.org, id, 0, app.ConnectionChange{Config: text})
	w.must(err)
}

// fieldsOf are the settings of some changes.
func fieldsOf(changes []app.SettingChange) (fields []string) {
	for _, c := range changes {
		fields = append(fields, c.Field)
	}
	return fields
}

// A connection that was made to verify its target goes on doing so, whatever
// the file says of it, unless that is asked for; nothing is written for it.
func TestImportAgainVerifiesNoLess(t *testing.T) {
	ca := string(authority().PEM())
	for name, file1 := range map[string]kubeContext{
		"the file switches it off":    {name: "a", server: here, insecure: true, user: token("x")},
		"the file names no authority": {name: "a", server: here, plain: true, user: token("x")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			w.uids[here], w.signed[here] = "one", ca
			up := file(file1)
			v := w.one(w.admin, app.ImportCreated, up).Connection
			w.configure(v.ID, map[string]any{"context": "a", "cluster": "a", "user": "a", "namespace": "foo", "tls": map[string]any{"certificateAuthority": ca}})
			if _, err := w.TestConnection(w.admin, w.org, v.ID); err != nil {
				t.Fatal(err)
			}
			before := w.stored()
			k := w.state(w.admin, up)
			if k.State != app.MatchSame || len(k.Changes) != 0 || !slices.Contains(fieldsOf(k.Kept), "metadata.tls.certificateAuthority") || !k.Check.Health.Works() {
				t.Errorf("the preview says %s, changes %v, keeps %v, %s", k.State, k.Changes, k.Kept, k.Check.Summary)
			}
			again := w.one(w.admin, app.ImportUnchanged, up)
			if d := cmp.Diff(before, w.stored()); d != "" {
				t.Errorf("it writes (-before +after):\n%s", d)
			}
			if !slices.Equal(fieldsOf(again.Kept), fieldsOf(k.Kept)) {
				t.Errorf("the import keeps %v, the preview %v", again.Kept, k.Kept)
			}
			asked := app.ContextImport{Name: "a", AcceptInsecureTLS: true, ReplaceWorking: true}
			loose := w.one(w.admin, app.ImportUpdated, up, asked)
			tls := loose.Connection.TLSConfig()
			if tls.CertificateAuthority != "" || tls.InsecureSkipVerify != file1.insecure || !slices.Contains(fieldsOf(loose.Changes), "metadata.tls.certificateAuthority") {
				t.Errorf("asked for: %+v, %v", tls, loose.Changes)
			}
			if !strings.Contains(string(loose.Connection.Config), `"foo"`) {
				t.Errorf("the namespace is lost: %s", loose.Connection.Config)
			}
		})
	}
}

// What the file says otherwise than the connection is named field by field,
// is a state of its own where the secret is the same, and is what is written.
func TestImportNamesTheSettingsItChanges(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, insecure: true, user: token("x")})).Connection
	w.configure(v.ID, map[string]any{"context": "a", "cluster": "a", "user": "a", "namespace": "foo", "tls": map[string]any{"insecureSkipVerify": true}})
	other := peers.NewCA("another")
	up := file(kubeContext{name: "a", server: here, ca: other.PEM(), namespace: "bar", user: token("x")})
	k := w.state(w.admin, up)
	want := []string{"metadata.namespace", "metadata.tls.certificateAuthority", "metadata.tls.insecureSkipVerify"}
	if k.State != app.MatchSettingsChanged || !slices.Equal(fieldsOf(k.Changes), want) || len(k.Kept) != 0 {
		t.Fatalf("the preview says %s, changes %v, keeps %v", k.State, k.Changes, k.Kept)
	}
	if c := k.Changes[0]; c.From != "foo" || c.To != "bar" {
		t.Errorf("the namespace goes from %q to %q", c.From, c.To)
	}
	if c := k.Changes[1]; c.From != "" || !strings.Contains(c.To, "another") || !strings.Contains(c.To, "SHA-256") || strings.Contains(c.To, "BEGIN") {
		t.Errorf("the authority goes from %q to %q", c.From, c.To)
	}
	done := w.one(w.admin, app.ImportUpdated, up)
	if d := cmp.Diff(k.Changes, done.Changes); d != "" {
		t.Errorf("the import changes other things than the preview said:\n%s", d)
	}
	w.one(w.admin, app.ImportUnchanged, up)
}

// A connection that works is not given what has just been seen to fail,
// unless that is asked for; the credential that it works with is named.
func TestImportReplacesNothingThatWorks(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	w.refused["bad"] = true
	w.one(w.admin, app.ImportCreated, file(kubeContext{name: "view", server: here, user: token("good")}))
	up := file(kubeContext{name: "view", server: here, user: token("bad")})
	k := w.state(w.admin, up)
	if !k.WorksNow || k.State != app.MatchSecretChanged || k.Fate == nil || k.Fate.Action != app.CredentialReplace || k.Fate.Name != "view" {
		t.Errorf("the preview says %s, works now %v, the credential %+v", k.State, k.WorksNow, k.Fate)
	}
	blocked := w.one(w.admin, app.ImportBlocked, up)
	if !strings.Contains(blocked.Message, "credential view") || !strings.Contains(blocked.Message, "rejected") {
		t.Errorf("it says %q", blocked.Message)
	}
	if got := remediesOf(t, blocked.Remedies); !slices.Equal(got, []string{"kubeconfig.without_credential", "kubeconfig.replace_working"}) {
		t.Errorf("the remedies are %v", got)
	}
	w.one(w.admin, app.ImportUnchanged, up, app.ContextImport{Name: "view", WithoutCredential: true})
	if v, err := w.Credentials(w.admin, w.org, belay.CredentialFilter{}, belay.Query{}); err != nil || v.Items[0].Current != 1 {
		t.Errorf("the credential was written: %+v, %v", v.Items, err)
	}
	forced := w.one(w.admin, app.ImportUpdated, up, app.ContextImport{Name: "view", ReplaceWorking: true})
	if forced.Replaced == nil || forced.Replaced.Name != "view" || forced.Replaced.Current != 2 || forced.Credential != nil {
		t.Errorf("forced: replaced %+v, moved %+v", forced.Replaced, forced.Credential)
	}
	// What does not work gives way: the old one as well as one that is no better.
	w.refused["worse"] = true
	w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "view", server: here, user: token("worse")}))
	w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "view", server: here, user: token("good")}))
}

// An authority under which the target is not verified does not take the place
// of one under which it is.
func TestImportReplacesNoAuthorityThatWorks(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.signed[here] = "one", string(authority().PEM())
	v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: here, user: token("x")})).Connection
	for name, user := range map[string]map[string]any{"its own secret": token("x"), "a program": plugin} {
		k := w.one(w.admin, app.ImportBlocked, file(kubeContext{name: "a", server: here, ca: peers.NewCA("wrong").PEM(), user: user}))
		if k.Connection.TLSConfig() != v.TLSConfig() {
			t.Errorf("%s: it has another authority", name)
		}
	}
}

// A preview names the credentials that an import of the whole file leaves.
func TestPreviewNamesTheCredentials(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	both := func(a, b string) app.KubeconfigUpload {
		return file(kubeContext{name: "a", server: here, user: token(a)}, kubeContext{name: "b", server: there, user: token(b)})
	}
	fates := func(up app.KubeconfigUpload) (out []string) {
		p, err := w.PreviewKubeconfig(w.admin, w.org, up)
		w.must(err)
		for _, k := range p.Contexts {
			out = append(out, string(k.Fate.Action)+" "+k.Fate.Name)
		}
		return out
	}
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	is("new, with one secret", fates(both("x", "x")), "create a", "create a")
	is("new, with two", fates(both("x", "y")), "create a", "create b")
	w.run(w.admin, both("x", "x"))
	is("the same", fates(both("x", "x")), "keep a", "keep a")
	is("both change", fates(both("y", "y")), "replace a", "replace a")
	is("they part", fates(both("x", "y")), "keep a", "create b")
	is("one alone", fates(file(kubeContext{name: "a", server: here, user: token("z")})), "create a-2")
}

// What keeps a connection from being restored is named, with a way out.
func TestRestoreNamesWhatIsInTheWay(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "adm", server: here, user: token("x")})
	for as, says := range map[string]string{"adm": "belay connection edit adm --name NEWNAME", "other": "belay connection delete other"} {
		w.uids[here] = "one"
		old := w.one(w.admin, app.ImportCreated, up)
		if as == "adm" {
			w.uids[here] = "two" // which only the name is in the way of
		}
		w.must(w.DeleteConnection(w.admin, w.org, old.Connection.ID, 0))
		again := w.one(w.admin, app.ImportCreated, up, app.ContextImport{Name: "adm", As: as})
		_, err := w.RestoreConnection(w.admin, w.org, old.Connection.ID)
		e, ok := errors.AsType[*belay.Error](err)
		if !ok || e.Code != belay.CodeConflict || !strings.Contains(e.Message, "connection "+as+" ") || len(e.Remedy) != 1 || e.Remedy[0].Command != says {
			t.Errorf("as %s: %v, %+v", as, err, e)
		}
		w.must(w.DeleteConnection(w.admin, w.org, again.Connection.ID, 0))
	}
}

// What keeps a connection from being restored is not named to who does not see
// it.
func TestRestoreHidesWhatIsInTheWay(t *testing.T) {
	w := newImportWorld(t)
	up := file(kubeContext{name: "adm", server: here, user: token("x")})
	for as, uid := range map[string]string{"adm": "two", "hidden": "one"} {
		w.uids[here] = "one"
		member := w.member()
		old := w.one(member, app.ImportCreated, up)
		w.must(w.DeleteConnection(member, w.org, old.Connection.ID, 0))
		w.uids[here] = uid
		again := w.one(w.admin, app.ImportCreated, up, app.ContextImport{Name: "adm", As: as})
		_, err := w.RestoreConnection(member, w.org, old.Connection.ID)
		e, ok := errors.AsType[*belay.Error](err)
		if !ok || e.Code != belay.CodeConflict || strings.Contains(e.Message, "hidden") || len(e.Remedy) != 0 {
			t.Errorf("in the way of %s: %v, %+v", uid, err, e)
		}
		w.must(w.DeleteConnection(w.admin, w.org, again.Connection.ID, 0))
	}
}

// Who asks for another connection is not offered to change the one that is.
func TestImportOfAnotherWhoseNameIsTaken(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "adm", server: here, user: token("x")})
	w.one(w.admin, app.ImportCreated, up)
	k := w.one(w.admin, app.ImportFailed, up, app.ContextImport{Name: "adm", OnExisting: app.OnExistingNew})
	if got := remediesOf(t, k.Remedies); !slices.Equal(got, []string{"kubeconfig.rename"}) {
		t.Errorf("the remedies are %v", got)
	}
}
