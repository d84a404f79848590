package cli

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"belay"
)

// renewEarly is how long before its end an access token is not used any more.
const renewEarly = 20 * time.Second

// renewPatience is how long the server may take to renew a token. It is not
// cut short by Ctrl-C: a token that was spent and not stored is lost.
const renewPatience = 30 * time.Second

// keeper keeps the sign-in of a context fresh. It is safe for concurrent use,
// also by several processes.
type keeper struct {
	vault vault
	id    string
	lock  string // path
	again string // the command that signs in again
	base  *url.URL
	http  *http.Client
	now   func() time.Time
	warn  func(format string, args ...any)

	mu  sync.Mutex
	cur signIn
}

// keeper is that of the context in effect, which was signed in to.
func (in *invocation) keeper() (*keeper, error) {
	if in.kept != nil {
		return in.kept, nil
	}
	l := in.set.login
	v, err := in.vaultOf(l.Storage)
	if err != nil {
		return nil, err
	}
	dir, err := in.configDir()
	if err != nil {
		return nil, err
	}
	k := &keeper{vault: v, id: l.ID, lock: filepath.Join(dir, "credentials.lock"), again: in.loginCommand(), base: in.set.base, now: in.Now, warn: in.warn}
	if k.cur, err = v.load(l.ID); err != nil {
		f := &failure{exit: exitSignIn, what: "the sign-in of this context cannot be had from " + in.storedIn(l.Storage), why: err.Error(), cause: err}
		return nil, f.withHelp("sign in again: " + k.again)
	}
	if own, err := parseServer(k.cur.Server); err != nil || !sameOrigin(own, in.set.base) {
		f := &failure{exit: exitSignIn, what: "the sign-in of this context is for another server"}
		return nil, f.withHelp("sign in again: " + k.again)
	}
	in.kept = k
	return k, nil
}

func (k *keeper) current() belay.Secret {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cur.Access
}

// loginCommand signs in to the server and the context in effect.
func (in *invocation) loginCommand() string {
	words := []string{"belay", "login", in.set.server.text}
	if name := in.set.context.text; name != "" && in.set.own {
		words = append(words, "--name", name)
	}
	return belay.CommandLine(words...)
}

// access is a token that is good for some time still.
func (k *keeper) access(ctx context.Context) (belay.Secret, error) {
	k.mu.Lock()
	cur := k.cur
	k.mu.Unlock()
	if k.fresh(cur) {
		return cur.Access, nil
	}
	return k.renew(ctx, cur.Access)
}

// renewable tells whether it is a sign-in by a browser; an API token that was
// handed in is as it is.
func (k *keeper) renewable() bool { return !k.cur.Refresh.IsZero() }

func (k *keeper) fresh(s signIn) bool { return k.now().Before(s.AccessExpires.Add(-renewEarly)) }

// renew is another token than one that is not good any more: the one that
// somebody else has got meanwhile, or one that the server is asked for.
func (k *keeper) renew(ctx context.Context, used belay.Secret) (belay.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.cur.Access.Equal(used) {
		return k.cur.Access, nil
	}
	lock, err := lockFile(k.lock)
	if err != nil {
		return belay.Secret{}, err
	}
	defer lock.Close()
	stored, err := k.vault.load(k.id)
	if err != nil {
		return belay.Secret{}, k.ended(err.Error())
	}
	if !stored.Access.Equal(used) && k.fresh(stored) {
		k.cur = stored
		return stored.Access, nil
	}
	next, err := k.refresh(ctx, stored)
	if err != nil {
		return belay.Secret{}, err
	}
	k.cur = next
	if err := k.vault.store(k.id, next); err != nil {
		k.warn("the renewed sign-in cannot be stored, and will have to be made again: %v", err)
	}
	return next.Access, nil
}

func (k *keeper) refresh(ctx context.Context, s signIn) (signIn, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewPatience)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, k.http)
	t, err := oauthConfig(k.base).TokenSource(ctx, &oauth2.Token{RefreshToken: string(s.Refresh.Reveal())}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
		return signIn{}, k.ended(refused.ErrorDescription)
	}
	if err != nil {
		return signIn{}, err
	}
	return signInOf(s.Server, t, k.now()), nil
}

// ended says that one has to sign in again, and how.
func (k *keeper) ended(why string) error {
	f := &failure{exit: exitSignIn, what: "the sign-in to " + k.base.Host + " has ended", why: why}
	return f.withHelp("sign in again: " + k.again)
}

// oauthConfig is the command line as a client of a server.
func oauthConfig(base *url.URL) *oauth2.Config {
	root := strings.TrimSuffix(base.String(), "/")
	return &oauth2.Config{
		ClientID: belay.CommandLineClient,
		Endpoint: oauth2.Endpoint{
			AuthURL: root + "/oauth/authorize", TokenURL: root + "/oauth/token", DeviceAuthURL: root + "/oauth/device", AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// signInOf is what a server has answered.
func signInOf(server string, t *oauth2.Token, now time.Time) signIn {
	s := signIn{
		Server: server, Access: belay.SecretString(t.AccessToken), Refresh: belay.SecretString(t.RefreshToken),
		AccessExpires: now.Add(time.Duration(t.ExpiresIn) * time.Second),
	}
	if seconds, ok := t.Extra("refresh_token_expires_in").(float64); ok {
		s.Ends = now.Add(time.Duration(seconds) * time.Second)
	}
	return s
}
