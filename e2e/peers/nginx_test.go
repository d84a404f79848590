package peers_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"belay/e2e/peers"
)

func TestNginxGuards(t *testing.T) {
	n := peers.StartNginx(t, peers.NginxOptions{})
	trust, known := &tls.Config{RootCAs: n.ClientCA.Pool()}, n.ClientTLS()
	for _, c := range []struct {
		name string
		path string
		call call
		want int
	}{
		{"open", "/", call{}, http.StatusOK},
		{"no password", "/basic/", call{}, http.StatusUnauthorized},
		{"wrong password", "/basic/", call{user: n.User, password: "guess"}, http.StatusUnauthorized},
		{"password", "/basic/", call{user: n.User, password: n.Password}, http.StatusOK},
		{"no token", "/bearer/", call{}, http.StatusUnauthorized},
		{"wrong token", "/bearer/", call{header: "Authorization", value: "Bearer guess"}, http.StatusUnauthorized},
		{"token", "/bearer/", call{header: "Authorization", value: "Bearer " + n.Token}, http.StatusOK},
		{"no header", "/header/", call{}, http.StatusForbidden},
		{"wrong header", "/header/", call{header: n.HeaderName, value: "guess"}, http.StatusForbidden},
		{"header", "/header/", call{header: n.HeaderName, value: n.HeaderValue}, http.StatusOK},
		{"no certificate", "/cert/", call{tls: trust}, http.StatusForbidden},
		{"certificate", "/cert/", call{tls: known}, http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			urls := []string{n.URL, n.TLSURL}
			if strings.HasPrefix(c.path, "/cert/") {
				urls = urls[1:]
			}
			if c.call.tls == nil {
				c.call.tls = trust
			}
			for _, url := range urls {
				for _, leaf := range []string{"", "nginx_status"} {
					c.call.url = url + c.path + leaf
					c.call.wantStatus(t, c.want)
				}
			}
		})
	}
}

func TestNginxClientCertificateRequired(t *testing.T) {
	n := peers.StartNginx(t, peers.NginxOptions{})
	_, body := call{url: n.CertURL + "/nginx_status", tls: n.ClientTLS()}.do(t)
	if !strings.Contains(body, "Active connections") {
		t.Errorf("status page: %s", body)
	}
	// nginx ends the handshake first, and then says why.
	call{url: n.CertURL + "/nginx_status", tls: &tls.Config{RootCAs: n.ClientCA.Pool()}}.wantStatus(t, http.StatusBadRequest)
}

func TestNginxBeforePrometheus(t *testing.T) {
	p := peers.StartPrometheus(t, peers.PrometheusOptions{})
	n := peers.StartNginx(t, peers.NginxOptions{Upstream: p.URL, Token: "first"})
	with := func(token string) call {
		return call{url: n.URL + "/bearer" + query, header: "Authorization", value: "Bearer " + token}
	}
	status, body := with("first").do(t)
	if status != http.StatusOK || !strings.Contains(body, `"status":"success"`) {
		t.Errorf("status %d: %s", status, body)
	}
	if err := n.Change(func(o *peers.NginxOptions) { o.Token = "second" }); err != nil {
		t.Fatal(err)
	}
	with("first").wantStatus(t, http.StatusUnauthorized)
	with("second").wantStatus(t, http.StatusOK)
}
