package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"belay"
)

const (
	defaultTimeout = 30 * time.Second
	// testTimeout is for what makes the server wait for others: it lets a
	// test take 30 seconds.
	testTimeout = 60 * time.Second
	// maxAnswer bounds how much of an answer is read, in bytes.
	maxAnswer = 64 << 20
)

// client speaks to one server.
type client struct {
	base  *url.URL
	http  *http.Client
	token belay.Secret
	// tokenFrom is where the token was found.
	tokenFrom   string
	keeper      *keeper    // of a token that is renewed; nil: it is not
	dataDir     string     // of the server that is meant, "" for the usual one
	command     *kong.Node // that is carried out, whose flags errors name
	authorities setting    // the file of those that are trusted; "" for the system's
	identity    identity   // what the client shows to servers that ask
	agent       string
	newID       func() string
	timeout     time.Duration // 0: what the request needs
	trace       io.Writer     // nil: nothing is traced
	headers     bool          // trace headers too
	now         func() time.Time
	tokenEnds   atomic.Pointer[time.Time]            // when the server says that it ends soon
	dryRun      func(context.Context, request) error // shows a change in its place; nil: changes are sent
	// busy is told, at most once, that the server has no room now and when
	// it is asked again.
	busy func(time.Duration)
}

// tokenExpires is the header by which a server says that a token ends soon.
const tokenExpires = "Belay-Token-Expires"

// request is one call of the API.
type request struct {
	method  string
	path    string // below the server's address, beginning with /api
	query   url.Values
	body    any // encoded as JSON; nil for none
	raw     json.RawMessage
	media   string // of raw
	hidden  bool   // raw may hold secrets
	ifMatch string // ETag that the object must still have; "" for any
	prefer  string
	accept  string        // "": JSON
	timeout time.Duration // 0 is defaultTimeout
	reads   bool          // changes nothing, whatever the method
	would   *outcome      // said in a dry run; nil: the request itself is shown
	// rehearsed is set where a server can be asked whether it would do it: a
	// dry run ends as the command would.
	rehearsed bool
}

// response is an answer with a status below 300.
type response struct {
	status int
	header http.Header
	body   json.RawMessage
}

func (r *response) etag() string { return r.header.Get("ETag") }

// decode reads the body into v.
func (r *response) decode(v any) error {
	if err := json.Unmarshal(r.body, v); err != nil {
		return unreadable(r.header.Get("X-Request-ID"))
	}
	return nil
}

// client returns the client for the settings in effect, made at its first
// use: commands that need no server need none of this.
func (in *invocation) client() (*client, error) {
	if in.http != nil {
		return in.http, nil
	}
	if err := in.startedHere(); err != nil {
		return nil, err
	}
	token, from, err := in.token()
	if err != nil {
		return nil, err
	}
	c, err := in.clientWith(token, from)
	if err == nil {
		in.http = c
	}
	return c, err
}

// clientWith is a client with a token.
func (in *invocation) clientWith(token belay.Secret, from string) (*client, error) {
	c, err := in.connect(in.set.peer())
	if err != nil {
		return nil, err
	}
	c.token, c.tokenFrom, c.busy = token, from, in.sayBusy()
	if in.kept != nil && in.byLogin() && in.kept.renewable() && token.Equal(in.kept.current()) {
		c.keeper = in.kept
		c.keeper.http = c.http
	}
	if in.set.server.origin == addressFile {
		c.dataDir = in.env("BELAY_DATA_DIR")
	}
	if in.flags.Verbose || in.debug() {
		c.trace, c.headers = in.Stderr, in.debug()
	}
	if in.flags.DryRun {
		c.dryRun = in.wouldSend
	}
	if !token.IsZero() && c.base.Scheme == "http" && !loopback(c.base) {
		in.warn("the token goes to %s unencrypted", c.base.Host)
	}
	return c, nil
}

func (in *invocation) debug() bool { return in.flags.Debug || truthy(in.env("BELAY_DEBUG")) }

func (in *invocation) requestID() string {
	if in.flags.RequestID != "" {
		return in.flags.RequestID
	}
	return in.NewID()
}

func (in *invocation) closeClient() {
	if in.http != nil {
		in.http.http.CloseIdleConnections()
	}
}

// warnOfEnd says that the token that was used ends soon, unless the program
// that reads standard error wants an error there and nothing else.
func (in *invocation) warnOfEnd(err error) {
	if in.http == nil || in.command.Hidden || err != nil && in.structured() || commandName(in.command) == "belay token rotate" {
		return
	}
	if ends := in.http.tokenEnds.Load(); ends != nil {
		in.say(warning, "the token from %s expires in %s, on %s; to renew it: belay token rotate, or belay token create", in.http.tokenFrom,
			age(ends.Sub(in.Now())), ends.UTC().Format(time.DateOnly))
	}
}

// stay keeps the client, and with it the token, at the server that it was
// made for.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: parallel,
	}
}

func (c *client) patience(r request) time.Duration {
	switch {
	case c.timeout > 0:
		return c.timeout
	case r.timeout > 0:
		return r.timeout
	}
	return defaultTimeout
}

func (c *client) build(ctx context.Context, r request, token belay.Secret) (*http.Request, error) {
	body, media := r.raw, r.media
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body, media = b, "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.url(r), bytes.NewReader(body))
	if err != nil {
		return nil, usage("this is not a request that can be sent — %v", err)
	}
	if len(body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Content-Type", media)
	set("If-Match", r.ifMatch)
	set("Prefer", r.prefer)
	set("Accept", "application/json")
	set("Accept", r.accept)
	set("User-Agent", c.agent)
	set("X-Request-ID", c.newID())
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+string(token.Reveal()))
	}
	return req, nil
}

func (c *client) url(r request) string {
	u := *c.base
	path := u.EscapedPath() + r.path
	u.Path, u.RawPath = "", ""
	s := u.String() + path
	if len(r.query) > 0 {
		s += "?" + r.query.Encode()
	}
	return s
}

func (c *client) traceLine(req *http.Request, res *http.Response, began time.Time) {
	if c.trace == nil {
		return
	}
	outcome := "no answer"
	if res != nil {
		outcome = res.Status
	}
	_, _ = fmt.Fprintf(c.trace, "%s %s %s %s (request %s)\n", req.Method, printable(req.URL.String()), printable(outcome),
		c.now().Sub(began).Round(time.Millisecond), req.Header.Get("X-Request-ID"))
	if !c.headers {
		return
	}
	traceHeaders(c.trace, ">", req.Header)
	if res != nil {
		traceHeaders(c.trace, "<", res.Header)
	}
}

func traceHeaders(w io.Writer, direction string, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := strings.Join(h[name], ", ")
		switch name {
		case "Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization":
			value = "[redacted]"
		}
		_, _ = fmt.Fprintf(w, "%s %s: %s\n", direction, name, printable(value))
	}
}
