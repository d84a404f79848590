package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// untrusted says why the server's certificate is not trusted, and what to do.
// To trust it all the same is never among that.
func (c *client) untrusted(err *tls.CertificateVerificationError) (why string, help []string) {
	where := []string{"is it the right server? see: belay config list --show-origin"}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		hosts := hostsOf(name.Certificate)
		if len(hosts) == 0 {
			return "its certificate names no host", []string{"whoever runs it must give it one that names " + name.Host}
		}
		return "its certificate is for " + strings.Join(hosts, ", ") + ", and not for " + name.Host,
			append([]string{"use a name that it is for: --server " + c.at(hosts[0])}, where...)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return c.outOfTime(invalid.Cert)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && c.authorities.text != "" {
		return "none of the authorities in " + c.authorities.text + " has signed its certificate",
			append(c.authorities.found(), append([]string{"trust the one that has: --ca-file PATH, BELAY_CA_FILE or ca_file in the context"}, where...)...)
	}
	return innermost(err), append([]string{"trust its authority: --ca-file PATH, BELAY_CA_FILE or ca_file in the context"}, where...)
}

// at is the server's address with another host: its port and path stay.
func (c *client) at(host string) string {
	u := *c.base
	u.Host = host
	switch {
	case c.base.Port() != "":
		u.Host = net.JoinHostPort(host, c.base.Port())
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	}
	return u.String()
}

// outOfTime is about a certificate that is not valid now.
func (c *client) outOfTime(cert *x509.Certificate) (why string, help []string) {
	now := c.now()
	clock := "or is the clock of this machine wrong? it shows " + now.UTC().Format(time.RFC3339)
	if now.Before(cert.NotBefore) {
		return "its certificate is not valid before " + cert.NotBefore.UTC().Format(time.RFC3339), []string{"wait until then", clock}
	}
	return "its certificate ended on " + cert.NotAfter.UTC().Format(time.RFC3339), []string{"whoever runs it must renew it", clock}
}

func hostsOf(c *x509.Certificate) []string {
	hosts := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// clientAlert is the word by which a server refuses a client for its
// certificate (RFC 8446, section 6.2), "" for anything else. In TLS 1.3 that
// comes when the client takes the connection for made and may have sent a
// request; the word is then lost as often as not, and all there is to see is
// that the server has asked for a certificate, and gone.
func (c *client) clientAlert(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if ok && op.Op == "remote error" {
		switch word := strings.TrimPrefix(op.Err.Error(), "tls: "); word {
		case "certificate required", "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
			"unknown certificate", "unknown certificate authority":
			return word
		}
		return ""
	}
	other := ok && op.Op != "read" && op.Op != "write" || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF)
	if c.identity.asked.Load() && !other {
		return "it ended the connection"
	}
	return ""
}

// notLetIn says what is wrong with the certificate that the client shows.
func (c *client) notLetIn(alert string) (why string, help []string) {
	own := &c.identity
	if own.leaf == nil {
		return "it wants a certificate of the client", []string{
			"for its context: belay context set NAME --client-certificate PATH --client-key PATH",
			"or BELAY_CLIENT_CERTIFICATE and BELAY_CLIENT_KEY, the files",
		}
	}
	switch {
	case c.now().After(own.leaf.NotAfter):
		why = "the client certificate ended on " + own.leaf.NotAfter.UTC().Format(time.RFC3339)
	case own.foreign.Load():
		why = "it does not know the authority of the client certificate, " + own.leaf.Issuer.String()
	default:
		why = "it refuses the client certificate: " + alert
	}
	return why, append([]string{"the certificate is " + own.file.text}, own.file.found()...)
}
