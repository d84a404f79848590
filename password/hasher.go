package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"belay"
)

// params are the cost of a hash.
type params struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// current is the first choice of the OWASP Password Storage Cheat Sheet for
// argon2id (RFC 9106): 19 MiB, two passes, one thread.
var current = params{memory: 19 << 10, time: 2, threads: 1}

// Sizes, in bytes.
const (
	saltSize = 16
	hashSize = 32
)

// What a stored hash may ask for: more would let whoever can write to the
// database take the memory of the server.
const (
	maxMemory  = 256 << 10 // KiB
	maxTime    = 16
	maxThreads = 8
)

// How many strangers may wait for a turn, for each that has one, and how long
// anybody waits.
const (
	queueLength = 16
	maxWait     = 3 * time.Second
)

// Hasher hashes and verifies passwords, few at once: each takes 19 MiB and a
// core for some tens of milliseconds. It is safe for concurrent use.
type Hasher struct {
	turns  chan struct{} // who works
	queue  chan struct{} // strangers who work or wait
	random io.Reader
	decoy  string // what is verified for users who do not exist
}

// NewHasher makes a Hasher that leaves at least half of the cores to others.
func NewHasher() *Hasher {
	n := max(1, runtime.GOMAXPROCS(0)/2)
	h := &Hasher{turns: make(chan struct{}, n), queue: make(chan struct{}, n*(1+queueLength)), random: rand.Reader}
	h.decoy = current.encode(make([]byte, saltSize), make([]byte, hashSize))
	return h
}

// Admit takes a place among those who wait for a turn, to be given back by
// leave. Where there is none it is CodeRateLimited at once: who floods the
// sign-in costs nothing more than that.
func (h *Hasher) Admit() (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
		return func() { <-h.queue }, nil
	default:
		return nil, busy()
	}
}

// enter waits for a turn. Where that takes too long it is CodeRateLimited.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-timer.C:
		return nil, busy()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func busy() error {
	return &belay.Error{Code: belay.CodeRateLimited, Message: "too many are signing in at this moment; try again in a few seconds", RetryAfter: maxWait}
}

// Hash returns the PHC string of a password with a new salt.
func (h *Hasher) Hash(ctx context.Context, text belay.Secret) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return current.encode(salt, current.derive(text, salt, hashSize)), nil
}

// Verify tells whether a password is the one of a hash, and whether that was
// made at another cost than hashes are now, so that it should be made anew.
// With "" for the hash it takes as long, and is false.
func (h *Hasher) Verify(ctx context.Context, text belay.Secret, hash string) (ok, outdated bool, err error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	p, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	got := p.derive(text, salt, uint32(len(want)))
	ok = subtle.ConstantTimeCompare(got, want) == 1 && known && text.Len() <= maxBytes
	return ok, p != current, nil
}

// derive computes the hash itself. What is too long is cut: it is no
// password of anybody's, and is refused by all callers.
func (p params) derive(text belay.Secret, salt []byte, size uint32) []byte {
	if text.Len() > maxBytes {
		text = belay.NewSecret(text.Reveal()[:maxBytes])
	}
	return argon2.IDKey(prepare(text), salt, p.time, p.memory, p.threads, size)
}

// encode writes the PHC string format:
//
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
func (p params) encode(salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decode reads what encode has written.
func decode(phc string) (p params, salt, hash []byte, err error) {
	bad := fmt.Errorf("a stored password is not a hash of argon2id version %d", argon2.Version)
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, nil, nil, bad
	}
	if p.memory == 0 || p.memory > maxMemory || p.time == 0 || p.time > maxTime || p.threads == 0 || p.threads > maxThreads {
		return p, nil, nil, bad
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	hash, hashErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 || p.encode(salt, hash) != phc {
		return p, nil, nil, bad
	}
	return p, salt, hash, nil
}
