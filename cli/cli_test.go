package cli

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// fixture is a program with its own home directory, a fixed clock and no
// terminal.
type fixture struct {
	*Program
	out, err *bytes.Buffer
	env      map[string]string
}

func newFixture(t *testing.T, env map[string]string) *fixture {
	t.Helper()
	f := &fixture{out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: map[string]string{"LANG": "C.UTF-8"}}
	maps.Copy(f.env, env)
	home := t.TempDir()
	f.Program = &Program{
		Stdin: strings.NewReader(""), Stdout: f.out, Stderr: f.err,
		LookupEnv: func(name string) (string, bool) { v, ok := f.env[name]; return v, ok },
		Environ: func() []string {
			var out []string
			for name, v := range f.env {
				out = append(out, name+"="+v)
			}
			slices.Sort(out)
			return out
		},
		Now:     func() time.Time { return time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC) },
		NewID:   func() string { return "request-1" },
		WorkDir: home, Home: home, Version: "1.2.3",
	}
	return f
}

// run carries out a command line and checks its exit status.
func (f *fixture) run(t *testing.T, want int, args ...string) {
	t.Helper()
	f.out.Reset()
	f.err.Reset()
	if got := f.Run(context.Background(), args); got != want {
		t.Fatalf("belay %s: ended with %d, want %d\n%s%s", strings.Join(args, " "), got, want, f.out, f.err)
	}
}

// invocation returns one with the given flags, settled.
func (f *fixture) invocation(t *testing.T, flags globals) *invocation {
	t.Helper()
	in := &invocation{Program: f.Program, flags: flags}
	var err error
	if in.set, err = in.settle(); err != nil {
		t.Fatal(err)
	}
	return in
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if want := stored(t, path, got); got != want {
		t.Errorf("%s differs\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// stored is what a file holds; with UPDATE_GOLDEN set, got is written to it
// before.
func stored(t *testing.T, path, got string) string {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}

func mustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}

func mustNotContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%q is in:\n%s", p, text)
		}
	}
}

// Every command says how it is used, in words that it takes itself.
func TestExamples(t *testing.T) {
	exempt := []string{"__complete"}
	for _, leaf := range tree(t).Leaves(false) {
		if slices.Contains(exempt, leaf.Name) {
			continue
		}
		var lines []string
		for line := range strings.SplitSeq(leaf.Detail, "\n") {
			if _, command, ok := strings.Cut(line, "belay "); ok && strings.HasPrefix(line, "  ") {
				lines = append(lines, command)
			}
		}
		if len(lines) < 2 {
			t.Errorf("%s has %d examples, want at least 2", leaf.FullPath(), len(lines))
		}
		for _, line := range lines {
			checkExample(t, line)
		}
	}
}

func checkExample(t *testing.T, line string) {
	t.Helper()
	in := &invocation{Program: newFixture(t, nil).Program}
	exited := false
	parser, err := in.parser(context.Background(), &grammar{}, &exited)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(rewrite(shellWords(line))); err != nil {
		// Files and settings that an example names need not be here.
		if !strings.Contains(err.Error(), "cannot read the configuration") {
			t.Errorf("example belay %s: %v", line, err)
		}
	}
}

// shellWords splits as a shell does, as far as examples go: quotes, and an
// end at a pipe or a redirection.
func shellWords(s string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range s + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"' && !strings.Contains(s, `\"`):
			quote, begun = r, true
		case r == ' ' || r == ')':
			if begun || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		case r == '|' || r == '<' || r == '>':
			return words
		default:
			word.WriteRune(r)
		}
	}
	return words
}

func emptyApp() *kong.Application { return &kong.Application{Node: &kong.Node{}} }

func recordServe(into *ServeConfig) func(context.Context, ServeConfig, *Program) error {
	return func(_ context.Context, c ServeConfig, _ *Program) error {
		*into = c
		return nil
	}
}
