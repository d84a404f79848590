package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"belay"
)

type loginCommand struct {
	URL             string `arg:"" optional:"" name:"url" help:"The server, such as ops.example.com; without it, the one in effect."`
	Web             bool   `xor:"way" help:"Sign in with the browser of this machine."`
	Device          bool   `xor:"way" help:"Sign in with the browser of another device, by a code."`
	WithToken       bool   `xor:"way" help:"Read an API token from standard input."`
	Name            string `placeholder:"CONTEXT" help:"The context to store it in; called after the server without it."`
	InsecureStorage bool   `help:"Store the tokens in a file that only you can read, in place of the system keyring."`
}

// Help gives examples.
func (*loginCommand) Help() string {
	return "You sign in at the server's own page, by any of its providers, and allow this command line to act for you. The tokens are kept in the system keyring; where there is none, in a file, but only if you say so. They are renewed as long as they are used once in 30 days, for 90 days.\n\n" + examples(
		"belay login https://belay.example --device --insecure-storage", "belay login https://belay.example --with-token --insecure-storage < run/token")
}

// Run signs in, and makes the context current.
func (c *loginCommand) Run(ctx context.Context, in *invocation) error {
	if err := c.chooseServer(in); err != nil {
		return err
	}
	if in.flags.DryRun {
		in.say(plain, "would sign in to %s — nothing was changed", in.set.server.text)
		return errDryRun
	}
	name, err := c.contextName(in)
	if err != nil {
		return err
	}
	stored, err := c.chooseStorage(in)
	if err != nil {
		return err
	}
	s, err := c.signIn(ctx, in)
	if err != nil {
		return err
	}
	return in.keepSignIn(ctx, name, stored, s)
}

// chooseServer makes the server that is named the one in effect.
func (c *loginCommand) chooseServer(in *invocation) error {
	if c.URL == "" {
		return nil
	}
	in.flags.Server = c.URL
	if !strings.Contains(c.URL, "://") {
		scheme := "https://"
		if host, _, err := net.SplitHostPort(c.URL); loopbackName(cmp.Or(host, c.URL)) && (err == nil || loopbackName(c.URL)) {
			scheme = "http://"
		}
		in.flags.Server = scheme + c.URL
	}
	var err error
	in.set, err = in.settle()
	return err
}

// contextName is the context to sign in to: the one that is named, else the
// current one or another of that server, else a new one with its host's name.
func (c *loginCommand) contextName(in *invocation) (string, error) {
	conf, err := in.loadConfig()
	if err != nil {
		return "", err
	}
	if c.Name != "" {
		return c.Name, nil
	}
	of := func(name string) bool {
		own, err := parseServer(conf.Contexts[name].Server)
		return err == nil && sameOrigin(own, in.set.base) && own.Path == in.set.base.Path
	}
	if name := in.set.context.text; of(name) || in.flags.Context != "" {
		return name, nil
	}
	names := contextNames(conf)
	if i := slices.IndexFunc(names, of); i >= 0 {
		return names[i], nil
	}
	host := in.set.base.Hostname()
	short, _, _ := strings.Cut(host, ".")
	switch {
	case loopback(in.set.base):
		short = "local"
	case net.ParseIP(host) != nil:
		short = host
	}
	if slices.Contains(names, short) {
		return in.set.base.Host, nil
	}
	return short, nil
}

// chooseStorage finds out where the tokens can be kept before there are any, so
// that none are lost.
func (c *loginCommand) chooseStorage(in *invocation) (string, error) {
	path, err := in.credentialsPath()
	if err != nil || c.InsecureStorage {
		return keptInFile, err
	}
	why := keyringVault{in.Keyring}.probe()
	if why == nil {
		return keptInKeyring, nil
	}
	file := in.shortPath(path)
	if !in.interactive() {
		f := usage("there is no keyring on this machine to store the token in — %s", innermost(why))
		return "", f.withHelp("store it in "+file+", readable only by you: --insecure-storage", "or use a token without storing it: BELAY_TOKEN, or BELAY_TOKEN_FILE")
	}
	in.say(warning, "No keyring on this machine (%s).", innermost(why))
	answer, err := in.ask("Store the token in "+file+" (0600)? [y/N] ", false)
	if err != nil {
		return "", err
	}
	if answer = strings.TrimSpace(answer); !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return "", errDeclined
	}
	return keptInFile, nil
}

// signIn gets the tokens in the way that is asked for, or that this machine
// has.
func (c *loginCommand) signIn(ctx context.Context, in *invocation) (signIn, error) {
	if c.WithToken {
		return in.tokenFromStdin()
	}
	client, err := in.connect(in.set.peer())
	if err != nil {
		return signIn{}, err
	}
	defer client.http.CloseIdleConnections()
	client.http.Timeout = client.patience(request{})
	f := &signingIn{in: in, config: oauthConfig(in.set.base), client: client}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, f.client.http)
	web := c.Web || !c.Device && in.hasBrowser()
	if !c.Web && !c.Device && !in.interactive() {
		return signIn{}, usage("signing in needs a person, and there is no terminal").withHelp(
			"with a browser on this machine: --web; on another device: --device", "with a token on standard input: --with-token; without storing it: BELAY_TOKEN")
	}
	provider, err := f.chooseProvider(ctx)
	if err != nil {
		return signIn{}, err
	}
	t, err := f.run(ctx, web, provider)
	if err != nil {
		return signIn{}, err
	}
	return signInOf(in.set.server.text, t, in.Now()), nil
}

// hasBrowser tells whether a browser on this machine can be seen by who sits
// at the terminal.
func (in *invocation) hasBrowser() bool {
	if in.env("SSH_CONNECTION") != "" || in.env("SSH_TTY") != "" {
		return false
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || in.env("BROWSER") != "" {
		return true
	}
	return in.env("DISPLAY") != "" || in.env("WAYLAND_DISPLAY") != ""
}

func (in *invocation) tokenFromStdin() (signIn, error) {
	if terminal(in.Stdin) {
		line, err := in.ask("Token: ", true)
		if err != nil {
			return signIn{}, err
		}
		t, err := tokenIn("what was typed", []byte(line))
		return signIn{Server: in.set.server.text, Access: t}, err
	}
	b, err := io.ReadAll(io.LimitReader(in.Stdin, maxToken))
	if err != nil {
		return signIn{}, usage("cannot read the token from standard input — %v", err)
	}
	t, err := tokenIn("standard input", b)
	return signIn{Server: in.set.server.text, Access: t}, err
}

// keepSignIn stores a sign-in, makes its context current and says as whom one
// is signed in.
func (in *invocation) keepSignIn(ctx context.Context, name, storage string, s signIn) error {
	me, orgs, err := in.whoIs(ctx, s.Access)
	if err != nil {
		return err
	}
	login := &loginConfig{ID: newLoginID(), Storage: storage, User: me}
	if err := in.storeSignIn(login, s); err != nil {
		return err
	}
	var before *loginConfig
	_, err = in.updateContext(name, func(c *contextConfig) {
		before = c.Login
		c.Server, c.Login, c.TokenFile = in.set.server.text, login, ""
		if in.set.caFile.text != "" && in.flags.CAFile != "" {
			c.CAFile = in.flags.CAFile
		}
	})
	if err != nil {
		return err
	}
	if before != nil {
		in.endSignIn(ctx, before) // it was replaced; what goes wrong is not about this one
	}
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	conf.Current = name
	if err := in.save(conf); err != nil {
		return err
	}
	in.say(good, "Signed in as %s%s", me, orgs)
	in.say(plain, "  Token stored in %s · context %q is now current", in.storedIn(storage), name)
	if in.env("BELAY_TOKEN") != "" || in.env("BELAY_TOKEN_FILE") != "" {
		in.warn("BELAY_TOKEN or BELAY_TOKEN_FILE is set, and is used in place of this sign-in")
	}
	in.say(plain, "Next: belay connection list")
	return nil
}

func (in *invocation) storeSignIn(l *loginConfig, s signIn) error {
	v, err := in.vaultOf(l.Storage)
	if err != nil {
		return err
	}
	if err := in.locked(func() error { return v.store(l.ID, s) }); err != nil {
		f := &failure{exit: exitFailed, what: "the token cannot be stored in " + in.storedIn(l.Storage), why: err.Error(), cause: err}
		return f.withHelp("store it in a file: --insecure-storage")
	}
	return nil
}

// whoIs asks the server whose a token is, and in which organization.
func (in *invocation) whoIs(ctx context.Context, token belay.Secret) (email, organization string, err error) {
	before := in.http
	defer func() { in.http = before }()
	in.http, in.set.tokenFile = nil, setting{}
	c, err := in.clientWith(token, "this sign-in")
	if err != nil {
		return "", "", err
	}
	defer c.http.CloseIdleConnections()
	res, err := c.do(ctx, request{method: http.MethodGet, path: "/api/user"})
	if err != nil {
		return "", "", err
	}
	me, err := newItem(res.body)
	if err != nil {
		return "", "", err
	}
	if res, err := c.do(ctx, request{method: http.MethodGet, path: "/api/identity/orgs"}); err == nil {
		var page struct {
			Organizations []struct{ Name string } `json:"organizations"`
		}
		if res.decode(&page) == nil && len(page.Organizations) == 1 {
			organization = " · organization " + page.Organizations[0].Name
		}
	}
	return me.text("email"), organization, nil
}

// refusedGrant is a refusal of the server, or that there was no answer.
func (f *signingIn) refusedGrant(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case ok && refused.ErrorCode == "access_denied":
		return &failure{exit: exitInterrupted, what: "the server was told no", why: "nobody is signed in"}
	case ok && refused.ErrorCode == "expired_token":
		return (&failure{exit: exitPartly, what: "nobody has allowed this in time"}).withHelp("begin again: " + f.in.loginCommand())
	case ok && refused.ErrorCode != "":
		return &failure{exit: exitSignIn, what: "the server does not sign in", why: refused.ErrorDescription}
	case ok:
		f := &failure{exit: exitFailed, what: "the server answered " + refused.Response.Status, why: "this is not an answer of Belay's"}
		return f.withHelp("is the address right? see: belay config list --show-origin", "a server of an earlier version has no sign-in for programs; use a token: --with-token")
	case errors.Is(err, context.DeadlineExceeded):
		return (&failure{exit: exitPartly, what: "nobody has allowed this in time"}).withHelp("begin again: " + f.in.loginCommand())
	}
	return f.client.unreachable(err, &http.Request{Method: http.MethodGet, Header: http.Header{}})
}

// maxToken bounds what is read as a token, in bytes.
const maxToken = 4096

// loginPatience is how long it is waited for somebody to allow it.
const loginPatience = 10 * time.Minute
