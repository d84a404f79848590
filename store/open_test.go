package store_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"belay/store"
)

// childVariable makes the test binary do something else than test: what it
// names, for the database in databaseVariable.
const (
	childVariable    = "BELAY_STORE_CHILD"
	databaseVariable = "BELAY_STORE_DATABASE"
)

// child is what another process does for a test.
func child(what string) int {
	url := os.Getenv(databaseVariable)
	switch what {
	case "open":
		if err := migrated(url); err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
			return 1
		}
		return 0
	case "write":
		return writeForever(url)
	}
	return 2
}

// childCommand is the test binary, set to do something else.
func childCommand(t *testing.T, what, url string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=none")
	c.Env = append(os.Environ(), childVariable+"="+what, databaseVariable+"="+url)
	c.Stderr = os.Stderr
	return c
}

// openUnprivileged opens a database as a user who is not root, for whom
// permissions count, and returns what goes wrong.
func openUnprivileged(t *testing.T, file string) string {
	t.Helper()
	c := childCommand(t, "open", file)
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		c.Path, c.Dir = readable(t, c.Path), "/"
	}
	out, err := c.Output()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

// readable copies a program to where everybody can run it.
func readable(t *testing.T, program string) string {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(open755(t), "program")
	if err := os.WriteFile(copied, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

// open755 is a new directory that everybody can look into.
func open755(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "belay-store-") //nolint:usetesting // what t.TempDir returns, only its owner can look into
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mode(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, m); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, dir, file string)
		want    string
	}{
		"directory not writable": {func(t *testing.T, dir, _ string) { mode(t, dir, 0o555) }, "permission denied"},
		"directory not there":    {func(t *testing.T, dir, _ string) { _ = os.Remove(dir) }, "no such file or directory"},
		"a directory": {func(t *testing.T, dir, file string) {
			if err := os.Mkdir(file, 0o755); err != nil {
				t.Fatal(err)
			}
			mode(t, file, 0o755)
			mode(t, dir, 0o755)
		}, "is a directory"},
		"file not writable": {func(t *testing.T, dir, file string) {
			if err := migrated(file); err != nil {
				t.Fatal(err)
			}
			mode(t, file, 0o444)
			mode(t, dir, 0o755)
		}, "permission denied"},
		"file writable, directory not": {func(t *testing.T, dir, file string) {
			if err := migrated(file); err != nil {
				t.Fatal(err)
			}
			mode(t, file, 0o644)
			mode(t, dir, 0o555)
		}, "directory"},
		"not a database": {func(t *testing.T, dir, file string) {
			if err := os.WriteFile(file, []byte(strings.Repeat("this is a diary. ", 100)), 0o644); err != nil {
				t.Fatal(err)
			}
			mode(t, file, 0o644)
			mode(t, dir, 0o755)
		}, "file is not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := open755(t)
			file := filepath.Join(dir, "belay.db")
			test.prepare(t, dir, file)
			before, _ := os.ReadFile(file)
			got := openUnprivileged(t, file)
			if !strings.Contains(got, test.want) || !strings.Contains(got, file) {
				t.Errorf("got %q, want something with %q and the path", got, test.want)
			}
			if after, _ := os.ReadFile(file); !bytes.Equal(after, before) {
				t.Error("the file was changed")
			}
		})
	}
}

// The database is for its owner's eyes only, and its path may be any.
func TestOpenNewFile(t *testing.T) {
	for _, name := range []string{"belay.db", "with space.db", "100%.db", "a?b=c&d#e.db", "ünï.db", "+;'\".db"} {
		file := filepath.Join(t.TempDir(), name)
		s, err := store.Open(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, s)
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(file + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != 0o600 {
				t.Errorf("%s has mode %v", file+suffix, info.Mode())
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Dir(file))
		if err != nil || len(entries) != 1 || entries[0].Name() != name {
			t.Errorf("after closing there is %v (%v), want the database and nothing else", entries, err)
		}
	}
}

// A relative path means the same from any directory.
func TestOpenRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := migrated("belay.db"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("belay.db"); err != nil {
		t.Error(err)
	}
}
