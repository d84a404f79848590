package rest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"belay"
)

//go:embed docs
var docs embed.FS

// OpenAPI answers GET /openapi.json with the document of the API, OpenAPI
// 3.1, and a strong ETag.
func OpenAPI() http.Handler {
	document := sync.OnceValues(func() ([]byte, string) {
		var b bytes.Buffer
		if err := parseDocument().writeJSON(&b); err != nil {
			panic(fmt.Errorf("write openapi.yaml as JSON: %w", err))
		}
		sum := sha256.Sum256(b.Bytes())
		return b.Bytes(), `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, tag := document()
		h := w.Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a client that has gone misses nothing
	})
}

// Docs answers GET /docs with the document as a page, GET
// /docs/errors/{code} with a page about one error code, and GET
// /docs/style.css. The pages hold no script and load nothing from elsewhere.
func Docs() http.Handler {
	pages := template.Must(template.New("").Funcs(template.FuncMap{"prose": prose}).ParseFS(docs, "docs/*.html"))
	overview := sync.OnceValue(func() []byte { return render(pages, "overview.html", newOverview(parseDocument())) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		page(w, http.StatusOK, overview())
	})
	mux.HandleFunc("GET /docs/errors/{code}", func(w http.ResponseWriter, r *http.Request) {
		code := belay.Code(r.PathValue("code"))
		p, ok := errorPages[code]
		if !ok {
			p, ok = endingPages[code]
		}
		if !ok {
			page(w, http.StatusNotFound, render(pages, "missing.html", nil))
			return
		}
		page(w, http.StatusOK, render(pages, "error.html", struct {
			Code   belay.Code
			Status int
			errorPage
		}{code, statuses[code], p}))
	})
	mux.HandleFunc("GET /docs/style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, docs, "docs/style.css")
	})
	mux.HandleFunc("GET /docs/", func(w http.ResponseWriter, _ *http.Request) {
		page(w, http.StatusNotFound, render(pages, "missing.html", nil))
	})
	return mux
}

func render(pages *template.Template, name string, data any) []byte {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic(fmt.Errorf("render %s: %w", name, err))
	}
	return b.Bytes()
}

func page(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone misses nothing
}

// span is a piece of text in one style.
type span struct {
	Text   string
	Code   bool
	Strong bool
}

var marked = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*")

// prose splits a description of the document into paragraphs of spans.
func prose(text string) [][]span {
	var out [][]span
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var spans []span
		rest := paragraph
		for at := marked.FindStringIndex(rest); at != nil; at = marked.FindStringIndex(rest) {
			m := rest[at[0]:at[1]]
			spans = append(spans, span{Text: rest[:at[0]]}, span{
				Text: strings.Trim(m, "`*"), Code: m[0] == '`', Strong: m[0] == '*',
			})
			rest = rest[at[1]:]
		}
		out = append(out, append(spans, span{Text: rest}))
	}
	return out
}

// overview is what the page about the whole API shows.
type overview struct {
	Title, Description string
	Tags               []tagView
	Schemas            []schemaView
	Codes              []belay.Code
}

type tagView struct {
	Name, Description string
	Operations        []operationView
}

type operationView struct {
	ID, Method, Path, Summary, Description, Permission string
	Parameters                                         []fieldView
	Body                                               []contentView
	Responses                                          []responseView
}

type fieldView struct {
	Name, In, Description string
	Type                  typeView
	Required, Deprecated  bool
}

// typeView is a type in words, with the schema that it names, if any.
type typeView struct{ Text, Schema string }

type contentView struct {
	Media string
	Type  typeView
}

type responseView struct {
	Status, Description string
	Content             []contentView
}

type schemaView struct {
	Name, Description string
	Type              typeView
	Fields            []fieldView
}

func newOverview(root node) overview {
	v := overview{
		Title: root.get("info", "title").text(), Description: root.get("info", "description").text(), Codes: belay.Codes(),
	}
	for _, tag := range root.get("tags").items() {
		t := tagView{Name: tag.get("name").text(), Description: tag.get("description").text()}
		root.get("paths").each(func(path string, item node) {
			item.each(func(method string, op node) {
				if slices.Contains(op.get("tags").texts(), t.Name) {
					t.Operations = append(t.Operations, newOperation(root, path, method, item, op))
				}
			})
		})
		v.Tags = append(v.Tags, t)
	}
	root.get("components", "schemas").each(func(name string, schema node) {
		v.Schemas = append(v.Schemas, newSchema(root, name, schema))
	})
	return v
}

func newOperation(root node, path, method string, item, op node) operationView {
	v := operationView{
		ID: op.get("operationId").text(), Method: strings.ToUpper(method), Path: path, Summary: op.get("summary").text(),
		Description: op.get("description").text(), Permission: op.get("x-permission").text(),
		Body: contents(op.get("requestBody")),
	}
	for _, p := range slices.Concat(item.get("parameters").items(), op.get("parameters").items()) {
		v.Parameters = append(v.Parameters, newParameter(p.resolve(root)))
	}
	op.get("responses").each(func(status string, r node) {
		r = r.resolve(root)
		v.Responses = append(v.Responses, responseView{status, r.get("description").text(), contents(r)})
	})
	return v
}

func newParameter(p node) fieldView {
	v := fieldView{
		Name: p.get("name").text(), In: p.get("in").text(), Description: p.get("description").text(),
		Required: p.get("required").text() == "true", Deprecated: p.get("deprecated").text() == "true", Type: typeOf(p.get("schema")),
	}
	for _, c := range contents(p) {
		v.Type = c.Type
		v.Type.Text = "JSON " + v.Type.Text
	}
	return v
}

func contents(n node) []contentView {
	var out []contentView
	n.get("content").each(func(media string, c node) {
		out = append(out, contentView{media, typeOf(c.get("schema"))})
	})
	return out
}

func newSchema(root node, name string, schema node) schemaView {
	v := schemaView{Name: name, Description: schema.get("description").text(), Type: typeOf(schema)}
	required := schema.get("required").texts()
	for _, part := range append(schema.get("allOf").items(), schema) {
		part.resolve(root).get("properties").each(func(field string, s node) {
			v.Fields = append(v.Fields, fieldView{
				Name: field, Type: typeOf(s), Description: s.get("description").text(),
				Required: slices.Contains(required, field), Deprecated: s.get("deprecated").text() == "true",
			})
		})
		required = append(required, part.resolve(root).get("required").texts()...)
	}
	return v
}

// typeOf says in words what a schema allows.
func typeOf(s node) typeView {
	if ref := s.get("$ref").text(); ref != "" {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return typeView{Text: name, Schema: name}
	}
	if values := s.get("enum").items(); values != nil {
		return typeView{Text: enumText(values)}
	}
	if c := s.get("const"); c.y != nil {
		return typeView{Text: fmt.Sprintf("%q", c.text())}
	}
	var alternatives []string
	for _, a := range slices.Concat(s.get("anyOf").items(), s.get("oneOf").items()) {
		alternatives = append(alternatives, typeOf(a).Text)
	}
	types := s.get("type").texts()
	switch {
	case alternatives != nil && types == nil:
		return typeView{Text: strings.Join(alternatives, " or ")}
	case slices.Contains(types, "array"):
		item := typeOf(s.get("items"))
		return typeView{Text: "array of " + item.Text, Schema: item.Schema}
	case types == nil && s.get("allOf").y != nil:
		return typeView{Text: "object"}
	case types == nil:
		return typeView{Text: "anything"}
	}
	return typeView{Text: strings.Join(types, " or ")}
}

func enumText(values []node) string {
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i] = v.text(); texts[i] == "" {
			texts[i] = `""`
		}
	}
	return strings.Join(texts, ", ")
}
