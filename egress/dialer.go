// Package egress is the one dialer by which this server reaches the outside:
// it resolves a name, judges every address, and dials the very address that
// it judged.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// ErrDenied is the answer to every target that the policy refuses. It says
// no more than that, so that a refusal tells nothing about what is there.
var ErrDenied = errors.New("egress_denied")

// ErrForbidden is an ErrDenied, and reads like it, that no policy can change.
var ErrForbidden error = forbidden{}

type forbidden struct{}

// Error returns the text of ErrDenied.
func (forbidden) Error() string { return ErrDenied.Error() }

// Is makes it an ErrDenied.
func (forbidden) Is(target error) bool { return target == ErrDenied }

// Resolver finds the addresses of a name; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer opens connections to targets that its Policy permits. The zero
// value works: the system's resolver, and a policy that refuses loopback.
// It takes no proxy from the environment: a proxy would dial in its place.
type Dialer struct {
	Policy   Policy
	Resolver Resolver // nil is the system's
}

// shortestAttempt is the least time that one of several addresses is given
// before the next is tried.
const shortestAttempt = 500 * time.Millisecond

// Resolve returns the addresses of host, in the order in which to try them,
// each once. A host that is an address is its own answer, and one in a
// notation that others might read differently is refused with ErrDenied.
// The addresses are not judged yet; PermitAll and Connect do that.
func (d *Dialer) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	name, err := NormalizeHost(host)
	if err != nil {
		return nil, ErrForbidden
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{addr}, nil
	}
	found, err := d.resolver().LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if addrs == nil {
		return nil, fmt.Errorf("resolve %s: %w", name, &net.DNSError{Err: "no addresses", Name: name, IsNotFound: true})
	}
	return addrs, nil
}

// Permit returns ErrDenied unless the policy permits the address,
// ErrForbidden where no policy could.
func (d *Dialer) Permit(target netip.AddrPort) error {
	switch {
	case d.Policy.permits(target):
		return nil
	case d.Policy.forbids(target):
		return ErrForbidden
	default:
		return ErrDenied
	}
}

// PermitAll returns ErrDenied unless the policy permits every one of a
// name's addresses. One that is refused refuses the name: dialling only the
// others would let a name lead inside whenever those happen to be down, and
// would hide from its owner that the name points somewhere it must not.
func (d *Dialer) PermitAll(addrs []netip.Addr, port uint16) error {
	var refused error
	for _, a := range addrs {
		err := d.Permit(netip.AddrPortFrom(a, port))
		if refused == nil || errors.Is(err, ErrForbidden) {
			refused = err
		}
	}
	return refused
}

// Connect dials this address over TCP, after judging it once more: whoever
// holds an address from before cannot get round the policy with it.
func (d *Dialer) Connect(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
	if err := d.Permit(target); err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "tcp", target.String())
}

// ConnectAny dials the addresses in turn and returns the first connection,
// or the error of the first address. Each attempt gets an even share of the
// time that is left, so that one silent address does not use it all.
func (d *Dialer) ConnectAny(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	if err := d.PermitAll(addrs, port); err != nil {
		return nil, err
	}
	var first error
	for i, a := range addrs {
		conn, err := d.attempt(ctx, netip.AddrPortFrom(a, port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if first == nil {
		first = ErrDenied // nothing to dial
	}
	return nil, first
}

func (d *Dialer) attempt(ctx context.Context, target netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share := max(time.Until(deadline)/time.Duration(left), shortestAttempt)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	return d.Connect(ctx, target)
}

// DialContext resolves, judges and dials; it fits http.Transport.DialContext.
// Networks other than TCP are refused.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, ErrDenied
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ErrDenied
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return nil, ErrDenied
	}
	addrs, err := d.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	return d.ConnectAny(ctx, addrs, uint16(port))
}

func (d *Dialer) resolver() Resolver {
	if d.Resolver == nil {
		return net.DefaultResolver
	}
	return d.Resolver
}
