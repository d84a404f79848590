package acceptance_test

import (
	"crypto/tls"
	"encoding/base64"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"belay/e2e/peers"
)

// witness stands in front of a real server and remembers which credentials
// arrive.
type witness struct {
	url  string
	mu   sync.Mutex
	seen []string
	to   *url.URL
}

// newWitness stands in front of a server that speaks plain HTTP.
func newWitness(t *testing.T, upstream string) *witness {
	t.Helper()
	w := &witness{}
	w.lead(t, upstream)
	server := httptest.NewServer(w.proxy(nil))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// newClusterWitness stands in front of a cluster, with a certificate of the
// same authority.
func newClusterWitness(t *testing.T, k *peers.Kubernetes) *witness {
	t.Helper()
	w := &witness{}
	w.lead(t, k.URL)
	server := httptest.NewUnstartedServer(w.proxy(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: k.CA.Pool()}}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{lasting(k.CA).TLS()}}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// lead changes the server that stands behind.
func (w *witness) lead(t *testing.T, upstream string) {
	t.Helper()
	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

func (w *witness) proxy(transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, r.In.Header.Get("Authorization"))
		r.SetURL(w.to)
	}}
}

// take returns the credentials that have arrived since the last time, each
// once, and whether anything has.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := slices.DeleteFunc(w.seen, func(s string) bool { return s == "" })
	w.seen = nil
	slices.Sort(seen)
	return slices.Compact(seen)
}

// wantOnly fails unless exactly this credential has arrived.
func (w *witness) wantOnly(t *testing.T, during, credential string) {
	t.Helper()
	if seen := w.take(); len(seen) != 1 || seen[0] != credential {
		t.Errorf("%s: %d credentials arrived, want exactly the connection's", during, len(seen))
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// redirectTo answers every request with a redirect.
func redirectTo(t *testing.T, url string) string {
	t.Helper()
	server := httptest.NewServer(http.RedirectHandler(url, http.StatusFound))
	t.Cleanup(server.Close)
	return server.URL
}

// discard is for servers whose mistakes are meant.
func discard() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) }
