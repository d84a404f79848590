package app

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// What keeps whoever guesses tokens from the database.
const (
	refusalLife    = 10 * time.Second // how long what was refused is refused without being looked up
	guessesAllowed = 20               // unknown tokens from one address, before its look-ups are gathered
	guessWindow    = time.Minute      // in which those are counted, and for how long it is gathered
	gatherPause    = 50 * time.Millisecond
	gatherSize     = 1024 // hashes in one statement
	gatherTimeout  = 10 * time.Second
	guessersLimit  = 10_000 // addresses in memory
)

// guessers are the addresses from which unknown tokens came lately.
type guessers struct {
	mu sync.Mutex
	by map[string]guesses
}

type guesses struct {
	n     int
	until time.Time // when they are forgotten
}

// many tells whether more unknown tokens came from an address than happens
// by mistake.
func (g *guessers) many(address string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.by[network(address)]
	return was.n > guessesAllowed && now.Before(was.until)
}

// add counts an unknown token.
func (g *guessers) add(address string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	address = network(address)
	was := g.by[address]
	if !now.Before(was.until) {
		was = guesses{until: now.Add(guessWindow)}
	}
	was.n++
	if was.n > guessesAllowed {
		was.until = now.Add(guessWindow)
	}
	if g.by == nil || len(g.by) >= guessersLimit {
		g.by = map[string]guesses{}
	}
	g.by[address] = was
}

// network is what one sender can have many addresses of: of IPv6 all with the
// same 64 bits at the beginning.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// gatherer looks many hashes up with few statements: whoever comes while one
// waits for its turn is looked up along with it, and there is one a pause. So
// nobody is refused, or waits long, however many others ask.
type gatherer[T any] struct {
	find  func(ctx context.Context, hashes [][]byte) (map[string]T, error)
	pause func() <-chan time.Time // nil: gatherPause

	mu   sync.Mutex
	open *gathering[T]   // that can still be joined
	last <-chan struct{} // closed when the last one has ended
}

// gathering is one statement and who waits for it.
type gathering[T any] struct {
	hashes [][]byte
	before <-chan struct{} // closed when it is its turn; nil: now
	done   chan struct{}   // closed when found and err are set
	found  map[string]T
	err    error
}

// look looks a hash up, together with others.
func (g *gatherer[T]) look(ctx context.Context, hash []byte) (T, error) {
	joined, leads := g.join(hash)
	if leads {
		g.lead(ctx, joined)
	}
	var none T
	select {
	case <-joined.done:
		return joined.found[string(hash)], joined.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// join adds a hash to the gathering that is open, or begins one.
func (g *gatherer[T]) join(hash []byte) (joined *gathering[T], leads bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil || len(g.open.hashes) >= gatherSize {
		g.open = &gathering[T]{before: g.last, done: make(chan struct{})}
		g.last, leads = g.open.done, true
	}
	g.open.hashes = append(g.open.hashes, hash)
	return g.open, leads
}

// lead carries a gathering out when it is its turn, also for those who are
// left when its first one has gone.
func (g *gatherer[T]) lead(ctx context.Context, own *gathering[T]) {
	defer close(own.done)
	if own.before != nil {
		<-own.before
	}
	if g.pause != nil {
		<-g.pause()
	} else {
		<-time.After(gatherPause)
	}
	g.mu.Lock()
	if g.open == own {
		g.open = nil
	}
	hashes := own.hashes
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherTimeout)
	defer cancel()
	own.found, own.err = g.find(ctx, hashes)
}
