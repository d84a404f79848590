package cli

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// echo is a server that keeps what it was sent last as Authorization.
func echo(t *testing.T) (address string, got *string) {
	t.Helper()
	got = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// A variable that is to say who acts and is empty leads to no other way in.
func TestEmptyTokenVariable(t *testing.T) {
	for _, name := range []string{"BELAY_TOKEN", "BELAY_TOKEN_FILE"} {
		address, got := echo(t)
		data := t.TempDir()
		writeFile(t, filepath.Join(data, addressFile), address)
		writeFile(t, filepath.Join(data, adminTokenFile), "horse")
		f := newFixture(t, map[string]string{"BELAY_DATA_DIR": data, name: ""})
		f.run(t, exitUsage, "api", "/api/user")
		mustContain(t, f.err.String(), "error: "+name+" is set and empty; unset it, or ")
		delete(f.env, name)
		f.run(t, exitDone, "api", "/api/user")
		if *got != "Bearer horse" {
			t.Errorf("without %s: sent %q", name, *got)
		}
	}
}
