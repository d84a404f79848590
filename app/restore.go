package app

import (
	"context"

	"belay"
	"belay/store"
)

// deleted loads what was deleted and may be restored by the caller: its
// owner, or an administrator of the organization. For others it is not
// there, whatever they could do with it before.
func deleted[T any](ctx context.Context, org, id belay.ID, noun string, read, write belay.Permission,
	load func(ctx context.Context, org, id belay.ID) (T, error), owner func(T) belay.ID,
) (caller, T, error) {
	return object(ctx, org, write, func(c caller) (T, error) {
		v, err := load(ctx, c.org, id)
		if err != nil {
			return v, err
		}
		return v, allow(c.standing(owner(v)), read, write, noun)
	})
}

// RestoreEnvironment takes back the deletion of an environment, with its
// connections and the workspaces to which it was assigned. Restoring what is
// there changes nothing.
func (a *App) RestoreEnvironment(ctx context.Context, org, id belay.ID) (*Environment, error) {
	if _, v, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentWrite); !isNotFound(err) {
		return v, err
	}
	c, _, err := deleted(ctx, org, id, "environment", belay.PermissionEnvironmentRead, belay.PermissionEnvironmentWrite,
		a.store.DeletedEnvironment, func(e *belay.Environment) belay.ID { return e.OwnerID })
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RestoreEnvironment(ctx, c.org, id, a.now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.loadEnvironment(ctx, c, id, belay.PermissionEnvironmentRead)
}

// RestoreWorkspace takes back the deletion of a workspace, with what was
// assigned to it and the roles in it. Restoring what is there changes nothing.
func (a *App) RestoreWorkspace(ctx context.Context, org, id belay.ID) (*Workspace, error) {
	if _, v, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceWrite); !isNotFound(err) {
		return v, err
	}
	c, _, err := deleted(ctx, org, id, "workspace", belay.PermissionWorkspaceRead, belay.PermissionWorkspaceWrite,
		a.store.DeletedWorkspace, func(w *belay.Workspace) belay.ID { return w.OwnerID })
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RestoreWorkspace(ctx, c.org, id, a.now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.loadWorkspace(ctx, c, id, belay.PermissionWorkspaceRead)
}

// RestoreCredential takes back the deletion of a credential, with its secret
// and the workspaces to which it was assigned. Connections from which it was
// detached stay without it. Restoring what is there changes nothing.
func (a *App) RestoreCredential(ctx context.Context, org, id belay.ID) (*Credential, error) {
	if _, v, err := a.findCredential(ctx, org, id, belay.PermissionCredentialWrite); !isNotFound(err) {
		return v, err
	}
	c, _, err := deleted(ctx, org, id, "credential", belay.PermissionCredentialRead, belay.PermissionCredentialWrite,
		a.store.DeletedCredential, func(v *belay.Credential) belay.ID { return v.OwnerID })
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RestoreCredential(ctx, c.org, id, a.now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.loadCredential(ctx, c, id, belay.PermissionCredentialRead)
}

// RestoreConnection takes back the deletion of a connection, with the
// environments and the credentials that it had. It is registered again, and
// not known to work. Restoring what is there changes nothing.
func (a *App) RestoreConnection(ctx context.Context, org, id belay.ID) (*Connection, error) {
	if _, v, err := a.findConnection(ctx, org, id, belay.PermissionConnectionWrite); !isNotFound(err) {
		return v, err
	}
	return a.restoreConnection(ctx, org, id, 0, ConnectionChange{})
}

// restoreConnection restores a connection and carries out a change with it.
// What is not deleted is not found.
func (a *App) restoreConnection(ctx context.Context, org, id belay.ID, version int64, ch ConnectionChange) (*Connection, error) {
	c, v, err := deleted(ctx, org, id, "connection", belay.PermissionConnectionRead, belay.PermissionConnectionWrite,
		a.store.DeletedConnection, func(v *belay.Connection) belay.ID { return v.OwnerID })
	if err != nil {
		return nil, err
	}
	if err := unchanged(version, v.Version); err != nil {
		return nil, err
	}
	restore := func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RestoreConnection(ctx, c.org, id, string(c.UserID), a.now())
		return err
	}
	v.Status, v.Version = belay.StatusRegistered, v.Version+1 // as restore makes it
	if _, err := a.updateConnection(ctx, c, v, ch, restore); err != nil {
		return nil, err
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}
