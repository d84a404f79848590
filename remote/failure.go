package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"belay"
	"belay/egress"
)

// maxTold is how much of a text from outside an error has, in characters.
const maxTold = 200

// quoted is err with its text quoted and cut. Nothing can be got out of it.
func quoted(err error) error { return fmt.Errorf("%.*q", maxTold, err.Error()) }

// knownName returns name if it is one of RFC 6749, sections 4.1.2.1 and 5.2,
// else "": any other text might repeat what it was sent.
func knownName(name string) string {
	known := []string{
		"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope", "server_error",
		"temporarily_unavailable", "invalid_client", "invalid_grant", "unsupported_grant_type", "slow_down",
	}
	if slices.Contains(known, name) {
		return name
	}
	return ""
}

// statusOf makes of the error of a failed request one that holds nothing of
// what was sent or answered.
func statusOf(err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	s := &statusError{name: knownName(e.ErrorCode)}
	if e.Response != nil {
		s.status = e.Response.StatusCode
	}
	return s
}

// cause makes of a failed request what may be logged of it.
func cause(doing string, err error) error {
	err = statusOf(err)
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the address is in doing
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, egress.ErrDenied, egress.ErrTooLarge, egress.ErrRedirected} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, known)
		}
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return fmt.Errorf("%s: %w", doing, e)
	}
	return fmt.Errorf("%s: %w", doing, quoted(err))
}

// reason is why a hub cannot be used, as everybody may be told.
func reason(err error) string {
	var status *statusError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, egress.ErrDenied):
		return "this server's network policy refuses its address"
	case errors.Is(err, egress.ErrRedirected):
		return "it answers with a redirect, which is not followed"
	case errors.Is(err, egress.ErrTooLarge):
		return "its answer is too large"
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer in time"
	case errors.As(err, &untrusted):
		return "its certificate is not to be trusted; caFile in the provider's settings names who vouches for it"
	case errors.As(err, &status):
		return fmt.Sprintf("it answers with status %d", status.status)
	default:
		return "it cannot be reached"
	}
}

// unavailable is what a caller gets when the hub could not be asked, or did
// not answer as a server of this kind does. It is the context's own error when
// that has ended.
func (p *Provider) unavailable(ctx context.Context, doing string, err error) error {
	if ended := context.Cause(ctx); errors.Is(ended, context.DeadlineExceeded) {
		err = ended
	} else if ended != nil {
		return fmt.Errorf("%s: %w", doing, ended)
	}
	why := cause(doing, err)
	o := &outage{error: why, reason: reason(statusOf(err)), since: p.heard(why), cure: p.cure(err)}
	return &belay.Error{
		Code:    belay.CodeUnavailable,
		Message: fmt.Sprintf("the provider %s (%s), which keeps your data, %s", p.config.Key, p.config.URL, o.told()),
		Remedy: []belay.Remedy{{
			ID: "provider.retry", Title: "Try again", Description: "You stay signed in here. Wait a little and send the request again; nothing is known of whether a change was made.",
		}},
		RetryAfter: retryAfter,
		Err:        o,
	}
}

// outage is that the hub does not answer.
type outage struct {
	error

	reason string // as everybody may be told
	since  time.Time
	cure   string // what who runs this server can do about it
}

// Unwrap returns what may be logged.
func (o *outage) Unwrap() error { return o.error }

func (o *outage) told() string {
	return fmt.Sprintf("does not answer since %s: %s", o.since.UTC().Format(time.RFC3339), o.reason)
}

// toStranger makes of an error one for who is not signed in: he has no session
// that stays and has asked for no change.
func (p *Provider) toStranger(err error) error {
	e, ok := errors.AsType[*belay.Error](err)
	if !ok {
		return err
	}
	o, ok := errors.AsType[*outage](e.Err)
	if !ok {
		return err
	}
	return &belay.Error{
		Code: e.Code, Message: fmt.Sprintf("the provider %s (%s) %s", p.config.Key, p.config.URL, o.told()), RetryAfter: e.RetryAfter, Err: e.Err,
		Remedy: []belay.Remedy{{
			ID: "provider.other", Title: "Sign in another way",
			Description: "Nobody can sign in through it meanwhile. Try again in a little while, or sign in in another way that this server's sign-in page offers.",
		}},
	}
}

// cure is what who runs this server can do about a failed
// request.
func (p *Provider) cure(err error) string {
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, egress.ErrDenied):
		return "If this server is to reach that address, start it with --egress-allow CIDR (BELAY_EGRESS_ALLOW), which names the address or its network."
	case errors.As(err, &untrusted):
		return "Name in caFile, in the provider's settings, the certificate that vouches for it."
	}
	return "See whether that server runs, whether " + p.config.URL + " is its address, and whether this server's network lets it get there: names, firewall, caFile."
}

// retryAfter is how long a caller should wait who found that the hub does not
// answer.
const retryAfter = 5 * time.Second

// misconfigured is what a caller gets when the hub and this server are not set
// up for one another.
func (p *Provider) misconfigured(message string, err error) error {
	return &belay.Error{
		Code:    belay.CodeUnavailable,
		Message: fmt.Sprintf("nobody can sign in through the provider %s (%s): %s", p.config.Key, p.config.URL, message),
		Remedy: []belay.Remedy{{
			ID: "provider.configure", Title: "Check the provider's settings",
			Description: "The operator of this server compares url, clientId and clientSecretFile of the provider with what stands under clients in the configuration of the other server.",
		}},
		Err: err,
	}
}

// refused is what a caller gets who is not let in.
func refused(message string, err error) error {
	return &belay.Error{
		Code: belay.CodeUnauthenticated, Message: message, Err: err,
		Remedy: []belay.Remedy{{
			ID: "signin.again", Title: "Sign in again", Description: "Begin once more, from this server's sign-in page.",
		}},
	}
}

// asked makes an error of a failed request to the token endpoint.
func (p *Provider) asked(ctx context.Context, doing string, err error) error {
	s, ok := errors.AsType[*statusError](statusOf(err))
	if !ok || s.status >= http.StatusInternalServerError || s.status == http.StatusTooManyRequests {
		return p.unavailable(ctx, doing, err)
	}
	p.heard(nil)
	switch s.name {
	case "invalid_grant", "access_denied":
		return refused(fmt.Sprintf("the session has ended at the provider %s; sign in again", p.config.Key), cause(doing, err))
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request":
		return p.misconfigured("it refuses this server's client id, secret or way of asking", cause(doing, err))
	default:
		return p.unavailable(ctx, doing, s)
	}
}
