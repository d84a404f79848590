package app

import (
	"context"
	"sync"

	"belay"
)

// environmentTests bounds how many connections of an environment are tested
// at once.
const environmentTests = 8

// TestEnvironment tests every connection of an environment that the caller
// may use and calls each with the check of one as it ends, never two at a
// time; each may be nil. It returns all checks, ordered by the connections'
// names. When ctx ends it begins no more tests.
func (a *App) TestEnvironment(ctx context.Context, org, id belay.ID, each func(*Check)) ([]*Check, error) {
	c, _, err := a.findEnvironment(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return nil, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	tested, err := a.usable(ctx, c, id)
	if err != nil {
		return nil, err
	}
	own.grow(min(environmentTests, len(tested)))
	checks := make([]*Check, len(tested))
	var mu sync.Mutex
	return checks, own.each(ctx, len(tested), func(i int) error {
		t, err := a.start(ctx, c, tested[i], belay.TriggerManual, admitted)
		if err != nil {
			return err
		}
		<-t.done // even when ctx has ended: until then the slot is in use
		if t.err != nil {
			return t.err
		}
		if checks[i], err = a.tested(ctx, c, tested[i], t.check); err != nil || each == nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		each(checks[i])
		return nil
	})
}

// usable lists the connections of an environment that the caller may use.
func (a *App) usable(ctx context.Context, c caller, environment belay.ID) ([]*belay.Connection, error) {
	var out []*belay.Connection
	q := belay.Query{Size: belay.MaxPageSize}
	for {
		page, err := a.connectionPage(ctx, c, belay.ConnectionFilter{EnvironmentID: environment}, q)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Items {
			for _, p := range v.Actions {
				if p == belay.PermissionConnectionUse {
					out = append(out, v.Connection)
				}
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return out, nil
		}
	}
}
