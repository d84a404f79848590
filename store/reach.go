package store

import (
	"context"
	"strconv"
	"strings"

	"belay"
)

// workspacesOf selects the live workspaces in which a user has a role.
const workspacesOf = `select wu.workspace_id from grants wu
	join workspaces w on w.id = wu.workspace_id and w.deleted_at = 0
	where wu.user_id = ?`

// environmentsOf selects the live environments that a user's workspaces
// reach.
const environmentsOf = `select we.environment_id as id from grants wu
	join workspaces w on w.id = wu.workspace_id and w.deleted_at = 0
	join workspace_environments we on we.workspace_id = wu.workspace_id
	join environments e on e.id = we.environment_id and e.deleted_at = 0
	where wu.user_id = ?`

// reach is by what somebody reaches an organization's objects: statements
// that select the ids of workspaces and of environments. Both are live, and
// both end in conditions on wu, the grants, unless he needs no role.
type reach struct{ workspaces, environments string }

// reachOf is the reach of somebody who does not see everything. Each of the
// two statements uses each value that is bound: PostgreSQL wants to know of
// what type they are, whichever of them it is given.
func reachOf(cond *condition, v belay.Viewer) reach {
	if v.All {
		return boundReach(cond, v)
	}
	user := cond.bind("?", v.UserID)
	r := reach{strings.Replace(workspacesOf, "?", user, 1), strings.Replace(environmentsOf, "?", user, 1)}
	if v.WorkspaceID != "" {
		through := cond.bind(" and wu.workspace_id = ?", v.WorkspaceID)
		r.workspaces += through
		r.environments += through
	}
	return r.within(cond, v)
}

// boundReach is what a binding reaches, whatever the roles.
func boundReach(cond *condition, v belay.Viewer) reach {
	org := cond.bind("?", v.OrganizationID)
	if v.WorkspaceID == "" {
		return reach{
			"select w.id as id from workspaces w where w.organization_id = " + org,
			"select e.id as id from environments e where e.deleted_at = 0 and e.organization_id = " + org,
		}.within(cond, v)
	}
	workspace := cond.bind("w.id = ? and w.deleted_at = 0 and w.organization_id = "+org, v.WorkspaceID)
	return reach{
		"select w.id as id from workspaces w where " + workspace,
		`select we.environment_id as id from workspaces w join workspace_environments we on we.workspace_id = w.id
			join environments e on e.id = we.environment_id and e.deleted_at = 0 where ` + workspace,
	}.within(cond, v)
}

// within leaves of a reach what is in the environment that the viewer is
// bound to, if he is: no workspace is.
func (r reach) within(cond *condition, v belay.Viewer) reach {
	if v.EnvironmentID == "" {
		return r
	}
	r.workspaces += cond.bind(" and ? = ''", v.EnvironmentID)
	r.environments += " and e.id = $" + strconv.Itoa(len(cond.args))
	return r
}

// rank is a role as its place in ranked: the stronger, the greater.
const rank = "case role when 'viewer' then 1 when 'operator' then 2 when 'editor' then 3 when 'admin' then 4 else 0 end"

func ranked() []belay.Role { return append([]belay.Role{belay.RoleNone}, belay.Roles()...) }

// Access reads what somebody who does not see everything may by roles. It
// costs as much as he reaches.
func (r Reader) Access(ctx context.Context, v belay.Viewer) (*belay.Access, error) {
	out := &belay.Access{Workspaces: map[belay.ID]belay.Role{}, Environments: map[belay.ID]belay.Role{}, Credentials: map[belay.ID]belay.Role{}}
	into := map[string]map[belay.ID]belay.Role{"workspace": out.Workspaces, "environment": out.Environments, "credential": out.Credentials}
	roles := ranked()
	var cond condition
	_, err := all(ctx, r, func(r row) (struct{}, error) {
		var sort string
		var id belay.ID
		var n int
		err := r.Scan(&sort, &id, &n)
		if err == nil {
			into[sort][id] = roles[n]
		}
		return struct{}{}, err
	}, "select sort, id, max("+rank+") from ("+accessOf(&cond, v)+") as a group by sort, id", cond.args...)
	return out, err
}

// accessOf selects the sort, the id and the role of all that is reached, a
// row for each way to it.
func accessOf(cond *condition, v belay.Viewer) string {
	if v.All {
		return reachedAs(boundReach(cond, v), belay.RoleAdmin)
	}
	through := cond.bind(" and wu.user_id = ?", v.UserID) + cond.bind(" and w.organization_id = ?", v.OrganizationID)
	if v.WorkspaceID != "" {
		through += cond.bind(" and wu.workspace_id = ?", v.WorkspaceID)
	}
	const from = " from grants wu join workspaces w on w.id = wu.workspace_id and w.deleted_at = 0"
	ways := `
		select 'environment' as sort, we.environment_id as id, wu.role as role` + from + `
		join workspace_environments we on we.workspace_id = wu.workspace_id
		join environments e on e.id = we.environment_id and e.deleted_at = 0 where 1 = 1` + through
	if v.EnvironmentID != "" {
		ways += cond.bind(" and e.id = ?", v.EnvironmentID)
	} else {
		ways += " union all select 'workspace', wu.workspace_id, wu.role" + from + " where 1 = 1" + through + `
			union all select 'credential', wc.credential_id, wu.role` + from + `
			join workspace_credentials wc on wc.workspace_id = wu.workspace_id where 1 = 1` + through
	}
	if v.Bound() {
		ways += " union all " + reachedAs(boundReach(cond, v), belay.RoleNone)
	}
	return ways
}

// reachedAs selects everything in a binding's reach with one role.
func reachedAs(r reach, role belay.Role) string {
	as := " as sort, x.id as id, '" + string(role) + "' as role from ("
	return "select 'workspace'" + as + r.workspaces + ") as x" +
		" union all select 'environment'" + as + r.environments + ") as x" +
		" union all select 'credential'" + as + "select wc.credential_id as id from workspace_credentials wc where wc.workspace_id in (" + r.workspaces + ")) as x"
}

// HoldersOf returns, for each of some live connections, the live environments
// that hold it.
func (r Reader) HoldersOf(ctx context.Context, org belay.ID, connections ...belay.ID) (map[belay.ID][]belay.ID, error) {
	out := map[belay.ID][]belay.ID{}
	if len(connections) == 0 {
		return out, nil
	}
	_, err := all(ctx, r, func(r row) (struct{}, error) {
		var connection, environment belay.ID
		err := r.Scan(&connection, &environment)
		out[connection] = append(out[connection], environment)
		return struct{}{}, err
	}, "select ec.connection_id, ec.environment_id from "+r.elements("$2")+` v
		cross join connections c
		join environment_connections ec on ec.connection_id = c.id
		join environments e on e.id = ec.environment_id and e.deleted_at = 0
		where c.organization_id = $1 and c.id = v.value and c.deleted_at = 0`, org, jsonText{connections})
	return out, err
}

// SeenCredentials tells which of some credentials a viewer sees: he owns
// them, they are assigned to his workspaces, or a connection uses them that
// he reaches.
func (r Reader) SeenCredentials(ctx context.Context, v belay.Viewer, ids ...belay.ID) (map[belay.ID]bool, error) {
	out := map[belay.ID]bool{}
	if len(ids) == 0 {
		return out, nil
	}
	var cond condition
	cond.in("k.id", texts(ids))
	seenCredentials.by(&cond, r, v, walk)
	found, err := all(ctx, r, scanID, "select k.id from credentials k"+cond.where(), cond.args...)
	for _, id := range found {
		out[id] = true
	}
	return out, err
}
