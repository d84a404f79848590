package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"belay"
	"belay/cli"
	"belay/keypair"
	"belay/server"
)

// serve runs the server until ctx ends, and prints where it is and, at the
// first start, how to get in.
func serve(ctx context.Context, c cli.ServeConfig, p *cli.Program) error {
	s, err := server.Start(ctx, serverConfig(c, p))
	if err != nil {
		return notStarted(err)
	}
	announce(p.Stdout, s, p.DataDirPrefix(c.DataDir)+p.CommandWord())
	announceToken(p.Stdout, s, c, p)
	if c.TLS.Certificate != "" {
		defer reloadOnHangup(ctx, s)()
	}
	select {
	case <-ctx.Done():
		if err := s.Close(); err != nil {
			return cli.Failed("the server did not stop well", err.Error())
		}
		_, _ = fmt.Fprintln(p.Stdout, "Belay has stopped")
		return nil
	case err := <-s.Failed():
		return cli.Failed("the server stopped by itself", errors.Join(err, s.Close()).Error())
	}
}

// reloadOnHangup has the server read its TLS files at each SIGHUP, until what
// it returns is called. A server without TLS has nothing to read, and ends.
func reloadOnHangup(ctx context.Context, s *server.Server) (stop func()) {
	hangup, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for range hangup {
			s.ReloadTLS(ctx)
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-ended
	}
}

// signInLink makes a link from the database and the key of a server.
func signInLink(ctx context.Context, c cli.ServeConfig, email string, p *cli.Program) (belay.Secret, string, error) {
	link, user, err := server.SignInLink(ctx, serverConfig(c, p), email)
	if e, ok := errors.AsType[*server.StartError](err); ok {
		return link, "", cli.Failed("no link can be made", e.Err.Error(), e.Help...)
	}
	if err != nil {
		return link, "", cli.Failed("no link can be made", err.Error())
	}
	return link, user.Email, nil
}

// notStarted says why the server does not start, and what to do.
func notStarted(err error) error {
	const what = "the server does not start"
	if e, ok := errors.AsType[*server.StartError](err); ok {
		return cli.Failed(what, e.Err.Error(), e.Help...)
	}
	return cli.Failed(what, err.Error())
}

func serverConfig(c cli.ServeConfig, p *cli.Program) server.Config {
	key, _ := p.LookupEnv("BELAY_KEY")
	conf := server.Config{
		Listen: c.Listen, PublicURL: c.PublicURL, EgressLoopback: c.EgressLoopback, DataDir: c.DataDir, Database: c.Database, KeyFile: c.KeyFile,
		Key: belay.SecretString(key), EgressAllow: c.EgressAllow, EgressDeny: c.EgressDeny,
		Lifetimes: server.Lifetimes{Token: c.TokenMaxLife, Session: c.SessionLife, SessionIdle: c.SessionIdle},
		Provider:  c.Provider, Providers: c.Providers, Clients: c.Clients, Faults: c.Faults,
		TLS: keypair.Files{
			Certificate: c.TLS.Certificate, Key: c.TLS.Key, ClientCA: c.TLS.ClientCA, RequireClient: c.TLS.RequireClient,
		},
		InsecureHTTP: c.InsecureHTTP, NewAdminToken: c.NewAdminToken, Version: p.Version, Log: newLog(p.Stderr, c), Clock: p.Now,
	}
	if c.DiscoverKubeconfig && p.Home != "" {
		conf.Kubeconfig = filepath.Join(p.Home, ".kube", "config")
	}
	return conf
}

func newLog(w io.Writer, c cli.ServeConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// announce says where the server is. The sign-in link is for the person at
// the terminal, and stands nowhere else. Commands begin with word.
func announce(w io.Writer, s *server.Server, word string) {
	_, _ = fmt.Fprintf(w, "Belay is ready at %s\n", s.URL())
	if s.PublicURL() != s.URL() {
		_, _ = fmt.Fprintf(w, "Others reach it at %s\n", s.PublicURL())
	}
	if !s.EgressLoopback() {
		_, _ = fmt.Fprintln(w, "Connections reach this machine's loopback addresses only where --egress-allow names them")
	}
	if s.First == nil {
		return
	}
	_, _ = fmt.Fprintf(w, "\nThis is the first start.\n"+
		"  Command line on this machine:  %s connection list   (signed in by %s)\n"+
		"  Browser, once:                 %s\n", word, s.First.TokenFile, s.First.SignInLink.Reveal())
	if n := s.First.Offered; n > 0 {
		_, _ = fmt.Fprintf(w, "  %d contexts of your kubeconfig are offered:  %s connection list --filter status=discovered\n", n, word)
	}
}

// announceToken says what there is to know about the token in the data
// directory, which is never shown.
func announceToken(w io.Writer, s *server.Server, c cli.ServeConfig, p *cli.Program) {
	file := filepath.Join(c.DataDir, server.AdminTokenFile)
	switch {
	case s.NewToken != "":
		_, _ = fmt.Fprintf(w, "The first administrator has another token, in %s; it is called %s. Start without --new-admin-token from now on\n"+
			"  Browser, once, within a day:   %[4]s\n"+
			"  All other tokens go on working. If one was lost: %[3]s token list, and %[3]s token revoke NAME\n",
			file, s.NewToken, p.DataDirPrefix(c.DataDir)+p.CommandWord(), s.NewSignInLink.Reveal())
	case s.NoToken != "":
		_, _ = fmt.Fprintf(w, "The command line on this machine is not signed in by %s: %s\n"+
			"  With a token of your own: BELAY_TOKEN_FILE=PATH %s whoami\n"+
			"  Without one, stop this server and make a new token for the first administrator: %s%s serve --new-admin-token\n",
			file, s.NoToken, p.CommandWord(), p.DataDirPrefix(c.DataDir), p.CommandWord())
	}
}
