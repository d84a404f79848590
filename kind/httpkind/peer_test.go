package httpkind_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay"
	"belay/e2e/peers"
	"belay/egress"
	"belay/kind/kindtest"
)

// Real servers that the tests of this package share: a Prometheus that is
// open, one that wants a password, and an nginx in front of the first.
var (
	open    = peers.Share(func() (*peers.Prometheus, error) { return peers.NewPrometheus(peers.PrometheusOptions{}) })
	guarded = peers.Share(func() (*peers.Prometheus, error) {
		return peers.NewPrometheus(peers.PrometheusOptions{Users: map[string]string{"jane": password}})
	})
)

const (
	password = "canary of jane/0123"
	secret   = "canary.0123456789"
)

// TestMain also sees to it that no test of a target leaves anything running.
func TestMain(m *testing.M) {
	code := peers.Run(m, open, guarded)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func basic(user, password string) *belay.Material {
	return &belay.Material{Type: belay.CredentialBasic, Values: map[string]belay.Secret{
		"username": belay.SecretString(user), "password": belay.SecretString(password),
	}}
}

func header(name, value string) *belay.Material {
	return &belay.Material{Type: belay.CredentialHeader, Values: map[string]belay.Secret{
		"name": belay.SecretString(name), "value": belay.SecretString(value),
	}}
}

// ask tests a real server, and wants this to fail: "stage cause missing".
func ask(t *testing.T, kind, endpoint string, ca *peers.CA, m *belay.Material, want string) belay.Report {
	t.Helper()
	target := belay.Target{Endpoint: endpoint, Credential: m, Timeout: 20 * time.Second}
	if ca != nil {
		target.TLS.CertificateAuthority = string(ca.PEM())
	}
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
	r := driver(t, builtin(t, kind))(d, time.Now).Test(t.Context(), target)
	kindtest.Check(t, r)
	kindtest.Conceals(t, r, m)
	got := ""
	for _, s := range r.Stages {
		if s.Outcome == belay.OutcomeFailed {
			got = strings.TrimSpace(string(s.Stage) + " " + string(r.Cause) + " " + r.Missing)
		}
	}
	if got != want {
		t.Errorf("got %q, want %q: %s", got, want, r.Summary)
	}
	return r
}

func TestRealPrometheus(t *testing.T) {
	p := open.Get(t)
	for _, m := range []*belay.Material{nil, bearer("canary-that-nobody-asks-for")} {
		r := ask(t, "prometheus", p.URL, nil, m, "")
		version, _ := r.Facts["version"].(string)
		if r.Health != belay.HealthHealthy || !strings.HasPrefix(version, "2.") || r.Facts["targets"] == nil || r.Facts["targetsUp"] == nil {
			t.Errorf("%s, facts %v", r.Health, r.Facts)
		}
	}
}

func TestRealPrometheusWithPassword(t *testing.T) {
	p := guarded.Get(t)
	r := ask(t, "prometheus", p.URL, nil, basic("jane", password), "")
	if r.Health != belay.HealthHealthy {
		t.Errorf("%s: %s", r.Health, r.Summary)
	}
	ask(t, "prometheus", p.URL, nil, nil, "authenticate credential_missing")
	ask(t, "prometheus", p.URL, nil, basic("jane", "canary of yesterday"), "authenticate credential_rejected")
	ask(t, "prometheus", p.URL, nil, basic("john", password), "authenticate credential_rejected")
	ask(t, "prometheus", p.URL, nil, bearer("canary-0123"), "authenticate credential_rejected")
}

func TestRealPrometheusWithClientCertificates(t *testing.T) {
	ca := peers.NewCA("prometheus")
	p := peers.StartPrometheus(t, peers.PrometheusOptions{Certificate: ca.Server(), ClientCA: ca})
	pair, stranger := ca.Client("jane"), peers.NewCA("stranger").Client("jane")
	expired := ca.Issue(peers.CertificateOptions{CommonName: "jane", NotBefore: time.Now().AddDate(0, 0, -2), NotAfter: time.Now().AddDate(0, 0, -1)})
	ask(t, "prometheus", p.URL, ca, mtls(string(pair.Certificate), string(pair.Key)), "")
	ask(t, "prometheus", p.URL, ca, nil, "tls credential_missing")
	ask(t, "prometheus", p.URL, ca, mtls(string(stranger.Certificate), string(stranger.Key)), "tls tls_client_certificate_rejected")
	ask(t, "prometheus", p.URL, ca, mtls(string(expired.Certificate), string(expired.Key)), "tls credential_expired")
	ask(t, "prometheus", p.URL, nil, nil, "tls tls_unknown_authority")
	ask(t, "prometheus", strings.Replace(p.URL, "https", "http", 1), nil, nil, "protocol tls_protocol")
	ask(t, "prometheus", strings.Replace(open.Get(t).URL, "http", "https", 1), nil, nil, "tls tls_protocol")
}

func TestRealPrometheusBehindNginx(t *testing.T) {
	n := peers.StartNginx(t, peers.NginxOptions{Upstream: open.Get(t).URL, Token: secret, HeaderValue: secret, Password: secret})
	pair, stranger := n.ClientCA.Client("jane"), peers.NewCA("stranger").Client("jane")
	client := mtls(string(pair.Certificate), string(pair.Key))
	for _, c := range []struct {
		endpoint   string
		credential *belay.Material
		want       string
	}{
		{n.URL, nil, ""},
		{n.URL + "/basic", basic(n.User, n.Password), ""},
		{n.URL + "/basic", basic(n.User, "canary of yesterday"), "authenticate credential_rejected"},
		{n.URL + "/basic", nil, "authenticate credential_missing"},
		{n.URL + "/bearer", bearer(n.Token), ""},
		{n.URL + "/bearer", bearer("canary-of-yesterday"), "authenticate credential_rejected"},
		{n.URL + "/bearer", nil, "authenticate credential_missing"},
		{n.URL + "/header", header(n.HeaderName, n.HeaderValue), ""},
		{n.URL + "/header", header(n.HeaderName, "canary-of-yesterday"), "authorize permission_missing GET /-/ready"},
		{n.TLSURL + "/bearer", bearer(n.Token), ""},
		{n.TLSURL + "/cert", client, ""},
		{n.TLSURL + "/cert", nil, "authorize permission_missing GET /-/ready"},
		{n.CertURL, client, ""},
		{n.CertURL, nil, "authenticate credential_missing"},
		{n.CertURL, mtls(string(stranger.Certificate), string(stranger.Key)), "authenticate tls_client_certificate_rejected"},
		{strings.Replace(n.TLSURL, "https", "http", 1), nil, "protocol tls_protocol"},
	} {
		ask(t, "prometheus", c.endpoint, n.ClientCA, c.credential, c.want)
	}
}

func TestRealServersThatAreSomethingElse(t *testing.T) {
	n := peers.StartNginx(t, peers.NginxOptions{Token: secret})
	ask(t, "prometheus", n.URL, nil, nil, "protocol wrong_service")
	ask(t, "prometheus", n.URL+"/bearer", nil, bearer(n.Token), "protocol wrong_service")
	r := ask(t, "nginx", n.URL, nil, nil, "")
	if version, _ := r.Facts["version"].(string); version == "" || r.Facts["activeConnections"] != 1.0 {
		t.Errorf("nginx: facts %v", r.Facts)
	}
	ask(t, "nginx", n.URL+"/bearer", nil, bearer(n.Token), "")
	ask(t, "nginx", n.URL+"/bearer", nil, bearer("canary-of-yesterday"), "authenticate credential_rejected")
	ask(t, "jaeger", n.URL, nil, nil, "protocol wrong_service")
	r = ask(t, "http", n.URL, nil, nil, "")
	if server, _ := r.Facts["server"].(string); !strings.HasPrefix(server, "nginx") || r.Facts["status"] != 200 {
		t.Errorf("facts %v", r.Facts)
	}
	ask(t, "http", n.URL+"/bearer/", nil, bearer(n.Token), "")
	ask(t, "http", n.URL+"/bearer/", nil, nil, "authenticate credential_missing")
}
