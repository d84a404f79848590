package store

import (
	"context"
	"errors"
	"slices"

	"belay"
)

// relation is one many-to-many table. Both ends are checked to be live and
// of the same organization by the statement that assigns them.
type relation struct {
	table string
	left  end
	right end
	// counts says that assigning changes the left end as well.
	counts bool
	// grants says that a pair changes who may what.
	grants bool
}

type end struct{ table, column, noun string }

var (
	environmentConnections = relation{
		table:  "environment_connections",
		left:   end{"environments", "environment_id", "environment"},
		right:  end{"connections", "connection_id", "connection"},
		counts: true,
	}
	workspaceEnvironments = relation{
		table: "workspace_environments",
		left:  end{"workspaces", "workspace_id", "workspace"},
		right: end{"environments", "environment_id", "environment"}, grants: true,
	}
	workspaceCredentials = relation{
		table: "workspace_credentials",
		left:  end{"workspaces", "workspace_id", "workspace"},
		right: end{"credentials", "credential_id", "credential"}, grants: true,
	}
)

// assign makes a pair. changed is false when it was there already. Neither end
// is deleted until the transaction ends.
func (t *Tx) assign(ctx context.Context, rel relation, org belay.ID, a belay.Assignment) (changed bool, err error) {
	keep := t.keep("l, r", "")
	if rel.counts {
		keep = t.keep("r", "l")
	}
	n, err := t.execAny(ctx, `
		insert into `+rel.table+` (id, `+rel.left.column+`, `+rel.right.column+`, created_at)
		select cast($1 as text), l.id, r.id, cast($2 as bigint) from `+rel.left.table+` l, `+rel.right.table+` r
		where l.organization_id = $3 and l.id = $4 and l.deleted_at = 0
		and r.organization_id = $3 and r.id = $5 and r.deleted_at = 0`+keep+`
		on conflict do nothing`,
		a.ID, micros(a.CreatedAt), org, a.LeftID, a.RightID)
	if n > 0 && rel.grants {
		t.accessChanged(org)
	}
	if err != nil || n > 0 {
		return n > 0, err
	}
	_, err = t.assignment(ctx, rel, org, a.LeftID, a.RightID)
	return false, err
}

// unassign ends a pair. changed is false when there was none.
func (t *Tx) unassign(ctx context.Context, rel relation, org, left, right belay.ID) (changed bool, err error) {
	n, err := t.execAny(ctx, "delete from "+rel.table+" where "+rel.right.column+" = $3 and "+rel.left.column+
		" in (select id from "+rel.left.table+" where organization_id = $1 and id = $2 and deleted_at = 0)", org, left, right)
	if n > 0 && rel.grants {
		t.accessChanged(org)
	}
	return n > 0, err
}

// assignment returns a pair of an organization. When there is none it says
// which end is missing.
func (r Reader) assignment(ctx context.Context, rel relation, org, left, right belay.ID) (belay.Assignment, error) {
	a, err := one(ctx, r, func(r row) (belay.Assignment, error) {
		a := belay.Assignment{LeftID: left, RightID: right}
		err := r.Scan(&a.ID, stamp{&a.CreatedAt})
		return a, err
	}, `
		select p.id, p.created_at from `+rel.table+` p
		join `+rel.left.table+` l on l.id = p.`+rel.left.column+` and l.organization_id = $1 and l.deleted_at = 0
		join `+rel.right.table+` r on r.id = p.`+rel.right.column+` and r.organization_id = $1 and r.deleted_at = 0
		where l.id = $2 and r.id = $3`, org, left, right)
	if !errors.Is(err, errNoRow) {
		return a, err
	}
	_, err = one(ctx, r, scanID, "select id from "+rel.left.table+" where organization_id = $1 and id = $2 and deleted_at = 0", org, left)
	if err != nil {
		return a, notFound(err, rel.left.noun)
	}
	return a, belay.NotFound(rel.right.noun)
}

// AssignConnection puts a connection into an environment; changed is false
// when it was there already.
func (t *Tx) AssignConnection(ctx context.Context, org belay.ID, a belay.Assignment) (changed bool, err error) {
	changed, err = t.assign(ctx, environmentConnections, org, a)
	if err != nil || !changed {
		return changed, err
	}
	return true, t.changedSet(ctx, org, a.LeftID, []belay.ID{a.RightID}, nil)
}

// UnassignConnection takes a connection out of an environment; changed is
// false when it was not in it.
func (t *Tx) UnassignConnection(ctx context.Context, org, environment, connection belay.ID) (changed bool, err error) {
	if err := t.keepEnvironment(ctx, org, environment); err != nil {
		return false, err
	}
	changed, err = t.unassign(ctx, environmentConnections, org, environment, connection)
	if err != nil || !changed {
		return changed, err
	}
	return true, t.changedSet(ctx, org, environment, nil, []belay.ID{connection})
}

// assignRows is how many assignments one statement makes or ends.
const assignRows = 10_000

// ChangeSet puts connections into an environment and takes others out, as one
// change of its set; nothing changes when all are as they are to be. When a
// connection is not there to be put in, that is CodeNotFound, and failed is
// which one of put it is.
func (t *Tx) ChangeSet(ctx context.Context, org, environment belay.ID, put []belay.Assignment, take []belay.ID) (failed int, err error) {
	if err := t.keepEnvironment(ctx, org, environment); err != nil {
		return 0, err
	}
	var added, taken []belay.ID
	for from := 0; from < len(put); from += assignRows {
		rows := put[from:min(from+assignRows, len(put))]
		ids, err := t.putConnections(ctx, org, environment, rows)
		if err != nil {
			return from, err
		}
		if len(ids) < len(rows) {
			if i, err := t.absent(ctx, org, environment, rows); err != nil {
				return from + i, err
			}
		}
		added = append(added, ids...)
	}
	for rows := range slices.Chunk(take, assignRows) {
		ids, err := all(ctx, t.Reader, scanID, `
			delete from environment_connections
			where environment_id in (select id from environments where organization_id = $1 and id = $2 and deleted_at = 0)
			and connection_id in (select value from `+t.elements("$3")+") returning connection_id", org, environment, jsonText{rows})
		if err != nil {
			return 0, err
		}
		taken = append(taken, ids...)
	}
	if len(added)+len(taken) == 0 {
		return 0, nil
	}
	return 0, t.changedSet(ctx, org, environment, added, taken)
}

// keepEnvironment keeps others from changing an environment or what it holds
// until the transaction ends, if it is there: who deletes it and who takes
// something out of it would both count that.
func (t *Tx) keepEnvironment(ctx context.Context, org, environment belay.ID) error {
	if !t.postgres {
		return nil
	}
	_, err := t.execAny(ctx, "select 1 from environments where organization_id = $1 and id = $2 and deleted_at = 0 for no key update", org, environment)
	return err
}

// putConnections puts those of some connections into an environment that are
// live and not in it, all at the time of the first, and returns these.
func (t *Tx) putConnections(ctx context.Context, org, environment belay.ID, rows []belay.Assignment) ([]belay.ID, error) {
	pairs := make([]string, len(rows))
	for i, a := range rows {
		pairs[i] = string(a.ID) + " " + string(a.RightID)
	}
	id, connection := t.halves("v.value")
	return all(ctx, t.Reader, scanID, `
		insert into environment_connections (id, environment_id, connection_id, created_at)
		select `+id+`, l.id, r.id, cast($4 as bigint)
		from environments l cross join `+t.elements("$3")+` v cross join connections r
		where l.organization_id = $1 and l.id = $2 and l.deleted_at = 0
		and r.organization_id = $1 and r.id = `+connection+` and r.deleted_at = 0`+t.keep("r", "l")+`
		on conflict do nothing returning connection_id`, org, environment, jsonText{pairs}, micros(rows[0].CreatedAt))
}

// elements are the rows of one parameter, a JSON array of texts, each as
// value: a thousand parameters take SQLite's driver longer than what is done
// with them, since it looks for each by its name.
func (r Reader) elements(parameter string) string {
	if r.postgres {
		return "json_array_elements_text(cast(" + parameter + " as json))"
	}
	return "json_each(" + parameter + ")"
}

// halves are the parts of a text before and after its only blank.
func (r Reader) halves(text string) (before, after string) {
	if r.postgres {
		return "split_part(" + text + ", ' ', 1)", "split_part(" + text + ", ' ', 2)"
	}
	return "substr(" + text + ", 1, instr(" + text + ", ' ') - 1)", "substr(" + text + ", instr(" + text + ", ' ') + 1)"
}

// absent says which end of some assignments is not there: the environment,
// or the first connection.
func (r Reader) absent(ctx context.Context, org, environment belay.ID, rows []belay.Assignment) (int, error) {
	if _, err := r.Environment(ctx, org, environment); err != nil {
		return 0, err
	}
	ids := make([]belay.ID, len(rows))
	for i, a := range rows {
		ids[i] = a.RightID
	}
	found, err := all(ctx, r, scanID, "select c.id from "+r.elements("$2")+` v cross join connections c
		where c.organization_id = $1 and c.id = v.value and c.deleted_at = 0`, org, jsonText{ids})
	if err != nil {
		return 0, err
	}
	there := make(map[belay.ID]bool, len(found))
	for _, id := range found {
		there[id] = true
	}
	i := slices.IndexFunc(rows, func(a belay.Assignment) bool { return !there[a.RightID] })
	if i < 0 {
		return 0, nil
	}
	return i, belay.NotFound(environmentConnections.right.noun)
}

// changedSet counts a change of which connections an environment holds.
func (t *Tx) changedSet(ctx context.Context, org, environment belay.ID, put, taken []belay.ID) error {
	if err := t.changeHolders(ctx, org, put, taken); err != nil {
		return err
	}
	err := t.exec(ctx, "update environments set set_version = set_version + 1 where organization_id = $1 and id = $2", org, environment)
	return notFound(err, "environment")
}

// AssignedConnections returns the ids of all live connections that an
// environment holds, ordered by id.
func (r Reader) AssignedConnections(ctx context.Context, org, environment belay.ID) ([]belay.ID, error) {
	return all(ctx, r, scanID, `
		select ec.connection_id from environment_connections ec
		join connections c on c.id = ec.connection_id and c.deleted_at = 0 and c.organization_id = $1
		where ec.environment_id = $2 order by ec.connection_id`, org, environment)
}

// HoldsConnection tells whether an environment holds a connection, both of
// them live.
func (r Reader) HoldsConnection(ctx context.Context, org, environment, connection belay.ID) (bool, error) {
	_, err := r.assignment(ctx, environmentConnections, org, environment, connection)
	if belay.CodeOf(err) == belay.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

// ConnectionOwners returns who owns each of some live connections; one that is
// not there is left out.
func (r Reader) ConnectionOwners(ctx context.Context, org belay.ID, connections []belay.ID) (map[belay.ID]belay.ID, error) {
	if len(connections) == 0 {
		return nil, nil
	}
	pairs, err := all(ctx, r, func(r row) ([2]belay.ID, error) {
		var pair [2]belay.ID
		err := r.Scan(&pair[0], &pair[1])
		return pair, err
	}, "select c.id, c.owner_id from "+r.elements("$2")+` v cross join connections c
		where c.organization_id = $1 and c.id = v.value and c.deleted_at = 0`, org, jsonText{connections})
	out := make(map[belay.ID]belay.ID, len(pairs))
	for _, pair := range pairs {
		out[pair[0]] = pair[1]
	}
	return out, err
}

func scanID(r row) (belay.ID, error) {
	var id belay.ID
	err := r.Scan(&id)
	return id, err
}

// AssignEnvironment assigns an environment to a workspace and returns the
// assignment, the old one when there was one.
func (t *Tx) AssignEnvironment(ctx context.Context, org belay.ID, a belay.Assignment) (belay.Assignment, error) {
	if _, err := t.assign(ctx, workspaceEnvironments, org, a); err != nil {
		return a, err
	}
	return t.assignment(ctx, workspaceEnvironments, org, a.LeftID, a.RightID)
}

// UnassignEnvironment ends an assignment; changed is false when there was
// none.
func (t *Tx) UnassignEnvironment(ctx context.Context, org, workspace, environment belay.ID) (changed bool, err error) {
	return t.unassign(ctx, workspaceEnvironments, org, workspace, environment)
}

// AssignCredential assigns a credential to a workspace and returns the
// assignment, the old one when there was one.
func (t *Tx) AssignCredential(ctx context.Context, org belay.ID, a belay.Assignment) (belay.Assignment, error) {
	if _, err := t.assign(ctx, workspaceCredentials, org, a); err != nil {
		return a, err
	}
	return t.assignment(ctx, workspaceCredentials, org, a.LeftID, a.RightID)
}

// UnassignCredential ends an assignment; changed is false when there was
// none.
func (t *Tx) UnassignCredential(ctx context.Context, org, workspace, credential belay.ID) (changed bool, err error) {
	return t.unassign(ctx, workspaceCredentials, org, workspace, credential)
}
