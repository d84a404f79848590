package store_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"belay/e2e/peers"
	"belay/store"
)

var postgres = peers.Share(peers.SharedPostgres)

// suite ends the shared server before goroutines are counted.
type suite struct{ m *testing.M }

func (s suite) Run() int { return peers.Run(s.m, postgres) }

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		os.Exit(child(role))
	}
	// Enough to find what is wrong in a minute; -rapid.checks overrides it.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(suite{m})
}

// eachEngine runs a test on a fresh database of either engine.
func eachEngine(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": openSQLite, "postgres": openPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// eachWorld runs a test on a fresh database that holds two organizations.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	eachEngine(t, func(t *testing.T, s *store.Store) { test(t, newWorld(t, s)) })
}

func openSQLite(tb testing.TB) *store.Store {
	tb.Helper()
	return open(tb, sqliteFile(tb))
}

func openPostgres(tb testing.TB) *store.Store {
	tb.Helper()
	return open(tb, postgresURL(tb))
}

func open(tb testing.TB, url string) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	return s
}

// emptySQLite is a migrated database without content.
var emptySQLite = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "belay-store-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "template.db")
	if err := migrated(file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func migrated(url string) error {
	s, err := store.Open(context.Background(), url)
	if err != nil {
		return err
	}
	return s.Close()
}

// sqliteFile returns the path of a new migrated database.
func sqliteFile(tb testing.TB) string {
	tb.Helper()
	empty, err := emptySQLite()
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "belay.db")
	if err := os.WriteFile(file, empty, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// postgresURL returns the URL of a new migrated database.
func postgresURL(tb testing.TB) string {
	tb.Helper()
	return postgres.Get(tb).Copy(tb, "store", migrated)
}
