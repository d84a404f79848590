package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"belay"
)

// Program is everything that a command touches outside of itself. All of it
// must be set.
type Program struct {
	Stdin      io.Reader
	Stdout     io.Writer
	Stderr     io.Writer
	LookupEnv  func(string) (string, bool)
	Environ    func() []string // NAME=VALUE of every variable
	Now        func() time.Time
	NewID      func() string // a fresh id for a request
	Executable string        // by which it was started, as it was typed; "": belay
	WorkDir    string        // where the search for .belay.yaml begins
	Home       string        // the user's home directory
	Version    string        // of this program
	// Serve runs the server until ctx ends; it returns nil when it stopped
	// because of that.
	Serve   func(ctx context.Context, c ServeConfig, p *Program) error
	Keyring Keyring // where the system keeps secrets
	// SignInLink makes a link from a server's database and key.
	SignInLink SignInLinkMaker
}

// New returns the program as the operating system started it, but for Serve
// and SignInLink.
func New() *Program {
	wd, err := os.Getwd()
	if err != nil {
		wd = "" // there is then no .belay.yaml to find
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return &Program{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: os.LookupEnv, Environ: os.Environ, Now: time.Now, NewID: randomID,
		Executable: os.Args[0], WorkDir: wd, Home: home, Version: buildVersion(), Keyring: systemKeyring{},
	}
}

// CommandWord is how a command line of this program begins, so that it can be
// typed: belay, if a shell finds this program by that name, else its path.
func (p *Program) CommandWord() string {
	const name = "belay"
	if p.Executable == "" {
		return name
	}
	own, err := os.Stat(p.Executable)
	if found, lookErr := exec.LookPath(name); err == nil && lookErr == nil {
		if other, err := os.Stat(found); err == nil && os.SameFile(own, other) {
			return name
		}
	}
	if !strings.ContainsRune(p.Executable, filepath.Separator) {
		return name // found on the path of whoever started it
	}
	return shellWord(p.Executable)
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func (p *Program) env(name string) string {
	v, _ := p.LookupEnv(name)
	return v
}

// Run carries out one command line, args without the program's name, and
// returns the exit status. When ctx ends, it stops waiting and returns 130.
func (p *Program) Run(ctx context.Context, args []string) int {
	in := &invocation{Program: p}
	err := in.guarded(ctx, args)
	if ctx.Err() != nil && err != nil && in.http != nil {
		err = &failure{exit: exitInterrupted, what: "interrupted", help: in.onInterrupt}
	}
	in.warnOfEnd(err)
	return in.report(err)
}

// invocation is one execution of one command.
type invocation struct {
	*Program
	flags globals
	set   *settings
	http  *client
	// configFile is the path of the configuration file.
	configFile string
	// command is the one that is carried out.
	command *kong.Node
	// contextOptional is set where the context in effect may be one that does
	// not exist: it is about to be made or left, or is not used. One that
	// --context names must exist.
	contextOptional bool
	orgID           string         // of the organization in effect, once it is known
	announced       bool           // where changes are made has been said
	gathered        *gathered      // the document of several things, while it comes about
	unsettled       error          // why there are no settings, for what tells that itself
	kept            *keeper        // of the sign-in, once it was looked up
	tty             *term.Terminal // once something has been asked; it holds what was typed ahead
	// onInterrupt says what goes on at the server when the user stops
	// waiting now.
	onInterrupt []string
}

// guarded keeps a fault of ours from covering the screen.
func (in *invocation) guarded(ctx context.Context, args []string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = in.crashed(v)
		}
	}()
	return in.run(ctx, args)
}

func (in *invocation) crashed(v any) error {
	f := &failure{exit: exitFailed, what: "belay has crashed", why: "this is a fault of the program, not of yours"}
	log, err := os.CreateTemp("", "belay-crash-*.log") // readable by its owner only
	if err != nil {
		return f
	}
	_, err = fmt.Fprintf(log, "belay %s\n%v\n\n%s", in.Version, v, debug.Stack())
	if errors.Join(err, log.Close()) == nil {
		f.help = append(f.help, "what happened is in "+log.Name(), "please report it with that file")
	}
	return f
}

func (in *invocation) run(ctx context.Context, args []string) error {
	args = rewrite(args)
	var root grammar
	exited := false // by --help or --version, which kong goes on after
	parser, err := in.parser(ctx, &root, &exited)
	if err != nil {
		return err
	}
	in.flags.Output = scanOutput(args)
	if err := refuseSecrets(args, parser.Model); err != nil {
		return err
	}
	if err := refuseNoText(args); err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited {
		return nil
	}
	if err != nil {
		return parseFailure(err)
	}
	if err := refuseEmpty(parsed); err != nil {
		return err
	}
	if err := refuseTwice(parsed); err != nil {
		return err
	}
	in.flags, in.command = root.globals, parsed.Selected()
	if err := in.prepare(parsed.Command()); err != nil {
		return err
	}
	defer in.closeClient()
	if err := in.checkSignIn(ctx, parsed.Command()); err != nil {
		return err
	}
	return parsed.Run()
}

// strangers are the commands that work for who is not signed in.
var strangers = []string{
	"help", "completion", "serve", "__complete", "user", "version", "context", "config", "login", "logout", "doctor", "provider", "api",
}

// checkSignIn asks the server whether it lets the caller in before a command
// asks him anything: nobody is to answer questions and to learn then that he is
// not signed in. Where there is nobody to ask, the first request tells it.
func (in *invocation) checkSignIn(ctx context.Context, command string) error {
	noun, rest, _ := strings.Cut(command, " ")
	verb, _, _ := strings.Cut(rest, " ")
	asks := slices.Contains([]string{"create", "import", "edit", "rotate", "delete"}, verb)
	if slices.Contains(strangers, noun) || !asks || !in.interactive() {
		return nil
	}
	c, err := in.client()
	if err != nil {
		return err
	}
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/api/user"})
	return err
}

// checkTogether refuses flags of which one would go unheard, and an id that
// no server takes.
func (in *invocation) checkTogether() error {
	f := in.flags
	switch {
	case len(f.Fields) > 0 && f.JQ != "":
		return usage("--fields and --jq exclude each other")
	case len(f.Fields) > 0 && f.Template != "":
		return usage("--fields and --template exclude each other")
	case f.Output != "" && f.Template != "":
		return usage("--output and --template exclude each other")
	case f.RequestID != "" && !belay.ValidRequestID(f.RequestID):
		return usage("--request-id must be %s, as the server takes it", belay.RequestIDRule)
	}
	return nil
}

// prepare settles what the command builds on. A server, a help text and a
// script need nothing of it, and must not fail for a client's settings.
func (in *invocation) prepare(command string) error {
	noun, rest, _ := strings.Cut(command, " ")
	if noun == "user" && strings.HasPrefix(rest, "sign-in-link") {
		return nil
	}
	switch noun {
	case "help", "completion", "serve", "__complete":
		return nil
	}
	in.contextOptional = noun == "login" || in.flags.Context == "" && (noun == "context" || noun == "version" || noun == "logout")
	var err error
	if in.set, err = in.settle(); err != nil && noun == "doctor" {
		in.unsettled, in.set = err, &settings{output: first(setting{in.flags.Output, "--output"}, in.defaultOutput())}
	} else if err != nil {
		return err
	}
	if err := in.checkOutput(); err != nil {
		return err
	}
	if err := in.checkTogether(); err != nil {
		return err
	}
	return in.checkFields(command)
}
