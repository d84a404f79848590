package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"belay"
	"belay/store"
)

// Times of the device grant.
const (
	deviceLife  = 10 * time.Minute // RFC 8628, section 3.2: expires_in
	devicePause = 2 * time.Second  // RFC 8628, section 3.2: interval
	deviceSlow  = 5 * time.Second  // what slow_down adds to it (section 3.5)
)

// Limits of the device grant.
var (
	// perTyping is how often a user mistypes a code: 20 letters at 8 places
	// leave nobody a chance to guess one (RFC 8628, section 5.1).
	perTyping = limit{free: 10, bound: 15 * time.Minute}
	// perAsking is how often one address begins.
	perAsking = limit{free: 30, bound: time.Minute}
)

// userCodeLetters are those of which none looks like another, and that make
// no words (RFC 8628, section 6.1).
const (
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeSize    = 8
)

// NewDevice is what a client gets that waits to be allowed elsewhere.
type NewDevice struct {
	DeviceCode belay.Secret
	UserCode   string // XXXX-XXXX, for people
	Life       time.Duration
	Pause      time.Duration
}

// StartDevice lets a client wait for its user (RFC 8628, section 3.1). Too
// many from one address are CodeRateLimited.
func (g *Gate) StartDevice(ctx context.Context, client *belay.Client, host string, v Visitor) (*NewDevice, error) {
	if !client.Devices {
		return nil, &GrantError{Code: GrantUnauthorized, Description: "this client is not allowed on other devices"}
	}
	asking := []counter{g.throttle.counter(perAsking, true, "device", network(v.RemoteAddr))}
	if err := g.throttle.take(ctx, asking); err != nil {
		return nil, err
	}
	code, err := belay.NewText(belay.CodeMarker, rand.Reader)
	if err != nil {
		return nil, err
	}
	typed, err := newUserCode()
	if err != nil {
		return nil, err
	}
	now := g.now()
	d := &belay.DeviceRequest{
		Hash: belay.HashToken(code), UserCode: g.userCode(typed), Client: client.ID, Host: HostName(host), RemoteAddr: v.RemoteAddr,
		Pause: devicePause, CreatedAt: now, ExpiresAt: now.Add(deviceLife),
	}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateDeviceRequest(ctx, d) })
	return &NewDevice{DeviceCode: code, UserCode: typed[:4] + "-" + typed[4:], Life: deviceLife, Pause: devicePause}, err
}

func newUserCode() (string, error) {
	var b strings.Builder
	for range userCodeSize {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userCodeLetters))))
		if err != nil {
			return "", fmt.Errorf("make a user code: %w", err)
		}
		b.WriteByte(userCodeLetters[n.Int64()])
	}
	return b.String(), nil
}

// userCode is the form in which a user code is stored: keyed, since it is
// short enough to be found by trying.
func (g *Gate) userCode(typed string) []byte {
	return g.throttle.keyring.Digest("device user code", []byte(typed))
}

// userCodeIn are the letters of a user code, however it is typed.
func userCodeIn(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userCodeLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed))
}

// UserCode is what was typed for a user code as XXXX-XXXX, or as it is where it
// can be none.
func UserCode(typed string) string {
	letters := userCodeIn(typed)
	if len(letters) != userCodeSize {
		return HostName(typed)
	}
	return letters[:4] + "-" + letters[4:]
}

// Device is a client that waits, to be looked at by who may allow it.
type Device struct {
	Client     belay.Client
	Host       string // where it says that it runs; "" where it does not say
	RemoteAddr string
	AskedAt    time.Time

	request *belay.DeviceRequest
}

// Device finds the client that waits with a code, however it is typed. Who
// tries many is CodeRateLimited.
func (g *Gate) Device(ctx context.Context, p *belay.Principal, typed string) (*Device, error) {
	if err := inBrowser(p); err != nil {
		return nil, err
	}
	typing := []counter{g.throttle.counter(perTyping, false, "user code", string(p.UserID))}
	if err := g.throttle.take(ctx, typing); err != nil {
		return nil, err
	}
	d, err := g.store.DeviceRequestByUserCode(ctx, g.userCode(userCodeIn(typed)))
	if err != nil {
		return nil, err
	}
	if d == nil || d.Answer != belay.DeviceUnanswered || !g.now().Before(d.ExpiresAt) {
		return nil, belay.Errorf(belay.CodeNotFound, "no program waits with this code: it is mistyped, was answered before, or is older than ten minutes")
	}
	c, err := g.Client(d.Client)
	if err != nil {
		return nil, err
	}
	return &Device{Client: *c, Host: d.Host, RemoteAddr: d.RemoteAddr, AskedAt: d.CreatedAt, request: d},
		g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return succeeded(ctx, tx, typing) })
}

// AnswerDevice allows or denies the client that waits with a code to act for
// the user.
func (g *Gate) AnswerDevice(ctx context.Context, p *belay.Principal, typed string, answer belay.DeviceAnswer) (*Device, error) {
	d, err := g.Device(ctx, p, typed)
	if err != nil {
		return nil, err
	}
	d.request.SessionID, d.request.UserID, d.request.Answer = p.SessionID, p.UserID, answer
	return d, g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AnswerDeviceRequest(ctx, d.request) })
}

// ExchangeDevice exchanges a device code for the tokens of a new session once
// the user has allowed that (RFC 8628, section 3.4).
func (g *Gate) ExchangeDevice(ctx context.Context, client *belay.Client, code belay.Secret, v Visitor) (*Tokens, error) {
	expired := &GrantError{Code: GrantExpired, Description: "the code is not known, was used, or is older than ten minutes; begin again"}
	if belay.CheckText(belay.CodeMarker, string(code.Reveal())) != nil {
		return nil, expired
	}
	d, err := g.store.DeviceRequest(ctx, belay.HashToken(code))
	if err != nil {
		return nil, err
	}
	if d == nil || d.Client != client.ID || !g.now().Before(d.ExpiresAt) {
		return nil, expired
	}
	switch d.Answer {
	case belay.DeviceUnanswered:
		return nil, g.polled(ctx, d)
	case belay.DeviceDenied:
		err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.EndDeviceRequest(ctx, d.Hash) })
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		return nil, &GrantError{Code: GrantDenied, Description: "the user has said no"}
	case belay.DeviceAllowed:
	}
	s, tokens, err := g.newClientSession(ctx, client, allowedIn{d.UserID, d.SessionID, d.Host}, v)
	if err != nil {
		return nil, err
	}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.HoldUser(ctx, s.UserID); err != nil {
			return err
		}
		if err := tx.EndDeviceRequest(ctx, d.Hash); err != nil {
			return err
		}
		return tx.CreateClientSession(ctx, s)
	})
	if isNotFound(err) {
		return nil, expired
	}
	return tokens, err
}

// polled records that a client has asked too early, or again.
func (g *Gate) polled(ctx context.Context, d *belay.DeviceRequest) error {
	now := g.now()
	answer := &GrantError{Code: GrantPending, Description: "the user has not answered yet"}
	pause := d.Pause
	if now.Before(d.PolledAt.Add(d.Pause)) {
		pause += deviceSlow
		answer = &GrantError{Code: GrantSlowDown, Description: fmt.Sprintf("ask every %d seconds only", int(pause.Seconds()))}
	}
	if err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.PollDeviceRequest(ctx, d.Hash, now, pause) }); err != nil {
		return err
	}
	return answer
}
