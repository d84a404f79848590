package server_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay"
	"belay/secret"
	"belay/server"
)

// TestKeyNotUsable starts a server that has run before, with each thing that
// can be wrong with its key. It says what happened and what to do about that,
// not about something else, and shows no key.
func TestKeyNotUsable(t *testing.T) {
	const here, back = "key-encryption-key.json", "back there, from its backup"
	other, err := secret.GenerateKEK()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, file string)
		config server.Config
		texts  []string
		not    string
	}{
		"others may read it": {spoil: func(t *testing.T, file string) {
			t.Helper()
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
		}, texts: []string{here, "mode 0644", "chmod 600 "}, not: "backup"},
		"it is gone":     {spoil: remove, texts: []string{here + " does not exist", "put key ", back, "nothing was changed"}, not: "chmod"},
		"it is half":     {spoil: write([]byte(`{"x":`)), texts: []string{here, "not a whole Tink keyset", back}, not: "chmod"},
		"it is another":  {spoil: write(other), texts: []string{"sealed under key ", "came from", here, "--key-file", "--data-dir"}, not: back},
		"a directory":    {config: server.Config{KeyFile: t.TempDir()}, texts: []string{"not a regular file"}},
		"a bad variable": {config: server.Config{Key: belay.SecretString("canary")}, texts: []string{"BELAY_KEY: ", "into BELAY_KEY"}, not: "canary"},
		"two keys":       {config: server.Config{Key: belay.SecretString("canary"), KeyFile: "x"}, texts: []string{"both", "keep one"}, not: "sealed"},
		"the other in a variable": {
			config: server.Config{Key: belay.NewSecret(other)}, texts: []string{"came from BELAY_KEY"}, not: here,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := start(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(t, filepath.Join(dir, here))
			}
			c.config.DataDir = dir
			what, help := why(t, c.config)
			wants(t, what, help, c.texts...)
			all := what + strings.Join(help, "\n")
			if c.not != "" && strings.Contains(all, c.not) || len(what) > 300 || strings.Contains(all, `"keyData"`) {
				t.Errorf("it says too much, or what leads astray:\n%s\n%s", what, strings.Join(help, "\n"))
			}
		})
	}
}

// TestKeyErrors are those that a start on this machine does not show: of a
// first start, and of another user.
func TestKeyErrors(t *testing.T) {
	source := secret.Source{Path: "/etc/belay/key"}
	denied := fmt.Errorf("%w: %w", secret.ErrBadKey, &fs.PathError{Op: "open", Path: source.Path, Err: fs.ErrPermission})
	for text, err := range map[string]error{
		"uid":                denied,
		"correct --key-file": fmt.Errorf("%w: /etc/belay/key does not exist", secret.ErrNoKey),
	} {
		e, ok := errors.AsType[*server.StartError](server.KeyError(source, err))
		if !ok {
			t.Fatalf("%v is not explained", err)
		}
		wants(t, e.Err.Error(), e.Help, source.Path, text)
	}
	foreign := errors.New("another thing")
	if err := server.KeyError(source, foreign); !errors.Is(err, foreign) {
		t.Errorf("got %v", err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func write(text []byte) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
