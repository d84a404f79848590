package server_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/server"
)

func start(t *testing.T, dir string) (*server.Server, error) {
	t.Helper()
	return server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: dir, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
}

// TestOneServerPerDataDirectory starts a second server on a directory. It
// must refuse, and leave the first one's address where clients find it.
func TestOneServerPerDataDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	// Also where it is to have the same address, which is taken then.
	_, err = server.Start(t.Context(), server.Config{
		Listen: strings.TrimPrefix(first.URL(), "http://"), DataDir: dir, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), first.URL()) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("a second server on the directory and the address: %v", err)
	}
	_, err = start(t, dir)
	if err == nil || !strings.Contains(err.Error(), first.URL()) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("a second server on the directory: %v", err)
	}
	address, err := os.ReadFile(filepath.Join(dir, server.AddressFile))
	if err != nil || strings.TrimSpace(string(address)) != first.URL() {
		t.Errorf("the first server's address is %q, %v", address, err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, server.AddressFile)); !os.IsNotExist(err) {
		t.Errorf("a stopped server leaves its address: %v", err)
	}
	again, err := start(t, dir)
	if err != nil {
		t.Fatalf("after the first has stopped: %v", err)
	}
	if again.First != nil {
		t.Error("the second start takes itself for the first")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestDataDirForEverybody says what to do about a directory that everybody may
// write to.
func TestDataDirForEverybody(t *testing.T) {
	for mode, warned := range map[os.FileMode]bool{0o700: false, 0o777: true} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := server.Start(t.Context(), server.Config{
			Listen: "127.0.0.1:0", DataDir: dir, Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "chmod 700") != warned {
			t.Errorf("mode %o: the log says %s", mode, log.String())
		}
	}
}

// TestListensOnLoopbackOnly refuses an address that others can reach, before
// anything is made.
func TestListensOnLoopbackOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, err := server.Start(t.Context(), server.Config{
		Listen: "0.0.0.0:0", DataDir: dir, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	for _, out := range []string{"--tls-cert PATH --tls-key PATH", "--public-url https://HOST", "--insecure-http"} {
		if err == nil || !strings.Contains(err.Error(), out) {
			t.Errorf("listening without TLS for all: %v, without %s", err, out)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}
