package probe

import (
	"errors"
	"io"
	"net"
	"testing"
)

// TestConnectionsEndWithTheSession opens one connection before a session ends
// and one after, as the transport may for a request that was given up.
func TestConnectionsEndWithTheSession(t *testing.T) {
	s := &Session{}
	early, far := net.Pipe()
	s.own(early)
	s.close()
	late, away := net.Pipe()
	s.own(late)
	for when, conn := range map[string][2]net.Conn{"before": {early, far}, "afterwards": {late, away}} {
		_ = conn[1].Close() // what is still open reads its end
		if _, err := conn[0].Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("one from %s is open: %v", when, err)
		}
		_ = conn[0].Close()
	}
}
