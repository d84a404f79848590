package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"
	"github.com/itchyny/gojq"
)

// The output formats.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatTSV   = "tsv"
	formatCSV   = "csv"
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatName  = "name"
)

func formats() []string {
	return []string{formatTable, formatWide, formatTSV, formatJSON, formatYAML, formatName, formatCSV}
}

// checkOutput refuses a format before anything is sent.
func (in *invocation) checkOutput() error {
	format := in.set.output.text
	if expr, ok := strings.CutPrefix(format, "jsonpath="); ok {
		return usage("there is no jsonpath output — --jq does the same").withHelp("try: --jq '" + jqOf(expr) + "'")
	}
	if !slices.Contains(formats(), format) {
		f := usage("there is no output format %q", format)
		if n, ok := nearest(format, formats()); ok {
			f.help = append(f.help, "did you mean: -o "+n)
		}
		return f.withHelp("formats: " + strings.Join(formats(), ", ")).withHelp(in.set.output.found()...)
	}
	if in.flags.JQ != "" && in.flags.Template != "" {
		return usage("--jq and --template exclude each other")
	}
	if _, err := compileJQ(in.flags.JQ); err != nil {
		return err
	}
	_, err := compileTemplate(in.flags.Template)
	return err
}

// jqOf writes a kubectl JSONPath template as a jq expression, as far as it
// is simple.
func jqOf(expr string) string {
	expr = strings.TrimSuffix(strings.TrimPrefix(expr, "{"), "}")
	return strings.ReplaceAll(expr, "[*]", "[]")
}

// document is something to show: as a whole, and as rows.
type document struct {
	raw     json.RawMessage
	items   []item
	columns []column
	noun    string            // of each item, for -o name
	called  func(item) string // the name of an item that has none itself; nil: it has
	single  bool              // one object, shown line by line
	whole   bool              // wider than the screen rather than shortened: it is there to be read
}

func (d document) nameOf(it item) string {
	if d.called != nil {
		return d.called(it)
	}
	if name := it.name(); name != "" {
		return name
	}
	return it.id()
}

// show writes d to standard output in the wanted form.
func (in *invocation) show(d document) error {
	var b bytes.Buffer
	if err := in.render(&b, d); err != nil {
		return err
	}
	return in.emit(b.Bytes())
}

func (in *invocation) render(w io.Writer, d document) error {
	switch {
	case in.flags.JQ != "":
		return renderJQ(w, d.raw, in.flags.JQ)
	case in.flags.Template != "":
		return renderTemplate(w, d.raw, in.flags.Template)
	}
	switch in.set.output.text {
	case formatJSON:
		return in.renderJSON(w, d)
	case formatYAML:
		return in.renderYAML(w, d)
	case formatName:
		for _, it := range d.items {
			if _, err := fmt.Fprintf(w, "%s/%s\n", d.noun, printable(d.nameOf(it))); err != nil {
				return err
			}
		}
		return nil
	case formatCSV:
		return in.renderCSV(w, d)
	}
	return in.renderRows(w, d)
}

// machine tells whether the output is for a program, so that even a command
// that changes something shows the object.
func (in *invocation) machine() bool {
	if in.flags.JQ != "" || in.flags.Template != "" {
		return true
	}
	switch in.set.output.text {
	case formatJSON, formatYAML, formatName, formatCSV:
		return true
	}
	return false
}

// laidOut tells whether the output is rows and columns, in which what the
// API has elsewhere can be shown too.
func (in *invocation) laidOut() bool {
	return in.flags.JQ == "" && in.flags.Template == "" && len(in.flags.Fields) == 0 &&
		slices.Contains([]string{formatTable, formatWide, formatTSV, formatCSV}, in.set.output.text)
}

// forPeople tells whether the output is laid out for reading.
func (in *invocation) forPeople() bool {
	f := in.set.output.text
	return !in.machine() && (f == formatTable || f == formatWide)
}

func (in *invocation) renderJSON(w io.Writer, d document) error {
	raw, err := in.project(d)
	if err != nil {
		return err
	}
	writeIndented(w, raw)
	return nil
}

func (in *invocation) renderYAML(w io.Writer, d document) error {
	raw, err := in.project(d)
	if err != nil {
		return err
	}
	b, err := yaml.JSONToYAML(raw)
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	_, err = w.Write(b)
	return err
}

// project keeps only the wanted fields: of the object, or of each item.
func (in *invocation) project(d document) (json.RawMessage, error) {
	if len(in.flags.Fields) == 0 {
		return d.raw, nil
	}
	picked := make([]map[string]any, len(d.items))
	for i, it := range d.items {
		picked[i] = map[string]any{}
		for _, f := range in.flags.Fields {
			put(picked[i], strings.Split(f, "."), it.at(f))
		}
	}
	if d.single && len(picked) == 1 {
		return json.Marshal(picked[0])
	}
	return json.Marshal(picked)
}

func put(into map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		next, ok := into[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[name] = next
		}
		into = next
	}
	into[path[len(path)-1]] = v
}

func (in *invocation) renderCSV(w io.Writer, d document) error {
	columns := in.columns(d, false) // those of tsv
	out := csv.NewWriter(w)
	if !in.flags.NoHeaders {
		if err := out.Write(titles(columns)); err != nil {
			return err
		}
	}
	for _, it := range d.items {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = c.cell(it, view{now: in.Now()}).text
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func compileJQ(expr string) (*gojq.Code, error) {
	if expr == "" {
		return nil, nil
	}
	q, err := gojq.Parse(expr)
	if err != nil {
		return nil, notJQ(err)
	}
	code, err := gojq.Compile(q)
	if err != nil {
		return nil, notJQ(err)
	}
	return code, nil
}

func notJQ(err error) *failure {
	return &failure{exit: exitUsage, what: "--jq is not an expression of jq", why: err.Error()}
}

// renderJQ writes each result on a line: a string bare, anything else as
// JSON.
func renderJQ(w io.Writer, raw json.RawMessage, expr string) error {
	code, err := compileJQ(expr)
	if err != nil {
		return err
	}
	v, err := decodeAny(raw)
	if err != nil {
		return err
	}
	results := code.Run(v)
	for {
		r, ok := results.Next()
		if !ok {
			return nil
		}
		if err, ok := r.(error); ok {
			return misfit(err, v)
		}
		if err := writeResult(w, r); err != nil {
			return err
		}
	}
}

// misfit is what jq says of an answer that it does not fit.
func misfit(err error, answer any) *failure {
	f := &failure{exit: exitFailed, what: "--jq does not fit the answer", why: err.Error()}
	if list, ok := listIn(answer); ok && strings.Contains(f.why, "expected an object but got: array") {
		return f.withHelp("each element of a list: " + list)
	}
	return f.withHelp("see the answer: the same with -o json in place of --jq")
}

// listIn is the expression for each element of the list that an answer is, or
// has: for their names, if they have any.
func listIn(answer any) (string, bool) {
	path, list := "", []any(nil)
	switch v := answer.(type) {
	case []any:
		path, list = ".", v
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if l, ok := v[key].([]any); ok && path == "" {
				path, list = "."+key, l
			}
		}
	}
	if path == "" {
		return "", false
	}
	path += "[]"
	if len(list) > 0 && (item{fields: list[0]}).name() != "" {
		path += ".name"
	}
	return path, true
}

func writeResult(w io.Writer, r any) error {
	if s, ok := r.(string); ok {
		_, err := fmt.Fprintln(w, s)
		return err
	}
	b, err := gojq.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the result of --jq: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

func compileTemplate(text string) (*template.Template, error) {
	functions := template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"join": func(sep string, v []any) string {
			parts := make([]string, len(v))
			for i, e := range v {
				parts[i] = textOf(e)
			}
			return strings.Join(parts, sep)
		},
		"upper": strings.ToUpper,
		"lower": strings.ToLower,
	}
	t, err := template.New("--template").Funcs(functions).Parse(text)
	if err != nil {
		return nil, usage("--template — %s", templateComplaint(err))
	}
	return t, nil
}

func renderTemplate(w io.Writer, raw json.RawMessage, text string) error {
	t, err := compileTemplate(text)
	if err != nil {
		return err
	}
	v, err := decodeAny(raw)
	if err != nil {
		return err
	}
	if err := t.Execute(w, v); err != nil {
		return &failure{exit: exitFailed, what: "--template does not fit the answer", why: templateComplaint(err)}
	}
	return nil
}
