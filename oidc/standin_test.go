package oidc_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"belay"
	"belay/egress"
	"belay/oidc"
)

const (
	callback = "http://127.0.0.1:8080/callback"
	secret   = "canary-client-secret"
)

type object = map[string]any

var keys = sync.OnceValues(func() (one, other *rsa.PrivateKey) { return newKey(), newKey() })

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now().Truncate(time.Second)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// standIn is an OpenID provider that lies on command. Each of its fields may
// be replaced before it is asked for what the field is about.
type standIn struct {
	*httptest.Server
	t     testing.TB
	clock *clock

	metadata  func(object)                               // edits its description
	claims    func(object)                               // edits the ID token's
	sign      func(claims object) string                 // signs the ID token
	published func() any                                 // the answer at jwks_uri
	token     func(http.ResponseWriter, url.Values) bool // answers instead of the token endpoint, unless false
	userInfo  object

	mu    sync.Mutex
	asked map[string]int // paths
	nonce string
	sent  url.Values // to the token endpoint, last
}

func newStandIn(t testing.TB) *standIn {
	t.Helper()
	s := &standIn{t: t, clock: newClock(), asked: map[string]int{}}
	s.sign = func(claims object) string {
		one, _ := keys()
		return signed(t, one, "one", "", claims)
	}
	s.published = func() any {
		one, _ := keys()
		return keyList(public(one, "one"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.describe)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.published()) })
	mux.HandleFunc("POST /token", s.tokens)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.userInfo) })
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, object{"device_code": "canary-device-code", "user_code": "ABCD", "verification_uri": s.URL + "/go", "expires_in": 60, "interval": 1})
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (s *standIn) describe(w http.ResponseWriter, _ *http.Request) {
	m := object{
		"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"jwks_uri": s.URL + "/keys", "userinfo_endpoint": s.URL + "/userinfo", "end_session_endpoint": s.URL + "/end?of=session",
		"device_authorization_endpoint": s.URL + "/device", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}
	if s.metadata != nil {
		s.metadata(m)
	}
	answer(w, m)
}

// idClaims are those of a good ID token.
func (s *standIn) idClaims() object {
	now := s.clock.Now()
	return object{
		"iss": s.URL, "sub": "alice", "aud": "web", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"nonce": s.nonce, "email": "alice@example.test", "email_verified": true, "name": "Alice", "groups": []string{"staff"},
		"sid": "session",
	}
}

func (s *standIn) tokens(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	s.sent = r.PostForm
	s.mu.Unlock()
	if s.token != nil && s.token(w, r.PostForm) {
		return
	}
	claims := s.idClaims()
	if s.claims != nil {
		s.claims(claims)
	}
	answer(w, object{
		"access_token": "canary-access-token", "token_type": "Bearer", "expires_in": 60,
		"refresh_token": "canary-refresh-token", "id_token": s.sign(claims),
	})
}

// times is how often a path was asked for.
func (s *standIn) times(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

func public(key *rsa.PrivateKey, id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: &key.PublicKey, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func keyList(keys ...jose.JSONWebKey) jose.JSONWebKeySet { return jose.JSONWebKeySet{Keys: keys} }

// signed is a JWT by RS256 or EdDSA; kind is its type, "" for none.
func signed(t testing.TB, key crypto.Signer, id, kind string, claims any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if kind != "" {
		options = options.WithType(jose.ContentType(kind))
	}
	algorithm := jose.RS256
	if _, ok := key.(ed25519.PrivateKey); ok {
		algorithm = jose.EdDSA
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := claims.([]byte)
	if !ok {
		if text, err = json.Marshal(claims); err != nil {
			t.Fatal(err)
		}
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

// config is that of a client of an issuer.
func config(issuer string) oidc.Config {
	return oidc.Config{Key: "test", Issuer: issuer, ClientID: "web", ClientSecret: belay.SecretString(secret)}
}

// newProvider makes a Provider that may reach loopback.
func newProvider(t testing.TB, c oidc.Config, now func() time.Time) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(c, oidc.Options{Dialer: &egress.Dialer{Policy: egress.Policy{Loopback: true}}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (s *standIn) provider(edits ...func(*oidc.Config)) *oidc.Provider {
	s.t.Helper()
	c := config(s.URL)
	for _, edit := range edits {
		edit(&c)
	}
	return newProvider(s.t, c, s.clock.Now)
}

// begin begins a sign-in and takes note of its nonce.
func (s *standIn) begin(p *oidc.Provider) *oidc.Begun {
	s.t.Helper()
	begun, err := p.Begin(s.t.Context(), oidc.Login{Redirect: callback})
	if err != nil {
		s.t.Fatal(err)
	}
	s.nonce = query(s.t, begun.URL).Get("nonce")
	return begun
}

func query(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// finish signs in from beginning to end.
func (s *standIn) finish(p *oidc.Provider) (*oidc.Identity, error) {
	s.t.Helper()
	begun := s.begin(p)
	return p.Finish(s.t.Context(), url.Values{"state": {begun.State}, "code": {"canary-code"}}, begun.Remembered)
}

// half is the left half of a hash, as at_hash has it.
func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// canaries are what must be seen nowhere.
func canaries() []string {
	return []string{secret, "canary-code", "canary-access-token", "canary-refresh-token", "canary-device-code", "canary-told"}
}
