package egress_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"belay/egress"
)

// names answers with what is set for a name, the first set first.
type names struct {
	answers [][]string
	asked   atomic.Int32
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	i := int(n.asked.Add(1)) - 1
	if len(n.answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var out []netip.Addr
	for _, a := range n.answers[min(i, len(n.answers)-1)] {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

// listen counts the connections made to a loopback address.
func listen(t *testing.T, address string) (*net.TCPAddr, *atomic.Int32) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	count := new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			_, _ = io.WriteString(c, "x")
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().(*net.TCPAddr), count
}

func TestDialsTheAddressItJudged(t *testing.T) {
	addr, count := listen(t, "127.0.0.1:0")
	// The second answer is what a rebinding attacker would give.
	resolver := &names{answers: [][]string{{"127.0.0.1"}, {"169.254.169.254"}}}
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}, Resolver: resolver}
	conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("rebind.test", portOf(addr)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	if resolver.asked.Load() != 1 || count.Load() != 1 {
		t.Errorf("asked the resolver %d times, connected %d times; want once each", resolver.asked.Load(), count.Load())
	}
	_, err = d.DialContext(t.Context(), "tcp", net.JoinHostPort("rebind.test", portOf(addr)))
	if !errors.Is(err, egress.ErrDenied) {
		t.Errorf("after rebinding: %v, want ErrDenied", err)
	}
}

func TestOneRefusedAddressRefusesTheName(t *testing.T) {
	addr, count := listen(t, "127.0.0.1:0")
	for _, answer := range [][]string{
		{"127.0.0.1", "169.254.169.254"}, {"169.254.169.254", "127.0.0.1"}, {"127.0.0.1", "::ffff:169.254.169.254"},
	} {
		d := &egress.Dialer{Policy: egress.Policy{Loopback: true}, Resolver: &names{answers: [][]string{answer}}}
		_, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("mixed.test", portOf(addr)))
		if !errors.Is(err, egress.ErrDenied) || err.Error() != "egress_denied" {
			t.Errorf("%v: %v, want egress_denied and no more", answer, err)
		}
	}
	if count.Load() != 0 {
		t.Errorf("%d connections were made", count.Load())
	}
}

func TestDeniedIsNotDialled(t *testing.T) {
	addr, count := listen(t, "127.0.0.1:0")
	d := &egress.Dialer{}
	if _, err := d.Connect(t.Context(), addr.AddrPort()); !errors.Is(err, egress.ErrDenied) {
		t.Errorf("connect: %v", err)
	}
	if _, err := d.DialContext(t.Context(), "tcp", addr.String()); !errors.Is(err, egress.ErrDenied) {
		t.Errorf("dial: %v", err)
	}
	for _, network := range []string{"udp", "unix", "ip"} {
		open := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
		if _, err := open.DialContext(t.Context(), network, addr.String()); !errors.Is(err, egress.ErrDenied) {
			t.Errorf("%s: %v", network, err)
		}
	}
	if count.Load() != 0 {
		t.Errorf("%d connections were made", count.Load())
	}
}

func TestOddHostsAreNeverLookedUpOrDialled(t *testing.T) {
	resolver := &names{answers: [][]string{{"192.0.2.1"}}}
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}, Resolver: resolver}
	for _, host := range []string{
		"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1.", "127.0.0.0x1", "017700000001", "1.2.3.4.5",
		"", ".", "a..b", "-a.test", "a b", "a%00b", "ⓛocalhost", "１２７.0.0.1", "127。0。0。1", "fe80::1%eth0", "[::1]", "0x",
	} {
		if _, err := d.Resolve(t.Context(), host); !errors.Is(err, egress.ErrDenied) {
			t.Errorf("%q: %v, want ErrDenied", host, err)
		}
	}
	for _, address := range []string{"noport", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:http", ":80"} {
		if _, err := d.DialContext(t.Context(), "tcp", address); !errors.Is(err, egress.ErrDenied) {
			t.Errorf("%q: %v, want ErrDenied", address, err)
		}
	}
	if resolver.asked.Load() != 0 {
		t.Errorf("the resolver was asked %d times", resolver.asked.Load())
	}
}

func TestResolve(t *testing.T) {
	d := &egress.Dialer{Resolver: &names{answers: [][]string{{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"}}}}
	addrs, err := d.Resolve(t.Context(), "Host.Test.")
	if err != nil || len(addrs) != 2 || addrs[0].String() != "192.0.2.1" || addrs[1].String() != "2001:db8::1" {
		t.Errorf("got %v, %v", addrs, err)
	}
	addrs, err = d.Resolve(t.Context(), "::ffff:192.0.2.9")
	if err != nil || len(addrs) != 1 || addrs[0].String() != "192.0.2.9" {
		t.Errorf("literal: got %v, %v", addrs, err)
	}
	for _, answers := range [][][]string{nil, {{}}} {
		none := &egress.Dialer{Resolver: &names{answers: answers}}
		var notFound *net.DNSError
		if _, err := none.Resolve(t.Context(), "host.test"); !errors.As(err, &notFound) {
			t.Errorf("no answer: %v, want a DNS error", err)
		}
	}
}

func TestTriesTheNextAddress(t *testing.T) {
	addr, _ := listen(t, "127.0.0.2:0")
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}, Resolver: &names{answers: [][]string{{"127.0.0.1", "127.0.0.2"}}}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("two.test", portOf(addr)))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()

	gone := &egress.Dialer{Policy: egress.Policy{Loopback: true}, Resolver: &names{answers: [][]string{{"127.0.0.1", "127.0.0.3"}}}}
	if _, err := gone.DialContext(ctx, "tcp", net.JoinHostPort("two.test", portOf(addr))); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v, want connection refused", err)
	}
	if _, err := d.ConnectAny(ctx, nil, 80); !errors.Is(err, egress.ErrDenied) {
		t.Errorf("no address: %v, want ErrDenied", err)
	}
}

func TestCancelledWhileConnecting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
	if _, err := d.DialContext(ctx, "tcp", "127.0.0.1:9"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestRedirectsAreJudgedToo(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	defer server.Close()
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
	client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, egress.ErrDenied) {
		t.Errorf("got %v, want ErrDenied", err)
	}
}

func portOf(addr *net.TCPAddr) string {
	_, port, _ := strings.Cut(addr.String(), ":")
	return port
}

func FuzzNormalizeHost(f *testing.F) {
	for _, s := range []string{"localhost", "LOCALHOST.", "127.0.0.1", "::1", "::ffff:1.2.3.4", "0x7f.1", "127.1", "xn--a.test", "a_b.c", "2130706433", "fe80::1%a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := egress.NormalizeHost(s)
		if err != nil {
			return
		}
		again, err := egress.NormalizeHost(host)
		if err != nil || again != host {
			t.Errorf("%q gives %q, that gives %q, %v", s, host, again, err)
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return
		}
		last := host[strings.LastIndexByte(host, '.')+1:]
		if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
			t.Errorf("%q passes as a name: %q", s, host)
		}
		if strings.ContainsAny(host, "/\\@#?:[]% \x00") {
			t.Errorf("%q gives %q", s, host)
		}
	})
}

func FuzzParsePrefixes(f *testing.F) {
	f.Add("10.0.0.0/8")
	f.Add("::1")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := egress.ParsePrefixes([]string{s})
		if err != nil {
			return
		}
		again, err := egress.ParsePrefixes([]string{p[0].String()})
		if err != nil || again[0] != p[0] {
			t.Errorf("%q gives %v, that gives %v, %v", s, p[0], again, err)
		}
	})
}
