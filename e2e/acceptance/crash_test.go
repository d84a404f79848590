package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
)

// ledger is what a server has acknowledged.
type ledger struct {
	mu          sync.Mutex
	connections map[string]string // names by id
	assigned    map[string]bool   // by the connection's id
	acks        int
}

func (l *ledger) acknowledge(note func()) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	note()
	l.acks++
	return l.acks
}

// What was acknowledged is there after a crash, and nothing is half done.
func TestCrash_NothingAcknowledgedIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		env := n.admin(t).group("production")
		l := &ledger{connections: map[string]string{}, assigned: map[string]bool{}}
		for round := range 4 {
			until := l.acks + 10 + rand.IntN(60)
			l.create(t, n, env, round, until)
			n.start(t)
			l.check(t, n, env)
		}
		t.Logf("%d acknowledged", l.acks)
	})
}

// create makes connections, each with a credential of its own, and puts them
// into the environment, several at a time, until the server is killed.
func (l *ledger) create(t *testing.T, n *node, env string, round, until int) {
	c := n.admin(t)
	enough := make(chan struct{})
	var once sync.Once
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("round-%d-worker-%d-%d", round, worker, i)
				acks, err := l.one(c, env, name)
				if err != nil {
					once.Do(func() { close(enough) }) // or the crash came before
					return
				}
				if acks >= until {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	n.kill(t)
	workers.Wait()
	if l.acks < until {
		t.Fatalf("only %d were acknowledged, want %d", l.acks, until)
	}
}

func (l *ledger) one(c *client, env, name string) (int, error) {
	made, err := c.try(http.MethodPost, connectionsPath, "application/json", encode(c.t, object{
		"name": name, "kind": "http", "url": "http://127.0.0.1:1", "credentialType": "bearer", "credentialSecret": object{"token": name},
	}))
	if err != nil {
		return 0, err
	}
	if made.status != http.StatusCreated {
		return 0, fmt.Errorf("status %d: %s", made.status, made.body)
	}
	id := decode[named](made).ID
	l.acknowledge(func() { l.connections[id] = name })
	put, err := c.try(http.MethodPost, environmentsPath+"/"+env+"/connections/"+id, "", nil)
	if err != nil {
		return 0, err
	}
	if put.status != http.StatusCreated {
		return 0, fmt.Errorf("status %d: %s", put.status, put.body)
	}
	return l.acknowledge(func() { l.assigned[id] = true }), nil
}

// check looks for everything that was acknowledged, and at what else is
// there.
func (l *ledger) check(t *testing.T, n *node, env string) {
	t.Helper()
	c := n.admin(t)
	found, held := map[string]connection{}, map[string]bool{}
	for _, v := range c.every(connectionsPath) {
		found[v.ID] = v
	}
	for _, v := range c.every(environmentsPath + "/" + env + "/connections") {
		held[v.ID] = true
	}
	for id, name := range l.connections {
		if found[id].Name != name {
			t.Errorf("the connection %s was acknowledged and is %q", name, found[id].Name)
		}
	}
	for id := range l.assigned {
		if !held[id] {
			t.Errorf("the assignment of %s was acknowledged and is not there", l.connections[id])
		}
	}
	for _, v := range found {
		if v.CredentialID == "" {
			t.Errorf("%s is there without its credential", v.Name)
		}
	}
	if keys := c.list(credentialsPath).TotalCount; keys != len(found) {
		t.Errorf("there are %d credentials for %d connections", keys, len(found))
	}
	for _, v := range found {
		if k := c.test(v.ID); k.Cause != "connection_refused" { // its credential can be opened
			t.Errorf("the test of %s: %s", v.Name, k.Summary)
		}
		break
	}
}

// every reads all pages of a list of connections.
func (c *client) every(path string) []connection {
	c.t.Helper()
	var out []connection
	for page := 0; ; page++ {
		got := c.list(path, "pageSize", "100", "page", fmt.Sprint(page), "order", "name asc")
		out = append(out, got.Connections...)
		if len(out) >= got.TotalCount || len(got.Connections) == 0 {
			return out
		}
	}
}
