package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// threeConnections is a server with connections a, b and c, of which each can
// be deleted but for those that refuse names.
func threeConnections(t *testing.T, refuses ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			for _, name := range refuses {
				if strings.HasSuffix(r.URL.Path, "-"+name) {
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(`{"title":"Forbidden","status":403,"detail":"you may not do this","code":"forbidden"}`))
					return
				}
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write([]byte(`{"connections":[{"id":"id-a","name":"a"},{"id":"id-b","name":"b"},{"id":"id-c","name":"c"}],"totalCount":3}`))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// What was done before a "no" was done, and the command says so.
func TestOneOfSeveralDeclined(t *testing.T) {
	cases := []struct {
		name    string
		answers []string
		want    int
		says    string
	}{
		{"one", []string{"y\r", "n\r"}, exitPartly, "1 of 2 connections deleted — 1 declined"},
		{"the first", []string{"n\r", "y\r"}, exitPartly, "1 of 2 connections deleted — 1 declined"},
		{"both", []string{"n\r", "n\r"}, exitInterrupted, "nothing was changed"},
		{"none", []string{"y\r", "y\r"}, exitDone, "connection b deleted"},
		{"given up", []string{"y\r", "\x03"}, exitInterrupted, "1 of 2 connections deleted — 1 not begun"},
		{"given up at once", []string{"\x03"}, exitInterrupted, "nothing was changed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScreen(t)
			wait := s.start(t, newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t)}), "connection", "delete", "a", "b")
			for i, answer := range c.answers {
				s.answer(t, "[y/N]", i+1, answer)
			}
			if got := wait(); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
			s.sees(t, c.says)
		})
	}
}

func TestOneOfSeveralFails(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t, "b")})
	f.run(t, exitPartly, "connection", "delete", "a", "b", "c", "--yes")
	mustContain(t, f.err.String(), "b: you may not do this", "2 of 3 connections deleted — 1 failed")
	f = newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t, "a", "b")})
	f.run(t, exitForbidden, "connection", "delete", "a", "b", "--yes")
	mustContain(t, f.err.String(), "0 of 2 connections deleted — 2 failed")
}

// One name cannot confirm several deletions, of which the first would be
// carried out before that is found.
func TestConfirmNamesOne(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t)})
	f.run(t, exitUsage, "connection", "delete", "a", "b", "--confirm", "a")
	mustNotContain(t, f.err.String(), "connection a deleted")
	f.run(t, exitUsage, "connection", "delete", "a", "b")
	mustNotContain(t, f.err.String(), "deleted")
}

// readDocument reads what a command wrote, which is one document, and what it
// said of failures, which is another.
func readDocument(t *testing.T, f *fixture) (doc, problem item) {
	t.Helper()
	doc, err := newItem(f.out.Bytes())
	if err != nil {
		t.Fatalf("standard output is not one document: %v\n%s", err, f.out)
	}
	said := f.err.String()
	if i := strings.Index(said, "{"); i >= 0 {
		if problem, err = newItem([]byte(said[i:])); err != nil {
			t.Fatalf("standard error does not end in one document: %v\n%s", err, said)
		}
	}
	return doc, problem
}

// A program gets one document of all that were named, with what failed.
func TestDocumentOfSeveral(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": threeConnections(t, "b")})
	f.run(t, exitPartly, "connection", "delete", "a", "b", "c", "a", "--yes", "-q", "-o", "json")
	doc, problem := readDocument(t, f)
	if got := strings.Join(doc.names("connections"), " "); got != "a c" || doc.text("totalCount") != "2" {
		t.Errorf("the document tells of %s\n%s", got, f.out)
	}
	for where, it := range map[string]item{"document": doc, "problem": problem} {
		failed := it.objects("errors")
		if len(failed) != 1 || failed[0].name() != "b" || failed[0].id() != "id-b" || failed[0].text("error.code") != "forbidden" {
			t.Errorf("the %s tells of the failures %v", where, failed)
		}
	}
	if problem.text("code") != "partly" || strings.Contains(f.err.String(), "x b:") {
		t.Errorf("standard error says\n%s", f.err)
	}

	f.run(t, exitForbidden, "connection", "delete", "b", "b", "--yes", "-q", "-o", "json")
	doc, problem = readDocument(t, f)
	if len(doc.objects("connections")) != 0 || len(doc.objects("errors")) != 1 || problem.text("code") != "forbidden" {
		t.Errorf("of one that fails: %s%s", f.out, f.err)
	}
	f.run(t, exitPartly, "connection", "delete", "a", "b", "--yes", "--jq", ".connections[].name")
	mustContain(t, f.err.String(), "b: you may not do this")
	if f.out.String() != "a\n" {
		t.Errorf("--jq gives %q", f.out)
	}
}

// The form of the document follows from the command line: one name gives an
// object, several or - a list, whatever is found.
func TestFormOfDocument(t *testing.T) {
	for _, c := range []struct {
		args, stdin, has string
	}{
		{"connection delete a", "", "name"},
		{"connection delete a a", "", "connections"},
		{"connection delete -", "a\n", "connections"},
		{"connection delete -", "", "connections"},
		{"connection delete a --dry-run", "", "would"},
		{"connection delete a b --dry-run", "", "requests"},
		{"environment assign a b", "", "name"},
		{"environment assign a b c", "", "connections"},
		{"connection assign a --environment b --environment c", "", "connections"},
		{"environment assign a b c --dry-run", "", "requests"},
		{"environment assign a b --dry-run", "", "would"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			one := `{"id":"id-a","name":"a"},{"id":"id-b","name":"b"},{"id":"id-c","name":"c"}`
			switch {
			case r.Method != http.MethodGet:
				w.WriteHeader(http.StatusNoContent)
			case strings.Contains(r.URL.Path, "id-"):
				_, _ = w.Write([]byte(`{"id":"` + r.URL.Path[len(r.URL.Path)-4:] + `","name":"now"}`))
			default:
				_, _ = w.Write([]byte(`{"environments":[` + one + `],"connections":[` + one + `],"totalCount":3}`))
			}
		}))
		f := newFixture(t, map[string]string{"BELAY_SERVER": s.URL})
		f.Stdin = strings.NewReader(c.stdin)
		f.run(t, exitDone, append(strings.Fields(c.args), "--yes", "-o", "json")...)
		if doc, _ := readDocument(t, f); doc.at(c.has) == nil {
			t.Errorf("%s gives no %s:\n%s", c.args, c.has, f.out)
		}
		s.Close()
	}
}
