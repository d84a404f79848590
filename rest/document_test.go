package rest_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"belay"
	"belay/rest"
)

// outside are the operations of the document that are none of the API's
// routes: other parts of the server answer them.
var outside = []string{
	"GET /healthz/live", "GET /healthz/ready", "GET /openapi.json", "GET /docs", "GET /docs/errors", "GET /docs/errors/{code}",
	"GET /docs/kinds", "GET /docs/kinds/{name}",
	"GET /user/login", "POST /user/login", "GET /user/logout", "POST /user/logout",
	"GET /user/callback/{providerName}", "POST /user/backchannel-logout/{providerName}",
	"GET /user/invitation", "POST /user/invitation", "GET /user/password", "POST /user/password",
	"GET /.well-known/oauth-authorization-server", "GET /oauth/authorize", "POST /oauth/authorize",
	"POST /oauth/token", "POST /oauth/device", "POST /oauth/revoke", "GET /device", "POST /device",
}

// everywhere are the parameters that every route takes.
var everywhere = []string{"orgID", "orgId", "provider"}

func TestDocumentIsValid(t *testing.T) {
	if err := mustContract(t).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDocumentHoldsEveryRoute compares the document with the routes, both
// ways.
func TestDocumentHoldsEveryRoute(t *testing.T) {
	doc := mustContract(t)
	documented := map[string]*openapi3.Operation{}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			op.Parameters = append(slices.Clone(item.Parameters), op.Parameters...)
			documented[method+" "+path] = op
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: operationId %q is empty or there twice", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	for _, r := range rest.Routes() {
		name := r.Method + " " + r.Path
		op := documented[name]
		delete(documented, name)
		if op == nil {
			t.Errorf("%s is not in the document", name)
			continue
		}
		checkOperation(t, name, r, op)
	}
	for _, name := range outside {
		if documented[name] == nil {
			t.Errorf("%s is not in the document", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is in the document and not a route", name)
	}
}

func checkOperation(t *testing.T, name string, r rest.Route, op *openapi3.Operation) {
	t.Helper()
	if got := op.Extensions["x-permission"]; got != string(r.Permission) {
		t.Errorf("%s: x-permission %v, want %q", name, got, r.Permission)
	}
	for _, p := range r.Further() {
		if !strings.Contains(op.Description, "`"+string(p)+"`") {
			t.Errorf("%s: the description does not say that it needs %s too", name, p)
		}
	}
	for _, p := range []string{"/healthz", "/api"} {
		if strings.HasPrefix(r.Path, p) && op.Summary == "" {
			t.Errorf("%s has no summary", name)
		}
	}
	if op.Responses.Status(r.Status) == nil {
		t.Errorf("%s: the answer %d is not in the document", name, r.Status)
	}
	in := map[string][]string{}
	for _, p := range op.Parameters {
		in[p.Value.In] = append(in[p.Value.In], p.Value.Name)
	}
	want := slices.Sorted(slices.Values(append(slices.Clone(r.Query), everywhere...)))
	if got := slices.Sorted(slices.Values(in["query"])); !slices.Equal(got, want) {
		t.Errorf("%s: the document has the parameters %v, the route %v", name, got, want)
	}
	var inPath []string
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.Path, -1) {
		inPath = append(inPath, m[1])
	}
	if !slices.Equal(in["path"], inPath) {
		t.Errorf("%s: the document has the path parameters %v, the route %v", name, in["path"], inPath)
	}
	media := "application/json"
	if r.Multipart {
		media = "multipart/form-data"
	}
	if op.RequestBody != nil && op.RequestBody.Value.Content[media] == nil {
		t.Errorf("%s: the document has no body of type %s", name, media)
	}
	checkHeaders(t, name, r, in["header"])
}

func checkHeaders(t *testing.T, name string, r rest.Route, headers []string) {
	t.Helper()
	if !slices.Contains(headers, "X-Request-ID") {
		t.Errorf("%s: X-Request-ID is not in the document", name)
	}
	if got := slices.Contains(headers, "If-None-Match"); got != (r.Method == http.MethodGet) {
		t.Errorf("%s: If-None-Match in the document: %v", name, got)
	}
	if got := slices.Contains(headers, "Idempotency-Key"); got != creates(r) {
		t.Errorf("%s: Idempotency-Key in the document: %v", name, got)
	}
}

// creates tells whether a route makes an object of its own.
func creates(r rest.Route) bool {
	if r.Permission == rest.Anyone {
		return false
	}
	return r.Status == http.StatusCreated && !strings.HasSuffix(r.Path, "Id}") || strings.HasSuffix(r.Path, "/register") ||
		strings.HasSuffix(r.Path, "/rotate") || r.Method == http.MethodPost && r.Path == "/api/system/kubernetes"
}

// TestDocumentClosesBodies keeps bodies from being wider in the document
// than in the server.
func TestDocumentClosesBodies(t *testing.T) {
	for path, item := range mustContract(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil || !strings.HasPrefix(path, "/api/") {
				continue
			}
			for media, content := range op.RequestBody.Value.Content {
				schema := content.Schema.Value
				if len(schema.AllOf) == 1 {
					schema = schema.AllOf[0].Value
				}
				if has := schema.AdditionalProperties.Has; has == nil || *has {
					t.Errorf("%s %s: the body %s is open", method, path, media)
				}
			}
		}
	}
}

// TestDocumentListsDomain compares the document's enumerations with the
// domain's.
func TestDocumentListsDomain(t *testing.T) {
	schemas := mustContract(t).Components.Schemas
	for name, want := range map[string][]string{
		"Code":         texts(belay.Codes()),
		"Permission":   texts(belay.Permissions()),
		"Status":       texts(belay.Statuses()),
		"HealthStatus": texts(belay.HealthStatuses()),
		"Cause":        texts(belay.Causes()),
	} {
		var got []string
		for _, v := range schemas[name].Value.Enum {
			if s, ok := v.(string); ok {
				got = append(got, s)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the document lists %v, the domain %v", name, got, want)
		}
	}
	stages := schemas["Stage"].Value.Properties["name"].Value.Enum
	if len(stages) != len(belay.Stages()) {
		t.Errorf("the document lists the stages %v, the domain %v", stages, belay.Stages())
	}
	types := schemas["Credential"].Value.Properties["type"].Value.Enum
	if len(types) != len(belay.CredentialTypes()) {
		t.Errorf("the document lists the types of credential %v, the domain has %d", types, len(belay.CredentialTypes()))
	}
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOpenAPIHasETag(t *testing.T) {
	h := rest.OpenAPI()
	first := get(h, "/openapi.json")
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || tag == "" || first.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	if !strings.HasPrefix(first.Body.String(), `{"openapi":"3.1.0","info":{`) {
		t.Errorf("the document does not keep its order: %.80s", first.Body)
	}
	if again := get(h, "/openapi.json", "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("again: %d with %d bytes", again.Code, again.Body.Len())
	}
}
