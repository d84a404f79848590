package kindtest

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/e2e/peers"
)

// now is the real time, on which all certificates here are made.
func now() func() time.Time { return time.Now } //nolint:forbidigo // the one place that says so

// authority makes certificates. It is new each time, and nobody trusts it.
func authority() *peers.CA { return peers.NewCA("kindtest") }

// lasting is a server's certificate that is good for long.
func lasting(ca *peers.CA, hosts ...string) *peers.KeyPair {
	if hosts == nil {
		hosts = []string{"127.0.0.1", "localhost"}
	}
	return ca.Issue(peers.CertificateOptions{CommonName: "kindtest", Hosts: hosts, NotAfter: now()().AddDate(1, 0, 0)})
}

// trusting is the target with the authority trusted.
func (s Suite) trusting(endpoint string, ca *peers.CA) belay.Target {
	target := s.target(endpoint)
	target.TLS.CertificateAuthority = string(ca.PEM())
	return target
}

func (s Suite) tls(t *testing.T) {
	ca := authority()
	at := func(days int) time.Time { return now()().AddDate(0, 0, days) }
	issue := func(from, to int, hosts ...string) *peers.KeyPair {
		return ca.Issue(peers.CertificateOptions{CommonName: "kindtest", Hosts: hosts, NotBefore: at(from), NotAfter: at(to)})
	}
	for name, c := range map[string]struct {
		pair   *peers.KeyPair
		change func(*belay.Target)
		want   want
	}{
		"good":          {lasting(ca), nil, healthy},
		"unknown":       {lasting(authority()), nil, unhealthy(belay.CauseTLSUnknownAuthority, belay.StageTLS)},
		"system's":      {lasting(ca), func(t *belay.Target) { t.TLS.CertificateAuthority = "" }, unhealthy(belay.CauseTLSUnknownAuthority, belay.StageTLS)},
		"no authority":  {lasting(ca), func(t *belay.Target) { t.TLS.CertificateAuthority = "x" }, unhealthy(belay.CauseTLSUnknownAuthority, belay.StageTLS)},
		"expired":       {issue(-30, -1, "127.0.0.1"), nil, unhealthy(belay.CauseTLSExpired, belay.StageTLS)},
		"not yet valid": {issue(1, 30, "127.0.0.1"), nil, unhealthy(belay.CauseTLSNotYetValid, belay.StageTLS)},
		"other name":    {issue(-1, 99, "other.test"), nil, unhealthy(belay.CauseTLSNameMismatch, belay.StageTLS)},
		"name set":      {issue(-1, 99, "other.test"), func(t *belay.Target) { t.TLS.ServerName = "other.test" }, healthy},
		"expires soon":  {issue(-90, 13, "127.0.0.1"), nil, want{health: belay.HealthDegraded, cause: belay.CauseTLSExpiresSoon}},
		"short lived":   {issue(-1, 13, "127.0.0.1"), nil, healthy},
		"not verified":  {lasting(authority(), "other.test"), func(t *belay.Target) { t.TLS.InsecureSkipVerify = true }, want{health: belay.HealthDegraded, cause: belay.CauseTLSUnknownAuthority}},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint, r := serveTLS(t, s.guard(status(401)), c.pair, nil)
			target := s.trusting(endpoint, ca)
			if c.change != nil {
				c.change(&target)
			}
			report := s.test(t, target, c.want)
			if failed(report) == belay.StageTLS && r.requests.Load() != 0 {
				t.Error("something was sent to a target that is not trusted")
			}
			if c.want == healthy {
				if _, ok := r.versions.Load(2); !ok {
					t.Error("HTTP/2 was not used")
				}
			}
			if c.want.cause == belay.CauseTLSUnknownAuthority && c.want.health == belay.HealthUnhealthy && name != "no authority" && !strings.Contains(text(report), "BEGIN CERTIFICATE") {
				t.Error("the certificate to trust is not shown")
			}
		})
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		endpoint, r := serveTLS(t, s.guard(status(401)), lasting(ca), func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })
		s.test(t, s.trusting(endpoint, ca), healthy)
		if _, ok := r.versions.Load(2); ok {
			t.Error("HTTP/2 was used")
		}
	})
	s.tlsFaults(t, ca)
}

func (s Suite) tlsFaults(t *testing.T, ca *peers.CA) {
	t.Run("plain HTTP", func(t *testing.T) {
		endpoint, _ := serve(t, s.Good)
		s.test(t, s.trusting(strings.Replace(endpoint, "http://", "https://", 1), ca), unhealthy(belay.CauseTLSProtocol, belay.StageTLS))
	})
	t.Run("too old", func(t *testing.T) {
		endpoint, _ := serveTLS(t, s.Good, lasting(ca), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
		s.test(t, s.trusting(endpoint, ca), unhealthy(belay.CauseTLSProtocol, belay.StageTLS))
	})
	t.Run("silent", func(t *testing.T) {
		address, _ := raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); <-t.Context().Done() })
		target := s.target("https://" + address)
		target.Timeout = impatient
		s.test(t, target, unhealthy(belay.CauseTimeout, belay.StageTLS))
	})
	t.Run("given up", func(t *testing.T) {
		hungUp := make(chan struct{})
		address, _ := raw(t, func(c net.Conn) {
			_, _ = io.Copy(io.Discard, c)
			close(hungUp)
		})
		target := s.target("https://" + address)
		target.TLS.CertificateAuthority = "x"
		s.test(t, target, unhealthy(belay.CauseTLSUnknownAuthority, belay.StageTLS))
		<-hungUp // and does not hold the connection
	})
	t.Run("closed", func(t *testing.T) {
		address, _ := raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1024)) })
		s.test(t, s.target("https://"+address), unhealthy(belay.CauseConnectionReset, belay.StageTLS))
	})
}

// clientCertificates checks targets that want one, by TLS and by HTTP, in
// both versions of TLS: they refuse at different times.
func (s Suite) clientCertificates(t *testing.T) {
	ca, clients := authority(), authority()
	good := clients.Client("kindtest")
	expired := clients.Issue(peers.CertificateOptions{CommonName: "kindtest", NotBefore: now()().AddDate(0, 0, -9), NotAfter: now()().AddDate(0, 0, -1)})
	ending := clients.Issue(peers.CertificateOptions{CommonName: "kindtest", NotBefore: now()().AddDate(0, 0, -90), NotAfter: now()().AddDate(0, 0, 13)})
	stranger := authority().Client("kindtest")
	credential := func(p *peers.KeyPair) *belay.Material { return s.Certificate(string(p.Certificate), string(p.Key)) }
	for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		for name, c := range map[string]struct {
			credential *belay.Material
			want       want
		}{
			"good":     {credential(good), healthy},
			"ending":   {credential(ending), want{health: belay.HealthDegraded, cause: belay.CauseCredentialExpiresSoon}},
			"missing":  {nil, unhealthy(belay.CauseCredentialMissing, belay.StageTLS)},
			"token":    {s.Bearer(token), unhealthy(belay.CauseCredentialMissing, belay.StageTLS)},
			"expired":  {credential(expired), unhealthy(belay.CauseCredentialExpired, belay.StageTLS)},
			"stranger": {credential(stranger), unhealthy(belay.CauseTLSClientCertificateRejected, belay.StageTLS)},
			"wrong key": {
				s.Certificate(string(good.Certificate), string(stranger.Key)),
				unhealthy(belay.CauseCredentialRejected, belay.StageTLS),
			},
		} {
			t.Run(version+"/"+name, func(t *testing.T) {
				endpoint, _ := serveTLS(t, s.Good, lasting(ca), func(c *tls.Config) {
					c.MinVersion, c.MaxVersion = number, number
					c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
				})
				target := s.trusting(endpoint, ca)
				target.Credential = c.credential
				s.test(t, target, c.want)
			})
		}
	}
	s.refusedByHTTP(t, ca, credential(good), credential(expired))
}

// refusedByHTTP is what nginx does.
func (s Suite) refusedByHTTP(t *testing.T, ca *peers.CA, good, expired *belay.Material) {
	refusing := func(phrase string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<center>"+phrase+"</center>", http.StatusBadRequest)
		}
	}
	for name, c := range map[string]struct {
		phrase     string
		credential *belay.Material
		cause      belay.Cause
	}{
		"missing":  {"No required SSL certificate was sent", nil, belay.CauseCredentialMissing},
		"expired":  {"The SSL certificate error", expired, belay.CauseCredentialExpired},
		"rejected": {"The SSL certificate error", good, belay.CauseTLSClientCertificateRejected},
	} {
		t.Run("by status/"+name, func(t *testing.T) {
			endpoint, _ := serveTLS(t, refusing(c.phrase), lasting(ca), nil)
			target := s.trusting(endpoint, ca)
			target.Credential = c.credential
			s.test(t, target, unhealthy(c.cause, belay.StageAuthenticate))
		})
	}
}
