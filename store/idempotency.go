package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

// Idempotency is what is remembered of a request with an Idempotency-Key.
type Idempotency struct {
	UserID   belay.ID
	Key      string
	Request  []byte   // hash over method, path and body
	ObjectID belay.ID // what the request created
	// Answer is what was answered to a request that created more than one
	// object; empty while it is under way, and where ObjectID says it all.
	Answer []byte
}

// Idempotency returns what is remembered of a request, nil when there is
// nothing, or nothing since after.
func (r Reader) Idempotency(ctx context.Context, user belay.ID, key string, after time.Time) (*Idempotency, error) {
	i, err := one(ctx, r, func(r row) (*Idempotency, error) {
		i := Idempotency{UserID: user, Key: key}
		err := r.Scan(&i.Request, &i.ObjectID, &i.Answer)
		if len(i.Answer) == 0 {
			i.Answer = nil
		}
		return &i, err
	}, "select request, object_id, answer from idempotency_keys where user_id = $1 and key = $2 and created_at > $3", user, key, micros(after))
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return i, err
}

// RememberRequest stores what a request with an Idempotency-Key did; another
// request with that key since after is a conflict.
func (t *Tx) RememberRequest(ctx context.Context, i *Idempotency, now, after time.Time) error {
	_, err := t.execAny(ctx, "delete from idempotency_keys where user_id = $1 and key = $2 and created_at <= $3", i.UserID, i.Key, micros(after))
	if err != nil {
		return err
	}
	return t.exec(ctx, `
		insert into idempotency_keys (user_id, key, request, object_id, answer, created_at) values ($1, $2, $3, $4, $5, $6)`,
		i.UserID, i.Key, i.Request, i.ObjectID, notNull(i.Answer), micros(now))
}

// AnswerRequest stores the answer to a request that is remembered.
func (t *Tx) AnswerRequest(ctx context.Context, user belay.ID, key string, answer []byte) error {
	return t.exec(ctx, "update idempotency_keys set answer = $3 where user_id = $1 and key = $2", user, key, answer)
}

// ForgetRequest lets a key be used anew.
func (t *Tx) ForgetRequest(ctx context.Context, user belay.ID, key string) error {
	_, err := t.execAny(ctx, "delete from idempotency_keys where user_id = $1 and key = $2", user, key)
	return err
}

func notNull(b []byte) []byte { return append([]byte{}, b...) }
