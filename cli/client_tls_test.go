package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signer is an authority, in PEM form, that signs what a test asks for.
type signer struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newSigner(t *testing.T, name string) *signer {
	t.Helper()
	s := &signer{t: t}
	s.cert, s.key = s.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	s.pem = pemOf(s.cert.Raw)
	return s
}

// sign signs with the authority's key, or what is to be the authority with its
// own.
func (s *signer) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().AddDate(-1, 0, 0)
	}
	parent, by := s.cert, s.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	return cert, key
}

// server signs for hosts, until a time.
func (s *signer) server(until time.Time, hosts ...string) tls.Certificate {
	template := &x509.Certificate{NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, key := s.sign(template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// client writes a client's certificate and its key into dir.
func (s *signer) client(dir string, until time.Time) (certificate, key string) {
	s.t.Helper()
	cert, private := s.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "ann"}, NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "me.crt"), filepath.Join(dir, "me.key")
	writeFile(s.t, certificate, pemOf(cert.Raw))
	writeFile(s.t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return certificate, key
}

// serveTLS is a server that shows a certificate, and with clients wants one
// that they have signed.
func serveTLS(t *testing.T, shown tls.Certificate, clients *signer) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that must fail
	s.TLS = &tls.Config{Certificates: []tls.Certificate{shown}}
	if clients != nil {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		s.TLS.ClientCAs.AddCert(clients.cert)
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// TestUntrusted says of each certificate that is not trusted what is wrong with
// it, and never how to go on without.
func TestUntrusted(t *testing.T) {
	ca, other := newSigner(t, "authority"), newSigner(t, "authority")
	later, before := time.Now().AddDate(1, 0, 0), time.Now().AddDate(0, 0, -1)
	for name, c := range map[string]struct {
		shown   tls.Certificate
		trusted string
		says    []string
	}{
		"no authority":      {ca.server(later, "127.0.0.1"), "", []string{"unknown authority", "--ca-file PATH, BELAY_CA_FILE or ca_file"}},
		"another authority": {ca.server(later, "127.0.0.1"), other.pem, []string{"none of the authorities in", "ca.pem has signed it", "it is from BELAY_CA_FILE"}},
		"another name":      {ca.server(later, "belay.example", "10.0.0.1"), ca.pem, []string{"is for belay.example, 10.0.0.1, and not for 127.0.0.1", "--server https://belay.example:"}},
		"no name":           {ca.server(later), ca.pem, []string{"names no host"}},
		"expired":           {ca.server(before, "127.0.0.1"), ca.pem, []string{"its certificate ended on " + before.UTC().Format("2006-01-02T15:04:05Z"), "must renew it", "it shows 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, map[string]string{"BELAY_SERVER": serveTLS(t, c.shown, nil)})
			if c.trusted != "" {
				f.env["BELAY_CA_FILE"] = f.Home + "/ca.pem"
				writeFile(t, f.Home+"/ca.pem", c.trusted)
			}
			f.Now = time.Now
			f.run(t, exitUnreachable, "whoami")
			mustContain(t, f.err.String(), append(c.says, "cannot be trusted")...)
			mustNotContain(t, strings.ToLower(f.err.String()), "insecure", "skip")
		})
	}
}

// TestClientCertificate is shown to the server that it is for, and a server
// that refuses it is understood.
func TestClientCertificate(t *testing.T) {
	ca, other := newSigner(t, "authority"), newSigner(t, "stranger")
	later := time.Now().AddDate(1, 0, 0)
	server := serveTLS(t, ca.server(later, "127.0.0.1"), ca)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server})
	f.env["BELAY_CA_FILE"] = f.Home + "/ca.pem"
	writeFile(t, f.Home+"/ca.pem", ca.pem)
	show := func(certificate, key string) {
		f.env["BELAY_CLIENT_CERTIFICATE"], f.env["BELAY_CLIENT_KEY"] = certificate, key
	}
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "does not let this client in", "wants a certificate of the client", "belay context set NAME --client-certificate PATH --client-key PATH", "BELAY_CLIENT_KEY")

	f.Now = time.Now
	show(other.client(t.TempDir(), later))
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "does not know the authority of the client certificate, CN=stranger", "me.crt", "it is from BELAY_CLIENT_CERTIFICATE")

	show(ca.client(t.TempDir(), time.Now().AddDate(0, 0, -1)))
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "the client certificate ended on")

	certificate, key := ca.client(t.TempDir(), later)
	_, otherKey := ca.client(t.TempDir(), later)
	for _, half := range [][2]string{{certificate, ""}, {"", key}, {certificate, otherKey}, {certificate, key + "x"}, {key, key}} {
		show(half[0], half[1])
		f.run(t, exitUsage, "whoami")
		mustNotContain(t, f.err.String(), "BEGIN")
	}
	show(certificate, key)
	f.run(t, exitDone, "whoami")

	// From the context, and for its server alone.
	show("", "")
	delete(f.env, "BELAY_SERVER")
	f.run(t, exitDone, "context", "set", "prod", "--server", server, "--client-certificate", certificate, "--client-key", key)
	f.run(t, exitDone, "whoami")
	f.run(t, exitUnreachable, "whoami", "--server", serveTLS(t, ca.server(later, "127.0.0.1"), ca))
	mustContain(t, f.err.String(), "wants a certificate of the client")
	f.run(t, exitDone, "config", "get", "client_certificate", "--show-origin")
	mustContain(t, f.out.String(), certificate, "context prod")
}

// TestServerOfThisMachine is trusted by the certificate that it has left in its
// data directory, whoever has signed that and whatever it is for.
func TestServerOfThisMachine(t *testing.T) {
	ca := newSigner(t, "authority")
	for _, hosts := range [][]string{{"belay.example"}, {"*.example"}, {"10.0.0.1"}} {
		shown := ca.server(time.Now().AddDate(1, 0, 0), hosts...)
		server, data := serveTLS(t, shown, nil), t.TempDir()
		f := newFixture(t, map[string]string{"BELAY_DATA_DIR": data})
		writeFile(t, filepath.Join(data, addressFile), server+"\n")
		f.run(t, exitUnreachable, "whoami")
		mustContain(t, f.err.String(), "cannot be trusted")
		writeFile(t, filepath.Join(data, certificateFile), pemOf(shown.Certificate[0]))
		f.run(t, exitDone, "whoami")
		// Another server is not trusted because of it, nor one that shows
		// another certificate.
		f.run(t, exitUnreachable, "whoami", "--server", serveTLS(t, shown, nil))
		writeFile(t, filepath.Join(data, addressFile), serveTLS(t, ca.server(time.Now().AddDate(1, 0, 0), hosts...), nil))
		f.run(t, exitUnreachable, "whoami")
		if err := os.Remove(filepath.Join(data, addressFile)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServeTLSFlags refuses what is half of TLS: the server would be open to
// more than was meant.
func TestServeTLSFlags(t *testing.T) {
	for line, says := range map[string]string{
		"--tls-cert a":              "--tls-key PATH (BELAY_TLS_KEY)",
		"--tls-key a":               "--tls-cert PATH (BELAY_TLS_CERT)",
		"--tls-client-ca a":         "needs TLS",
		"--tls-client-auth require": "--tls-client-ca PATH",
		"--tls-cert a --tls-key b --tls-client-ca c --tls-client-auth wish": "request, require",
		"--tls-cert a --tls-key b --public-url http://localhost":            "use https://",
	} {
		f := newFixture(t, nil)
		f.run(t, exitUsage, append([]string{"serve"}, strings.Fields(line)...)...)
		mustContain(t, f.err.String(), says)
	}
}

// TestServeTLS gives the server what it speaks TLS with: who names authorities
// of clients wants them to count.
func TestServeTLS(t *testing.T) {
	f := newFixture(t, nil)
	var got ServeConfig
	f.Serve = func(_ context.Context, c ServeConfig, _ *Program) error {
		got = c
		return nil
	}
	writeFile(t, f.Home+"/serve.yaml", "tls: {cert: a, key: b, client-ca: c}\n")
	for line, want := range map[string]TLSFiles{
		"":                         {},
		"--tls-cert a --tls-key b": {Certificate: "a", Key: "b"},
		"--tls-cert a --tls-key b --tls-client-ca c":                           {Certificate: "a", Key: "b", ClientCA: "c", RequireClient: true},
		"--tls-cert a --tls-key b --tls-client-ca c --tls-client-auth require": {Certificate: "a", Key: "b", ClientCA: "c", RequireClient: true},
		"--tls-cert a --tls-key b --tls-client-ca c --tls-client-auth request": {Certificate: "a", Key: "b", ClientCA: "c"},
		"--config " + f.Home + "/serve.yaml":                                   {Certificate: "a", Key: "b", ClientCA: "c", RequireClient: true},
	} {
		f.run(t, exitDone, append([]string{"serve"}, strings.Fields(line)...)...)
		if got.TLS != want {
			t.Errorf("%q: %+v, want %+v", line, got.TLS, want)
		}
	}
	f.env["BELAY_TLS_CERT"], f.env["BELAY_TLS_KEY"] = "x", "y"
	f.run(t, exitDone, "serve", "--tls-key", "z")
	if want := (TLSFiles{Certificate: "x", Key: "z"}); got.TLS != want {
		t.Errorf("from variables: %+v", got.TLS)
	}
}

// Who asks without TLS where TLS is spoken learns the address with it.
func TestAskedWithoutTLS(t *testing.T) {
	address := strings.Replace(serveTLS(t, newSigner(t, "authority").server(time.Now().AddDate(1, 0, 0), "127.0.0.1"), nil), "https:", "http:", 1)
	f := newFixture(t, map[string]string{"BELAY_SERVER": address})
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "speaks TLS", "--server "+strings.Replace(address, "http:", "https:", 1))
	f.run(t, exitUnhealthy, "doctor")
	mustContain(t, f.out.String(), "speaks TLS", "--server https://")
}

// Files of a context that cannot be used are told of when it is saved.
func TestContextFiles(t *testing.T) {
	f := newFixture(t, nil)
	certificate, key := newSigner(t, "authority").client(f.Home, time.Now().AddDate(1, 0, 0))
	f.run(t, exitDone, "context", "set", "prod", "--server", "https://belay.example", "--ca-file", f.Home+"/nope.crt")
	mustContain(t, f.err.String(), "warning: context prod cannot be used so: cannot read the certificate authorities", "nope.crt")
	f.run(t, exitDone, "context", "set", "lab", "--server", "https://belay.example", "--client-certificate", certificate)
	mustContain(t, f.err.String(), "there is a client certificate, and no key for it")
	f.run(t, exitDone, "context", "set", "lab", "--client-key", key)
	mustNotContain(t, f.err.String(), "warning")
}
