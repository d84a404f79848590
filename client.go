package belay

import (
	"io"
	"time"
)

// CommandLineClient is the id of the client that the command line is.
const CommandLineClient = "belay-cli"

// Client is a program that asks to act for its user (RFC 6749, section 1.1):
// the command line, or one whose operator this server's operator knows.
type Client struct {
	ID    string
	Title string // for people
	// RedirectURIs are where users are sent back to. One of http on a loopback
	// address stands for every port there (RFC 8252, section 7.3).
	RedirectURIs []string
	Secret       Secret // zero: a public client, that has none
	Devices      bool   // may be allowed on another device (RFC 8628)
}

// ClientSession is a session of a client, with what authenticates it: an
// access token for a short time, and a refresh token with which it gets the
// next two.
type ClientSession struct {
	*Session
	AccessHash      []byte // SHA-256 of the access token
	AccessExpiresAt time.Time
	FamilyHash      []byte // SHA-256 of how all refresh tokens of the session begin
	RefreshHash     []byte // SHA-256 of the one that has not been used
}

// AuthorizationCode is what a client gets from the user's browser, and
// exchanges for a session once (RFC 6749, section 4.1).
type AuthorizationCode struct {
	Hash        []byte
	SessionID   ID // in which it was allowed; it ends with that
	UserID      ID
	Client      string
	RedirectURI string
	Challenge   string // of RFC 7636, method S256
	Host        string // where the client says that it runs
	IssuedID    ID     // the session that it was exchanged for; "" before that
	ExpiresAt   time.Time
}

// DeviceAnswer is what a user has said to a DeviceRequest.
type DeviceAnswer string

// The answers to a DeviceRequest.
const (
	DeviceUnanswered DeviceAnswer = ""
	DeviceAllowed    DeviceAnswer = "allowed"
	DeviceDenied     DeviceAnswer = "denied"
)

// DeviceRequest is a client that waits for its user to allow it in a browser
// elsewhere (RFC 8628).
type DeviceRequest struct {
	Hash       []byte // of the device code
	UserCode   []byte // a keyed hash of what the user types
	Client     string
	Host       string // where the client says that it runs
	RemoteAddr string // from which it asked
	SessionID  ID     // in which it was answered; "" before that
	UserID     ID     // who has answered
	Answer     DeviceAnswer
	Pause      time.Duration // between two questions whether it was answered
	PolledAt   time.Time     // of the last one
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// How the texts begin that a client gets. They are of the same form as tokens,
// so that secret scanners know them all and no one is taken for another.
const (
	AccessMarker  = "bla_"
	RefreshMarker = "blr_"
	CodeMarker    = "blc_" // of authorization and device codes
)

// NewText makes a secret text of the form of a token that begins with a marker
// of four letters.
func NewText(marker string, random io.Reader) (Secret, error) {
	text, _, err := newText(marker, random)
	return text, err
}

// CheckText is CheckToken for a text that begins with a marker.
func CheckText(marker, s string) error { return checkForm(marker, tokenSize, s) }

// The text of a refresh token:
//
//	blr_ 4f…22 characters…Qa  9f…43 characters…Zk  0bT4Qe
//	     └ 128 random bits,   └ 256 random bits,   └ CRC-32
//	       of the family        of this one alone    of all before
//
// so that one that was used before is known by its family, however long ago
// that was.
const (
	refreshFamilySize = 22
	refreshSize       = len(RefreshMarker) + refreshFamilySize + tokenSecretSize + tokenChecksumSize
)

// NewRefreshToken makes a refresh token of the family to which before belongs,
// and of a new one where before is zero.
func NewRefreshToken(before Secret, random io.Reader) (Secret, error) {
	b := make([]byte, 16+32)
	if _, err := io.ReadFull(random, b); err != nil {
		return Secret{}, err
	}
	family := RefreshMarker + encode62(b[:16], refreshFamilySize)
	if !before.IsZero() {
		family = refreshFamily(before)
	}
	whole := family + encode62(b[16:], tokenSecretSize)
	return SecretString(whole + tokenChecksum(whole)), nil
}

// CheckRefreshToken tells whether s can be a refresh token at all.
func CheckRefreshToken(s string) error { return checkForm(RefreshMarker, refreshSize, s) }

// HashFamily is the form in which the family of a refresh token is stored.
func HashFamily(refresh Secret) []byte { return HashToken(SecretString(refreshFamily(refresh))) }

func refreshFamily(refresh Secret) string {
	return string(refresh.Reveal()[:len(RefreshMarker)+refreshFamilySize])
}
