package cli

import (
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// terminal tells whether a stream is one.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// interactive tells whether a question may be asked: somebody must be there
// to read it and to answer.
func (in *invocation) interactive() bool {
	if in.flags.NoInput || in.env("CI") != "" || truthy(in.env("BELAY_NO_INPUT")) {
		return false
	}
	return terminal(in.Stdin) && terminal(in.Stderr)
}

// truthy reads a variable that switches something on.
func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// look is how a stream shows text.
type look struct {
	color    bool
	unicode  bool
	relative bool // times as "18m", not as dates
	symbols  bool // marks beside status words
	width    int  // that a table must keep to; 0 is any
}

func (in *invocation) look(stream io.Writer) look {
	tty := terminal(stream)
	return look{color: in.color(tty), unicode: in.unicode(), relative: tty, symbols: true}
}

// screenSize is how many columns and lines the terminal at a stream has; 0
// for no terminal, for which nothing is shortened.
func screenSize(stream any) (columns, lines int) {
	f, ok := stream.(*os.File)
	if !ok || !terminal(f) {
		return 0, 0
	}
	columns, lines, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, lines
}

func (in *invocation) color(tty bool) bool {
	if in.flags.NoColor || in.env("NO_COLOR") != "" || in.env("TERM") == "dumb" {
		return false
	}
	if truthy(in.env("CLICOLOR_FORCE")) {
		return true
	}
	return tty && in.env("CLICOLOR") != "0"
}

func (in *invocation) unicode() bool {
	if runtime.GOOS == "windows" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := in.env(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// tone is what a text means, and so its colour.
type tone int

const (
	plain tone = iota
	good
	warning
	bad
	faint
	strong
)

// escapes are colours of the 16-colour palette (ECMA-48, SGR), which every
// terminal's theme keeps readable.
func (t tone) escape() string {
	switch t {
	case good:
		return "\x1b[32m"
	case warning:
		return "\x1b[33m"
	case bad:
		return "\x1b[31m"
	case faint:
		return "\x1b[2m"
	case strong:
		return "\x1b[1m"
	case plain:
	}
	return ""
}

func (l look) paint(t tone, s string) string {
	if !l.color || t == plain || s == "" {
		return s
	}
	return t.escape() + s + "\x1b[0m"
}

// mark is the sign that stands beside a word, so that colour never carries
// meaning alone.
func (l look) mark(t tone) string {
	unicode := map[tone]string{good: "✓", warning: "!", bad: "x", faint: "-"}
	ascii := map[tone]string{good: "+", warning: "!", bad: "x", faint: "-"}
	if l.unicode {
		return l.paint(t, unicode[t])
	}
	return l.paint(t, ascii[t])
}
