package cli

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func tree(t *testing.T) *kong.Node {
	t.Helper()
	in := &invocation{Program: newFixture(t, nil).Program}
	exited := false
	parser, err := in.parser(t.Context(), &grammar{}, &exited)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// docs/cli.md is what go generate makes of the commands as they are.
func TestReferenceIsCurrent(t *testing.T) {
	if got := markdown(tree(t)); got != stored(t, "../docs/cli.md", got) {
		t.Error("docs/cli.md is not what the commands are: go generate ./cli")
	}
}

// Each command has a page, in which nothing is taken for a request of roff.
func TestManPages(t *testing.T) {
	requests := []string{".TH ", ".SH ", ".B ", ".TP", ".nf", ".fi"}
	for _, n := range append(leaves(tree(t)), tree(t)) {
		page := manPage(n, "1.2.3")
		for line := range strings.Lines(page) {
			known := false
			for _, r := range requests {
				known = known || strings.HasPrefix(line, r)
			}
			if (strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'")) && !known {
				t.Errorf("%s: %q", commandName(n), line)
			}
		}
		if _, err := exec.LookPath("groff"); err == nil {
			cmd := exec.CommandContext(t.Context(), "groff", "-man", "-Tutf8", "-ww", "-z")
			cmd.Stdin = strings.NewReader(page)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v\n%s", commandName(n), err, out)
			}
		}
	}
}

// Each argument and each flag is explained in a sentence, with nothing left in
// it for somebody to fill in.
func TestHelpIsWhole(t *testing.T) {
	check := func(n *kong.Node, what, help string) {
		if !strings.HasSuffix(help, ".") || strings.Contains(help, "${") || strings.Contains(help, "  ") {
			t.Errorf("%s %s: %q", commandName(n), what, help)
		}
	}
	for _, n := range append(leaves(tree(t)), tree(t)) {
		check(n, "", n.Help)
		for _, p := range n.Positional {
			check(n, p.Name, p.Help)
		}
		for _, f := range ownFlags(n) {
			check(n, "--"+f.Name, f.Help)
			if f.HasDefault && !f.IsBool() && !strings.Contains(f.Help, f.Default) && f.Default != "" {
				t.Errorf("%s --%s: %q does not say that it is %s without it", commandName(n), f.Name, f.Help, f.Default)
			}
		}
	}
}
