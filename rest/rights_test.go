package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

// TestWriteOnlyToken changes things with tokens that cannot read them: the
// answer is what was made, not a refusal after the fact.
func TestWriteOnlyToken(t *testing.T) {
	w := newWorld(t)
	connection := w.As(w.Admin.UserID, belay.PermissionConnectionWrite)
	made := connection.Post("/api/integrations/connections", object{"name": "written", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated)
	if made.Object()["name"] != "written" {
		t.Errorf("the answer is %s", made.Body)
	}
	connection.Put("/api/integrations/connections/"+made.ID(), object{"description": "changed"}).Want(http.StatusOK)
	credential := w.As(w.Admin.UserID, belay.PermissionCredentialWrite)
	id := credential.Post("/api/integrations/credentials", object{"name": "written", "type": "bearer", "secret": object{"token": "a"}}).Want(http.StatusCreated).ID()
	credential.Put("/api/integrations/credentials", object{"id": id, "secret": object{"token": "b"}}).Want(http.StatusOK)
	environment := w.As(w.Admin.UserID, belay.PermissionEnvironmentWrite)
	id = environment.Post("/api/environments", object{"name": "written"}).Want(http.StatusCreated).ID()
	environment.Put("/api/environments/"+id, object{"name": "rewritten"}).Want(http.StatusOK)
	again := connection.With("Idempotency-Key", "again")
	first := again.Post("/api/integrations/connections", object{"name": "once", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	if second := again.Post("/api/integrations/connections", object{"name": "once", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID(); second != first {
		t.Errorf("made %s and %s", first, second)
	}
}

// TestConnectedNeedsUse wishes a connection connected, which is a test, with
// a token that may not test.
func TestConnectedNeedsUse(t *testing.T) {
	w := newWorld(t)
	writer := w.As(w.Admin.UserID, belay.PermissionConnectionWrite)
	before := w.Stored()
	p := writer.Post("/api/integrations/connections", object{"name": "new", "kind": "http", "url": w.target.URL, "status": "connected"}).
		Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
	wantText(t, p, string(belay.PermissionConnectionUse))
	writer.Put("/api/integrations/connections/"+w.connection, object{"status": "connected"}).Want(http.StatusForbidden)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
}

// TestSecretStaysWhereItIsBound lets somebody who may change a connection,
// and not use its credential, try to steer the secret elsewhere.
func TestSecretStaysWhereItIsBound(t *testing.T) {
	w := newWorld(t)
	workspace := w.Admin.Post("/api/workspaces", object{"name": "without the credential"}).Want(http.StatusCreated).ID()
	w.Admin.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusOK)
	editor := w.MemberWith("ed", workspace, belay.RoleEditor)
	path := "/api/integrations/connections/" + w.connection
	editor.Put(path, object{"description": "mine to change"}).Want(http.StatusOK)
	before := w.Stored()
	for name, change := range map[string]object{
		"another endpoint":      {"url": "http://127.0.0.1:9"},
		"another path":          {"metadata": object{"path": "/echo"}},
		"something to look for": {"metadata": object{"contains": "a"}},
		"no verification":       {"metadata": object{"tls": object{"insecureSkipVerify": true}}},
	} {
		p := editor.Put(path, change).Want(http.StatusForbidden).WantCode(belay.CodeForbidden)
		if !strings.Contains(p.Detail, string(belay.PermissionCredentialUse)) {
			t.Errorf("%s: %s", name, p.Detail)
		}
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	// An editor of a workspace that has the credential may do each.
	w.MemberWith("eve", w.workspace, belay.RoleEditor).Put(path, object{"metadata": object{"contains": "ok"}}).Want(http.StatusOK)
}

// TestFingerprintCannotBeCompared stores one secret twice: whoever may make
// credentials must not find out whether he has guessed another's secret.
func TestFingerprintCannotBeCompared(t *testing.T) {
	w := newWorld(t)
	viewer := w.MemberWith("vic", w.workspace, belay.RoleViewer)
	print := func(id string) string {
		return fmt.Sprint(viewer.Get("/api/integrations/credentials/" + id).Want(http.StatusOK).Object()["fingerprint"])
	}
	guess := viewer.Post("/api/integrations/credentials", object{"name": "guess", "type": "bearer", "secret": object{"token": targetToken}}).Want(http.StatusCreated).ID()
	seen := print(w.credential)
	if len(seen) != 32 || seen == print(guess) {
		t.Errorf("fingerprints %q and %q", seen, print(guess))
	}
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{"token": "another"}}).Want(http.StatusOK)
	if print(w.credential) == seen {
		t.Error("another secret has the same fingerprint")
	}
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{"token": targetToken}}).Want(http.StatusOK)
	if print(w.credential) != seen {
		t.Error("the secret is what it was, its fingerprint is not")
	}
	var versions struct {
		Versions []struct{ Fingerprint string }
	}
	if err := json.Unmarshal(viewer.Get("/api/integrations/credentials/"+w.credential+"/versions").Want(http.StatusOK).Body, &versions); err != nil {
		t.Fatal(err)
	}
	if len(versions.Versions) != 3 || versions.Versions[0].Fingerprint != seen || versions.Versions[1].Fingerprint == seen {
		t.Errorf("the versions are %+v", versions)
	}
}

// TestDeleteCredentialInUse deletes a credential that connections use which
// its owner cannot see, or cannot change.
func TestDeleteCredentialInUse(t *testing.T) {
	w := newWorld(t)
	ann := w.Member("ann")
	mine := ann.Post("/api/integrations/credentials", object{"name": "mine", "type": "bearer", "secret": object{"token": "a"}}).Want(http.StatusCreated).ID()
	path := "/api/integrations/credentials?credentialId=" + mine
	own := ann.Post("/api/integrations/connections", object{"name": "own", "kind": "http", "url": w.target.URL, "credentialId": mine}).Want(http.StatusCreated).ID()
	p := ann.Delete(path).Want(http.StatusConflict).WantCode(belay.CodeInUse)
	wantText(t, p, `"mine" is used by one connection`)
	if len(p.Errors) != 1 || p.Errors[0].Message != "own" {
		t.Errorf("it names %+v", p.Errors)
	}
	hidden := w.Admin.Post("/api/integrations/connections", object{"name": "hidden", "kind": "http", "url": w.target.URL, "credentialId": mine}).Want(http.StatusCreated).ID()
	before := w.Stored()
	for _, path := range []string{path, path + "&detach=true"} {
		p = ann.Delete(path).Want(http.StatusConflict).WantCode(belay.CodeInUse)
		wantText(t, p, "2 connections, 1 of which you cannot see")
		if body := fmt.Sprint(p); strings.Contains(body, hidden) || strings.Contains(body, "hidden") {
			t.Errorf("it tells of what is hidden: %s", body)
		}
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	w.Admin.Delete("/api/integrations/connections/" + hidden).Want(http.StatusNoContent)
	w.As(ann.UserID, belay.PermissionCredentialWrite).Delete(path + "&detach=true").Want(http.StatusConflict)
	ann.Delete(path + "&detach=true").Want(http.StatusNoContent)
	if v := ann.Get("/api/integrations/connections/" + own).Want(http.StatusOK).Object(); v["credentialId"] != nil {
		t.Errorf("the connection still has %v", v["credentialId"])
	}
}

// TestFilterByWhatIsHidden filters what the caller sees by what he does not:
// the answer must not tell what belongs to it.
func TestFilterByWhatIsHidden(t *testing.T) {
	w := newWorld(t)
	viewer := w.MemberWith("vic", w.workspace, belay.RoleViewer)
	workspace := w.Admin.Post("/api/workspaces", object{"name": "hidden"}).Want(http.StatusCreated).ID()
	environment := w.Admin.Post("/api/environments", object{"name": "hidden"}).Want(http.StatusCreated).ID()
	w.Admin.Post("/api/environments/"+environment+"/connections/"+w.connection, nil).Want(http.StatusCreated)
	w.Admin.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusOK)
	filter := func(name, id string) string { return url.QueryEscape(fmt.Sprintf(`{%q: %q}`, name, id)) }
	for list, filters := range map[string][2]string{
		"connections":  {"/api/integrations/connections?filter=" + filter("workspace", workspace), "/api/integrations/connections?filter=" + filter("workspace", w.workspace)},
		"connections ": {"/api/integrations/connections?filter=" + filter("environment", environment), "/api/integrations/connections?filter=" + filter("environment", w.environment)},
		"environments": {"/api/environments?filter=" + filter("workspace", workspace), "/api/environments?filter=" + filter("workspace", w.workspace)},
	} {
		list = strings.TrimSpace(list)
		if got := viewer.Get(filters[0]).Want(http.StatusOK).Items(list); len(got) != 0 {
			t.Errorf("%s by what is hidden: %v", list, got)
		}
		viewer.Get(filters[0] + "&order=nonsense").WantCode(belay.CodeBadQuery)
		if got := viewer.Get(filters[1]).Want(http.StatusOK).Items(list); len(got) != 1 {
			t.Errorf("%s by what is shared: %v", list, got)
		}
		if got := w.Admin.Get(filters[0]).Want(http.StatusOK).Items(list); len(got) != 1 {
			t.Errorf("%s for the administrator: %v", list, got)
		}
	}
}

// TestDeletedEnvironmentReachesNothing deletes the environment by which
// somebody sees a connection and its credential: what he still knows the ids
// of is gone for him too.
func TestDeletedEnvironmentReachesNothing(t *testing.T) {
	w := newWorld(t)
	workspace := w.Admin.Post("/api/workspaces", object{"name": "without the credential"}).Want(http.StatusCreated).ID()
	w.Admin.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusOK)
	editor := w.MemberWith("ed", workspace, belay.RoleEditor)
	paths := []string{"/api/integrations/connections/" + w.connection, "/api/integrations/credentials/" + w.credential}
	for _, path := range paths {
		editor.Get(path).Want(http.StatusOK)
	}
	w.Admin.Delete("/api/environments/" + w.environment).Want(http.StatusNoContent)
	for _, path := range paths {
		editor.Get(path).Want(http.StatusNotFound)
		w.Admin.Get(path).Want(http.StatusOK)
	}
	editor.Put(paths[0], object{"description": "not his to change"}).Want(http.StatusNotFound)
	editor.Post(paths[0]+"/test", nil).Want(http.StatusNotFound)
}

// TestTokenOfOneOrganization uses a token that is bound to one of its user's
// organizations.
func TestTokenOfOneOrganization(t *testing.T) {
	w := newWorld(t)
	second := w.NewOrganization("Second", w.Admin.UserID)
	bound := w.Client(w.Token(belay.Token{UserID: w.Admin.UserID, OrganizationID: second}))
	bound.Get(w.path("/api/environments/{environmentId}")).Want(http.StatusNotFound)
	bound.Get("/api/environments?orgId=" + string(w.Organization)).Want(http.StatusNotFound)
	if got := bound.Get("/api/environments").Want(http.StatusOK).Items("environments"); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	if got := bound.Get("/api/identity/orgs").Want(http.StatusOK).Items("organizations"); len(got) != 1 || got[0]["id"] != string(second) {
		t.Errorf("its organizations are %v", got)
	}
	left := w.Client(w.Token(belay.Token{UserID: w.Member("ann").UserID, OrganizationID: second}))
	left.Get("/api/environments").Want(http.StatusForbidden)
}

// TestAssignNeedsWriteOnBoth assigns an environment and a credential that
// the administrator of a workspace can only read.
func TestAssignNeedsWriteOnBoth(t *testing.T) {
	w := newWorld(t)
	workspace := w.Admin.Post("/api/workspaces", object{"name": "hers"}).Want(http.StatusCreated).ID()
	ann := w.MemberWith("ann", workspace, belay.RoleAdmin)
	w.Grant(w.Organization, belay.ID(w.workspace), ann.UserID, belay.RoleViewer)
	before := w.Stored()
	ann.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusForbidden)
	ann.Post("/api/workspaces/"+workspace+"/credentials/"+w.credential, nil).Want(http.StatusForbidden)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	w.Grant(w.Organization, belay.ID(w.workspace), ann.UserID, belay.RoleEditor)
	ann.Post("/api/workspaces/"+workspace+"/environments/"+w.environment, nil).Want(http.StatusOK)
	ann.Post("/api/workspaces/"+workspace+"/credentials/"+w.credential, nil).Want(http.StatusOK)
}

// TestTestsOnlyWhatMayBeUsed tests an environment as somebody who may use
// one of its connections and only see the other.
func TestTestsOnlyWhatMayBeUsed(t *testing.T) {
	w := newWorld(t)
	ann := w.MemberWith("ann", w.workspace, belay.RoleViewer)
	ann.Post("/api/environments/"+w.environment+"/test", nil).Want(http.StatusForbidden)
	other := w.Admin.Post("/api/workspaces", object{"name": "other"}).Want(http.StatusCreated).ID()
	environment := ann.Post("/api/environments", object{"name": "of ann"}).Want(http.StatusCreated).ID()
	usable := ann.Post("/api/integrations/connections", object{"name": "usable", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	ann.Post("/api/environments/"+environment+"/connections/"+usable, nil).Want(http.StatusCreated)
	w.Admin.Post("/api/environments/"+environment+"/connections/"+w.connection, nil).Want(http.StatusCreated)
	w.Admin.Post("/api/workspaces/"+other+"/environments/"+environment, nil).Want(http.StatusOK)
	body := string(ann.Post("/api/environments/"+environment+"/test", nil).Want(http.StatusOK).Body)
	if !strings.Contains(body, usable) || strings.Contains(body, w.connection) {
		t.Errorf("tested: %s", body)
	}
}

// TestSetAsksForEachConnection puts connections into an environment as
// somebody who may put in some, only see others, and not even see one.
func TestSetAsksForEachConnection(t *testing.T) {
	w := newWorld(t)
	ann := w.MemberWith("ann", w.workspace, belay.RoleViewer)
	make := func(a *belaytest.Client, name string) string {
		return a.Post("/api/integrations/connections", object{"name": name, "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	}
	in, own, unseen := make(ann, "in"), make(ann, "own"), make(w.Admin, "unseen")
	environment := ann.Post("/api/environments", object{"name": "of ann"}).Want(http.StatusCreated).ID()
	path := "/api/environments/" + environment + "/connections"
	ann.Post(path+"/"+in, nil).Want(http.StatusCreated)
	set := func(ids ...string) *belaytest.Answer {
		return ann.With("If-Match", "*").Put(path, object{"connectionIds": ids})
	}
	wantFields(t, set(in, own, unseen).Want(http.StatusUnprocessableEntity).Problem(), "/connectionIds/2")
	wantFields(t, set(own, in, missing).Want(http.StatusUnprocessableEntity).Problem(), "/connectionIds/2")
	wantFields(t, set(in, w.connection, own).Want(http.StatusForbidden).Problem(), "/connectionIds/1")
	if got := ann.Get(path).Items("connections"); len(got) != 1 || got[0]["id"] != in {
		t.Errorf("after refusals it holds %v", got)
	}
	if got := set(own).Want(http.StatusOK).Items("connections"); len(got) != 1 || got[0]["id"] != own {
		t.Errorf("it holds %v", got)
	}
	reader := w.As(ann.UserID, belay.PermissionEnvironmentWrite, belay.PermissionEnvironmentRead, belay.PermissionConnectionRead)
	reader.With("If-Match", "*").Put(path, object{"connectionIds": []string{own, in}}).Want(http.StatusForbidden)
}

// TestRestore takes back a deletion, and with it the rest of the change; not
// as somebody whom the connection never belonged to.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	path := "/api/integrations/connections/" + w.connection
	w.Admin.Delete(path).Want(http.StatusNoContent)
	ann := w.MemberWith("ann", w.workspace, belay.RoleAdmin)
	ann.Put(path, object{"status": "registered"}).Want(http.StatusNotFound)
	w.Admin.Put(path, object{"status": "registered", "name": ""}).Want(http.StatusUnprocessableEntity)
	w.Admin.Get(path).Want(http.StatusNotFound)
	v := w.Admin.Put(path, object{"status": "registered", "description": "back again"}).Want(http.StatusOK).Object()
	if v["status"] != "registered" || v["description"] != "back again" || v["credentialId"] != w.credential {
		t.Errorf("restored as %v", v)
	}
	ann.Get(path).Want(http.StatusOK)
}

// TestMaintenanceEndsWhenItWorks wishes a connection in maintenance
// connected: while its test fails, the maintenance goes on.
func TestMaintenanceEndsWhenItWorks(t *testing.T) {
	w := newWorld(t)
	path := "/api/integrations/connections/" + w.connection
	status := func(a interface{ Object() map[string]any }) string { return fmt.Sprint(a.Object()["status"]) }
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{"token": "wrong"}}).Want(http.StatusOK)
	w.Admin.Put(path, object{"status": "maintenance", "maintenance": object{"reason": "disks"}}).Want(http.StatusOK)
	if got := w.Admin.Put(path, object{"status": "connected"}).Want(http.StatusOK); status(got) != "maintenance" || !strings.Contains(string(got.Body), "disks") {
		t.Errorf("after a test that failed: %s", got.Body)
	}
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{"token": targetToken}}).Want(http.StatusOK)
	if got := w.Admin.Put(path, object{"status": "connected"}).Want(http.StatusOK); status(got) != "connected" || strings.Contains(string(got.Body), "disks") {
		t.Errorf("after a test that passed: %s", got.Body)
	}
}

// TestDemotedWithinASecond takes away what somebody may do: that takes
// effect within the second that is promised.
func TestDemotedWithinASecond(t *testing.T) {
	clock := belaytest.NewClock(time.Now())
	w := newWorldOn(t, belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Clock: clock.Now}))
	ann := w.Member("ann")
	path := w.path("/api/environments/{environmentId}")
	w.Join(w.Organization, ann.UserID, belay.OrganizationAdmin)
	clock.Advance(time.Second)
	ann.Get(path).Want(http.StatusOK)
	w.Join(w.Organization, ann.UserID, belay.OrganizationMember)
	clock.Advance(time.Second)
	ann.Get(path).Want(http.StatusNotFound)
}
