package store

import (
	"context"
	"errors"
	"time"
)

// HeldUntil is until when no attempt to sign in is taken that is counted
// under a key; zero when none was held.
func (r Reader) HeldUntil(ctx context.Context, key []byte) (time.Time, error) {
	until, err := one(ctx, r, scanStamp, "select held_until from sign_in_attempts where key = $1", key)
	if errors.Is(err, errNoRow) {
		return time.Time{}, nil
	}
	return until, err
}

// CountAttempt counts an attempt to sign in under a key before it is made, so
// that of many at once none goes uncounted, and holds those that follow for
// as long as hold says of how many there were. Attempts before since are
// forgotten. Where the key is held, nothing is counted and the end of that is
// returned.
func (t *Tx) CountAttempt(ctx context.Context, key []byte, now, since time.Time, hold func(n int64) time.Duration) (heldUntil time.Time, err error) {
	n, err := one(ctx, t.Reader, scanNumber, `
		insert into sign_in_attempts as a (key, count, last_at, held_until) values ($1, 1, $2, 0)
		on conflict (key) do update set
			count = case when a.last_at < $3 then 1 else a.count + 1 end, last_at = excluded.last_at
			where a.held_until <= excluded.last_at
		returning count`, key, micros(now), micros(since))
	if errors.Is(err, errNoRow) {
		return t.HeldUntil(ctx, key)
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Time{}, t.exec(ctx, "update sign_in_attempts set held_until = $2 where key = $1", key, micros(now.Add(hold(n))))
}

// ClearAttempts forgets the attempts that were counted under a key.
func (t *Tx) ClearAttempts(ctx context.Context, key []byte) error {
	_, err := t.execAny(ctx, "delete from sign_in_attempts where key = $1", key)
	return err
}

// UncountAttempt takes back the attempt that was counted last, which went
// well, with what it held.
func (t *Tx) UncountAttempt(ctx context.Context, key []byte) error {
	_, err := t.execAny(ctx, "update sign_in_attempts set count = count - 1, held_until = 0 where key = $1 and count > 0", key)
	return err
}

func scanStamp(r row) (time.Time, error) {
	var at time.Time
	err := r.Scan(stamp{&at})
	return at, err
}

func scanNumber(r row) (int64, error) {
	var n int64
	err := r.Scan(&n)
	return n, err
}
