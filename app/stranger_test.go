package app_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/secret"
	"belay/store"
)

// newApp is an App over an empty database.
func newApp(t *testing.T) *app.App {
	t.Helper()
	ctx := t.Context()
	st, err := store.Open(ctx, filepath.Join(t.TempDir(), "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := app.OpenKeyring(ctx, st, secret.Source{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(app.Config{
		Store: st, Keyring: keyring, Kinds: map[string]app.Kind{}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
	})
	t.Cleanup(func() {
		a.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// notUseCases are the methods of App that nobody calls on behalf of a
// request.
var notUseCases = map[string]bool{"Stop": true, "BreakOff": true, "Close": true, "Behind": true}

// TestStrangers calls every use case as somebody unknown, and as somebody
// whose token has no scope. All must refuse before they do anything else.
func TestStrangers(t *testing.T) {
	a := newApp(t)
	org := belay.ID(uuid.NewString())
	for name, c := range map[string]struct {
		ctx  context.Context
		want belay.Code
	}{
		"stranger": {t.Context(), belay.CodeUnauthenticated},
		"no scope": {belay.WithPrincipal(t.Context(), &belay.Principal{
			UserID: belay.ID(uuid.NewString()), Scopes: []belay.Permission{},
			Roles: map[belay.ID]belay.OrganizationRole{org: belay.OrganizationOwner},
		}), belay.CodeForbidden},
	} {
		methods := reflect.TypeOf(a)
		walked := 0
		for m := range methods.Methods() {
			if notUseCases[m.Name] {
				continue
			}
			walked++
			if got := belay.CodeOf(callAs(t, c.ctx, a, m)); got != c.want {
				t.Errorf("%s as %s: code %q, want %q", m.Name, name, got, c.want)
			}
		}
		if walked < 30 {
			t.Errorf("walked %d use cases only", walked)
		}
	}
}

// callAs calls a method with a context and zero values, and returns its
// error.
func callAs(t *testing.T, ctx context.Context, a *app.App, m reflect.Method) (err error) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("%s goes on until it panics: %v", m.Name, v)
		}
	}()
	args := []reflect.Value{reflect.ValueOf(a), reflect.ValueOf(ctx)}
	for i := 2; i < m.Type.NumIn(); i++ {
		args = append(args, reflect.Zero(m.Type.In(i)))
	}
	if m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[context.Context]() {
		t.Errorf("%s takes no context, so it cannot know who calls", m.Name)
		return nil
	}
	out := m.Func.Call(args)
	err, _ = reflect.TypeAssert[error](out[len(out)-1])
	return err
}
