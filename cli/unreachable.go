package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// unreachable explains why there was no answer, or no whole one, and what can
// be done about that.
func (c *client) unreachable(err error, req *http.Request) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	f := &failure{exit: exitUnreachable, what: "cannot reach the server " + c.base.Host, cause: err}
	op, _ := errors.AsType[*net.OpError](err)
	dial := op != nil && op.Op == "dial"
	refused, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	alert := c.clientAlert(err)
	switch {
	case certificate:
		f.what = "TLS to " + c.base.Host + " cannot be trusted"
		f.why, f.help = c.untrusted(refused)
	case alert != "":
		f.what = "the server " + c.base.Host + " does not let this client in"
		f.why, f.help = c.notLetIn(alert)
	case errors.Is(err, http.ErrSchemeMismatch):
		f.why = "it speaks HTTP without TLS"
		f.help = []string{"give its address as it is: --server http://" + c.base.Host + c.base.Path}
	case errors.Is(err, context.DeadlineExceeded) && !dial:
		f.exit, f.what = exitPartly, "the server "+c.base.Host+" did not answer in time"
		f.help = []string{"it may still be at work; wait longer: --timeout 2m"}
		f.requestID = req.Header.Get("X-Request-ID")
	case op != nil && op.Op == "proxyconnect":
		f.why = "the proxy does not lead there: " + innermost(err)
		f.help = []string{"the proxy is from HTTPS_PROXY or HTTP_PROXY; without it: NO_PROXY=" + c.base.Hostname()}
	case dial:
		f.why, f.help = c.notConnected(err)
	case failedTLS(err):
		f.what, f.why = "TLS to "+c.base.Host+" failed", strings.TrimPrefix(innermost(err), "tls: ")
		f.help = []string{"does it speak TLS there? if not: --server http://" + c.base.Host + c.base.Path, "see: belay config list --show-origin"}
	default:
		f.what, f.why = "the connection to the server "+c.base.Host+" broke off", brokenWords(err)
		f.help = []string{afterLoss(req), "did it stop, or something between? its log tells"}
		f.requestID = req.Header.Get("X-Request-ID")
	}
	return f
}

// wantsTLS tells whether an answer says that it was asked without TLS where TLS
// is spoken: as Go's servers say it, and nginx.
func wantsTLS(status int, body []byte) bool {
	return status == http.StatusBadRequest &&
		(bytes.Contains(body, []byte("HTTP request to an HTTPS server")) || bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port")))
}

// wantsTLS is the failure of who asked without TLS.
func (c *client) wantsTLS() *failure {
	u := *c.base
	u.Scheme = "https"
	f := &failure{exit: exitUnreachable, what: "the server " + c.base.Host + " speaks TLS", why: "its address begins with https"}
	return f.withHelp("give its address as it is: --server "+u.String(), "see: belay config list --show-origin")
}

// notConnected says why there is no connection, and what to look at.
func (c *client) notConnected(err error) (why string, help []string) {
	name, unknown := errors.AsType[*net.DNSError](err)
	timeout, late := errors.AsType[net.Error](err)
	switch {
	case unknown && name.IsNotFound:
		return "there is no host of that name", []string{"is the name right? see: belay config list --show-origin"}
	case unknown:
		return "its name cannot be looked up: " + name.Err, []string{"is this machine online, and its name server?"}
	case late && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "nothing answers at that address", []string{"is the address right, and may this machine reach it? see: belay config list --show-origin", "wait longer: --timeout 2m"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return innermost(err), c.startHelp()
	}
	return innermost(err), []string{"see: belay config list --show-origin"}
}

// startHelp is for a server at whose address nothing listens.
func (c *client) startHelp() []string {
	if loopback(c.base) {
		start := "belay serve"
		if c.dataDir != "" {
			start += " --data-dir " + shellWord(c.dataDir)
		}
		return []string{"is it running? start it: " + start, "another one: --server URL or belay context use NAME"}
	}
	return []string{"is it running there, and is the port right? see: belay config list --show-origin"}
}

// failedTLS tells whether there was a connection, but no agreement on TLS.
func failedTLS(err error) bool {
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return record || alert || strings.Contains(err.Error(), "TLS handshake") || strings.Contains(err.Error(), "tls: ")
}

// brokenWords say how a connection ended.
func brokenWords(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ended within the answer"
	case errors.Is(err, io.EOF):
		return "it was closed without an answer"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it was reset"
	}
	return innermost(err)
}

// afterLoss says what the loss of an answer means.
func afterLoss(req *http.Request) string {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return "nothing was changed: try it again"
	}
	return "what was asked for may have been done: look before you repeat it"
}
