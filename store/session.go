package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

const sessionColumns = `s.id, s.user_id, s.hash, s.user_agent, s.remote_addr, s.created_at, s.last_used_at, s.expires_at, s.client,
	coalesce(s.parent_id, ''), s.provider_session, s.refresh_at`

func scanSession(r row) (*belay.Session, error) {
	var s belay.Session
	return &s, r.Scan(intoSession(&s)...)
}

// intoSession is where sessionColumns go.
func intoSession(s *belay.Session) []any {
	return []any{
		&s.ID, &s.UserID, &s.Hash, &s.UserAgent, &s.RemoteAddr,
		stamp{&s.CreatedAt},
		stamp{&s.LastUsedAt},
		stamp{&s.ExpiresAt},
		&s.Client,
		&s.ParentID, &s.ProviderSession,
		stamp{&s.RefreshAt},
	}
}

var sessions = list[*belay.Session]{
	columns: sessionColumns,
	from:    "sessions s",
	id:      "s.id",
	natural: belay.Order{Column: "createdAt", Descending: true},
	orders:  map[string]sortKey{"createdAt": {column: "s.created_at", number: true}},
	scan:    scanSession,
}

// SessionByHash returns the session with this hash, whether or not it is
// still valid; nil when there is none.
func (r Reader) SessionByHash(ctx context.Context, hash []byte) (*belay.Session, error) {
	s, err := one(ctx, r, scanSession, "select "+sessionColumns+" from sessions s where s.hash = $1", hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return s, err
}

// SessionsByHash is SessionByHash for many, in one statement; the sessions
// are by their hashes.
func (r Reader) SessionsByHash(ctx context.Context, hashes [][]byte) (map[string]*belay.Session, error) {
	out := make(map[string]*belay.Session, len(hashes))
	if len(hashes) == 0 {
		return out, nil
	}
	among, args := amongHashes(hashes)
	found, err := all(ctx, r, scanSession, "select "+sessionColumns+" from sessions s where s.hash"+among, args...)
	for _, s := range found {
		out[string(s.Hash)] = s
	}
	return out, err
}

// SessionOf returns a session of a user, whether or not it is still valid;
// nil when there is none.
func (r Reader) SessionOf(ctx context.Context, user, id belay.ID) (*belay.Session, error) {
	s, err := one(ctx, r, scanSession, "select "+sessionColumns+" from sessions s where s.id = $1 and s.user_id = $2", id, user)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return s, err
}

// Sessions lists the sessions of a user that end after now and, where they are
// a browser's, were used since idle; the newest first.
func (r Reader) Sessions(ctx context.Context, user belay.ID, now, idle time.Time, q belay.Query) (belay.Page[*belay.Session], error) {
	var cond condition
	cond.add("s.user_id = ?", user)
	cond.add("s.expires_at > ?", micros(now))
	cond.add("(s.last_used_at >= ? or s.client <> '')", micros(idle))
	return sessions.counted(ctx, r, &cond, &cond, q)
}

// CreateSession stores a new session.
func (t *Tx) CreateSession(ctx context.Context, s *belay.Session) error {
	return t.exec(ctx, `
		insert into sessions (id, user_id, hash, user_agent, remote_addr, created_at, last_used_at, expires_at, client, provider_session, parent_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''))`,
		s.ID, s.UserID, s.Hash, s.UserAgent, s.RemoteAddr, micros(s.CreatedAt), micros(s.LastUsedAt), micros(s.ExpiresAt), s.Client,
		s.ProviderSession, s.ParentID)
}

// HoldUser waits for who begins and ends sessions of a user, and lets others
// wait until the transaction ends: what it reads of how he signs in stays so.
func (t *Tx) HoldUser(ctx context.Context, user belay.ID) error {
	if !t.postgres {
		return nil // there is one writer
	}
	_, err := t.execAny(ctx, "select 1 from users where id = $1 for no key update", user)
	return err
}

// SessionUsed records when a session was last used.
func (t *Tx) SessionUsed(ctx context.Context, id belay.ID, at time.Time) error {
	_, err := t.execAny(ctx, "update sessions set last_used_at = $2 where id = $1", id, micros(at))
	return err
}

// DeleteSession ends a session of a user.
func (t *Tx) DeleteSession(ctx context.Context, user, id belay.ID) error {
	return notFound(t.exec(ctx, "delete from sessions where user_id = $1 and id = $2", user, id), "session")
}

// DeleteOtherSessions ends all sessions of a user but one, and returns how
// many those were; "" keeps none.
func (t *Tx) DeleteOtherSessions(ctx context.Context, user, keep belay.ID) (int, error) {
	if err := t.HoldUser(ctx, user); err != nil {
		return 0, err
	}
	n, err := t.execAny(ctx, "delete from sessions where user_id = $1 and id <> $2", user, keep)
	return int(n), err
}
