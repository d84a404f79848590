package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// otherNames are the flags that give what the API calls by another name.
func otherNames() map[string]string {
	return map[string]string{
		"order": "sort", "pageSize": "limit", "credentialId": "credential", "credentials": "credential",
		"credentialType": "type", "credentialName": "new-credential", "connectionId": "connection",
		"environmentIds": "environment", "labels": "label", "orgId": "org", "organizationId": "org",
		"expiresInDays": "expires", "expiresAt": "expires",
		"metadata.url": "url", "metadata.tls.certificateAuthority": "ca-certificate", "metadata.tls.serverName": "tls-server-name",
	}
}

// spell turns the place in a request of which a server complains (a JSON
// Pointer, RFC 6901, or a parameter) into how it is given on this command
// line: by a flag or an argument of the command at, else by its path with
// dots. It is "" for the whole.
func spell(pointer string, at *kong.Node) string {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, p := range parts {
		parts[i] = unescape.Replace(p)
	}
	if len(parts) == 2 && parts[0] == "connections" { // by its id, and said by its name
		return "used by connection"
	}
	path := strings.Join(parts, ".")
	if (parts[0] == "secret" || parts[0] == "credentialSecret") && len(parts) > 1 {
		return strings.Join(parts[1:], ".")
	}
	if path == "credentials" && isGiven(at, "new-credential") {
		return "--type" // what is attached is made by this very command
	}
	for _, name := range []string{path, parts[0]} {
		if other, ok := otherNames()[name]; ok && takes(at, other) {
			return "--" + other
		}
		if takes(at, name) {
			return "--" + name
		}
	}
	if at == nil {
		return path
	}
	if i := slices.IndexFunc(at.Positional, func(v *kong.Value) bool { return v.Name == path }); i >= 0 {
		return strings.ToUpper(path)
	}
	if (parts[0] == "metadata" || parts[0] == "check") && len(parts) > 1 && takes(at, "set") {
		return "--set " + path
	}
	return path
}

// isGiven tells whether a flag of a command stands on this command line.
func isGiven(n *kong.Node, flag string) bool {
	return n != nil && slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == flag && f.Set })
}

// takes tells whether a command has a flag, its own or one that every command
// has.
func takes(n *kong.Node, flag string) bool {
	for ; n != nil; n = n.Parent {
		if slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == flag }) {
			return true
		}
	}
	return false
}

// meant finds in a refusal the word that is refused and those that would do,
// and guesses which of them was meant.
func meant(message string) (string, bool) {
	m := regexp.MustCompile(`"([^"]+)".*(?:can be|one of|kinds are|types are|it has) ([^;"]+)$`).FindStringSubmatch(message)
	if m == nil {
		return "", false
	}
	known := strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
	return nearest(m[1], known)
}
