package store

import (
	"context"
	"time"

	"belay"
)

const workspaceColumns = `w.id, w.organization_id, w.owner_id, w.name, w.description, w.metadata,
	w.version, w.created_at, w.updated_at, w.deleted_at`

const selectWorkspace = "select " + workspaceColumns +
	" from workspaces w where w.organization_id = $1 and w.id = $2 and w.deleted_at = 0"

const selectDeletedWorkspace = "select " + workspaceColumns +
	" from workspaces w where w.organization_id = $1 and w.id = $2 and w.deleted_at > 0"

func scanWorkspace(r row) (*belay.Workspace, error) {
	var w belay.Workspace
	err := r.Scan(&w.ID, &w.OrganizationID, &w.OwnerID, &w.Name, &w.Description, &w.Metadata,
		&w.Version, stamp{&w.CreatedAt}, stamp{&w.UpdatedAt}, stamp{&w.DeletedAt})
	return &w, err
}

var workspaces = list[*belay.Workspace]{
	columns: workspaceColumns,
	from:    "workspaces w",
	id:      "w.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "w.name_fold"},
		"createdAt": {column: "w.created_at", number: true},
		"updatedAt": {column: "w.updated_at", number: true},
	},
	scan: scanWorkspace,
}

var seenWorkspaces = seen{
	table: "workspaces", alias: "w",
	ids:     func(r reach) string { return r.workspaces },
	reached: func(r reach) string { return "w.id in (" + r.workspaces + ")" },
}

// Workspace returns one workspace.
func (r Reader) Workspace(ctx context.Context, org, id belay.ID) (*belay.Workspace, error) {
	w, err := one(ctx, r, scanWorkspace, selectWorkspace+r.lock, org, id)
	return w, notFound(err, "workspace")
}

// DeletedWorkspace returns one workspace that can be restored.
func (r Reader) DeletedWorkspace(ctx context.Context, org, id belay.ID) (*belay.Workspace, error) {
	w, err := one(ctx, r, scanWorkspace, selectDeletedWorkspace+r.lock, org, id)
	return w, notFound(err, "deleted workspace")
}

// Workspaces lists what v sees of an organization's workspaces.
func (r Reader) Workspaces(ctx context.Context, v belay.Viewer, f belay.WorkspaceFilter, q belay.Query) (belay.Page[*belay.Workspace], error) {
	if v.Whole() && f == (belay.WorkspaceFilter{}) && q.Search == "" {
		var cond condition
		seenWorkspaces.by(&cond, r, v, walk)
		cond.live("w", false)
		return withTotal(ctx, r, &workspaces, &cond, q, v.OrganizationID, "workspace")
	}
	selective := f.Deleted || f.EnvironmentID != "" || f.CredentialID != "" || q.Search != ""
	return seenBy(ctx, r, &workspaces, &seenWorkspaces, v, q, selective, func(cond *condition) {
		workspaceCondition(cond, v, f, q.Search)
	})
}

func workspaceCondition(cond *condition, v belay.Viewer, f belay.WorkspaceFilter, search string) {
	cond.live("w", f.Deleted)
	if f.Deleted && !v.All {
		cond.add("w.owner_id = ?", v.UserID)
	}
	if f.EnvironmentID != "" {
		cond.add(`w.id in (select we.workspace_id from workspace_environments we
			join environments e on e.id = we.environment_id and e.deleted_at = 0 where e.id = ?)`, f.EnvironmentID)
	}
	if f.CredentialID != "" {
		cond.add(`w.id in (select wc.workspace_id from workspace_credentials wc
			join credentials k on k.id = wc.credential_id and k.deleted_at = 0 where k.id = ?)`, f.CredentialID)
	}
	cond.search(v.OrganizationID, "workspace", "w.id", search)
}

// CreateWorkspace stores a new workspace.
func (t *Tx) CreateWorkspace(ctx context.Context, w *belay.Workspace) error {
	err := t.exec(ctx, `
		insert into workspaces (id, organization_id, owner_id, name, name_fold, description, metadata, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		w.ID, w.OrganizationID, w.OwnerID, w.Name, fold(w.Name), w.Description, object(w.Metadata), w.Version,
		micros(w.CreatedAt), micros(w.UpdatedAt))
	if err != nil {
		return err
	}
	if err := t.addTerms(ctx, w.OrganizationID, "workspace", w.ID, w.Name, w.Description); err != nil {
		return err
	}
	return t.countObject(ctx, w.OrganizationID, "workspace", 1)
}

// UpdateWorkspace changes a workspace by change, which sees it as it is
// stored, and returns it as it then is. Ids, creation and deletion are not
// change's to alter.
func (t *Tx) UpdateWorkspace(ctx context.Context, org, id belay.ID, now time.Time, change func(*belay.Workspace) error) (*belay.Workspace, error) {
	before, err := one(ctx, t.Reader, scanWorkspace, selectWorkspace+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "workspace")
	}
	w := new(*before)
	if err := change(w); err != nil {
		return nil, err
	}
	w.ID, w.OrganizationID, w.CreatedAt, w.DeletedAt = before.ID, before.OrganizationID, before.CreatedAt, before.DeletedAt
	w.Version, w.UpdatedAt = before.Version+1, now
	err = t.exec(ctx, `
		update workspaces set name = $4, name_fold = $5, description = $6, metadata = $7, version = $8, updated_at = $9, owner_id = $10
		where organization_id = $1 and id = $2 and version = $3 and deleted_at = 0`,
		org, id, before.Version, w.Name, fold(w.Name), w.Description, object(w.Metadata), w.Version, micros(now), w.OwnerID)
	if err != nil {
		return nil, overtaken(err)
	}
	return w, t.setTerms(ctx, org, "workspace", id, []string{before.Name, before.Description}, []string{w.Name, w.Description})
}

// DeleteWorkspace deletes a workspace softly: it can be restored with its
// assignments. What was assigned to it is not touched.
func (t *Tx) DeleteWorkspace(ctx context.Context, org, id belay.ID, now time.Time) error {
	if err := t.seize(ctx, "workspaces", org, id); err != nil {
		return err
	}
	err := t.exec(ctx, `
		update workspaces set deleted_at = $3, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at = 0`, org, id, micros(now))
	if err != nil {
		return notFound(err, "workspace")
	}
	t.accessChanged(org)
	return t.countObject(ctx, org, "workspace", -1)
}

// RestoreWorkspace takes back a deletion.
func (t *Tx) RestoreWorkspace(ctx context.Context, org, id belay.ID, now time.Time) (*belay.Workspace, error) {
	err := t.exec(ctx, `
		update workspaces set deleted_at = 0, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at > 0`, org, id, micros(now))
	if err != nil {
		return nil, notFound(err, "deleted workspace")
	}
	t.accessChanged(org)
	if err := t.countObject(ctx, org, "workspace", 1); err != nil {
		return nil, err
	}
	return t.Workspace(ctx, org, id)
}
