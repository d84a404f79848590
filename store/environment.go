package store

import (
	"context"
	"time"

	"belay"
)

const environmentColumns = `e.id, e.organization_id, e.owner_id, e.name, e.description, e.metadata,
	e.version, e.set_version, e.created_at, e.updated_at, e.deleted_at`

const selectEnvironment = "select " + environmentColumns +
	" from environments e where e.organization_id = $1 and e.id = $2 and e.deleted_at = 0"

const selectDeletedEnvironment = "select " + environmentColumns +
	" from environments e where e.organization_id = $1 and e.id = $2 and e.deleted_at > 0"

func scanEnvironment(r row) (*belay.Environment, error) {
	var e belay.Environment
	err := r.Scan(&e.ID, &e.OrganizationID, &e.OwnerID, &e.Name, &e.Description, &e.Metadata,
		&e.Version, &e.SetVersion, stamp{&e.CreatedAt}, stamp{&e.UpdatedAt}, stamp{&e.DeletedAt})
	return &e, err
}

var environments = list[*belay.Environment]{
	columns: environmentColumns,
	from:    "environments e",
	id:      "e.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "e.name_fold"},
		"createdAt": {column: "e.created_at", number: true},
		"updatedAt": {column: "e.updated_at", number: true},
	},
	scan: scanEnvironment,
}

var seenEnvironments = seen{
	table: "environments", alias: "e",
	ids:     func(r reach) string { return r.environments },
	reached: func(r reach) string { return "e.id in (" + r.environments + ")" },
}

// heldByWorkspace selects the environments that are assigned to a live
// workspace.
const heldByWorkspace = `select we.environment_id from workspace_environments we
	join workspaces w on w.id = we.workspace_id and w.deleted_at = 0 where w.id = ?`

// Environment returns one environment.
func (r Reader) Environment(ctx context.Context, org, id belay.ID) (*belay.Environment, error) {
	e, err := one(ctx, r, scanEnvironment, selectEnvironment+r.lock, org, id)
	return e, notFound(err, "environment")
}

// DeletedEnvironment returns one environment that can be restored.
func (r Reader) DeletedEnvironment(ctx context.Context, org, id belay.ID) (*belay.Environment, error) {
	e, err := one(ctx, r, scanEnvironment, selectDeletedEnvironment+r.lock, org, id)
	return e, notFound(err, "deleted environment")
}

// Environments lists what v sees of an organization's environments.
func (r Reader) Environments(ctx context.Context, v belay.Viewer, f belay.EnvironmentFilter, q belay.Query) (belay.Page[*belay.Environment], error) {
	if v.Whole() && f == (belay.EnvironmentFilter{}) && q.Search == "" {
		var cond condition
		seenEnvironments.by(&cond, r, v, walk)
		cond.live("e", false)
		return withTotal(ctx, r, &environments, &cond, q, v.OrganizationID, "environment")
	}
	selective := f.Deleted || f.WorkspaceID != "" || f.ConnectionID != "" || q.Search != ""
	return seenBy(ctx, r, &environments, &seenEnvironments, v, q, selective, func(cond *condition) {
		environmentCondition(cond, v, f, q.Search)
	})
}

func environmentCondition(cond *condition, v belay.Viewer, f belay.EnvironmentFilter, search string) {
	cond.live("e", f.Deleted)
	if f.Deleted && !v.All {
		cond.add("e.owner_id = ?", v.UserID)
	}
	if f.WorkspaceID != "" {
		cond.add("e.id in ("+heldByWorkspace+")", f.WorkspaceID)
	}
	if f.NotInWorkspaceID != "" {
		cond.add("e.id not in ("+heldByWorkspace+")", f.NotInWorkspaceID)
	}
	if f.ConnectionID != "" {
		cond.add(`e.id in (select ec.environment_id from environment_connections ec
			join connections c on c.id = ec.connection_id and c.deleted_at = 0 where c.id = ?)`, f.ConnectionID)
	}
	cond.search(v.OrganizationID, "environment", "e.id", search)
}

// EnvironmentsOf returns, for each of some connections of an organization,
// the live environments that hold it, by name.
func (r Reader) EnvironmentsOf(ctx context.Context, org belay.ID, connections ...belay.ID) (map[belay.ID][]*belay.Environment, error) {
	return r.holding(ctx, org, connections, condition{})
}

// EnvironmentsThrough is EnvironmentsOf of those environments that are
// assigned to a workspace.
func (r Reader) EnvironmentsThrough(ctx context.Context, org, workspace belay.ID, connections ...belay.ID) (map[belay.ID][]*belay.Environment, error) {
	var cond condition
	cond.add("e.id in ("+heldByWorkspace+")", workspace)
	return r.holding(ctx, org, connections, cond)
}

func (r Reader) holding(ctx context.Context, org belay.ID, connections []belay.ID, cond condition) (map[belay.ID][]*belay.Environment, error) {
	out := map[belay.ID][]*belay.Environment{}
	if len(connections) == 0 {
		return out, nil
	}
	cond.in("ec.connection_id", texts(connections))
	cond.add("e.id = ec.environment_id")
	cond.add("e.organization_id = ?", org)
	cond.add("e.deleted_at = 0")
	// In this order, which a cross join keeps on SQLite: it would go through all
	// environments of the organization, knowing nothing of how many there are.
	type pair struct {
		connection  belay.ID
		environment *belay.Environment
	}
	pairs, err := all(ctx, r, func(r row) (pair, error) {
		var p pair
		e, err := scanEnvironment(extended{r, []any{&p.connection}})
		p.environment = e
		return p, err
	}, "select "+environmentColumns+", ec.connection_id from environment_connections ec cross join environments e"+
		cond.where()+" order by e.name_fold, e.id", cond.args...)
	for _, p := range pairs {
		out[p.connection] = append(out[p.connection], p.environment)
	}
	return out, err
}

// CreateEnvironment stores a new environment.
func (t *Tx) CreateEnvironment(ctx context.Context, e *belay.Environment) error {
	err := t.exec(ctx, `
		insert into environments (id, organization_id, owner_id, name, name_fold, description, metadata, version, set_version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.ID, e.OrganizationID, e.OwnerID, e.Name, fold(e.Name), e.Description, object(e.Metadata), e.Version, e.SetVersion,
		micros(e.CreatedAt), micros(e.UpdatedAt))
	if err != nil {
		return err
	}
	if err := t.addTerms(ctx, e.OrganizationID, "environment", e.ID, e.Name, e.Description); err != nil {
		return err
	}
	return t.countObject(ctx, e.OrganizationID, "environment", 1)
}

// UpdateEnvironment changes an environment by change, which sees it as it is
// stored, and returns it as it then is. Ids, creation and deletion are not
// change's to alter.
func (t *Tx) UpdateEnvironment(ctx context.Context, org, id belay.ID, now time.Time, change func(*belay.Environment) error) (*belay.Environment, error) {
	before, err := one(ctx, t.Reader, scanEnvironment, selectEnvironment+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "environment")
	}
	e := new(*before)
	if err := change(e); err != nil {
		return nil, err
	}
	e.ID, e.OrganizationID, e.CreatedAt, e.DeletedAt = before.ID, before.OrganizationID, before.CreatedAt, before.DeletedAt
	e.Version, e.UpdatedAt = before.Version+1, now
	err = t.exec(ctx, `
		update environments set name = $4, name_fold = $5, description = $6, metadata = $7, version = $8, updated_at = $9, owner_id = $10
		where organization_id = $1 and id = $2 and version = $3 and deleted_at = 0`,
		org, id, before.Version, e.Name, fold(e.Name), e.Description, object(e.Metadata), e.Version, micros(now), e.OwnerID)
	if err != nil {
		return nil, overtaken(err)
	}
	return e, t.setTerms(ctx, org, "environment", id, []string{before.Name, before.Description}, []string{e.Name, e.Description})
}

// DeleteEnvironment deletes an environment softly: it can be restored with
// its assignments. Its connections are not touched.
func (t *Tx) DeleteEnvironment(ctx context.Context, org, id belay.ID, now time.Time) error {
	if err := t.seize(ctx, "environments", org, id); err != nil {
		return err
	}
	err := t.exec(ctx, `
		update environments set deleted_at = $3, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at = 0`, org, id, micros(now))
	if err != nil {
		return notFound(err, "environment")
	}
	t.accessChanged(org)
	if err := t.turnHolders(ctx, org, id, -1); err != nil {
		return err
	}
	return t.countObject(ctx, org, "environment", -1)
}

// RestoreEnvironment takes back a deletion.
func (t *Tx) RestoreEnvironment(ctx context.Context, org, id belay.ID, now time.Time) (*belay.Environment, error) {
	err := t.exec(ctx, `
		update environments set deleted_at = 0, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at > 0`, org, id, micros(now))
	if err != nil {
		return nil, notFound(err, "deleted environment")
	}
	t.accessChanged(org)
	if err := t.turnHolders(ctx, org, id, 1); err != nil {
		return nil, err
	}
	if err := t.countObject(ctx, org, "environment", 1); err != nil {
		return nil, err
	}
	return t.Environment(ctx, org, id)
}
