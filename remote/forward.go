package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"belay"
	"belay/egress"
)

// passOn and passBack are the headers that pass to the hub and back; no other
// does. So nothing passes that is about a connection (RFC 9110, section 7.6.1),
// about who asks here, or about what stands between here and him.
var (
	passOn = []string{
		"Accept", "Accept-Language", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "X-Request-Id",
	}
	passBack = []string{
		"Allow", "Belay-Error", "Belay-Token-Expires", "Cache-Control", "Content-Disposition", "Content-Language", "Content-Type",
		"Etag", "Last-Modified", "Link", "Preference-Applied", "Retry-After", "Vary", "Www-Authenticate",
	}
)

// Forward passes a request on to the hub, as the user whom access
// authenticates there, and returns the answer, whose body the caller closes. Of
// the request its method, path, query, body, and those headers count that may
// pass; the answer has only those that may. Whatever status it has is the
// hub's. The error is a CodeUnavailable when it does not answer.
func (p *Provider) Forward(request *http.Request, access belay.Secret) (*http.Response, error) {
	ctx := request.Context()
	out, err := http.NewRequestWithContext(ctx, request.Method, p.config.URL+request.URL.EscapedPath(), request.Body)
	if err != nil {
		return nil, fmt.Errorf("pass a request on: %w", quoted(err))
	}
	out.URL.RawQuery = request.URL.RawQuery
	out.ContentLength, out.GetBody = request.ContentLength, request.GetBody
	out.Header = only(request.Header, passOn)
	out.Header.Set("User-Agent", "belay-server")
	authorize(out, access)
	response, err := p.transport.RoundTrip(out)
	if err != nil {
		return nil, p.unavailable(ctx, request.Method+" "+p.config.URL+request.URL.EscapedPath(), err)
	}
	if err := p.judge(ctx, response); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	response.Body = watched{response.Body, ctx, p}
	response.Header = p.back(response.Header)
	return response, nil
}

// judge tells a hub that answers from what stands in front of one that does
// not.
func (p *Provider) judge(ctx context.Context, response *http.Response) error {
	status := response.StatusCode
	gateway := status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
	doing := response.Request.Method + " " + response.Request.URL.Path
	switch {
	case redirects(status):
		return p.unavailable(ctx, doing, egress.ErrRedirected)
	case gateway && !strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json"):
		return p.unavailable(ctx, doing, &statusError{status: status})
	}
	p.heard(nil)
	return nil
}

// only is a header with no other names than some.
func only(from http.Header, names []string) http.Header {
	to := http.Header{}
	for _, name := range names {
		if values := from[name]; values != nil {
			to[name] = values
		}
	}
	return to
}

// back is what of an answer's header passes. Where something new is, is told
// as a path: here it has the same.
func (p *Provider) back(from http.Header) http.Header {
	to := only(from, passBack)
	where := strings.TrimPrefix(from.Get("Location"), p.config.URL)
	if u, err := url.Parse(where); err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(where, "/api/") {
		to.Set("Location", where)
	}
	return to
}

// watched is the body of an answer; when it breaks off, the hub does not
// answer any more.
type watched struct {
	io.ReadCloser
	ctx context.Context //nolint:containedctx // of the request that it answers
	p   *Provider
}

// Read implements io.Reader.
func (w watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	if err != nil && err != io.EOF && w.ctx.Err() == nil {
		w.p.heard(cause("read an answer", err))
	}
	return n, err
}
