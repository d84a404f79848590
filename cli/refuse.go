package cli

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"belay"
)

// tokenPrefix begins every token of a Belay server, so that one can be
// recognised wherever it should not be.
const tokenPrefix = "bly_"

// signInToken is a token of a sign-in, or a code for one.
var signInToken = regexp.MustCompile("(" + belay.AccessMarker + "|" + belay.RefreshMarker + "|" + belay.CodeMarker + ")[0-9A-Za-z]{20}")

// refuseSecrets refuses a command line that holds a secret, before anything
// of it is read, shown in an error or sent.
func refuseSecrets(args []string, app *kong.Application) error {
	if len(args) > 0 && args[0] == "__complete" {
		return nil
	}
	known := flagNames(app.Node)
	advice := secretAdvice(args)
	for _, a := range args {
		if i := strings.Index(a, tokenPrefix); i >= 0 && len(a) > i+len(tokenPrefix)+8 {
			return leakedToken(a[i:])
		}
		if signInToken.MatchString(a) {
			return usage("a token is not accepted on the command line (others can read it, and it stays in your history)").
				withHelp("this is one of a sign-in; treat it as leaked: belay logout, then belay login")
		}
		if userPassword(a) {
			return secretOnCommandLine("a password in an address", advice...)
		}
		name, ok := strings.CutPrefix(a, "--")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if belay.NamesSecret(name) && !slices.Contains(known, strings.TrimPrefix(name, "no-")) {
			return secretOnCommandLine("--"+name, advice...)
		}
	}
	return nil
}

func flagNames(n *kong.Node) []string {
	var out []string
	for _, f := range n.Flags {
		out = append(out, f.Name)
	}
	for _, c := range n.Children {
		out = append(out, flagNames(c)...)
	}
	return out
}

// userPassword tells whether an argument is an address with a password in it.
func userPassword(arg string) bool {
	scheme, rest, ok := strings.Cut(arg, "://")
	if !ok {
		return false
	}
	start := strings.LastIndexAny(scheme, "= ") + 1
	if u, err := url.Parse(arg[start:]); err == nil {
		_, has := u.User.Password()
		return has
	}
	authority, _, _ := strings.Cut(rest, "/")
	user, _, ok := strings.Cut(authority, "@")
	return ok && strings.Contains(user, ":")
}

// secretOnCommandLine refuses what looks like a secret, and says how it is
// given instead: as most commands take one, if nothing else is advised.
func secretOnCommandLine(what string, advice ...string) error {
	if len(advice) == 0 {
		advice = []string{
			"use  --secret-file -   --secret-file PATH   --secret-env FIELD=NAME   or answer the prompt",
			"see: belay help secrets",
		}
	}
	return usage("secrets are not accepted on the command line (others can read it, and it stays in your history)").
		withHelp("this looks like one: " + what).withHelp(advice...)
}

// bodyAdvice says how a request is given whose body is written by hand.
func bodyAdvice() []string {
	return []string{"put the whole body into a file: --input PATH; or give it on standard input: --input -", "see: belay api --help"}
}

// secretAdvice says how a command takes its secrets that does so otherwise
// than most.
func secretAdvice(args []string) []string {
	if len(args) > 0 && args[0] == "api" {
		return bodyAdvice()
	}
	if !slices.Contains(args, "serve") {
		return nil
	}
	return []string{
		"put the database's URL into the variable BELAY_DATABASE, or into a file that BELAY_DATABASE_FILE names",
		"see: belay serve --help",
	}
}

// wholeToken is what a token looks like that is neither mistyped nor cut off.
var wholeToken = regexp.MustCompile("^" + tokenPrefix + "[0-9A-Za-z]{57}")

// leakedToken names a token by as much of it as its list shows, and says how
// it is ended.
func leakedToken(t string) error {
	shown, end := t[:min(len(t), len(tokenPrefix)+4)]+"…", "ask whoever runs the server to end it"
	if wholeToken.MatchString(t) {
		shown = t[:len(tokenPrefix)+8]
		end = "belay token revoke " + shown
	}
	return usage("a token is not accepted on the command line (others can read it, and it stays in your history)").withHelp(
		"this looks like one: "+shown,
		"treat it as leaked: "+end+"; delete the file that holds it",
		"then set BELAY_TOKEN or BELAY_TOKEN_FILE; see: belay help authentication")
}
