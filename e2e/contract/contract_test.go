package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"

	"belay/belaytest"
)

// absent are the published operations that this server does not have, and
// why. One that it gets, and one that vanishes from the documents, fails the
// test until it is taken from here.
var absent = map[string]string{
	"GET /api/workspaces/{workspaceId}/designs":               "designs are none of this server's",
	"POST /api/workspaces/{workspaceId}/designs/{designId}":   "designs are none of this server's",
	"DELETE /api/workspaces/{workspaceId}/designs/{designId}": "designs are none of this server's",
	"GET /api/workspaces/{workspaceId}/views":                 "views are none of this server's",
	"POST /api/workspaces/{workspaceId}/views/{viewId}":       "views are none of this server's",
	"DELETE /api/workspaces/{workspaceId}/views/{viewId}":     "views are none of this server's",

	"GET /api/identity/orgs/{orgId}/preferences":                     "themes of Meshery's hosted service",
	"GET /api/identity/orgs/by-domain":                               "domains of Meshery's hosted service",
	"GET /api/users":                                                 "users of Meshery's hosted service",
	"GET /api/identity/users/profile":                                "the caller is at /api/user",
	"GET /api/identity/users/profile/{id}":                           "profiles of Meshery's hosted service",
	"DELETE /api/integrations/connections/meshery/{mesheryServerId}": "connections to Meshery servers come later",

	"GET /api/identity/tokens/infinite": "a GET changes nothing; a token that never expires is made like any other, where the operator allows it",
}

// validator is a transport that holds what passes to the documents, and
// counts the operations of which it has seen a success.
type validator struct {
	documents []document
	next      http.RoundTripper
	seen      map[string]int
}

// RoundTrip implements http.RoundTripper.
func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	res, err := v.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(got))
	for _, d := range v.documents {
		if err := v.check(d, r, sent, res, got); err != nil {
			return nil, fmt.Errorf("%s: %w\nsent %s\nanswered %d %s", d.name, err, sent, res.StatusCode, got)
		}
	}
	return res, nil
}

// check holds an exchange to one document, if that knows the operation.
func (v *validator) check(d document, r *http.Request, sent []byte, res *http.Response, got []byte) error {
	if res.StatusCode >= 400 {
		return nil // errors have a form of their own (RFC 9457)
	}
	again := r.Clone(context.Background())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	route, params, err := d.router.FindRoute(again)
	if err != nil {
		return nil //nolint:nilerr // it is another document's
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return fmt.Errorf("the request is not what is published: %w", err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options}
	if err := openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(got)); err != nil {
		return fmt.Errorf("the answer is not what is published: %w", err)
	}
	v.seen[route.Method+" "+route.Path]++
	return nil
}

type object = map[string]any

// TestPublishedContract calls every operation that server and documents
// share, as a client does that was made from the documents, and validates
// each request and answer.
func TestPublishedContract(t *testing.T) {
	v := &validator{documents: load(t), seen: map[string]int{}}
	s := belaytest.Start(t, belaytest.Options{Transport: func(next http.RoundTripper) http.RoundTripper {
		v.next = next
		return v
	}})
	target := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(target.Close)
	w := journey(t, s, target.URL)
	w.takeApart(s.Admin)

	ours, shared := operations(s.Admin), map[string]bool{}
	missing := maps.Clone(absent)
	for _, d := range v.documents {
		for path, item := range d.doc.Paths.Map() {
			for method := range item.Operations() {
				name := method + " " + path
				delete(missing, name)
				if absent[name] == "" {
					shared[name] = true
				} else if ours[parameter.ReplaceAllString(name, "{}")] {
					t.Errorf("%s is there by now: take it from the table and call it", name)
				}
			}
		}
	}
	for name := range missing {
		t.Errorf("%s is in the table and not in the documents", name)
	}
	for name := range shared {
		if v.seen[name] == 0 {
			t.Errorf("%s was not validated", name)
		}
	}
	t.Logf("%d operations validated, %d known to be absent", len(v.seen), len(absent))
}

// parameter is a part of a path that names something; documents name it as
// they like.
var parameter = regexp.MustCompile(`\{[^}]*\}`)

// operations are those that the server's own document lists, without the
// names of their parameters.
func operations(s *belaytest.Client) map[string]bool {
	var doc struct {
		Paths map[string]map[string]any
	}
	s.Get("/openapi.json").Want(http.StatusOK).Decode(&doc)
	out := map[string]bool{}
	for path, item := range doc.Paths {
		for method := range item {
			out[strings.ToUpper(method)+" "+parameter.ReplaceAllString(path, "{}")] = true
		}
	}
	return out
}
