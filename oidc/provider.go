package oidc

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"io"
	"net/http"
	"sync"
	"time"

	"belay/egress"
)

// Options are what a Provider works with.
type Options struct {
	Dialer  *egress.Dialer   // by which alone the provider is reached
	RootCAs *x509.CertPool   // that vouch for it; nil is the system's
	Now     func() time.Time // the time
	Random  io.Reader        // unguessable; nil is crypto/rand's
}

// Provider signs users in through one OpenID provider. It asks the provider
// for nothing before it is used, and may be used by many at once.
type Provider struct {
	config Config
	client *http.Client
	now    func() time.Time
	random io.Reader
	names  ClaimNames
	seen   *seen

	asking chan struct{} // held while the description is asked for

	mu       sync.Mutex
	metadata *metadata // nil while it is not known
	checked  time.Time // when metadata was read
	failure  error     // of the last attempt to read it
	failed   time.Time // when that was
	since    time.Time // of the first failure since the last success
	keys     *keySet
}

// New makes a Provider. An error is a CodeInvalid about the configuration.
func New(config Config, options Options) (*Provider, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	return &Provider{
		config: config,
		client: newClient(options.Dialer, options.RootCAs),
		now:    options.Now,
		random: options.Random,
		names:  config.Claims.withDefaults(),
		seen:   newSeen(),
		asking: make(chan struct{}, 1),
	}, nil
}

// Close ends the connections that are kept for the next request.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Config returns what the Provider was made with.
func (p *Provider) Config() Config { return p.config }

// State is what is known of whether a provider answers. It is zero as long as
// nobody has asked.
type State struct {
	CheckedAt time.Time // when it was last asked, zero for never
	DownSince time.Time // since when it does not answer, zero where it does
	Reason    error     // why it does not answer, nil where it does
}

// State returns what is known without asking the provider.
func (p *Provider) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return State{CheckedAt: p.failed, DownSince: p.since, Reason: p.failure}
	}
	return State{CheckedAt: p.checked}
}

// Check asks the provider whether users can sign in, unless it was asked
// within the last half minute. An error is a CodeUnavailable that says why
// not.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.discover(ctx, freshness)
	return err
}
