package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/app"
	"belay/e2e/peers"
)

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
