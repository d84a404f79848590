package remote

import (
	"crypto/rand"
	"crypto/x509"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"belay"
	"belay/egress"
)

// Config says which server users come from, and as which client this one is
// known there.
type Config struct {
	Key string // of the provider on this server
	// URL is where browsers and this server reach the hub, and what it calls
	// itself: scheme and host alone, https except on loopback.
	URL string
	// ClientID is this server's name there, ClientSecret what proves it; a
	// public client has none.
	ClientID     string
	ClientSecret belay.Secret
}

const maxText = 512 // bytes of any text of a Config

// Validate returns a CodeInvalid error that says all that is wrong, with
// pointers into the configuration's JSON; nil when nothing is.
func (c Config) Validate() error {
	var fields []belay.Field
	if text := wrongURL(c.URL); text != "" {
		fields = append(fields, belay.Field{Pointer: "/url", Message: text})
	}
	for _, f := range []struct{ pointer, text string }{{"/key", c.Key}, {"/clientId", c.ClientID}} {
		if f.text == "" || len(f.text) > maxText || strings.ContainsFunc(f.text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			fields = append(fields, belay.Field{Pointer: f.pointer, Message: "must be a text without line breaks, of at most 512 bytes"})
		}
	}
	if c.ClientSecret.Len() > maxText {
		fields = append(fields, belay.Field{Pointer: "/clientSecret", Message: "must be of at most 512 bytes"})
	}
	if fields == nil {
		return nil
	}
	return &belay.Error{Code: belay.CodeInvalid, Message: "the remote provider's configuration is not valid", Fields: fields}
}

// wrongURL says what is wrong with the address of a hub, "" for nothing.
func wrongURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "is missing; it is the address of the other server"
	case len(text) > maxText || err != nil || u.Opaque != "" || u.Hostname() == "":
		return "is not an address such as https://belay.example.com"
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "must be scheme and host alone, as in https://belay.example.com"
	case u.User != nil:
		return "must not hold a user or password"
	case !secure(u):
		return "must begin with https://; http:// is for loopback addresses only"
	}
	return ""
}

// secure tells whether what is sent to an address stays between the two ends:
// by TLS, or because it does not leave this machine.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback())
}

// Options are what a Provider works with.
type Options struct {
	Dialer  *egress.Dialer   // by which alone the hub is reached
	RootCAs *x509.CertPool   // that vouch for it; nil is the system's
	Now     func() time.Time // the time
	Random  io.Reader        // unguessable; nil is crypto/rand's
}

// Provider is a hub as this server knows it. It asks the hub for nothing
// before it is used, and may be used by many at once.
type Provider struct {
	config    Config // with a URL that has no slash at its end
	client    *http.Client
	transport *http.Transport
	now       func() time.Time
	random    io.Reader

	mu       sync.Mutex
	metadata *metadata // nil while it is not known
	read     time.Time // when metadata was read
	checked  time.Time // when the hub last answered, or did not
	failure  error     // why it does not answer; nil while it does
	since    time.Time // of the first failure since it last answered
}

// New makes a Provider. An error is a CodeInvalid about the configuration.
func New(config Config, options Options) (*Provider, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config.URL = strings.TrimSuffix(config.URL, "/")
	if options.Random == nil {
		options.Random = rand.Reader
	}
	t := newTransport(options.Dialer, options.RootCAs)
	return &Provider{
		config: config, transport: t, client: &http.Client{Transport: egress.Whole{Transport: t}},
		now: options.Now, random: options.Random,
	}, nil
}

// Close ends the connections that are kept for the next request.
func (p *Provider) Close() { p.transport.CloseIdleConnections() }

// State is what is known of whether the hub answers. It is zero as long as
// nobody has asked.
type State struct {
	CheckedAt time.Time // when it was last asked, zero for never
	DownSince time.Time // since when it does not answer, zero where it does
	Reason    error     // why it does not answer, nil where it does
}

// State returns what is known without asking the hub.
func (p *Provider) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return State{CheckedAt: p.checked, DownSince: p.since, Reason: p.failure}
	}
	return State{CheckedAt: p.checked}
}

// heard records that the hub has answered, or for which reason it has not, and
// returns since when it does not.
func (p *Provider) heard(failure error) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = p.now()
	if failure != nil && p.failure == nil {
		p.since = p.checked
	}
	if failure == nil {
		p.since = time.Time{}
	}
	p.failure = failure
	return p.since
}
