package rest_test

import (
	"net/http"
	"testing"

	"belay"
	"belay/belaytest"
)

// A connection and its new credential, with a name of its own, come into
// being together or not at all.
func TestCredentialName(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	body := func(name, url string) map[string]any {
		return map[string]any{
			"name": name, "kind": "http", "url": url, "credentialName": "metrics-basic", "credentialType": "basic",
			"credentialSecret": map[string]any{"username": "metrics", "password": "correct-horse"},
		}
	}
	const connections, credentials = "/api/integrations/connections", "/api/integrations/credentials"
	s.Admin.Post(connections, body("a", "nonsense")).WantCode(belay.CodeInvalid)
	if n := s.Admin.Get(credentials).Want(http.StatusOK).Object()["totalCount"]; n != 0.0 {
		t.Errorf("a connection that was refused left %v credentials", n)
	}
	made := s.Admin.Post(connections, body("a", "http://127.0.0.1:1")).Want(http.StatusCreated).Object()
	got := s.Admin.Get(credentials + "/" + made["credentialId"].(string)).Want(http.StatusOK).Object()
	if got["name"] != "metrics-basic" {
		t.Errorf("the credential is called %v", got["name"])
	}
	taken := func(a *belaytest.Answer) {
		t.Helper()
		if p := a.WantCode(belay.CodeConflict); len(p.Errors) != 1 || p.Errors[0].Pointer != "/credentialName" {
			t.Errorf("%s %s: the name of the credential is taken, and the errors are %v", a.Method, a.Path, p.Errors)
		}
	}
	taken(s.Admin.Post(connections, body("b", "http://127.0.0.1:1")))
	taken(s.Admin.Put(connections+"/"+made["id"].(string), body("a", "http://127.0.0.1:1")))

	// On a change it is a new credential of that name, not a new version.
	other := body("a", "http://127.0.0.1:1")
	other["credentialName"] = "metrics-other"
	changed := s.Admin.Put(connections+"/"+made["id"].(string), other).Want(http.StatusOK).Object()
	if changed["credentialId"] == made["credentialId"] {
		t.Error("the old credential was changed")
	}
	s.Admin.Post(connections, map[string]any{"name": "c", "kind": "http", "url": "http://127.0.0.1:1", "credentialName": "x"}).WantCode(belay.CodeInvalid)
}
