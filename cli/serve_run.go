package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"belay/server"
)

// RunServer starts a server, says where it is and how to get in, and runs it
// until ctx ends or it fails. Logs go to standard error.
func RunServer(ctx context.Context, c ServeConfig, p *Program) error {
	s, err := server.Start(ctx, server.Config{
		Listen: c.Listen, DataDir: c.DataDir, Database: c.Database, Key: c.Key, KeyFile: c.KeyFile,
		EgressAllow: c.EgressAllow, EgressDeny: c.EgressDeny, Kubeconfig: c.Kubeconfig, InsecureHTTP: c.InsecureHTTP,
		Version: p.Version, Log: p.logger(c), Clock: p.Now,
	})
	if ctx.Err() != nil && err != nil {
		return nil // stopped while starting; nothing was taken
	}
	if err != nil {
		return err
	}
	p.welcome(s)
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-s.Failed():
	}
	return errors.Join(failed, s.Close())
}

func (p *Program) logger(c ServeConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.Stderr, options))
}

// welcome writes the address, alone on its line so that programs find it,
// and after a first start the way in. The sign-in link is a secret that this
// is the one place to show.
func (p *Program) welcome(s *server.Server) {
	fmt.Fprintf(p.Stdout, "Belay %s listens on %s\n", p.Version, s.URL())
	if s.First == nil {
		return
	}
	fmt.Fprintf(p.Stdout, "This is its first start: the organization is %s.\n", s.First.Organization)
	fmt.Fprintf(p.Stdout, "Sign in once, within a day: %s\n", s.First.SignInLink.Reveal())
	fmt.Fprintf(p.Stdout, "On this machine belay finds its token by itself (%s): belay whoami\n", s.First.TokenFile)
	if n := s.First.Offered; n > 0 {
		fmt.Fprintf(p.Stdout, "%d found in your kubeconfig: belay connection list --filter state=discovered\n", n)
	}
}
