package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"belay/rest"
)

// contract is the document, read once for all tests. Its answers are closed:
// what the document does not mention, no answer may hold.
var contract = sync.OnceValues(func() (*document, error) {
	w := httptest.NewRecorder()
	rest.OpenAPI().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", http.NoBody))
	var root map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &root); err != nil {
		return nil, err
	}
	schemas, _ := root["components"].(map[string]any)["schemas"].(map[string]any)
	for name, schema := range schemas {
		if !slices.Contains([]string{"Page", "SnakePage", "Person"}, name) { // parts of others
			closeSchema(schema)
		}
	}
	closed, err := json.Marshal(root)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(closed)
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	return &document{T: doc, router: router, schemas: schemas}, err
})

// closeSchema lets an object hold nothing but what it describes.
func closeSchema(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, open := v["additionalProperties"]
		if _, described := v["properties"].(map[string]any); described && !open {
			v["unevaluatedProperties"] = false
		}
		for _, inner := range v {
			closeSchema(inner)
		}
	case []any:
		for _, inner := range v {
			closeSchema(inner)
		}
	}
}

// document is an OpenAPI document with its schemas compiled, each once: the
// library that reads it would compile one anew for every answer.
type document struct {
	*openapi3.T
	router   routers.Router
	schemas  any // those that others refer to
	compiled sync.Map
}

func mustContract(t testing.TB) *document {
	t.Helper()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// conform is a transport that holds every request and answer to the
// document. What the document does not allow is an error of the exchange.
func (d *document) conform(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		var sent []byte
		if r.Body != nil {
			var err error
			if sent, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		got, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(got))
		if err := d.check(r, sent, res, got); err != nil {
			return nil, fmt.Errorf("%w\nsent %s\nanswered %d %s", err, brief(sent), res.StatusCode, brief(got))
		}
		return res, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func brief(b []byte) []byte { return b[:min(len(b), 2000)] }

// check holds one exchange to the document.
func (d *document) check(r *http.Request, sent []byte, res *http.Response, got []byte) error {
	if res.StatusCode >= 500 {
		return errors.New("the server failed")
	}
	if r.Method == http.MethodHead && len(got) == 0 {
		return nil // it says what GET says, of which the body is missing
	}
	if res.StatusCode >= 400 && !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		if err := checkProblem(res, got); err != nil {
			return err
		}
	}
	again := r.Clone(context.Background())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	route, params, err := d.router.FindRoute(again)
	if err != nil {
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			return undocumented(r, res)
		}
		return errors.Join(undocumented(r, res), d.isProblem(res, got))
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
		RejectWhenRequestBodyNotSpecified: true, ExcludeWriteOnlyValidations: true,
	}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: options}
	if res.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("a request was carried out that the document forbids: %w", err)
		}
	} else if route.Operation.RequestBody == nil && slices.Contains([]int{413, 415, 422}, res.StatusCode) {
		return d.isProblem(res, got) // the document has no word on bodies where none is taken
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/jsonl") || strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-ndjson") {
		options.ExcludeResponseBody = true // which is many documents
		if err := d.checkLines(got); err != nil {
			return err
		}
	}
	if schema := schemaOf(route.Operation, res); schema != nil {
		options.ExcludeResponseBody = true
		if err := d.validate(schema, got); err != nil {
			return fmt.Errorf("the answer is not what the document says: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options}
	if err := openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(got)); err != nil {
		return fmt.Errorf("the answer is not what the document says: %w", err)
	}
	if res.StatusCode == http.StatusNoContent && len(got) > 0 {
		return errors.New("an answer 204 has a body")
	}
	return nil
}

// schemaOf is what an operation says of the body of an answer in JSON, nil
// where it says nothing.
func schemaOf(operation *openapi3.Operation, res *http.Response) *openapi3.SchemaRef {
	answer := operation.Responses.Status(res.StatusCode)
	if answer == nil {
		answer = operation.Responses.Default()
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if answer == nil || answer.Value.Content[media] == nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return nil
	}
	return answer.Value.Content[media].Schema
}

// validate holds a JSON text to a schema of the document.
func (d *document) validate(schema *openapi3.SchemaRef, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	compile, _ := d.compiled.LoadOrStore(schema.Value, sync.OnceValues(func() (*jsonschema.Schema, error) { return d.compile(schema) }))
	compiled, err := compile.(func() (*jsonschema.Schema, error))()
	if err != nil {
		return err
	}
	return compiled.Validate(v)
}

// compile makes a schema a document of its own, with those that it refers to.
func (d *document) compile(schema *openapi3.SchemaRef) (*jsonschema.Schema, error) {
	text, err := json.Marshal(schema.Value)
	if err != nil {
		return nil, err
	}
	var own map[string]any
	if err := json.Unmarshal(text, &own); err != nil {
		return nil, err
	}
	own["components"] = map[string]any{"schemas": d.schemas}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("document.json", own); err != nil {
		return nil, err
	}
	return c.Compile("document.json")
}

// checkLines holds each line of an answer to the document's CheckLine.
func (d *document) checkLines(got []byte) error {
	for line := range bytes.Lines(got) {
		if err := d.validate(d.Components.Schemas["CheckLine"], line); err != nil {
			return fmt.Errorf("the line %q: %w", line, err)
		}
	}
	return nil
}

// isProblem holds an error to the document's Problem.
func (d *document) isProblem(res *http.Response, got []byte) error {
	switch {
	case res.StatusCode < 400:
		return nil
	case grantEndpoint(res):
		return d.validate(d.Components.Schemas["GrantError"], got)
	}
	return d.validate(d.Components.Schemas["Problem"], got)
}

// grantEndpoint tells whether the form of an error is that of RFC 6749,
// section 5.2.
func grantEndpoint(res *http.Response) bool {
	return slices.Contains([]string{"/oauth/token", "/oauth/device", "/oauth/revoke"}, res.Request.URL.Path)
}

// checkProblem holds an error to its answer.
func checkProblem(res *http.Response, got []byte) error {
	if grantEndpoint(res) {
		return nil
	}
	if ct := res.Header.Get("Content-Type"); ct != "application/problem+json" {
		return fmt.Errorf("an error is of type %q", ct)
	}
	var p struct {
		Status    int
		RequestID string
		Type      string
		Code      string
	}
	if err := json.Unmarshal(got, &p); err != nil {
		return err
	}
	if p.Status != res.StatusCode || p.RequestID == "" || p.RequestID != res.Header.Get("X-Request-ID") || p.Type != "/docs/errors/"+p.Code {
		return fmt.Errorf("the error contradicts its answer: %+v", p)
	}
	return nil
}

// undocumented is an error unless the server, too, says that the operation
// does not exist.
func undocumented(r *http.Request, res *http.Response) error {
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnauthorized:
		return nil
	case http.StatusOK, http.StatusNotModified:
		if r.Method == http.MethodHead || r.URL.Path == "/" || r.URL.Path == "/style.css" {
			return nil
		}
	}
	return fmt.Errorf("%s %s is not in the document", r.Method, r.URL.Path)
}
