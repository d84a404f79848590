package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"belay"
)

// refused fails the test unless an error is one that a client gets to see.
func refused(t *testing.T, err error, codes ...belay.Code) {
	t.Helper()
	e, ok := errors.AsType[*belay.Error](err)
	if !ok {
		t.Fatalf("%v is not for a client", err)
	}
	if !slices.Contains(codes, e.Code) {
		t.Fatalf("%v has the code %s, want one of %v", err, e.Code, codes)
	}
}

// FuzzDecode reads any body as each kind of body. What is taken is JSON, and
// every field that is refused is named by a pointer to where it is.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"name":"a","metadata":{"a":[1]},"organization_id":"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"}`,
		`{"name":"a","secret":{"token":"b","gone":null},"user_id":""}`, `{"labels":{"a":"b"},"check":{"intervalSeconds":1e9},"maintenance":{"until":"2026-01-02T15:04:05Z"}}`,
		`{"credentials":[{"id":"x"},null],"a/b":1,"a~b":{},"name":1,"name":2}`, "{\"name\":\"\xff\"}", `{"name":"\ud800"}`, strings.Repeat(`{"metadata":`, 70),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &request{body: body}
		for _, v := range []any{&environmentBody{}, &connectionBody{}, &registrationBody{}, &credentialBody{}, &workspaceBody{}, &importOptions{}, &struct{}{}, &connectionFilter{}} {
			err := r.decode(v)
			if err == nil {
				if len(strings.TrimSpace(string(body))) > 0 && (!json.Valid(body) || !utf8.Valid(body)) {
					t.Fatalf("%T takes %q, which is no JSON", v, body)
				}
				continue
			}
			refused(t, err, belay.CodeMalformed, belay.CodeInvalid)
			var e *belay.Error
			errors.As(err, &e)
			if e.Code == belay.CodeInvalid && len(e.Fields) == 0 {
				t.Fatalf("%T refuses %q and does not say where", v, body)
			}
			for _, field := range e.Fields {
				if field.Pointer != "" && field.Pointer[0] != '/' {
					t.Fatalf("%q is no JSON Pointer", field.Pointer)
				}
			}
		}
		var c connectionBody
		if r.decode(&c) == nil {
			if _, err := c.change(); err != nil {
				refused(t, err, belay.CodeInvalid)
			}
		}
	})
}

// query makes a request with one parameter.
func query(name, value string) *request {
	path := "/?" + url.Values{name: {value}}.Encode()
	return &request{Request: httptest.NewRequest(http.MethodGet, path, http.NoBody), route: Route{Query: []string{name}}}
}

// FuzzFilter reads any filter of connections, and any value of the parameters
// that can be repeated.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"assigned":false}`, `{"environment":"none"}`, `{"environment":"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"}`, `{"kind":["a"],"status":["connected"]}`,
		`["connected"]`, `connected`, `not found`, `tier=gold`, `=`, `[`, `[1]`, `{"labels":{"a":"b","a":"c"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"filter", "kind", "status", "type", "health", "label", "name"} {
			r := query(name, value)
			if err := r.checkQuery(); err != nil {
				refused(t, err, belay.CodeBadQuery)
				continue
			}
			filter, _, _, err := r.connections()
			if err != nil {
				refused(t, err, belay.CodeBadQuery)
				continue
			}
			for _, s := range filter.Statuses {
				if _, err := belay.ParseStatus(string(s)); err != nil {
					t.Fatalf("%s=%q gives the status %q", name, value, s)
				}
			}
			for _, id := range []belay.ID{filter.EnvironmentID, filter.WorkspaceID, filter.CredentialID} {
				if _, err := belay.ParseID(string(id)); err != nil && id != "" {
					t.Fatalf("%s=%q gives the id %q", name, value, id)
				}
			}
		}
	})
}

// FuzzOrder reads any parameter of a page.
func FuzzOrder(f *testing.F) {
	for _, seed := range []string{"", "name", "name asc", " NAME  Desc ", "name sideways", "created_at desc", "name;--", "0", "-1", "all", "1e9", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range pageParams {
			r := query(name, value)
			if err := r.checkQuery(); err != nil {
				refused(t, err, belay.CodeBadQuery)
				continue
			}
			q, err := r.page()
			if err != nil {
				refused(t, err, belay.CodeBadQuery)
				continue
			}
			if q.Page < 0 || q.Page*q.Limit() < 0 || q.Limit() < 1 || q.Limit() > belay.MaxPageSize {
				t.Fatalf("%s=%q gives %+v", name, value, q)
			}
			if strings.ContainsAny(q.Order.Column, " \t\r\n") {
				t.Fatalf("%s=%q gives the column %q", name, value, q.Order.Column)
			}
		}
	})
}

// FuzzETag reads any If-Match and If-None-Match. A tag that we made is
// understood, whatever it is about.
func FuzzETag(f *testing.F) {
	for _, seed := range []string{"", "*", `"1-x"`, `W/"1-x"`, `"1-x", "2-y"`, `"`, `""`, `"-1"`, `"9223372036854775808-x"`, ","} {
		f.Add(seed, int64(3), []byte("body"))
	}
	f.Fuzz(func(t *testing.T, text string, version int64, body []byte) {
		r := query("page", "")
		r.Header.Set("If-Match", text)
		got, err := r.version()
		if err != nil {
			refused(t, err, belay.CodePreconditionFailed)
		} else if got < 0 {
			t.Fatalf("If-Match: %q gives the version %d", text, got)
		}
		if _, err := r.requiredVersion(); err != nil {
			refused(t, err, belay.CodePreconditionFailed, belay.CodePreconditionRequired)
		}
		tag := etag(version, body)
		if matches(text, tag) && !strings.Contains(text, tag) && !strings.Contains(text, "*") {
			t.Fatalf("If-None-Match: %q matches %s", text, tag)
		}
		if !matches(tag, tag) || !matches(text+", "+tag, tag) || !matches("W/"+tag, tag) || matches("", tag) {
			t.Fatalf("If-None-Match does not know %s", tag)
		}
		if version > 0 {
			r.Header.Set("If-Match", tag)
			if got, err := r.version(); got != version || err != nil {
				t.Fatalf("If-Match: %s gives %d, %v", tag, got, err)
			}
		}
	})
}
