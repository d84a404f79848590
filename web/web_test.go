package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
	"belay/rest"
	"belay/web"
)

// newHandler is a Handler that has no use cases behind it, and its log.
func newHandler(t *testing.T, ready error) (*web.Handler, *bytes.Buffer) {
	t.Helper()
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	api, err := rest.New(rest.Config{Log: log, Version: "v0.0.0-test"})
	if err != nil {
		t.Fatal(err)
	}
	return web.New(web.Config{
		API: api, Log: log, Version: "v0.0.0-test",
		Ready: func(context.Context) error { return ready },
	}), &b
}

func TestRequestID(t *testing.T) {
	h, log := newHandler(t, nil)
	for given, kept := range map[string]bool{
		"": false, "my-id": true, "a/b:c.d_e": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"with space": false, "line\nbreak": false, `"quoted"`: false, "<b>": false, "ü": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/nothing", http.NoBody)
		r.Header.Set("X-Request-ID", given)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Get("X-Request-ID")
		if (got == given) != kept || !kept && len(got) != 32 {
			t.Errorf("given %q, answered %q", given, got)
		}
		if !strings.Contains(w.Body.String(), `"requestId":"`+got+`"`) {
			t.Errorf("the error does not name %q: %s", got, w.Body)
		}
	}
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
}

// TestPanic lets the whole server panic before it has answered: its client
// learns nothing but the id under which the log has everything.
func TestPanic(t *testing.T) {
	const canary = "not-for-clients"
	var broken atomic.Bool
	s := belaytest.Start(t, belaytest.Options{Clock: func() time.Time {
		if broken.Load() {
			panic(canary)
		}
		return time.Now()
	}})
	s.Admin.Get("/api/user").Want(http.StatusOK)
	broken.Store(true)
	a := s.Admin.With("X-Request-ID", "the-one-that-panics").Get("/api/user").Want(http.StatusInternalServerError)
	broken.Store(false)
	if p := a.WantCode(belay.CodeInternal); p.RequestID != "the-one-that-panics" {
		t.Errorf("the error names request %q", p.RequestID)
	}
	for name, values := range a.Header {
		for _, v := range values {
			if strings.Contains(v, canary) || strings.Contains(v, "goroutine") {
				t.Errorf("the header %s tells of the panic: %s", name, v)
			}
		}
	}
	for _, secret := range []string{canary, "goroutine", ".go:", "runtime"} {
		if strings.Contains(string(a.Body), secret) {
			t.Errorf("the answer says %q: %s", secret, a.Body)
		}
	}
	found := false
	for line := range strings.Lines(s.Log()) {
		found = found || strings.Contains(line, canary) && strings.Contains(line, "stack=") && strings.Contains(line, "requestId=the-one-that-panics")
	}
	if !found {
		t.Errorf("the log has no line with the panic, its stack and the request's id:\n%s", s.Log())
	}
	s.Admin.Get("/api/user").Want(http.StatusOK)
}

// TestPanicAfterHeaders panics when a handler has said what it will send, and
// sent nothing.
func TestPanicAfterHeaders(t *testing.T) {
	h, _ := newHandler(t, nil)
	h.Handle("GET /promises", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("ETag", `"1"`)
		panic("broken")
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/promises", http.NoBody))
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Length") != "" || w.Header().Get("ETag") != "" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
}

// TestPanicInTheMiddle panics when half of the answer is on its way: the
// client must not take it for the whole.
func TestPanicInTheMiddle(t *testing.T) {
	h, log := newHandler(t, nil)
	h.Handle("GET /half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of the")
		_ = http.NewResponseController(w).Flush()
		panic("not-for-clients")
	})
	h.Handle("GET /given-up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	s := httptest.NewServer(h)
	for path, begun := range map[string]bool{"/half": true, "/given-up": false} {
		res, err := s.Client().Get(s.URL + path)
		if !begun {
			if err == nil {
				t.Errorf("%s: answered %d", path, res.StatusCode)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err == nil || strings.Contains(string(body), "not-for-clients") {
			t.Errorf("%s: the client has read %q to its end", path, body)
		}
		_ = res.Body.Close()
	}
	s.Close() // the log is written when the requests have ended
	for path, panics := range map[string]string{"/half": "not-for-clients", "/given-up": ""} {
		if !strings.Contains(log.String(), "path="+path) || !strings.Contains(log.String(), panics) {
			t.Errorf("%s is not in the log:\n%s", path, log)
		}
	}
	if strings.Count(log.String(), "msg=panic") != 1 {
		t.Errorf("giving up is no panic:\n%s", log)
	}
}

// TestLogHoldsNoSecret sends secrets in every place where a request can have
// one.
func TestLogHoldsNoSecret(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	token := s.Token(belay.Token{UserID: s.Admin.UserID})
	c := s.Client(token)
	canaries := []string{"canary-query", "canary-cookie", "canary-basic", "canary-body", "canary-header", string(token.Reveal())}
	c.With("Cookie", "belay_session=canary-cookie; token=canary-cookie").Get("/api/user?provider=local").Want(http.StatusOK)
	c.With("Authorization", "").With("Cookie", "belay_session=canary-cookie").Get("/api/user").Want(http.StatusUnauthorized)
	c.With("Authorization", "Basic canary-basic").Get("/api/user").Want(http.StatusUnauthorized)
	c.With("Authorization", "Bearer canary-header").Get("/api/user").Want(http.StatusUnauthorized)
	c.Get("/api/user?secret=canary-query").Want(http.StatusBadRequest)
	c.Get("/user/login?code=canary-query").Want(http.StatusOK)
	c.Post("/api/integrations/credentials", map[string]any{
		"name": "x", "type": "bearer", "secret": map[string]any{"token": "canary-body"},
	}).Want(http.StatusCreated)
	c.Post("/api/integrations/credentials", []byte(`{"name": "canary-body"`)).Want(http.StatusBadRequest)
	log := s.Log()
	for _, secret := range canaries {
		if strings.Contains(log, secret) {
			t.Errorf("%.12s… is in the log", secret)
		}
	}
	if strings.Count(log, "path=/api/integrations/credentials") != 2 {
		t.Errorf("the requests are not in the log:\n%s", log)
	}
}

func TestBodyLimit(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	large := []byte(`{"name": "x", "description": "` + strings.Repeat("x", 1<<20) + `"}`)
	s.Admin.Post("/api/environments", large).Want(http.StatusRequestEntityTooLarge).WantCode(belay.CodeTooLarge)
	chunked, err := http.NewRequest(http.MethodPost, s.URL()+"/api/environments", io.MultiReader(bytes.NewReader(large))) // of no known length
	if err != nil {
		t.Fatal(err)
	}
	token := s.Token(belay.Token{UserID: s.Admin.UserID})
	chunked.Header.Set("Authorization", "Bearer "+string(token.Reveal()))
	chunked.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(chunked)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of unknown length: %d", res.StatusCode)
	}
}

// TestPages is what a person sees at a browser, and a program does not.
func TestPages(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	person, program := visitor(s), s.Client(belay.Secret{}).With("Accept", "application/json")
	page := func(a *belaytest.Answer, texts ...string) {
		t.Helper()
		if ct := a.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
			t.Errorf("%s %s is of type %q", a.Method, a.Path, ct)
		}
		for _, text := range texts {
			if !strings.Contains(string(a.Body), text) {
				t.Errorf("%s %s does not say %q:\n%s", a.Method, a.Path, text, a.Body)
			}
		}
	}
	for _, path := range []string{"/nothing", "/connections/1", "/docs/../x", "/user/nobody", "/apiary", "/docs/none", "/docs/errors/none", "/docs/kinds/none"} {
		page(person.Get(path).Want(http.StatusNotFound), "Page not found", `href="/"`, `href="/docs"`)
		for _, accept := range []string{"application/json", "*/*", ""} {
			program.With("Accept", accept).Get(path).Want(http.StatusNotFound).WantCode(belay.CodeNotFound)
		}
	}
	page(person.Get("/%3Cscript%3E").Want(http.StatusNotFound), "&lt;script&gt;")
	for _, path := range []string{"/api", "/api/nothing"} {
		status := map[string]int{"/api": http.StatusNotFound, "/api/nothing": http.StatusUnauthorized}[path]
		person.Get(path).Want(status).Problem()
	}
	page(person.Get("/").Want(http.StatusOK), "not signed in", "the server prints a link", "belay connection list", `href="/docs/kinds"`, `href="/docs/errors"`)
	got := cookieOf(t, signIn(person, link(t, s)))
	page(person.With("Cookie", got.Name+"="+got.Value).Get("/").Want(http.StatusOK), "Signed in as admin@localhost", "Sign out")
	page(person.Get("/docs/kinds/prometheus").Want(http.StatusOK), "Prometheus", "--web.external-url", "tls.certificateAuthority")
	for _, path := range []string{"/", "/nothing", "/user/login", "/docs", "/docs/errors", "/docs/kinds/http"} {
		page(person.Get(path), `<link rel="stylesheet" href="/style.css">`, `<nav aria-label="Pages">`)
		csp := person.Get(path).Header.Get("Content-Security-Policy")
		directives := strings.Split(csp, "; ")
		for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !slices.Contains(directives, want) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: Content-Security-Policy is %q, want %s", path, csp, want)
			}
		}
	}
	style := person.Get("/style.css").Want(http.StatusOK)
	if ct := style.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/css") || !strings.Contains(string(style.Body), "prefers-color-scheme: dark") || strings.Contains(string(style.Body), "url(") {
		t.Errorf("the style sheet is of type %q:\n%s", ct, style.Body)
	}
	person.With("If-None-Match", style.Header.Get("ETag")).Get("/style.css").Want(http.StatusNotModified)
}

func TestNotReady(t *testing.T) {
	h, log := newHandler(t, errors.New("not-for-clients"))
	for path, want := range map[string]int{"/healthz/live": http.StatusOK, "/healthz/ready": http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if w.Code != want || strings.Contains(w.Body.String(), "not-for-clients") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if !strings.Contains(log.String(), "not-for-clients") {
		t.Errorf("the log does not say why: %s", log)
	}
}
