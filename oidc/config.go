package oidc

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"belay"
	"belay/egress"
)

// Config says which provider users come from, and as which client this server
// is known there.
type Config struct {
	Key    string // of the provider on this server
	Issuer string // its identifier, https except on loopback; compared letter for letter
	// ClientID is this server's name there, ClientSecret what proves it; a
	// public client has none.
	ClientID     string
	ClientSecret belay.Secret
	// Scopes are asked for beside openid; nil asks for profile and email. With
	// offline_access there are refresh tokens, and the user is asked each time
	// whether he consents (OpenID Connect Core 1.0, section 11).
	Scopes []string
	Claims ClaimNames
	// EmailDomains are those of whose addresses users may be, in ASCII; nil
	// means any. An address counts only when the provider has verified it.
	EmailDomains []string
	// Groups are those of which users must be in one, with at most one asterisk
	// each, which stands for any text; nil means that any user may enter.
	Groups  []string
	Mapping Mapping
}

// ClaimNames are the names of the claims that tell about a user; "" is the
// standard's. One that begins with a slash is a JSON Pointer (RFC 6901) into
// the claims, such as /realm_access/roles.
type ClaimNames struct {
	Email         string // email
	EmailVerified string // email_verified
	Name          string // name
	FirstName     string // given_name
	LastName      string // family_name
	Picture       string // picture
	Groups        string // groups, which is no standard's but usual
}

// Limits of what a configuration holds.
const (
	maxText    = 512 // bytes of any one text
	maxEntries = 100 // of any one list
)

// Validate returns a CodeInvalid error that says all that is wrong, with
// pointers into the configuration's JSON; nil when nothing is.
func (c Config) Validate() error {
	fields := append(c.checkIssuer(), c.checkClient()...)
	fields = append(fields, checkScopes(c.Scopes)...)
	fields = append(fields, c.Claims.check()...)
	fields = append(fields, checkDomains(c.EmailDomains)...)
	fields = append(fields, checkGroups(c.Groups)...)
	fields = append(fields, c.Mapping.check()...)
	if fields == nil {
		return nil
	}
	return &belay.Error{Code: belay.CodeInvalid, Message: "the OpenID provider's configuration is not valid", Fields: fields}
}

func (c Config) checkIssuer() []belay.Field {
	text := ""
	u, err := url.Parse(c.Issuer)
	switch {
	case c.Issuer == "":
		text = "is missing; it is the address that the provider calls its issuer"
	case len(c.Issuer) > maxText || err != nil || u.Opaque != "" || u.Hostname() == "":
		text = "is not an address such as https://login.example.com"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(c.Issuer, "#"):
		text = "must have neither a query nor a fragment"
	case u.User != nil:
		text = "must not hold a user or password"
	case !secure(u):
		text = "must begin with https://; http:// is for loopback addresses only"
	}
	if text == "" {
		return nil
	}
	return []belay.Field{{Pointer: "/issuer", Message: text}}
}

// secure tells whether what is sent to an address stays between the two ends:
// by TLS, or because it does not leave this machine.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	return u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (c Config) checkClient() (fields []belay.Field) {
	for pointer, text := range map[string]string{"/key": c.Key, "/clientId": c.ClientID} {
		if text == "" || len(text) > maxText || !printable(text) {
			fields = append(fields, belay.Field{Pointer: pointer, Message: "must be a text without line breaks, of at most 512 bytes"})
		}
	}
	if c.ClientSecret.Len() > maxText {
		fields = append(fields, belay.Field{Pointer: "/clientSecret", Message: "must be of at most 512 bytes"})
	}
	slices.SortFunc(fields, func(a, b belay.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return fields
}

func checkScopes(scopes []string) []belay.Field {
	bad := func(s string) bool {
		return s == "" || len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool {
			return r <= ' ' || r > '~' || r == '"' || r == '\\' // RFC 6749, section 3.3
		})
	}
	if len(scopes) > maxEntries || slices.ContainsFunc(scopes, bad) {
		return []belay.Field{{Pointer: "/scopes", Message: "must be at most 100 words of ASCII letters, digits and signs"}}
	}
	return nil
}

func (n ClaimNames) check() (fields []belay.Field) {
	for _, claim := range []struct{ pointer, name string }{
		{"email", n.Email},
		{"emailVerified", n.EmailVerified},
		{"name", n.Name},
		{"firstName", n.FirstName},
		{"lastName", n.LastName},
		{"picture", n.Picture},
		{"groups", n.Groups},
	} {
		if len(claim.name) > maxText || !printable(claim.name) {
			fields = append(fields, belay.Field{
				Pointer: "/claims/" + claim.pointer, Message: "must be a text without line breaks, of at most 512 bytes",
			})
		}
	}
	return fields
}

func checkDomains(domains []string) []belay.Field {
	bad := func(d string) bool {
		name, err := egress.NormalizeHost(d)
		return err != nil || !strings.EqualFold(name, d) || !strings.Contains(name, ".")
	}
	if len(domains) > maxEntries || slices.ContainsFunc(domains, bad) {
		return []belay.Field{{Pointer: "/emailDomains", Message: "must be at most 100 domains such as example.com"}}
	}
	return nil
}

func checkGroups(groups []string) []belay.Field {
	bad := func(g string) bool {
		return g == "" || len(g) > maxText || !printable(g) || strings.Count(g, "*") > 1
	}
	if len(groups) > maxEntries || slices.ContainsFunc(groups, bad) {
		return []belay.Field{{Pointer: "/groups", Message: "must be at most 100 names of groups, with at most one asterisk each"}}
	}
	return nil
}

// AdmitsGroups tells whether a user in these groups may enter, as far as his
// groups matter.
func (c Config) AdmitsGroups(groups []string) bool {
	if len(c.Groups) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Groups, func(pattern string) bool {
		rule := Rule{Group: pattern, Team: "any"}
		return slices.ContainsFunc(groups, func(g string) bool { _, ok := rule.apply(g); return ok })
	})
}

// scopes are all that are asked for.
func (c Config) scopes() []string {
	scopes := c.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "openid" })
	return slices.Insert(scopes, 0, "openid")
}

func (n ClaimNames) withDefaults() ClaimNames {
	for _, claim := range []struct {
		name     *string
		standard string
	}{
		{&n.Email, "email"},
		{&n.EmailVerified, "email_verified"},
		{&n.Name, "name"},
		{&n.FirstName, "given_name"},
		{&n.LastName, "family_name"},
		{&n.Picture, "picture"},
		{&n.Groups, "groups"},
	} {
		if *claim.name == "" {
			*claim.name = claim.standard
		}
	}
	return n
}
