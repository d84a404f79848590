package peers

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Peer is a server of this package.
type Peer interface {
	// Close ends the server and removes its directory.
	Close()
}

// Shared is a peer that the tests of a package share.
type Shared[P Peer] struct {
	create func() (P, error)
	once   sync.Once
	peer   P
	err    error
	runs   bool
}

// Share returns a peer that create makes for the first test that asks for it.
// Give it to Run, which ends it.
func Share[P Peer](create func() (P, error)) *Shared[P] {
	return &Shared[P]{create: create}
}

// Get returns the peer, and fails the test when it cannot be started.
func (s *Shared[P]) Get(t testing.TB) P {
	t.Helper()
	s.once.Do(func() {
		s.peer, s.err = s.create()
		s.runs = s.err == nil
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.peer
}

// Close ends the peer if a test has asked for it.
func (s *Shared[P]) Close() {
	if s.runs {
		s.peer.Close()
	}
}

// Run runs the tests of a package, ends the peers that they shared, and
// returns the exit status, for TestMain.
func Run(m *testing.M, shared ...Peer) int {
	code := m.Run()
	for _, peer := range shared {
		peer.Close()
	}
	return code
}

// forTest returns what create makes, for one test: it fails the test on an
// error and closes the peer at its end.
func forTest[P Peer](t testing.TB, create func() (P, error)) P {
	t.Helper()
	peer, err := create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

// files writes files, by their names, into dir.
func files(dir string, content map[string][]byte) error {
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
