package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"belay"
)

// accessChanges counts, by organization, the changes of who may what that
// this process has made. Unlike the versions in the database it is read
// without asking it: so what was changed here has an effect here at once, and
// elsewhere as soon as the version is looked at.
type accessChanges struct {
	mu sync.Mutex
	n  map[belay.ID]uint64
}

// AccessChanges is how often this process has changed who may what in an
// organization. What was read of it before the number grew may be outdated.
func (s *Store) AccessChanges(org belay.ID) uint64 {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	return s.access.n[org]
}

// add counts a change of some organizations.
func (a *accessChanges) add(orgs map[belay.ID]bool) {
	if len(orgs) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n == nil {
		a.n = map[belay.ID]uint64{}
	}
	for org := range orgs {
		a.n[org]++
	}
}

// accessChanged notes that a transaction changes who may what in an
// organization.
func (t *Tx) accessChanged(org belay.ID) {
	if t.changed == nil {
		t.changed = map[belay.ID]bool{}
	}
	t.changed[org] = true
}

// countAccess raises the versions of the organizations in which it has
// changed who may what. It is the last that a transaction does, in the same
// order in each, so that nobody who holds such a row waits for another.
func (t *Tx) countAccess(ctx context.Context) error {
	for _, org := range slices.Sorted(maps.Keys(t.changed)) {
		_, err := t.execAny(ctx, `
			insert into access_versions (organization_id, version) values ($1, 1)
			on conflict (organization_id) do update set version = access_versions.version + 1`, org)
		if err != nil {
			return err
		}
	}
	return nil
}
