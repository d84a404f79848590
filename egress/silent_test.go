//go:build unix

package egress_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"belay/egress"
)

// silent makes 127.0.0.1 answer nothing at a port: what listens there takes no
// connection, and its queue is full.
func silent(t *testing.T, port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	target := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)).String()
	for range 300 {
		conn, err := (&net.Dialer{Timeout: 500 * time.Millisecond}).DialContext(t.Context(), "tcp", target)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("it goes on taking connections")
}

// TestSilentAddressLeavesTimeForTheNext dials a name the first address of
// which never answers: of the time there is, it gets its share only.
func TestSilentAddressLeavesTimeForTheNext(t *testing.T) {
	addr, _ := listen(t, "127.0.0.2:0")
	silent(t, addr.Port)
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	// So many others make the share the least there is.
	addrs = append(addrs, slices.Repeat([]netip.Addr{netip.MustParseAddr("127.0.0.3")}, 98)...)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
	conn, err := d.ConnectAny(ctx, addrs, uint16(addr.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := conn.RemoteAddr().String(); got != addr.String() {
		t.Errorf("connected to %s, want %s", got, addr)
	}
}
