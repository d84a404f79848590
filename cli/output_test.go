package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func readPage(t *testing.T, file, key string) *page {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPage(raw, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each noun in each form, from fixed answers. What is in here is what scripts
// rely on.
func TestRender(t *testing.T) {
	nouns := []resource{connections(), credentials(), environments()}
	for _, r := range nouns {
		p := readPage(t, r.key+".json", r.key)
		for _, format := range formats() {
			t.Run(r.noun+"."+format, func(t *testing.T) {
				in := newFixture(t, nil).invocation(t, globals{Output: format})
				var b bytes.Buffer
				if err := in.render(&b, document{raw: p.document, items: p.items, columns: r.columns, noun: r.noun}); err != nil {
					t.Fatal(err)
				}
				golden(t, r.key+"."+format+".golden", b.String())
			})
		}
	}
}

func TestRenderSingle(t *testing.T) {
	p := readPage(t, "connections.json", "connections")
	for _, format := range []string{formatTable, formatTSV, formatJSON, formatName} {
		in := newFixture(t, nil).invocation(t, globals{Output: format})
		var b bytes.Buffer
		d := document{raw: p.items[0].raw, items: p.items[:1], columns: connections().detail, noun: "connection", single: true}
		if err := in.render(&b, d); err != nil {
			t.Fatal(err)
		}
		golden(t, "connection."+format+".golden", b.String())
	}
}

// JSON output has every value and every name as the server sent it.
func TestJSONIsVerbatim(t *testing.T) {
	raw := json.RawMessage(`{"zebra":1.10,"connections":[{"name":"a","big":12345678901234567890,"html":"<&>"}],"totalCount":1}`)
	p, err := newPage(raw, "connections")
	if err != nil {
		t.Fatal(err)
	}
	in := newFixture(t, nil).invocation(t, globals{Output: formatJSON})
	var b, compact bytes.Buffer
	if err := in.render(&b, document{raw: p.document, items: p.items}); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&compact, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if compact.String() != string(raw) {
		t.Errorf("got %s, want %s", compact.String(), raw)
	}
}

func TestQueries(t *testing.T) {
	p := readPage(t, "connections.json", "connections")
	cases := []struct {
		name  string
		flags globals
		want  string
	}{
		{"jq text", globals{JQ: ".connections[].name"}, "prod-eu\nprom-staging\ncölogne\n"},
		{"jq number", globals{JQ: ".totalCount"}, "3\n"},
		{"jq object", globals{JQ: `.connections[0] | {name, s: .health.status}`}, `{"name":"prod-eu","s":"unhealthy"}` + "\n"},
		{"template", globals{Template: `{{range .connections}}{{.name}};{{end}}`}, "prod-eu;prom-staging;cölogne;"},
		{"fields", globals{Output: formatTSV, Fields: []string{"name", "health.status"}}, "NAME\tHEALTH.STATUS\nprod-eu\tunhealthy\nprom-staging\tdegraded\ncölogne\tunchecked\n"},
		{"no headers", globals{Output: formatTSV, NoHeaders: true, Fields: []string{"name"}}, "prod-eu\nprom-staging\ncölogne\n"},
		{"fields as JSON", globals{Output: formatJSON, Fields: []string{"name", "health.status"}, JQ: ""}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := newFixture(t, nil).invocation(t, c.flags)
			var b bytes.Buffer
			if err := in.render(&b, document{raw: p.document, items: p.items, columns: connections().columns}); err != nil {
				t.Fatal(err)
			}
			if c.want != "" && b.String() != c.want {
				t.Errorf("got %q, want %q", b.String(), c.want)
			}
			if c.want == "" {
				mustContain(t, b.String(), `"status": "unhealthy"`)
				mustNotContain(t, b.String(), "cause")
			}
		})
	}
}

// A name chosen by somebody else must not drive the reader's terminal, nor
// break a line of output in two.
func TestTextIsPrintable(t *testing.T) {
	raw := json.RawMessage(`{"connections":[{"name":"a\u001b[2Jb\u202ec\nd\te","kind":"http"}]}`)
	p, err := newPage(raw, "connections")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{formatTable, formatTSV, formatName} {
		in := newFixture(t, nil).invocation(t, globals{Output: format})
		var b bytes.Buffer
		if err := in.render(&b, document{raw: p.document, items: p.items, columns: connections().columns[:1], noun: "connection"}); err != nil {
			t.Fatal(err)
		}
		mustNotContain(t, b.String(), "\x1b", "\u202e", "c\n", "\te")
		mustContain(t, b.String(), "a�[2Jb�c d e")
	}
}

func TestRuntimeErrorOfJQ(t *testing.T) {
	in := newFixture(t, nil).invocation(t, globals{JQ: ".a.b"})
	err := in.render(&bytes.Buffer{}, document{raw: json.RawMessage(`{"a":1}`)})
	f, ok := errors.AsType[*failure](err)
	if !ok || f.exit != exitFailed {
		t.Errorf("got %v, want a failure with status 1", err)
	}
}

func TestStages(t *testing.T) {
	raw, err := os.ReadFile("testdata/check.json")
	if err != nil {
		t.Fatal(err)
	}
	it, err := newItem(raw)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := newItem([]byte(`{"id":"0190a1b2-c3d4-7e5f-8a9b-000000000001","name":"prod-eu","kind":"kubernetes","environments":[{"name":"production"},{"name":"dr-drill"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, nil)
	in := f.invocation(t, globals{Output: formatTable})
	status := in.report(in.showCheck(it, conn))
	if status != exitUnhealthy {
		t.Errorf("status %d, want %d", status, exitUnhealthy)
	}
	golden(t, "check.golden", f.out.String()+strings.Repeat("-", 20)+"\n"+f.err.String())
}
