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
	Purpose        string
	Prefix         string // the public part, by which people recognise it
	Hash           []byte // SHA-256 of the whole token
	Former         FormerToken
	Scopes         []Permission // nil: all that the user has
	CreatedAt      time.Time
	UpdatedAt      time.Time // when it was made, rotated or revoked
	RotatedAt      time.Time // zero: it has the text that it was made with
	ExpiresAt      time.Time // zero: never
	LastUsedAt     time.Time
	LastUsedFrom   string
	RevokedAt      time.Time // zero while it is valid
}

// FormerToken is what a token was before its last rotation. The zero value
// is for one that was not rotated.
type FormerToken struct {
	Prefix     string
	Hash       []byte
	ExpiresAt  time.Time // until when it still works
	LastUsedAt time.Time
}

// TokenState is whether a token works.
type TokenState string

// The states of a token.
const (
	TokenActive  TokenState = "active"
	TokenExpired TokenState = "expired"
	TokenRevoked TokenState = "revoked"
)

// State is the token's state at a time.
func (t *Token) State(now time.Time) TokenState {
	switch {
	case !t.RevokedAt.IsZero():
		return TokenRevoked
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return TokenExpired
	}
	return TokenActive
}

// IssuedAt is since when the token has its present text.
func (t *Token) IssuedAt() time.Time {
	if t.RotatedAt.IsZero() {
		return t.CreatedAt
	}
	return t.RotatedAt
}

// TokenWarning is how long before its end a token is warned of, unless a
// quarter of its life is less.
const TokenWarning = 7 * 24 * time.Hour

// ExpiresSoon tells whether what was issued and expires at these times is to
// be warned of; what never expires is not.
func ExpiresSoon(issued, expires, now time.Time) bool {
	if expires.IsZero() || !now.Before(expires) {
		return false
	}
	return expires.Sub(now) <= min(TokenWarning, expires.Sub(issued)/4)
}

// TokenFilter narrows a list of tokens; a field that is empty does not.
type TokenFilter struct {
	UserID         ID
	OrganizationID ID // bound to it, as are those below
	WorkspaceID    ID
	EnvironmentID  ID
	Prefix         string // of the token, now or before its last rotation
	// Ended lists those that were revoked or have expired at a time, instead
	// of those that work.
	Ended bool
	At    time.Time
}

// Session is a logged-in browser, or a client that was allowed to act for its
// user. Like a token it is stored as a hash.
type Session struct {
	ID         ID
	UserID     ID
	Hash       []byte // SHA-256 of the cookie's value; a client's is known to nobody
	Client     string // its id; "" for a browser
	UserAgent  string
	RemoteAddr string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	// ParentID is the browser's session in which a client was allowed and with
	// which it ends; "" where it does not depend on one.
	ParentID ID
	// ProviderSession is the session at the user's provider in which this one
	// began; "" where that has not told.
	ProviderSession string
	// RefreshAt is when the provider is to be asked again; zero for never.
	RefreshAt time.Time
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
	return newText(TokenMarker, random)
}

func newText(marker string, random io.Reader) (text Secret, prefix string, err error) {
	b := make([]byte, 6+32)
	if _, err := io.ReadFull(random, b); err != nil {
		return Secret{}, "", fmt.Errorf("make a token: %w", err)
	}
	public := encode62(b[:6], tokenPublicSize+1)[1:]
	prefix = marker + public
	whole := prefix + encode62(b[6:], tokenSecretSize)
	return SecretString(whole + tokenChecksum(whole)), prefix, nil
}

var errNotToken = errors.New("this is not a token of this server: it is mistyped, cut off, or of another program")

// CheckToken tells whether s can be a token at all, without knowing whether
// the server has given it out.
func CheckToken(s string) error { return checkForm(TokenMarker, tokenSize, s) }

func checkForm(marker string, size int, s string) error {
	if len(s) != size || !strings.HasPrefix(s, marker) {
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
