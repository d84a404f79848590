package probe

import (
	"context"
	"net"
	"net/http"
	"time"
)

// roundTripper sends requests over the connection that the stages opened,
// and over new ones to the same address where that one does not last.
func (s *Session) roundTripper() http.RoundTripper {
	if s.transport == nil {
		s.transport = &http.Transport{
			DialContext:            s.dial,
			DialTLSContext:         s.dial,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // what was announced and limited is what is read
			MaxResponseHeaderBytes: maxHeader,
		}
	}
	return s.transport
}

// dial ignores the address that it is given: there is one to go to.
func (s *Session) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if conn := s.take(); conn != nil {
		return conn, nil
	}
	conn, err := s.dialer.ConnectAny(ctx, s.addrs, s.port)
	if err != nil {
		return nil, err
	}
	s.own(conn)
	if s.tls == nil {
		return conn, nil
	}
	encrypted, err := s.encrypt(ctx, conn)
	if err != nil {
		return nil, err // not encrypted, which as an interface would not be nil
	}
	return encrypted, nil
}

// adopt keeps a connection for the next who takes it.
func (s *Session) adopt(conn net.Conn) {
	s.own(conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = conn
}

// take hands out the connection that was kept, once.
func (s *Session) take() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := s.ready
	s.ready = nil
	return conn
}

// own sees to it that a connection is closed with the session, at the latest.
// The transport may open one that nobody waits for any more.
func (s *Session) own(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
	}
	s.conns = append(s.conns, conn)
}

func (s *Session) close() {
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
	}
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
}

// alertWait is how long reason listens for an alert.
const alertWait = time.Second

// reason finds out why a connection was closed. In TLS 1.3 a server refuses a
// client certificate after the handshake, and when the request is on its way
// by then, the reset that answers it can overtake the alert. A second
// handshake, with no request behind it, hears the alert.
func (s *Session) reason(ctx context.Context, err error) error {
	if s.tls == nil || !s.certificateAsked.Load() || !closed(err) {
		return err
	}
	plain, dialErr := s.dialer.ConnectAny(ctx, s.addrs, s.port)
	if dialErr != nil {
		return err
	}
	s.own(plain)
	conn, handshakeErr := s.encrypt(ctx, plain)
	if handshakeErr != nil {
		return handshakeErr
	}
	ctx, cancel := context.WithTimeout(ctx, alertWait)
	defer cancel()
	if until, _ := ctx.Deadline(); conn.SetReadDeadline(until) != nil {
		return err
	}
	_, heard := conn.Read(make([]byte, 1))
	if _, ok := alertOf(heard); ok {
		return heard
	}
	return err
}
