package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"belay"
	"belay/egress"
)

// maxTold is how much of a text of the provider's an error has, in characters.
const maxTold = 200

// printable tells whether a text has nothing in it that a terminal or a log
// would take for more than letters.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quoted is err with its text, which may have some of the provider's in it,
// quoted and cut. Nothing can be got out of it.
func quoted(err error) error { return fmt.Errorf("%.*q", maxTold, err.Error()) }

// errorNames are those of RFC 6749, sections 4.1.2.1 and 5.2, OpenID Connect
// Core 1.0, section 3.1.2.6, RFC 6750 and RFC 8628.
func errorNames() []string {
	return []string{
		"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
		"server_error", "temporarily_unavailable", "invalid_client", "invalid_grant", "unsupported_grant_type",
		"interaction_required", "login_required", "account_selection_required", "consent_required",
		"invalid_token", "insufficient_scope", "authorization_pending", "slow_down", "expired_token",
	}
}

// knownName returns name if it is a standard's, else "": any other text might
// repeat what it was sent.
func knownName(name string) string {
	if slices.Contains(errorNames(), name) {
		return name
	}
	return ""
}

// nameOf returns the standard name of the error that the provider answered
// with, "" for another failure.
func nameOf(err error) string {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return knownName(e.ErrorCode)
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.name
	}
	return ""
}

// cause makes of a failed request what may be logged of it.
func cause(doing string, err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		err = &statusError{name: knownName(e.ErrorCode)}
		if e.Response != nil {
			err = &statusError{status: e.Response.StatusCode, name: knownName(e.ErrorCode)}
		}
	}
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

// unavailable is what a caller gets when the provider could not be asked, or
// did not answer as a provider does. It is the context's own error when that
// has ended.
func (p *Provider) unavailable(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	reason := "it answers otherwise than an OpenID provider does"
	var status *statusError
	var transport *url.Error
	cure := p.reachRemedy()
	switch {
	case errors.Is(err, egress.ErrDenied):
		cure = allowRemedy()
		reason = "this server's network policy refuses its address"
	case errors.Is(err, egress.ErrTooLarge), errors.Is(err, egress.ErrRedirected):
		cure = configureRemedy()
	case errors.Is(err, context.DeadlineExceeded):
		reason = "it does not answer in time"
	case errors.As(err, &status):
		reason = fmt.Sprintf("it answers with status %d", status.status)
	case errors.As(err, &transport):
		reason = "it cannot be reached"
	default:
		cure = configureRemedy()
	}
	return &belay.Error{
		Code:       belay.CodeUnavailable,
		Message:    fmt.Sprintf("the OpenID provider %s cannot be used now: %s", p.config.Issuer, reason),
		Remedy:     []belay.Remedy{retryRemedy(), cure},
		RetryAfter: pause,
		Err:        cause(doing, err),
	}
}

// misconfigured is what a caller gets when the provider and this server are
// not set up for one another.
func (p *Provider) misconfigured(message string, err error) error {
	return &belay.Error{
		Code:    belay.CodeUnavailable,
		Message: fmt.Sprintf("nobody can sign in through the OpenID provider %s: %s", p.config.Issuer, message),
		Remedy:  []belay.Remedy{configureRemedy()},
		Err:     err,
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

// asked makes an error of a failed request to the token endpoint. Err names
// the reason that the provider gave, if it is a standard's.
func (p *Provider) asked(ctx context.Context, doing string, err error) error {
	switch nameOf(err) {
	case "invalid_grant", "expired_token", "access_denied", "invalid_request": // Dex means invalid_grant by the last
		return refused("the OpenID provider does not accept this sign-in, or no longer", cause(doing, err))
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return p.misconfigured("it refuses this server's client id, secret or way of asking", cause(doing, err))
	default:
		return p.unavailable(ctx, doing, status(err))
	}
}

// status is err, or the status of the answer that it is about.
func status(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil && e.Response.StatusCode != http.StatusOK {
		return &statusError{status: e.Response.StatusCode}
	}
	return err
}

func retryRemedy() belay.Remedy {
	return belay.Remedy{
		ID: "provider.retry", Title: "Try again",
		Description: "Wait a little and sign in again, or choose another provider.",
	}
}

func configureRemedy() belay.Remedy {
	return belay.Remedy{
		ID: "provider.configure", Title: "Check the provider's settings",
		Description: "The operator of this server compares issuer, client id, client secret and redirect address with what the provider has.",
	}
}

// reachRemedy is for a provider that does not answer.
func (p *Provider) reachRemedy() belay.Remedy {
	return belay.Remedy{
		ID: "provider.reach", Title: "Let this server reach the provider",
		Description: "The operator of this server sees whether the provider runs, whether " + p.config.Issuer + " is its address, and whether this server's network lets it get there: names, firewall, caFile.",
	}
}

// allowRemedy is for a provider to which the network policy lets nobody.
func allowRemedy() belay.Remedy {
	return belay.Remedy{
		ID: "provider.allow", Title: "Allow the provider's address",
		Description: "If this server is to reach that address, its operator starts it with --egress-allow CIDR (BELAY_EGRESS_ALLOW), which names the address or its network.",
	}
}

// pause is how long a provider that failed is left alone.
const pause = 2 * time.Second
