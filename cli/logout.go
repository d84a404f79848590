package cli

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"belay"
)

type logoutCommand struct {
	All bool `help:"Of all contexts."`
}

// Help gives examples.
func (*logoutCommand) Help() string {
	return "The server ends the session, then its tokens are deleted here. They are deleted also where the server cannot be reached, which is said: then the session ends by itself, or with belay session revoke.\n\n" + examples(
		"belay logout --all", "belay logout --context prod")
}

// Run signs out.
func (c *logoutCommand) Run(ctx context.Context, in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	var names []string
	for _, name := range contextNames(conf) {
		if conf.Contexts[name].Login != nil && (c.All || name == in.set.context.text) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return in.notSignedIn(c.All)
	}
	if in.flags.DryRun {
		in.say(plain, "would sign out of %s — nothing was changed", strings.Join(names, ", "))
		return nil
	}
	var failed []failedOut
	for _, name := range names {
		cc := conf.Contexts[name]
		base, err := parseServer(cc.Server)
		if err == nil {
			err = in.signOut(ctx, base, cc)
		}
		cc.Login = nil
		conf.Contexts[name] = cc
		if err != nil {
			failed = append(failed, failedOut{name, err})
			continue
		}
		in.say(good, "Signed out of %s (context %s)", cc.Server, name)
	}
	if err := in.save(conf); err != nil {
		return err
	}
	in.sayWhoActs(conf)
	return stillSignedIn(failed)
}

// sayWhoActs names the way in that remains once the sign-in is gone: to have
// signed out is not always to be a stranger. It looks at what the next command
// finds.
func (in *invocation) sayWhoActs(conf *config) {
	if in.set.own {
		in.set.login = conf.Contexts[in.set.context.text].Login
	}
	if token, from, err := in.token(); err == nil && !token.IsZero() {
		in.say(warning, "commands now act by %s", from)
	}
}

// failedOut is a context whose session was not ended.
type failedOut struct {
	name string
	err  error
}

func stillSignedIn(failed []failedOut) error {
	if len(failed) == 0 {
		return nil
	}
	f := &failure{exit: exitFailed, what: "the tokens are deleted here, but the server has not ended the session"}
	for _, o := range failed {
		f.help = append(f.help, o.name+": "+asFailure(o.err).Error())
	}
	return f.withHelp("end it from elsewhere: belay session list, and belay session revoke ID", "or wait: it ends by itself within 30 days")
}

// notSignedIn says that there is nothing to sign out of.
func (in *invocation) notSignedIn(all bool) error {
	f := &failure{exit: exitSignIn, what: "nobody is signed in by belay login"}
	if all {
		return f
	}
	if in.set.context.text != "" {
		f.what += " in the context " + in.set.context.text
	}
	if token, from, err := in.token(); err == nil && !token.IsZero() {
		f.help = append(f.help, "the token in effect came from "+from, "to end that: belay token revoke")
	}
	return f.withHelp("sign out of all contexts: belay logout --all")
}

// signOut ends the session of a context at its server, and deletes its tokens
// here whatever comes of that.
func (in *invocation) signOut(ctx context.Context, base *url.URL, cc contextConfig) error {
	v, err := in.vaultOf(cc.Login.Storage)
	if err != nil {
		return err
	}
	return in.locked(func() error {
		s, err := v.load(cc.Login.ID)
		if err == nil {
			err = in.revoke(ctx, in.peerOf(base, cc), s)
		}
		if gone := v.remove(cc.Login.ID); gone != nil {
			in.warn("the tokens could not be deleted from %s: %v", in.storedIn(cc.Login.Storage), gone)
		}
		return err
	})
}

// endSignIn is signOut for one that was replaced.
func (in *invocation) endSignIn(ctx context.Context, l *loginConfig) {
	if err := in.signOut(ctx, in.set.base, contextConfig{
		Login: l, CAFile: in.set.caFile.text, ClientCertificate: in.set.clientCertificate.text, ClientKey: in.set.clientKey.text,
	}); err != nil {
		in.warn("the sign-in before was not ended at the server: %v", err)
	}
}

// revoke ends the session of a sign-in (RFC 7009). An API token that was
// handed in is somebody's own to revoke.
func (in *invocation) revoke(ctx context.Context, to peer, s signIn) error {
	if s.Refresh.IsZero() {
		return nil
	}
	own, err := parseServer(s.Server)
	if err != nil || !sameOrigin(own, to.base) {
		return &failure{exit: exitSignIn, what: "the sign-in is for another server"}
	}
	c, err := in.connect(to)
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	form := url.Values{"client_id": {belay.CommandLineClient}, "token": {string(s.Refresh.Reveal())}, "token_type_hint": {"refresh_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(to.base.String(), "/")+"/oauth/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", c.agent)
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err, req)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &failure{exit: exitFailed, what: "the server answered " + res.Status}
	}
	return nil
}

// forget deletes the tokens of a context that is deleted. The session goes on
// at the server, which is said.
func (in *invocation) forget(name string, l *loginConfig) {
	v, err := in.vaultOf(l.Storage)
	if err == nil {
		err = in.locked(func() error { return v.remove(l.ID) })
	}
	if err != nil {
		in.warn("the tokens of the context %s could not be deleted: %v", name, err)
		return
	}
	in.say(plain, "the tokens of %s are deleted; its session ends within 30 days, or by belay session revoke", name)
}

// locked does something with the sign-ins that no other process may disturb.
func (in *invocation) locked(do func() error) error {
	dir, err := in.configDir()
	if err != nil {
		return err
	}
	lock, err := lockFile(filepath.Join(dir, "credentials.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	return do()
}
