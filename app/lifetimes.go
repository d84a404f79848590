package app

import (
	"cmp"
	"time"
)

// Lifetimes bound how long tokens and sessions live. A field that is 0 has
// its value in DefaultLifetimes.
type Lifetimes struct {
	// Token is the longest life that a token can be given; negative: none is
	// too long, and tokens may be made that never expire.
	Token       time.Duration
	Session     time.Duration // from signing in, however much it is used
	SessionIdle time.Duration // from its last use
}

// DefaultLifetimes are those of a server that is told no others.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{Token: 366 * day, Session: 12 * time.Hour, SessionIdle: 2 * time.Hour}
}

func (l Lifetimes) orDefault() Lifetimes {
	d := DefaultLifetimes()
	return Lifetimes{
		Token: cmp.Or(l.Token, d.Token), Session: cmp.Or(l.Session, d.Session), SessionIdle: cmp.Or(l.SessionIdle, d.SessionIdle),
	}
}

// Times of tokens.
const (
	day             = 24 * time.Hour
	defaultLife     = 90 * day // of a token, when nothing is said
	DefaultOverlap  = day      // in which a rotated token works as it was before, too
	MaxOverlap      = 7 * day
	maxTokenName    = 255 // characters; Meshery's
	maxTokenPurpose = 500
)
