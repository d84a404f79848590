package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"belay"
	"belay/egress"
)

// whyForbidden says what a forbidden address is, where the endpoint has it in
// its text; of what a name leads to, no more than that it is forbidden.
func (s *Session) whyForbidden() string {
	if u, err := url.Parse(s.target.Endpoint); err == nil {
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			if what := egress.Reserved(addr); what != "" {
				return what
			}
		}
	}
	return egress.ErrForbidden.Error()
}

// classify finds the cause of an error of the network, TLS or HTTP.
func classify(err error, stage belay.Stage, s *Session) *Failure {
	if errors.Is(err, egress.ErrForbidden) {
		return &Failure{Cause: belay.CauseEgressForbidden, Stage: belay.StagePolicy, Detail: s.whyForbidden()}
	}
	if errors.Is(err, egress.ErrDenied) {
		return &Failure{Cause: belay.CauseEgressDenied, Stage: belay.StagePolicy, Detail: egress.ErrDenied.Error()}
	}
	if f := classifyTLS(err, stage, s); f != nil {
		return f
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return &Failure{Cause: belay.CauseDNSFailure, Detail: s.scrub.Clean(fmt.Sprintf("no address for %s", s.host))}
	}
	if timedOut(err) {
		return &Failure{Cause: belay.CauseTimeout, Detail: "no answer within the time limit"}
	}
	if f := classifySocket(err); f != nil {
		return f
	}
	return classifyAnswer(err, stage, s)
}

func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func classifySocket(err error) *Failure {
	for _, c := range []struct {
		err    error
		cause  belay.Cause
		detail string
	}{
		{syscall.ECONNREFUSED, belay.CauseConnectionRefused, "connection refused"},
		{syscall.EHOSTUNREACH, belay.CauseConnectionRefused, "no route to the host"},
		{syscall.ENETUNREACH, belay.CauseConnectionRefused, "no route to the network"},
		{syscall.ECONNRESET, belay.CauseConnectionReset, "connection reset"},
		{syscall.EPIPE, belay.CauseConnectionReset, "connection closed"},
		{io.ErrUnexpectedEOF, belay.CauseConnectionReset, "connection closed within an answer"},
		{io.EOF, belay.CauseConnectionReset, "connection closed without an answer"},
		{net.ErrClosed, belay.CauseConnectionReset, "connection closed"},
	} {
		if errors.Is(err, c.err) {
			return &Failure{Cause: c.cause, Detail: c.detail}
		}
	}
	return nil
}

// classifyAnswer judges what is left: the target sent something, and it is
// neither TLS, where that is asked, nor HTTP. Package http gives these errors no types.
func classifyAnswer(err error, stage belay.Stage, s *Session) *Failure {
	text := err.Error()
	switch {
	case stage == belay.StageTLS:
		return &Failure{Cause: belay.CauseTLSProtocol, Detail: s.scrub.Clean(innermost(err))}
	case strings.Contains(text, "response headers exceeded"):
		return &Failure{Cause: belay.CauseResponseTooLarge, Detail: "the answer's headers are too large"}
	case closed(err):
		return &Failure{Cause: belay.CauseConnectionReset, Detail: "connection closed"}
	}
	cause := belay.CauseMalformedResponse
	if stage == belay.StageProtocol {
		cause = belay.CauseWrongService
	}
	return &Failure{Cause: cause, Detail: join("it does not answer in HTTP", s.scrub.Clean(innermost(err)))}
}

// innermost is what an error says without those around it, which say again
// what was tried.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// classifyTLS judges errors of the handshake, some of which come after it.
func classifyTLS(err error, stage belay.Stage, s *Session) *Failure {
	if f := classifyCertificate(err, s); f != nil {
		return f
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &Failure{Cause: belay.CauseTLSProtocol, Stage: belay.StageTLS, Detail: "the target does not answer in TLS"}
	}
	if alert, ok := alertOf(err); ok {
		return s.alerted(alert)
	}
	// A server that closes rather than says why, after it asked for a
	// certificate and got none.
	if closed(err) && stage == belay.StageTLS && s.certificateAsked.Load() && !s.shownCertificate {
		return s.noCertificate()
	}
	return nil
}

func classifyCertificate(err error, s *Session) *Failure {
	fail := func(c belay.Cause, format string, args ...any) *Failure {
		return &Failure{Cause: c, Stage: belay.StageTLS, Detail: s.scrub.Clean(fmt.Sprintf(format, args...))}
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return fail(belay.CauseTLSNameMismatch, "it is made for %s, not for %s", names(name.Certificate), name.Host)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if s.run.now().Before(invalid.Cert.NotBefore) {
			return fail(belay.CauseTLSNotYetValid, "it is valid from %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339))
		}
		end := invalid.Cert.NotAfter.UTC().Format(time.RFC3339)
		s.facts["tls"] = map[string]any{"subject": s.scrub.Clean(invalid.Cert.Subject.String()), "notAfter": end}
		return fail(belay.CauseTLSExpired, "it was valid until %s", end)
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		s.untrusted(err)
		if unknown.Cert == nil {
			return fail(belay.CauseTLSUnknownAuthority, "its authority is not known")
		}
		return fail(belay.CauseTLSUnknownAuthority, "signed by %q, SHA-256 %s", unknown.Cert.Issuer, thumbprint(unknown.Cert))
	}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		s.untrusted(err)
		return fail(belay.CauseTLSUnknownAuthority, "%v", refused.Err)
	}
	return nil
}

// closed tells whether the target ended the connection without a word, as far
// as the reader could hear. Package http says it in texts without types, too.
func closed(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	text := err.Error()
	return slices.ContainsFunc([]string{
		"http2: client conn could not be established", "http2: client connection lost",
		"server closed idle connection", "http2: server sent GOAWAY",
	}, func(s string) bool { return strings.Contains(text, s) })
}

// names are the hosts that a certificate is made for.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no host"
	}
	return strings.Join(all, ", ")
}

// The alerts by which a server refuses a client certificate or its absence
// (RFC 8446, section 6.2). Many send handshake_failure instead.
const (
	alertHandshakeFailure    tls.AlertError = 40
	alertBadCertificate      tls.AlertError = 42
	alertUnknownAuthority    tls.AlertError = 48
	alertAccessDenied        tls.AlertError = 49
	alertCertificateRequired tls.AlertError = 116
)

// alertOf returns the alert by which the target ended the connection. Package
// tls gives those that it received a type of its own, but the same text.
func alertOf(err error) (tls.AlertError, bool) {
	remote, ok := errors.AsType[*net.OpError](err)
	if !ok || remote.Op != "remote error" {
		return 0, false
	}
	for code := range 256 {
		if alert := tls.AlertError(code); alert.Error() == remote.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

func (s *Session) alerted(alert tls.AlertError) *Failure {
	asked := s.certificateAsked.Load()
	aboutCertificate := alertBadCertificate <= alert && alert <= alertUnknownAuthority ||
		alert == alertAccessDenied || alert == alertCertificateRequired || alert == alertHandshakeFailure
	switch {
	case !asked || !aboutCertificate:
		return &Failure{Cause: belay.CauseTLSProtocol, Stage: belay.StageTLS, Detail: alert.Error()}
	case !s.shownCertificate:
		return s.noCertificate()
	case s.expired():
		return &Failure{Cause: belay.CauseCredentialExpired, Stage: belay.StageTLS, Detail: s.expiryDetail()}
	default:
		return &Failure{Cause: belay.CauseTLSClientCertificateRejected, Stage: belay.StageTLS, Detail: alert.Error()}
	}
}

func (s *Session) noCertificate() *Failure {
	return &Failure{Cause: belay.CauseCredentialMissing, Stage: belay.StageTLS, Detail: "it asks for a client certificate"}
}
