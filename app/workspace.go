package app

import (
	"context"

	"belay"
	"belay/store"
)

// Workspace is a workspace with what the caller may do with it.
type Workspace struct {
	*belay.Workspace
	Actions []belay.Permission
}

// WorkspaceChange is what a client wants a workspace to be; nil leaves a
// field as it is.
type WorkspaceChange struct {
	Name        *string
	Description *string
	Metadata    []byte
}

func (ch WorkspaceChange) apply(w *belay.Workspace) error {
	var p problems
	set(&w.Description, ch.Description)
	if ch.Metadata != nil {
		w.Metadata = ch.Metadata
	}
	p.rename(&w.Name, ch.Name, maxWorkspaceName)
	p.text("/description", w.Description, maxWorkspaceDescription)
	w.Metadata = p.metadata(w.Metadata)
	return p.err()
}

func (c caller) workspace(w *belay.Workspace, s belay.Standing) *Workspace {
	return &Workspace{Workspace: w, Actions: c.actions(s,
		belay.PermissionWorkspaceRead, belay.PermissionWorkspaceWrite, belay.PermissionWorkspaceAssign)}
}

// findWorkspace loads a workspace on which the caller has a permission.
func (a *App) findWorkspace(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Workspace, error) {
	return object(ctx, org, want, func(c caller) (*Workspace, error) { return a.loadWorkspace(ctx, c, id, want) })
}

// loadWorkspace loads a workspace on which the caller has a permission,
// whatever the scopes of his token.
func (a *App) loadWorkspace(ctx context.Context, c caller, id belay.ID, want belay.Permission) (*Workspace, error) {
	w, err := a.store.Workspace(ctx, c.org, id)
	if err != nil {
		return nil, err
	}
	r, err := a.rights(ctx, c)
	if err != nil {
		return nil, err
	}
	s := r.toWorkspace(w)
	return c.workspace(w, s), allow(s, belay.PermissionWorkspaceRead, want, "workspace")
}

// Workspaces lists the workspaces that the caller sees.
func (a *App) Workspaces(ctx context.Context, org belay.ID, f belay.WorkspaceFilter, q belay.Query) (belay.Page[*Workspace], error) {
	c, err := a.authorize(ctx, org, belay.PermissionWorkspaceRead)
	if err != nil {
		return belay.Page[*Workspace]{}, err
	}
	viewer, err := a.viewerOf(ctx, c, named{environments: []belay.ID{f.EnvironmentID}, credentials: []belay.ID{f.CredentialID}})
	if err != nil {
		return belay.Page[*Workspace]{}, err
	}
	page, err := a.store.Workspaces(ctx, viewer, f, q)
	if err != nil {
		return belay.Page[*Workspace]{}, err
	}
	r, err := a.rights(ctx, c)
	return mapPage(page, func(w *belay.Workspace) *Workspace { return c.workspace(w, r.toWorkspace(w)) }), err
}

// Workspace returns one workspace.
func (a *App) Workspace(ctx context.Context, org, id belay.ID) (*Workspace, error) {
	_, w, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceRead)
	return w, err
}

// CreateWorkspace makes a workspace, owned by the caller, who must
// administer the organization.
func (a *App) CreateWorkspace(ctx context.Context, org belay.ID, ch WorkspaceChange) (*Workspace, error) {
	c, err := a.administers(ctx, org, belay.PermissionWorkspaceWrite)
	if err != nil {
		return nil, err
	}
	now := a.now()
	w := &belay.Workspace{ID: a.newID(), OrganizationID: c.org, OwnerID: c.UserID, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := ch.apply(w); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, w.ID, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateWorkspace(ctx, w)
	})
	if err != nil || id != w.ID {
		return replayed(err, func() (*Workspace, error) { return a.loadWorkspace(ctx, c, id, belay.PermissionWorkspaceRead) })
	}
	return c.workspace(w, c.standing(w.OwnerID)), nil
}

// UpdateWorkspace changes a workspace. With a version other than 0 it does
// so only if that is still the workspace's.
func (a *App) UpdateWorkspace(ctx context.Context, org, id belay.ID, version int64, ch WorkspaceChange) (*Workspace, error) {
	c, view, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceWrite)
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		view.Workspace, err = tx.UpdateWorkspace(ctx, c.org, id, a.now(), func(w *belay.Workspace) error {
			if err := unchanged(version, w.Version); err != nil {
				return err
			}
			return ch.apply(w)
		})
		return err
	})
	return view, err
}

// DeleteWorkspace deletes a workspace; what was assigned to it stays.
func (a *App) DeleteWorkspace(ctx context.Context, org, id belay.ID, version int64) error {
	c, _, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceWrite)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w, err := tx.Workspace(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, w.Version); err != nil {
			return err
		}
		return tx.DeleteWorkspace(ctx, c.org, id, a.now())
	})
}

// WorkspaceEnvironments lists the environments of a workspace, or with
// assigned false those that could be assigned to it.
func (a *App) WorkspaceEnvironments(ctx context.Context, org, id belay.ID, assigned bool, q belay.Query) (belay.Page[*Environment], error) {
	c, _, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceRead)
	if err != nil {
		return belay.Page[*Environment]{}, err
	}
	f := belay.EnvironmentFilter{WorkspaceID: id}
	if !assigned {
		f = belay.EnvironmentFilter{NotInWorkspaceID: id}
	}
	return a.environmentPage(ctx, c, f, q)
}

// WorkspaceCredentials lists the credentials that are assigned to a
// workspace.
func (a *App) WorkspaceCredentials(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*Credential], error) {
	c, _, err := a.findWorkspace(ctx, org, id, belay.PermissionWorkspaceRead)
	if err != nil {
		return belay.Page[*Credential]{}, err
	}
	return a.credentialPage(ctx, c, belay.CredentialFilter{WorkspaceID: id}, q)
}

// AssignEnvironment assigns an environment to a workspace: its members reach
// the environment's connections from then on. Doing it twice changes
// nothing.
func (a *App) AssignEnvironment(ctx context.Context, org, workspace, environment belay.ID) (belay.Assignment, error) {
	c, _, err := a.findWorkspace(ctx, org, workspace, belay.PermissionWorkspaceAssign)
	if err != nil {
		return belay.Assignment{}, err
	}
	if _, _, err := a.findEnvironment(ctx, c.org, environment, belay.PermissionEnvironmentWrite); err != nil {
		return belay.Assignment{}, err
	}
	as := a.assignment(workspace, environment)
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		as, err = tx.AssignEnvironment(ctx, c.org, as)
		return err
	})
	return as, err
}

// UnassignEnvironment ends an assignment; the environment itself stays.
// Doing it twice changes nothing.
func (a *App) UnassignEnvironment(ctx context.Context, org, workspace, environment belay.ID) error {
	c, _, err := a.findWorkspace(ctx, org, workspace, belay.PermissionWorkspaceAssign)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.UnassignEnvironment(ctx, c.org, workspace, environment)
		return err
	})
}

// AssignCredential assigns a credential to a workspace: its editors may
// attach it to connections from then on. Doing it twice changes nothing.
func (a *App) AssignCredential(ctx context.Context, org, workspace, credential belay.ID) (belay.Assignment, error) {
	c, _, err := a.findWorkspace(ctx, org, workspace, belay.PermissionWorkspaceAssign)
	if err != nil {
		return belay.Assignment{}, err
	}
	if _, _, err := a.findCredential(ctx, c.org, credential, belay.PermissionCredentialWrite); err != nil {
		return belay.Assignment{}, err
	}
	as := a.assignment(workspace, credential)
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		as, err = tx.AssignCredential(ctx, c.org, as)
		return err
	})
	return as, err
}

// UnassignCredential ends an assignment; the credential itself stays. Doing
// it twice changes nothing.
func (a *App) UnassignCredential(ctx context.Context, org, workspace, credential belay.ID) error {
	c, _, err := a.findWorkspace(ctx, org, workspace, belay.PermissionWorkspaceAssign)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.UnassignCredential(ctx, c.org, workspace, credential)
		return err
	})
}
