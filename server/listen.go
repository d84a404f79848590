package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"belay/keypair"
	"belay/web"
)

// openTLS reads what the server speaks TLS with, if it does.
func (s *Server) openTLS(ctx context.Context) error {
	c := s.config
	if c.TLS.Certificate == "" {
		return nil
	}
	host := ""
	if c.PublicURL != nil {
		host = c.PublicURL.Hostname()
	}
	opened, err := keypair.Open(ctx, keypair.Config{
		Files: c.TLS, Host: host, Interval: c.TLSInterval, Clock: c.Clock, Log: c.Log, Changed: s.certificateChanged,
	})
	if err != nil {
		return tlsError(c.TLS, err)
	}
	s.tls = opened
	return nil
}

// tlsError names the setting that names a file.
func tlsError(f keypair.Files, err error) error {
	e, ok := errors.AsType[*keypair.Error](err)
	if !ok {
		return err
	}
	correct := "correct " + map[string]string{
		f.ClientCA: "--tls-client-ca (BELAY_TLS_CLIENT_CA)", f.Key: "--tls-key (BELAY_TLS_KEY)", f.Certificate: "--tls-cert (BELAY_TLS_CERT)",
	}[e.File]
	help := []string{correct}
	if errors.Is(err, fs.ErrPermission) {
		help = []string{fmt.Sprintf("let the user who runs the server (uid %d) read it", os.Geteuid()), "or " + correct}
	}
	if e.Help != "" {
		help = append([]string{e.Help}, help...)
	}
	return startError(err, help...)
}

// leaveAddress tells the command line on this machine where the server is, and
// by what it is known there.
func (s *Server) leaveAddress() error {
	dir := s.config.DataDir
	if s.tls != nil {
		if err := replaceFile(filepath.Join(dir, CertificateFile), bytes.TrimSpace(s.tls.Certificate())); err != nil {
			return err
		}
	}
	return replaceFile(filepath.Join(dir, AddressFile), []byte(s.URL()))
}

// certificateChanged keeps what leaveAddress has left up to date.
func (s *Server) certificateChanged(ctx context.Context, certificate []byte) {
	if err := replaceFile(filepath.Join(s.config.DataDir, CertificateFile), bytes.TrimSpace(certificate)); err != nil {
		s.config.Log.WarnContext(ctx, "the command line on this machine does not know the new certificate", "error", err)
	}
}

// ReloadTLS reads the certificate and the authorities of clients again, at
// once. What cannot be used is logged and changes nothing.
func (s *Server) ReloadTLS(ctx context.Context) {
	if s.tls != nil {
		s.tls.Reload(ctx)
	}
}

func (s *Server) newHTTP(h *web.Handler) *http.Server {
	made := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: s.config.WriteTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelWarn),
	}
	if s.tls != nil {
		made.TLSConfig = s.tls.TLS()
	}
	return made
}

// serve answers requests until the server is closed.
func (s *Server) serve() error {
	if s.tls == nil {
		return s.http.Serve(s.listener)
	}
	return s.http.ServeTLS(s.listener, "", "")
}

// listen opens the listener. Without TLS it stays on loopback, unless it is
// told otherwise.
func (s *Server) listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return listenError(s.config.Listen, err)
	}
	s.listener = l
	if s.tls == nil && !s.onLoopback() && !s.config.InsecureHTTP {
		return startError(fmt.Errorf("it refuses to listen on %s without TLS: whoever is on the way could read every token", s.config.Listen),
			"speak TLS there: --tls-cert PATH --tls-key PATH (BELAY_TLS_CERT, BELAY_TLS_KEY)",
			"or listen on a loopback address, and let something on this machine speak TLS in front of it: --public-url https://HOST",
			"--insecure-http listens there all the same")
	}
	return nil
}

func (s *Server) addr() netip.AddrPort {
	if a, ok := s.listener.Addr().(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// URL is where the server answers on this machine.
func (s *Server) URL() string {
	a := s.addr()
	if a.Addr().IsUnspecified() {
		// Go listens for IPv4 too where it listens on all addresses.
		return scheme(s.tls != nil) + "://127.0.0.1:" + strconv.Itoa(int(a.Port()))
	}
	return scheme(s.tls != nil) + "://" + s.listener.Addr().String()
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

// PublicURL is where people reach the server.
func (s *Server) PublicURL() string {
	if s.config.PublicURL == nil {
		return s.URL()
	}
	return s.config.PublicURL.Scheme + "://" + s.config.PublicURL.Host
}

// EgressLoopback tells whether connections may reach loopback addresses that
// are not allowed one by one. That the server listens on
// loopback is not enough: what stands in front of it lets others in.
func (s *Server) EgressLoopback() bool {
	if s.config.EgressLoopback != nil {
		return *s.config.EgressLoopback
	}
	return s.config.PublicURL == nil && s.onLoopback()
}

func (s *Server) onLoopback() bool { return s.addr().Addr().Unmap().IsLoopback() }

// trustsClient tells whether a client may go on using its connection.
func (s *Server) trustsClient(state *tls.ConnectionState) bool {
	return s.tls == nil || s.tls.Trusted(state)
}
