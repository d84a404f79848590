package app

import (
	"context"

	"belay"
)

// rights are what a caller may do with the objects of his organization: all,
// or what his roles, his own and the binding of his token leave.
type rights struct {
	caller
	access *belay.Access // nil for who may everything
}

// rights finds out what a caller may.
func (a *App) rights(ctx context.Context, c caller) (rights, error) {
	if c.admin {
		return rights{caller: c}, nil
	}
	v := c.viewer()
	// Counted before it is read: a change meanwhile makes it outdated.
	now := grantsState{version: c.AccessVersions[c.org], changes: a.store.AccessChanges(c.org)}
	access, err := a.compiled.of(ctx, v, now, func(ctx context.Context) (*belay.Access, error) { return a.store.Access(ctx, v) })
	return rights{c, access}, err
}

// to is what the caller is to an object of that owner that he reaches with
// that role, if he does.
func (r rights) to(owner belay.ID, role belay.Role, reached bool) belay.Standing {
	if r.Bound() && !reached {
		return belay.Standing{}
	}
	return belay.Standing{Owner: owner == r.UserID, Admin: r.admin, Roles: []belay.Role{role}}
}

func (r rights) toWorkspace(w *belay.Workspace) belay.Standing {
	if r.access == nil {
		return r.standing(w.OwnerID)
	}
	role, reached := r.access.Workspaces[w.ID]
	return r.to(w.OwnerID, role, reached)
}

func (r rights) toEnvironment(e *belay.Environment) belay.Standing {
	if r.access == nil {
		return r.standing(e.OwnerID)
	}
	role, reached := r.access.Environments[e.ID]
	return r.to(e.OwnerID, role, reached)
}

// toConnection decides about a connection of that owner by the environments
// that hold it.
func (r rights) toConnection(owner belay.ID, holders []belay.ID) belay.Standing {
	if r.access == nil {
		return r.standing(owner)
	}
	strongest, reached := belay.RoleNone, false
	for _, id := range holders {
		if role, ok := r.access.Environments[id]; ok {
			strongest, reached = belay.Strongest(strongest, role), true
		}
	}
	return r.to(owner, strongest, reached)
}

// toCredential decides about a credential by the workspaces to which it is
// assigned; seen tells that the caller sees it for another reason. Through a
// binding that shows nothing but that it is there, whoever owns it.
func (r rights) toCredential(v *belay.Credential, seen bool) belay.Standing {
	if r.access == nil {
		return r.standing(v.OwnerID)
	}
	role, reached := r.access.Credentials[v.ID]
	if seen && !reached {
		role = belay.RoleViewer
		if r.Bound() {
			return belay.Standing{Roles: []belay.Role{role}}
		}
	}
	return r.to(v.OwnerID, role, reached)
}

// toCredentials is toCredential of some credentials. Those that are neither
// the caller's own nor assigned to a workspace of his are looked for among
// what the connections use that he reaches.
func (a *App) toCredentials(ctx context.Context, c caller, all ...*belay.Credential) (func(*belay.Credential) belay.Standing, error) {
	r, err := a.rights(ctx, c)
	if err != nil {
		return nil, err
	}
	var open []belay.ID
	for _, v := range all {
		if !r.toCredential(v, false).Has(belay.PermissionCredentialRead) {
			open = append(open, v.ID)
		}
	}
	seen, err := a.store.SeenCredentials(ctx, c.viewer(), open...)
	return func(v *belay.Credential) belay.Standing { return r.toCredential(v, seen[v.ID]) }, err
}

// visible are those of some environments that the caller sees.
func (r rights) visible(all []*belay.Environment) []*belay.Environment {
	if r.access == nil {
		return all
	}
	var out []*belay.Environment
	for _, e := range all {
		if r.toEnvironment(e).Has(belay.PermissionEnvironmentRead) {
			out = append(out, e)
		}
	}
	return out
}
