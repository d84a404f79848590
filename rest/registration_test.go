package rest_test

import (
	"fmt"
	"net/http"
	"testing"

	"belay"
	"belay/belaytest"
)

// TestRegistration goes through the steps of Meshery's registration.
func TestRegistration(t *testing.T) {
	w := newWorld(t)
	a, path := w.Admin, "/api/integrations/connections/register"
	before := w.Stored()
	id := a.Post(path, object{"kind": "http", "status": "initialize"}).Want(http.StatusOK).ID()
	a.Post(path, object{"kind": "nonsense", "status": "initialize"}).Want(http.StatusUnprocessableEntity)
	a.Delete(path + "/" + id).Want(http.StatusNoContent)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	event := object{"id": id, "kind": "http", "name": "registered", "url": w.target.URL, "status": "register"}
	if got := a.Post(path, event).Want(http.StatusOK); got.ID() != id || got.Object()["status"] != "registered" {
		t.Errorf("registered as %s", got.Body)
	}
	event["status"], event["credentialId"] = "connect", w.credential
	if got := a.Post(path, event).Want(http.StatusOK); got.ID() != id || got.Object()["status"] != "connected" {
		t.Errorf("connected as %s", got.Body)
	}
}

// TestGivenID creates objects with an id that the client has chosen.
func TestGivenID(t *testing.T) {
	w := newWorld(t)
	a, connections := w.Admin, "/api/integrations/connections"
	body := func(id, name string) object {
		return object{"id": id, "kind": "http", "name": name, "url": w.target.URL}
	}
	if got := a.Post(connections, body(missing, "mine")).Want(http.StatusCreated).ID(); got != missing {
		t.Errorf("the id is %s", got)
	}
	// Clients written in Go send the zero id for none.
	if got := a.Post(connections, body("00000000-0000-0000-0000-000000000000", "zero")).Want(http.StatusCreated).ID(); got[0:8] == "00000000" {
		t.Errorf("the id is %s", got)
	}
	// An id that is taken says nothing about what has it.
	zoe := w.As(w.NewUser("zoe"))
	second := string(w.NewOrganization("Second", zoe.UserID))
	zoe = w.As(zoe.UserID)
	stranger := w.Member("stranger")
	deleted := a.Post(connections, body("", "short")).Want(http.StatusCreated).ID()
	a.Delete(connections + "/" + deleted).Want(http.StatusNoContent)
	before := w.Stored()
	for _, path := range []string{connections, connections + "/register"} {
		b := body(w.connection, "stolen")
		b["status"] = map[bool]string{true: "registered", false: "register"}[path == connections]
		p := zoe.Post(path+"?orgId="+second, b).Want(http.StatusConflict).WantCode(belay.CodeConflict)
		wantText(t, p, "id")
	}
	// Nor does it tell a connection of another organization from one of the
	// same that cannot be seen, or one that is deleted.
	refusals := map[string]bool{}
	for _, id := range []string{w.connection, deleted, missing} {
		for c, org := range map[*belaytest.Client]string{zoe: second, stranger: string(w.Organization)} {
			p := c.Post(connections+"?orgId="+org, body(id, "stolen")).Want(http.StatusConflict).WantCode(belay.CodeConflict)
			refusals[fmt.Sprint(p.Code, p.Detail, p.Errors)] = true
		}
	}
	if len(refusals) != 1 {
		t.Errorf("the refusals differ: %v", refusals)
	}
	a.Put(connections+"/"+w.connection, body(missing, "shop")).Want(http.StatusUnprocessableEntity)
	a.Post("/api/integrations/credentials", object{"id": missing, "name": "x", "type": "opaque", "secret": object{"a": "b"}}).Want(http.StatusUnprocessableEntity)
	a.Post("/api/integrations/credentials", object{"userId": zoe.UserID, "name": "x", "type": "opaque", "secret": object{"a": "b"}}).Want(http.StatusUnprocessableEntity)
	a.Put("/api/integrations/credentials", object{"id": w.credential, "userId": zoe.UserID, "name": "x"}).Want(http.StatusUnprocessableEntity)
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	a.Put("/api/integrations/credentials", object{"id": w.credential, "userId": w.Admin.UserID, "name": "x"}).Want(http.StatusOK)
}

// TestAsyncTest starts a test without waiting for it.
func TestAsyncTest(t *testing.T) {
	w := newWorld(t)
	answer := w.Admin.With("Prefer", "wait=1, respond-async").Post(w.path("/api/integrations/connections/{connectionId}/test"), nil).Want(http.StatusAccepted)
	w.Admin.Get(answer.Header.Get("Location")).Want(http.StatusOK)
}
