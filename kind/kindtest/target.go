package kindtest

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"belay/e2e/peers"
)

// recorder counts what reaches a target.
type recorder struct {
	requests   atomic.Int32
	credential atomic.Int32 // requests that carried one
	versions   sync.Map     // protocols seen, by major version
}

func (r *recorder) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.requests.Add(1)
		r.versions.Store(q.ProtoMajor, true)
		if q.Header.Get("Authorization") != "" {
			r.credential.Add(1)
		}
		next.ServeHTTP(w, q)
	})
}

// guard lets in who has the token, and answers all others by refuse.
func (s Suite) guard(refuse http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if s.Open(q.URL.Path) || q.Header.Get("Authorization") == "Bearer "+token {
			s.Good.ServeHTTP(w, q)
			return
		}
		refuse(w, q)
	})
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", code) }
}

// serve starts a plain HTTP target.
func serve(t *testing.T, h http.Handler) (string, *recorder) {
	t.Helper()
	r := new(recorder)
	server := httptest.NewServer(r.wrap(h))
	t.Cleanup(server.Close)
	return server.URL, r
}

// serveTLS starts a target that shows this certificate.
func serveTLS(t *testing.T, h http.Handler, pair *peers.KeyPair, change func(*tls.Config)) (string, *recorder) {
	t.Helper()
	r := new(recorder)
	server := httptest.NewUnstartedServer(r.wrap(h))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // most clients here go away
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.TLS()}}
	if change != nil {
		change(server.TLS)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, r
}

// raw starts a target that does with each connection what handle does. The
// connection is closed after it, and when the test ends.
func raw(t *testing.T, handle func(net.Conn)) (address string, count *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	var (
		connections sync.WaitGroup
		mu          sync.Mutex
		open        []net.Conn
	)
	count = new(atomic.Int32)
	connections.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			connections.Go(func() {
				handle(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		connections.Wait()
	})
	return l.Addr().String(), count
}

// readRequest reads up to the end of a request's headers, false when the
// caller closes before.
func readRequest(c net.Conn) bool {
	var got strings.Builder
	buffer := make([]byte, 1024)
	for !strings.Contains(got.String(), "\r\n\r\n") {
		n, err := c.Read(buffer)
		if err != nil {
			return false
		}
		got.Write(buffer[:n])
	}
	return true
}

// answer answers each request on a connection with this text.
func answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		for readRequest(c) {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}
