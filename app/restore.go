package app

import (
	"context"
	"errors"

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
// not known to work: its health is unchecked until a test says otherwise, and
// what was found before is in its history. Restoring what is there changes
// nothing.
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
	now := a.now()
	restore := func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RestoreConnection(ctx, c.org, id, string(c.UserID), now)
		return err
	}
	v.Restored(string(c.UserID), now)
	wanted := *v
	if _, err := a.updateConnection(ctx, c, v, ch, restore); err != nil {
		set(&wanted.Name, ch.Name)
		return nil, a.inTheWay(ctx, c, &wanted, err)
	}
	return a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
}

// inTheWay names the connection that keeps another from being restored, and
// says how to make way, where the caller sees it.
func (a *App) inTheWay(ctx context.Context, c caller, v *belay.Connection, err error) error {
	conflict, ok := errors.AsType[*belay.Error](err)
	if !ok || conflict.Code != belay.CodeConflict {
		return err
	}
	by := a.sameTarget
	if len(conflict.Fields) == 1 && conflict.Fields[0].Pointer == "/name" {
		by = a.sameName
	}
	other, what, way, err := by(ctx, c, v)
	if err != nil || other == nil {
		return conflict // which is so, whoever it is
	}
	told := *conflict
	told.Message = "connection " + other.Name + what + ", so that " + v.Name + " cannot be restored beside it"
	told.Remedy = []belay.Remedy{way}
	return &told
}

// sameName is the connection, if the caller sees one, that has the name of
// another by now, and how it makes way.
func (a *App) sameName(ctx context.Context, c caller, v *belay.Connection) (other *belay.Connection, what string, way belay.Remedy, err error) {
	page, err := a.store.Connections(ctx, c.viewer(), belay.ConnectionFilter{Name: v.Name}, belay.Query{Size: 1})
	if err != nil || len(page.Items) == 0 {
		return nil, "", way, err
	}
	other = page.Items[0]
	return other, " has that name by now", belay.Remedy{
		ID: "connection.rename", Title: "Rename the other connection", Description: "Gives the connection that has the name another one; then restore this one.",
		Action:  &belay.RemedyAction{Method: "PUT", Href: connectionsPath + string(other.ID)},
		Command: belay.CommandLine("belay", "connection", "edit", other.Name, "--name", "NEWNAME"),
	}, nil
}

// sameTarget is the connection, if the caller sees one, that stands for the
// target of another by now, and how it makes way.
func (a *App) sameTarget(ctx context.Context, c caller, v *belay.Connection) (other *belay.Connection, what string, way belay.Remedy, err error) {
	if v.Identity == "" {
		return nil, "", way, nil
	}
	found, err := a.store.ConnectionByIdentity(ctx, c.org, v.Identity)
	if err != nil || found == nil {
		return nil, "", way, err
	}
	if other, err = a.readable(ctx, c, found); err != nil || other == nil {
		return nil, "", way, err
	}
	return other, " stands for this target by now", belay.Remedy{
		ID: "connection.delete", Title: "Delete the other connection", Description: "Deletes the connection that stands for the target now, if the one that is deleted is wanted in its place; then restore this one. It can be restored in turn.",
		Action:  &belay.RemedyAction{Method: "DELETE", Href: connectionsPath + string(other.ID)},
		Command: belay.CommandLine("belay", "connection", "delete", other.Name),
	}, nil
}

const connectionsPath = "/api/integrations/connections/"
