package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The server of BELAY_DATA_DIR goes before that of a context that is merely
// current, with its own token and nothing of the context.
func TestDataDirBeforeCurrentContext(t *testing.T) {
	local, sent := echo(t)
	other, sentOther := echo(t)
	data, token := t.TempDir(), filepath.Join(t.TempDir(), "token")
	writeFile(t, filepath.Join(data, addressFile), local)
	writeFile(t, filepath.Join(data, adminTokenFile), "horse")
	writeFile(t, token, "cow")
	f := newFixture(t, nil)
	f.run(t, exitDone, "context", "set", "prod", "--server", other, "--org", "northwind", "--token-file", token)
	f.env["BELAY_DATA_DIR"] = data
	f.run(t, exitDone, "api", "/api/user")
	if *sent != "Bearer horse" || *sentOther != "" {
		t.Errorf("sent %q to the server of the directory, %q to that of the context", *sent, *sentOther)
	}
	f.run(t, exitDone, "config", "get", "org")
	mustNotContain(t, f.out.String(), "northwind")
	for _, named := range []struct {
		env  string
		args []string
	}{{"", []string{"--context", "prod"}}, {"prod", nil}} {
		*sentOther = ""
		if f.env["BELAY_CONTEXT"] = named.env; named.env == "" {
			delete(f.env, "BELAY_CONTEXT")
		}
		f.run(t, exitDone, append(named.args, "api", "/api/user")...)
		if *sentOther != "Bearer cow" {
			t.Errorf("%v, BELAY_CONTEXT=%q: sent %q to the context's server", named.args, named.env, *sentOther)
		}
	}
	delete(f.env, "BELAY_CONTEXT")
	f.run(t, exitDone, "context", "set", "prod", "--server", local)
	f.run(t, exitDone, "api", "/api/user")
	if *sent != "Bearer cow" {
		t.Errorf("where the context has the same server: sent %q", *sent)
	}
}

// The doctor flags a token of the server on this machine that others can read.
func TestDoctorLocalToken(t *testing.T) {
	local, _ := echo(t)
	data := t.TempDir()
	token := filepath.Join(data, adminTokenFile)
	writeFile(t, filepath.Join(data, addressFile), local)
	writeFile(t, token, "horse")
	for mode, open := range map[os.FileMode]bool{0o600: false, 0o640: true} {
		if err := os.Chmod(token, mode); err != nil {
			t.Fatal(err)
		}
		f := newFixture(t, map[string]string{"BELAY_DATA_DIR": data})
		f.run(t, exitUnhealthy, "doctor")
		if got := strings.Contains(f.out.String(), "chmod 600 "+token); got != open {
			t.Errorf("mode %o: the doctor says %s", mode, f.out)
		}
	}
}
