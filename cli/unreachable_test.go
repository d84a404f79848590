package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// speaking is a server that reads the beginning of what it is sent, and then
// does as it is told.
func speaking(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadByte()
			do(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// Each way to lose a connection has its own words and its own next step.
func TestLostConnections(t *testing.T) {
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	closed := func(net.Conn) {}
	within := func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	}
	noTLS := func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n") }
	alert := func(c net.Conn) { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) } // handshake_failure, RFC 8446
	for _, c := range []struct {
		name, scheme string
		do           func(net.Conn)
		args, says   string
		next         string
	}{
		{"reset", "http", reset, "whoami", "broke off — it was reset", "nothing was changed: try it again"},
		{"closed", "http", closed, "whoami", "broke off — it was closed without an answer", "try it again"},
		{"within", "http", within, "whoami", "broke off — it ended within the answer", "try it again"},
		{"change", "http", closed, "api POST /api/environments -f name=x", "broke off", "may have been done: look before you repeat it"},
		{"no TLS", "https", noTLS, "whoami", "TLS to 127.0.0.1", "does it speak TLS there? if not: --server http://127.0.0.1"},
		{"alert", "https", alert, "whoami", "failed — handshake failure", "does it speak TLS there?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, map[string]string{"BELAY_SERVER": c.scheme + "://" + speaking(t, c.do)})
			f.run(t, exitUnreachable, strings.Fields(c.args)...)
			mustContain(t, f.err.String(), c.says, c.next)
			mustNotContain(t, f.err.String(), "is it running")
		})
	}
}

func TestUnreachableAddresses(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": "http://127.0.0.1:1"})
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "connection refused", "is it running? start it: belay serve")

	base, err := url.Parse("https://belay.example")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{base: base}
	req, err := http.NewRequest(http.MethodGet, base.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(err error) error { return fmt.Errorf("get: %w", &net.OpError{Op: "dial", Err: err}) }
	for want, lost := range map[string]error{
		"there is no host of that name; is the name right?":      dial(&net.DNSError{Err: "no such host", IsNotFound: true}),
		"cannot be looked up: server misbehaving; is this":       dial(&net.DNSError{Err: "server misbehaving"}),
		"nothing answers at that address; is the address":        dial(os.ErrDeadlineExceeded),
		"connection refused; is it running there, and is the":    dial(syscall.ECONNREFUSED),
		"no route to host; see: belay config":                    dial(syscall.EHOSTUNREACH),
		"the proxy does not lead there: connection refused; the": &net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED},
	} {
		f := asFailure(c.unreachable(lost, req))
		mustContain(t, f.why+"; "+strings.Join(f.help, "; "), want)
	}
}
