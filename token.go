package belay

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"strings"
	"time"
)

// Token is a bearer token for programs. The secret itself is known only to
// its holder; the server keeps a hash.
type Token struct {
	ID             ID
	UserID         ID
	OrganizationID ID // bound to one organization; "" for all of the user's
	WorkspaceID    ID // bound to what this workspace reaches; "" for none; needs an organization
	EnvironmentID  ID // bound to what this environment holds; "" for none; needs an organization
	Name           string
	Prefix         string // the public part, by which people recognise it
	Hash           []byte // SHA-256 of the whole token
	Scopes         []Permission
	CreatedAt      time.Time
	ExpiresAt      time.Time // zero: never
	LastUsedAt     time.Time
	LastUsedFrom   string
	RevokedAt      time.Time // zero while it is valid
}

// Session is a logged-in browser. Like a token it is stored as a hash.
type Session struct {
	ID         ID
	UserID     ID
	Hash       []byte // SHA-256 of the cookie's value
	UserAgent  string
	RemoteAddr string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// The text of a token:
//
//	bly_ Pq3xR7Lm  9f…43 characters…Zk  0bT4Qe
//	     └ public  └ 256 random bits    └ CRC-32 of all before it
//
// All in base 62, so that a double click selects it whole and a secret
// scanner can tell it from other text with certainty.
const (
	TokenMarker       = "bly_"
	tokenPublicSize   = 8
	tokenSecretSize   = 43
	tokenChecksumSize = 6
	tokenSize         = len(TokenMarker) + tokenPublicSize + tokenSecretSize + tokenChecksumSize
	base62            = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewToken makes the text of a token from 38 bytes of random, and its public
// prefix.
func NewToken(random io.Reader) (text Secret, prefix string, err error) {
	b := make([]byte, 6+32)
	if _, err := io.ReadFull(random, b); err != nil {
		return Secret{}, "", fmt.Errorf("make a token: %w", err)
	}
	public := encode62(b[:6], tokenPublicSize+1)[1:]
	prefix = TokenMarker + public
	whole := prefix + encode62(b[6:], tokenSecretSize)
	return SecretString(whole + tokenChecksum(whole)), prefix, nil
}

var errNotToken = errors.New("this is not a token of this server: it is mistyped, cut off, or of another program")

// CheckToken tells whether s can be a token at all, without knowing whether
// the server has given it out.
func CheckToken(s string) error {
	if len(s) != tokenSize || !strings.HasPrefix(s, TokenMarker) {
		return errNotToken
	}
	body := len(s) - tokenChecksumSize
	if tokenChecksum(s[:body]) != s[body:] {
		return errNotToken
	}
	return nil
}

// HashToken is the form in which tokens and sessions are stored. They are
// random, so that a fast hash is as safe as a slow one.
func HashToken(s Secret) []byte {
	sum := sha256.Sum256(s.Reveal())
	return sum[:]
}

func tokenChecksum(s string) string {
	return encode62(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))), tokenChecksumSize)
}

// encode62 writes b, as one number, in exactly n digits; the number must fit.
func encode62(b []byte, n int) string {
	digits := make([]byte, n)
	x, base, digit := new(big.Int).SetBytes(b), big.NewInt(62), new(big.Int)
	for i := n - 1; i >= 0; i-- {
		x.DivMod(x, base, digit)
		digits[i] = base62[digit.Int64()]
	}
	return string(digits)
}
