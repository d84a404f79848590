package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"belay"
	"belay/egress"
)

// Limits of what is asked of a hub.
const (
	dialTime  = 5 * time.Second // until it is connected
	maxHeader = 64 << 10        // bytes of the head of any answer
	maxIdle   = 32              // connections that are kept for the next request
)

// newTransport makes what carries all requests to the hub: it goes through the
// dialer alone, and takes no proxy from the environment.
func newTransport(d *egress.Dialer, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTime)
			defer cancel()
			return d.DialContext(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTime,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // an answer is passed on as it is
	}
}

// redirects tells whether an answer is one that says where else to look.
func redirects(status int) bool {
	return status >= 300 && status <= 399 && status != http.StatusNotModified
}

// statusError is an answer that is not the one that was asked for. It keeps
// nothing of the body but the error's name, where it is one of the standards'.
type statusError struct {
	status int
	name   string
}

// Error implements error.
func (e *statusError) Error() string {
	if e.name != "" {
		return fmt.Sprintf("status %d, error %s", e.status, e.name)
	}
	return fmt.Sprintf("status %d", e.status)
}

// get asks for a JSON object, as a user if there is one, and returns the head
// of the answer too.
func (p *Provider) get(ctx context.Context, path string, access belay.Secret, into any) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.URL+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	authorize(request, access)
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Header, &statusError{status: response.StatusCode}
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return response.Header, fmt.Errorf("the answer is not the JSON that was asked for: %w", quoted(err))
	}
	return response.Header, nil
}

// authorize makes a request one of a user.
func authorize(request *http.Request, access belay.Secret) {
	if !access.IsZero() {
		request.Header.Set("Authorization", "Bearer "+string(access.Reveal()))
	}
}

// post sends a form as this client and returns the status of the answer.
func (p *Provider) post(ctx context.Context, address string, form url.Values) (int, error) {
	if p.config.ClientSecret.IsZero() {
		form.Set("client_id", p.config.ClientID)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !p.config.ClientSecret.IsZero() { // encoded as RFC 6749, section 2.3.1 has it
		request.SetBasicAuth(url.QueryEscape(p.config.ClientID), url.QueryEscape(string(p.config.ClientSecret.Reveal())))
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
