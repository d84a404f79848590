package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Reasons for which a keyring stays shut. The errors that wrap them are
// written for the operator and name the key that is wanted.
var (
	ErrNoKey    = errors.New("there is no key-encryption key")
	ErrBadKey   = errors.New("the key-encryption key cannot be used")
	ErrWrongKey = errors.New("this is another key-encryption key")
	// ErrExposed is wrapped with ErrBadKey where a key's file is not its
	// owner's alone.
	ErrExposed = errors.New("may be read or changed by others than its owner")
)

// SealedError is why the key of data that is there already cannot be had.
type SealedError struct {
	KEK string // the id of the key that is wanted
	Err error  // wraps ErrNoKey or ErrBadKey
}

// Error returns the reason and which key is wanted.
func (e *SealedError) Error() string {
	return fmt.Sprintf("%s; this data is sealed under key %s; nothing was changed", e.Err, e.KEK)
}

// Unwrap returns the reason.
func (e *SealedError) Unwrap() error { return e.Err }

// KEK is the operator's key-encryption key: it wraps the keyring and nothing
// else. It prints as its id.
type KEK struct {
	ids  []string // of every key in it, the one that wraps first
	aead tink.AEAD
}

// NewKEK makes a KEK of a key that is kept elsewhere, such as in a key
// management service; id is the name by which its owner knows it.
func NewKEK(id string, a tink.AEAD) KEK { return KEK{ids: []string{id}, aead: a} }

// ID names the key without giving it away: 16 hexadecimal digits for a key
// that was read from text.
func (k KEK) ID() string {
	if len(k.ids) == 0 {
		return "none"
	}
	return k.ids[0]
}

// Format writes the id for every verb.
func (k KEK) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "key-encryption key "+k.ID())
}

func (k KEK) holds(id string) bool { return k.aead != nil && slices.Contains(k.ids, id) }

// GenerateKEK returns the text of a new key: a Tink keyset in JSON with one
// AES256-GCM key, as "tinkey create-keyset --key-template AES256_GCM" makes.
func GenerateKEK() ([]byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key-encryption key: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&text)); err != nil {
		return nil, fmt.Errorf("make a key-encryption key: %w", err)
	}
	text.WriteByte('\n')
	return text.Bytes(), nil
}

// ParseKEK reads the text of a key: a Tink keyset in JSON whose keys are all
// AES256-GCM. Its primary key wraps; the others only open what they wrapped
// before. An error wraps ErrBadKey and shows nothing of the text.
func ParseKEK(text []byte) (KEK, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return KEK{}, fmt.Errorf("%w: it is not a whole Tink keyset in JSON (%d bytes were given)", ErrBadKey, len(text))
	}
	ids, err := kekIDs(h)
	if err != nil {
		return KEK{}, err
	}
	a, err := aead.New(h)
	if err != nil {
		return KEK{}, fmt.Errorf("%w: its keyset is not for authenticated encryption", ErrBadKey)
	}
	return KEK{ids: ids, aead: a}, nil
}

func kekIDs(h *keyset.Handle) ([]string, error) {
	var ids []string
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("read a key-encryption key: %w", err)
		}
		k, ok := e.Key().(*aesgcm.Key)
		if !ok || k.KeyBytes().Len() != 32 {
			return nil, fmt.Errorf("%w: its keys must all be of type AES256_GCM", ErrBadKey)
		}
		switch {
		case e.IsPrimary():
			ids = slices.Insert(ids, 0, kekID(k))
		case e.KeyStatus() == keyset.Enabled:
			ids = append(ids, kekID(k))
		}
	}
	return ids, nil
}

// kekID hashes the key itself, so that the id follows the key through any
// re-encoding. The key is random and 256 bits long: its hash gives nothing away.
func kekID(k *aesgcm.Key) string {
	b := k.KeyBytes().Data(insecuresecretdataaccess.Token{})
	defer clear(b)
	h := sha256.New()
	h.Write([]byte("belay key-encryption key id v1\x00"))
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
