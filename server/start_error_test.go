package server_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"belay"
	"belay/e2e/peers"
	"belay/server"
)

// why starts a server that cannot start, and returns what is said about it.
func why(t *testing.T, c server.Config) (what string, help []string) {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.DataDir == "" {
		c.DataDir = t.TempDir()
	}
	s, err := server.Start(t.Context(), c)
	if err == nil {
		t.Fatalf("the server starts: %v", s.Close())
	}
	e, ok := errors.AsType[*server.StartError](err)
	if !ok || len(e.Help) == 0 {
		t.Fatalf("nothing is advised: %v", err)
	}
	return e.Err.Error(), e.Help
}

func wants(t *testing.T, what string, help []string, texts ...string) {
	t.Helper()
	all := what + "\n" + strings.Join(help, "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("it does not say %q:\n%s", text, all)
		}
	}
}

// TestDamagedDatabase puts something else in the place of the database, and
// cuts a real one off. It is left as it is, for whoever can mend it.
func TestDamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	s, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "belay.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	scratched := bytes.Clone(whole)
	for i := 100; i < 4096; i++ {
		scratched[i] = 0xff
	}
	for name, content := range map[string][]byte{
		"a diary": []byte(strings.Repeat("dear diary, ", 1000)), "its head only": whole[:16], "scratched": scratched,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		what, help := why(t, server.Config{DataDir: dir})
		wants(t, what, help, file, "damaged", "backup", "move it away")
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

func TestDataDirInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		what, help := why(t, server.Config{DataDir: dir})
		wants(t, what, help, dir, "not a directory", "--data-dir")
	}
}

// TestDataDirErrors are those that a test which runs as root cannot make.
func TestDataDirErrors(t *testing.T) {
	for err, text := range map[error]string{
		fs.ErrPermission: "uid", syscall.EACCES: "uid", syscall.EROFS: "can only be read", syscall.ENOSPC: "make room",
	} {
		e, ok := errors.AsType[*server.StartError](server.DataDirError("/data", &fs.PathError{Op: "open", Path: "/data/lock", Err: err}))
		if !ok {
			t.Fatalf("%v is not explained", err)
		}
		wants(t, e.Err.Error(), e.Help, "/data/lock", err.Error(), text, "--data-dir")
	}
}

func TestAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "data")
	what, help := why(t, server.Config{Listen: l.Addr().String(), DataDir: dir})
	wants(t, what, help, l.Addr().String(), "in use", "--listen")
	if strings.Count(what, l.Addr().String()) != 1 {
		t.Errorf("it repeats itself: %s", what)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}

func TestPostgresNotUsable(t *testing.T) {
	pg, err := peers.SharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	right, err := url.Parse(pg.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	const password = "not-the-password"
	for name, c := range map[string]struct {
		change func(*url.URL)
		texts  []string
	}{
		"nobody listens": {func(u *url.URL) { u.Host = "127.0.0.1:1" }, []string{"127.0.0.1:1", "cannot be reached: connection refused", "start the database server"}},
		"wrong password": {func(u *url.URL) { u.User = url.UserPassword("admin", password) }, []string{"lets nobody in", "password authentication failed", "correct user and password"}},
		"no database":    {func(u *url.URL) { u.Path = "/nothing" }, []string{"no database of that name", "make the database"}},
	} {
		t.Run(name, func(t *testing.T) {
			u := *right
			c.change(&u)
			what, help := why(t, server.Config{Database: belay.SecretString(u.String())})
			wants(t, what, help, append(c.texts, "BELAY_DATABASE")...)
			secret, _ := u.User.Password()
			if all := what + strings.Join(help, ""); strings.Contains(all, secret) {
				t.Error("the password is shown")
			}
			for _, once := range []string{"refused", "authentication failed"} {
				if strings.Count(what, once) > 1 {
					t.Errorf("it repeats itself: %s", what)
				}
			}
		})
	}
}
