package rest_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"belay"
	_ "modernc.org/sqlite"
)

// TestTimesThatCannotBeWritten sends times that RFC 3339 can read and, in
// UTC, not write.
func TestTimesThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	path := "/api/integrations/connections/" + w.connection
	for _, until := range []string{"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00"} {
		p := w.Admin.Put(path, object{"status": "maintenance", "maintenance": object{"until": until}}).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
		wantFields(t, p, "/maintenance/until")
	}
	w.Admin.Put(path, object{"status": "maintenance", "maintenance": object{"until": "9999-12-31T23:59:59Z"}}).Want(http.StatusOK)
	w.Admin.Get("/api/integrations/connections").Want(http.StatusOK)
}

// TestFaultsAreBounded sends bodies with very many faults.
func TestFaultsAreBounded(t *testing.T) {
	w := newWorld(t)
	labels := object{}
	for i := range 20_000 {
		labels[fmt.Sprint("-", i)] = "-"
	}
	body := w.Admin.Post("/api/integrations/connections", object{"name": "x", "kind": "http", "url": w.target.URL, "labels": labels}).Want(http.StatusUnprocessableEntity).Body
	if len(body) > 64<<10 {
		t.Errorf("the answer has %d bytes", len(body))
	}
}

// TestSetLeavesWhatIsNotSeen sets the connections of an environment as
// somebody who does not see all of them.
func TestSetLeavesWhatIsNotSeen(t *testing.T) {
	w := newWorld(t)
	ann := w.Member("ann")
	environment := ann.Post("/api/environments", object{"name": "hers"}).Want(http.StatusCreated).ID()
	own := ann.Post("/api/integrations/connections", object{"name": "hers", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	path := "/api/environments/" + environment + "/connections"
	ann.Post(path+"/"+own, nil).Want(http.StatusCreated)
	w.Admin.Post(path+"/"+w.connection, nil).Want(http.StatusCreated)
	seen := ann.Get(path).Want(http.StatusOK)
	if got := seen.Items("connections"); len(got) != 1 {
		t.Fatalf("she sees %v", got)
	}
	ann.With("If-Match", seen.Header.Get("ETag")).Put(path, object{"connectionIds": []string{}}).Want(http.StatusOK)
	if got := w.Admin.Get(path).Want(http.StatusOK).Items("connections"); len(got) != 1 || got[0]["id"] != w.connection {
		t.Errorf("the environment holds %v", got)
	}
}

// TestUnreadableSecret damages one stored secret: what uses it cannot be
// tested, all else can; and it can be replaced.
func TestUnreadableSecret(t *testing.T) {
	w := newWorld(t)
	other := w.Admin.Post("/api/integrations/connections", object{"name": "other", "kind": "http", "url": w.target.URL}).Want(http.StatusCreated).ID()
	w.Admin.Post("/api/environments/"+w.environment+"/connections/"+other, nil).Want(http.StatusCreated)
	w.damage(t)
	check := w.Admin.Post("/api/integrations/connections/"+w.connection+"/test", nil).Want(http.StatusOK).Object()
	if check["health"] != "unknown" || check["cause"] != "reference_unresolved" || !strings.Contains(fmt.Sprint(check["remediation"]), "credential edit") {
		t.Errorf("the check is %v", check)
	}
	both := string(w.Admin.Post("/api/environments/"+w.environment+"/test", nil).Want(http.StatusOK).Body)
	if !strings.Contains(both, w.connection) || !strings.Contains(both, other) {
		t.Errorf("tested together: %s", both)
	}
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{}}).Want(http.StatusUnprocessableEntity)
	w.Admin.Put("/api/integrations/credentials", object{"id": w.credential, "secret": object{"token": targetToken}}).Want(http.StatusOK)
	if check := w.Admin.Post("/api/integrations/connections/"+w.connection+"/test", nil).Want(http.StatusOK).Object(); check["health"] != "healthy" {
		t.Errorf("with a new secret: %v", check)
	}
}

// damage changes the ciphertext of every stored secret.
func (w *world) damage(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.DataDir, "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "pragma busy_timeout = 5000; update credential_versions set sealed = x'00'"); err != nil {
		t.Fatal(err)
	}
}

// TestReplacedSecretKeepsTheFallback replaces the secret of a connection
// whose primary credential is its own, or shared.
func TestReplacedSecretKeepsTheFallback(t *testing.T) {
	w := newWorld(t)
	for _, shared := range []bool{false, true} {
		create := func(name, token string) string {
			return w.Admin.Post("/api/integrations/credentials", object{"name": fmt.Sprint(name, shared), "type": "bearer", "secret": object{"token": token}}).Want(http.StatusCreated).ID()
		}
		primary, fallback := create("primary", "retired"), create("fallback", targetToken)
		uses := []object{{"id": primary}, {"id": fallback}}
		connect := func(name string) string {
			return w.Admin.Post("/api/integrations/connections", object{"name": fmt.Sprint(name, shared), "kind": "http", "url": w.target.URL, "credentials": uses}).Want(http.StatusCreated).ID()
		}
		id := connect("one")
		if shared {
			connect("two")
		}
		v := w.Admin.Put("/api/integrations/connections/"+id, object{"credentialSecret": object{"token": "new"}}).Want(http.StatusOK).Object()
		got := fmt.Sprint(v["credentials"])
		if !strings.Contains(got, fallback) || strings.Contains(got, primary) == shared {
			t.Errorf("shared %v: the credentials are %s", shared, got)
		}
	}
}

// TestUseIsRecorded sends a stored credential with a draft.
func TestUseIsRecorded(t *testing.T) {
	w := newWorld(t)
	used := func() any {
		return w.Admin.Get("/api/integrations/credentials/" + w.credential).Want(http.StatusOK).Object()["lastUsedAt"]
	}
	if before := used(); before != nil {
		t.Fatalf("used at %v", before)
	}
	w.Admin.Post("/api/integrations/connections/test", object{"kind": "http", "url": w.target.URL, "credentialId": w.credential}).Want(http.StatusOK)
	if used() == nil {
		t.Error("the use is not recorded")
	}
}
