package rest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"belay"
	"belay/site"
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

// Docs answers the pages about the API: GET /docs with the document, GET
// /docs/errors and /docs/errors/{code} with what each error means, GET
// /docs/kinds and /docs/kinds/{name} with the kinds that the server brings
// along. Where there is no such page, missing answers.
func Docs(kinds []*belay.Kind, missing http.Handler) http.Handler {
	d := &documentation{pages: site.Parse(docs, "docs/*.html"), kinds: kinds, missing: missing}
	overview := sync.OnceValue(func() []byte {
		v := newOverview(parseDocument())
		return d.pages.Render("overview.html", site.Page{Title: v.Title + " API", Here: "/docs", Data: v})
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { site.Write(w, http.StatusOK, overview()) })
	mux.HandleFunc("GET /docs/errors", d.errors)
	mux.HandleFunc("GET /docs/errors/{code}", d.error)
	mux.HandleFunc("GET /docs/kinds", d.kindList)
	mux.HandleFunc("GET /docs/kinds/{name}", d.kind)
	mux.Handle("GET /docs/", missing)
	return mux
}

// documentation is what the pages are made of.
type documentation struct {
	pages   *site.Templates
	kinds   []*belay.Kind
	missing http.Handler
}

func (d *documentation) show(w http.ResponseWriter, name string, p site.Page) {
	site.Write(w, http.StatusOK, d.pages.Render(name, p))
}

// codeView is a code as the pages about errors show it.
type codeView struct {
	Code   belay.Code
	Status int // 0: it is none of the server's
	errorPage
}

func newCodeViews(codes iter.Seq[belay.Code], pages map[belay.Code]errorPage) []codeView {
	var out []codeView
	for code := range codes {
		out = append(out, codeView{code, statuses[code], pages[code]})
	}
	return out
}

func (d *documentation) errors(w http.ResponseWriter, _ *http.Request) {
	d.show(w, "errors.html", site.Page{Title: "Errors", Here: "/docs/errors", Data: struct{ Answers, Endings []codeView }{
		newCodeViews(slices.Values(belay.Codes()), errorPages),
		newCodeViews(slices.Values(slices.Sorted(maps.Keys(endingPages))), endingPages),
	}})
}

func (d *documentation) error(w http.ResponseWriter, r *http.Request) {
	code := belay.Code(r.PathValue("code"))
	p, ok := errorPages[code]
	if !ok {
		p, ok = endingPages[code]
	}
	if !ok {
		d.missing.ServeHTTP(w, r)
		return
	}
	d.show(w, "error.html", site.Page{Title: p.Title, Here: "/docs/errors", Data: codeView{code, statuses[code], p}})
}

// overview is what the page about the whole API shows.
type overview struct {
	Title, Description string
	Tags               []tagView
	Schemas            []schemaView
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
		Title: root.get("info", "title").text(), Description: root.get("info", "description").text(),
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
