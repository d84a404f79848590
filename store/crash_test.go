package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// writeForever writes from many goroutines and prints each acknowledged id,
// until it is killed.
func writeForever(url string) int {
	s, err := store.Open(ctx, url)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w := &world{Store: s}
	w.n.Store(time.Now().UnixNano() / 1000)
	user := &belay.User{ID: w.id(), Provider: "local", Subject: string(w.id()), CreatedAt: w.now()}
	org := &belay.Organization{ID: w.id(), OwnerID: user.ID, CreatedAt: w.now()}
	w.org, w.ann = org.ID, user.ID
	err = s.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateUser(ctx, user); err != nil {
			return err
		}
		return tx.CreateOrganization(ctx, org)
	})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	errs := together(16, func(i int) error { return w.churn(i, &mu, os.Stdout) })
	_, _ = fmt.Fprintln(os.Stderr, errs)
	return 1
}

// churn creates a connection and, in other transactions, changes and deletes
// some, and prints "org id version" of what is acknowledged.
func (w *world) churn(i int, mu *sync.Mutex, out io.Writer) error {
	r := rand.New(rand.NewPCG(uint64(i), uint64(w.n.Load())))
	for {
		c := w.connection(w.org, string(w.id()))
		c.OwnerID = w.ann
		if err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, c) }); err != nil {
			return err
		}
		version := 1
		if r.IntN(2) == 0 {
			err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(c *belay.Connection) error { c.Health.Status = belay.HealthHealthy; return nil })
				return err
			})
			if err != nil {
				return err
			}
			version = 2
		}
		mu.Lock()
		_, err := fmt.Fprintln(out, w.org, c.ID, version)
		mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// A server that is killed at any moment has lost nothing that it had
// acknowledged, and has half of nothing.
func TestKill(t *testing.T) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := open(t)
			acknowledged := map[[2]belay.ID]int64{}
			for range 20 {
				writeAndKill(t, url, acknowledged)
				wantAcknowledged(t, url, acknowledged)
			}
			if len(acknowledged) < 100 {
				t.Errorf("only %d writes were acknowledged in all", len(acknowledged))
			}
		})
	}
}

// writeAndKill lets another process write, kills it after some of its
// acknowledgements, and adds them to what was acknowledged.
func writeAndKill(t *testing.T, url string, acknowledged map[[2]belay.ID]int64) {
	t.Helper()
	c := childCommand(t, "write", url)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines, n := bufio.NewReader(out), 1+rand.IntN(60)
	for i := 0; ; i++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF { // a line without an end was not acknowledged
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var org, id belay.ID
		var version int64
		if _, err := fmt.Sscan(strings.TrimSpace(line), &org, &id, &version); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		acknowledged[[2]belay.ID{org, id}] = version
		if i == n {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = c.Wait() // killed
	if c.ProcessState.Exited() {
		t.Fatal("the writer ended by itself")
	}
}

func wantAcknowledged(t *testing.T, url string, acknowledged map[[2]belay.ID]int64) {
	t.Helper()
	s, err := store.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	orgs := map[belay.ID]bool{}
	for key, version := range acknowledged {
		c, err := s.Connection(ctx, key[0], key[1])
		if err != nil || c.Version < version {
			t.Fatalf("acknowledged version %d of %s: got %v, %v", version, key[1], c, err)
		}
		orgs[key[0]] = true
	}
	for org := range orgs {
		wantProperties(t, &world{Store: s}, org)
		page, err := s.Connections(ctx, everything(org), belay.ConnectionFilter{}, belay.Query{Search: "prometheus", Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Connections(ctx, everything(org), belay.ConnectionFilter{}, belay.Query{Size: 1})
		if err != nil || all.Total != page.Total {
			t.Fatalf("%d connections, %d of them to be found by a word that all have (%v)", all.Total, page.Total, err)
		}
	}
}
