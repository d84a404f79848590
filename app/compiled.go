package app

import (
	"container/list"
	"context"
	"sync"

	"belay"
)

// compiledLimit is how many entries of compiled grants are kept, each the
// role of one user on one object: some 60 MB.
const compiledLimit = 500_000

// grantsState is what grants were compiled of: the version that the database
// had of who may what, and how often this process had changed it.
type grantsState struct {
	version int64
	changes uint64
}

// holds tells whether what was compiled at s is still right at now. Another
// token of the same user may have been looked up later.
func (s grantsState) holds(now grantsState) bool {
	return s.version >= now.version && s.changes == now.changes
}

// after tells whether s was compiled later than other: the versions are those
// that whoever asked had seen, the changes those of the moment.
func (s grantsState) after(other grantsState) bool {
	return s.changes > other.changes || s.changes == other.changes && s.version > other.version
}

// compiled keeps what users may by roles in memory, so that a decision on
// one object asks no database. It is bounded: what was not used for longest
// goes first. The zero value is empty.
type compiled struct {
	mu      sync.Mutex
	limit   int // of entries; 0 is compiledLimit
	entries int
	used    list.List // of *grants, the last used first
	known   map[belay.Viewer]*list.Element
	waited  map[belay.Viewer]*compilation
}

// grants are what one user may, through one binding if he is bound.
type grants struct {
	viewer belay.Viewer
	state  grantsState
	access *belay.Access
}

func (g *grants) size() int {
	return 1 + len(g.access.Workspaces) + len(g.access.Environments) + len(g.access.Credentials)
}

// compilation is one that others wait for.
type compilation struct {
	state  grantsState
	done   chan struct{}
	access *belay.Access // nil when it has failed
}

// of returns what a user may, as it is at a state or later. It is compiled
// when it is not known, once however many ask at the same time.
func (c *compiled) of(ctx context.Context, viewer belay.Viewer, now grantsState,
	compile func(context.Context) (*belay.Access, error),
) (*belay.Access, error) {
	for {
		access, other, own := c.look(viewer, now)
		switch {
		case access != nil:
			return access, nil
		case own != nil:
			return c.compile(ctx, viewer, own, compile)
		}
		select {
		case <-other.done:
			if other.access != nil {
				return other.access, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// look finds what is known, or who is compiling it, or else lets the caller
// do it.
func (c *compiled) look(viewer belay.Viewer, now grantsState) (access *belay.Access, other, own *compilation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[viewer]; ok {
		if g := e.Value.(*grants); g.state.holds(now) {
			c.used.MoveToFront(e)
			return g.access, nil, nil
		}
	}
	if w, ok := c.waited[viewer]; ok && w.state.holds(now) {
		return nil, w, nil
	}
	own = &compilation{state: now, done: make(chan struct{})}
	if c.waited == nil {
		c.waited = map[belay.Viewer]*compilation{}
	}
	c.waited[viewer] = own
	return nil, nil, own
}

func (c *compiled) compile(ctx context.Context, viewer belay.Viewer, own *compilation,
	compile func(context.Context) (*belay.Access, error),
) (access *belay.Access, err error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.waited[viewer] == own {
			delete(c.waited, viewer)
		}
		if err == nil && access != nil {
			own.access = access
			c.keep(&grants{viewer: viewer, state: own.state, access: access})
		}
		close(own.done)
	}()
	return compile(ctx)
}

// keep remembers grants, in place of those of an earlier state, and forgets
// what was not used for longest.
func (c *compiled) keep(g *grants) {
	if e, ok := c.known[g.viewer]; ok {
		if e.Value.(*grants).state.after(g.state) {
			return
		}
		c.forget(e)
	}
	if c.known == nil {
		c.known = map[belay.Viewer]*list.Element{}
	}
	c.known[g.viewer] = c.used.PushFront(g)
	c.entries += g.size()
	limit := c.limit
	if limit == 0 {
		limit = compiledLimit
	}
	for c.entries > limit {
		c.forget(c.used.Back())
	}
}

func (c *compiled) forget(e *list.Element) {
	g := c.used.Remove(e).(*grants)
	delete(c.known, g.viewer)
	c.entries -= g.size()
}
