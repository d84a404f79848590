package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"belay/server"
)

// causeOf tests a draft of a connection to a target and returns why the test
// did not pass, "" when it did.
func causeOf(t *testing.T, s *server.Server, target string) string {
	t.Helper()
	token, err := os.ReadFile(s.First.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	// A server that listens on all addresses is asked on this one.
	at := strings.NewReplacer("[::]", "127.0.0.1", "0.0.0.0", "127.0.0.1").Replace(s.URL())
	body := fmt.Sprintf(`{"kind": "http", "url": %q}`, target)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/api/integrations/connections/test", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var check struct{ Health, Cause string }
	if err := json.NewDecoder(res.Body).Decode(&check); err != nil || check.Health == "" {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	return check.Cause
}

// TestWhoCanReachTheServer decides whether its connections reach this
// machine.
func TestWhoCanReachTheServer(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	public := &url.URL{Scheme: "https", Host: "belay.example.com"}
	yes, no := true, false
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, c := range map[string]struct {
		config  server.Config
		reaches bool
	}{
		"on loopback":                          {server.Config{}, true},
		"on loopback, loopback refused":        {server.Config{EgressLoopback: &no}, false},
		"behind something":                     {server.Config{PublicURL: public}, false},
		"behind something, loopback allowed":   {server.Config{PublicURL: public, EgressAllow: loopback}, true},
		"behind something, loopback let in":    {server.Config{PublicURL: public, EgressLoopback: &yes}, true},
		"on every address":                     {server.Config{Listen: "0.0.0.0:0", InsecureHTTP: true}, false},
		"on every address, loopback allowed":   {server.Config{Listen: "0.0.0.0:0", InsecureHTTP: true, EgressAllow: loopback}, true},
		"on every address, behind something":   {server.Config{Listen: "0.0.0.0:0", InsecureHTTP: true, PublicURL: public}, false},
		"on loopback, behind plain HTTP there": {server.Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.config
			config.DataDir, config.Log = t.TempDir(), slog.New(slog.DiscardHandler)
			if config.Listen == "" {
				config.Listen = "127.0.0.1:0"
			}
			s, err := server.Start(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			want := "egress_denied"
			if c.reaches {
				want = ""
			}
			if got := causeOf(t, s, target.URL); got != want {
				t.Errorf("the test of a target on this machine: cause %q, want %q", got, want)
			}
		})
	}
}

// TestSignInLinkIsPublic makes the first sign-in link for browsers, and the
// address in the data directory for the command line on this machine.
func TestSignInLinkIsPublic(t *testing.T) {
	dir := t.TempDir()
	s, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: dir, Log: slog.New(slog.DiscardHandler),
		PublicURL: &url.URL{Scheme: "https", Host: "belay.example.com:8443"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if link := string(s.First.SignInLink.Reveal()); !strings.HasPrefix(link, "https://belay.example.com:8443/user/login?code=") {
		t.Error("the sign-in link does not lead to the public address")
	}
	address, err := os.ReadFile(dir + "/" + server.AddressFile)
	if err != nil || strings.TrimSpace(string(address)) != s.URL() || !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("the address on this machine is %q, %v", address, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
