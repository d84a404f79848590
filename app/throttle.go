package app

import (
	"context"
	"time"

	"belay"
	"belay/secret"
	"belay/store"
)

// attemptsLife is after how long without a further one attempts to sign in
// are forgotten.
const attemptsLife = 24 * time.Hour

// limit is how often something may be tried before it is held: a second after
// so many, twice as long after each that follows, up to a bound. Nothing is
// ever held for good: that would let anybody shut anybody out.
type limit struct {
	free  int64
	bound time.Duration
}

// The limits of attempts at passwords.
var (
	perPair    = limit{free: 5, bound: 15 * time.Minute} // one account from one address
	perAccount = limit{free: 20, bound: time.Minute}     // one account from everywhere
	perAddress = limit{free: 40, bound: time.Minute}     // one address at all accounts: many people may share it
)

// hold is how long the next attempt is held after n.
func (l limit) hold(n int64) time.Duration {
	if n < l.free {
		return 0
	}
	d := time.Second
	for i := l.free; i < n && d < l.bound; i++ {
		d *= 2
	}
	return min(d, l.bound)
}

// counter is one thing for which attempts are counted. The key is a keyed
// hash: what people type for their address may be a password.
type counter struct {
	key []byte
	limit
	shared bool // with attempts at other accounts: one that goes well does not clear it
}

// throttle counts attempts at passwords in the database, so that all replicas
// count together and a restart forgives nothing.
type throttle struct {
	store   *store.Store
	keyring *secret.Keyring
	now     func() time.Time
}

func (t throttle) counter(l limit, shared bool, parts ...string) counter {
	bytes := make([][]byte, len(parts))
	for i, p := range parts {
		bytes[i] = []byte(p)
	}
	return counter{key: t.keyring.Digest("sign-in attempts", bytes...), limit: l, shared: shared}
}

// signIn is what an attempt to sign in is counted for. Who signs in from
// where he is known is counted by himself: others who try his account
// elsewhere, or other accounts from there, do not keep him out.
func (t throttle) signIn(email, addr string, known bool) []counter {
	account := store.Fold(email)
	pair := t.counter(perPair, false, "pair", account, addr)
	if known {
		return []counter{pair}
	}
	return []counter{pair, t.counter(perAccount, false, "account", account), t.counter(perAddress, true, "address", addr)}
}

// take counts an attempt before it is made, and refuses it with
// CodeRateLimited where any of the counters is held.
func (t throttle) take(ctx context.Context, counters []counter) error {
	now := t.now()
	for _, c := range counters { // without a write, so that a flood costs little
		until, err := t.store.HeldUntil(ctx, c.key)
		if err != nil {
			return err
		}
		if now.Before(until) {
			return held(until.Sub(now))
		}
	}
	return t.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, c := range counters {
			until, err := tx.CountAttempt(ctx, c.key, now, now.Add(-attemptsLife), c.hold)
			if err != nil {
				return err
			}
			if !until.IsZero() {
				return held(until.Sub(now))
			}
		}
		return nil
	})
}

// held says the same whatever is held.
func held(d time.Duration) error {
	return &belay.Error{
		Code: belay.CodeRateLimited, RetryAfter: max(d, time.Second),
		Message: "there were too many attempts to sign in; wait a moment, and try again",
	}
}

// succeeded forgets what an attempt that went well, and the ones before it,
// have counted.
func succeeded(ctx context.Context, tx *store.Tx, counters []counter) error {
	for _, c := range counters {
		clearKey := tx.ClearAttempts
		if c.shared {
			clearKey = tx.UncountAttempt
		}
		if err := clearKey(ctx, c.key); err != nil {
			return err
		}
	}
	return nil
}

// undo takes back an attempt that was not made after all.
func (t throttle) undo(ctx context.Context, counters []counter) error {
	return t.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		for _, c := range counters {
			if err := tx.UncountAttempt(ctx, c.key); err != nil {
				return err
			}
		}
		return nil
	})
}
