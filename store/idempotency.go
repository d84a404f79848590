package store

import (
	"context"
	"errors"
	"time"

	"belay"
)

// Idempotency is what is remembered of a request with an Idempotency-Key.
type Idempotency struct {
	UserID    belay.ID
	Key       string
	CreatedAt time.Time // tells it from others with the key, before and after it
	Request   []byte    // hash over method, path and body
	ObjectID  belay.ID  // what the request created
	// Answer is what was answered to a request that created more than one
	// object; empty while it is under way, and where ObjectID says it all.
	Answer []byte
}

// Idempotency returns what is remembered of a request, nil when there is
// nothing, or nothing since after.
func (r Reader) Idempotency(ctx context.Context, user belay.ID, key string, after time.Time) (*Idempotency, error) {
	i, err := one(ctx, r, func(r row) (*Idempotency, error) {
		i := Idempotency{UserID: user, Key: key}
		err := r.Scan(&i.Request, &i.ObjectID, &i.Answer, stamp{&i.CreatedAt})
		if len(i.Answer) == 0 {
			i.Answer = nil
		}
		return &i, err
	}, "select request, object_id, answer, created_at from idempotency_keys where user_id = $1 and key = $2 and created_at > $3", user, key, micros(after))
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return i, err
}

// RememberRequest stores what a request with an Idempotency-Key did, or that
// it is under way. Another request with that key is a conflict: one that has
// ended since ended, or one that is under way since begun.
func (t *Tx) RememberRequest(ctx context.Context, i *Idempotency, ended, begun time.Time) error {
	_, err := t.execAny(ctx, `
		delete from idempotency_keys where user_id = $1 and key = $2
		and (created_at <= $3 or created_at <= $4 and object_id = '' and length(answer) = 0)`, i.UserID, i.Key, micros(ended), micros(begun))
	if err != nil {
		return err
	}
	return t.exec(ctx, `
		insert into idempotency_keys (user_id, key, request, object_id, answer, created_at) values ($1, $2, $3, $4, $5, $6)`,
		i.UserID, i.Key, i.Request, i.ObjectID, notNull(i.Answer), micros(i.CreatedAt))
}

// AnswerRequest stores the answer to a request, if that is remembered still.
func (t *Tx) AnswerRequest(ctx context.Context, i *Idempotency) error {
	_, err := t.execAny(ctx, "update idempotency_keys set answer = $4 where user_id = $1 and key = $2 and created_at = $3", i.UserID, i.Key, micros(i.CreatedAt), notNull(i.Answer))
	return err
}

// ForgetRequest lets the key of a request be used anew.
func (t *Tx) ForgetRequest(ctx context.Context, i *Idempotency) error {
	_, err := t.execAny(ctx, "delete from idempotency_keys where user_id = $1 and key = $2 and created_at = $3", i.UserID, i.Key, micros(i.CreatedAt))
	return err
}

func notNull(b []byte) []byte { return append([]byte{}, b...) }
