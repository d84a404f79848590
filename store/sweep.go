package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay"
)

// Due says what Sweep removes: of each sort, what is older than a time.
type Due struct {
	Deleted  time.Time // what was deleted before
	Checks   time.Time // checks that began before, save the last of each connection and the one of its health
	Requests time.Time // what is remembered of requests since before
	Ended    time.Time // sessions, sign-in links, and codes and requests of clients, that ended before
	Tokens   time.Time // tokens that expired or were revoked before
	Attempts time.Time // counts of attempts to sign in, the last of which was before
}

// Swept is how many rows of each sort were removed.
type Swept struct {
	Objects  int64 // and the checks that hung on them
	Checks   int64
	Requests int64
	Sessions int64
	Links    int64
	Tokens   int64
	Attempts int64
}

// sweepBatch bounds what one transaction of Sweep removes of what nothing
// hangs on.
const sweepBatch = 500

// sweepLock is the key of the advisory lock that the one replica holds which
// sweeps, for as long as a transaction.
const sweepLock = 8101735105

// remove removes a batch of something and tells how many rows it has removed.
type remove func(ctx context.Context, t *Tx) (int64, error)

// Sweep removes for good what is past its time, in many small transactions,
// so that no other write waits long, until nothing is left or ctx ends. While
// another replica is at it, Sweep leaves the work to that one.
func (s *Store) Sweep(ctx context.Context, d Due) (swept Swept, err error) {
	for _, step := range []struct {
		removed *int64
		remove  remove
	}{
		{&swept.Objects, func(ctx context.Context, t *Tx) (int64, error) { return t.Purge(ctx, d.Deleted) }},
		{&swept.Requests, oldRows("idempotency_keys", "user_id, key", "created_at < $1", d.Requests)},
		{&swept.Sessions, oldRows("sessions", "id", "expires_at < $1", d.Ended)},
		{&swept.Links, oldRows("sign_in_links", "hash", "expires_at < $1", d.Ended)},
		{&swept.Links, oldRows("authorization_codes", "hash", "expires_at < $1", d.Ended)},
		{&swept.Links, oldRows("device_requests", "hash", "expires_at < $1", d.Ended)},
		{&swept.Tokens, oldRows("tokens", "id", "expires_at > 0 and expires_at < $1", d.Tokens)},
		{&swept.Tokens, oldRows("tokens", "id", "revoked_at > 0 and revoked_at < $1", d.Tokens)},
		{&swept.Attempts, oldRows("sign_in_attempts", "key", "last_at < $1", d.Attempts)},
	} {
		for {
			n, alone, err := s.removeAlone(ctx, step.remove)
			if err != nil || !alone {
				return swept, err
			}
			if n == 0 {
				break
			}
			*step.removed += n
		}
	}
	swept.Checks, err = s.sweepChecks(ctx, d.Checks)
	return swept, err
}

// removeAlone removes a batch, unless another replica sweeps.
func (s *Store) removeAlone(ctx context.Context, r remove) (n int64, alone bool, err error) {
	err = s.Write(ctx, func(ctx context.Context, t *Tx) error {
		if alone, err = t.alone(ctx); err != nil || !alone {
			return err
		}
		n, err = r(ctx, t)
		return err
	})
	return n, alone, err
}

// alone tells whether no other replica sweeps, and keeps it so until the
// transaction ends. SQLite has no replicas.
func (t *Tx) alone(ctx context.Context) (bool, error) {
	if !t.postgres {
		return true, nil
	}
	var alone bool
	err := t.db.QueryRowContext(ctx, "select pg_try_advisory_xact_lock($1)", sweepLock).Scan(&alone)
	if err != nil {
		return false, fmt.Errorf("ask who sweeps: %w", translate(err))
	}
	return alone, nil
}

// oldRows removes a batch of rows that are older than a time, found by an
// index on the column that says so.
func oldRows(table, key, old string, before time.Time) remove {
	return func(ctx context.Context, t *Tx) (int64, error) {
		return t.execAny(ctx, fmt.Sprintf("delete from %[1]s where (%[2]s) in (select %[2]s from %[1]s where %[3]s limit %[4]d)",
			table, key, old, sweepBatch), micros(before))
	}
}

// oldCheck is a check that is past its time, and whether it stays: it is the
// last one of its connection, or what the connection's health says is from it.
type oldCheck struct {
	started int64
	id      belay.ID
	stays   bool
}

// sweepChecks removes the checks that began before a time, save those that
// stay. They are looked for
// outside of the transactions, each once, so that those that stay keep no
// writer waiting.
func (s *Store) sweepChecks(ctx context.Context, before time.Time) (removed int64, err error) {
	var at oldCheck
	for {
		found, err := s.oldChecks(ctx, before, at)
		if err != nil || len(found) == 0 {
			return removed, err
		}
		at = found[len(found)-1]
		found = slices.DeleteFunc(found, func(c oldCheck) bool { return c.stays })
		if len(found) == 0 {
			continue
		}
		var due condition
		ids := make([]string, len(found))
		for i, c := range found {
			ids[i] = string(c.id)
		}
		due.in("id", ids)
		n, alone, err := s.removeAlone(ctx, func(ctx context.Context, t *Tx) (int64, error) {
			return t.execAny(ctx, "delete from checks"+due.where(), due.args...)
		})
		if err != nil || !alone {
			return removed, err
		}
		removed += n
	}
}

// oldChecks reads a batch of checks that began before a time, in the order
// of their beginning, behind one.
func (r Reader) oldChecks(ctx context.Context, before time.Time, after oldCheck) ([]oldCheck, error) {
	return all(ctx, r, func(r row) (oldCheck, error) {
		var c oldCheck
		err := r.Scan(&c.started, &c.id, &c.stays)
		return c, err
	}, fmt.Sprintf(`
		select h.started_at, h.id, not exists (select 1 from checks n
			where n.connection_id = h.connection_id and (n.started_at, n.id) > (h.started_at, h.id))
			or exists (select 1 from connections c where c.id = h.connection_id and c.health_check_id = h.id)
		from checks h where (h.started_at, h.id) > ($1, $2) and h.started_at < $3
		order by h.started_at, h.id limit %d`, sweepBatch), after.started, after.id, micros(before))
}
