package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// environmentOf serves one environment that holds n connections, by pages.
func environmentOf(t *testing.T, n int) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/environments", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"environments":[{"id":"e1","name":"prod"}],"totalCount":1}`)
	})
	mux.HandleFunc("GET /api/environments/e1", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"id":"e1","name":"prod","description":"<&>","size":1.10}`)
	})
	mux.HandleFunc("GET /api/environments/e1/connections", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
		next := ""
		held := []map[string]any{}
		for i := from; i < min(from+size, n); i++ {
			held = append(held, map[string]any{"id": fmt.Sprintf("c%d", i), "name": fmt.Sprintf("conn-%d", i)})
		}
		if from+size < n {
			next = strconv.Itoa(from + size)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"connections": held, "totalCount": n, "nextCursor": next})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// The document of an environment has all that is in it, as its text has, with
// everything else as the server sent it.
func TestViewOfHolderIsComplete(t *testing.T) {
	const all = 10000
	s := environmentOf(t, all)
	f := newFixture(t, map[string]string{"BELAY_SERVER": s.URL})
	f.run(t, 0, "environment", "view", "prod", "-o", "json")
	mustContain(t, f.out.String(), `"description": "<&>"`, `"size": 1.10`)
	var doc struct {
		Name        string
		Connections []struct{ Name string }
	}
	if err := json.Unmarshal(f.out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Name != "prod" || len(doc.Connections) != all || doc.Connections[all-1].Name != fmt.Sprintf("conn-%d", all-1) {
		t.Errorf("%s has %d connections in its document, want %d", doc.Name, len(doc.Connections), all)
	}
	f.run(t, 0, "environment", "view", "prod", "--jq", ".connections | length")
	if f.out.String() != fmt.Sprintln(all) {
		t.Errorf("--jq counts %s", f.out)
	}
}

// What is not shown of it is not asked for.
func TestViewOfHolderAsksForNoMore(t *testing.T) {
	s := environmentOf(t, 1)
	for _, args := range [][]string{{"-o", "name"}, {"--fields", "name"}} {
		f := newFixture(t, map[string]string{"BELAY_SERVER": s.URL})
		f.run(t, 0, append([]string{"environment", "view", "prod", "--verbose"}, args...)...)
		mustNotContain(t, f.err.String(), "/connections")
	}
}

func TestMemberIsAdded(t *testing.T) {
	for raw, want := range map[string]string{`{}`: `{"a":[]}`, ` { "b" : 1 } `: `{"b" : 1,"a":[]}`} {
		it, err := item{raw: json.RawMessage(raw)}.with("a", []json.RawMessage{})
		if err != nil || string(it.raw) != want {
			t.Errorf("%s became %s, %v; want %s", raw, it.raw, err, want)
		}
	}
	if _, err := (item{raw: json.RawMessage("[]")}).with("a", 1); err == nil {
		t.Error("a list takes a member")
	}
}
