package rest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"belay"
	"belay/belaytest"
)

// steps is how many requests one run of the API fuzzer sends at most; how
// many runs there are is -rapid.checks.
var steps = flag.Int("apifuzz.steps", 8, "requests in one run of the API fuzzer")

// TestAPIFuzz draws requests from the document, most of them valid, and sends
// them to one server, as different users. Whatever is sent, the server does
// not fail, and every answer is what the document says: the transport sees to
// that. A run that fails is shrunk to the shortest one that does.
func TestAPIFuzz(t *testing.T) {
	w := newWorld(t)
	f := &fuzzer{world: w, doc: mustContract(t)}
	f.urls = []string{w.target.URL, w.target.URL, w.target.URL, w.target.URL + "/a?b=c", "http://127.0.0.1:1", "http://[::1]:1/", "http://0177.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1", "", "/", "http://", "http://127.0.0.1:99999", "http://user:x@127.0.0.1:1"}
	clients := []*belaytest.Client{
		w.Admin, w.MemberWith("editor", w.workspace, belay.RoleEditor), w.Member("member"),
		w.As(w.Admin.UserID, belay.PermissionEnvironmentRead), w.Client(belay.Secret{}),
	}
	for _, r := range routes() {
		// Without the organization all else would be refused.
		if !r.Multipart && r.Method+" "+r.Path != "DELETE /api/identity/orgs/{orgId}" {
			f.operations = append(f.operations, operation{r.Method, r.Path, f.doc.Paths.Value(r.Path).GetOperation(r.Method)})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		run, made := *f, *w // objects of its own, for it may delete them
		run.world = &made
		f.runs++
		name := fmt.Sprint("of run ", f.runs)
		made.make(name, name, name, name)
		run.ids = []string{missing, made.workspace, made.environment, made.connection, made.credential, string(w.Organization)}
		for i := range rapid.IntRange(1, *steps).Draw(t, "steps") {
			client := clients[max(0, rapid.IntRange(-6, len(clients)-1).Draw(t, fmt.Sprint(i, " user")))]
			run.send(t, client.In(t), f.operations[rapid.IntRange(0, len(f.operations)-1).Draw(t, fmt.Sprint(i, " operation"))])
		}
	})
}

type fuzzer struct {
	*world
	runs       int
	doc        *document
	operations []operation
	ids        []string // of objects that exist, or did
	urls       []string // that lead to this machine, or nowhere
}

type operation struct {
	method, path string
	*openapi3.Operation
}

// send draws one request of an operation and sends it.
func (f *fuzzer) send(t *rapid.T, c *belaytest.Client, op operation) {
	path, query := op.path, url.Values{}
	for _, p := range slices.Concat(f.doc.Paths.Value(op.path).Parameters, op.Parameters) {
		switch value := f.parameter(t, p.Value); {
		case value == "" && p.Value.In != openapi3.ParameterInQuery, p.Value.Deprecated && !oneIn(t, 20, p.Value.Name+" alias"):
		case p.Value.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(value))
		case p.Value.In == openapi3.ParameterInHeader:
			c = c.With(p.Value.Name, header(value))
		case p.Value.Required || oneIn(t, 3, p.Value.Name+" given"):
			query.Add(p.Value.Name, value)
		}
	}
	var body any
	if op.RequestBody != nil {
		schema := op.RequestBody.Value.Content["application/json"].Schema.Value
		content, err := json.Marshal(f.value(t, schema, "body", 0))
		if err != nil {
			t.Fatal(err)
		}
		if oneIn(t, 20, "truncated") {
			content = content[:len(content)/2]
		}
		body = content
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	answer := c.Do(op.method, path, body)
	var made struct{ ID string }
	if answer.Status == http.StatusCreated && json.Unmarshal(answer.Body, &made) == nil {
		f.ids = append(f.ids, made.ID)
	}
}

// parameter draws a parameter's value, "" for none.
func (f *fuzzer) parameter(t *rapid.T, p *openapi3.Parameter) string {
	label := p.Name
	known := f.path("{" + p.Name + "}")
	switch {
	case p.Required && known[0] != '{' && !oneIn(t, 6, label+" other"):
		return known
	case p.Name == "orgId" && !p.Required && !oneIn(t, 8, label+" given"):
		return ""
	case p.Name == "If-Match":
		return rapid.SampledFrom([]string{"", "*", "*", `"1-x"`, `"1-x"`, `"2-x"`, "x", `"`}).Draw(t, label)
	case p.Name == "cursor":
		return rapid.SampledFrom([]string{"", "", "", "e30", "eyJjIjoibmFtZSIsInQiOiIiLCJpIjoiIn0"}).Draw(t, label)
	case p.Name == "search", p.Name == "name" && p.In == openapi3.ParameterInQuery:
		return rapid.OneOf(rapid.Just(""), rapid.StringN(0, 20, -1)).Draw(t, label)
	case p.Schema == nil:
		content, err := json.Marshal(f.value(t, p.Content["application/json"].Schema.Value, label, 0))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	v := f.value(t, p.Schema.Value, label, 0)
	if list, ok := v.([]any); ok {
		if len(list) == 0 {
			return ""
		}
		v = list[0]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// header is a value that can stand in a header.
func header(value string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, value))
}

func oneIn(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(1, n).Draw(t, label) == n
}

// broken are values that hardly any place allows.
func broken() []any {
	return []any{
		nil, "", 0, -1, 1e300, true,
		[]any{},
		[]any{nil},
		object{},
		object{"": nil},
		strings.Repeat("x", 300), "\x00", "é\U0001F600", " ",
		"../..", "' or 1=1 --", "%00", "{{.}}", "\u202e", missing[:35], "1e999", strings.Repeat("9", 40),
	}
}

// value draws a value that a schema allows, and one time in forty one that
// it may not.
func (f *fuzzer) value(t *rapid.T, s *openapi3.Schema, label string, depth int) any {
	if oneIn(t, 40, label+" broken") {
		return rapid.SampledFrom(broken()).Draw(t, label)
	}
	if s.Enum != nil {
		return rapid.SampledFrom(s.Enum).Draw(t, label)
	}
	if len(s.AnyOf) > 0 && s.Properties == nil {
		return f.value(t, s.AnyOf[rapid.IntRange(0, len(s.AnyOf)-1).Draw(t, label+" of")].Value, label, depth+1)
	}
	switch {
	case s.Type.Includes("object") || len(s.AllOf) > 0:
		return f.object(t, s, label, depth)
	case s.Type.Includes("array"):
		items := []any{}
		for i := range rapid.IntRange(0, 3).Draw(t, label+" length") {
			items = append(items, f.value(t, s.Items.Value, fmt.Sprint(label, " ", i), depth+1))
		}
		return items
	case s.Type.Includes("string"):
		return f.text(t, s, label)
	case s.Type.Includes("boolean"):
		return rapid.Bool().Draw(t, label)
	case s.Type.Includes("integer"):
		return rapid.IntRange(0, 200).Draw(t, label)
	case s.Type.Includes("number"):
		return rapid.Float64Range(0, 90000).Draw(t, label)
	}
	return rapid.SampledFrom(broken()).Draw(t, label)
}

// object draws an object with what it must hold and half of the rest.
func (f *fuzzer) object(t *rapid.T, s *openapi3.Schema, label string, depth int) object {
	properties, required := maps.Clone(s.Properties), slices.Clone(s.Required)
	if properties == nil {
		properties = openapi3.Schemas{}
	}
	for _, part := range s.AllOf {
		maps.Copy(properties, part.Value.Properties)
	}
	out := object{}
	rare := 2 + len(properties)/4 // the more there is, the more contradicts itself
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := properties[name].Value
		wanted := slices.Contains(required, name) || depth < 4 && oneIn(t, rare, label+"."+name+" in")
		if wanted && !(p.Deprecated && !oneIn(t, 20, name+" alias")) {
			out[name] = f.value(t, p, label+"."+name, depth+1)
		}
	}
	switch more := s.AdditionalProperties.Schema; {
	case more != nil && more.Value != nil:
		sets := [][]string{{"token"}, {"token"}, {"username", "password"}, {"tier", "zone"}, {"a/b~c"}, {"", "token"}}
		for _, name := range rapid.SampledFrom(sets).Draw(t, label+" names") {
			out[name] = f.value(t, more.Value, label+"."+name, depth+1)
		}
	case s.AdditionalProperties.Has != nil && oneIn(t, 30, label+" more"):
		out["nonsense"] = 1
	}
	return out
}

var idPattern = regexp.MustCompile(`\[0-9a-fA-F\]\{8\}`)

// text draws a text that a schema allows.
func (f *fuzzer) text(t *rapid.T, s *openapi3.Schema, label string) any {
	short := label[strings.LastIndexByte(label, '.')+1:]
	most := 24
	if s.MaxLength != nil {
		most = min(most, int(*s.MaxLength))
	}
	known := f.path("{" + short + "}")
	switch {
	case idPattern.MatchString(s.Pattern) && known[0] != '{' && !oneIn(t, 6, label+" other"):
		return known
	case idPattern.MatchString(s.Pattern) && label == "body.id" && !oneIn(t, 3, label+" other"):
		return f.credential
	case idPattern.MatchString(s.Pattern):
		return rapid.SampledFrom(f.ids).Draw(t, label)
	case s.Format == "date-time":
		return rapid.SampledFrom([]string{"2026-01-02T15:04:05Z", "2999-12-31T23:59:59.999999999+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z"}).Draw(t, label)
	case short == "url":
		return rapid.SampledFrom(f.urls).Draw(t, label)
	case short == "kind":
		return rapid.SampledFrom([]string{"http", "http", "prometheus", "kubernetes", "nonsense"}).Draw(t, label)
	case short == "credentialType":
		return rapid.SampledFrom([]string{"bearer", "bearer", "basic", "opaque", ""}).Draw(t, label)
	case short == "type" || short == "subType":
		return rapid.SampledFrom([]string{"", "", "", "platform", "service"}).Draw(t, label)
	case (short == "name" || short == "tier" || short == "zone") && !oneIn(t, 4, label+" other"):
		return rapid.StringMatching("[a-zA-Z]{1,12}").Draw(t, label)
	case s.Pattern != "" && !strings.Contains(s.Pattern, `\[`):
		return rapid.StringMatching(s.Pattern).Draw(t, label)
	}
	return rapid.StringN(int(s.MinLength), most, -1).Draw(t, label)
}
