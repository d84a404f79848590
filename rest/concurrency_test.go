package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// changeable are the objects that carry a version, each with a change of it.
func (w *world) changeable() map[string]struct {
	get, put, del string
	change        func(n int) object
} {
	type c = struct {
		get, put, del string
		change        func(n int) object
	}
	team, member := w.path("/api/identity/orgs/{orgId}/teams/{teamId}"), w.path("/api/identity/orgs/{orgId}/users/{userId}")
	describe := func(n int) object { return object{"description": fmt.Sprint("change ", n)} }
	environment, workspace := w.path("/api/environments/{environmentId}"), w.path("/api/workspaces/{workspaceId}")
	connection, credential := w.path("/api/integrations/connections/{connectionId}"), w.path("/api/integrations/credentials/{credentialId}")
	return map[string]c{
		"environment": {environment, environment, environment, describe},
		"workspace":   {workspace, workspace, workspace, describe},
		"connection":  {connection, connection, connection, describe},
		"team":        {team, team, team, describe},
		"member":      {member, member, member, func(n int) object { return object{"role": []string{"member", "admin"}[n%2]} }},
		"credential": {
			credential, "/api/integrations/credentials", "/api/integrations/credentials?detach=true&credentialId=" + w.credential,
			func(n int) object { return object{"id": w.credential, "name": fmt.Sprint("reader ", n)} },
		},
	}
}

// TestETag changes each object on its version, on an old one, and on none.
func TestETag(t *testing.T) {
	w := newWorld(t)
	for name, c := range w.changeable() {
		t.Run(name, func(t *testing.T) {
			a := w.Admin.In(t)
			first := a.Get(c.get).Want(http.StatusOK)
			tag := first.Header.Get("ETag")
			again := a.With("If-None-Match", tag).Get(c.get).Want(http.StatusNotModified)
			if len(again.Body) > 0 || again.Header.Get("ETag") != tag {
				t.Errorf("304 with %q and ETag %s, want %s", again.Body, again.Header.Get("ETag"), tag)
			}
			for _, header := range []string{"*", `"other", ` + tag, "W/" + tag} {
				a.With("If-None-Match", header).Get(c.get).Want(http.StatusNotModified)
			}
			a.With("If-None-Match", `"other"`).Get(c.get).Want(http.StatusOK)

			second := a.With("If-Match", tag).Put(c.put, c.change(1)).Want(http.StatusOK)
			if got := second.Header.Get("ETag"); got == tag {
				t.Errorf("the ETag %s is the same after a change", got)
			}
			if got := a.Get(c.get).Header.Get("ETag"); got != second.Header.Get("ETag") {
				t.Errorf("the change answers the ETag %s, reading it %s", second.Header.Get("ETag"), got)
			}
			a.With("If-None-Match", tag).Get(c.get).Want(http.StatusOK)
			before := w.Stored()
			for _, old := range []string{tag, `"1"`, `"0-x"`, "nonsense", `"-1-x"`, `""`, `W/"1-x"`, `"99999999999999999999-x"`} {
				a.With("If-Match", old).Put(c.put, c.change(2)).Want(http.StatusPreconditionFailed).WantCode(belay.CodePreconditionFailed)
				a.With("If-Match", old).Delete(c.del).Want(http.StatusPreconditionFailed).WantCode(belay.CodePreconditionFailed)
			}
			if changed := differing(before, w.Stored()); len(changed) > 0 {
				t.Errorf("something was stored: %v", changed)
			}
			a.With("If-Match", "*").Put(c.put, c.change(3)).Want(http.StatusOK)
			a.Put(c.put, c.change(4)).Want(http.StatusOK)
		})
	}
}

// TestIfMatchList names several versions, of which one is the object's.
func TestIfMatchList(t *testing.T) {
	w := newWorld(t)
	for name, c := range w.changeable() {
		t.Run(name, func(t *testing.T) {
			a := w.Admin.In(t)
			n := 100
			for _, list := range []string{`%s`, ` %s `, `"999-x", %s`, `%s, "999-x"`, `"x,y",%s`, `"1000-x",,W/"1-y" , "", %s`} {
				tag := a.Get(c.get).Want(http.StatusOK).Header.Get("ETag")
				n++
				a.With("If-Match", fmt.Sprintf(list, tag)).Put(c.put, c.change(n)).Want(http.StatusOK)
			}
			before := w.Stored()
			tag := a.Get(c.get).Header.Get("ETag")
			for _, list := range []string{
				`"999-x", "998-x"`, "W/" + tag, `"999-x", W/` + tag, `*, ` + tag, tag + `, *`, tag + ` "999-x"`, tag + `, "999`, `"` + tag + `"`,
				strings.Repeat(`"999-x", `, 20) + tag,
			} {
				a.With("If-Match", list).Put(c.put, c.change(200)).Want(http.StatusPreconditionFailed).WantCode(belay.CodePreconditionFailed)
				a.With("If-Match", list).Delete(c.del).Want(http.StatusPreconditionFailed)
			}
			if changed := differing(before, w.Stored()); len(changed) > 0 {
				t.Errorf("something was stored: %v", changed)
			}
			a.With("If-Match", `"999-x", `+tag).Delete(c.del).Want(http.StatusNoContent)
			a.With("If-Match", "*").Delete(c.del).Want(http.StatusNotFound)
		})
	}
}

// TestNotModifiedIsAuthorized asks, with a tag that matches anything and with
// the one that an administrator was given, for what one may not see.
func TestNotModifiedIsAuthorized(t *testing.T) {
	w := newWorld(t)
	stranger, member := w.Client(belay.Secret{}), w.Member("ann")
	scopeless := w.As(w.Admin.UserID, belay.PermissionTokenWrite)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if r.Method != http.MethodGet || strings.Contains(r.Path, "kubernetes/") || r.Path == "/api/token" {
			return // /api/token holds what is kept nowhere
		}
		path := w.address(r)
		tag := a.Get(path).Want(http.StatusOK).Header.Get("ETag")
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, known := range []string{"*", tag} {
				ask := func(c *belaytest.Client) *belaytest.Answer {
					return c.In(t).With("If-None-Match", known).Do(method, path, nil)
				}
				ask(stranger).Want(http.StatusUnauthorized)
				if r.Permission != rest.AnyCaller {
					ask(scopeless).Want(http.StatusForbidden)
				}
				if strings.Contains(r.Path, "Id}") && !ofAll(r) {
					ask(member).Want(http.StatusNotFound)
				}
				if got := ask(a).Want(http.StatusNotModified); len(got.Body) > 0 || got.Header.Get("ETag") != tag {
					t.Errorf("%s: 304 with %q and ETag %s, want %s", method, got.Body, got.Header.Get("ETag"), tag)
				}
			}
			a.With("If-None-Match", `"other"`).Do(method, path, nil).Want(http.StatusOK)
		}
	})
}

// TestETagSurvivesCheck lets a check happen between reading and changing: the
// health is not what the person edits.
func TestETagSurvivesCheck(t *testing.T) {
	w := newWorld(t)
	path := w.path("/api/integrations/connections/{connectionId}")
	tag := w.Admin.Get(path).Header.Get("ETag")
	w.Admin.Post(path+"/test", nil).Want(http.StatusOK)
	w.Admin.With("If-None-Match", tag).Get(path).Want(http.StatusOK)
	w.Admin.With("If-Match", tag).Put(path, object{"description": "edited"}).Want(http.StatusOK)
}

// TestConcurrentChanges makes many change one object on the same version:
// one wins.
func TestConcurrentChanges(t *testing.T) { onBoth(t, testConcurrentChanges) }

func testConcurrentChanges(t *testing.T, w *world) {
	t.Helper()
	for name, c := range w.changeable() {
		tag := w.Admin.Get(c.get).Header.Get("ETag")
		counts := inParallel(8, func(n int) int { return w.Admin.With("If-Match", tag).Put(c.put, c.change(n+10)).Status })
		if counts[http.StatusOK] != 1 || counts[http.StatusPreconditionFailed] != 7 {
			t.Errorf("%s: %v", name, counts)
		}
	}
}

// inParallel counts what n calls at once return.
func inParallel(n int, do func(n int) int) map[int]int {
	var wg sync.WaitGroup
	got := make([]int, n)
	for i := range n {
		wg.Go(func() { got[i] = do(i) })
	}
	wg.Wait()
	counts := map[int]int{}
	for _, status := range got {
		counts[status]++
	}
	return counts
}

// TestSetNeedsIfMatch replaces the connections of an environment.
func TestSetNeedsIfMatch(t *testing.T) {
	w := newWorld(t)
	a := w.Admin
	path := w.path("/api/environments/{environmentId}/connections")
	empty := object{"connectionIds": []string{}}
	before := w.Stored()
	a.Put(path, empty).Want(http.StatusPreconditionRequired).WantCode(belay.CodePreconditionRequired)
	a.With("If-Match", `"99-x"`).Put(path, empty).Want(http.StatusPreconditionFailed)
	for _, bad := range []object{{}, {"connectionIds": nil}, {"connectionIds": []any{nil}}, {"connectionIds": []string{""}}, {"connectionIds": []string{missing}}} {
		a.With("If-Match", "*").Put(path, bad).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
	}
	wantFields(t, a.With("If-Match", "*").Put(path, object{"connectionIds": []string{w.connection, missing}}).Problem(), "/connectionIds/1")
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}

	tag := a.Get(path).Header.Get("ETag")
	other := a.Post("/api/integrations/connections", object{"name": "second", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	a.Post(path+"/"+other, nil).Want(http.StatusCreated)
	a.With("If-Match", tag).Put(path, empty).Want(http.StatusPreconditionFailed) // somebody has added one
	tag = a.Get(path).Header.Get("ETag")
	answer := a.With("If-Match", tag).Put(path, object{"connectionIds": []string{other, other}}).Want(http.StatusOK)
	if got := answer.Items("connections"); len(got) != 1 || got[0]["id"] != other {
		t.Errorf("the set is %v", got)
	}
	a.With("If-Match", answer.Header.Get("ETag")).Put(path, empty).Want(http.StatusOK)
	if got := a.Get(path).Items("connections"); len(got) != 0 {
		t.Errorf("the set is %v", got)
	}
	a.Get(w.path("/api/integrations/connections/{connectionId}")).Want(http.StatusOK) // it is only taken out
}

// creations are the requests that can be repeated.
func (w *world) creations() map[string]func(name string) object {
	return map[string]func(name string) object{
		"/api/environments":             func(name string) object { return object{"name": name} },
		"/api/workspaces":               func(name string) object { return object{"name": name} },
		"/api/integrations/credentials": func(name string) object { return object{"name": name, "type": "opaque", "secret": object{"a": "b"}} },
		"/api/integrations/connections": func(name string) object { return object{"name": name, "kind": "http", "url": w.target.URL} },
	}
}

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	for path, body := range w.creations() {
		t.Run(path, func(t *testing.T) {
			a := w.Admin.In(t).With("Idempotency-Key", "key"+strings.ReplaceAll(path, "/", "-"))
			first := a.Post(path, body("one")).Want(http.StatusCreated)
			second := a.Post(path, body("one")).Want(http.StatusCreated)
			if string(first.Body) != string(second.Body) || first.Header.Get("ETag") != second.Header.Get("ETag") {
				t.Errorf("first %s\nthen %s", first.Body, second.Body)
			}
			before := w.Stored()
			a.Post(path, body("two")).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeIdempotencyReused)
			a.Post(path+"?orgId="+string(w.Organization), body("one")).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeIdempotencyReused)
			for _, key := range []string{"with space", strings.Repeat("a", 256), "ü"} {
				a.With("Idempotency-Key", key).Post(path, body("two")).Want(http.StatusBadRequest).WantCode(belay.CodeMalformed)
			}
			if changed := differing(before, w.Stored()); len(changed) > 0 {
				t.Errorf("something was stored: %v", changed)
			}
			// A refused request uses no key up.
			a = a.With("Idempotency-Key", "refused"+strings.ReplaceAll(path, "/", "-"))
			a.Post(path, body("")).Want(http.StatusUnprocessableEntity)
			a.Post(path, body("one")).Want(http.StatusConflict)
			a.Post(path, body("three")).Want(http.StatusCreated)
		})
	}
}

// TestIdempotencyKeyConcurrent repeats a request before its first answer: one
// object comes of it.
func TestIdempotencyKeyConcurrent(t *testing.T) { onBoth(t, testIdempotencyKeyConcurrent) }

func testIdempotencyKeyConcurrent(t *testing.T, w *world) {
	t.Helper()
	for path, body := range w.creations() {
		var mu sync.Mutex
		ids := map[string]bool{}
		counts := inParallel(8, func(int) int {
			answer := w.Admin.With("Idempotency-Key", "at-once"+strings.ReplaceAll(path, "/", "-")).Post(path, body("at once"))
			if answer.Status == http.StatusCreated {
				mu.Lock()
				defer mu.Unlock()
				ids[answer.ID()] = true
			}
			return answer.Status
		})
		if len(ids) != 1 || counts[http.StatusCreated] != 8 {
			t.Errorf("%s: %d objects, %v", path, len(ids), counts)
		}
	}
}

// TestIdempotencyKeyIsTheCallers lets two users have the same key.
func TestIdempotencyKeyIsTheCallers(t *testing.T) {
	w := newWorld(t)
	ids := map[string]bool{}
	for _, a := range []*belaytest.Client{w.Admin, w.Member("ann")} {
		ids[a.With("Idempotency-Key", "same").Post("/api/environments", object{"name": fmt.Sprint("of ", a.UserID)}).Want(http.StatusCreated).ID()] = true
	}
	if len(ids) != 2 {
		t.Errorf("two users share an object: %v", ids)
	}
}

// TestIdempotencyKeyDeleted repeats a creation of what is deleted since.
func TestIdempotencyKeyDeleted(t *testing.T) {
	w := newWorld(t)
	a := w.Admin.With("Idempotency-Key", "deleted")
	id := a.Post("/api/environments", object{"name": "short"}).Want(http.StatusCreated).ID()
	w.Admin.Delete("/api/environments/" + id).Want(http.StatusNoContent)
	a.Post("/api/environments", object{"name": "short"}).Want(http.StatusNotFound)
}

func TestNamesAreUnique(t *testing.T) { onBoth(t, testNamesAreUnique) }

func testNamesAreUnique(t *testing.T, w *world) {
	t.Helper()
	for path, body := range w.creations() {
		w.Admin.Post(path, body("Straße")).Want(http.StatusCreated)
		p := w.Admin.Post(path, body("  STRASSE ")).Want(http.StatusConflict).WantCode(belay.CodeConflict)
		wantFields(t, p, "/name")
		if got := inParallel(6, func(int) int { return w.Admin.Post(path, body("race")).Status }); got[http.StatusCreated] != 1 || got[http.StatusConflict] != 5 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// TestCredentialDeletedWhileAttached attaches a credential while it is being
// deleted: no connection ends up with one that is gone.
func TestCredentialDeletedWhileAttached(t *testing.T) { onBoth(t, testCredentialDeletedWhileAttached) }

func testCredentialDeletedWhileAttached(t *testing.T, w *world) {
	for i := range 40 {
		id := w.Admin.Post("/api/integrations/credentials", object{
			"name": fmt.Sprint("key ", i), "type": "bearer", "secret": object{"token": "x"},
		}).Want(http.StatusCreated).ID()
		statuses := [2]int{}
		var wg sync.WaitGroup
		wg.Go(func() {
			body := object{"name": fmt.Sprint("user ", i), "kind": "http", "url": w.target.URL, "credentialId": id}
			statuses[0] = w.Admin.In(t).Post("/api/integrations/connections", body).Status
		})
		wg.Go(func() {
			statuses[1] = w.Admin.In(t).Delete("/api/integrations/credentials?credentialId=" + id).Status
		})
		wg.Wait()
		if (statuses[0] == http.StatusCreated) == (statuses[1] == http.StatusNoContent) {
			t.Fatalf("round %d: attaching it is answered with %d, deleting it with %d", i, statuses[0], statuses[1])
		}
	}
}
