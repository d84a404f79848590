package app

import (
	"bytes"
	"context"
	"time"

	"belay"
	"belay/store"
)

// idempotencyLife is how long a request with an Idempotency-Key is
// remembered.
const idempotencyLife = 24 * time.Hour

// Idempotency identifies a request that may be repeated without doing its
// work twice.
type Idempotency struct {
	Key     string // the client's, 1 to 255 visible ASCII characters
	Request []byte // a hash over what was asked for
}

type idempotencyKey struct{}

// WithIdempotency marks what is created with the context as repeatable.
func WithIdempotency(ctx context.Context, i Idempotency) context.Context {
	return context.WithValue(ctx, idempotencyKey{}, i)
}

// createOnce runs create in a transaction, unless the same request was
// carried out before: then it returns the id of what that created. It
// returns id otherwise. Of the same requests at once, one creates.
func (a *App) createOnce(ctx context.Context, c caller, id belay.ID, create func(context.Context, *store.Tx) error) (belay.ID, error) {
	key, ok := ctx.Value(idempotencyKey{}).(Idempotency)
	if !ok {
		return id, a.store.Write(ctx, create)
	}
	// A body may hold secrets: what is stored of it must not let one be
	// guessed.
	key.Request = a.keyring.Digest("request", []byte(c.org), key.Request)
	if before, err := a.createdBefore(ctx, c.UserID, key); before != "" || err != nil {
		return before, err
	}
	now := a.now()
	err := a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		err := tx.RememberRequest(ctx, &store.Idempotency{
			UserID: c.UserID, Key: key.Key, CreatedAt: now, Request: key.Request, ObjectID: id,
		}, now.Add(-idempotencyLife), now.Add(-answerLife))
		if err != nil {
			return err
		}
		return create(ctx, tx)
	})
	if belay.CodeOf(err) != belay.CodeConflict {
		return id, err
	}
	// The same request may have been faster since we looked.
	if before, lookErr := a.createdBefore(ctx, c.UserID, key); before != "" || lookErr != nil {
		return before, lookErr
	}
	return id, err
}

// createdBefore is the id of what a request with this key has created, ""
// when there was none.
func (a *App) createdBefore(ctx context.Context, user belay.ID, key Idempotency) (belay.ID, error) {
	before, err := a.remembered(ctx, user, key)
	if err != nil || before == nil {
		return "", err
	}
	return before.ObjectID, nil
}

// remembered is what is known of the request with this key, nil when there
// was none.
func (a *App) remembered(ctx context.Context, user belay.ID, key Idempotency) (*store.Idempotency, error) {
	before, err := a.store.Idempotency(ctx, user, key.Key, a.now().Add(-idempotencyLife))
	if err != nil || before == nil {
		return nil, err
	}
	if !bytes.Equal(before.Request, key.Request) {
		return nil, belay.Errorf(belay.CodeIdempotencyReused, "this Idempotency-Key was used for another request; use a new key for each request")
	}
	return before, nil
}

// answerLife is how long a request that is answered once may take. One that
// has not ended by then was cut off with its server, and may be repeated.
const answerLife = 10 * time.Minute

// answerOnce does work that is no single transaction, unless the same request
// was answered before: then it returns that answer. While the first is under
// way, the same request is a conflict. Work that fails may be repeated, and
// work whose answer is not to be kept.
func (a *App) answerOnce(ctx context.Context, c caller, work func() (answer []byte, keep bool, err error)) ([]byte, error) {
	key, ok := ctx.Value(idempotencyKey{}).(Idempotency)
	if !ok {
		answer, _, err := work()
		return answer, err
	}
	key.Request = a.keyring.Digest("request", []byte(c.org), key.Request)
	before, err := a.remembered(ctx, c.UserID, key)
	if err != nil || before != nil && before.Answer != nil {
		return answerOf(before), err
	}
	own := &store.Idempotency{UserID: c.UserID, Key: key.Key, CreatedAt: a.now(), Request: key.Request}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.RememberRequest(ctx, own, own.CreatedAt.Add(-idempotencyLife), own.CreatedAt.Add(-answerLife))
	})
	if err != nil {
		return nil, err
	}
	answer, keep, err := work()
	// Who has gone must find the answer when he asks again.
	kept := a.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		if err != nil || !keep {
			return tx.ForgetRequest(ctx, own)
		}
		own.Answer = answer
		return tx.AnswerRequest(ctx, own)
	})
	if err != nil {
		return nil, err
	}
	return answer, kept
}

func answerOf(i *store.Idempotency) []byte {
	if i == nil {
		return nil
	}
	return i.Answer
}
