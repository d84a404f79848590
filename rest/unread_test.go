package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/rest"
	"belay/secret"
	"belay/store"
)

// countedKind is a kind that counts its tests.
type countedKind struct{ tests atomic.Int32 }

func (*countedKind) Definition() *belay.Kind                       { return &belay.Kind{Name: "fake"} }
func (*countedKind) CheckEndpoint(endpoint string) (string, error) { return endpoint, nil }
func (*countedKind) CheckConfig(json.RawMessage) error             { return nil }
func (k *countedKind) Test(context.Context, belay.Target) belay.Report {
	k.tests.Add(1)
	return belay.Report{Health: belay.HealthHealthy}
}

// unread is a client that stays, and takes no more than some lines.
type unread struct {
	*httptest.ResponseRecorder
	takes int
}

func (u *unread) Write(b []byte) (int, error) {
	if u.takes--; u.takes < 0 {
		return 0, errors.New("nobody reads")
	}
	return u.ResponseRecorder.Write(b)
}

// TestNobodyReadsTheTest stops taking the lines of a test without closing the
// connection: no more is tested for nobody.
func TestNobodyReadsTheTest(t *testing.T) {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "belay.db"))
	must(t, err)
	keyring, err := app.OpenKeyring(t.Context(), st, secret.Source{Dir: t.TempDir()}, time.Now())
	must(t, err)
	kind := &countedKind{}
	config := app.Config{
		Store: st, Keyring: keyring, Kinds: map[string]app.Kind{"fake": kind}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) }, Limits: app.Limits{TestsPerUser: 1},
	}
	first, err := app.SetUp(t.Context(), config, func(belay.Secret) error { return nil })
	must(t, err)
	a := app.New(config)
	t.Cleanup(func() {
		a.Close()
		must(t, st.Close())
	})
	api, err := rest.New(rest.Config{App: a, Log: config.Log})
	must(t, err)
	ctx := belay.WithPrincipal(t.Context(), first.Principal())
	name := "production"
	e, err := a.CreateEnvironment(ctx, "", app.EnvironmentChange{Name: &name})
	must(t, err)
	for _, name := range []string{"a", "b", "c", "d"} {
		kind, endpoint := "fake", "http://127.0.0.1:1"
		v, err := a.CreateConnection(ctx, "", app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint})
		must(t, err)
		must(t, a.AssignConnection(ctx, "", e.ID, v.ID))
	}
	for takes, want := range map[int]int32{0: 0, 1: 1, 2: 1, 3: 2, 100: 4} { // a total, and of each one begun and one check
		kind.tests.Store(0)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/environments/"+string(e.ID)+"/test", nil)
		r.Header.Set("Accept", "application/jsonl")
		api.ServeHTTP(&unread{httptest.NewRecorder(), takes}, r)
		if got := kind.tests.Load(); got != want {
			t.Errorf("of a client that takes %d lines, %d connections were tested, want %d", takes, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
