package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// How old a provider's description may be.
const (
	// freshness is for a sign-in that begins: nobody is sent to a provider
	// that has not answered for longer.
	freshness = 30 * time.Second
	// retention is for all else, which goes on with an older one while no
	// newer is to be had.
	retention = time.Hour
)

// metadata is what a provider says of itself (OpenID Connect Discovery 1.0,
// section 3; RFC 8414; RFC 9207; RFC 8628; OpenID Connect RP-Initiated
// Logout 1.0).
type metadata struct {
	Issuer                string   `json:"issuer"`
	Authorization         string   `json:"authorization_endpoint"`
	Token                 string   `json:"token_endpoint"`
	Keys                  string   `json:"jwks_uri"`
	UserInfo              string   `json:"userinfo_endpoint"`
	EndSession            string   `json:"end_session_endpoint"`
	DeviceAuthorization   string   `json:"device_authorization_endpoint"`
	AuthenticationMethods []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Scopes                []string `json:"scopes_supported"`
	BackChannelLogout     bool     `json:"backchannel_logout_supported"`
	IssuerInAnswers       bool     `json:"authorization_response_iss_parameter_supported"`
}

// allowed are the algorithms by which a token may be signed: those of public
// keys. With "none" or a shared secret anybody who knows the client's could
// make tokens.
func allowed() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// discover returns the provider's description, asking for it when what is
// known is older than age. With the age retention, an older one is better
// than none.
func (p *Provider) discover(ctx context.Context, age time.Duration) (*metadata, error) {
	if m, err := p.known(age); m != nil || err != nil {
		return m, err
	}
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the provider's description: %w", ctx.Err())
	}
	if m, err := p.known(age); m != nil || err != nil { // who was before may have asked
		return m, err
	}
	m, err := p.describe(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err // it says nothing of the provider
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if err != nil {
		if p.failure == nil {
			p.since = now
		}
		p.failure, p.failed = err, now
		if age >= retention && p.metadata != nil {
			return p.metadata, nil
		}
		return nil, err
	}
	p.metadata, p.checked, p.failure = m, now, nil
	if p.keys == nil || p.keys.address != m.Keys {
		p.keys = newKeySet(p, m.Keys)
	}
	return m, nil
}

// known returns what need not be asked for: a description young enough, or
// the failure of an attempt just made. Both are nil when it has to be asked.
func (p *Provider) known(age time.Duration) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	justFailed := p.failure != nil && now.Sub(p.failed) < pause
	switch {
	case p.metadata != nil && now.Sub(p.checked) < age:
		return p.metadata, nil
	case justFailed && age >= retention && p.metadata != nil:
		return p.metadata, nil
	case justFailed:
		return nil, p.failure
	default:
		return nil, nil
	}
}

// describe asks the provider for its description and judges it.
func (p *Provider) describe(ctx context.Context) (*metadata, error) {
	var m metadata
	address := strings.TrimSuffix(p.config.Issuer, "/") + "/.well-known/openid-configuration"
	if err := p.get(ctx, address, &m); err != nil {
		return nil, p.unavailable(ctx, "get "+address, err)
	}
	if m.Issuer != p.config.Issuer {
		return nil, p.misconfigured(fmt.Sprintf("it calls itself %.*q, which must be the same letter for letter", maxTold, m.Issuer), nil)
	}
	if err := m.judge(); err != nil {
		return nil, p.misconfigured(err.Error(), nil)
	}
	return &m, nil
}

// judge checks what is used of a description.
func (m *metadata) judge() error {
	issuer, err := url.Parse(m.Issuer)
	if err != nil {
		return quoted(err)
	}
	for _, endpoint := range []struct {
		name     string
		address  *string
		required bool
	}{
		{"authorization_endpoint", &m.Authorization, true},
		{"token_endpoint", &m.Token, true},
		{"jwks_uri", &m.Keys, true},
		{"userinfo_endpoint", &m.UserInfo, false},
		{"end_session_endpoint", &m.EndSession, false},
		{"device_authorization_endpoint", &m.DeviceAuthorization, false},
	} {
		if *endpoint.address == "" && !endpoint.required {
			continue
		}
		u, err := url.Parse(*endpoint.address)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || !secure(u) || (issuer.Scheme == "https" && u.Scheme != "https") {
			return fmt.Errorf("its description has no usable %s", endpoint.name)
		}
	}
	if m.ChallengeMethods != nil && !slices.Contains(m.ChallengeMethods, "S256") {
		return errors.New("it does not support PKCE with S256")
	}
	if len(m.algorithms()) == 0 {
		return errors.New("it signs with no algorithm of public keys")
	}
	return nil
}

// algorithms are those by which the provider may sign.
func (m *metadata) algorithms() (both []string) {
	if m.Algorithms == nil {
		return []string{oidc.RS256} // which each provider must support
	}
	for _, a := range allowed() {
		if slices.Contains(m.Algorithms, a) {
			both = append(both, a)
		}
	}
	return both
}
