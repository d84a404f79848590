package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

const tokenColumns = `id, user_id, organization_id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, last_used_from, revoked_at`

func scanToken(r row) (*belay.Token, error) {
	var t belay.Token
	err := r.Scan(&t.ID, &t.UserID, &t.OrganizationID, &t.Name, &t.Prefix, &t.Hash, jsonText{&t.Scopes},
		stamp{&t.CreatedAt}, stamp{&t.ExpiresAt}, stamp{&t.LastUsedAt}, &t.LastUsedFrom, stamp{&t.RevokedAt})
	return &t, err
}

// TokenByHash returns the token with this hash, whether or not it is still
// valid; nil when there is none.
func (r Reader) TokenByHash(ctx context.Context, hash []byte) (*belay.Token, error) {
	t, err := one(ctx, r, scanToken, "select "+tokenColumns+" from tokens where hash = $1", hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return t, err
}

// TokenOf returns a token of a user, whether or not it is still valid; nil
// when there is none.
func (r Reader) TokenOf(ctx context.Context, user, id belay.ID) (*belay.Token, error) {
	t, err := one(ctx, r, scanToken, "select "+tokenColumns+" from tokens where id = $1 and user_id = $2", id, user)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return t, err
}

// CreateToken stores a new token.
func (t *Tx) CreateToken(ctx context.Context, k *belay.Token) error {
	return t.exec(ctx, "insert into tokens ("+tokenColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		k.ID, k.UserID, k.OrganizationID, k.Name, k.Prefix, k.Hash, jsonText{k.Scopes},
		micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.LastUsedAt), k.LastUsedFrom, micros(k.RevokedAt))
}

// TokenUsed records when and from where a token was last used.
func (t *Tx) TokenUsed(ctx context.Context, id belay.ID, at time.Time, from string) error {
	_, err := t.execAny(ctx, "update tokens set last_used_at = $2, last_used_from = $3 where id = $1", id, micros(at), from)
	return err
}

// RevokeToken makes a token invalid from now on.
func (t *Tx) RevokeToken(ctx context.Context, id belay.ID, now time.Time) error {
	return notFound(t.exec(ctx, "update tokens set revoked_at = $2 where id = $1 and revoked_at = 0", id, micros(now)), "token")
}

const sessionColumns = `id, user_id, hash, user_agent, remote_addr, created_at, last_used_at, expires_at`

func scanSession(r row) (*belay.Session, error) {
	var s belay.Session
	err := r.Scan(&s.ID, &s.UserID, &s.Hash, &s.UserAgent, &s.RemoteAddr,
		stamp{&s.CreatedAt}, stamp{&s.LastUsedAt}, stamp{&s.ExpiresAt})
	return &s, err
}

// SessionByHash returns the session with this hash, whether or not it is
// still valid; nil when there is none.
func (r Reader) SessionByHash(ctx context.Context, hash []byte) (*belay.Session, error) {
	s, err := one(ctx, r, scanSession, "select "+sessionColumns+" from sessions where hash = $1", hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return s, err
}

// SessionOf returns a session of a user, whether or not it is still valid;
// nil when there is none.
func (r Reader) SessionOf(ctx context.Context, user, id belay.ID) (*belay.Session, error) {
	s, err := one(ctx, r, scanSession, "select "+sessionColumns+" from sessions where id = $1 and user_id = $2", id, user)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return s, err
}

// CreateSession stores a new session.
func (t *Tx) CreateSession(ctx context.Context, s *belay.Session) error {
	return t.exec(ctx, "insert into sessions ("+sessionColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8)",
		s.ID, s.UserID, s.Hash, s.UserAgent, s.RemoteAddr, micros(s.CreatedAt), micros(s.LastUsedAt), micros(s.ExpiresAt))
}

// DeleteSession ends a session of a user.
func (t *Tx) DeleteSession(ctx context.Context, user, id belay.ID) error {
	return notFound(t.exec(ctx, "delete from sessions where user_id = $1 and id = $2", user, id), "session")
}

// CreateSignInLink stores the hash of a link that signs a user in once.
func (t *Tx) CreateSignInLink(ctx context.Context, hash []byte, user belay.ID, now, expires time.Time) error {
	return t.exec(ctx, "insert into sign_in_links (hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)",
		hash, user, micros(now), micros(expires))
}

// UseSignInLink spends a link and returns whom it signs in.
func (t *Tx) UseSignInLink(ctx context.Context, hash []byte, now time.Time) (belay.ID, error) {
	id, err := one(ctx, t.Reader, scanID, "delete from sign_in_links where hash = $1 and expires_at > $2 returning user_id", hash, micros(now))
	return id, notFound(err, "sign-in link")
}

// SessionUsed records when a session was last used.
func (t *Tx) SessionUsed(ctx context.Context, id belay.ID, at time.Time) error {
	_, err := t.execAny(ctx, "update sessions set last_used_at = $2 where id = $1", id, micros(at))
	return err
}
