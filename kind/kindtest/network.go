package kindtest

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/egress"
)

// unknown is a resolver that knows no name.
type unknown struct{}

// LookupNetIP finds nothing.
func (unknown) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// inside is a resolver by which every name leads to the metadata service.
type inside struct{}

// LookupNetIP finds the metadata service.
func (inside) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
}

// loopback is a resolver by which every name leads to this machine.
type loopback struct{}

// LookupNetIP finds this machine.
func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func (s Suite) network(t *testing.T) {
	t.Run("denied", s.denied)
	t.Run("name unknown", func(t *testing.T) {
		d := &egress.Dialer{Resolver: unknown{}}
		s.testVia(t, d, s.target("http://nowhere.test"), unhealthy(belay.CauseDNSFailure, belay.StageResolve))
	})
	t.Run("name resolved", func(t *testing.T) {
		endpoint, _ := serve(t, s.guard(status(401)))
		d := &egress.Dialer{Resolver: loopback{}, Policy: egress.Policy{Loopback: true}}
		s.testVia(t, d, s.target(strings.Replace(endpoint, "127.0.0.1", "somewhere.test", 1)), healthy)
	})
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		s.test(t, s.target("http://"+l.Addr().String()), unhealthy(belay.CauseConnectionRefused, belay.StageConnect))
	})
	for name, c := range map[string]struct {
		handle func(net.Conn)
		want   want
	}{
		"silent":              {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, unhealthy(belay.CauseTimeout, belay.StageProtocol)},
		"slow":                {drip, unhealthy(belay.CauseTimeout, belay.StageProtocol)},
		"stalled in the body": {stall, unhealthy(belay.CauseTimeout, belay.StageProtocol)},
		"reset":               {reset, unhealthy(belay.CauseConnectionReset, belay.StageProtocol)},
		"closed":              {func(c net.Conn) { readRequest(c) }, unhealthy(belay.CauseConnectionReset, belay.StageProtocol)},
		"closed in the body":  {cut, unhealthy(belay.CauseConnectionReset, belay.StageProtocol)},
		"garbage":             {answer("\x00\x01\x02 lies\r\n\r\n"), unhealthy(belay.CauseWrongService, belay.StageProtocol)},
		"another protocol":    {answer("-ERR unknown command 'GET'\r\n"), unhealthy(belay.CauseWrongService, belay.StageProtocol)},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := raw(t, c.handle)
			target := s.target("http://" + address)
			if c.want.cause == belay.CauseTimeout {
				target.Timeout = impatient
			}
			s.test(t, target, c.want)
		})
	}
	t.Run("cancelled", s.cancelled)
}

// denied checks that a refused target is not even connected to, whether it is
// refused by its address or by what its name leads to.
func (s Suite) denied(t *testing.T) {
	address, count := raw(t, func(net.Conn) {})
	denied := want{belay.HealthUnknown, belay.CauseEgressDenied, belay.StagePolicy}
	s.testVia(t, &egress.Dialer{}, s.target("http://"+address), denied)
	s.testVia(t, &egress.Dialer{Resolver: loopback{}}, s.target("http://somewhere.test"), denied)
	forbidden := want{belay.HealthUnknown, belay.CauseEgressForbidden, belay.StagePolicy}
	r := s.testVia(t, &egress.Dialer{Resolver: inside{}}, s.target("https://somewhere.test"), forbidden)
	for _, secret := range []string{"169.254", "metadata", "link-local"} {
		if strings.Contains(text(r), secret) {
			t.Errorf("the refusal tells more than that it is one: %s", text(r))
		}
	}
	for host, what := range map[string]string{"169.254.169.254": "169.254.0.0/16, link-local", "[fd00:ec2::254]": "the metadata of AWS", "[::ffff:224.0.0.1]": "multicast"} {
		if r := s.test(t, s.target("http://"+host), forbidden); !strings.Contains(r.Summary, what) {
			t.Errorf("of %s it says %q, want %q in it", host, r.Summary, what)
		}
	}
	for _, host := range []string{"2130706433", "0x7f000001", "127.1", "0177.0.0.1"} {
		s.test(t, s.target("http://"+host), forbidden)
	}
	if count.Load() != 0 {
		t.Errorf("%d connections were made to a refused target", count.Load())
	}
}

// cancelled checks that a test ends with its context, and blames nobody.
func (s Suite) cancelled(t *testing.T) {
	asked := make(chan struct{}, 1)
	address, _ := raw(t, func(c net.Conn) {
		if readRequest(c) {
			asked <- struct{}{}
			_, _ = io.Copy(io.Discard, c)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan belay.Report)
	go func() { done <- s.New(dialer(), now()).Test(ctx, s.target("http://"+address)) }()
	<-asked
	cancel()
	r := <-done
	Check(t, r)
	if r.Health != belay.HealthUnknown || r.Cause != belay.CauseInternal {
		t.Errorf("got %s, %q; want unknown, internal", r.Health, r.Cause)
	}
}

// drip answers so slowly that the answer never ends.
func drip(c net.Conn) {
	if !readRequest(c) {
		return
	}
	for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Slow: "); err == nil; _, err = io.WriteString(c, "x") {
		time.Sleep(impatient / 20)
	}
}

func stall(c net.Conn) {
	if readRequest(c) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		_, _ = io.Copy(io.Discard, c)
	}
}

func cut(c net.Conn) {
	if readRequest(c) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	}
}

func reset(c net.Conn) {
	if readRequest(c) {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
}
