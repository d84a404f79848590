package cli

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// setting is a value in effect and where it came from.
type setting struct {
	text   string
	origin string
}

// settings are what a command line, the environment, .belay.yaml, the
// context and the defaults give together, the first that says something
// winning.
type settings struct {
	context   setting
	server    setting
	org       setting
	workspace setting
	output    setting
	caFile    setting
	pager     setting      // a command line; "" for none
	tokenFile setting      // of the context; only for the context's own server
	login     *loginConfig // likewise; nil: it was not signed in to
	own       bool         // the server is the context's own
	protected bool
	// clientCertificate and clientKey are files; those of the context are only
	// for the context's own server.
	clientCertificate, clientKey setting

	base *url.URL // server
}

const defaultServer = "http://127.0.0.1:9081"

func (in *invocation) settle() (*settings, error) {
	conf, err := in.loadConfig()
	if err != nil {
		return nil, err
	}
	project, err := in.loadProject()
	if err != nil {
		return nil, err
	}
	if in.configFile, err = in.configPath(); err != nil {
		return nil, err
	}
	s := &settings{context: first(
		setting{in.flags.Context, "--context"}, in.variable("BELAY_CONTEXT"),
		setting{project.Context, project.path}, setting{conf.Current, in.configFile})}
	ctx, known := conf.Contexts[s.context.text]
	if s.context.text != "" && !known && !in.contextOptional {
		return nil, unknownContext(s.context, conf)
	}
	ctx = in.unlessDataDir(s.context, ctx)
	in.settleContext(s, ctx, project, conf.Preferences)
	if s.base, err = parseServer(s.server.text); err != nil {
		return nil, asFailure(err).withHelp(s.server.found()...)
	}
	own, err := parseServer(ctx.Server)
	in.settleClient(s, ctx, own)
	if err == nil && known && sameOrigin(own, s.base) {
		s.tokenFile = setting{expandHome(in.Home, ctx.TokenFile), "context " + s.context.text}
		s.protected, s.login, s.own = ctx.Protected, ctx.Login, true
	}
	return s, nil
}

// unlessDataDir is the context c in effect, or nothing of it where
// BELAY_DATA_DIR names the server and the context was not named beside it: a
// context that was made current at some time is less than a variable. What it
// says, its token too, is for its own server; where that is the very one of the
// directory, it stays in effect.
func (in *invocation) unlessDataDir(from setting, c contextConfig) contextConfig {
	if in.env("BELAY_DATA_DIR") == "" || in.flags.Server != "" || in.env("BELAY_SERVER") != "" ||
		from.origin == "--context" || from.origin == "BELAY_CONTEXT" {
		return c
	}
	own, err := parseServer(c.Server)
	local, localErr := parseServer(in.localServer())
	if err == nil && localErr == nil && sameOrigin(own, local) {
		return c
	}
	return contextConfig{}
}

func (in *invocation) settleContext(s *settings, ctx contextConfig, project *projectConfig, pref preferences) {
	origin := "context " + s.context.text + " in " + in.configFile
	s.server = first(setting{in.flags.Server, "--server"}, in.variable("BELAY_SERVER"),
		setting{ctx.Server, origin}, setting{in.localServer(), filepath.Join(in.DataDir(), addressFile)}, setting{defaultServer, "default"})
	s.org = first(setting{in.flags.Org, "--org"}, in.variable("BELAY_ORG"),
		setting{project.Org, project.path}, setting{ctx.Org, origin})
	s.workspace = first(setting{in.flags.Workspace, "--workspace"}, in.variable("BELAY_WORKSPACE"),
		setting{project.Workspace, project.path}, setting{ctx.Workspace, origin})
	s.caFile = first(setting{in.flags.CAFile, "--ca-file"}, in.variable("BELAY_CA_FILE"),
		setting{expandHome(in.Home, ctx.CAFile), origin})
	s.output = first(setting{in.flags.Output, "--output"}, in.variable("BELAY_OUTPUT"),
		in.preferredOutput(pref), in.defaultOutput())
	s.pager = in.preferredPager(pref)
	if project.path != "" && (s.org.origin == project.path || s.workspace.origin == project.path || s.context.origin == project.path) {
		in.say(plain, "using %s", project.path)
	}
}

// preferredOutput is a person's preference, and so says nothing to a pipe.
func (in *invocation) preferredOutput(p preferences) setting {
	if !terminal(in.Stdout) {
		return setting{}
	}
	return setting{p.Output, in.configFile}
}

func (in *invocation) defaultOutput() setting {
	if terminal(in.Stdout) {
		return setting{formatTable, "default"}
	}
	return setting{formatTSV, "default, not a terminal"}
}

func (in *invocation) variable(name string) setting { return setting{in.env(name), name} }

// found says where a value that is refused came from, where that is not this
// command line.
func (s setting) found() []string {
	if s.origin == "" || strings.HasPrefix(s.origin, "-") || strings.HasPrefix(s.origin, "default") {
		return nil
	}
	return []string{"it is from " + s.origin}
}

func first(values ...setting) setting {
	for _, v := range values {
		if v.text != "" {
			return v
		}
	}
	return setting{origin: "not set"}
}

// knownContext refuses a context in effect that does not exist, where the
// settings were made without asking that.
func (in *invocation) knownContext() error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	name := in.set.context.text
	if _, known := conf.Contexts[name]; name != "" && !known {
		return unknownContext(in.set.context, conf)
	}
	return nil
}

// unknownContext refuses a context that is to be used and is not there.
func unknownContext(s setting, c *config) error {
	f := noContextCalled(s.text, c)
	f.what += " (from " + s.origin + ")"
	return f.withHelp("make it: belay context set " + shellWord(s.text) + " --server URL")
}

// noContextCalled says that there is no context of that name, and which there
// are.
func noContextCalled(name string, c *config) *failure {
	f := usage("there is no context %q", name)
	names := contextNames(c)
	if n, ok := nearest(name, names); ok {
		f.help = append(f.help, "did you mean: "+n)
	}
	if len(names) == 0 {
		return f.withHelp("there are no contexts yet")
	}
	return f.withHelp("there are: " + strings.Join(names, ", "))
}

// parseServer reads a server's address: scheme, host and perhaps a path
// under which it is served.
func parseServer(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, usage("%q is not the address of a server", withoutUser(s)).withHelp("it looks like https://belay.example or http://127.0.0.1:9081")
	case u.User != nil:
		return nil, usage("the address of the server must not hold a user or password").withHelp("see: belay help authentication")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, usage("the address of the server must not hold a query")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// withoutUser cuts out what stands before an @, which may be a password.
func withoutUser(s string) string {
	before, after, ok := strings.Cut(s, "@")
	if !ok {
		return s
	}
	scheme, _, ok := strings.Cut(before, "://")
	if !ok {
		return after
	}
	return scheme + "://" + after
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// loopback tells whether u is on this machine by its name alone, without
// asking DNS.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func expandHome(home, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return home + "/" + rest
	}
	return path
}
