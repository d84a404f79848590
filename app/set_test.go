package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/secret"
	"belay/store"
)

// inside is an App, its database, and an administrator with an environment of
// his, for tests of what no use case shows.
type inside struct {
	*App
	ctx         context.Context
	caller      caller
	environment *Environment
}

func newInside(t *testing.T, limits Limits) *inside {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	keyring, err := OpenKeyring(t.Context(), st, secret.Source{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Store: st, Keyring: keyring, Clock: time.Now, Log: slog.New(slog.DiscardHandler), Limits: limits,
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
	}
	first, err := SetUp(t.Context(), config, func(belay.Secret) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	in := &inside{App: New(config)}
	t.Cleanup(in.Close)
	in.ctx = belay.WithPrincipal(t.Context(), first.Principal())
	if in.caller, err = in.authorize(in.ctx, "", belay.PermissionEnvironmentWrite); err != nil {
		t.Fatal(err)
	}
	name := "production"
	if in.environment, err = in.CreateEnvironment(in.ctx, "", EnvironmentChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	return in
}

// held puts a connection into the environment.
func (in *inside) held(t *testing.T) belay.ID {
	t.Helper()
	v := in.blank(in.caller)
	v.Name, v.Kind, v.Endpoint = string(v.ID), "fake", "http://127.0.0.1:1"
	err := in.store.Write(in.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateConnection(ctx, v); err != nil {
			return err
		}
		_, err := tx.AssignConnection(ctx, in.caller.org, in.assignment(in.environment.ID, v.ID))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// TestSetIsAuthorizedAsItIsWritten replaces the connections of an environment
// which has others by now than when the caller's rights were asked. Nobody has
// asked whether he may put in the one that has left since, nor take out the one
// that has come; what he asked for himself may have been done by another.
func TestSetIsAuthorizedAsItIsWritten(t *testing.T) {
	in := newInside(t, Limits{})
	left, come, put := in.newID(), in.held(t), in.held(t)
	for name, c := range map[string]struct {
		seen, want []belay.ID
		code       belay.Code
	}{
		"one has left":               {[]belay.ID{left, come, put}, []belay.ID{left, come, put}, belay.CodePreconditionFailed},
		"one has come":               {[]belay.ID{put}, []belay.ID{put}, belay.CodePreconditionFailed},
		"what is put in has come":    {[]belay.ID{come}, []belay.ID{come, put}, ""},
		"what is taken out has left": {[]belay.ID{left, come, put}, []belay.ID{come, put}, ""},
	} {
		err := in.store.Write(in.ctx, func(ctx context.Context, tx *store.Tx) error {
			return in.replaceSet(ctx, tx, in.caller, 0, in.setChange(in.environment.ID, in.environment.SetVersion-1, c.seen, c.want))
		})
		if belay.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
