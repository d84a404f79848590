package web

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"belay"
)

// secure tells whether browsers reach the server over TLS.
func (h *Handler) secure() bool {
	return h.TLS || h.PublicURL != nil && h.PublicURL.Scheme == "https"
}

// strictTransport tells browsers to come over TLS alone for a year (RFC 6797).
// What is said for localhost would hold for every port of somebody's own
// machine; for addresses it has no effect.
func (h *Handler) strictTransport(header http.Header, host string) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if h.secure() && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// trusted tells whether a request comes over a connection that could be made
// now.
func (h *Handler) trusted(r *http.Request) bool {
	return r.TLS == nil || h.TrustsClient == nil || h.TrustsClient(r.TLS)
}

// turnAway ends a connection whose client is trusted no more. A new one shows
// whether another certificate is.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	h.API.Problem(w, r, belay.Errorf(belay.CodeUnauthenticated, "the certificate that this client has shown is not trusted any more; connect again with one that is"))
}

// clientCertificate is what the log tells of the certificate that a client has
// shown, if any.
func clientCertificate(r *http.Request) slog.Attr {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return slog.Attr{}
	}
	c := r.TLS.PeerCertificates[0]
	return slog.Group("clientCertificate", "subject", c.Subject.String(), "serial", fmt.Sprintf("%X", c.SerialNumber))
}
