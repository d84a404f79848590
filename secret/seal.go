package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"belay"
)

// ErrNotOpened says that ciphertext does not open: it was changed, it stands
// in a place for which it was not made, or its key is gone. Which of them
// cannot be told.
var ErrNotOpened = errors.New("the sealed material does not open: it was changed or moved, or its key is gone")

// Binding is the one place in which a credential's sealed values open. All
// of it must be set.
type Binding struct {
	OrganizationID belay.ID
	CredentialID   belay.ID
	Version        int // CredentialVersion.Number, from 1
}

func (b Binding) associatedData() ([]byte, error) {
	if b.OrganizationID == "" || b.CredentialID == "" || b.Version < 1 {
		return nil, errors.New("seal: the binding is not complete")
	}
	return associatedData("credential", string(b.OrganizationID), string(b.CredentialID), strconv.Itoa(b.Version)), nil
}

// Sealed material is one byte that tells the format, then a Tink ciphertext:
//
//	format 1 │ 1 │ key id, 4 bytes │ nonce, 12 │ AES-256-GCM ciphertext │ tag, 16
const (
	sealedFormat = 1
	tinkPrefix   = 1
	headerLen    = 1 + 1 + 4
)

// Seal encrypts a credential's values, bound to their place. The caller's
// values are left as they are.
func (k *Keyring) Seal(values map[string]belay.Secret, b Binding) ([]byte, error) {
	ad, err := b.associatedData()
	if err != nil {
		return nil, err
	}
	plain, err := encodeValues(values)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return k.seal(plain, ad)
}

// Open decrypts a credential's values. The error wraps ErrNotOpened unless
// the binding is incomplete.
func (k *Keyring) Open(sealed []byte, b Binding) (map[string]belay.Secret, error) {
	ad, err := b.associatedData()
	if err != nil {
		return nil, err
	}
	plain, err := k.open(sealed, ad)
	if err != nil {
		return nil, fmt.Errorf("credential %s, version %d: %w", b.CredentialID, b.Version, err)
	}
	defer clear(plain)
	return decodeValues(plain)
}

// SealBytes encrypts any other material. It opens only with the same purpose
// (what kind of thing it is, "session" for example) and the same bound names
// (which one).
func (k *Keyring) SealBytes(material belay.Secret, purpose string, bound ...string) ([]byte, error) {
	return k.seal(material.Reveal(), bytesAssociatedData(purpose, bound))
}

// OpenBytes decrypts what SealBytes sealed. The error wraps ErrNotOpened.
func (k *Keyring) OpenBytes(sealed []byte, purpose string, bound ...string) (belay.Secret, error) {
	plain, err := k.open(sealed, bytesAssociatedData(purpose, bound))
	if err != nil {
		return belay.Secret{}, fmt.Errorf("%s: %w", purpose, err)
	}
	return belay.NewSecret(plain), nil
}

// IsCurrent tells whether the material was sealed with the data key that
// seals now; after a rotation, what is not current is to be sealed again.
func (k *Keyring) IsCurrent(sealed []byte) bool {
	return len(sealed) > headerLen && sealed[0] == sealedFormat && sealed[1] == tinkPrefix &&
		binary.BigEndian.Uint32(sealed[2:headerLen]) == k.data.KeysetInfo().GetPrimaryKeyId()
}

func (k *Keyring) seal(plain, ad []byte) ([]byte, error) {
	c, err := k.aead.Encrypt(plain, ad)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append([]byte{sealedFormat}, c...), nil
}

func (k *Keyring) open(sealed, ad []byte) ([]byte, error) {
	if len(sealed) <= headerLen || sealed[0] != sealedFormat {
		return nil, ErrNotOpened
	}
	plain, err := k.aead.Decrypt(sealed[1:], ad)
	if err != nil {
		return nil, ErrNotOpened // the cause says no more than this
	}
	return plain, nil
}

func bytesAssociatedData(purpose string, bound []string) []byte {
	return associatedData("bytes", append([]string{purpose}, bound...)...)
}

// associatedData encodes what a ciphertext is bound to. Each part comes
// after its length, so that no two lists of parts have one encoding.
func associatedData(kind string, parts ...string) []byte {
	b := []byte("belay/secret/1\x00")
	for _, p := range append([]string{kind}, parts...) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// encodeValues writes values as a JSON object in its one canonical form:
// names sorted, values in base64 (they are any bytes, which a JSON string
// cannot hold), no spaces. The buffer is never moved while it grows, so that
// clearing it leaves no copy.
func encodeValues(values map[string]belay.Secret) ([]byte, error) {
	names := slices.Sorted(maps.Keys(values))
	quoted := make([][]byte, len(names))
	size := 2
	for i, name := range names {
		if !utf8.ValidString(name) {
			return nil, errors.New("seal: the name of a value is not UTF-8")
		}
		q, err := json.Marshal(name)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		quoted[i] = q
		size += len(q) + base64.StdEncoding.EncodedLen(values[name].Len()) + len(`:"",`)
	}
	b := append(make([]byte, 0, size), '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quoted[i]...), `:"`...)
		b = append(base64.StdEncoding.AppendEncode(b, values[name].Reveal()), '"')
	}
	return append(b, '}'), nil
}

func decodeValues(plain []byte) (map[string]belay.Secret, error) {
	var raw map[string][]byte
	if err := json.Unmarshal(plain, &raw); err != nil {
		return nil, errors.New("the opened values are not a JSON object") // the cause may quote them
	}
	values := make(map[string]belay.Secret, len(raw))
	for name, v := range raw {
		values[name] = belay.NewSecret(v)
	}
	return values, nil
}
