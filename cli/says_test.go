package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServerWithoutTLS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer s.Close()
	f := newFixture(t, nil)
	f.run(t, exitUnreachable, "whoami", "--server", strings.Replace(s.URL, "http:", "https:", 1))
	mustContain(t, f.err.String(), "it speaks HTTP without TLS", "--server "+s.URL+"\n")
}

// What failed is told apart from what works with a warning, which alone is no
// failure, and from what does not count.
func TestWhatFailedIsCounted(t *testing.T) {
	for _, c := range []struct {
		tested
		fails bool
		says  string
	}{
		{tested{Total: 4, Unhealthy: 2, Degraded: 1, Healthy: 1}, true, "2 of 4 connections failed — 2 unhealthy; 1 degraded, 1 healthy"},
		{tested{Total: 1, Unknown: 1}, true, "1 of 1 connection failed — 1 unknown"},
		{tested{Total: 3, Unhealthy: 1, Unknown: 1, Maintenance: 1, Ignored: 2}, true, "2 of 3 connections failed — 1 unhealthy, 1 unknown; 1 in maintenance; 2 ignored, not tested"},
		{tested{Total: 3, Degraded: 2, Healthy: 1, Ignored: 1}, false, "3 connections: 2 degraded, 1 healthy; 1 ignored, not tested"},
		{tested{Total: 2, Maintenance: 1, Healthy: 1}, false, "2 connections: 1 healthy; 1 in maintenance"},
		{tested{Total: 2, Healthy: 2, Ignored: 3}, false, "2 connections healthy; 3 ignored, not tested"},
		{tested{Total: 2, Healthy: 2}, false, "2 connections healthy"},
	} {
		f := newFixture(t, nil)
		in := &invocation{Program: f.Program}
		err := in.verdict(c.tested)
		said := f.err.String()
		if err != nil {
			said = err.Error()
		}
		if (err != nil) != c.fails || !strings.Contains(said, c.says) {
			t.Errorf("%+v: %v, %q", c.tested, err, said)
		}
	}
}
