package belay

import "time"

// Token is a bearer token for programs. The secret itself is known only to
// its holder; the server keeps a hash.
type Token struct {
	ID             ID
	UserID         ID
	OrganizationID ID // bound to one organization; "" for all of the user's
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
