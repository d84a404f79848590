package belaytest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"

	"belay"
)

// TB is what a Client needs of a test; a rapid.T has it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Client sends requests to a server as one user.
type Client struct {
	// UserID is who sends, "" for a client made of a token alone.
	UserID belay.ID

	t      TB
	base   string
	http   *http.Client
	header http.Header
}

// Client makes a client that sends a token, none for an empty one.
func (s *Server) Client(token belay.Secret) *Client {
	c := &Client{
		t: s.t, base: s.URL(), header: http.Header{},
		http: &http.Client{Transport: s.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if !token.IsZero() {
		c.header.Set("Authorization", "Bearer "+string(token.Reveal()))
	}
	return c
}

// In is the same client in another test, such as a subtest.
func (c *Client) In(t TB) *Client {
	other := *c
	other.t = t
	return &other
}

// With is the same client with one more header on every request; an empty
// value takes a header away.
func (c *Client) With(name, value string) *Client {
	other := *c
	other.header = c.header.Clone()
	other.header.Set(name, value)
	if value == "" {
		other.header.Del(name)
	}
	return &other
}

// WithCookie is the same client with one more cookie, NAME=VALUE.
func (c *Client) WithCookie(pair string) *Client {
	if before := c.header.Get("Cookie"); before != "" {
		pair = before + "; " + pair
	}
	return c.With("Cookie", pair)
}

// Get sends a GET.
func (c *Client) Get(path string) *Answer {
	c.t.Helper()
	return c.Do(http.MethodGet, path, nil)
}

// Post sends a POST. A body that is no []byte is sent as JSON, nil as none.
func (c *Client) Post(path string, body any) *Answer {
	c.t.Helper()
	return c.Do(http.MethodPost, path, body)
}

// Put sends a PUT, with a body as for Post.
func (c *Client) Put(path string, body any) *Answer {
	c.t.Helper()
	return c.Do(http.MethodPut, path, body)
}

// Delete sends a DELETE.
func (c *Client) Delete(path string) *Answer {
	c.t.Helper()
	return c.Do(http.MethodDelete, path, nil)
}

// Do sends any request, with a body as for Post. The body's media type is
// JSON unless a header says otherwise.
func (c *Client) Do(method, path string, body any) *Answer {
	c.t.Helper()
	var content []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		content = b
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			c.t.Fatalf("encode the body of %s %s: %v", method, path, err)
		}
	}
	req, err := http.NewRequest(method, c.base+path, bytes.NewReader(content)) //nolint:noctx // it ends with the server
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
		return nil
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(req.Header, c.header)
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
		return nil
	}
	defer res.Body.Close()
	a := &Answer{Method: method, Path: path, Status: res.StatusCode, Header: res.Header, t: c.t}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		c.t.Fatalf("read the answer of %s %s: %v", method, path, err)
	}
	return a
}

// Answer is what the server answered.
type Answer struct {
	Method, Path string
	Status       int
	Header       http.Header
	Body         []byte

	t TB
}

// Want fails the test unless the answer has this status.
func (a *Answer) Want(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s %s: %d, want %d: %s", a.Method, a.Path, a.Status, status, a.Body)
	}
	return a
}

// Decode reads the JSON body into v.
func (a *Answer) Decode(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("%s %s: %d: %v: %s", a.Method, a.Path, a.Status, err, a.Body)
	}
}

// Object is the JSON body.
func (a *Answer) Object() map[string]any {
	a.t.Helper()
	var v map[string]any
	a.Decode(&v)
	return v
}

// ID is the id of the object in the body.
func (a *Answer) ID() string {
	a.t.Helper()
	id, _ := a.Object()["id"].(string)
	if id == "" {
		a.t.Fatalf("%s %s: the answer has no id: %s", a.Method, a.Path, a.Body)
	}
	return id
}

// Items are the objects of a list, which stand under their plural.
func (a *Answer) Items(plural string) []map[string]any {
	a.t.Helper()
	var page map[string]json.RawMessage
	a.Decode(&page)
	var items []map[string]any
	if err := json.Unmarshal(page[plural], &items); err != nil {
		a.t.Fatalf("%s %s: %s: %v: %s", a.Method, a.Path, plural, err, a.Body)
	}
	return items
}

// Problem is what the members of an error say that tests look at.
type Problem struct {
	Status      int
	Code        belay.Code
	Detail      string
	RequestID   string
	Errors      []struct{ Pointer, Message string }
	Remediation []struct{ ID, Title string }
}

// Problem reads an error.
func (a *Answer) Problem() Problem {
	a.t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("%s %s: %d: Content-Type %q, want a problem: %s", a.Method, a.Path, a.Status, got, a.Body)
	}
	var p Problem
	a.Decode(&p)
	return p
}

// WantCode fails the test unless the answer is an error with this code.
func (a *Answer) WantCode(code belay.Code) Problem {
	a.t.Helper()
	p := a.Problem()
	if p.Code != code {
		a.t.Fatalf("%s %s: %d %s, want %s: %s", a.Method, a.Path, a.Status, p.Code, code, a.Body)
	}
	return p
}
