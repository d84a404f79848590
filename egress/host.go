package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Limits of a host name (RFC 1035, section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

var (
	errNoHost   = errors.New("has no host")
	errNumber   = errors.New("is not an IP address in its usual notation, such as 192.0.2.1 or 2001:db8::1")
	errZone     = errors.New("must not name a network interface")
	errNotASCII = errors.New("must be in ASCII; write an international name in its xn-- form")
)

// NormalizeHost returns the one way in which a host is written here: an IP
// address in its canonical text form (RFC 5952; one IPv4 address for its
// IPv6-mapped form), or a name in lower case without its final dot.
//
// What other software might read as an address in another notation (2130706433,
// 0x7f.1, 0177.0.0.1, 127.1) is an error, whatever it means: the rule is that
// of the URL standard, by which a host whose last label is a number is IPv4.
func NormalizeHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", errZone
		}
		return addr.Unmap().String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "" {
		return "", errNoHost
	}
	if len(name) > maxName {
		return "", fmt.Errorf("has a host name of more than %d characters", maxName)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if err := checkLabel(l); err != nil {
			return "", err
		}
	}
	if isNumber(labels[len(labels)-1]) {
		return "", errNumber
	}
	return name, nil
}

// checkLabel allows letters, digits, hyphens inside, and underscores, which
// are not host names' (RFC 1123) but occur in names of services.
func checkLabel(l string) error {
	if l == "" || len(l) > maxLabel {
		return fmt.Errorf("has a host name with an empty part or one of more than %d characters", maxLabel)
	}
	for _, r := range l {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
		case r > 127:
			return errNotASCII
		default:
			return fmt.Errorf("has a host name with %q in it", r)
		}
	}
	if l[0] == '-' || l[len(l)-1] == '-' {
		return errors.New("has a host name with a part that begins or ends in a hyphen")
	}
	return nil
}

// isNumber tells whether a label is decimal, octal or hexadecimal (with 0x,
// even with nothing behind it).
func isNumber(l string) bool {
	digits := "0123456789"
	if rest, ok := strings.CutPrefix(l, "0x"); ok {
		l, digits = rest, "0123456789abcdef"
	}
	return strings.Trim(l, digits) == ""
}
