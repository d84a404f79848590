package cli

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

//go:embed help/*.txt
var helpTexts embed.FS

// helpTopics are what "belay help" explains besides commands.
func helpTopics() []string {
	return []string{"authentication", "configuration", "environment", "exit-codes", "formatting", "secrets"}
}

func helpTopic(name string) (string, bool) {
	if !slices.Contains(helpTopics(), name) {
		return "", false
	}
	text, err := helpTexts.ReadFile("help/" + name + ".txt")
	if err != nil {
		return "", false
	}
	return strings.Replace(string(text), "{{exit codes}}\n", exitMeaning(), 1), true
}

type helpCommand struct {
	Topic    []string `arg:"" optional:"" help:"A command, or one of authentication, configuration (its files), environment (its variables), exit-codes, formatting, secrets." complete:"topic"`
	Man      bool     `xor:"form" help:"Write a page for man, of the command or of the whole program."`
	Markdown bool     `xor:"form" help:"Write the reference of all commands in Markdown."`
}

// Help gives examples.
func (*helpCommand) Help() string {
	return examples("belay help exit-codes", "belay help connection create", "belay help --man connection create > belay-connection-create.1",
		"belay help --markdown > cli.md")
}

// Run shows a topic, or what --help shows for a command, or the reference.
func (c *helpCommand) Run(in *invocation, k *kong.Kong) error {
	words := slices.Clone(c.Topic) // c is reset by the parse
	switch {
	case c.Markdown:
		return in.emit([]byte(markdown(k.Model.Node)))
	case c.Man:
		n, ok := nodeOf(k.Model.Node, words)
		if !ok {
			return noHelp(words)
		}
		return in.emit([]byte(manPage(n, in.Version)))
	case len(words) == 1:
		if text, ok := helpTopic(words[0]); ok {
			return in.emit([]byte(text))
		}
	}
	if ctx, err := kong.Trace(k, append(words, "--help")); err != nil || ctx.Error != nil {
		return noHelp(words)
	}
	_, _ = k.Parse(append(words, "--help")) // it ends by printing; what is missing besides does not matter
	return nil
}

func noHelp(words []string) error {
	f := usage("there is no help about %q", strings.Join(words, " "))
	if near, ok := nearest(strings.Join(words, " "), helpTopics()); ok {
		f.help = append(f.help, "did you mean: belay help "+near)
	}
	return f.withHelp("topics: "+strings.Join(helpTopics(), ", "), "see: belay --help")
}

// nodeOf finds a command by its words.
func nodeOf(n *kong.Node, words []string) (*kong.Node, bool) {
	for _, w := range words {
		i := slices.IndexFunc(n.Children, func(c *kong.Node) bool { return !c.Hidden && (c.Name == w || slices.Contains(c.Aliases, w)) })
		if i < 0 {
			return nil, false
		}
		n = n.Children[i]
	}
	return n, true
}

// printHelp shows one node of the tree: what it is for, how it is called,
// its commands or arguments and flags. The flags that every command has are
// only named.
func (in *invocation) printHelp(_ kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", strings.TrimSpace(node.Help), usageLine(ctx, node))
	if len(node.Aliases) > 0 {
		fmt.Fprintf(&b, "Also called: %s\n", strings.Join(node.Aliases, ", "))
	}
	writeCommands(&b, node)
	writeArguments(&b, node)
	root := node.Type == kong.ApplicationNode
	writeFlags(&b, "Flags", ownFlags(node), !root)
	if root {
		fmt.Fprintf(&b, "\nTopics (belay help TOPIC): %s\n", strings.Join(helpTopics(), ", "))
	} else {
		b.WriteString("\nEvery command also takes the flags that belay --help lists.\n")
	}
	if node.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(node.Detail))
	}
	return in.emit([]byte(b.String()))
}

func usageLine(ctx *kong.Context, node *kong.Node) string {
	words := []string{commandName(node)}
	for _, p := range node.Positional {
		words = append(words, p.Summary())
	}
	if len(visible(node.Children)) > 0 {
		words = append(words, "COMMAND")
	}
	if len(ctx.Flags()) > 0 {
		words = append(words, "[flags]")
	}
	return strings.Join(words, " ")
}

func visible(nodes []*kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n *kong.Node) bool { return n.Hidden })
}

func ownFlags(node *kong.Node) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(node.Flags), func(f *kong.Flag) bool { return f.Hidden })
}

func writeCommands(b *strings.Builder, node *kong.Node) {
	var rows [][2]string
	for _, c := range visible(node.Children) {
		rows = append(rows, [2]string{c.Name, c.Help})
	}
	writeColumns(b, "Commands", rows)
}

func writeArguments(b *strings.Builder, node *kong.Node) {
	var rows [][2]string
	for _, p := range node.Positional {
		rows = append(rows, [2]string{p.Summary(), p.Help})
	}
	writeColumns(b, "Arguments", rows)
}

func writeFlags(b *strings.Builder, title string, flags []*kong.Flag, sorted bool) {
	if sorted {
		slices.SortFunc(flags, func(x, y *kong.Flag) int { return strings.Compare(x.Name, y.Name) })
	}
	var rows [][2]string
	for _, f := range flags {
		rows = append(rows, [2]string{flagText(f), f.Help})
	}
	writeColumns(b, title, rows)
}

func flagText(f *kong.Flag) string {
	text := "    --"
	if f.Short != 0 {
		text = "-" + string(f.Short) + ", --"
	}
	if f.Tag.Negatable != "" {
		text += "[no-]"
	}
	text += f.Name
	if f.IsBool() {
		return text
	}
	if f.PlaceHolder != "" {
		return text + " " + f.PlaceHolder
	}
	return text + " " + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

func writeColumns(b *strings.Builder, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	width := 0
	for _, r := range rows {
		width = max(width, min(len(r[0]), 34))
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, r := range rows {
		fmt.Fprintf(b, "  %-*s  %s\n", width, r[0], r[1])
	}
}
