package egress_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"belay/egress"
)

func prefixes(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	p, err := egress.ParsePrefixes(texts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func permits(p egress.Policy, target string) bool {
	d := &egress.Dialer{Policy: p}
	return d.Permit(netip.MustParseAddrPort(target)) == nil
}

func TestNothingOpensWhatIsAlwaysRefused(t *testing.T) {
	open := egress.Policy{Allow: prefixes(t, "0.0.0.0/0", "::/0", "169.254.169.254", "fd00:ec2::254", "fe80::/10"), Loopback: true}
	for _, target := range []string{
		"169.254.169.254:80", "169.254.0.1:80", "[fd00:ec2::254]:80", "[fe80::1]:80", "[fe80::1%eth0]:80",
		"0.0.0.0:80", "0.1.2.3:80", "[::]:80", "224.0.0.1:80", "239.255.255.250:80", "[ff02::1]:80",
		"255.255.255.255:80", "240.0.0.1:80", "100.100.100.200:80", "168.63.129.16:80", "192.0.0.192:80",
		"[fd20:ce::254]:80", "[fd00:42::42]:80", "[fec0::1]:80", "[64:ff9b:1::a9fe:a9fe]:80",
		"[::ffff:169.254.169.254]:80",         // mapped
		"[::169.254.169.254]:80",              // compatible
		"[::ffff:0:169.254.169.254]:80",       // translated
		"[64:ff9b::169.254.169.254]:80",       // NAT64
		"[2002:a9fe:a9fe::1]:80",              // 6to4
		"[2001:0:a9fe:a9fe:0:0:a00:1]:80",     // Teredo server
		"[2001:0:0a01:0203:0:0:5601:5601]:80", // Teredo client 169.254.169.254
		"[2001:db8::1%eth0]:80", "192.0.2.1:0",
	} {
		if permits(open, target) {
			t.Errorf("%s is permitted", target)
		}
	}
}

func TestPolicyDecides(t *testing.T) {
	deny10 := egress.Policy{Deny: prefixes(t, "10.0.0.0/8"), Allow: prefixes(t, "10.1.0.0/16", "127.0.0.1")}
	only := egress.Policy{Deny: prefixes(t, "0.0.0.0/0", "::/0"), Allow: prefixes(t, "10.1.0.0/16")}
	for name, c := range map[string]struct {
		policy egress.Policy
		target string
		want   bool
	}{
		"public":                           {egress.Policy{}, "192.0.2.1:443", true},
		"public v6":                        {egress.Policy{}, "[2001:db8::1]:443", true},
		"private":                          {egress.Policy{}, "10.0.0.1:443", true},
		"unique local":                     {egress.Policy{}, "[fd12::1]:443", true},
		"loopback by default":              {egress.Policy{}, "127.0.0.1:443", false},
		"loopback v6 by default":           {egress.Policy{}, "[::1]:443", false},
		"other loopback":                   {egress.Policy{}, "127.9.9.9:443", false},
		"mapped loopback":                  {egress.Policy{}, "[::ffff:127.0.0.1]:443", false},
		"compatible loopback":              {egress.Policy{}, "[::127.0.0.1]:443", false},
		"NAT64 loopback":                   {egress.Policy{}, "[64:ff9b::7f00:1]:443", false},
		"6to4 loopback":                    {egress.Policy{}, "[2002:7f00:1::]:443", false},
		"loopback switched on":             {egress.Policy{Loopback: true}, "127.0.0.1:443", true},
		"loopback v6 switched on":          {egress.Policy{Loopback: true}, "[::1]:443", true},
		"loopback switched on, denied":     {egress.Policy{Loopback: true, Deny: prefixes(t, "127.0.0.0/8")}, "127.0.0.1:443", false},
		"loopback allowed":                 {deny10, "127.0.0.1:443", true},
		"another loopback not allowed":     {deny10, "127.0.0.2:443", false},
		"denied":                           {deny10, "10.2.0.1:443", false},
		"denied mapped":                    {deny10, "[::ffff:10.2.0.1]:443", false},
		"denied in NAT64":                  {deny10, "[64:ff9b::10.2.0.1]:443", false},
		"longer allow within deny":         {deny10, "10.1.0.1:443", true},
		"longer deny within allow":         {egress.Policy{Allow: prefixes(t, "10.0.0.0/8"), Deny: prefixes(t, "10.1.0.0/16")}, "10.1.0.1:443", false},
		"same prefix in both":              {egress.Policy{Allow: prefixes(t, "10.0.0.0/8"), Deny: prefixes(t, "10.0.0.0/8")}, "10.1.0.1:443", false},
		"all denied but one, the one":      {only, "10.1.0.1:443", true},
		"all denied but one, the others":   {only, "192.0.2.1:443", false},
		"all denied but one, the v6 ones":  {only, "[2001:db8::1]:443", false},
		"allowing v4 opens no v6 loopback": {egress.Policy{Allow: prefixes(t, "127.0.0.0/8")}, "[::1]:443", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := permits(c.policy, c.target); got != c.want {
				t.Errorf("%s permitted: %v, want %v", c.target, got, c.want)
			}
		})
	}
}

func TestOwnListenersAreRefused(t *testing.T) {
	own := func(text string) func() []netip.AddrPort {
		return func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(text)} }
	}
	local := func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil }
	unknown := func() ([]netip.Addr, error) { return nil, errors.New("unknown") }
	everything := prefixes(t, "0.0.0.0/0", "::/0")
	for name, c := range map[string]struct {
		own    string
		local  func() ([]netip.Addr, error)
		target string
		want   bool
	}{
		"itself":                      {"127.0.0.1:9081", local, "127.0.0.1:9081", false},
		"itself, mapped":              {"127.0.0.1:9081", local, "[::ffff:127.0.0.1]:9081", false},
		"itself, in NAT64":            {"192.0.2.7:9081", local, "[64:ff9b::192.0.2.7]:9081", false},
		"a mapped one":                {"[::ffff:192.0.2.7]:9081", local, "192.0.2.7:9081", false},
		"a mapped wildcard":           {"[::ffff:0.0.0.0]:9081", local, "192.0.2.7:9081", false},
		"one of an interface":         {"[2001:db8::7%eth0]:9081", local, "[2001:db8::7]:9081", false},
		"another port":                {"127.0.0.1:9081", local, "127.0.0.1:9082", true},
		"another address":             {"127.0.0.1:9081", local, "127.0.0.2:9081", true},
		"wildcard by interface":       {"0.0.0.0:9081", local, "192.0.2.7:9081", false},
		"wildcard v6 by interface":    {"[::]:9081", local, "192.0.2.7:9081", false},
		"wildcard by loopback":        {"[::]:9081", local, "127.8.8.8:9081", false},
		"wildcard, another machine":   {"[::]:9081", local, "192.0.2.8:9081", true},
		"wildcard, addresses unknown": {"[::]:9081", unknown, "192.0.2.8:9081", false},
		"wildcard, another port":      {"[::]:9081", unknown, "192.0.2.8:9082", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := egress.Policy{Allow: everything, Loopback: true, Own: own(c.own), Local: c.local}
			if got := permits(p, c.target); got != c.want {
				t.Errorf("%s permitted: %v, want %v", c.target, got, c.want)
			}
		})
	}
}

func TestTheSystemKnowsItsAddresses(t *testing.T) {
	p := egress.Policy{Loopback: true, Own: func() []netip.AddrPort {
		return []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:9081")}
	}}
	if permits(p, "127.0.0.1:9081") || !permits(p, "192.0.2.1:9081") {
		t.Error("the wildcard listener is not told apart from other machines")
	}
}

func TestParsePrefixes(t *testing.T) {
	got := prefixes(t, " 10.0.0.0/8 ", "192.0.2.1", "2001:db8::/32", "::1", "::ffff:192.0.2.1")
	var texts []string
	for _, p := range got {
		texts = append(texts, p.String())
	}
	want := []string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128", "192.0.2.1/32"}
	if !slices.Equal(texts, want) {
		t.Errorf("got %v, want %v", texts, want)
	}
	for text, hint := range map[string]string{
		"":                     "neither",
		"localhost":            "neither",
		"10.0.0.0/33":          "is not a range",
		"10.1.2.3/8":           "write 10.0.0.0/8, or 10.1.2.3",
		"fe80::1%eth0":         "neither",
		"::ffff:10.0.0.0/104":  "write it as IPv4",
		"10.0.0.0/8,192.0.2.1": "is not a range",
	} {
		_, err := egress.ParsePrefixes([]string{text})
		if err == nil || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, want %q", text, err, hint)
		}
	}
}

// TestForbiddenIsWhatNoPolicyOpens tells what an operator can open from what
// he cannot. Both read alike.
func TestForbiddenIsWhatNoPolicyOpens(t *testing.T) {
	own := netip.MustParseAddrPort("192.0.2.7:9081")
	policy := egress.Policy{Deny: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Own: func() []netip.AddrPort { return []netip.AddrPort{own} }}
	for target, forbidden := range map[string]bool{
		"127.0.0.1:80": false, "198.51.100.1:80": false,
		"169.254.169.254:80": true, "[::ffff:169.254.169.254]:80": true, "[fd00:ec2::254]:80": true, "192.0.2.7:9081": true, "0.0.0.0:80": true,
	} {
		at := netip.MustParseAddrPort(target)
		err := (&egress.Dialer{Policy: policy}).Permit(at)
		if !errors.Is(err, egress.ErrDenied) || errors.Is(err, egress.ErrForbidden) != forbidden || err.Error() != "egress_denied" {
			t.Errorf("%s: %v, forbidden %t; want %t", target, err, errors.Is(err, egress.ErrForbidden), forbidden)
		}
		opened := policy
		opened.Allow, opened.Deny = []netip.Prefix{netip.PrefixFrom(at.Addr().Unmap(), at.Addr().Unmap().BitLen())}, nil
		if err := (&egress.Dialer{Policy: opened}).Permit(at); (err != nil) != forbidden {
			t.Errorf("%s, opened: %v", target, err)
		}
	}
	denied, forbidden, open := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("192.0.2.1")
	for _, mixed := range [][]netip.Addr{{denied, forbidden}, {forbidden, denied}, {forbidden, open}, {open, forbidden, denied, open}} {
		if err := (&egress.Dialer{Policy: policy}).PermitAll(mixed, 80); !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("of %v: %v", mixed, err)
		}
	}
	if err := (&egress.Dialer{Policy: policy}).PermitAll([]netip.Addr{denied, open}, 80); !errors.Is(err, egress.ErrDenied) || errors.Is(err, egress.ErrForbidden) {
		t.Errorf("of one that can be opened: %v", err)
	}
}
