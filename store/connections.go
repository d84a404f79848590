package store

import (
	"context"
	"slices"

	"belay"
)

var connections = list[*belay.Connection]{
	columns: connectionColumns,
	from:    "connections c",
	id:      "c.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "c.name_fold"},
		"kind":      {column: "c.kind", then: "c.name_fold"},
		"status":    {column: "c.status", then: "c.name_fold"},
		"health":    {column: "c.health", then: "c.name_fold"},
		"createdAt": {column: "c.created_at", number: true},
		"updatedAt": {column: "c.updated_at", number: true},
	},
	scan: scanConnection,
}

var seenConnections = seen{
	table: "connections", alias: "c", reached: reachesConnection, probed: probesConnection,
	// A join, of which a bounded count reads no more than it counts.
	ids: func(r reach) string {
		return "select ec.connection_id from (" + r.environments + ") as reached cross join environment_connections ec where ec.environment_id = reached.id"
	},
}

// reachesConnection holds for the connections that are reached. The
// environments are the same for every row, and looked up once. They are
// compared as an expression: otherwise SQLite probes, for each connection, an
// index with every one of them.
func reachesConnection(r reach) string {
	return `exists (select 1 from environment_connections ec
		where ec.connection_id = c.id and coalesce(ec.environment_id, '') in (` + r.environments + "))"
}

// probesConnection is reachesConnection for who reaches very many environments.
// His workspaces are fewer, and looked up once; from each connection it is a
// few steps to them.
func probesConnection(r reach) string {
	return `exists (select 1 from environment_connections ec
		cross join environments e cross join workspace_environments we
		where ec.connection_id = c.id and e.id = ec.environment_id and e.deleted_at = 0
		and we.environment_id = ec.environment_id and coalesce(we.workspace_id, '') in (` + r.workspaces + "))"
}

// Connections lists what v sees of an organization's connections.
func (r Reader) Connections(ctx context.Context, v belay.Viewer, f belay.ConnectionFilter, q belay.Query) (belay.Page[*belay.Connection], error) {
	conditions := func(cond *condition) { connectionCondition(cond, v, f, q.Search) }
	if f.InNoEnvironment && !isSelective(f) && !slices.Contains(f.Statuses, belay.StatusDeleted) && q.Search == "" {
		return r.unheldConnections(ctx, v, f, q)
	}
	if !v.Whole() || !onlyProperties(f) || q.Search != "" {
		return seenBy(ctx, r, &connections, &seenConnections, v, q, q.Search != "" || isSelective(f), conditions)
	}
	var cond condition
	seenConnections.by(&cond, r, v, walk)
	conditions(&cond)
	page, err := connections.page(ctx, r, &cond, q)
	if err != nil {
		return page, err
	}
	counts, err := r.ConnectionCounts(ctx, v.OrganizationID)
	for _, n := range counts {
		if n.matches(f) {
			page.Total += n.N
		}
	}
	return page, err
}

// onlyProperties tells whether a filter asks for nothing but what
// connections are counted by.
func onlyProperties(f belay.ConnectionFilter) bool {
	return !isSelective(f) && f.NotInEnvironmentID == "" && !f.InNoEnvironment
}

// isSelective tells whether a filter leaves so little that the list is made
// of that.
func isSelective(f belay.ConnectionFilter) bool {
	return f.Labels != nil || f.Name != "" || f.EnvironmentID != "" || f.WorkspaceID != "" || f.CredentialID != ""
}

func (n ConnectionCount) matches(f belay.ConnectionFilter) bool {
	matches := len(f.Kinds) == 0 || slices.Contains(f.Kinds, n.Kind)
	matches = matches && (len(f.Types) == 0 || slices.Contains(f.Types, n.Type))
	matches = matches && (len(f.Healths) == 0 || slices.Contains(f.Healths, n.Health))
	if len(f.Statuses) == 0 {
		return matches && n.Status != belay.StatusDeleted
	}
	return matches && slices.Contains(f.Statuses, n.Status)
}

func connectionCondition(cond *condition, v belay.Viewer, f belay.ConnectionFilter, search string) {
	if !slices.Contains(f.Statuses, belay.StatusDeleted) {
		cond.add("c.deleted_at = 0")
	}
	cond.in("c.kind", f.Kinds)
	cond.in("c.type", f.Types)
	cond.in("c.status", texts(f.Statuses))
	cond.in("c.health", texts(f.Healths))
	if f.Name != "" {
		cond.add("c.name_fold = ?", fold(f.Name))
	}
	for name, value := range f.Labels {
		cond.add("c.id in (select connection_id from connection_labels where organization_id = ? and name = ? and value = ?)",
			v.OrganizationID, name, value)
	}
	relatedConnections(cond, f)
	cond.search(v.OrganizationID, "connection", "c.id", search)
}

// heldByEnvironment selects what a live environment holds.
const heldByEnvironment = `select ec.connection_id from environment_connections ec
	join environments e on e.id = ec.environment_id and e.deleted_at = 0 where e.id = ?`

// relatedConnections adds the conditions on what a connection is related to.
func relatedConnections(cond *condition, f belay.ConnectionFilter) {
	if f.EnvironmentID != "" {
		cond.add("c.id in ("+heldByEnvironment+")", f.EnvironmentID)
	}
	if f.NotInEnvironmentID != "" {
		cond.add("c.id not in ("+heldByEnvironment+")", f.NotInEnvironmentID)
	}
	if f.InNoEnvironment {
		cond.add("exists (select 1 from connection_holders h where h.connection_id = c.id and h.environments = 0)")
	}
	if f.WorkspaceID != "" {
		cond.add(`c.id in (select ec.connection_id from environment_connections ec
			join environments e on e.id = ec.environment_id and e.deleted_at = 0
			join workspace_environments we on we.environment_id = ec.environment_id
			join workspaces w on w.id = we.workspace_id and w.deleted_at = 0 where w.id = ?)`, f.WorkspaceID)
	}
	if f.CredentialID != "" {
		cond.add("c.id in (select connection_id from connection_credentials where credential_id = ?)", f.CredentialID)
	}
}
