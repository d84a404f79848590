package app

import (
	"context"

	"belay"
	"belay/store"
)

// Connection is a connection with the environments that hold it, as far as
// the caller sees them, and what he may do with it.
type Connection struct {
	*belay.Connection
	Environments []*belay.Environment
	Actions      []belay.Permission
	// Gone are those of its credentials that are deleted: told of one
	// connection, not in lists.
	Gone []belay.ID
	// Outdated is set where the health was found with other credentials, or
	// with other versions of them, than a test would use now.
	Outdated bool
}

// connection is the view of a connection for the caller.
func (r rights) connection(v *belay.Connection, holders []*belay.Environment) *Connection {
	return &Connection{Connection: v, Environments: r.visible(holders), Actions: r.actions(r.toConnection(v.OwnerID, environmentIDs(holders)),
		belay.PermissionConnectionRead, belay.PermissionConnectionUse, belay.PermissionConnectionWrite)}
}

func environmentIDs(all []*belay.Environment) []belay.ID {
	return idsOf(all, func(e *belay.Environment) belay.ID { return e.ID })
}

// findConnection loads a connection on which the caller has a permission.
func (a *App) findConnection(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Connection, error) {
	return object(ctx, org, want, func(c caller) (*Connection, error) { return a.loadConnection(ctx, c, id, want) })
}

// loadConnection loads a connection on which the caller has a permission,
// whatever the scopes of his token: a change is answered with what it has
// made, also to a token that may only write.
func (a *App) loadConnection(ctx context.Context, c caller, id belay.ID, want belay.Permission) (*Connection, error) {
	v, err := a.store.Connection(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	r, err := a.rights(ctx, c)
	if err != nil {
		return nil, err
	}
	holders, err := a.store.EnvironmentsOf(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	if err := allow(r.toConnection(v.OwnerID, environmentIDs(holders[id])), belay.PermissionConnectionRead, want, "connection"); err != nil {
		return nil, err
	}
	out := r.connection(v, holders[id])
	if out.Gone, err = a.gone(ctx, v); err != nil {
		return nil, err
	}
	outdated, err := a.outdated(ctx, c.org, v)
	out.Outdated = outdated[v.ID]
	return out, err
}

// outdated are those of some connections whose health was found with other
// secrets than are in force.
func (a *App) outdated(ctx context.Context, org belay.ID, all ...*belay.Connection) (map[belay.ID]bool, error) {
	var checks, credentials []belay.ID
	for _, v := range all {
		if v.Health.CheckID == "" {
			continue
		}
		checks = append(checks, v.Health.CheckID)
		for _, u := range v.Credentials {
			credentials = append(credentials, u.CredentialID)
		}
	}
	made, err := a.store.ChecksMadeWith(ctx, org, checks)
	if err != nil {
		return nil, err
	}
	current, err := a.store.CurrentVersions(ctx, org, credentials)
	out := map[belay.ID]bool{}
	for _, v := range all {
		if k := made[v.Health.CheckID]; k != nil {
			out[v.ID] = !k.MadeWith(v.Credentials, current)
		}
	}
	return out, err
}

// gone are the credentials of a connection that were deleted while it was
// deleted itself.
func (a *App) gone(ctx context.Context, v *belay.Connection) (out []belay.ID, err error) {
	for _, u := range v.Credentials {
		switch _, err := a.store.Credential(ctx, v.OrganizationID, u.CredentialID); {
		case isNotFound(err):
			out = append(out, u.CredentialID)
		case err != nil:
			return nil, err
		}
	}
	return out, nil
}

// Connections lists the connections that the caller sees.
func (a *App) Connections(ctx context.Context, org belay.ID, f belay.ConnectionFilter, q belay.Query) (belay.Page[*Connection], error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionRead)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	return a.connectionPage(ctx, c, f, q)
}

func (a *App) connectionPage(ctx context.Context, c caller, f belay.ConnectionFilter, q belay.Query) (belay.Page[*Connection], error) {
	viewer, err := a.viewerOf(ctx, c, named{
		workspaces: []belay.ID{f.WorkspaceID}, environments: []belay.ID{f.EnvironmentID, f.NotInEnvironmentID}, credentials: []belay.ID{f.CredentialID},
	})
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	page, err := a.store.Connections(ctx, viewer, f, q)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	ids := idsOf(page.Items, func(v *belay.Connection) belay.ID { return v.ID })
	r, err := a.rights(ctx, c)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	holders, err := a.store.EnvironmentsOf(ctx, c.org, ids...)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	outdated, err := a.outdated(ctx, c.org, page.Items...)
	return mapPage(page, func(v *belay.Connection) *Connection {
		out := r.connection(v, holders[v.ID])
		out.Outdated = outdated[v.ID]
		return out
	}), err
}

// StatusSummary is how many connections have each status. It counts the
// whole organization and is given to administrators only; others get nil.
func (a *App) StatusSummary(ctx context.Context, org belay.ID) (map[belay.Status]int, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionRead)
	if err != nil || !c.admin {
		return nil, err
	}
	counts, err := a.store.ConnectionCounts(ctx, c.org)
	summary := map[belay.Status]int{}
	for _, n := range counts {
		summary[n.Status] += n.N
	}
	return summary, err
}

// Connection returns one connection.
func (a *App) Connection(ctx context.Context, org, id belay.ID) (*Connection, error) {
	_, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	return v, err
}

// CreateConnection makes a connection, owned by the caller. With the status
// connected it is tested; if that fails it stays registered, with the
// reason.
func (a *App) CreateConnection(ctx context.Context, org belay.ID, ch ConnectionChange) (*Connection, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionWrite)
	if err != nil {
		return nil, err
	}
	if err := c.mayCreate(); err != nil {
		return nil, err
	}
	wanted := belay.StatusRegistered
	set(&wanted, ch.Status)
	own, err := a.slotFor(c, ch)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	ch.Status = nil
	v, credential, err := a.draft(ctx, c, ch)
	if err != nil {
		return nil, err
	}
	if v.Status, err = initialStatus(wanted); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, v.ID, func(ctx context.Context, tx *store.Tx) error {
		if err := credential.beside(ctx, tx); err != nil {
			return err
		}
		return tx.CreateConnection(ctx, v)
	})
	if err != nil || id != v.ID {
		return replayed(err, func() (*Connection, error) { return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead) })
	}
	if wanted == belay.StatusConnected {
		if _, err := a.test(ctx, c, v, belay.TriggerRegistration, own.handOver); err != nil {
			return nil, err
		}
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}

// UpdateConnection changes a connection. With a version other than 0 it does
// so only if that is still the connection's. A change of status follows the
// lifecycle; connected is reached by a test that passes.
func (a *App) UpdateConnection(ctx context.Context, org, id belay.ID, version int64, ch ConnectionChange) (*Connection, error) {
	wanted := belay.Status("")
	set(&wanted, ch.Status)
	if wanted == belay.StatusRegistered {
		if v, err := a.restoreConnection(ctx, org, id, version, ch); !isNotFound(err) {
			return v, err
		}
	}
	var c caller
	var saved *belay.Connection
	var own *slot
	defer func() { own.leave() }()
	known := ""
	err := optimistic(version, func() error {
		var view *Connection
		var err error
		if c, view, err = a.findConnection(ctx, org, id, belay.PermissionConnectionWrite); err != nil {
			return err
		}
		known = view.Identity
		if err := unchanged(version, view.Version); err != nil {
			return err
		}
		if own == nil {
			if own, err = a.slotFor(c, ch); err != nil {
				return err
			}
		}
		saved, err = a.updateConnection(ctx, c, view.Connection, ch, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	accepted := saved.Identity != "" && saved.Identity != known
	if accepted || wanted == belay.StatusConnected && saved.Status != belay.StatusConnected {
		if _, err := a.test(ctx, c, saved, belay.TriggerRegistration, own.handOver); err != nil {
			return nil, err
		}
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}

// updateConnection carries out a change of a connection that was seen in one
// version; when it has another by now, that is CodePreconditionFailed. What
// comes first, if anything, is done in the same transaction.
func (a *App) updateConnection(ctx context.Context, c caller, seen *belay.Connection, ch ConnectionChange,
	first func(context.Context, *store.Tx) error,
) (*belay.Connection, error) {
	var credential *sealed
	var err error
	if ch.accepted, err = a.accepted(ctx, c, seen, ch.Accept); err != nil {
		return nil, err
	}
	if ch.Secret != nil {
		if credential, err = a.replaceSecret(ctx, c, seen, &ch); err != nil {
			return nil, err
		}
	}
	next := *seen
	if err := a.changeConnection(c, &next, ch); err != nil {
		return nil, err
	}
	if err := a.mayAttach(ctx, c, seen, &next, credential); err != nil {
		return nil, err
	}
	var saved *belay.Connection
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := keepCredentials(ctx, tx, &next); err != nil {
			return err
		}
		if first != nil {
			if err := first(ctx, tx); err != nil {
				return err
			}
		}
		if err := credential.beside(ctx, tx); err != nil {
			return err
		}
		saved, err = tx.UpdateConnection(ctx, c.org, seen.ID, a.now(), func(v *belay.Connection) error {
			if err := unchanged(seen.Version, v.Version); err != nil {
				return err
			}
			return a.changeConnection(c, v, ch)
		})
		return err
	})
	return saved, err
}

// DeleteConnection deletes a connection; its credentials stay. It can be
// restored until it is purged.
func (a *App) DeleteConnection(ctx context.Context, org, id belay.ID, version int64) error {
	c, _, err := a.findConnection(ctx, org, id, belay.PermissionConnectionWrite)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.Connection(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, v.Version); err != nil {
			return err
		}
		return tx.DeleteConnection(ctx, c.org, id, string(c.UserID), a.now())
	})
}

// Transitions returns the changes of status that a connection can make, a
// person's and a check's.
func (a *App) Transitions(ctx context.Context, org, id belay.ID) (belay.Status, []belay.Transition, error) {
	_, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	if err != nil {
		return "", nil, err
	}
	return v.Status, v.Status.Transitions(), nil
}

// Checks lists the checks of a connection, the newest first.
func (a *App) Checks(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*Check], error) {
	c, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionRead)
	if err != nil {
		return belay.Page[*Check]{}, err
	}
	page, err := a.store.Checks(ctx, c.org, id, q)
	view := a.views(ctx, c)
	return mapPage(page, func(k *belay.Check) *Check { return view(v.Connection, k) }), err
}
