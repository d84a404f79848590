package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"belay"
)

func TestServerWithoutTLS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer s.Close()
	f := newFixture(t, nil)
	f.run(t, exitUnreachable, "whoami", "--server", strings.Replace(s.URL, "http:", "https:", 1))
	mustContain(t, f.err.String(), "it speaks HTTP without TLS", "--server "+s.URL+"\n")
}

func TestNotHealthyCountsAll(t *testing.T) {
	f := notHealthy(4, map[belay.HealthStatus]int{belay.HealthUnhealthy: 2, belay.HealthDegraded: 1, belay.HealthHealthy: 1})
	if got := f.Error(); got != "3 of 4 connections are not healthy — 2 unhealthy, 1 degraded, 1 healthy" {
		t.Error(got)
	}
}
