package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"

	"belay"
)

// Fingerprint is a keyed hash (HMAC-SHA-256, its first 128 bits, in 32
// hexadecimal digits) over a credential's type and values. Equal secrets of
// one type have equal fingerprints under one keyring, rotated or not, and
// without the keyring it says nothing about them. A value that is empty
// counts as absent.
func (k *Keyring) Fingerprint(credentialType string, values map[string]belay.Secret) string {
	h := k.keyed()
	h.add([]byte(credentialType))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name].IsZero() {
			continue
		}
		h.add([]byte(name))
		h.add(values[name].Reveal())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Digest is a keyed hash (HMAC-SHA-256) over parts, for one purpose: by it
// equals are found without keeping what it was made of.
func (k *Keyring) Digest(purpose string, parts ...[]byte) []byte {
	h := k.keyed()
	h.add(nil) // what no type of credential is called
	h.add([]byte(purpose))
	for _, part := range parts {
		h.add(part)
	}
	return h.Sum(nil)
}

// keyed is a hash under the fingerprint key.
func (k *Keyring) keyed() keyedHash { return keyedHash{hmac.New(sha256.New, k.printKey.Reveal())} }

type keyedHash struct{ hash.Hash }

// add takes a part with its length first, so that no two lists of parts have
// one encoding.
func (h keyedHash) add(part []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(part)))
	h.Write(size[:])
	h.Write(part)
}
