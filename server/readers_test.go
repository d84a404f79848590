package server_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"belay"
	"belay/server"
)

// TestSecretsForEverybody says of each file with a secret that others can read
// how to shut it, and nothing of those that they cannot.
func TestSecretsForEverybody(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o644: true} {
		dir := t.TempDir()
		data, secret := filepath.Join(dir, "data"), filepath.Join(dir, "client-secret")
		token := filepath.Join(data, server.AdminTokenFile)
		if err := os.WriteFile(secret, []byte("correct-horse"), 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := start(t, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(first.Close(), os.Chmod(token, mode), os.Chmod(secret, mode)); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := server.Start(t.Context(), server.Config{
			Listen: "127.0.0.1:0", DataDir: data, Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)),
			Providers: map[string]belay.ProviderSettings{"corp": {
				Type: "oidc", Issuer: "https://login.example", ClientID: "belay",
				ClientSecretFile: secret, ClientSecret: belay.SecretString("correct-horse"),
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, fix := range []string{"chmod 600 " + token, "chmod 600 " + secret} {
			if strings.Contains(log.String(), fix) != warned {
				t.Errorf("mode %o: the log says %s, want %s: %v", mode, log.String(), fix, warned)
			}
		}
	}
}
