package app

import (
	"context"
	"slices"

	"belay"
	"belay/store"
)

// maxSet is how many connections are put into an environment at once.
const maxSet = 10_000

// SetEnvironmentConnections makes an environment hold exactly these
// connections, all of them or, when one cannot be assigned, as before. With
// a version other than 0 it does so only if that is still the set's. It
// returns the environment and the first page of what it holds then.
func (a *App) SetEnvironmentConnections(ctx context.Context, org, id belay.ID, version int64, want []belay.ID) (*Environment, belay.Page[*Connection], error) {
	var none belay.Page[*Connection]
	if len(want) > maxSet {
		return nil, none, belay.Invalid("/connectionIds", "must be at most %d ids, has %d", maxSet, len(want))
	}
	var c caller
	err := optimistic(version, func() error {
		var before *Environment
		var err error
		if c, before, err = a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentWrite); err != nil {
			return err
		}
		have, err := a.store.AssignedConnections(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := a.mayAssign(ctx, c, have, want); err != nil {
			return err
		}
		unseen, err := a.unseen(ctx, c, id, added(want, have))
		if err != nil {
			return err
		}
		change := a.setChange(id, before.SetVersion, have, append(slices.Clone(want), unseen...))
		return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return a.replaceSet(ctx, tx, c, version, change)
		})
	})
	if err != nil {
		return nil, none, err
	}
	e, err := a.loadEnvironment(ctx, c, id, belay.PermissionEnvironmentRead)
	if err != nil {
		return nil, none, err
	}
	page, err := a.connectionPage(ctx, c, belay.ConnectionFilter{EnvironmentID: id}, belay.Query{Size: belay.MaxPageSize})
	return e, page, err
}

// mayAssign asks whether the caller may put each of the wanted connections
// into an environment that does not have it yet. An administrator may put in
// any that exists, which the assigning itself finds out.
func (a *App) mayAssign(ctx context.Context, c caller, have, want []belay.ID) error {
	missing := added(have, want)
	if len(missing) == 0 {
		return nil
	}
	if err := inScope(c.Principal, belay.PermissionConnectionWrite); err != nil || c.admin {
		return err
	}
	owners, err := a.store.ConnectionOwners(ctx, c.org, missing)
	if err != nil {
		return err
	}
	r, err := a.rights(ctx, c)
	if err != nil {
		return err
	}
	holders, err := a.store.HoldersOf(ctx, c.org, missing...)
	if err != nil {
		return err
	}
	for _, id := range missing {
		pointer := "/connectionIds/" + itoa(slices.Index(want, id))
		owner, there := owners[id]
		if !there {
			return about(pointer, belay.NotFound("connection"))
		}
		err := allow(r.toConnection(owner, holders[id]), belay.PermissionConnectionRead, belay.PermissionConnectionWrite, "connection")
		if err != nil {
			return about(pointer, err)
		}
	}
	return nil
}

// unseen are those of some connections in an environment that the caller
// cannot see: whoever sets what he sees must not take them out by the way.
func (a *App) unseen(ctx context.Context, c caller, environment belay.ID, among []belay.ID) ([]belay.ID, error) {
	if c.admin || len(among) == 0 {
		return nil, nil
	}
	var visible []belay.ID
	q := belay.Query{Size: belay.MaxPageSize}
	for {
		page, err := a.store.Connections(ctx, c.viewer(), belay.ConnectionFilter{EnvironmentID: environment}, q)
		if err != nil {
			return nil, err
		}
		visible = append(visible, idsOf(page.Items, func(v *belay.Connection) belay.ID { return v.ID })...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return added(visible, among), nil
		}
	}
}

// setChange is what makes an environment, whose set of a version holds those
// of seen, hold what is wanted. It is made ready before the write, for which
// others wait.
type setChange struct {
	environment belay.ID
	version     int64
	seen, want  []belay.ID
	put         []belay.Assignment
	take        []belay.ID
}

func (a *App) setChange(environment belay.ID, version int64, seen, want []belay.ID) setChange {
	s := setChange{environment: environment, version: version, seen: seen, want: want, take: added(want, seen)}
	for _, connection := range added(seen, want) {
		s.put = append(s.put, a.assignment(environment, connection))
	}
	return s
}

// replaceSet makes an environment hold what is wanted.
func (a *App) replaceSet(ctx context.Context, tx *store.Tx, c caller, version int64, s setChange) error {
	e, err := tx.Environment(ctx, c.org, s.environment)
	if err != nil {
		return err
	}
	if err := unchanged(version, e.SetVersion); err != nil {
		return err
	}
	if e.SetVersion != s.version {
		if s, err = a.setChangeSince(ctx, tx, c, s); err != nil {
			return err
		}
	}
	failed, err := tx.ChangeSet(ctx, c.org, s.environment, s.put, s.take)
	if isNotFound(err) && failed < len(s.put) {
		return about("/connectionIds/"+itoa(slices.Index(s.want, s.put[failed].RightID)), err)
	}
	return err
}

// setChangeSince is a change of a set that is not any more what was seen.
// Which connections the caller may put in, and take out, was asked then: when
// another one has left or come since, that is CodePreconditionFailed.
func (a *App) setChangeSince(ctx context.Context, tx *store.Tx, c caller, s setChange) (setChange, error) {
	have, err := tx.AssignedConnections(ctx, c.org, s.environment)
	if err != nil {
		return s, err
	}
	missing := added(have, s.want)
	if len(added(added(s.seen, s.want), missing)) > 0 || len(added(s.seen, added(s.want, have))) > 0 {
		return s, outdated()
	}
	return a.setChange(s.environment, s.version, have, s.want), nil
}
