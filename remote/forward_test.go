package remote_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/remote"
)

// TestForward passes on what may pass, in both directions, and nothing else:
// by a hub that records all.
func TestForward(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, _ := h.provider()
	h.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		head := w.Header()
		for name, value := range map[string]string{
			"Set-Cookie": "belay_session=canary", "Connection": "X-Hop", "X-Hop": "canary", "Server": "canary", "Strict-Transport-Security": "canary",
			"Content-Security-Policy": "canary", "Access-Control-Allow-Origin": "canary", "Clear-Site-Data": "canary", "Refresh": "canary", "Alt-Svc": "canary",
			"Etag": `"v7"`, "Retry-After": "7", "Location": h.URL + "/api/environments/1", "Content-Type": "application/problem+json", "Belay-Error": "conflict",
		} {
			head.Set(name, value)
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"code":"conflict"}`)
		return true
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/api/environments/a?orgId=1&search=x", strings.NewReader(`{"name":"n"}`))
	if err != nil {
		t.Fatal(err)
	}
	passes := map[string]string{
		"Accept": "application/x-ndjson", "Content-Type": "application/json", "Idempotency-Key": "key", "If-Match": `"v1"`, "If-None-Match": `"v2"`,
		"Prefer": "respond-async", "X-Request-Id": "my-id", "Accept-Language": "de",
	}
	never := []string{
		"Cookie", "Proxy-Authorization", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade", "Transfer-Encoding", "X-Hop",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via", "Origin", "Referer", "Impersonate-User",
		"Meshery-Provider", "Sec-Fetch-Site", "X-Forwarded-Client-Cert", "Proxy-Connection", "Traceparent", "Host",
	}
	for name, value := range passes {
		r.Header.Set(name, value)
	}
	for _, name := range never {
		r.Header.Set(name, "canary")
	}
	r.Header.Set("Authorization", "Bearer canary-of-the-spoke")
	answer, err := p.Forward(r, belay.SecretString("access-of-the-hub"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, body := h.last("/api/environments/a")
	if got.Method != http.MethodPost || got.URL.RawQuery != "orgId=1&search=x" || body != `{"name":"n"}` || got.Host != strings.TrimPrefix(h.URL, "http://") {
		t.Errorf("the hub gets %s %s at %s: %s", got.Method, got.URL, got.Host, body)
	}
	wantHeader(t, "the hub", got.Header, passes, "Authorization", "User-Agent", "Content-Length", "Accept-Encoding")
	if a := got.Header.Get("Authorization"); a != "Bearer access-of-the-hub" {
		t.Errorf("the hub is asked with %q", a)
	}
	wantHeader(t, "the caller", answer.Header, map[string]string{
		"Etag": `"v7"`, "Retry-After": "7", "Location": "/api/environments/1", "Content-Type": "application/problem+json", "Belay-Error": "conflict",
	})
	if b, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusConflict || string(b) != `{"code":"conflict"}` {
		t.Errorf("the caller gets %d %s", answer.StatusCode, b)
	}
}

// wantHeader wants these headers, and no others but some.
func wantHeader(t *testing.T, who string, got http.Header, want map[string]string, besides ...string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s gets %s: %q, want %q", who, name, got.Get(name), value)
		}
	}
	for name, values := range got {
		if want[name] == "" && !slices.Contains(besides, name) || strings.Contains(strings.Join(values, ""), "canary") {
			t.Errorf("%s gets %s: %q, which must not pass", who, name, values)
		}
	}
}

// TestForwardStreams passes on each line when it comes.
func TestForwardStreams(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, _ := h.provider()
	next := make(chan bool)
	h.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/x-ndjson")
		for range next {
			_, _ = io.WriteString(w, "{}\n")
			_ = http.NewResponseController(w).Flush()
		}
		return true
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/api/environments/a/test", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() { next <- true }()
	answer, err := p.Forward(r, belay.SecretString("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "{}\n" {
			t.Fatalf("a line is %q: %v", line, err)
		}
		go func() { next <- true }()
	}
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	close(next)
}

// TestForwardToNobody says since when the hub does not answer, and why.
func TestForwardToNobody(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p, c := h.provider()
	enters(t, h, p)
	send := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/api/environments", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Forward(r, belay.SecretString("canary"))
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	status := http.StatusFound
	media := "text/html"
	h.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Location", "https://evil.example")
		w.WriteHeader(status)
		return true
	}
	wantError(t, "redirect", send(t.Context()), belay.CodeUnavailable, "redirect")
	if s := p.State(); s.Reason == nil || !s.DownSince.Equal(c.Now()) {
		t.Errorf("the state is %+v", s)
	}
	since := c.Now().Format(time.RFC3339)
	c.advance(time.Hour)
	status = http.StatusBadGateway
	wantError(t, "gateway", send(t.Context()), belay.CodeUnavailable, "the provider hub ("+h.URL+"), which keeps your data, does not answer since "+since+": it answers with status 502")
	status, media = http.StatusServiceUnavailable, "application/problem+json"
	if err := send(t.Context()); err != nil || p.State().Reason != nil {
		t.Errorf("the hub's own 503 is told as %v", err)
	}
	late, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	wantError(t, "silent", send(late), belay.CodeUnavailable, "in time")
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := send(gone); belay.CodeOf(err) != belay.CodeInternal {
		t.Errorf("a caller who has gone is told %v", err)
	}
	h.Close()
	wantError(t, "closed", send(t.Context()), belay.CodeUnavailable, "cannot be reached")
	strangers(t, p, h.URL)
}

// strangers are told of an outage what is about them: they are not signed in,
// and who tests the hub is to look at the way there.
func strangers(t *testing.T, p *remote.Provider, address string) {
	t.Helper()
	_, err := p.Begin(t.Context(), callback, "")
	e, ok := errors.AsType[*belay.Error](err)
	if !ok || !strings.Contains(e.Message, "does not answer since") || strings.Contains(e.Message, "your data") || len(e.Remedy) != 1 ||
		strings.Contains(e.Remedy[0].Description, "signed in here") || !strings.Contains(e.Remedy[0].Description, "another way") {
		t.Errorf("who signs in is told %+v", e)
	}
	found := p.Examine(t.Context(), callback, "v1")
	if len(found) != 1 || strings.Contains(found[0].Fix, "signed in") || !strings.Contains(found[0].Fix, address) || !strings.Contains(found[0].Fix, "network") {
		t.Errorf("who tests it is told %+v", found)
	}
}

// TestWhoVouches trusts a hub for which the configuration's certificates vouch,
// and dials it only where the policy permits.
func TestWhoVouches(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	secure := httptest.NewTLSServer(h.Config.Handler)
	t.Cleanup(secure.Close)
	h.URL = secure.URL
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	p, _ := h.trusted(roots, "127.0.0.0/8")
	if id := enters(t, h, p); id.Issuer != secure.URL {
		t.Errorf("entered at %s", id.Issuer)
	}
	p, _ = h.trusted(nil, "127.0.0.0/8")
	_, err := p.Begin(t.Context(), callback, "")
	wantError(t, "unknown authority", err, belay.CodeUnavailable, "its certificate is not to be trusted")
	p, _ = h.trusted(roots, "192.0.2.0/24")
	_, err = p.Begin(t.Context(), callback, "")
	wantError(t, "refused address", err, belay.CodeUnavailable, "network policy")
}
