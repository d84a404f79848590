package oidc_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay"
	"belay/e2e/peers"
	"belay/oidc"
)

var (
	provider = peers.Share(func() (*peers.OIDC, error) { return peers.NewOIDCProvider(peers.OIDCOptions{}) })
	dex      = peers.Share(func() (*peers.OIDC, error) { return peers.NewDex(peers.OIDCOptions{}) })
)

func TestMain(m *testing.M) { os.Exit(peers.Run(m, provider, dex)) }

// everyPeer runs a test against each real provider, which it must not change.
func everyPeer(t *testing.T, test func(*testing.T, *peers.OIDC)) {
	t.Run("oidc-provider", func(t *testing.T) { test(t, provider.Get(t)) })
	t.Run("dex", func(t *testing.T) { test(t, dex.Get(t)) })
}

// everyNewPeer runs a test against providers of its own.
func everyNewPeer(t *testing.T, test func(*testing.T, *peers.OIDC)) {
	t.Run("oidc-provider", func(t *testing.T) { test(t, peers.StartOIDCProvider(t, peers.OIDCOptions{})) })
	t.Run("dex", func(t *testing.T) { test(t, peers.StartDex(t, peers.OIDCOptions{})) })
}

// client is a Provider for the client web of a peer, with the clock that a
// test sets.
func client(t *testing.T, o *peers.OIDC, now func() time.Time, edits ...func(*oidc.Config)) *oidc.Provider {
	t.Helper()
	c := config(o.Issuer)
	c.ClientSecret = belay.SecretString("web-secret")
	c.Scopes = []string{"profile", "email", "groups", "offline_access"}
	for _, edit := range edits {
		edit(&c)
	}
	return newProvider(t, c, now)
}

// visit begins a sign-in and goes through the provider's pages.
func visit(t *testing.T, p *oidc.Provider, b *peers.Browser) (*oidc.Begun, url.Values) {
	t.Helper()
	begun, err := p.Begin(t.Context(), oidc.Login{Redirect: callback})
	if err != nil {
		t.Fatal(err)
	}
	back, err := b.Visit(t.Context(), begun.URL, callback)
	if err != nil {
		t.Fatal(err)
	}
	return begun, back.Query()
}

func signIn(t *testing.T, p *oidc.Provider, user string) (*oidc.Identity, error) {
	t.Helper()
	begun, query := visit(t, p, peers.NewBrowser(user, "secret"))
	return p.Finish(t.Context(), query, begun.Remembered)
}

func TestRealSignIn(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		p := client(t, o, time.Now)
		id, err := signIn(t, p, "alice")
		if err != nil {
			t.Fatal(err)
		}
		if id.Issuer != o.Issuer || id.Subject == "" || id.Email != "alice@example.test" || !id.EmailVerified ||
			id.Name != "Alice Archer" || !slices.Equal(id.Groups, []string{"admins", "staff"}) || !id.ExpiresAt.After(time.Now()) {
			t.Errorf("identity %+v", id)
		}
		if mallory, err := signIn(t, p, "mallory"); err != nil || mallory.EmailVerified || mallory.Subject == id.Subject {
			t.Errorf("who has an address that is not verified: %+v, %v", mallory, err)
		}
		strict := client(t, o, time.Now, func(c *oidc.Config) { c.EmailDomains = []string{"example.test"} })
		_, err = signIn(t, strict, "mallory")
		wantRealError(t, err, belay.CodeForbidden, "not verified your")
	})
}

// wantRealError is wantError with the secrets of a real sign-in.
func wantRealError(t *testing.T, err error, code belay.Code, words string, hidden ...string) {
	t.Helper()
	wantError(t, err, code, words)
	all := chain(err)
	for _, h := range append(hidden, "web-secret", "wrong-secret") {
		if h != "" && strings.Contains(all, h) {
			t.Errorf("a secret is in the error: %s", all)
		}
	}
}

func TestRealRefresh(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		p := client(t, o, time.Now)
		first, err := signIn(t, p, "alice")
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Refresh(t.Context(), first.RefreshToken, first.Subject)
		if err != nil {
			t.Fatal(err)
		}
		if second.Subject != first.Subject || second.Email != first.Email || !slices.Equal(second.Groups, first.Groups) {
			t.Errorf("identity %+v, want the same as %+v", second, first)
		}
		if second.RefreshToken.IsZero() || second.RefreshToken.Equal(first.RefreshToken) {
			t.Error("the refresh token is not another")
		}
		used := string(first.RefreshToken.Reveal())
		_, err = p.Refresh(t.Context(), first.RefreshToken, first.Subject)
		wantRealError(t, err, belay.CodeUnauthenticated, "does not accept", used)
		_, err = p.Refresh(t.Context(), belay.SecretString("made up"), first.Subject)
		wantRealError(t, err, belay.CodeUnauthenticated, "does not accept", "made up")
	})
}

func TestGroupsThatChange(t *testing.T) {
	o := peers.StartOIDCProvider(t, peers.OIDCOptions{UserInfoOnly: true})
	p := client(t, o, time.Now)
	id, err := signIn(t, p, "alice")
	if err != nil || !slices.Equal(id.Groups, []string{"admins", "staff"}) || id.Name != "Alice Archer" {
		t.Fatalf("from the UserInfo endpoint: %+v, %v", id, err)
	}
	err = o.Change(func(o *peers.OIDCOptions) {
		alice := o.Users["alice"]
		alice.Groups = []string{"staff"}
		o.Users["alice"] = alice
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err = p.Refresh(t.Context(), id.RefreshToken, id.Subject)
	if err != nil || !slices.Equal(id.Groups, []string{"staff"}) {
		t.Errorf("after a change: %+v, %v", id, err)
	}
	if err := o.Change(func(o *peers.OIDCOptions) { delete(o.Users, "alice") }); err != nil {
		t.Fatal(err)
	}
	_, err = p.Refresh(t.Context(), id.RefreshToken, id.Subject)
	wantRealError(t, err, belay.CodeUnauthenticated, "does not accept", string(id.RefreshToken.Reveal()))
}

// TestRealRefusals finishes sign-ins that are wrong in one thing each.
func TestRealRefusals(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		p := client(t, o, time.Now)
		forge := func(name, value string) func(*oidc.Begun, url.Values) {
			return func(b *oidc.Begun, _ url.Values) {
				old := field(t, b, name)
				b.Remembered = belay.SecretString(strings.Replace(string(b.Remembered.Reveal()), old, value, 1))
			}
		}
		for words, edit := range map[string]func(*oidc.Begun, url.Values){
			"another sign-in than":     func(_ *oidc.Begun, q url.Values) { q.Set("state", "other") },
			"made for another sign-in": forge("nonce", strings.Repeat("n", 43)),
			"error invalid_grant":      forge("verifier", strings.Repeat("v", 43)),
			"does not accept this":     func(_ *oidc.Begun, q url.Values) { q.Set("code", strings.Repeat("c", 43)) },
		} {
			begun, query := visit(t, p, peers.NewBrowser("alice", "secret"))
			code := query.Get("code")
			edit(begun, query)
			_, err := p.Finish(t.Context(), query, begun.Remembered)
			t.Run(words, func(t *testing.T) {
				wantRealError(t, err, belay.CodeUnauthenticated, words, code)
			})
		}
		begun, query := visit(t, p, peers.NewBrowser("alice", "secret"))
		if _, err := p.Finish(t.Context(), query, begun.Remembered); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Finish(t.Context(), query, begun.Remembered); err == nil {
			t.Error("a code was taken twice")
		}
	})
}

// field reads what Begin had remembered under a name.
func field(t *testing.T, b *oidc.Begun, name string) string {
	t.Helper()
	_, after, ok := strings.Cut(string(b.Remembered.Reveal()), `"`+name+`":"`)
	value, _, closed := strings.Cut(after, `"`)
	if !ok || !closed {
		t.Fatalf("nothing is remembered as %s", name)
	}
	return value
}

func TestRealClients(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		web := client(t, o, time.Now)
		begun, query := visit(t, web, peers.NewBrowser("alice", "secret"))
		other := client(t, o, time.Now, func(c *oidc.Config) {
			c.ClientID, c.ClientSecret = "other", belay.SecretString("other-secret")
		})
		_, err := other.Finish(t.Context(), query, begun.Remembered)
		wantRealError(t, err, belay.CodeUnauthenticated, "another provider")
		// What was remembered is made to look like the other client's.
		forged := strings.Replace(string(begun.Remembered.Reveal()), `"clientId":"web"`, `"clientId":"other"`, 1)
		if _, err := other.Finish(t.Context(), query, belay.SecretString(forged)); err == nil {
			t.Error("one client takes another's code")
		}
		wrong := client(t, o, time.Now, func(c *oidc.Config) { c.ClientSecret = belay.SecretString("wrong-secret") })
		begun, query = visit(t, wrong, peers.NewBrowser("alice", "secret"))
		_, err = wrong.Finish(t.Context(), query, begun.Remembered)
		wantRealError(t, err, belay.CodeUnavailable, "client id, secret", query.Get("code"))
		public := client(t, o, time.Now, func(c *oidc.Config) { c.ClientID, c.ClientSecret = "cli", belay.Secret{} })
		if _, err := signIn(t, public, "bob"); err != nil {
			t.Errorf("a public client: %v", err)
		}
	})
}

func TestRealExpiry(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		late := func() time.Time { return time.Now().Add(7 * time.Minute) } // tokens are valid for five
		p := client(t, o, late)
		_, err := signIn(t, p, "alice")
		wantRealError(t, err, belay.CodeUnauthenticated, "expired")
	})
}

func TestRealKeysThatChange(t *testing.T) {
	everyNewPeer(t, func(t *testing.T, o *peers.OIDC) {
		ahead := time.Duration(0)
		p := client(t, o, func() time.Time { return time.Now().Add(ahead) })
		if _, err := signIn(t, p, "alice"); err != nil {
			t.Fatal(err)
		}
		if err := o.RotateKeys(); err != nil {
			t.Fatal(err)
		}
		_, err := signIn(t, p, "alice")
		wantRealError(t, err, belay.CodeUnauthenticated, "none of the provider's keys")
		ahead = 10 * time.Second
		if _, err := signIn(t, p, "alice"); err != nil {
			t.Errorf("with new keys: %v", err)
		}
	})
}

func TestRealOutage(t *testing.T) {
	everyNewPeer(t, func(t *testing.T, o *peers.OIDC) {
		ahead := time.Duration(0)
		p := client(t, o, func() time.Time { return time.Now().Add(ahead) })
		o.Stop()
		_, err := p.Begin(t.Context(), oidc.Login{Redirect: callback})
		wantRealError(t, err, belay.CodeUnavailable, "cannot be reached")
		if err := o.Start(); err != nil {
			t.Fatal(err)
		}
		ahead = 2 * time.Second
		begun, query := visit(t, p, peers.NewBrowser("alice", "secret"))
		o.Stop()
		_, err = p.Finish(t.Context(), query, begun.Remembered)
		wantRealError(t, err, belay.CodeUnavailable, "cannot be reached", query.Get("code"))
		ahead = time.Minute
		_, err = p.Begin(t.Context(), oidc.Login{Redirect: callback})
		wantRealError(t, err, belay.CodeUnavailable, "cannot be reached")
	})
}

func TestRealDevice(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		p := client(t, o, time.Now, func(c *oidc.Config) { c.ClientID, c.ClientSecret = "cli", belay.Secret{} })
		d, err := p.StartDevice(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if id, wait, err := p.PollDevice(t.Context(), d); id != nil || wait < d.Interval || err != nil {
			t.Errorf("before the user has signed in: %+v, %s, %v", id, wait, err)
		}
		if _, err := peers.NewBrowser("alice", "secret").Visit(t.Context(), d.CompleteURL, ""); err != nil {
			t.Fatal(err)
		}
		id, wait, err := p.PollDevice(t.Context(), d)
		for deadline := time.Now().Add(time.Minute); err == nil && id == nil && time.Now().Before(deadline); {
			time.Sleep(wait) // Dex wants the pause that it has named
			id, wait, err = p.PollDevice(t.Context(), d)
		}
		if err != nil || id == nil || id.Name != "Alice Archer" {
			t.Fatalf("got %+v, %v", id, err)
		}
		if strings.HasSuffix(o.Issuer, "/dex") {
			return // it gives the same tokens again
		}
		_, _, err = p.PollDevice(t.Context(), d)
		wantRealError(t, err, belay.CodeUnauthenticated, "does not accept", string(d.Code.Reveal()))
	})
}

func TestRealLogout(t *testing.T) {
	told := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.PostFormValue("logout_token")
	}))
	defer server.Close()
	o := peers.StartOIDCProvider(t, peers.OIDCOptions{})
	if err := o.Change(func(o *peers.OIDCOptions) { o.Clients[0].BackChannelLogoutURI = server.URL }); err != nil {
		t.Fatal(err)
	}
	p := client(t, o, time.Now)
	b := peers.NewBrowser("alice", "secret")
	begun, query := visit(t, p, b)
	id, err := p.Finish(t.Context(), query, begun.Remembered)
	if err != nil || id.SessionID == "" {
		t.Fatalf("got %+v, %v", id, err)
	}
	address, err := p.LogoutURL(t.Context(), "http://127.0.0.1:8080/", "done")
	if err != nil {
		t.Fatal(err)
	}
	back, err := b.Visit(t.Context(), address, "http://127.0.0.1:8080/")
	if err != nil || back.Query().Get("state") != "done" {
		t.Fatalf("signed out to %v, %v", back, err)
	}
	raw := <-told
	other := client(t, o, time.Now, func(c *oidc.Config) { c.ClientID = "other" })
	_, err = other.VerifyLogout(t.Context(), raw)
	wantRealError(t, err, belay.CodeUnauthenticated, "expected logout token aud", raw)
	payload := strings.Split(raw, ".")
	_, err = p.VerifyLogout(t.Context(), payload[0]+"."+payload[1]+"."+strings.Repeat("A", len(payload[2])))
	wantRealError(t, err, belay.CodeUnauthenticated, "none of the provider's keys", raw)
	got, err := p.VerifyLogout(t.Context(), raw)
	if err != nil || got.SessionID != id.SessionID || got.Subject != id.Subject {
		t.Errorf("got %+v, %v; want %s", got, err, id.SessionID)
	}
	_, err = p.VerifyLogout(t.Context(), raw)
	wantRealError(t, err, belay.CodeUnauthenticated, "here before", raw)
}

// TestNothingIsLeftRunning looks for goroutines behind a sign-in, a failure
// and a caller who left.
func TestNothingIsLeftRunning(t *testing.T) {
	s := newStandIn(t)
	ignore := goleak.IgnoreCurrent()
	p := s.provider()
	if _, err := s.finish(p); err != nil {
		t.Fatal(err)
	}
	s.published = func() any { return "none" }
	s.clock.Advance(2 * time.Hour)
	if _, err := s.finish(p); err == nil {
		t.Error("signed in without keys")
	}
	p.Close()
	s.CloseClientConnections()
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}

func TestASecretPrintsNowhere(t *testing.T) {
	o := provider.Get(t)
	p := client(t, o, time.Now)
	begun, query := visit(t, p, peers.NewBrowser("alice", "secret"))
	id, err := p.Finish(t.Context(), query, begun.Remembered)
	if err != nil {
		t.Fatal(err)
	}
	text := &strings.Builder{}
	for _, value := range []any{begun, id, p.Config(), o.Issuer} {
		_, _ = io.WriteString(text, fmt.Sprintf("%v %+v %#v", value, value, value))
	}
	for _, hidden := range []string{"web-secret", string(id.RefreshToken.Reveal()), field(t, begun, "verifier"), field(t, begun, "nonce")} {
		// The nonce is in the address, which the user's browser is given.
		if shown := strings.ReplaceAll(text.String(), begun.URL, ""); strings.Contains(shown, hidden) {
			t.Errorf("%s is shown", hidden)
		}
	}
}

// TestRealExamine finds out whether the client's secret is right without
// anybody who signs in.
func TestRealExamine(t *testing.T) {
	everyPeer(t, func(t *testing.T, o *peers.OIDC) {
		of := func(edits ...func(*oidc.Config)) map[string]oidc.Finding {
			found := map[string]oidc.Finding{}
			for _, f := range client(t, o, time.Now, edits...).Examine(t.Context()) {
				found[f.Name] = f
			}
			return found
		}
		good := of()
		for _, name := range []string{"description", "clock", "keys", "client"} {
			if f, ok := good[name]; !ok || f.Grade != oidc.Good {
				t.Errorf("%s: %+v", name, f)
			}
		}
		wrong := of(func(c *oidc.Config) { c.ClientSecret = belay.SecretString("wrong-secret") })
		if f := wrong["client"]; f.Grade != oidc.Broken || f.Fix == "" {
			t.Errorf("a wrong secret: %+v", f)
		}
	})
}
