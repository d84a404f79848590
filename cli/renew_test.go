package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"belay"
)

// rotating is a server that gives another refresh token for each, and counts
// those that come twice.
type rotating struct {
	mu     sync.Mutex
	given  int
	reused int
}

// ServeHTTP implements http.Handler.
func (r *rotating) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if req.FormValue("refresh_token") != fmt.Sprintf("refresh %d", r.given) {
		r.reused++
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": "used before"})
		return
	}
	r.given++
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf("access %d", r.given), "refresh_token": fmt.Sprintf("refresh %d", r.given), "token_type": "Bearer",
		"expires_in": 900, "refresh_token_expires_in": 3600,
	})
}

// slow is a vault that takes its time, so that who does not hold the lock is
// overtaken.
type slow struct {
	vault
	loaded *sync.WaitGroup
}

func (s slow) load(id string) (signIn, error) {
	got, err := s.vault.load(id)
	s.loaded.Done()
	done := make(chan struct{})
	go func() { s.loaded.Wait(); close(done) }()
	select {
	case <-done: // all have read the same token: nothing kept them apart
	case <-time.After(50 * time.Millisecond):
	}
	return got, err
}

// TestRenewedByOne lets many renew a token at once, as processes do: one asks
// the server, and the others take what that one got.
func TestRenewedByOne(t *testing.T) {
	r := &rotating{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := fileVault{filepath.Join(dir, "credentials.yaml")}
	old := signIn{Server: server.URL, Access: belay.SecretString("access 0"), Refresh: belay.SecretString("refresh 0")}
	if err := file.store("id", old); err != nil {
		t.Fatal(err)
	}
	const n = 6
	var loaded sync.WaitGroup
	loaded.Add(n)
	got, failed := make(chan string, n), make(chan error, n)
	for range n {
		k := &keeper{
			vault: slow{file, &loaded}, id: "id", lock: filepath.Join(dir, "lock"), base: base, http: server.Client(), now: time.Now,
			warn: t.Errorf, cur: old,
		}
		go func() {
			token, err := k.access(t.Context())
			got <- string(token.Reveal())
			failed <- err
		}()
	}
	for range n {
		if err := <-failed; err != nil {
			t.Error(err)
		}
		if token := <-got; token != "access 1" {
			t.Errorf("one has got %q", token)
		}
	}
	if r.given != 1 || r.reused != 0 {
		t.Errorf("%d were given, %d were used twice", r.given, r.reused)
	}
	stored, err := file.load("id")
	if err != nil || string(stored.Refresh.Reveal()) != "refresh 1" {
		t.Errorf("what is stored is another: %v", err)
	}
	if i, err := os.Stat(file.path); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v %v", i, err)
	}
}

// ring is a keyring that can lie.
type ring struct {
	kept  map[string]string
	lies  bool
	fault error
}

// Get implements Keyring.
func (r ring) Get(account string) (string, error) {
	secret, ok := r.kept[account]
	switch {
	case r.fault != nil:
		return "", r.fault
	case !ok:
		return "", errNotKept
	case r.lies:
		return "something else", nil
	}
	return secret, nil
}

// Set implements Keyring.
func (r ring) Set(account, secret string) error {
	if r.fault == nil {
		r.kept[account] = secret
	}
	return r.fault
}

// Delete implements Keyring.
func (r ring) Delete(account string) error {
	delete(r.kept, account)
	return r.fault
}

// TestStorageIsProbed asks no server before it is known where the tokens go.
func TestStorageIsProbed(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	for name, r := range map[string]ring{
		"broken": {kept: map[string]string{}, fault: fmt.Errorf("it is locked")}, "lying": {kept: map[string]string{}, lies: true},
	} {
		f := newFixture(t, nil)
		f.Keyring = r
		f.run(t, exitUsage, "login", server.URL, "--device")
		mustContain(t, f.err.String(), "no keyring on this machine", "--insecure-storage", "BELAY_TOKEN")
		if asked != 0 || len(r.kept) != 0 {
			t.Errorf("%s: the server was asked %d times, and %d things stay in the keyring", name, asked, len(r.kept))
		}
	}
	f := newFixture(t, nil)
	f.Keyring = ring{kept: map[string]string{}}
	f.run(t, exitFailed, "login", server.URL, "--device")
	if asked == 0 {
		t.Error("the server was not asked")
	}
}

// TestHasBrowser finds out whether somebody sits before a browser.
func TestHasBrowser(t *testing.T) {
	for line, want := range map[string]bool{
		"DISPLAY=:0": true, "WAYLAND_DISPLAY=w": true, "BROWSER=b": true, "DISPLAY=:0 SSH_CONNECTION=x": false, "BROWSER=b SSH_TTY=x": false, "": false,
	} {
		env := map[string]string{}
		for pair := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		f := newFixture(t, env)
		if got := f.invocation(t, globals{}).hasBrowser(); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

// TestLoginServer completes what is typed for a server.
func TestLoginServer(t *testing.T) {
	for typed, want := range map[string]string{
		"ops.example.com": "https://ops.example.com", "ops.example.com:8443": "https://ops.example.com:8443", "127.0.0.1:9081": "http://127.0.0.1:9081",
		"localhost": "http://localhost", "http://x.example": "http://x.example",
	} {
		in := newFixture(t, nil).invocation(t, globals{})
		if err := (&loginCommand{URL: typed}).chooseServer(in); err != nil || in.set.server.text != want {
			t.Errorf("%q is %q, %v", typed, in.set.server.text, err)
		}
	}
}

// TestBrowserCommand takes a browser from the variable, in any of its forms.
func TestBrowserCommand(t *testing.T) {
	for variable, want := range map[string]string{
		"firefox": "firefox ADDRESS", "firefox -new-tab": "firefox -new-tab ADDRESS", "w3m %s -x:lynx": "w3m ADDRESS -x",
	} {
		if got := strings.Join(browserCommand(variable, "ADDRESS"), " "); got != want {
			t.Errorf("%q is %q", variable, got)
		}
	}
}
