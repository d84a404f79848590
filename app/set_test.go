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

// TestSetIsAuthorizedAsItIsWritten replaces the connections of an
// environment, one of which was there when the caller's rights were asked,
// and has been taken out since: nobody has asked whether he may put it in.
func TestSetIsAuthorizedAsItIsWritten(t *testing.T) {
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
		Store: st, Keyring: keyring, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
	}
	first, err := SetUp(t.Context(), config, func(belay.Secret) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	a := New(config)
	t.Cleanup(a.Close)
	ctx := belay.WithPrincipal(t.Context(), first.Principal())
	c, err := a.authorize(ctx, "", belay.PermissionEnvironmentWrite)
	if err != nil {
		t.Fatal(err)
	}
	name := "production"
	e, err := a.CreateEnvironment(ctx, "", EnvironmentChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	left := a.newID()
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return a.replaceSet(ctx, tx, c, 0, a.setChange(e.ID, e.SetVersion-1, []belay.ID{left}, []belay.ID{left}))
	})
	if belay.CodeOf(err) != belay.CodePreconditionFailed {
		t.Errorf("got %v", err)
	}
}
