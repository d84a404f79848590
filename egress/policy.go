package egress

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Policy says where connections may go. In this order:
//
//  1. Link-local, multicast, unspecified, reserved and cloud metadata
//     addresses, and the server's own listeners, are refused. Nothing opens
//     them.
//  2. Of the prefixes in Allow and Deny that hold the address, the longest
//     decides; where both have it, Deny.
//  3. Loopback is refused unless Loopback is set.
//  4. All else is allowed, private ranges too.
//
// An IPv6 address that carries an IPv4 address in it (mapped, compatible,
// translated, NAT64, 6to4, Teredo) is judged as both.
type Policy struct {
	Allow []netip.Prefix
	Deny  []netip.Prefix
	// Loopback is set while only this machine's users can reach the server:
	// they can reach loopback anyway.
	Loopback bool
	// Own returns the addresses on which the server listens, nil for none.
	// One with an unspecified address stands for all of this machine's.
	Own func() []netip.AddrPort
	// Local returns this machine's addresses; nil asks the system.
	Local func() ([]netip.Addr, error)
}

// reserved is a range that nothing opens, and what it is for.
type reserved struct{ prefix, what string }

var reservations = []reserved{
	{"0.0.0.0/8", "addresses of this network (RFC 1122)"},
	{"169.254.0.0/16", "link-local addresses (RFC 3927), the clouds' metadata among them"},
	{"224.0.0.0/4", "multicast addresses (RFC 5771)"},
	{"240.0.0.0/4", "reserved addresses and broadcast (RFC 1112, RFC 919)"},
	{"100.100.100.200/32", "the metadata of Alibaba Cloud"},
	{"168.63.129.16/32", "the metadata of Azure"},
	{"192.0.0.192/32", "the metadata of Oracle Cloud"},
	{"::/128", "the unspecified address"},
	{"fe80::/10", "link-local addresses (RFC 4291)"},
	{"fec0::/10", "site-local addresses, deprecated (RFC 3879)"},
	{"ff00::/8", "multicast addresses (RFC 4291)"},
	{"64:ff9b:1::/48", "NAT64 of local use (RFC 8215)"}, // where the IPv4 address stands is not known
	{"fd00:ec2::254/128", "the metadata of AWS"},
	{"fd20:ce::254/128", "the metadata of Google Cloud"},
	{"fd00:42::42/128", "the metadata of Scaleway"},
}

// refused are the ranges that nothing opens.
func refused() []netip.Prefix {
	out := make([]netip.Prefix, len(reservations))
	for i, r := range reservations {
		out[i] = netip.MustParsePrefix(r.prefix)
	}
	return out
}

// Reserved says of an address in which range it is that nothing opens, and
// what that is for; "" when it is in none. It is for whoever has written the
// address himself: what a name leads to is not for everybody to know.
func Reserved(addr netip.Addr) string {
	for _, face := range faces(addr.WithZone("")) {
		for _, r := range reservations {
			if netip.MustParsePrefix(r.prefix).Contains(face) {
				return r.prefix + ", " + r.what
			}
		}
	}
	return ""
}

func (p Policy) permits(target netip.AddrPort) bool {
	return !p.forbids(target) && !slices.ContainsFunc(faces(target.Addr()), func(a netip.Addr) bool { return !p.permitsAddr(a) })
}

// forbids tells whether the first rule refuses a target.
func (p Policy) forbids(target netip.AddrPort) bool {
	addr := target.Addr()
	if !addr.IsValid() || addr.Zone() != "" || target.Port() == 0 {
		return true
	}
	return slices.ContainsFunc(faces(addr), func(a netip.Addr) bool {
		return longest(refused(), a) >= 0 || p.isOwn(netip.AddrPortFrom(a, target.Port()))
	})
}

// permitsAddr tells what the other rules say of an address.
func (p Policy) permitsAddr(a netip.Addr) bool {
	allow, deny := longest(p.Allow, a), longest(p.Deny, a)
	switch {
	case deny >= 0 && deny >= allow:
		return false
	case allow >= 0:
		return true
	default:
		return p.Loopback || !a.IsLoopback()
	}
}

// longest is the length of the longest prefix that holds a, -1 for none.
func longest(prefixes []netip.Prefix, a netip.Addr) int {
	bits := -1
	for _, p := range prefixes {
		if p.Contains(a) {
			bits = max(bits, p.Bits())
		}
	}
	return bits
}

func (p Policy) isOwn(target netip.AddrPort) bool {
	if p.Own == nil {
		return false
	}
	return slices.ContainsFunc(p.Own(), func(own netip.AddrPort) bool {
		if own.Port() != target.Port() {
			return false
		}
		a := own.Addr().Unmap().WithZone("")
		return a == target.Addr() || (a.IsUnspecified() && p.isLocal(target.Addr()))
	})
}

// isLocal tells whether a is an address of this machine. When the system
// does not say, every address may be.
func (p Policy) isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	local := p.Local
	if local == nil {
		local = interfaceAddrs
	}
	addrs, err := local()
	return err != nil || slices.Contains(addrs, a)
}

func interfaceAddrs() ([]netip.Addr, error) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list this machine's addresses: %w", err)
	}
	var addrs []netip.Addr
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs, nil
}

// faces returns the address and the IPv4 addresses that it carries. A mapped
// one is nothing but the IPv4 address.
func faces(addr netip.Addr) []netip.Addr {
	a := addr.Unmap()
	if a.Is4() {
		return []netip.Addr{a}
	}
	b := a.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	in := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(a) }
	switch {
	case a.IsLoopback(), a.IsUnspecified():
		return []netip.Addr{a}
	case in("::/96"), in("::ffff:0:0:0/96"), in("64:ff9b::/96"): // compatible (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052)
		return []netip.Addr{a, at(12)}
	case in("2002::/16"): // 6to4 (RFC 3056)
		return []netip.Addr{a, at(2)}
	case in("2001::/32"): // Teredo (RFC 4380): server, and client with its bits inverted
		client := netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
		return []netip.Addr{a, at(4), client}
	default:
		return []netip.Addr{a}
	}
}

// ParsePrefixes reads ranges such as 10.0.0.0/8 or 2001:db8::/32, and single
// addresses. The error names the text at fault and what to write instead.
func ParsePrefixes(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is neither an address such as 10.1.2.3 nor a range such as 10.0.0.0/8", text)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a range such as 10.0.0.0/8 or 2001:db8::/32", text)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 range in IPv6 form; write it as IPv4", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind its length; write %s, or %s for the one address", text, p.Masked(), p.Addr())
	default:
		return p, nil
	}
}
