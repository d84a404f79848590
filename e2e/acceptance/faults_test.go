package acceptance_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay/e2e/peers"
)

// faults are the ways in which a target can be wrong, by what each is called.
func faults() map[string]fault {
	return map[string]fault{
		"rejected":            {"credential_rejected", rejectedToken},
		"rejected-by-cluster": {"credential_rejected", rejectedByCluster},
		"none":                {"credential_missing", noToken},
		"none-for-cluster":    {"credential_missing", noneForCluster},
		"expired":             {"credential_expired", expiredToken},
		"expired-for-cluster": {"credential_expired", certificateOfTime(-2*time.Hour, -time.Hour)},
		"ending-for-cluster":  {"credential_expires_soon", certificateOfTime(-99*time.Hour, 24*time.Hour)},
		"strange-certificate": {"tls_client_certificate_rejected", strangeCertificate},
		"fallback":            {"credential_rejected", carriedByFallback},
		"forbidden":           {"permission_missing", forbiddenInCluster},
		"other-cluster":       {"identity_changed", otherCluster},
		"unknown-authority":   {"tls_unknown_authority", unknownAuthority},
		"other-name":          {"tls_name_mismatch", otherName},
		"expired-server":      {"tls_expired", servedWith(peers.CertificateOptions{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})},
		"ending-server":       {"tls_expires_soon", servedWith(peers.CertificateOptions{NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(time.Hour)})},
		"not-verified":        {"tls_unknown_authority", notVerified},
		"early-server":        {"tls_not_yet_valid", servedWith(peers.CertificateOptions{NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(2 * time.Hour)})},
		"refused":             {"connection_refused", refused},
		"plain":               {"tls_protocol", plainInsteadOfTLS},
		"wrong-service":       {"wrong_service", wrongService},
		"old-version":         {"unsupported_version", answering("prometheus", oldPrometheus)},
		"reset":               {"connection_reset", answering("http", resetConnection)},
		"silent":              {"timeout", answering("http", silent)},
		"failing":             {"unexpected_status", answering("http", status(http.StatusInternalServerError))},
		"elsewhere":           {"redirected_elsewhere", answering("http", http.RedirectHandler("http://127.0.0.2:1", http.StatusFound).ServeHTTP)},
		"flood":               {"response_too_large", answering("http", flood)},
		"garbage":             {"malformed_response", answering("prometheus", garbage)},
		"limited":             {"rate_limited", answering("http", status(http.StatusTooManyRequests))},
		"starting":            {"not_ready", answering("http", status(http.StatusServiceUnavailable))},
		"wrong-clock":         {"clock_skew", answering("http", wrongClock)},
	}
}

// guarded is a connection to what wants a token.
func guarded(t *testing.T, c *client, name string, key credential) patient {
	t.Helper()
	more := object{"metadata": object{"path": "/bearer/"}}
	if key.ID != "" {
		more["credentialId"] = key.ID
	}
	return patient{
		conn: c.connect(name, "http", nginx.Get(t).URL, more), key: key,
		secret: object{"token": nginxToken},
		other:  c.keep(name+"-other", "bearer", object{"token": nginxToken}),
		create: object{"name": name + "-made", "type": "bearer", "secret": object{"token": nginxToken}},
	}
}

func rejectedToken(t *testing.T, c *client, name string) patient {
	return guarded(t, c, name, c.keep(name, "bearer", object{"token": "wrong"}))
}

// carriedByFallback has a first credential that is rejected and another that
// is not.
func carriedByFallback(t *testing.T, c *client, name string) patient {
	p := guarded(t, c, name, c.keep(name, "bearer", object{"token": "wrong"}))
	c.put(connectionsPath+"/"+p.conn.ID, object{"credentials": []object{{"id": p.key.ID}, {"id": c.keep(name+"-fallback", "bearer", object{"token": nginxToken}).ID}}})
	return p
}

func noToken(t *testing.T, c *client, name string) patient { return guarded(t, c, name, credential{}) }

// expiredToken says itself that it has expired (RFC 7519).
func expiredToken(t *testing.T, c *client, name string) patient {
	part := base64.RawURLEncoding.EncodeToString
	token := part([]byte(`{"alg":"none"}`)) + "." + part([]byte(`{"exp":1700000000}`)) + ".x"
	return guarded(t, c, name, c.keep(name, "bearer", object{"token": token}))
}

// inCluster is a connection to a cluster.
func inCluster(t *testing.T, c *client, name string, key credential) patient {
	t.Helper()
	k := prodCluster.Get(t)
	token := k.User("admin").Token
	return patient{
		conn: c.connectCluster(name, k, key.ID), key: key,
		secret: object{"token": token},
		other:  c.keep(name+"-other", "kubernetes", object{"token": token}),
		create: object{"name": name + "-made", "type": "kubernetes", "secret": object{"token": token}},
		file:   kubeconfig(ofCluster(k, name, tokenUser(token))),
	}
}

func rejectedByCluster(t *testing.T, c *client, name string) patient {
	return inCluster(t, c, name, c.keep(name, "kubernetes", object{"token": "wrong"}))
}

func noneForCluster(t *testing.T, c *client, name string) patient {
	p := inCluster(t, c, name, c.keep(name, "kubernetes", object{"token": "wrong"}))
	p.conn = decode[connection](c.put(connectionsPath+"/"+p.conn.ID, object{"credentialId": nil}))
	return p
}

// certificateOfTime is an administrator's, good from and to so long from now.
func certificateOfTime(from, to time.Duration) func(*testing.T, *client, string) patient {
	return func(t *testing.T, c *client, name string) patient {
		old := peers.KubernetesUser{Certificate: clusterCA.Issue(peers.CertificateOptions{
			CommonName: "former", Organizations: []string{"system:masters"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		})}
		p := inCluster(t, c, name, c.keepCertificate(name, old))
		now := certificateUser("former").Certificate
		p.secret = object{"clientCertificate": string(now.Certificate), "clientKey": string(now.Key)}
		return p
	}
}

// forbiddenInCluster is a service account that may do nothing yet.
func forbiddenInCluster(t *testing.T, c *client, name string) patient {
	k := prodCluster.Get(t)
	account, err := k.CreateToken(t.Context(), "default", name, 30*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p := inCluster(t, c, name, c.keep(name, "kubernetes", object{"token": account.Token}))
	p.heal = func() {
		if err := k.Bind(t.Context(), "system:aggregate-to-view", peers.Subject{Kind: "ServiceAccount", Name: name, Namespace: "default"}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// otherCluster answers where another one answered before, which is elsewhere
// now.
func otherCluster(t *testing.T, c *client, name string) patient {
	k := prodCluster.Get(t)
	url, lead := forward(t, k.URL)
	user := certificateUser(name)
	key := c.keepCertificate(name, user)
	conn := c.connect(name, "kubernetes", url, object{
		"metadata":     object{"context": name, "tls": object{"certificateAuthority": string(clusterCA.PEM())}},
		"credentialId": key.ID,
	})
	c.wantHealthy(conn.ID)
	lead(devCluster.Get(t).URL)
	return patient{conn: conn, key: key, url: k.URL, file: kubeconfig(ofCluster(devCluster.Get(t), name, certificateOf(user)))}
}

// forward passes connections on to an https server, byte by byte, and from
// the next one on to where it is led.
func forward(t *testing.T, to string) (url string, lead func(string)) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var target atomic.Value
	lead = func(to string) { target.Store(strings.TrimPrefix(to, "https://")) }
	lead(to)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { join(in, target.Load().(string)) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return "https://" + listener.Addr().String(), lead
}

// join copies both ways until either side ends.
func join(in net.Conn, address string) {
	defer in.Close()
	out, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer out.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})
	_, _ = io.Copy(out, in)
	_ = out.Close()
	back.Wait()
}

// strangeCertificate is one that the target's authority has not signed.
func strangeCertificate(t *testing.T, c *client, name string) patient {
	pair := func(ca *peers.CA) object {
		p := ca.Issue(peers.CertificateOptions{CommonName: "client", NotAfter: time.Now().AddDate(1, 0, 0)})
		return object{"certificate": string(p.Certificate), "key": string(p.Key)}
	}
	key := c.keep(name, "mtls", pair(peers.NewCA("strange")))
	return patient{
		conn: c.connect(name, "http", nginx.Get(t).CertURL, object{
			"credentialId": key.ID, "metadata": object{"tls": object{"certificateAuthority": string(nginxCA.PEM())}},
		}),
		key: key, secret: pair(nginxCA), other: c.keep(name+"-other", "mtls", pair(nginxCA)),
	}
}

func unknownAuthority(t *testing.T, c *client, name string) patient {
	return patient{conn: c.connect(name, "http", nginx.Get(t).TLSURL, nil), url: nginx.Get(t).URL, ca: nginxCA.PEM()}
}

// notVerified works, whoever answers.
func notVerified(t *testing.T, c *client, name string) patient {
	return patient{
		conn: c.connect(name, "http", nginx.Get(t).TLSURL, object{"metadata": object{"tls": object{"insecureSkipVerify": true}}}),
		url:  nginx.Get(t).URL, ca: nginxCA.PEM(),
	}
}

// serveTLS answers with 200 and shows the certificate that is in force.
func serveTLS(t *testing.T, certificate *peers.KeyPair) (url string, replace func(*peers.KeyPair)) {
	t.Helper()
	var now atomic.Pointer[tls.Certificate]
	set := func(p *peers.KeyPair) {
		pair := p.TLS()
		now.Store(&pair)
	}
	set(certificate)
	server := httptest.NewUnstartedServer(status(http.StatusOK))
	server.Config.ErrorLog = discard()
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*now.Load()}}, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, set
}

func otherName(t *testing.T, c *client, name string) patient {
	ca := peers.NewCA("named")
	url, _ := serveTLS(t, ca.Issue(peers.CertificateOptions{
		CommonName: "service.test", Hosts: []string{"service.test"}, NotAfter: time.Now().AddDate(1, 0, 0),
	}))
	return patient{
		conn: c.connect(name, "http", url, object{"metadata": object{"tls": object{"certificateAuthority": string(ca.PEM())}}}),
		url:  nginx.Get(t).URL, host: "service.test", ca: ca.PEM(),
	}
}

// servedWith is a target whose certificate is replaced when it heals.
func servedWith(o peers.CertificateOptions) func(*testing.T, *client, string) patient {
	return func(t *testing.T, c *client, name string) patient {
		ca := peers.NewCA("rotating")
		o.CommonName, o.Hosts = "127.0.0.1", []string{"127.0.0.1"}
		url, replace := serveTLS(t, ca.Issue(o))
		return patient{
			conn: c.connect(name, "http", url, object{"metadata": object{"tls": object{"certificateAuthority": string(ca.PEM())}}}),
			url:  nginx.Get(t).URL, heal: func() { replace(lasting(ca)) },
		}
	}
}

// refused is a target that starts when it heals, where it was expected.
func refused(t *testing.T, c *client, name string) patient {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return patient{conn: c.connect(name, "http", "http://"+address, nil), url: nginx.Get(t).URL, heal: func() {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: status(http.StatusOK)}}
		server.Start()
		t.Cleanup(server.Close)
	}}
}

// plainInsteadOfTLS speaks TLS when it heals.
func plainInsteadOfTLS(t *testing.T, c *client, name string) patient {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ca := peers.NewCA("late")
	pair := lasting(ca).TLS()
	settings := &tls.Config{Certificates: []tls.Certificate{pair}}
	var secure atomic.Bool
	server := &http.Server{Handler: status(http.StatusOK), ErrorLog: discard()}
	go func() { _ = server.Serve(&eitherListener{listener, settings, &secure}) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	address := listener.Addr().String()
	return patient{
		conn: c.connect(name, "http", "https://"+address, object{"metadata": object{"tls": object{"certificateAuthority": string(ca.PEM())}}}),
		url:  "http://" + address, heal: func() { secure.Store(true) },
	}
}

// eitherListener speaks TLS from some time on.
type eitherListener struct {
	net.Listener
	settings *tls.Config
	secure   *atomic.Bool
}

// Accept implements net.Listener.
func (l *eitherListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.secure.Load() {
		conn = tls.Server(conn, l.settings)
	}
	return conn, err
}

func wrongService(t *testing.T, c *client, name string) patient {
	return patient{
		conn: c.connect(name, "prometheus", nginx.Get(t).URL, object{"credentialId": c.keepMetrics(name).ID}),
		url:  prodPrometheus.Get(t).URL,
	}
}

// wellPath is where every target that answers badly answers well.
const wellPath = "/well"

// answering is a target that answers badly until it heals.
func answering(kind string, badly http.HandlerFunc) func(*testing.T, *client, string) patient {
	return func(t *testing.T, c *client, name string) patient {
		var well atomic.Bool
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !well.Load() && r.URL.Path != wellPath:
				badly(w, r)
			case kind == "prometheus":
				prometheusOf("3.5.0")(w, r)
			}
		}))
		server.Config.ErrorLog = discard()
		server.Start()
		t.Cleanup(server.Close)
		good := nginx.Get(t).URL
		if kind == "prometheus" {
			healthy := httptest.NewServer(prometheusOf("3.5.0"))
			t.Cleanup(healthy.Close)
			good = healthy.URL
		}
		return patient{
			conn: c.connect(name, kind, server.URL, object{"check": object{"timeoutSeconds": 1}}),
			url:  good, heal: func() { well.Store(true) },
		}
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func oldPrometheus(w http.ResponseWriter, r *http.Request) { prometheusOf("1.8.2")(w, r) }

// prometheusOf answers as a Prometheus of a version does.
func prometheusOf(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text := `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/-/ready"):
			text = "Prometheus Server is Ready.\n"
		case strings.HasSuffix(r.URL.Path, "/buildinfo"):
			text = `{"status":"success","data":{"version":"` + version + `"}}`
		}
		_, _ = w.Write([]byte(text)) // a caller that has gone misses nothing
	}
}

// garbage is ready, and then makes no sense.
func garbage(w http.ResponseWriter, r *http.Request) {
	text := "<html>"
	if strings.HasSuffix(r.URL.Path, "/-/ready") {
		text = "Prometheus Server is Ready.\n"
	}
	_, _ = w.Write([]byte(text))
}

func resetConnection(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func flood(w http.ResponseWriter, _ *http.Request) {
	block := make([]byte, 1<<16)
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func wrongClock(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
}
