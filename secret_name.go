package belay

import (
	"slices"
	"strings"
)

// NamesSecret tells whether something of this name, such as a field or a flag,
// would hold a secret, however its words are joined and whatever their case is.
func NamesSecret(name string) bool {
	name = plainName(name)
	return name == "pass" || name == "pw" ||
		containsAny(name, "passw", "passphrase", "token", "secret", "apikey", "privatekey", "clientkey")
}

// NamesSecretParameter tells the same of a parameter in the query of an
// address, which is also called by what it is for.
func NamesSecretParameter(name string) bool {
	plain := plainName(strings.ReplaceAll(name, ".", ""))
	return NamesSecret(plain) || containsAny(plain, "signature", "credential") ||
		slices.Contains([]string{"key", "sig", "pwd", "auth", "authorization", "jwt"}, plain)
}

// plainName is a name without what joins its words.
func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

func containsAny(name string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
}
