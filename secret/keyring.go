// Package secret seals secret material before it is stored, and opens it
// again for its use.
//
// Three layers of keys:
//
//	key-encryption key (KEK)   the operator's: a file, BELAY_KEY, or a key service
//	  └ wraps the keyring      stored in the database as one Wrapped text
//	      ├ data keys          AES-256-GCM, one seals, the older ones still open
//	      └ fingerprint key    HMAC-SHA-256, for ever the same
package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"belay"
)

// Keyring seals, opens and fingerprints. It does not change once made and
// may be used by many at once. It prints without its keys.
type Keyring struct {
	data   *keyset.Handle
	prints *keyset.Handle

	aead     tink.AEAD
	printKey belay.Secret
}

// Wrapped is a keyring as it is stored: a JSON object with the id of the key
// that wrapped it and both keysets, encrypted.
type Wrapped []byte

type wrapped struct {
	Format       int    `json:"format"`
	KEK          string `json:"kek"`
	Data         []byte `json:"data"`         // Tink EncryptedKeyset
	Fingerprints []byte `json:"fingerprints"` // Tink EncryptedKeyset
}

const wrappedFormat = 1

func (w Wrapped) parse() (wrapped, error) {
	var v wrapped
	if err := json.Unmarshal(w, &v); err != nil || v.KEK == "" {
		return wrapped{}, errors.New("the stored keyring is damaged: restore it from a backup")
	}
	if v.Format != wrappedFormat {
		return wrapped{}, fmt.Errorf("the stored keyring has format %d, and this program knows format %d: use a newer one", v.Format, wrappedFormat)
	}
	return v, nil
}

// KEKID is the id of the key-encryption key that opens it.
func (w Wrapped) KEKID() (string, error) {
	v, err := w.parse()
	return v.KEK, err
}

// Create makes a keyring with new keys, and its form to be stored.
func Create(kek KEK) (*Keyring, Wrapped, error) {
	data, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make a data key: %w", err)
	}
	prints, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make a fingerprint key: %w", err)
	}
	k, err := newKeyring(data, prints)
	if err != nil {
		return nil, nil, err
	}
	w, err := k.Wrap(kek)
	if err != nil {
		return nil, nil, err
	}
	return k, w, nil
}

// Open unwraps a stored keyring. With another key than the one that wrapped
// it the error wraps ErrWrongKey and names both.
func Open(kek KEK, w Wrapped) (*Keyring, error) {
	v, err := w.parse()
	if err != nil {
		return nil, err
	}
	if !kek.holds(v.KEK) {
		return nil, fmt.Errorf("%w: this data is sealed under key %s, and key %s was given; nothing was changed", ErrWrongKey, v.KEK, kek.ID())
	}
	data, err := unwrap(kek, v.Data, "data")
	if err != nil {
		return nil, err
	}
	prints, err := unwrap(kek, v.Fingerprints, "fingerprints")
	if err != nil {
		return nil, err
	}
	return newKeyring(data, prints)
}

func newKeyring(data, prints *keyset.Handle) (*Keyring, error) {
	a, err := aead.New(data)
	if err != nil {
		return nil, fmt.Errorf("use the data keys: %w", err)
	}
	e, err := prints.Primary()
	if err != nil {
		return nil, fmt.Errorf("use the fingerprint key: %w", err)
	}
	key, ok := e.Key().(*hmacprf.Key)
	if !ok {
		return nil, errors.New("the stored fingerprint key is not an HMAC key")
	}
	printKey := belay.NewSecret(key.KeyBytes().Data(insecuresecretdataaccess.Token{}))
	return &Keyring{data: data, prints: prints, aead: a, printKey: printKey}, nil
}

// Wrap returns the keyring in its form to be stored, under this key.
func (k *Keyring) Wrap(kek KEK) (Wrapped, error) {
	if kek.aead == nil {
		return nil, ErrNoKey
	}
	data, err := wrap(kek, k.data, "data")
	if err != nil {
		return nil, err
	}
	prints, err := wrap(kek, k.prints, "fingerprints")
	if err != nil {
		return nil, err
	}
	w, err := json.Marshal(wrapped{Format: wrappedFormat, KEK: kek.ID(), Data: data, Fingerprints: prints})
	if err != nil {
		return nil, fmt.Errorf("wrap the keyring: %w", err)
	}
	return w, nil
}

// Rewrap puts a stored keyring under another key-encryption key. What was
// sealed with the keyring stays as it is.
func Rewrap(from, to KEK, w Wrapped) (Wrapped, error) {
	k, err := Open(from, w)
	if err != nil {
		return nil, err
	}
	return k.Wrap(to)
}

func wrap(kek KEK, h *keyset.Handle, part string) ([]byte, error) {
	var b bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), kek.aead, wrapContext(part)); err != nil {
		return nil, fmt.Errorf("wrap the keyring under key %s: %w", kek.ID(), err)
	}
	return b.Bytes(), nil
}

func unwrap(kek KEK, b []byte, part string) (*keyset.Handle, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(b)), kek.aead, wrapContext(part))
	if err != nil {
		return nil, fmt.Errorf("unwrap the stored keyring with key %s: %w", kek.ID(), err)
	}
	return h, nil
}

// wrapContext keeps one keyset from being put in the place of the other.
func wrapContext(part string) []byte { return associatedData("keyring", part) }

// Rotate returns a keyring that seals with a new data key and still opens
// what the older ones sealed. Wrap and store it before it is used.
func (k *Keyring) Rotate() (*Keyring, error) {
	m := keyset.NewManagerFromHandle(k.data)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("add a data key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("add a data key: %w", err)
	}
	return k.with(m)
}

// Prune returns a keyring with only the data key that seals now. What an
// older key sealed cannot be opened with it, ever: re-seal all of it before.
func (k *Keyring) Prune() (*Keyring, error) {
	m := keyset.NewManagerFromHandle(k.data)
	for _, info := range k.data.KeysetInfo().GetKeyInfo() {
		if info.GetKeyId() == k.data.KeysetInfo().GetPrimaryKeyId() {
			continue
		}
		if err := m.Delete(info.GetKeyId()); err != nil {
			return nil, fmt.Errorf("drop a data key: %w", err)
		}
	}
	return k.with(m)
}

func (k *Keyring) with(m *keyset.Manager) (*Keyring, error) {
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("change the data keys: %w", err)
	}
	return newKeyring(h, k.prints)
}

// Keys is the number of data keys in the keyring: 1 when no rotation is under way.
func (k *Keyring) Keys() int { return k.data.Len() }

// Format writes "keyring" for every verb.
func (Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "keyring") }
