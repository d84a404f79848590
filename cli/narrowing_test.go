package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Of two that a list is narrowed by, none goes unheard.
func TestNarrowedTwice(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"environments":[{"id":"1","name":%[1]q}],"workspaces":[{"id":"2","name":%[1]q}],"kinds":[{"name":"http"},{"name":"prometheus"}],"totalCount":1}`, r.URL.Query().Get("search"))
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"connection", "list", "--environment", "production", "--environment", "staging"}, "--environment is given twice, and takes one value"},
		{[]string{"connection", "list", "--environment", "production", "--environment", "none"}, "--environment is given twice, and takes one value"},
		{[]string{"connection", "list", "--environment", "none", "--filter", "environment=staging"}, "connections can be narrowed to one environment, and two are named"},
		{[]string{"connection", "list", "--filter", "environment=none", "--filter", "environment=none"}, "connections can be narrowed to one environment"},
		{[]string{"connection", "list", "--filter", "kind=http", "--kind", "prometheus"}, "connections are filtered by kind twice"},
		{[]string{"connection", "list", "--filter", "state=ignored", "--filter", "status=connected"}, "connections are filtered by status twice"},
		{[]string{"connection", "list", "-w", "none", "--filter", "workspace=none"}, "connections can be narrowed to one workspace"},
		{[]string{"connection", "list", "--search", "a", "--search", "b"}, "--search is given twice"},
		{[]string{"environment", "edit", "x", "--name", "a", "--name", "b"}, "--name is given twice"},
		{[]string{"connection", "create", "x", "--kind", "http", "--url", "http://a", "--url", "http://b"}, "--url is given twice"},
	} {
		f.run(t, exitUsage, c.args...)
		mustContain(t, f.err.String(), "error: "+c.want)
	}
	f.run(t, exitUsage, "connection", "list", "--filter", "kind=http", "--filter", "kind=prometheus")
	mustContain(t, f.err.String(), "several values: --filter kind=A,B")
	// What every command takes is said last by whoever is nearest to it.
	f.run(t, exitDone, "context", "list", "-o", "json", "-o", "tsv")
}

// A list below a holder is the list of one.
func TestNarrowedByTwoHolders(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_WORKSPACE": "pay"})
	n := narrowing{in: f.invocation(t, globals{}), r: credentials()}
	for _, key := range []string{"type", "environment"} {
		if err := n.once(key, n.in.set.workspace); err != nil {
			t.Fatal(err)
		}
	}
	err := n.once("workspace", n.in.set.workspace)
	if err == nil {
		t.Fatal("narrowed by both")
	}
	mustContain(t, err.Error(), "credentials can be narrowed by environment or by workspace, not by both")
	mustContain(t, fmt.Sprint(asFailure(err).help), "the workspace: it is from BELAY_WORKSPACE")
	labels := narrowing{in: n.in, r: connections()}
	for range 2 {
		if err := labels.once("label", setting{}); err != nil {
			t.Error(err)
		}
	}
}
