package oidc_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"belay"
	"belay/oidc"
)

// TestLyingTokens signs in with tokens that are wrong in one thing each.
func TestLyingTokens(t *testing.T) {
	one, other := keys()
	hmac := func(key []byte) func(*standIn) {
		return func(s *standIn) {
			s.sign = func(claims object) string {
				signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := json.Marshal(claims)
				if err != nil {
					t.Fatal(err)
				}
				jws, err := signer.Sign(text)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := jws.CompactSerialize()
				if err != nil {
					t.Fatal(err)
				}
				return raw
			}
		}
	}
	claim := func(name string, value any) func(*standIn) {
		return func(s *standIn) {
			s.claims = func(c object) {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			}
		}
	}
	after := func(name string, d time.Duration) func(*standIn) {
		return func(s *standIn) { s.claims = func(c object) { c[name] = s.clock.Now().Add(d).Unix() } }
	}
	der, err := x509.MarshalPKIXPublicKey(&one.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		lie   func(*standIn)
		words string
	}{
		"no signature": {func(s *standIn) {
			s.sign = func(claims object) string {
				text, _ := json.Marshal(claims)
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
			}
		}, "allowed algorithm"},
		"signed with the client's secret": {hmac([]byte(strings.Repeat(secret, 2))), "allowed algorithm"},
		"signed with the public key":      {hmac(der), "allowed algorithm"},
		"another's key": {func(s *standIn) {
			s.sign = func(claims object) string { return signed(t, other, "one", "", claims) }
		}, "none of the provider's keys"},
		"an unknown key": {func(s *standIn) {
			s.sign = func(claims object) string { return signed(t, other, "two", "", claims) }
		}, "none of the provider's keys"},
		"a key for another use": {func(s *standIn) {
			s.published = func() any {
				key := public(one, "one")
				key.Use = "enc"
				return keyList(key)
			}
		}, "none of the provider's keys"},
		"a key for another algorithm": {func(s *standIn) {
			s.published = func() any {
				key := public(one, "one")
				key.Algorithm = "PS256"
				return keyList(key)
			}
		}, "none of the provider's keys"},
		"not a token":          {func(s *standIn) { s.sign = func(object) string { return "canary-told" } }, "not a JWT"},
		"a huge token":         {func(s *standIn) { s.sign = func(object) string { return strings.Repeat("a", 100_000) } }, "not a JWT"},
		"another issuer":       {claim("iss", "https://other.example.test"), "different provider"},
		"another audience":     {claim("aud", "other"), "expected audience"},
		"several audiences":    {claim("aud", []string{"web", "other"}), "does not say to whom"},
		"another party":        {claim("azp", "other"), "another client"},
		"an empty party":       {claim("azp", ""), "another client"},
		"another nonce":        {claim("nonce", "other"), "another sign-in"},
		"no nonce":             {claim("nonce", nil), "another sign-in"},
		"no subject":           {claim("sub", nil), "subject"},
		"a long subject":       {claim("sub", strings.Repeat("a", 256)), "subject"},
		"a subject in red":     {claim("sub", "\x1b[31m"), "subject"},
		"a subject of numbers": {claim("sub", 1), "cannot be trusted"},
		"no expiry":            {claim("exp", nil), "expired"},
		"no time of issue":     {claim("iat", nil), "does not say when"},
		"expired":              {after("exp", -61*time.Second), "expired"},
		"from the future":      {after("iat", 61*time.Second), "future"},
		"not yet":              {after("nbf", time.Hour), "not before"},
		"another access token": {claim("at_hash", half("other")), "access token"},
		"claims of another":    {claim("_claim_names", object{"email": "nowhere"}), "source does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			c.lie(s)
			_, err := s.finish(s.provider())
			wantError(t, err, belay.CodeUnauthenticated, c.words)
		})
	}
}

func TestClocksMayDiffer(t *testing.T) {
	s := newStandIn(t)
	s.claims = func(c object) {
		c["exp"] = s.clock.Now().Add(-59 * time.Second).Unix()
		c["iat"] = s.clock.Now().Add(59 * time.Second).Unix()
	}
	if _, err := s.finish(s.provider()); err != nil {
		t.Error(err)
	}
}

// TestLyingAnswers makes the token endpoint answer what is no tokens, and
// repeat what it was sent.
func TestLyingAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		code   belay.Code
		status int
		body   string
	}{
		"a used code":                {belay.CodeUnauthenticated, 400, `{"error":"invalid_grant","error_description":"canary-code"}`},
		"a wrong secret":             {belay.CodeUnavailable, 401, `{"error":"invalid_client","error_description":"canary-client-secret"}`},
		"an error that repeats":      {belay.CodeUnavailable, 400, `{"error":"canary-client-secret"}`},
		"a page":                     {belay.CodeUnavailable, 500, `<h1>canary-client-secret canary-code</h1>`},
		"no JSON":                    {belay.CodeUnavailable, 200, `canary-access-token`},
		"no token":                   {belay.CodeUnavailable, 200, `{"refresh_token":"canary-refresh-token"}`},
		"no ID token":                {belay.CodeUnauthenticated, 200, `{"access_token":"canary-access-token","token_type":"Bearer"}`},
		"an ID token that is a list": {belay.CodeUnauthenticated, 200, `{"access_token":"canary-access-token","token_type":"Bearer","id_token":["canary-told"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			s.token = func(w http.ResponseWriter, _ url.Values) bool {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
				return true
			}
			_, err := s.finish(s.provider())
			wantError(t, err, c.code, "")
		})
	}
}

// TestBadProviders begins to sign in at what is no provider, or not the one
// that was meant.
func TestBadProviders(t *testing.T) {
	set := func(name string, value any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			base := "http://" + r.Host
			m := object{"issuer": base, "authorization_endpoint": base + "/a", "token_endpoint": base + "/t", "jwks_uri": base + "/k"}
			m[name] = value
			answer(w, m)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		words   string
	}{
		"an endless redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "a redirect"},
		"an endless answer": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "larger than 1 MiB"},
		"endless headers":   {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<18)) }, "cannot be reached"},
		"no JSON":           {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "otherwise than an OpenID provider"},
		"not found":         {http.NotFound, "status 404"},
		"another issuer":    {set("issuer", "https://other.example.test"), "letter for letter"},
		"no token endpoint": {set("token_endpoint", nil), "no usable token_endpoint"},
		"keys without TLS":  {set("jwks_uri", "http://example.test/keys"), "no usable jwks_uri"},
		"a page by script":  {set("end_session_endpoint", "javascript:alert(1)"), "no usable end_session_endpoint"},
		"a shared secret":   {set("id_token_signing_alg_values_supported", []string{"HS256", "none"}), "no algorithm of public keys"},
		"no PKCE":           {set("code_challenge_methods_supported", []string{"plain"}), "PKCE"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			p := newProvider(t, config(server.URL), time.Now)
			_, err := p.Begin(t.Context(), oidc.Login{Redirect: callback})
			wantError(t, err, belay.CodeUnavailable, c.words)
			if s := p.State(); s.Reason == nil || s.DownSince.IsZero() {
				t.Errorf("state %+v", s)
			}
		})
	}
}

func TestBadKeys(t *testing.T) {
	for name, published := range map[string]any{
		"no list": object{"keys": "none"}, "not JSON": "x",
	} {
		s := newStandIn(t)
		s.published = func() any { return published }
		_, err := s.finish(s.provider())
		t.Run(name, func(t *testing.T) { wantError(t, err, belay.CodeUnavailable, "otherwise than an OpenID provider") })
	}
	one, _ := keys()
	s := newStandIn(t)
	s.published = func() any { // what is not understood is passed over
		return object{"keys": []any{1, object{"kty": "new"}, object{"kty": "oct", "k": "c2VjcmV0"}, public(one, "one")}}
	}
	if _, err := s.finish(s.provider()); err != nil {
		t.Error(err)
	}
}

func TestKeysThatChange(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	if _, err := s.finish(p); err != nil {
		t.Fatal(err)
	}
	_, other := keys()
	s.sign = func(claims object) string { return signed(t, other, "two", "", claims) }
	for range 5 { // anybody can make up the name of a key
		if _, err := s.finish(p); err == nil {
			t.Error("signed in with a key that is not published")
		}
	}
	if n := s.times("/keys"); n != 1 {
		t.Errorf("the keys were asked for %d times within a moment, want once", n)
	}
	s.published = func() any { return keyList(public(other, "two")) }
	s.clock.Advance(10 * time.Second)
	if _, err := s.finish(p); err != nil {
		t.Errorf("with the new key: %v", err)
	}
	one, _ := keys()
	s.sign = func(claims object) string { return signed(t, one, "one", "", claims) }
	_, err := s.finish(p)
	wantError(t, err, belay.CodeUnauthenticated, "none of the provider's keys")
	if n := s.times("/keys"); n != 2 {
		t.Errorf("the keys were asked for %d times, want twice", n)
	}
}

func TestKeysThatCannotBeHad(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	if _, err := s.finish(p); err != nil {
		t.Fatal(err)
	}
	_, other := keys()
	good := s.sign
	s.sign = func(claims object) string { return signed(t, other, "two", "", claims) }
	s.published = func() any { return "none" }
	s.clock.Advance(10 * time.Second)
	_, err := s.finish(p)
	wantError(t, err, belay.CodeUnavailable, "otherwise than an OpenID provider")
	s.clock.Advance(3 * time.Second)
	_, err = s.finish(p)
	wantError(t, err, belay.CodeUnauthenticated, "none of the provider's keys")
	if n := s.times("/keys"); n != 2 {
		t.Errorf("the keys were asked for %d times, want twice", n)
	}
	s.sign = good
	if _, err := s.finish(p); err != nil {
		t.Errorf("with a key that is known: %v", err)
	}
}

func TestWithdrawnKeysAreForgotten(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	if _, err := s.finish(p); err != nil {
		t.Fatal(err)
	}
	s.published = func() any { return keyList() }
	s.clock.Advance(time.Hour)
	_, err := s.finish(p)
	wantError(t, err, belay.CodeUnauthenticated, "none of the provider's keys")
}

func TestOutage(t *testing.T) {
	s := newStandIn(t)
	up := true
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		base := "http://" + r.Host
		answer(w, object{"issuer": base, "authorization_endpoint": base + "/a", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys", "end_session_endpoint": base + "/end"})
	}))
	defer down.Close()
	p := newProvider(t, config(down.URL), s.clock.Now)
	if state := p.State(); state != (oidc.State{}) {
		t.Errorf("nobody has asked, and the state is %+v", state)
	}
	up = false
	wantError(t, p.Check(t.Context()), belay.CodeUnavailable, "status 502")
	since := s.clock.Now()
	up = true
	wantError(t, p.Check(t.Context()), belay.CodeUnavailable, "status 502") // it is left alone for a moment
	s.clock.Advance(2 * time.Second)
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("it is back: %v", err)
	}
	up = false
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("it was asked just now: %v", err)
	}
	s.clock.Advance(30 * time.Second)
	_, err := p.Begin(t.Context(), oidc.Login{Redirect: callback})
	wantError(t, err, belay.CodeUnavailable, "status 502")
	if state := p.State(); !state.DownSince.After(since) || state.Reason == nil {
		t.Errorf("state %+v", state)
	}
	s.clock.Advance(2 * time.Hour)
	if address, err := p.LogoutURL(t.Context(), "", ""); err != nil || address == "" {
		t.Errorf("what was known is of use all the same: %q, %v", address, err)
	}
}

func TestWhoDoesNotWait(t *testing.T) {
	hold, asked := make(chan struct{}), make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { asked <- struct{}{}; <-hold }))
	defer server.Close()
	defer close(hold)
	p := newProvider(t, config(server.URL), time.Now)
	first, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Check(first) }()
	<-asked
	second, leave := context.WithCancel(t.Context())
	leave()
	if err := p.Check(second); !errors.Is(err, context.Canceled) {
		t.Errorf("who left while another asks: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("who left while he asks: %v", err)
	}
	if state := p.State(); state.Reason != nil {
		t.Errorf("a caller who left counts as an outage: %v", state.Reason)
	}
}
