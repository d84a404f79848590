package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"belay"
	"belay/egress"
)

// Limits of what is read from a target.
const (
	maxBody      = 1 << 20 // bytes
	maxHeader    = 64 << 10
	maxFact      = 4 << 10  // as JSON
	maxPresented = 16 << 10 // of a certificate to trust, in PEM
	maxRedirects = 3
	maxSkew      = 5 * time.Minute
)

// Session is one test in progress: the connection to the target, what was
// learned, and the credential, which goes only there. It is used by one
// goroutine.
type Session struct {
	run      *run
	dialer   *egress.Dialer
	target   belay.Target
	scrub    *Scrubber
	facts    map[string]any
	identity string

	base  *url.URL
	host  string
	port  uint16
	addrs []netip.Addr

	tls              *tls.Config
	shownCertificate bool
	certificateAsked atomic.Bool

	transport *http.Transport
	answers   map[string]*Response // to what was asked before
	refused   *Response

	mu     sync.Mutex
	ready  net.Conn   // opened by the stages, not yet used
	conns  []net.Conn // all that were opened
	closed bool
}

// Request is what to ask of the target.
type Request struct {
	Method    string // "" is GET
	Path      string // behind the endpoint's path; begins with "/", may have a query; "" is the endpoint itself
	Header    http.Header
	Body      []byte
	Anonymous bool  // without the credential
	Expect    []int // statuses that are an answer as they stand: no redirect to follow, no refusal
}

// Response is what the target answered. It may hold the credential, if the
// target echoes it: quote it through Session.Quote only.
type Response struct {
	Asked     string // method and path, without the endpoint's
	Status    int
	Header    http.Header
	Body      []byte
	Latency   time.Duration
	Anonymous bool
}

// Target returns what is tested.
func (s *Session) Target() belay.Target { return s.target }

// HasCredential tells whether there is one.
func (s *Session) HasCredential() bool { return s.target.Credential != nil }

// Detail says something about the running stage, for a person. What comes
// from the target must be quoted by Quote first.
func (s *Session) Detail(format string, args ...any) {
	s.run.detail = join(s.run.detail, fmt.Sprintf(format, args...))
}

// Quote makes what the target said fit to be shown.
func (s *Session) Quote(text string) string { return s.scrub.Clean(text) }

// Redact is an answer's text from which a fact may be taken.
func (s *Session) Redact(text string) string { return s.scrub.Redact(text) }

// RedactValue is Redact for a value decoded from JSON.
func (s *Session) RedactValue(v any) any { return s.scrub.Each(v, s.scrub.Redact) }

// Compare is an answer's text as it may be compared with what a connection's
// settings look for: nothing of the credential can be found in it.
func (s *Session) Compare(text string) string { return s.scrub.Compare(text) }

// CompareValue is Compare for a value decoded from JSON.
func (s *Session) CompareValue(v any) any { return s.scrub.Each(v, s.scrub.Compare) }

// Conceal hides what a connection's settings put into requests from what is
// shown and compared of the answers: see Scrubber.
func (s *Session) Conceal(text string) { s.scrub.Conceal(text) }

// Fact notes something that the target tells about itself. A fact that is too
// large to be kept with every check is left out.
func (s *Session) Fact(name string, value any) {
	value = s.scrub.Value(value)
	if text, err := json.Marshal(value); err == nil && len(text) <= maxFact {
		s.facts[name] = value
	}
}

// Identify notes who the target is. What comes from the target in it must be
// quoted by Quote first.
func (s *Session) Identify(identity string) { s.identity = identity }

// Do sends a request and returns the answer, whatever its status. Redirects
// within the endpoint's origin are followed for GET and HEAD; one to anywhere
// else is a *Failure, and nothing is sent there. The same GET or HEAD is not
// sent twice in one test: its first answer is returned again.
func (s *Session) Do(ctx context.Context, r Request) (*Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	r.Anonymous = r.Anonymous || !s.HasCredential()
	u, err := s.locate(r.Path)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s %s %t %q %v", r.Method, u, r.Anonymous, r.Header, r.Expect)
	repeatable := r.Method == http.MethodGet || r.Method == http.MethodHead
	if known := s.answers[key]; known != nil && repeatable {
		return known, nil
	}
	answer, err := s.follow(ctx, r, u)
	if err != nil {
		return nil, err
	}
	if s.answers == nil {
		s.answers = map[string]*Response{}
	}
	s.answers[key] = answer
	return answer, nil
}

// locate puts a path behind the endpoint's. The origin stays.
func (s *Session) locate(path string) (*url.URL, error) {
	text := s.base.String()
	if path != "" {
		text = strings.TrimRight(text, "/") + path
	}
	u, err := url.Parse(text)
	if err != nil || !sameOrigin(u, s.base) {
		return nil, &Failure{Cause: belay.CauseInternal, Detail: "the path to ask for does not fit behind the endpoint"}
	}
	return u, nil
}

func (s *Session) follow(ctx context.Context, r Request, u *url.URL) (*Response, error) {
	for range maxRedirects + 1 {
		answer, err := s.once(ctx, r, u)
		if err != nil {
			return nil, err
		}
		next, err := s.redirect(r, u, answer)
		if err != nil || next == nil {
			return answer, err
		}
		u = next
	}
	return nil, &Failure{Cause: belay.CauseUnexpectedStatus, Detail: fmt.Sprintf("more than %d redirects", maxRedirects)}
}

// redirect returns where an answer sends the request, nil for nowhere.
func (s *Session) redirect(r Request, from *url.URL, answer *Response) (*url.URL, error) {
	location := answer.Header.Get("Location")
	if answer.Status/100 != 3 || location == "" || slices.Contains(r.Expect, answer.Status) {
		return nil, nil
	}
	to, err := from.Parse(location)
	if err != nil || !sameOrigin(to, s.base) {
		return nil, &Failure{Cause: belay.CauseRedirectedElsewhere, Detail: join("it redirects to another origin", s.Quote(location))}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, nil
	}
	to.Fragment = ""
	return to, nil
}

// sameOrigin compares scheme, host and port (RFC 6454, section 4).
func sameOrigin(a, b *url.URL) bool {
	portA, errA := portOf(a)
	portB, errB := portOf(b)
	hostA, badA := egress.NormalizeHost(a.Hostname())
	hostB, badB := egress.NormalizeHost(b.Hostname())
	return errors.Join(errA, errB, badA, badB) == nil && a.User == nil &&
		a.Scheme == b.Scheme && hostA == hostB && portA == portB
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535", text)
	}
	return uint16(port), nil
}

// once sends one request and reads its whole answer.
func (s *Session) once(ctx context.Context, r Request, u *url.URL) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Failure{Cause: belay.CauseInternal, Detail: "the request could not be made"}
	}
	maps.Copy(request.Header, r.Header)
	request.Header.Set("User-Agent", "belay")
	if !r.Anonymous {
		if err := authorize(request.Header, s.target.Credential); err != nil {
			return nil, &Failure{Cause: belay.CauseCredentialRejected, Stage: belay.StageAuthenticate, Detail: "the credential " + err.Error()}
		}
	}
	start := s.run.now()
	response, err := s.roundTripper().RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Method, s.reason(ctx, err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > maxBody {
		return nil, &Failure{Cause: belay.CauseResponseTooLarge, Detail: fmt.Sprintf("more than %d bytes", maxBody)}
	}
	now := s.run.now()
	s.checkClock(response.Header.Get("Date"), now)
	return &Response{Asked: r.Method + " " + cmp.Or(r.Path, "/"), Status: response.StatusCode, Header: response.Header, Body: body, Latency: now.Sub(start), Anonymous: r.Anonymous}, nil
}

func (s *Session) checkClock(date string, now time.Time) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return
	}
	if skew := now.Sub(theirs).Abs(); skew > maxSkew {
		s.run.warn(belay.CauseClockSkew, fmt.Sprintf("the target's clock is more than %s off", maxSkew))
	}
}
