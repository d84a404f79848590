package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Limits of a provider's signing keys.
const (
	keyAge      = time.Hour        // after which they are asked for again, so that those withdrawn are forgotten
	keyPause    = 10 * time.Second // the least between two requests: anybody can send a token with an unknown key
	maxKeys     = 100
	minKeyBits  = 2048 // of RSA (RFC 7518, section 3.3)
	maxTokenLen = 64 << 10
)

var (
	errBadToken   = errors.New("the token is not a JWT that is signed once, by an allowed algorithm")
	errUnknownKey = errors.New("the token's signature is of none of the provider's keys")
)

// keySet is the set of keys at a provider's jwks_uri.
type keySet struct {
	provider *Provider
	address  string
	asking   chan struct{} // held while the keys are asked for

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	read    time.Time // when keys were read
	tried   time.Time // when they were last asked for
	failure error     // of that attempt
}

func newKeySet(p *Provider, address string) *keySet {
	return &keySet{provider: p, address: address, asking: make(chan struct{}, 1)}
}

// signedToken is a token whose signature is right. It is the key set by which
// the library verifies that very token again.
type signedToken struct {
	payload []byte
	header  jose.Header
}

// VerifySignature returns the payload. It implements oidc.KeySet.
func (t signedToken) VerifySignature(context.Context, string) ([]byte, error) {
	return t.payload, nil
}

// verify checks a token's signature. A key that is not known is looked for at
// the provider, but not within keyPause of the last time. The error is
// errBadToken or errUnknownKey when the fault is the token's, else it is that
// of the request for the keys.
func (k *keySet) verify(ctx context.Context, raw string, algorithms []string) (signedToken, error) {
	if len(raw) > maxTokenLen {
		return signedToken{}, errBadToken
	}
	var algs []jose.SignatureAlgorithm
	for _, a := range algorithms {
		algs = append(algs, jose.SignatureAlgorithm(a))
	}
	jws, err := jose.ParseSignedCompact(raw, algs)
	if err != nil || len(jws.Signatures) != 1 {
		return signedToken{}, errBadToken
	}
	for _, age := range []time.Duration{keyAge, keyPause} {
		keys, err := k.get(ctx, age)
		if err != nil {
			return signedToken{}, err
		}
		if payload, ok := check(jws, keys); ok {
			return signedToken{payload: payload, header: jws.Signatures[0].Protected}, nil
		}
	}
	return signedToken{}, errUnknownKey
}

// check looks for the key of a signature.
func check(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	header := jws.Signatures[0].Protected
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// get returns the keys, asking for them when they are older than age and were
// not asked for just now.
func (k *keySet) get(ctx context.Context, age time.Duration) ([]jose.JSONWebKey, error) {
	if keys, err := k.known(age); keys != nil || err != nil {
		return keys, err
	}
	select {
	case k.asking <- struct{}{}:
		defer func() { <-k.asking }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the provider's keys: %w", ctx.Err())
	}
	if keys, err := k.known(age); keys != nil || err != nil {
		return keys, err
	}
	var answer keyList
	err := k.provider.get(ctx, k.address, &answer)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.provider.now()
	if err != nil {
		err = k.provider.unavailable(ctx, "get "+k.address, err)
		if ctx.Err() == nil { // else it says nothing of the provider
			k.tried, k.failure = now, err
		}
		return nil, err
	}
	k.keys, k.read, k.tried, k.failure = answer.keys, now, now, nil
	return k.keys, nil
}

// known returns what need not be asked for, as Provider.known does: keys that
// are young enough or, within keyPause of an attempt to get others, those
// that there are. Both are nil when they have to be asked for.
func (k *keySet) known(age time.Duration) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.provider.now()
	old, idle := now.Sub(k.read), now.Sub(k.tried)
	switch {
	case k.keys != nil && (old < age || old < keyAge && idle < keyPause):
		return k.keys, nil
	case k.failure != nil && idle < pause:
		return nil, k.failure
	default:
		return nil, nil
	}
}

// keyList is a JWK Set (RFC 7517, section 5), as far as signatures can be
// verified with it: what is not understood is left out, as is what is too
// weak, shared, or for another use.
type keyList struct{ keys []jose.JSONWebKey }

// UnmarshalJSON implements json.Unmarshaler.
func (l *keyList) UnmarshalJSON(text []byte) error {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return err
	}
	l.keys = []jose.JSONWebKey{}
	for _, one := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(one); err == nil && fit(&key) {
			l.keys = append(l.keys, key)
		}
	}
	return nil
}

func fit(key *jose.JSONWebKey) bool {
	if r, ok := key.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minKeyBits {
		return false
	}
	return key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig")
}
