package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// globals are the flags that every command takes.
type globals struct {
	Context   string        `short:"c" placeholder:"NAME" help:"Use this context of the configuration file." complete:"context"`
	Server    string        `placeholder:"URL" help:"The server to speak to."`
	Org       string        `placeholder:"NAME" help:"The organization to act in." complete:"organization"`
	Workspace string        `short:"w" placeholder:"NAME" help:"Only what this workspace holds." complete:"workspace"`
	Output    string        `short:"o" placeholder:"FORMAT" help:"table, wide, tsv, json, yaml, name or csv; table on a terminal, else tsv." complete:"format"`
	JQ        string        `name:"jq" placeholder:"EXPR" help:"Filter the JSON with a jq expression."`
	Template  string        `placeholder:"TEXT" help:"Show the JSON through a Go template."`
	Fields    []string      `placeholder:"A,B" help:"Show only these fields, by their names in the JSON."`
	NoHeaders bool          `help:"Leave out the line of column names."`
	Quiet     bool          `short:"q" help:"Say nothing about what was done."`
	Verbose   bool          `short:"v" help:"Show each request on standard error."`
	Debug     bool          `help:"Show the headers too, without secrets."`
	NoInput   bool          `help:"Never ask; fail where an answer is needed."`
	Yes       bool          `short:"y" help:"Answer yes to questions."`
	Confirm   string        `placeholder:"NAME" help:"Confirm a deletion by the name of what is deleted."`
	DryRun    bool          `help:"Say what would change, and change nothing; what the server would refuse is refused."`
	Wait      bool          `negatable:"" default:"true" help:"Wait until the server has done it."`
	Timeout   time.Duration `placeholder:"30s" help:"How long to wait for one answer, or for the next part of one that comes in parts."`
	NoColor   bool          `help:"No colours."`
	CAFile    string        `name:"ca-file" type:"path" placeholder:"PATH" help:"Trust the certificate authorities in this PEM file."`
	RequestID string        `name:"request-id" placeholder:"ID" help:"Send this id with each request, to find it in the server's log."`

	Version versionFlag `help:"Show the version and end."`
}

// grammar is the tree of commands.
type grammar struct {
	globals

	Connection   connectionCommands   `cmd:"" aliases:"connections,conn,c" help:"External systems: register, test, change."`
	Credential   credentialCommands   `cmd:"" aliases:"credentials,cred" help:"The secrets that connections authenticate with."`
	Environment  environmentCommands  `cmd:"" aliases:"environments,env" help:"Groups of connections."`
	Workspace    workspaceCommands    `cmd:"" aliases:"workspaces,ws" help:"Where people and environments meet."`
	Team         teamCommands         `cmd:"" aliases:"teams" help:"Named sets of people, with whom workspaces are shared."`
	Organization organizationCommands `cmd:"" aliases:"organizations,org,orgs" help:"The tenants that you belong to."`
	Access       accessCommands       `cmd:"" help:"Who may do what, and why."`
	Token        tokenCommands        `cmd:"" aliases:"tokens" help:"Tokens by which programs are known."`
	Session      sessionCommands      `cmd:"" aliases:"sessions" help:"Browsers and programs in which you are signed in."`
	User         userCommands         `cmd:"" aliases:"users" help:"The users of the server on this machine."`
	Provider     providerCommands     `cmd:"" aliases:"providers" help:"Where the server's users come from."`
	Kind         kindCommands         `cmd:"" aliases:"kinds" help:"What a connection can connect to."`
	Login        loginCommand         `cmd:"" help:"Sign in to a server."`
	Logout       logoutCommand        `cmd:"" help:"Sign out of a server."`
	Whoami       whoami               `cmd:"" help:"Show who you are to the server."`
	Doctor       doctor               `cmd:"" help:"Look at the set-up of this command line and its sign-in, and say what is wrong."`
	Context      contextCommands      `cmd:"" aliases:"contexts,ctx" help:"The servers that you work with."`
	Config       configCommands       `cmd:"" help:"The settings in effect."`
	API          rawRequest           `cmd:"" name:"api" help:"Send one request to the server's API."`
	Serve        serve                `cmd:"" help:"Run the server."`
	Help         helpCommand          `cmd:"" help:"Help about a command or a topic."`
	Version      versionCommand       `cmd:"" help:"Show the version."`
	Completion   completion           `cmd:"" help:"Write a completion script for a shell."`
	Complete     complete             `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Complete a command line."`
}

func (in *invocation) parser(ctx context.Context, root *grammar, exited *bool) (*kong.Kong, error) {
	parser, err := kong.New(root,
		kong.Name("belay"),
		kong.Description("Connections to infrastructure, the credentials for them, and the environments and workspaces in which they are shared."),
		kong.Vars{"listed": strconv.Itoa(listed), "checksShown": strconv.Itoa(checksShown)},
		kong.Writers(in.Stdout, in.Stderr),
		kong.Exit(func(int) { *exited = true }),
		kong.Help(in.printHelp),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(in),
		kong.Resolvers(serveResolver{in}),
	)
	if err != nil {
		return nil, fmt.Errorf("build the command tree: %w", err)
	}
	parser.Model.HelpFlag.Help = "Show help about the command, with examples."
	return parser, nil
}

// rewrite turns what fingers know from elsewhere into this tree's words:
// "get connections" as kubectl has it, and --context of an import, which names
// a context of the kubeconfig.
func rewrite(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "get" && len(args) > 1 && !strings.HasPrefix(args[1], "-"):
		return rewriteGet(args[1], args[2:])
	}
	i := slices.Index(args, "import")
	if i < 0 || !slices.Contains(args[i:], "kubeconfig") {
		return args
	}
	out := slices.Clone(args)
	for j := i; j < len(out); j++ {
		if rest, ok := strings.CutPrefix(out[j], "--context"); ok && (rest == "" || rest[0] == '=') {
			out[j] = "--kube-context" + rest
		}
	}
	return out
}

func rewriteGet(noun string, rest []string) []string {
	verb := "list"
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		verb = "view"
	}
	return append([]string{noun, verb}, rest...)
}

// scanOutput finds --output in a command line that may not be readable
// otherwise, so that even the complaint about it has the wanted form.
func scanOutput(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--output="); ok {
			return v
		}
		if v, ok := strings.CutPrefix(a, "-o"); ok && v != "" {
			return strings.TrimPrefix(v, "=")
		}
		if (a == "-o" || a == "--output") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
