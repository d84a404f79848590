package egress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Limits of an answer that is read whole.
const (
	wholeTime = 10 * time.Second // until the last byte
	maxWhole  = 1 << 20          // bytes of the body
)

// Why an answer is not taken.
var (
	ErrTooLarge   = errors.New("the answer is larger than 1 MiB")
	ErrRedirected = errors.New("the answer is a redirect, and what is sent to a provider is sent nowhere else")
)

// Whole reads each answer to its end, within 10 seconds and 1 MiB
// (ErrTooLarge), so that no library can be kept reading. A redirect is
// ErrRedirected: followed, it would carry codes and secrets elsewhere.
type Whole struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t Whole) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), wholeTime)
	defer cancel()
	response, err := t.Transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode <= 399 {
		return nil, ErrRedirected
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxWhole+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxWhole {
		return nil, ErrTooLarge
	}
	response.Body, response.Request = io.NopCloser(bytes.NewReader(body)), request
	return response, nil
}
