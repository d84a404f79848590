package app

import (
	"context"
	"errors"

	"belay"
)

// caller is an authorized principal in one organization.
type caller struct {
	*belay.Principal
	org belay.ID
	// admin tells that he may everything in it: he administers it, and his
	// token is bound to no part of it.
	admin bool
}

func (c caller) viewer() belay.Viewer {
	return belay.Viewer{
		OrganizationID: c.org, UserID: c.UserID, All: c.Roles[c.org].Administers(),
		WorkspaceID: c.WorkspaceID, EnvironmentID: c.EnvironmentID,
	}
}

// standing is what the caller is to an object of that owner which no
// workspace and no environment reaches, such as a team or what is deleted.
// Through a binding there is none.
func (c caller) standing(owner belay.ID) belay.Standing {
	if c.Bound() {
		return belay.Standing{}
	}
	return belay.Standing{Owner: owner == c.UserID, Admin: c.admin}
}

// authorize finds out who calls and for which organization. With "" for org
// it is the caller's only one. It refuses strangers and tokens whose scopes
// leave the permission out; whether the caller has the permission on one
// object is asked by allow.
func (a *App) authorize(ctx context.Context, org belay.ID, p belay.Permission) (caller, error) {
	principal, err := authenticated(ctx, p)
	if err != nil {
		return caller{}, err
	}
	if org == "" {
		orgs := principal.Organizations()
		if len(orgs) != 1 {
			return caller{}, organizationRequired(len(orgs))
		}
		org = orgs[0]
	}
	return in(principal, org)
}

func in(principal *belay.Principal, org belay.ID) (caller, error) {
	role, ok := principal.Roles[org]
	if !ok {
		return caller{}, belay.NotFound("organization")
	}
	return caller{Principal: principal, org: org, admin: role.Administers() && !principal.Bound()}, nil
}

// authenticated refuses strangers, and tokens without the scope.
func authenticated(ctx context.Context, p belay.Permission) (*belay.Principal, error) {
	principal := belay.PrincipalFrom(ctx)
	if principal == nil {
		return nil, Unauthenticated("this request carries no token and no session")
	}
	return principal, inScope(principal, p)
}

// inScope refuses a token that lacks a scope, or that is bound to a part of
// an organization and cannot reach what the permission is for.
func inScope(principal *belay.Principal, p belay.Permission) error {
	if !principal.WithinBinding(p) {
		return boundElsewhere("this is done in an organization")
	}
	if principal.InScope(p) {
		return nil
	}
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "the token that was used is not allowed to do this: it lacks the scope " + string(p),
		Remedy: []belay.Remedy{{
			ID: "token.scope", Title: "Use another token",
			Description: "A token with the scope " + string(p) + " can do this, if its user may.",
		}},
	}
}

// Unauthenticated is what a stranger gets, with what to do about it.
func Unauthenticated(why string) *belay.Error {
	return &belay.Error{
		Code:    belay.CodeUnauthenticated,
		Message: why,
		Remedy: []belay.Remedy{{
			ID: "token.send", Title: "Send a token",
			Description: "Send the header \"Authorization: Bearer TOKEN\". On the server's machine the first token is in the file admin.token of its data directory.",
			Command:     "belay whoami",
		}},
	}
}

func organizationRequired(n int) error {
	if n == 0 {
		return belay.Errorf(belay.CodeForbidden, "you belong to no organization; ask an administrator to add you to one")
	}
	return &belay.Error{
		Code:    belay.CodeOrganizationRequired,
		Message: "orgId is required: you belong to several organizations",
		Fields:  []belay.Field{{Pointer: "orgId", Message: "is required"}},
		Remedy: []belay.Remedy{{
			ID: "organization.name", Title: "Name the organization",
			Description: "Repeat the request with ?orgId=ID; your organizations are listed at /api/identity/orgs.",
			Action:      &belay.RemedyAction{Method: "GET", Href: "/api/identity/orgs"},
			Command:     "belay organization list",
		}},
	}
}

// requireAdmin refuses whoever does not administer the organization.
func (c caller) requireAdmin(p belay.Permission) error {
	if c.admin {
		return nil
	}
	if c.Bound() {
		return boundElsewhere("this is done in an organization")
	}
	return forbidden(p)
}

// administers is authorize for what administrators of the organization alone
// may.
func (a *App) administers(ctx context.Context, org belay.ID, p belay.Permission) (caller, error) {
	c, err := a.authorize(ctx, org, p)
	if err != nil {
		return c, err
	}
	return c, c.requireAdmin(p)
}

// mayCreate refuses a bound token: what is new belongs to no workspace and to
// no environment, and so lies outside of what the token is for.
func (c caller) mayCreate() error {
	if !c.Bound() {
		return nil
	}
	return boundElsewhere("what is made anew belongs to none")
}

// boundElsewhere is the refusal of what a bound token is not for.
func boundElsewhere(why string) error {
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "the token that was used is for one workspace or environment only, and " + why,
		Remedy: []belay.Remedy{{
			ID: "token.binding", Title: "Use another token",
			Description: "A token that is not bound to a workspace or an environment can do this, if its user may.",
		}},
	}
}

func forbidden(p belay.Permission) error {
	who := "An administrator of the organization"
	if belay.RoleAdmin.Has(p) { // else no role in a workspace gives it
		who = "An administrator of the workspace or of the organization"
	}
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: "you may not do this: it needs the permission " + string(p),
		Remedy: []belay.Remedy{{
			ID: "permission.ask", Title: "Ask for the permission",
			Description: who + " can grant " + string(p) + ".",
		}},
	}
}

// allow decides about one object: what one cannot read does not exist, what
// one can read and may not otherwise is forbidden.
func allow(s belay.Standing, read, want belay.Permission, noun string) error {
	if !s.Has(read) {
		return belay.NotFound(noun)
	}
	if !s.Has(want) {
		return forbidden(want)
	}
	return nil
}

// object loads one object that the caller names by its id and asks whether
// he has a permission on it. Without an organization it is looked for in
// each of his.
func object[T any](ctx context.Context, org belay.ID, want belay.Permission, load func(caller) (T, error)) (caller, T, error) {
	var none T
	principal, err := authenticated(ctx, want)
	if err != nil {
		return caller{}, none, err
	}
	orgs := principal.Organizations()
	if org != "" {
		orgs = []belay.ID{org}
	}
	err = organizationRequired(0)
	for _, org := range orgs {
		var c caller
		if c, err = in(principal, org); err != nil {
			continue
		}
		var v T
		if v, err = load(c); err == nil {
			return c, v, nil
		}
		if belay.CodeOf(err) != belay.CodeNotFound {
			break
		}
	}
	return caller{}, none, err
}

// named are the objects that a list's filter names; an id of "" names none.
type named struct {
	workspaces, environments, connections, credentials []belay.ID
}

// viewerOf is who looks at a list that is filtered by objects: the caller if
// he may read them all, else one who sees nothing. A list must not tell what
// belongs to something that does not exist for the caller, and all the same
// refuses an order or a cursor that is none.
func (a *App) viewerOf(ctx context.Context, c caller, n named) (belay.Viewer, error) {
	if c.admin {
		return c.viewer(), nil
	}
	for _, look := range []struct {
		ids  []belay.ID
		load func(belay.ID) error
	}{
		{n.workspaces, func(id belay.ID) error {
			_, err := a.loadWorkspace(ctx, c, id, belay.PermissionWorkspaceRead)
			return err
		}},
		{n.environments, func(id belay.ID) error {
			_, err := a.loadEnvironment(ctx, c, id, belay.PermissionEnvironmentRead)
			return err
		}},
		{n.connections, func(id belay.ID) error {
			_, err := a.loadConnection(ctx, c, id, belay.PermissionConnectionRead)
			return err
		}},
		{n.credentials, func(id belay.ID) error {
			_, err := a.loadCredential(ctx, c, id, belay.PermissionCredentialRead)
			return err
		}},
	} {
		for _, id := range look.ids {
			if id == "" {
				continue
			}
			if err := look.load(id); err != nil {
				return belay.Viewer{}, ignoring(err, isNotFound)
			}
		}
	}
	return c.viewer(), nil
}

// ignoring is err, or nil for one that is expected.
func ignoring(err error, expected func(error) bool) error {
	if expected(err) {
		return nil
	}
	return err
}

// actions lists those of some permissions that the standing gives and the
// token's scopes allow.
func (c caller) actions(s belay.Standing, of ...belay.Permission) []belay.Permission {
	out := []belay.Permission{}
	for _, p := range of {
		if s.Has(p) && c.InScope(p) {
			out = append(out, p)
		}
	}
	return out
}

// isNotFound tells whether err says that something does not exist.
func isNotFound(err error) bool { return belay.CodeOf(err) == belay.CodeNotFound }

// about puts a pointer on an error that has none, so that the client sees
// which part of its request is meant. What the body names and is not there
// makes the request invalid; any other error stays what it is.
func about(pointer string, err error) error {
	e, ok := errors.AsType[*belay.Error](err)
	if !ok || len(e.Fields) > 0 {
		return err
	}
	named := *e
	named.Fields = []belay.Field{{Pointer: pointer, Message: e.Message}}
	if e.Code == belay.CodeNotFound { // the path was found; it is the body that names what is not
		named.Code, named.Message = belay.CodeInvalid, "the request is not valid"
	}
	return &named
}
