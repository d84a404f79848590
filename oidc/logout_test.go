package oidc_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/oidc"
)

const event = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a good logout token.
func (s *standIn) logoutClaims(id string) object {
	now := s.clock.Now()
	return object{
		"iss": s.URL, "aud": "web", "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": id,
		"sub": "alice", "sid": "session", "events": object{event: object{}},
	}
}

func TestLogoutToken(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	one, _ := keys()
	for i, kind := range []string{"", "JWT", "logout+jwt"} {
		raw := signed(t, one, "one", kind, s.logoutClaims(fmt.Sprint(i)))
		got, err := p.VerifyLogout(t.Context(), raw)
		if want := (oidc.Logout{Issuer: s.URL, Subject: "alice", SessionID: "session", IssuedAt: s.clock.Now()}); err != nil || !cmp.Equal(*got, want) {
			t.Errorf("type %q: %+v, %v", kind, got, err)
		}
		_, err = p.VerifyLogout(t.Context(), raw)
		wantError(t, err, belay.CodeUnauthenticated, "here before")
	}
	for _, absent := range []string{"sub", "sid"} {
		claims := s.logoutClaims("without " + absent)
		delete(claims, absent)
		if _, err := p.VerifyLogout(t.Context(), signed(t, one, "one", "", claims)); err != nil {
			t.Errorf("without %s: %v", absent, err)
		}
	}
}

func TestBadLogoutTokens(t *testing.T) {
	s := newStandIn(t)
	p := s.provider()
	one, other := keys()
	now := s.clock.Now()
	for words, edit := range map[string]func(object){
		"different provider":        func(c object) { c["iss"] = "https://other.example.test" },
		"expected logout token aud": func(c object) { c["aud"] = "other" },
		"expired":                   func(c object) { c["exp"] = now.Add(-61 * time.Second).Unix() },
		"'exp'":                     func(c object) { delete(c, "exp") },
		"future, or does not say":   func(c object) { delete(c, "iat") },
		"issued in the future":      func(c object) { c["iat"] = now.Add(61 * time.Second).Unix() },
		"more than an hour":         func(c object) { c["exp"] = now.Add(61 * time.Minute).Unix() },
		"'jti'":                     func(c object) { delete(c, "jti") },
		"'sub' claim, a 'sid'":      func(c object) { delete(c, "sub"); delete(c, "sid") },
		"event":                     func(c object) { delete(c, "events") },
		"missing required http":     func(c object) { c["events"] = object{"other": object{}} },
		"about no logout":           func(c object) { c["events"] = object{event: true} },
		"'nonce'":                   func(c object) { c["nonce"] = "" },
		"identifier that is too":    func(c object) { c["sid"] = strings.Repeat("a", 256) },
	} {
		claims := s.logoutClaims(words)
		edit(claims)
		_, err := p.VerifyLogout(t.Context(), signed(t, one, "one", "", claims))
		t.Run(words, func(t *testing.T) { wantError(t, err, belay.CodeUnauthenticated, words) })
	}
	for words, raw := range map[string]string{
		"another type":                signed(t, one, "one", "at+jwt", s.logoutClaims("type")),
		"none of the provider's keys": signed(t, other, "one", "", s.logoutClaims("key")),
		"not a JWT":                   "",
	} {
		_, err := p.VerifyLogout(t.Context(), raw)
		wantError(t, err, belay.CodeUnauthenticated, words)
	}
	// An ID token is no logout token, nor is the other way about.
	_, err := p.VerifyLogout(t.Context(), signed(t, one, "one", "", s.idClaims()))
	wantError(t, err, belay.CodeUnauthenticated, "event")
}

func TestLogoutTokensAreNoIDTokens(t *testing.T) {
	s := newStandIn(t)
	one, _ := keys()
	s.sign = func(object) string { return signed(t, one, "one", "logout+jwt", s.logoutClaims("1")) }
	_, err := s.finish(s.provider())
	wantError(t, err, belay.CodeUnauthenticated, "")
}

func TestLogoutURL(t *testing.T) {
	s := newStandIn(t)
	address, err := s.provider().LogoutURL(t.Context(), "http://127.0.0.1:8080/", "a state")
	if err != nil || !strings.HasPrefix(address, s.URL+"/end?") {
		t.Fatalf("%q, %v", address, err)
	}
	q := query(t, address)
	if q.Get("of") != "session" || q.Get("client_id") != "web" || q.Get("post_logout_redirect_uri") != "http://127.0.0.1:8080/" || q.Get("state") != "a state" {
		t.Errorf("query %v", q)
	}
	s.metadata = func(m object) { delete(m, "end_session_endpoint") }
	if address, err := s.provider().LogoutURL(t.Context(), "", ""); address != "" || err != nil {
		t.Errorf("without such a page: %q, %v", address, err)
	}
}

// FuzzLogoutToken signs whatever claims with the provider's own key: what is
// accepted must be a logout token all the same.
func FuzzLogoutToken(f *testing.F) {
	for _, text := range []string{
		`{"jti":"1","sub":"alice","events":{"` + event + `":{}}}`, `{"jti":"2","nonce":null,"sid":"s"}`, `[]`, `{`, `{"aud":["web"],"EVENTS":1}`,
	} {
		f.Add([]byte(text))
	}
	s := newStandIn(f)
	known, key, err := ed25519.GenerateKey(rand.Reader) // others take long to make and to sign with
	if err != nil {
		f.Fatal(err)
	}
	s.metadata = func(m object) { m["id_token_signing_alg_values_supported"] = []string{"EdDSA"} }
	s.published = func() any { return keyList(jose.JSONWebKey{Key: known, KeyID: "one", Algorithm: "EdDSA"}) }
	p := s.provider()
	var count atomic.Int64
	f.Fuzz(func(t *testing.T, text []byte) {
		claims := s.logoutClaims(fmt.Sprint("id ", count.Add(1)))
		extra := object{}
		if json.Unmarshal(text, &extra) == nil {
			maps.Copy(claims, extra)
			text, _ = json.Marshal(claims)
		}
		for _, raw := range []string{string(text), signed(t, key, "one", "", text)} {
			got, err := p.VerifyLogout(t.Context(), raw)
			if err != nil {
				wantError(t, err, belay.CodeUnauthenticated, "")
				continue
			}
			_, nonce := claims["nonce"]
			if nonce || got.Issuer != s.URL || got.Subject == "" && got.SessionID == "" {
				t.Errorf("%s is accepted: %+v", text, got)
			}
		}
	})
}
