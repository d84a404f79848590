package cli

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// manual is one command as its reference describes it.
type manual struct {
	name     string // "belay connection list"
	help     string
	usage    string
	aliases  []string
	notes    string   // what its help says besides examples
	examples []string // command lines
	args     [][2]string
	flags    [][2]string
	commands [][2]string // below it
}

// manualOf reads a node of the command tree.
func manualOf(n *kong.Node) manual {
	m := manual{name: commandName(n), help: n.Help, usage: usageOf(n), aliases: n.Aliases}
	notes, lines, _ := strings.Cut(n.Detail, "Examples:")
	m.notes = strings.TrimSpace(notes)
	for line := range strings.SplitSeq(lines, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			m.examples = append(m.examples, line)
		}
	}
	for _, p := range n.Positional {
		m.args = append(m.args, [2]string{p.Summary(), p.Help})
	}
	for _, f := range ownFlags(n) {
		m.flags = append(m.flags, [2]string{strings.TrimSpace(flagText(f)), f.Help})
	}
	for _, c := range visible(n.Children) {
		m.commands = append(m.commands, [2]string{c.Name, c.Help})
	}
	return m
}

// commandName is how a node is called.
func commandName(n *kong.Node) string {
	if n.Parent == nil {
		return n.Name
	}
	return commandName(n.Parent) + " " + n.Name
}

func usageOf(n *kong.Node) string {
	words := []string{commandName(n)}
	for _, p := range n.Positional {
		words = append(words, p.Summary())
	}
	if len(visible(n.Children)) > 0 {
		words = append(words, "COMMAND")
	}
	return strings.Join(append(words, "[flags]"), " ")
}

// leaves are the commands themselves, without the nouns that group them.
func leaves(n *kong.Node) []*kong.Node {
	below := visible(n.Children)
	if len(below) == 0 {
		return []*kong.Node{n}
	}
	var out []*kong.Node
	for _, c := range below {
		out = append(out, leaves(c)...)
	}
	return out
}

// markdown writes the reference of all commands.
func markdown(root *kong.Node) string {
	var b strings.Builder
	b.WriteString("# The command line\n\n<!-- Made by go generate ./cli from the command tree. Change it there. -->\n\n")
	fmt.Fprintf(&b, "%s\n\nEvery command takes these flags:\n\n", root.Help)
	markdownTable(&b, "Flag", manualOf(root).flags)
	for _, n := range leaves(root) {
		m := manualOf(n)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n    %s\n", m.name, m.help, m.usage)
		if len(m.aliases) > 0 {
			fmt.Fprintf(&b, "\nAlso: %s\n", strings.Join(m.aliases, ", "))
		}
		if m.notes != "" {
			fmt.Fprintf(&b, "\n%s\n", m.notes)
		}
		for _, part := range []struct {
			title string
			rows  [][2]string
		}{{"Argument", m.args}, {"Flag", m.flags}} {
			if len(part.rows) > 0 {
				b.WriteByte('\n')
				markdownTable(&b, part.title, part.rows)
			}
		}
		if len(m.examples) > 0 {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.Join(m.examples, "\n"))
		}
	}
	for _, t := range helpTopics() {
		text, _ := helpTopic(t)
		fmt.Fprintf(&b, "\n## belay help %s\n\n```text\n%s```\n", t, text)
	}
	return b.String()
}

func markdownTable(b *strings.Builder, title string, rows [][2]string) {
	fmt.Fprintf(b, "| %s | |\n| --- | --- |\n", title)
	for _, r := range rows {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(r[0], "|", `\|`), strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(r[1]))
	}
}

// manPage writes the page of one command in the language of man (man(7)):
// of the whole program for the root.
func manPage(n *kong.Node, version string) string {
	m := manualOf(n)
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"belay %s\" \"Belay\"\n", strings.ToUpper(roff(strings.ReplaceAll(m.name, " ", "-"))), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n", roff(strings.ReplaceAll(m.name, " ", "-")), roff(m.help), roff(m.usage))
	if m.notes != "" {
		manText(&b, "DESCRIPTION", m.notes)
	}
	manList(&b, "COMMANDS", m.commands)
	manList(&b, "ARGUMENTS", m.args)
	manList(&b, "OPTIONS", m.flags)
	if len(m.examples) > 0 {
		manText(&b, "EXAMPLES", strings.Join(m.examples, "\n"))
	}
	if n.Parent == nil {
		for _, t := range helpTopics() {
			text, _ := helpTopic(t)
			manText(&b, strings.ToUpper(strings.ReplaceAll(t, "-", " ")), text)
		}
		return b.String()
	}
	b.WriteString(".SH SEE ALSO\nbelay(1), for the options that every command takes\n")
	return b.String()
}

func manList(b *strings.Builder, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, r := range rows {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(r[0]), roff(r[1]))
	}
}

// manText writes lines as they are.
func manText(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, ".SH %s\n.nf\n", title)
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		b.WriteString(roff(line) + "\n")
	}
	b.WriteString(".fi\n")
}

// roff keeps a line from being taken for requests and escapes of roff.
func roff(s string) string {
	var b strings.Builder
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
