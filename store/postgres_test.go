package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"belay"
	"belay/e2e/peers"
	"belay/store"
)

// Two transactions that wait for each other: one is tried again, and both
// are carried out.
func TestDeadlock(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	a, b := w.addEnvironment(w.org, "a"), w.addEnvironment(w.org, "b")
	var runs atomic.Int64
	met := make(chan struct{}, 2) // each has its first lock
	both := make(chan struct{})
	update := func(first, second belay.ID) error {
		return w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			try := runs.Add(1)
			for i, id := range []belay.ID{first, second} {
				_, err := tx.UpdateEnvironment(ctx, w.org, id, w.now(), func(e *belay.Environment) error { e.Description += "x"; return nil })
				if err != nil {
					return err
				}
				if i == 0 && try <= 2 {
					met <- struct{}{}
					<-both
				}
			}
			return nil
		})
	}
	go func() {
		<-met
		<-met
		close(both)
	}()
	wantAll(t, together(2, func(i int) error {
		if i == 0 {
			return update(a.ID, b.ID)
		}
		return update(b.ID, a.ID)
	}), "")
	if runs.Load() < 3 {
		t.Error("there was no deadlock to get out of")
	}
	for _, id := range []belay.ID{a.ID, b.ID} {
		e, err := w.Environment(ctx, w.org, id)
		wantCode(t, err, "")
		wantEqual(t, e.Description, "a group of systemsxx")
	}
}

// What loses against another transaction is tried again, what fails for any
// other reason is not, and nothing is tried forever.
func TestRetry(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	for name, test := range map[string]struct {
		raise    string // an SQLSTATE
		times    int    // how often it is raised
		wantRuns int
		want     belay.Code
	}{
		"nothing":                      {"", 0, 1, ""},
		"serialization failure":        {"40001", 2, 3, ""},
		"deadlock":                     {"40P01", 4, 5, ""},
		"deadlock after deadlock":      {"40P01", 99, 5, belay.CodeInternal},
		"something that will not pass": {"22012", 1, 1, belay.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				runs++
				if err := w.creates(fmt.Sprint(name, runs))(ctx, tx); err != nil {
					return err
				}
				if runs <= test.times {
					return store.ExecIn(tx, "do $$ begin raise exception 'on purpose' using errcode = '"+test.raise+"'; end $$")
				}
				return nil
			})
			wantCode(t, err, test.want)
			wantEqual(t, runs, test.wantRuns)
			if e, ok := errors.AsType[*pgconn.PgError](err); test.want != "" && (!ok || e.Code != test.raise) {
				t.Errorf("the error lost its cause: %v", err)
			}
		})
	}
	wantCounted(t, w)
}

func TestPostgresCancellation(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	running, cancel := context.WithCancel(ctx)
	err := w.Write(running, func(ctx context.Context, tx *store.Tx) error {
		if err := w.creates("lost")(ctx, tx); err != nil {
			return err
		}
		cancel()
		return w.creates("lost too")(ctx, tx)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantEqual(t, w.names(t), "")
}

// No error tells the password, whatever is wrong.
func TestPostgresErrorsKeepThePassword(t *testing.T) {
	const password = "canary-4711"
	server := peers.StartPostgres(t)
	right, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(u *url.URL)) string {
		u := *right
		u.User = url.UserPassword("admin", password)
		change(&u)
		return u.String()
	}
	for name, test := range map[string]struct{ url, want string }{
		"wrong password":      {with(func(*url.URL) {}), "password authentication failed"},
		"unknown user":        {with(func(u *url.URL) { u.User = url.UserPassword("nobody", password) }), "nobody"},
		"nobody listens":      {with(func(u *url.URL) { u.Host = "127.0.0.1:1" }), "refused"},
		"no such name":        {with(func(u *url.URL) { u.Host = "database.invalid" }), "database.invalid"},
		"bad port":            {"postgres://admin:" + password + "@127.0.0.1:port/db", "cannot be read"},
		"bad escape":          {"postgres://admin:" + password + "%zz@127.0.0.1/db", "cannot be read"},
		"bad option":          {with(func(u *url.URL) { u.RawQuery = "sslmode=" + password }), "sslmode is invalid"},
		"password in query":   {"postgresql://admin@127.0.0.1:1/db?sslmode=disable&password=" + password, "refused"},
		"not escaped, a port": {"postgres://admin:4711/" + password + "@127.0.0.1/db", "admin"},
		"not escaped":         {"postgres://admin:a/" + password + "@127.0.0.1/db", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(ctx, test.url)
			if err == nil {
				t.Fatal(s.Close())
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, password) {
					t.Errorf("the error tells the password: %s", strings.ReplaceAll(text, password, "***"))
				}
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want something with %q", err, test.want)
			}
		})
	}

	// A server that goes away is an error and no more; it comes back.
	w := newWorld(t, open(t, server.URL))
	server.Stop()
	if err := w.Ping(ctx); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("ping without a server: %v", err)
	}
	wantCode(t, w.Write(ctx, w.creates("lost")), belay.CodeInternal)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.Write(ctx, w.creates("kept")), "")
	wantEqual(t, w.names(t), "kept")
}
