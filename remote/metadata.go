package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"belay"
)

// metadataPath is where a server tells its endpoints (RFC 8414, section 3).
const metadataPath = "/.well-known/oauth-authorization-server"

// retention is how long a description is believed by what goes on with a
// sign-in. One that begins asks anew: nobody is sent to where he would be
// stranded.
const retention = time.Hour

// metadata is what a hub says of itself (RFC 8414, section 2; RFC 9207).
type metadata struct {
	Issuer           string   `json:"issuer"`
	Authorization    string   `json:"authorization_endpoint"`
	Token            string   `json:"token_endpoint"`
	Revocation       string   `json:"revocation_endpoint"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	IssuerInAnswers  bool     `json:"authorization_response_iss_parameter_supported"`
}

// discover returns the hub's description, which is asked for when what is
// known is older than age. When that fails, an older one serves only who goes
// on.
func (p *Provider) discover(ctx context.Context, age time.Duration) (*metadata, error) {
	p.mu.Lock()
	known, read := p.metadata, p.read
	p.mu.Unlock()
	if known != nil && p.now().Sub(read) < age {
		return known, nil
	}
	m, _, err := p.describe(ctx)
	if err != nil && age > 0 && known != nil {
		return known, nil
	}
	return m, err
}

// describe asks the hub for its description and judges it.
func (p *Provider) describe(ctx context.Context) (*metadata, http.Header, error) {
	var m metadata
	header, err := p.get(ctx, metadataPath, belay.Secret{}, &m)
	if s, ok := errors.AsType[*statusError](err); ok && s.status == http.StatusNotFound {
		p.heard(nil)
		return nil, header, p.misconfigured("it lets no other servers in: it is too old, or none of this kind", err)
	}
	if err != nil {
		return nil, header, p.unavailable(ctx, "get "+p.config.URL+metadataPath, err)
	}
	p.heard(nil)
	if m.Issuer != p.config.URL {
		return nil, header, p.misconfigured(fmt.Sprintf("it calls itself %.*q, which must be the url in the configuration", maxTold, m.Issuer), nil)
	}
	if err := m.judge(); err != nil {
		return nil, header, p.misconfigured(err.Error(), nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.metadata, p.read = &m, p.now()
	return &m, header, nil
}

// judge checks what is used of a description: all of it is at the hub itself.
func (m *metadata) judge() error {
	issuer, err := url.Parse(m.Issuer)
	if err != nil {
		return quoted(err)
	}
	for _, endpoint := range []struct{ name, address string }{
		{"authorization_endpoint", m.Authorization}, {"token_endpoint", m.Token}, {"revocation_endpoint", m.Revocation},
	} {
		u, err := url.Parse(endpoint.address)
		if err != nil || u.Scheme != issuer.Scheme || u.Host != issuer.Host || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("its description has no usable %s", endpoint.name)
		}
	}
	if !slices.Contains(m.ChallengeMethods, "S256") {
		return errors.New("it does not support PKCE with S256")
	}
	return nil
}
