package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// parseFailure puts what the parser complains of into words. The parser has
// no types for its errors, only texts, which name its own parts.
func parseFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	p, ok := errors.AsType[*kong.ParseError](err)
	if !ok || p.Context == nil {
		return usage("%s", err)
	}
	at := p.Context.Selected()
	if at == nil {
		at = p.Context.Model.Node
	}
	f := complaint(err.Error(), at)
	return f.withHelp("see: " + helpFor(p.Context))
}

func complaint(text string, at *kong.Node) *failure {
	switch {
	case strings.HasPrefix(text, "expected one of "), commandMissing(text, at):
		return commandsOf(at)
	}
	if f := noCommand(text, at); f != nil {
		return f
	}
	if f := noFlag(text, at); f != nil {
		return f
	}
	for _, c := range complaints() {
		if m := c.pattern.FindStringSubmatch(text); m != nil {
			return c.words(m)
		}
	}
	return usage("%s", text)
}

// noCommand says that a word stands where a command is named, nil where it
// does not. What the parser takes for similar is not passed on.
func noCommand(text string, at *kong.Node) *failure {
	m := regexp.MustCompile(`^unexpected argument (.*?)(?:, did you mean .*\?)?$`).FindStringSubmatch(text)
	if m == nil || at == nil || len(visible(at.Children)) == 0 {
		return nil
	}
	f := usage("there is no command %q", m[1])
	if near, ok := nearest(m[1], commandWords(at)); ok {
		n, _ := nodeOf(at, []string{near})
		return f.withHelp("did you mean: " + commandName(n))
	}
	if at.Parent != nil {
		return f
	}
	if slices.Contains([]string{"signin", "auth"}, m[1]) {
		return f.withHelp("how this program signs in: belay help authentication")
	}
	if under := commandsCalled(at, m[1]); len(under) > 0 {
		return f.withHelp("there is: " + strings.Join(under, ", "))
	}
	return f
}

// noFlag says that there is no such flag, nil where the text is about another
// thing.
func noFlag(text string, at *kong.Node) *failure {
	m := regexp.MustCompile(`^unknown flag (-\S*?)(?:, did you mean .*)?$`).FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	f := usage("unknown flag %s", m[1])
	var known []string
	for n := at; n != nil; n = n.Parent {
		for _, flag := range ownFlags(n) {
			known = append(known, flag.Name)
		}
	}
	if near, ok := nearest(strings.TrimLeft(m[1], "-"), known); ok {
		f.help = append(f.help, "did you mean: --"+near)
	}
	return f
}

// commandWords are the words by which the commands below a node go.
func commandWords(at *kong.Node) []string {
	var out []string
	for _, n := range visible(at.Children) {
		out = append(append(out, n.Name), n.Aliases...)
	}
	return out
}

// commandsCalled are the commands of that name that follow another word.
func commandsCalled(root *kong.Node, word string) []string {
	var out []string
	for _, noun := range visible(root.Children) {
		if n, ok := nodeOf(noun, []string{word}); ok {
			out = append(out, commandName(n))
		}
	}
	return out
}

// commandMissing tells whether a text says that the one command below a node
// is missing; arguments are named in brackets.
func commandMissing(text string, at *kong.Node) bool {
	return strings.HasPrefix(text, "expected ") && at != nil && len(visible(at.Children)) > 0
}

// commandsOf says what can follow a noun.
func commandsOf(at *kong.Node) *failure {
	f := usage("this is not a whole command")
	if at == nil {
		return f
	}
	var names []string
	for _, c := range visible(at.Children) {
		names = append(names, c.Name)
	}
	f.what = at.Name + " needs a command"
	return f.withHelp("one of: " + strings.Join(names, ", "))
}

// rule turns one of the parser's texts into words.
type rule struct {
	pattern *regexp.Regexp
	words   func(m []string) *failure
}

func complaints() []rule {
	say := func(pattern, format string) rule {
		return rule{regexp.MustCompile(pattern), func(m []string) *failure {
			args := make([]any, len(m)-1)
			for i, s := range m[1:] {
				args[i] = argumentName(s)
			}
			return usage(format, args...)
		}}
	}
	return []rule{
		say(`^expected "(<[^>]+>)`, "%s is missing"),
		say(`^missing flags: (--[a-z-]+)`, "%s is missing"),
		say(`^(\S+): (?:expected .* but got "EOL".*|missing value, .*)$`, "%s needs a value"),
		say(`^(\S+): expected (?:a valid \d+ bit u?int|an int) but got "(.*?)"`, "%s must be a whole number, not %q"),
		say(`^(\S+): expected \w+ value but got "(-\d+)" \(short flag\)`, "%s must be at least 1, not %s"),
		say(`^(\S+): expected \w+ value but got "(.*?)" \((?:short|long) flag\)`, "%[1]s needs a value; one that begins with - is given as %[1]s=%[2]s"),
		say(`^(\S+): expected duration but got "(.*?)"`, "%s must be a duration such as 30s or 2m, not %q"),
		say(`^(\S+): bool value must be .* but got "(.*)"$`, "%s is true or false, not %q"),
		say(`^(--[a-z-]+) and (--[a-z-]+) can't be used together$`, "%s and %s exclude each other"),
		say(`^unexpected argument ([^,]*)$`, "%q is more than this command takes"),
		{regexp.MustCompile(`^(\S+) must be one of (.*) but got "(.*)"$`), notInEnum},
	}
}

func notInEnum(m []string) *failure {
	var known []string
	for w := range strings.SplitSeq(m[2], ",") {
		if w = strings.Trim(w, `"`); w != "" {
			known = append(known, w)
		}
	}
	f := notOneOf("", m[3], known)
	f.what = fmt.Sprintf("%s cannot be %q", argumentName(m[1]), m[3])
	return f
}

// argumentName writes <name> as the usage line does.
func argumentName(s string) string {
	if name, ok := strings.CutPrefix(s, "<"); ok {
		return strings.ToUpper(strings.TrimSuffix(name, ">"))
	}
	return s
}

func helpFor(ctx *kong.Context) string {
	words := []string{ctx.Model.Name}
	for _, p := range ctx.Path {
		if p.Command != nil {
			words = append(words, p.Command.Name)
		}
	}
	return strings.Join(append(words, "--help"), " ")
}

// yamlComplaint says what is wrong with a YAML file, and where.
func yamlComplaint(err error) string {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return err.Error()
	}
	message := e.GetMessage()
	if _, ok := errors.AsType[*yaml.TypeError](err); ok {
		message = "this is not the kind of value that belongs here"
	}
	if t := e.GetToken(); t != nil && t.Position != nil {
		return fmt.Sprintf("line %d, column %d: %s", t.Position.Line, t.Position.Column, message)
	}
	return message
}

// templateComplaint says what is wrong with a --template.
func templateComplaint(err error) string {
	text := regexp.MustCompile(`^template: --template:(\d+)(?::\d+)?: `).ReplaceAllString(err.Error(), "line $1: ")
	text = strings.ReplaceAll(text, `executing "--template" at `, "")
	return regexp.MustCompile(` in type \S+( \{\})?$`).ReplaceAllString(text, " here")
}

// unreadable is an answer that is not what this program expects. How it
// differs is of no use to whoever reads it.
func unreadable(requestID string) *failure {
	f := &failure{exit: exitFailed, what: "the server's answer cannot be read", why: "it is not what this version of belay expects", requestID: requestID}
	return f.withHelp("compare the versions: belay version --check")
}
