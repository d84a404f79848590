package server_test

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"belay/server"
)

// TestFailedStartLeavesNothing lets a server fail at each file that it
// writes, on a port that it must give back.
func TestFailedStartLeavesNothing(t *testing.T) {
	for _, name := range []string{server.AddressFile, server.AdminTokenFile, "lock", "belay.db", "key-encryption-key.json"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, name, "in the way"), 0o700); err != nil {
				t.Fatal(err)
			}
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := free.Addr().String()
			if err := free.Close(); err != nil {
				t.Fatal(err)
			}
			config := server.Config{Listen: address, DataDir: dir, Log: slog.New(slog.DiscardHandler)}
			if s, err := server.Start(t.Context(), config); err == nil {
				t.Fatalf("the server starts: %v", s.Close())
			}
			again, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatalf("the port is still taken: %v", err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*.new")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			s, err := server.Start(t.Context(), config)
			if err != nil {
				t.Fatalf("after what was in the way is gone: %v", err)
			}
			if s.First == nil {
				t.Error("the way in was told to nobody")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
