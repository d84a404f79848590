package probe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"

	"belay"
)

// handshake makes the connection a TLS one, where the endpoint asks for it.
func handshake(ctx context.Context, s *Session) error {
	if s.base.Scheme != "https" {
		return errSkip
	}
	if err := s.configureTLS(); err != nil {
		return err
	}
	conn, err := s.encrypt(ctx, s.take())
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	s.adopt(conn)
	s.inspect(conn.ConnectionState())
	return nil
}

// configureTLS sets how this test's connections, all of them, are encrypted.
func (s *Session) configureTLS() error {
	certificate, err := clientCertificate(s.target.Credential)
	if err != nil {
		return &Failure{Cause: belay.CauseCredentialRejected, Detail: "the credential " + err.Error()}
	}
	s.shownCertificate = certificate != nil
	wanted := s.target.TLS
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         wanted.ServerName,
		InsecureSkipVerify: wanted.InsecureSkipVerify,
		NextProtos:         []string{"h2", "http/1.1"},
		Time:               s.run.now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.certificateAsked.Store(true)
			if certificate == nil {
				return new(tls.Certificate), nil
			}
			return certificate, nil
		},
	}
	if cfg.ServerName == "" {
		cfg.ServerName = s.host
	}
	if wanted.CertificateAuthority != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM([]byte(wanted.CertificateAuthority)) {
			return &Failure{Cause: belay.CauseTLSUnknownAuthority, Detail: "the configured certificate authority holds no certificate"}
		}
	}
	s.tls = cfg
	return nil
}

func (s *Session) encrypt(ctx context.Context, plain net.Conn) (*tls.Conn, error) {
	conn := tls.Client(plain, s.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return conn, nil
}

// inspect notes what the target's certificate says, and warns of what will
// not do for long.
func (s *Session) inspect(state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	s.facts["tls"] = map[string]any{
		"version":    tls.VersionName(state.Version),
		"subject":    s.scrub.Clean(leaf.Subject.String()),
		"issuer":     s.scrub.Clean(leaf.Issuer.String()),
		"notAfter":   leaf.NotAfter.UTC().Format(time.RFC3339),
		"thumbprint": thumbprint(leaf),
	}
	if (belay.Validity{From: leaf.NotBefore, Until: leaf.NotAfter}).EndsSoon(s.run.now()) {
		s.run.warn(belay.CauseTLSExpiresSoon, fmt.Sprintf("the target's certificate expires at %s", leaf.NotAfter.UTC().Format(time.RFC3339)))
	}
	if s.target.TLS.InsecureSkipVerify {
		s.run.warn(belay.CauseTLSUnknownAuthority, "the target's certificate is not verified")
	}
}

// untrusted notes the certificate that would have to be trusted: the last
// that the target sent, which is the authority when it sends that at all.
func (s *Session) untrusted(err error) {
	refused, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(refused.UnverifiedCertificates) == 0 {
		return
	}
	last := refused.UnverifiedCertificates[len(refused.UnverifiedCertificates)-1]
	facts := map[string]any{"issuer": s.scrub.Clean(last.Issuer.String()), "thumbprint": thumbprint(last)}
	presented := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: last.Raw}))
	if len(presented) <= maxPresented && !s.scrub.Holds(presented) {
		facts["presented"] = presented
	}
	s.facts["tls"] = facts
}

// thumbprint is the SHA-256 of a certificate in hexadecimal digits.
func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
