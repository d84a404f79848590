package app

import (
	"context"

	"belay"
	"belay/store"
)

// Environment is an environment with what the caller may do with it.
type Environment struct {
	*belay.Environment
	Actions []belay.Permission
}

// EnvironmentChange is what a client wants an environment to be; nil leaves
// a field as it is.
type EnvironmentChange struct {
	Name        *string
	Description *string
	Metadata    []byte
}

func (ch EnvironmentChange) apply(e *belay.Environment) error {
	var p problems
	set(&e.Description, ch.Description)
	if ch.Metadata != nil {
		e.Metadata = ch.Metadata
	}
	p.rename(&e.Name, ch.Name, maxEnvironmentName)
	p.text("/description", e.Description, maxEnvironmentDescription)
	e.Metadata = p.metadata(e.Metadata)
	return p.err()
}

func (c caller) environment(e *belay.Environment, s belay.Standing) *Environment {
	return &Environment{Environment: e, Actions: c.actions(s,
		belay.PermissionEnvironmentRead, belay.PermissionConnectionUse, belay.PermissionEnvironmentWrite)}
}

// findEnvironment loads an environment on which the caller has a permission.
func (a *App) findEnvironment(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Environment, error) {
	return object(ctx, org, want, func(c caller) (*Environment, error) { return a.loadEnvironment(ctx, c, id, want) })
}

// loadEnvironment loads an environment on which the caller has a permission,
// whatever the scopes of his token.
func (a *App) loadEnvironment(ctx context.Context, c caller, id belay.ID, want belay.Permission) (*Environment, error) {
	e, err := a.store.Environment(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	r, err := a.rights(ctx, c)
	if err != nil {
		return nil, err
	}
	s := r.toEnvironment(e)
	return c.environment(e, s), allow(s, belay.PermissionEnvironmentRead, want, "environment")
}

// Environments lists the environments that the caller sees.
func (a *App) Environments(ctx context.Context, org belay.ID, f belay.EnvironmentFilter, q belay.Query) (belay.Page[*Environment], error) {
	c, err := a.authorize(ctx, org, belay.PermissionEnvironmentRead)
	if err != nil {
		return belay.Page[*Environment]{}, err
	}
	return a.environmentPage(ctx, c, f, q)
}

func (a *App) environmentPage(ctx context.Context, c caller, f belay.EnvironmentFilter, q belay.Query) (belay.Page[*Environment], error) {
	viewer, err := a.viewerOf(ctx, c, named{workspaces: []belay.ID{f.WorkspaceID, f.NotInWorkspaceID}, connections: []belay.ID{f.ConnectionID}})
	if err != nil {
		return belay.Page[*Environment]{}, err
	}
	page, err := a.store.Environments(ctx, viewer, f, q)
	if err != nil {
		return belay.Page[*Environment]{}, err
	}
	r, err := a.rights(ctx, c)
	return mapPage(page, func(e *belay.Environment) *Environment { return c.environment(e, r.toEnvironment(e)) }), err
}

// Environment returns one environment.
func (a *App) Environment(ctx context.Context, org, id belay.ID) (*Environment, error) {
	_, e, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentRead)
	return e, err
}

// CreateEnvironment makes an environment, owned by the caller.
func (a *App) CreateEnvironment(ctx context.Context, org belay.ID, ch EnvironmentChange) (*Environment, error) {
	c, err := a.authorize(ctx, org, belay.PermissionEnvironmentWrite)
	if err != nil {
		return nil, err
	}
	if err := c.mayCreate(); err != nil {
		return nil, err
	}
	now := a.now()
	e := &belay.Environment{
		ID: a.newID(), OrganizationID: c.org, OwnerID: c.UserID,
		Version: 1, SetVersion: 1, CreatedAt: now, UpdatedAt: now,
	}
	if err := ch.apply(e); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, e.ID, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateEnvironment(ctx, e)
	})
	if err != nil || id != e.ID {
		return replayed(err, func() (*Environment, error) { return a.loadEnvironment(ctx, c, id, belay.PermissionEnvironmentRead) })
	}
	return c.environment(e, c.standing(e.OwnerID)), nil
}

// UpdateEnvironment changes an environment. With a version other than 0 it
// does so only if that is still the environment's.
func (a *App) UpdateEnvironment(ctx context.Context, org, id belay.ID, version int64, ch EnvironmentChange) (*Environment, error) {
	c, view, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentWrite)
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		view.Environment, err = tx.UpdateEnvironment(ctx, c.org, id, a.now(), func(e *belay.Environment) error {
			if err := unchanged(version, e.Version); err != nil {
				return err
			}
			return ch.apply(e)
		})
		return err
	})
	return view, err
}

// DeleteEnvironment deletes an environment and nothing else: its connections
// and their credentials stay, also in other environments.
func (a *App) DeleteEnvironment(ctx context.Context, org, id belay.ID, version int64) error {
	c, _, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentWrite)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		e, err := tx.Environment(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, e.Version); err != nil {
			return err
		}
		return tx.DeleteEnvironment(ctx, c.org, id, a.now())
	})
}

// EnvironmentConnections lists the connections of an environment, or with
// assigned false those that could be put into it.
func (a *App) EnvironmentConnections(ctx context.Context, org, id belay.ID, assigned bool, f belay.ConnectionFilter, q belay.Query) (belay.Page[*Connection], error) {
	c, _, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentRead)
	if err != nil {
		return belay.Page[*Connection]{}, err
	}
	if assigned {
		f.EnvironmentID = id
	} else {
		f.NotInEnvironmentID = id
	}
	return a.connectionPage(ctx, c, f, q)
}

// EnvironmentCredentials lists the credentials that the connections of an
// environment use.
func (a *App) EnvironmentCredentials(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*Credential], error) {
	c, _, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentRead)
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	return a.credentialPage(ctx, c, belay.CredentialFilter{EnvironmentID: id}, q)
}

// AssignConnection puts a connection into an environment. Doing it twice
// changes nothing.
func (a *App) AssignConnection(ctx context.Context, org, environment, connection belay.ID) error {
	c, _, err := a.findEnvironment(ctx, org, environment, belay.PermissionEnvironmentWrite)
	if err != nil {
		return err
	}
	if _, _, err := a.findConnection(ctx, c.org, connection, belay.PermissionConnectionWrite); err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.AssignConnection(ctx, c.org, a.assignment(environment, connection))
		return err
	})
}

// UnassignConnection takes a connection out of an environment; the
// connection itself stays. Doing it twice changes nothing.
func (a *App) UnassignConnection(ctx context.Context, org, environment, connection belay.ID) error {
	c, _, err := a.findEnvironment(ctx, org, environment, belay.PermissionEnvironmentWrite)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.UnassignConnection(ctx, c.org, environment, connection)
		return err
	})
}
