package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// ask puts a question on standard error and reads one line. The terminal is
// raw meanwhile, so that Ctrl-C ends the reading itself; it counts as no.
func (in *invocation) ask(question string, hidden bool) (string, error) {
	f, ok := in.Stdin.(*os.File)
	if !ok || !in.interactive() {
		return "", usage("%s cannot be asked for here", strings.TrimSpace(question))
	}
	state, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("prepare the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(f.Fd()), state) }()
	if in.tty == nil {
		in.tty = term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{f, in.Stderr}, "")
	}
	var line string
	if hidden {
		line, err = in.tty.ReadPassword(question)
	} else {
		in.tty.SetPrompt(question)
		line, err = in.tty.ReadLine()
	}
	if errors.Is(err, io.EOF) {
		_, _ = io.WriteString(in.Stderr, "\r\n") // the question's line was not ended
		return "", errGivenUp
	}
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if strings.ContainsRune(line, utf8.RuneError) { // which the terminal's reader puts for what is none
		return "", noText("the answer")
	}
	return line, nil
}

// askFor asks for a value that must not be empty, or names the flag that
// gives it where nobody can be asked.
func (in *invocation) askFor(what, flag string) (string, error) {
	if !in.interactive() {
		return "", usage("%s is missing", what).withHelp("give it with " + flag)
	}
	for {
		line, err := in.ask(upperFirst(what)+": ", false)
		if err != nil {
			return "", err
		}
		if line = strings.TrimSpace(line); line != "" {
			return line, nil
		}
	}
}

// deletion is something to be sure about.
type deletion struct {
	verb   string // "" is delete
	noun   string
	name   string
	severe bool // its name must be typed, a "y" is not enough
}

// confirmable refuses, before the first of several things is deleted, what
// could not confirm all of them.
func (in *invocation) confirmable(verb string, items []item) error {
	if len(items) < 2 || in.flags.DryRun {
		return nil
	}
	if in.set.protected {
		return in.confirmableHere()
	}
	switch {
	case in.flags.Confirm != "":
		return usage("--confirm names one thing, and there are %d to %s", len(items), verb).withHelp("confirm all of them: --yes")
	case !in.flags.Yes && !in.interactive():
		return usage("refusing to %s %d things without confirmation — pass --yes", verb, len(items)).withHelp("see what would happen: --dry-run")
	}
	return nil
}

// confirmableHere is confirmable in a protected context, whose name confirms
// whatever is done in it.
func (in *invocation) confirmableHere() error {
	name := in.set.context.text
	if in.flags.Confirm == name || in.flags.Confirm == "" && in.interactive() {
		return nil
	}
	return usage("the context %s is protected — pass --confirm %s", name, shellWord(name)).withHelp("see what would happen: --dry-run")
}

// confirm asks before something is deleted. In a protected context the
// context's name is what must be typed, and --yes is not enough.
func (in *invocation) confirm(d deletion) error {
	if in.flags.DryRun {
		return nil
	}
	want := d.name
	if in.set.protected {
		want = in.set.context.text
		d.severe = true
	}
	switch {
	case in.flags.Confirm == want:
		return nil
	case in.flags.Confirm != "":
		return usage("--confirm %s does not confirm this — it must be %s", in.flags.Confirm, want)
	case in.flags.Yes && !in.set.protected:
		return nil
	case !in.interactive():
		return usage("refusing to %s without confirmation — pass --confirm %s", cmp.Or(d.verb, "delete"), shellWord(want)).withHelp("see what would happen: --dry-run")
	}
	in.announce()
	return in.confirmByHand(d, want)
}

func (in *invocation) confirmByHand(d deletion, want string) error {
	question := fmt.Sprintf("%s %s %s? [y/N] ", upperFirst(cmp.Or(d.verb, "delete")), d.noun, printable(d.name))
	if d.severe {
		question = fmt.Sprintf("Type %s to confirm: ", printable(want))
	}
	answer, err := in.ask(question, false)
	if err != nil {
		return err
	}
	answer = strings.TrimSpace(answer)
	yes := strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
	if d.severe && answer != want || !d.severe && !yes {
		return errDeclined
	}
	return nil
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// shellWord quotes s for a POSIX shell where that is needed.
func shellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,="
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
