package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

const clientSessionColumns = sessionColumns + `, k.access_hash, k.access_expires_at, k.family_hash, k.refresh_hash`

const clientSessionFrom = " from session_tokens k join sessions s on s.id = k.session_id "

func scanClientSession(r row) (*belay.ClientSession, error) {
	c := belay.ClientSession{Session: &belay.Session{}}
	own := []any{&c.AccessHash, stamp{&c.AccessExpiresAt}, &c.FamilyHash, &c.RefreshHash}
	return &c, r.Scan(append(intoSession(c.Session), own...)...)
}

func (r Reader) clientSession(ctx context.Context, where string, hash []byte) (*belay.ClientSession, error) {
	c, err := one(ctx, r, scanClientSession, "select "+clientSessionColumns+clientSessionFrom+where, hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return c, err
}

// SessionByAccess returns the client's session whose access token has this
// hash, whether or not that is still valid; nil when there is none.
func (r Reader) SessionByAccess(ctx context.Context, hash []byte) (*belay.ClientSession, error) {
	return r.clientSession(ctx, "where k.access_hash = $1", hash)
}

// SessionsByAccess is SessionByAccess for many, in one statement; the sessions
// are by the hashes of their access tokens.
func (r Reader) SessionsByAccess(ctx context.Context, hashes [][]byte) (map[string]*belay.ClientSession, error) {
	out := make(map[string]*belay.ClientSession, len(hashes))
	if len(hashes) == 0 {
		return out, nil
	}
	among, args := amongHashes(hashes)
	found, err := all(ctx, r, scanClientSession, "select "+clientSessionColumns+clientSessionFrom+"where k.access_hash"+among, args...)
	for _, c := range found {
		out[string(c.AccessHash)] = c
	}
	return out, err
}

// SessionByFamily returns the client's session whose refresh tokens are of the
// family with this hash; nil when there is none.
func (r Reader) SessionByFamily(ctx context.Context, hash []byte) (*belay.ClientSession, error) {
	return r.clientSession(ctx, "where k.family_hash = $1", hash)
}

// CreateClientSession stores a new session of a client.
func (t *Tx) CreateClientSession(ctx context.Context, c *belay.ClientSession) error {
	if err := t.CreateSession(ctx, c.Session); err != nil {
		return err
	}
	return t.exec(ctx, `
		insert into session_tokens (session_id, access_hash, access_expires_at, family_hash, refresh_hash)
		values ($1, $2, $3, $4, $5)`,
		c.ID, c.AccessHash, micros(c.AccessExpiresAt), c.FamilyHash, c.RefreshHash)
}

// RefreshSession gives a client's session the tokens, the end and the time of
// its last use that c has, if its refresh token is still the one with the
// former hash; else it is CodeConflict.
func (t *Tx) RefreshSession(ctx context.Context, c *belay.ClientSession, former []byte) error {
	err := t.exec(ctx, `
		update session_tokens set access_hash = $2, access_expires_at = $3, refresh_hash = $4
		where session_id = $1 and refresh_hash = $5`,
		c.ID, c.AccessHash, micros(c.AccessExpiresAt), c.RefreshHash, former)
	if errors.Is(err, errNoRow) {
		return belay.Errorf(belay.CodeConflict, "the refresh token was used before")
	}
	if err != nil {
		return err
	}
	return t.exec(ctx, "update sessions set expires_at = $2, last_used_at = $3 where id = $1", c.ID, micros(c.ExpiresAt), micros(c.LastUsedAt))
}

// CreateAuthorizationCode stores a new code.
func (t *Tx) CreateAuthorizationCode(ctx context.Context, c *belay.AuthorizationCode) error {
	return t.exec(ctx, `
		insert into authorization_codes (hash, session_id, user_id, client, redirect_uri, challenge, host, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		c.Hash, c.SessionID, c.UserID, c.Client, c.RedirectURI, c.Challenge, c.Host, micros(c.ExpiresAt))
}

// AuthorizationCode returns the code with this hash, whether or not it is
// still valid; nil when there is none.
func (r Reader) AuthorizationCode(ctx context.Context, hash []byte) (*belay.AuthorizationCode, error) {
	c, err := one(ctx, r, func(r row) (*belay.AuthorizationCode, error) {
		var c belay.AuthorizationCode
		err := r.Scan(&c.Hash, &c.SessionID, &c.UserID, &c.Client, &c.RedirectURI, &c.Challenge, &c.Host, &c.IssuedID, stamp{&c.ExpiresAt})
		return &c, err
	}, "select hash, session_id, user_id, client, redirect_uri, challenge, host, issued_id, expires_at from authorization_codes where hash = $1", hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return c, err
}

// UseAuthorizationCode records the session that a code is exchanged for. One
// that was exchanged before is CodeConflict.
func (t *Tx) UseAuthorizationCode(ctx context.Context, hash []byte, issued belay.ID) error {
	err := t.exec(ctx, "update authorization_codes set issued_id = $2 where hash = $1 and issued_id = ''", hash, issued)
	if errors.Is(err, errNoRow) {
		return belay.Errorf(belay.CodeConflict, "the code was used before")
	}
	return err
}

// CreateDeviceRequest stores a new request.
func (t *Tx) CreateDeviceRequest(ctx context.Context, d *belay.DeviceRequest) error {
	return t.exec(ctx, `
		insert into device_requests (hash, user_code, client, host, remote_addr, pause, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.Hash, d.UserCode, d.Client, d.Host, d.RemoteAddr, d.Pause.Microseconds(), micros(d.CreatedAt), micros(d.ExpiresAt))
}

const deviceRequestColumns = `hash, user_code, client, host, remote_addr, coalesce(session_id, ''), user_id, answer, pause, polled_at, created_at, expires_at`

func (r Reader) deviceRequest(ctx context.Context, where string, hash []byte) (*belay.DeviceRequest, error) {
	d, err := one(ctx, r, func(r row) (*belay.DeviceRequest, error) {
		var d belay.DeviceRequest
		var pause int64
		err := r.Scan(&d.Hash, &d.UserCode, &d.Client, &d.Host, &d.RemoteAddr, &d.SessionID, &d.UserID, &d.Answer, &pause,
			stamp{&d.PolledAt}, stamp{&d.CreatedAt}, stamp{&d.ExpiresAt})
		d.Pause = time.Duration(pause) * time.Microsecond
		return &d, err
	}, "select "+deviceRequestColumns+" from device_requests where "+where, hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return d, err
}

// DeviceRequest returns the request whose device code has this hash, whether
// or not it is still valid; nil when there is none.
func (r Reader) DeviceRequest(ctx context.Context, hash []byte) (*belay.DeviceRequest, error) {
	return r.deviceRequest(ctx, "hash = $1", hash)
}

// DeviceRequestByUserCode is DeviceRequest by the keyed hash of what the user
// types.
func (r Reader) DeviceRequestByUserCode(ctx context.Context, userCode []byte) (*belay.DeviceRequest, error) {
	return r.deviceRequest(ctx, "user_code = $1", userCode)
}

// AnswerDeviceRequest records what a user has answered in a session. One that
// was answered before is CodeConflict.
func (t *Tx) AnswerDeviceRequest(ctx context.Context, d *belay.DeviceRequest) error {
	err := t.exec(ctx, "update device_requests set session_id = $2, user_id = $3, answer = $4 where hash = $1 and answer = ''",
		d.Hash, d.SessionID, d.UserID, string(d.Answer))
	if errors.Is(err, errNoRow) {
		return belay.Errorf(belay.CodeConflict, "this was answered before")
	}
	return err
}

// PollDeviceRequest records when a client asked whether its request was
// answered, and how long it must wait until it asks again.
func (t *Tx) PollDeviceRequest(ctx context.Context, hash []byte, at time.Time, pause time.Duration) error {
	_, err := t.execAny(ctx, "update device_requests set polled_at = $2, pause = $3 where hash = $1", hash, micros(at), pause.Microseconds())
	return err
}

// EndDeviceRequest removes a request that has been exchanged for a session or
// was denied; CodeNotFound for one that is gone.
func (t *Tx) EndDeviceRequest(ctx context.Context, hash []byte) error {
	return notFound(t.exec(ctx, "delete from device_requests where hash = $1", hash), "device code")
}
