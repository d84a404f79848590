package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	h := hmac.New(sha256.New, k.printKey.Reveal())
	write := func(part []byte) { // its length first, so that no two sets have one encoding
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	write([]byte(credentialType))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name].IsZero() {
			continue
		}
		write([]byte(name))
		write(values[name].Reveal())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
