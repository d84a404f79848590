package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// failure is how a command ends that does not end well. Every error that is
// none is shown as an unexpected one.
type failure struct {
	exit      int
	what      string   // "connection x was not deleted"
	why       string   // "" when what says it all
	help      []string // lines below, the most useful first
	remedies  []remedy // what a program gets in place of help; nil: made of help
	requestID string
	document  json.RawMessage // the server's problem document, if it sent one
	errors    []failedOne     // of several things, those with which it failed
	cause     error
}

// Error returns what and why in one line.
func (f *failure) Error() string {
	if f.why == "" {
		return f.what
	}
	return f.what + " — " + f.why
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

// errDeclined is a question answered with no.
var errDeclined = &failure{exit: exitInterrupted, what: "nothing was changed"}

// errGivenUp is a question that was not answered but ended by Ctrl-C, or by
// the end of the input. Nothing more is asked then.
var errGivenUp = &failure{exit: exitInterrupted, what: "nothing was changed"}

// errDryRun ends a command in place of its first change.
var errDryRun = errors.New("dry run")

// Failed is the error of a Serve that did not end well: what happened, why, and
// lines on what to do.
func Failed(what, why string, help ...string) error {
	return &failure{exit: exitFailed, what: what, why: why, help: help}
}

func usage(format string, args ...any) *failure {
	return &failure{exit: exitUsage, what: fmt.Sprintf(format, args...)}
}

// withHelp adds lines below the message.
func (f *failure) withHelp(lines ...string) *failure {
	f.help = append(f.help, lines...)
	return f
}

// report shows err and returns the exit status that it stands for.
func (in *invocation) report(err error) int {
	if err == nil || errors.Is(err, errDryRun) {
		return exitDone
	}
	f := asFailure(err)
	if in.structured() {
		writeIndented(in.Stderr, f.problem())
		return f.exit
	}
	in.reportText(f)
	return f.exit
}

// asFailure is an error as a failure; what is none is unexpected.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{exit: exitFailed, what: err.Error()}
}

// structured tells whether a program reads the output, which then wants to
// read the error too.
func (in *invocation) structured() bool {
	format := in.flags.Output
	if in.set != nil {
		format = in.set.output.text
	}
	return format == formatJSON
}

func (in *invocation) reportText(f *failure) {
	l := in.look(in.Stderr)
	in.line(l.paint(bad, "error:") + " " + in.plainText(f.Error()))
	for _, line := range f.help {
		in.line("  " + in.plainText(line))
	}
	if f.requestID != "" {
		in.line(l.paint(faint, "request: "+printable(f.requestID)))
	}
}

// problem is the server's problem document as it came, or one of our own in
// the same form (RFC 9457).
func (f *failure) problem() json.RawMessage {
	if f.document != nil {
		return f.document
	}
	doc := struct {
		Type        string          `json:"type"`
		Title       string          `json:"title"`
		Detail      string          `json:"detail,omitempty"`
		Code        string          `json:"code"`
		RequestID   string          `json:"requestId,omitempty"`
		Errors      []failedOne     `json:"errors,omitempty"`
		Remediation []writtenRemedy `json:"remediation,omitempty"`
	}{
		Type: "/docs/errors/" + exitName(f.exit), Title: f.what, Detail: f.why, Code: exitName(f.exit), RequestID: f.requestID,
		Errors: f.errors, Remediation: f.written(),
	}
	raw, err := verbatim(doc)
	if err != nil {
		return json.RawMessage(`{"title":"the error cannot be shown"}`)
	}
	return raw
}

// writtenRemedy is a remedy as the API writes it.
type writtenRemedy struct {
	ID          string `json:"id,omitempty"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Command     string `json:"command,omitempty"`
	Link        string `json:"link,omitempty"`
}

// written are the remedies as a program reads them.
func (f *failure) written() []writtenRemedy {
	var out []writtenRemedy
	for _, r := range f.remedies {
		out = append(out, writtenRemedy(r))
	}
	if len(f.remedies) > 0 {
		return out
	}
	for _, line := range f.help {
		if r := remedyOf(line); r != (writtenRemedy{}) {
			out = append(out, r)
		}
	}
	return out
}

// remedyOf is a line of help without its layout: what it leads to, and the
// command that it names.
func remedyOf(line string) writtenRemedy {
	line = strings.Join(strings.Fields(line), " ")
	title, command, ok := strings.Cut(line, ": ")
	switch {
	case strings.HasPrefix(line, "belay "), strings.HasPrefix(line, "kubectl "):
		return writtenRemedy{Title: "Run", Command: line}
	case ok && strings.HasPrefix(command, "belay "):
		return writtenRemedy{Title: upperFirst(title), Command: command}
	}
	return writtenRemedy{Title: line} // which may begin with a name
}

func writeIndented(w io.Writer, raw json.RawMessage) {
	raw = bytes.TrimSpace(raw)
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		b.Reset()
		b.Write(raw)
	}
	b.WriteByte('\n')
	_, _ = w.Write(b.Bytes())
}

// say tells a person what was done, in one line on standard error.
func (in *invocation) say(t tone, format string, args ...any) {
	if in.flags.Quiet {
		return
	}
	text := fmt.Sprintf(format, args...)
	if t != plain {
		in.line(in.look(in.Stderr).mark(t) + " " + in.plainText(text))
		return
	}
	in.line(in.plainText(text))
}

// plainText makes text safe to print, and ASCII where the terminal is.
func (in *invocation) plainText(s string) string {
	s = printable(s)
	if in.unicode() {
		return s
	}
	return strings.NewReplacer(" · ", ", ", "→", "->", "…", "...", " — ", " - ", "�", "?").Replace(s)
}

// line writes a line to standard error. That it cannot is nothing that could
// be told anybody.
func (in *invocation) line(text string) { _, _ = fmt.Fprintln(in.Stderr, text) }

// warn is said even when quiet.
func (in *invocation) warn(format string, args ...any) {
	l := in.look(in.Stderr)
	in.line(l.paint(warning, "warning:") + " " + in.plainText(fmt.Sprintf(format, args...)))
}
