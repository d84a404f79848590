package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// certificateFile is by what the server of a data directory is known; it has
// left it there beside its address.
const certificateFile = "server.crt"

// peer is a server, with whom the client trusts there and what it shows of
// itself.
type peer struct {
	base             *url.URL
	authorities      setting // the file of those that are trusted; "" for the system's
	certificate, key setting // files
}

// peer is the server in effect.
func (s *settings) peer() peer {
	return peer{base: s.base, authorities: s.caFile, certificate: s.clientCertificate, key: s.clientKey}
}

// peerOf is the server of a context that need not be in effect.
func (in *invocation) peerOf(base *url.URL, c contextConfig) peer {
	file := func(path string) setting { return setting{expandHome(in.Home, path), in.configFile} }
	return peer{base: base, authorities: file(c.CAFile), certificate: file(c.ClientCertificate), key: file(c.ClientKey)}
}

// connect is a client of a server, without a token.
func (in *invocation) connect(p peer) (*client, error) {
	c := &client{
		base: p.base, command: in.command, agent: "belay/" + in.Version, newID: in.requestID, timeout: in.flags.Timeout, now: in.Now,
		authorities: p.authorities, identity: identity{file: p.certificate},
	}
	config, err := in.tlsConfig(p, &c.identity)
	if err != nil {
		return nil, err
	}
	c.http = &http.Client{Transport: newTransport(config), CheckRedirect: stay}
	return c, nil
}

// tlsConfig is whom the client trusts and what it shows of itself. There is no
// way to trust everybody.
func (in *invocation) tlsConfig(p peer, own *identity) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.base.Scheme != "https" {
		return config, nil
	}
	if err := in.trust(p, config); err != nil {
		return nil, err
	}
	return config, p.identify(config, own)
}

// trust sets whose certificates are trusted: what is configured, else for the
// server on this machine the very one that it has left, else the system's.
func (in *invocation) trust(p peer, config *tls.Config) error {
	file := p.authorities
	if file.text == "" {
		in.trustLocal(p, config)
		return nil
	}
	text, err := os.ReadFile(file.text)
	if err != nil {
		return usage("cannot read the certificate authorities — %v", err).withHelp(file.found()...)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return usage("%s holds no certificate in PEM form", file.text).withHelp(file.found()...)
	}
	return nil
}

// trustLocal trusts the server that runs on this machine by the certificate in
// its data directory, into which nobody else writes. What host that is for does
// not matter there.
func (in *invocation) trustLocal(p peer, config *tls.Config) {
	own, err := parseServer(in.localServer())
	if err != nil || !sameOrigin(own, p.base) || !loopback(own) {
		return
	}
	text, err := os.ReadFile(filepath.Join(in.DataDir(), certificateFile))
	if err != nil {
		return
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return
	}
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AddCert(c)
	config.ServerName = hostOf(c)
}

// hostOf is a name that a certificate is for, "" for none.
func hostOf(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return strings.Replace(c.DNSNames[0], "*", "belay", 1)
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return ""
}

// identity is the certificate that the client shows to a server that asks for
// one, and what became of that.
type identity struct {
	file setting           // "" for none
	leaf *x509.Certificate // nil for none
	// asked tells that a server has asked, and answered nothing since; foreign
	// that it names other authorities than that of the certificate.
	asked, foreign atomic.Bool
}

// identify reads what the client shows. It is shown also to a server that names
// other authorities, which then says what is wrong with it.
func (p peer) identify(config *tls.Config, own *identity) error {
	certificate, key := p.certificate, p.key
	var pair tls.Certificate
	switch {
	case certificate.text == "" && key.text != "":
		return usage("there is a client key, and no certificate for it").withHelp(key.found()...).withHelp("BELAY_CLIENT_CERTIFICATE, or client_certificate in the context")
	case certificate.text != "" && key.text == "":
		return usage("there is a client certificate, and no key for it").withHelp(certificate.found()...).withHelp("BELAY_CLIENT_KEY, or client_key in the context")
	case certificate.text != "":
		var err error
		if pair, err = tls.LoadX509KeyPair(certificate.text, key.text); err != nil {
			return usage("the client certificate cannot be used — %s", strings.TrimPrefix(err.Error(), "tls: ")).
				withHelp("certificate: "+certificate.text, "key: "+key.text).withHelp(certificate.found()...)
		}
		own.leaf = pair.Leaf
	}
	config.GetClientCertificate = func(asks *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		own.asked.Store(true)
		own.foreign.Store(own.leaf != nil && asks.SupportsCertificate(&pair) != nil)
		return &pair, nil
	}
	return nil
}

// settleClient finds the certificate that the client shows. That of a context
// is for the context's own server.
func (in *invocation) settleClient(s *settings, ctx contextConfig, own *url.URL) {
	origin := "context " + s.context.text + " in " + in.configFile
	var certificate, key setting
	if own != nil && sameOrigin(own, s.base) {
		certificate = setting{expandHome(in.Home, ctx.ClientCertificate), origin}
		key = setting{expandHome(in.Home, ctx.ClientKey), origin}
	}
	s.clientCertificate = first(in.variable("BELAY_CLIENT_CERTIFICATE"), certificate)
	s.clientKey = first(in.variable("BELAY_CLIENT_KEY"), key)
}
