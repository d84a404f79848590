package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"belay/egress"
)

// maxHeader bounds the head of an answer, in bytes.
const maxHeader = 64 << 10

// newClient makes the client for all requests to the provider: it goes
// through the dialer alone.
func newClient(d *egress.Dialer, roots *x509.CertPool) *http.Client {
	return &http.Client{Transport: egress.Whole{Transport: &http.Transport{
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           4,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}}}
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

// do sends a request and decodes the JSON object that answers it.
func (p *Provider) do(request *http.Request, into any) error {
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		var answer struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &answer) // there may be no reason given
		return &statusError{status: response.StatusCode, name: knownName(answer.Error)}
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && media == "application/jwt" {
		return errors.New("the answer is a JWT, where JSON was asked for")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer is not the JSON that was asked for: %w", quoted(err))
	}
	return nil
}

func (p *Provider) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return quoted(err)
	}
	return p.do(request, into)
}
