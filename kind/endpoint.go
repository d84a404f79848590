package kind

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"belay"
	"belay/egress"
	"belay/kind/httpkind"
)

// maxEndpoint is the longest endpoint, in bytes.
const maxEndpoint = 2048

// defaultPorts are left out of an endpoint.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// Endpoint checks the endpoint of a connection of this kind and returns it in
// the one form in which it is stored and compared: scheme and host in lower
// case, IP addresses in their usual notation, no default port, no slash for a
// path. A slash at the end of a path is kept where the endpoint itself is
// asked for, and left out where it only begins the paths that are. What is
// wrong with it is CodeInvalid at /url.
func Endpoint(k belay.Kind, text string) (string, error) {
	if len(text) > maxEndpoint {
		return "", belay.Invalid("/url", "must have at most %d characters", maxEndpoint)
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", belay.Invalid("/url", "is not a URL such as %s", k.Endpoint.Example)
	}
	if message := fault(k, u, text); message != "" {
		return "", belay.Invalid("/url", "%s", message)
	}
	host, err := egress.NormalizeHost(u.Hostname())
	if err != nil {
		return "", belay.Invalid("/url", "%v", err)
	}
	port, err := canonicalPort(u)
	if err != nil {
		return "", belay.Invalid("/url", "%v", err)
	}
	u.Host = host
	switch {
	case port != "":
		u.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	}
	if u.Path == "/" || !asksItself(k) {
		u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	}
	out := u.String()
	if len(out) > maxEndpoint {
		return "", belay.Invalid("/url", "must have at most %d characters", maxEndpoint)
	}
	return out, nil
}

// asksItself tells whether a kind's test asks for the endpoint itself.
func asksItself(k belay.Kind) bool {
	var stages map[belay.Stage][]httpkind.Request
	if json.Unmarshal(k.Test, &stages) != nil {
		return false
	}
	for _, requests := range stages {
		if slices.ContainsFunc(requests, func(r httpkind.Request) bool { return r.Path == "" }) {
			return true
		}
	}
	return false
}

// fault says what an endpoint must not be, "" when it is none of that.
func fault(k belay.Kind, u *url.URL, text string) string {
	switch {
	case u.Scheme == "" || u.Opaque != "":
		return fmt.Sprintf("is not an absolute URL such as %s", k.Endpoint.Example)
	case !slices.Contains(k.Endpoint.Schemes, u.Scheme):
		return "must begin with " + strings.Join(k.Endpoint.Schemes, ":// or ") + "://"
	case u.User != nil:
		return "must not hold a user or password; store them as a credential"
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "must not have a fragment"
	case u.RawQuery != "" || u.ForceQuery:
		return "must not have a query; a token belongs into a credential, other parameters into the settings"
	case u.Host == "":
		return "has no host"
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return `must not have "." or ".." in its path`
	case strings.ContainsAny(u.Path, "\\") || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has a character in its path that does not belong there"
	default:
		return ""
	}
}

func canonicalPort(u *url.URL) (string, error) {
	text := u.Port()
	if text == "" {
		if strings.HasSuffix(u.Host, ":") {
			return "", fmt.Errorf("has a colon without a port")
		}
		return "", nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return "", fmt.Errorf("must have a port from 1 to 65535")
	}
	text = strconv.FormatUint(port, 10)
	if defaultPorts[u.Scheme] == text {
		return "", nil
	}
	return text, nil
}
