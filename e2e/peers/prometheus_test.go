package peers_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

const query = "/api/v1/query?query=up"

func TestPrometheus(t *testing.T) {
	p := peers.StartPrometheus(t, peers.PrometheusOptions{})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, body := call{url: p.URL + query}.do(t)
		if status == http.StatusOK && strings.Contains(body, p.URL[len("http://"):]) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no sample of its own: %d %s", status, body)
		}
	}
	p.Stop()
	if _, _, err := (call{url: p.URL + query}).try(t); err == nil {
		t.Error("a stopped Prometheus answers")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	call{url: p.URL + query}.wantStatus(t, http.StatusOK)
}

func TestPrometheusBasicAuthentication(t *testing.T) {
	p := peers.StartPrometheus(t, peers.PrometheusOptions{Users: map[string]string{"ann": "first"}})
	call{url: p.URL + query}.wantStatus(t, http.StatusUnauthorized)
	call{url: p.URL + query, user: "ann", password: "first"}.wantStatus(t, http.StatusOK)
	call{url: p.URL + query, user: "ann", password: "second"}.wantStatus(t, http.StatusUnauthorized)
	if err := p.Change(peers.PrometheusOptions{Users: map[string]string{"ann": "second"}}); err != nil {
		t.Fatal(err)
	}
	call{url: p.URL + query, user: "ann", password: "first"}.wantStatus(t, http.StatusUnauthorized)
	call{url: p.URL + query, user: "ann", password: "second"}.wantStatus(t, http.StatusOK)
}

func TestPrometheusTLS(t *testing.T) {
	ca := peers.NewCA("test")
	p := peers.StartPrometheus(t, peers.PrometheusOptions{Certificate: ca.Server()})
	call{url: p.URL + query, tls: &tls.Config{RootCAs: ca.Pool()}}.wantStatus(t, http.StatusOK)
	if err := p.Change(peers.PrometheusOptions{}); err == nil {
		t.Error("it changed to plain HTTP at its HTTPS address")
	}
	for name, pair := range map[string]*peers.KeyPair{
		"certificate has expired": ca.Issue(peers.CertificateOptions{
			Hosts: []string{"127.0.0.1"}, NotAfter: time.Now().Add(-time.Minute),
		}),
		"certificate is valid for 127.0.0.2": ca.Server("127.0.0.2"),
		"unknown authority":                  peers.NewCA("other").Server(),
	} {
		if err := p.Change(peers.PrometheusOptions{Certificate: pair}); err != nil {
			t.Fatal(err)
		}
		_, _, err := call{url: p.URL + query, tls: &tls.Config{RootCAs: ca.Pool()}}.try(t)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want: %s", err, name)
		}
	}
}

func TestPrometheusClientCertificate(t *testing.T) {
	ca, clients := peers.NewCA("test"), peers.NewCA("clients")
	p := peers.StartPrometheus(t, peers.PrometheusOptions{Certificate: ca.Server(), ClientCA: clients})
	with := func(pairs ...*peers.KeyPair) call {
		settings := &tls.Config{RootCAs: ca.Pool()}
		for _, pair := range pairs {
			settings.Certificates = append(settings.Certificates, pair.TLS())
		}
		return call{url: p.URL + query, tls: settings}
	}
	with(clients.Client("ann")).wantStatus(t, http.StatusOK)
	for name, c := range map[string]call{"no certificate": with(), "another authority's": with(ca.Client("ann"))} {
		if status, _, err := c.try(t); err == nil {
			t.Errorf("%s: status %d, want a failed handshake", name, status)
		}
	}
}
