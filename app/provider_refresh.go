package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"belay"
	"belay/store"
)

// Times of asking a provider again.
const (
	refreshSoonest = 5 * time.Second  // after the last time
	refreshLatest  = time.Hour        // however long the provider vouches for what it said
	refreshRetry   = time.Minute      // after it did not answer
	refreshTime    = 30 * time.Second // that it may take
	refreshWait    = 3 * time.Second  // that a request waits for it
	refreshStop    = 5 * time.Second  // that it may go on when the server stops
)

const sealedRefresh = "refresh token"

// refreshAt is when the provider is asked again.
func (e entry) refreshAt() time.Time {
	at := e.ExpiresAt.UTC().Truncate(time.Microsecond)
	if soonest := e.now.Add(refreshSoonest); at.Before(soonest) {
		return soonest
	}
	if latest := e.now.Add(refreshLatest); at.After(latest) {
		return latest
	}
	return at
}

// keepRefresh stores what is needed to ask again, sealed for this session.
func (e entry) keepRefresh(ctx context.Context, tx *store.Tx, session belay.ID) error {
	if e.RefreshToken.IsZero() {
		return nil
	}
	sealed, err := e.keyring.SealBytes(e.RefreshToken, sealedRefresh, string(session))
	if err != nil {
		return err
	}
	return tx.KeepRefresh(ctx, session, sealed, e.refreshAt())
}

// refreshed is a session after its provider was asked again, if it was time
// to. Who waits too long for that goes on as he is.
func (g *Gate) refreshed(ctx context.Context, s *belay.Session, now time.Time) (*belay.Session, error) {
	if s.RefreshAt.IsZero() || now.Before(s.RefreshAt) {
		return s, nil
	}
	if !g.refreshes.wait(ctx, s.ID, func(ctx context.Context) { g.refresh(ctx, s) }) {
		return s, nil
	}
	s, err := g.store.SessionByHash(ctx, s.Hash)
	if err != nil {
		return nil, err
	}
	return s, g.lives.sessionEnded(s, now)
}

// refresh asks the provider of a session again, unless somebody else does.
func (g *Gate) refresh(ctx context.Context, s *belay.Session) {
	if err := g.askAgain(ctx, s); err != nil {
		g.log.WarnContext(ctx, "a provider was not asked again for a user", "session", s.ID, "error", err)
	}
}

func (g *Gate) askAgain(ctx context.Context, s *belay.Session) error {
	u, err := g.store.User(ctx, s.UserID)
	if err != nil {
		return err
	}
	p, ok := g.providers[u.Provider].(Redirector)
	if !ok {
		return nil // nobody of that provider is let in
	}
	var sealed []byte
	now := g.now()
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		sealed, err = tx.ClaimRefresh(ctx, s.ID, now, now.Add(refreshTime))
		return err
	})
	if err != nil || sealed == nil {
		return err
	}
	token, err := g.keyring.OpenBytes(sealed, sealedRefresh, string(s.ID))
	if err != nil {
		return errors.Join(err, g.endRefused(ctx, s))
	}
	id, err := p.Refresh(ctx, token, u.Subject)
	if err == nil {
		err = g.followAgain(ctx, s, u.Provider, id)
	}
	switch belay.CodeOf(err) {
	case "":
		return nil
	case belay.CodeUnauthenticated, belay.CodeForbidden:
		return errors.Join(err, g.endRefused(ctx, s))
	default:
		return errors.Join(err, g.putOff(ctx, s, now.Add(refreshRetry)))
	}
}

// followAgain makes the user of a session what his provider says now. It
// lets nobody in again whom an administrator has removed.
func (g *Gate) followAgain(ctx context.Context, s *belay.Session, key string, id *Identity) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshStop) // the token of before is spent
	defer cancel()
	e := entry{Gate: g, key: key, Identity: id, now: g.now()}
	err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.keepRefresh(ctx, tx, s.ID); err != nil {
			return err
		}
		u, err := tx.UserBySubject(ctx, key, id.Subject)
		if err != nil {
			return err
		}
		if u.Issuer != id.Issuer {
			return e.otherIssuer(u)
		}
		return e.follow(ctx, tx, u)
	})
	g.ForgetUser(s.UserID)
	if isNotFound(err) {
		return nil // it has ended meanwhile
	}
	return err
}

// endRefused ends a session that the provider does not vouch for any more.
func (g *Gate) endRefused(ctx context.Context, s *belay.Session) error {
	defer g.forgetSession(s.ID)
	err := g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, s.UserID, s.ID) })
	if isNotFound(err) {
		return nil
	}
	return err
}

// putOff tries again later, whatever has ended meanwhile.
func (g *Gate) putOff(ctx context.Context, s *belay.Session, at time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshStop)
	defer cancel()
	return g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.PutOffRefresh(ctx, s.ID, at) })
}

// refreshes are those under way on this server, at most one for a session.
// They go on when who waits for one leaves: the provider takes a refresh
// token once, and the next must not be lost.
type refreshes struct {
	all  context.Context //nolint:containedctx // of the goroutines that this owns
	stop context.CancelFunc
	wg   *sync.WaitGroup
	mu   *sync.Mutex
	by   map[belay.ID]*underWay // by session
}

// underWay is one refresh.
type underWay struct {
	ended    chan struct{}
	patience <-chan struct{} // closed when nobody waits for it any more
}

func newRefreshes() refreshes {
	all, stop := context.WithCancel(context.Background())
	return refreshes{all: all, stop: stop, wg: &sync.WaitGroup{}, mu: &sync.Mutex{}, by: map[belay.ID]*underWay{}}
}

// wait waits for the refresh of a session, which it begins unless it is under
// way, and tells whether that has ended.
func (r refreshes) wait(ctx context.Context, session belay.ID, do func(context.Context)) bool {
	u := r.begin(session, do)
	if u == nil {
		return false
	}
	select {
	case <-u.ended:
		return true
	case <-u.patience:
	case <-ctx.Done():
	}
	return false
}

// begin returns the refresh under way, or a new one; nil when the server
// stops.
func (r refreshes) begin(session belay.ID, do func(context.Context)) *underWay {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.by[session]; u != nil || r.all.Err() != nil {
		return u
	}
	waiting, cancel := context.WithTimeout(r.all, refreshWait)
	u := &underWay{ended: make(chan struct{}), patience: waiting.Done()}
	r.by[session] = u
	r.wg.Go(func() {
		defer cancel()
		ctx, end := context.WithTimeout(r.all, refreshTime)
		defer end()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.by, session)
			close(u.ended)
		}()
		do(ctx)
	})
	return u
}

// Close lets what asks a provider end, for a few seconds, and waits for it.
// Nothing may call the Gate any more.
func (g *Gate) Close() {
	defer time.AfterFunc(refreshStop, g.refreshes.stop).Stop()
	g.refreshes.wg.Wait()
	g.refreshes.stop()
}
