package rest_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"belay"
	"belay/belaytest"
	"belay/rest"
)

// changes tells whether a route may change something, so that its body is
// read.
func changes(r rest.Route) bool { return r.Method != http.MethodGet }

// TestMalformedBody sends what is no JSON to every route that reads a body.
func TestMalformedBody(t *testing.T) {
	w := newWorld(t)
	deep := strings.Repeat(`{"metadata":`, 1000) + "1" + strings.Repeat("}", 1000)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !changes(r) || r.Multipart {
			return
		}
		a = a.With("If-Match", "*")
		for _, body := range []string{
			`{`, `{"name":`, `{"name":"x"`, `{"name":"x"}}`, `{} {}`, `{"name":"x",}`, `{name:"x"}`, `nonsense`, `'x'`,
			"{\"name\":\"\xff\"}", "\xef\xbb\xbf{}", "{\"name\":\"a\nb\"}", `{"name":"\x"}`, `{"name":01}`, `{"name":NaN}`, deep, "\x00",
		} {
			a.Do(r.Method, w.address(r), []byte(body)).Want(http.StatusBadRequest).WantCode(belay.CodeMalformed)
		}
		for _, body := range []string{`[]`, `"x"`, `1`, `true`} {
			p := a.Do(r.Method, w.address(r), []byte(body)).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
			wantFields(t, p, "")
		}
	})
}

// TestMediaType sends bodies that do not say that they are JSON.
func TestMediaType(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !changes(r) {
			return
		}
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense", "application/json; charset", "multipart/mixed; boundary=x"} {
			p := a.With("If-Match", "*").With("Content-Type", media).Do(r.Method, w.address(r), []byte(`{"name":"x"}`)).Want(http.StatusUnsupportedMediaType)
			p.WantCode(belay.CodeUnsupportedMedia)
		}
	})
	// A charset does not hurt, nor does a media type that is built on JSON.
	for _, media := range []string{"application/json; charset=utf-8", "APPLICATION/JSON"} {
		w.Admin.With("Content-Type", media).Put(w.path("/api/environments/{environmentId}"), []byte(`{"description":"x"}`)).Want(http.StatusOK)
	}
}

// TestLargeBody sends more than is read.
func TestLargeBody(t *testing.T) {
	w := newWorld(t)
	large := []byte(`{"description":"` + strings.Repeat("a", 10<<20) + `"}`)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !changes(r) {
			return
		}
		// Told to expect 100-continue, the client waits for the refusal
		// instead of sending on while the server hangs up.
		a = a.With("If-Match", "*").With("Expect", "100-continue")
		if r.Multipart {
			a = a.With("Content-Type", "multipart/form-data; boundary=x")
		}
		a.Do(r.Method, w.address(r), large).Want(http.StatusRequestEntityTooLarge).WantCode(belay.CodeTooLarge)
	})
}

// TestBodyTooLong sends a body that does not say how long it is, and is one
// byte longer than is read.
func TestBodyTooLong(t *testing.T) {
	w := newWorld(t)
	body := []byte(`{"description":"` + strings.Repeat("a", 1<<20-len(`{"description":""}`)+1) + `"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/api/environments", io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+string(w.Token(belay.Token{UserID: w.Admin.UserID}).Reveal()))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if req.ContentLength != 0 || res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d for %d bytes, sent with the length %d", res.StatusCode, len(body), req.ContentLength)
	}
	w.Admin.Post("/api/environments", body[:len(body)-3]).WantCode(belay.CodeMalformed) // short enough to be read
}

// TestUnknownFields sends fields that a route does not have, or has once.
func TestUnknownFields(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !changes(r) || r.Multipart {
			return
		}
		a = a.With("If-Match", "*")
		invalid := func(body string, pointers ...string) {
			t.Helper()
			p := a.Do(r.Method, w.address(r), []byte(body)).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
			wantFields(t, p, pointers...)
		}
		invalid(`{"nonsense":1}`, "/nonsense")
		invalid(`{"a/b~c":1,"Name":"x","NAME":1}`, "/a~1b~0c", "/Name", "/NAME")
		invalid(`{"__proto__":{},"":1}`, "/__proto__", "/")
		invalid(`null`, "") // not an object, and not nothing
		if w.takesBody(r) {
			invalid(`{"organizationId":"`+missing+`","organizationId":"`+missing+`"}`, "/organizationId")
		}
	})
}

// TestIllTypedFields sends a value of another type for every field of every
// body in the document, nested ones included.
func TestIllTypedFields(t *testing.T) {
	w := newWorld(t)
	doc := mustContract(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !w.takesBody(r) {
			return
		}
		schema := doc.Paths.Value(r.Path).GetOperation(r.Method).RequestBody.Value.Content["application/json"].Schema.Value
		if len(schema.AllOf) > 0 {
			schema = schema.AllOf[0].Value
		}
		for name, field := range schema.Properties {
			for _, wrong := range wrongValues(field.Value) {
				body := w.body(r)
				delete(body, name)
				body[name] = wrong
				p := a.With("If-Match", "*").Do(r.Method, w.address(r), body).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
				if len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "/"+canonical(name)) && !strings.HasPrefix(p.Errors[0].Pointer, "/"+name) {
					t.Errorf("%s = %v: %+v", name, wrong, p)
				}
			}
		}
	})
}

// canonical is the name under which an alias is stored.
func canonical(name string) string {
	return map[string]string{"sub_type": "subType"}[name]
}

// wrongValues are JSON values that a schema does not allow.
func wrongValues(s *openapi3.Schema) []any {
	var out []any
	for _, v := range []any{true, 1.5, "\u0000nonsense", []any{object{"x": 1}}, object{"x": []any{}}} {
		if s.VisitJSON(v, openapi3.EnableJSONSchema2020()) != nil {
			out = append(out, v)
		}
	}
	return out
}

// TestNUL puts NUL into every text of a body that is stored.
func TestNUL(t *testing.T) { onBoth(t, testNUL) }

func testNUL(t *testing.T, w *world) {
	t.Helper()
	before := w.Stored()
	for path, bodies := range map[string][]string{
		"/api/environments":             {`{"name":"a\u0000b"}`, `{"name":"a","description":"\u0000"}`, `{"name":"a","metadata":{"x":"\u0000"}}`, `{"name":"a","metadata":{"\u0000":1}}`},
		"/api/workspaces":               {`{"name":"a\u0000b"}`, `{"name":"a","description":"\u0000"}`, `{"name":"a","metadata":{"x":["\u0000"]}}`},
		"/api/integrations/credentials": {`{"name":"a\u0000b","type":"bearer","secret":{"token":"x"}}`, `{"name":"a","type":"\u0000","secret":{"token":"x"}}`, `{"name":"a","type":"basic","secret":{"username":"\u0000","password":"x"}}`, `{"name":"a","type":"opaque","secret":{"\u0000":"x"}}`},
		"/api/integrations/connections": {
			`{"name":"a\u0000","kind":"http","url":"http://127.0.0.1:1"}`,
			`{"name":"a","kind":"\u0000","url":"http://127.0.0.1:1"}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1/\u0000"}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","description":"\u0000"}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","labels":{"a":"\u0000"}}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","labels":{"\u0000":"a"}}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","metadata":{"contains":"\u0000"}}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","status":"\u0000"}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","status":"maintenance","maintenance":{"reason":"\u0000"}}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","credentials":[{"id":"` + w.credential + `","purpose":"\u0000"}]}`,
			`{"name":"a","kind":"http","url":"http://127.0.0.1:1","credentialType":"bearer","credentialSecret":{"token":"x","\u0000":"x"}}`,
		},
	} {
		for _, body := range bodies {
			w.Admin.Post(path, []byte(body)).Want(http.StatusUnprocessableEntity)
		}
	}
	if after := w.Stored(); len(differing(before, after)) > 0 {
		t.Errorf("something was stored: %v", differing(before, after))
	}
}

// form makes a multipart body of fields, each a name and a content.
func form(t *testing.T, fields ...string) (body []byte, media string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + fields[i] + `"; filename="config"`}}
		if fields[i] == "options" {
			header = textproto.MIMEHeader{"Content-Disposition": {`form-data; name="options"`}, "Content-Type": {"application/json"}}
		}
		part, err := m.CreatePart(header)
		if err == nil {
			_, err = io.WriteString(part, fields[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m.FormDataContentType()
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: dev, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: ann, user: {token: not-a-real-token}}]
contexts: [{name: dev, context: {cluster: dev, user: ann}}]
`

// TestBadUpload sends what is no kubeconfig.
func TestBadUpload(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if !r.Multipart {
			return
		}
		a.With("Content-Type", "multipart/form-data").Post(r.Path, []byte("x")).Want(http.StatusBadRequest).WantCode(belay.CodeMalformed)
		a.With("Content-Type", "multipart/form-data; boundary=x").Post(r.Path, []byte("--x\r\nContent-Disposition")).Want(http.StatusBadRequest).WantCode(belay.CodeMalformed)
		whole, media := form(t, "k8sfile", kubeconfig)
		a = a.With("Content-Type", media)
		a.Post(r.Path, whole[:len(whole)/2]).Want(http.StatusBadRequest).WantCode(belay.CodeMalformed)
		a.Post(with(r.Path, "connectionId=nonsense"), whole).Want(http.StatusBadRequest).WantCode(belay.CodeBadQuery)
		a.Post(with(r.Path, "connectionId="+missing), whole).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		a.Post(with(r.Path, "connectionId="+w.connection), whole).Want(http.StatusUnprocessableEntity).WantCode(belay.CodeInvalid)
		for pointer, fields := range map[string][]string{
			"/k8sfile":  {},
			"/nonsense": {"k8sfile", kubeconfig, "nonsense", "x"},
		} {
			body, media := form(t, fields...)
			wantFields(t, a.With("Content-Type", media).Post(r.Path, body).Want(http.StatusUnprocessableEntity).Problem(), pointer)
		}
		for _, content := range []string{"", "\x00", "\xff\xfe", "nonsense", "{}", "[", "a: &a [*a]", "contexts: 1", strings.Repeat("[", 5000)} {
			body, media := form(t, "k8sfile", content)
			status := a.With("Content-Type", media).Post(r.Path, body).Status
			if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
				t.Errorf("%d for the kubeconfig %.20q", status, content)
			}
		}
		body, media := form(t, "k8sfile", kubeconfig, "options", `{"nonsense":1}`)
		wantFields(t, a.With("Content-Type", media).Post(r.Path, body).Want(http.StatusUnprocessableEntity).Problem(), "/nonsense")
	})
}

// TestUpload previews and imports a kubeconfig that leads nowhere.
func TestUpload(t *testing.T) {
	w := newWorld(t)
	body, media := form(t, "k8sfile", kubeconfig)
	a := w.Admin.With("Content-Type", media)
	before := w.Stored()
	if got := a.Post("/api/system/kubernetes/contexts", body).Want(http.StatusOK).Items("contexts"); len(got) != 1 || got[0]["name"] != "dev" {
		t.Errorf("the preview shows %v", got)
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("the preview has stored something: %v", changed)
	}
	body, media = form(t, "k8sfile", kubeconfig, "options", `{"contexts":[{"name":"dev","as":"development"}],"environmentIds":["`+w.environment+`"]}`)
	imported := w.Admin.With("Content-Type", media).Post("/api/system/kubernetes", body).Want(http.StatusOK).Items("registeredContexts")
	if len(imported) != 1 || imported[0]["connectionName"] != "development" {
		t.Fatalf("imported %v", imported)
	}
	id, _ := imported[0]["connectionId"].(string)
	context := w.Admin.Get("/api/integrations/connections/kubernetes/" + id + "/context").Want(http.StatusOK)
	if got := context.Object()["server"]; got != "http://127.0.0.1:1" {
		t.Errorf("the context leads to %v", got)
	}
	w.Admin.Get("/api/system/kubernetes/ping?connectionId=" + id).Want(http.StatusOK)
}

// TestOrganizationInBody names the organization in the body of a change: it
// counts as in the query, and must not contradict it.
func TestOrganizationInBody(t *testing.T) {
	w := newWorld(t)
	second := string(w.NewOrganization("Second", w.Admin.UserID))
	a := w.As(w.Admin.UserID)
	w.eachRoute(t, func(t *testing.T, _ *belaytest.Client, r rest.Route) {
		if w.body(r) == nil || strings.HasSuffix(r.Path, "/rotate") || r.Permission == belay.PermissionUserWrite { // a token is its user's, as his password is
			return
		}
		named := func(org string) object {
			b := w.body(r)
			b["organizationId"] = org
			return b
		}
		a := a.In(t).With("If-Match", "*")
		p := a.Do(r.Method, with(w.address(r), "orgId="+string(w.Organization)), named(second)).Want(http.StatusUnprocessableEntity).Problem()
		wantFields(t, p, "/organizationId")
		if strings.HasPrefix(r.Path, "/api/identity/orgs") {
			return // the path names it, if there is one; nothing else can
		}
		if r.Method == http.MethodPut {
			a.Do(r.Method, w.address(r), named(second)).Want(http.StatusNotFound)
		}
		a.Do(r.Method, w.address(r), named(missing)).Want(http.StatusNotFound)
	})
	path := w.path("/api/environments/{environmentId}")
	own := object{"description": "of the shop", "organizationId": string(w.Organization)}
	a.Put(path, own).Want(http.StatusOK)
	a.Put(path+"?orgId="+string(w.Organization), own).Want(http.StatusOK)
}

// TestNoBody sends a body to what takes none: nothing would come of it.
func TestNoBody(t *testing.T) {
	w := newWorld(t)
	w.eachRoute(t, func(t *testing.T, a *belaytest.Client, r rest.Route) {
		if r.Method == http.MethodGet || r.Multipart || w.body(r) != nil {
			return
		}
		a = a.With("If-Match", "*")
		p := a.Do(r.Method, w.address(r), object{"name": "renamed"}).Want(http.StatusUnprocessableEntity).Problem()
		wantFields(t, p, "/name")
		a.Do(r.Method, w.address(r), []byte("not JSON")).Want(http.StatusBadRequest)
	})
}
