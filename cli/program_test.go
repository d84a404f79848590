package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// A command line that is shown can be typed where the program is not found by
// its name.
func TestCommandWord(t *testing.T) {
	bin, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{bin, other} {
		if err := os.WriteFile(filepath.Join(dir, "belay"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(bin, "belay")
	for _, c := range []struct{ path, executable, want string }{
		{bin, own, "belay"},
		{t.TempDir(), own, own},
		{other, own, own},
		{bin, "belay", "belay"},
		{t.TempDir(), "", "belay"},
	} {
		t.Setenv("PATH", c.path)
		if got := (&Program{Executable: c.executable}).CommandWord(); got != c.want {
			t.Errorf("started as %q with PATH=%s: %s, want %s", c.executable, c.path, got, c.want)
		}
	}
}
