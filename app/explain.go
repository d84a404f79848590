package app

import (
	"context"
	"slices"

	"belay"
	"belay/store"
)

// Question asks whether a user has a permission on one object, which one of
// the ids names.
type Question struct {
	UserID     belay.ID // "": the caller
	Permission belay.Permission
	store.Object
}

// Step is one thing on the way from a user to an object. What the asker
// cannot see is hidden: only its type is told.
type Step struct {
	Type   string // user, organization, team, workspace, environment, connection, credential
	ID     belay.ID
	Name   string
	Role   string // that it gives, "" for none
	Hidden bool
}

// Explanation is why a user has a permission on an object, or why not.
type Explanation struct {
	Allowed    bool
	Permission belay.Permission
	Object     Step
	// Path leads from the user to the object, or as far as it goes.
	Path    []Step
	Missing *Missing // nil when it is allowed
}

// Missing is the first step that lacks, and what would mend it.
type Missing struct {
	Step   string // token, role, team, workspace, environment, organization
	Remedy belay.Remedy
}

// Explain tells whether somebody has a permission on an object, by which way
// he reaches it, or where that ends. About himself everybody may ask: what he
// cannot read is answered like what does not exist. About others those may
// who administer the organization, or a workspace that reaches the object.
func (a *App) Explain(ctx context.Context, org belay.ID, q Question) (*Explanation, error) {
	principal, err := authenticated(ctx, belay.PermissionUserRead)
	if err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	self := q.UserID == "" || q.UserID == principal.UserID
	e := &explaining{app: a, Question: q, self: self, noun: q.noun()}
	c, _, err := object(ctx, org, belay.PermissionUserRead, func(c caller) (struct{}, error) { return struct{}{}, e.find(ctx, c) })
	if self && isNotFound(err) {
		return e.unseen(ctx, principal)
	}
	if err != nil {
		return nil, err
	}
	if e.asker, err = a.rights(ctx, c); err != nil {
		return nil, err
	}
	if err := e.subjectOf(ctx, c); err != nil {
		return nil, err
	}
	return e.explain(ctx)
}

func (q Question) ids() map[string]belay.ID {
	return map[string]belay.ID{"workspace": q.WorkspaceID, "environment": q.EnvironmentID, "connection": q.ConnectionID, "credential": q.CredentialID}
}

// noun is the sort of object that is asked about.
func (q Question) noun() string {
	for noun, id := range q.ids() {
		if id != "" {
			return noun
		}
	}
	return ""
}

func (q Question) check() error {
	var p []belay.Field
	if !slices.Contains(belay.Permissions(), q.Permission) {
		p = append(p, belay.Field{Pointer: "permission", Message: "must be one of the permissions, which /api/access/permissions lists"})
	}
	named := 0
	for _, id := range q.ids() {
		if id != "" {
			named++
		}
	}
	if named != 1 {
		p = append(p, belay.Field{Pointer: "connection", Message: "name one object: a connection, environment, workspace or credential"})
	}
	if len(p) == 0 {
		return nil
	}
	return &belay.Error{Code: belay.CodeBadQuery, Message: "the query cannot be answered", Fields: p}
}

// explaining is an explanation under way.
type explaining struct {
	Question
	app      *App
	self     bool
	noun     string
	asker    rights
	subject  rights
	object   Step
	standing func(context.Context, rights) (belay.Standing, error) // of anybody to the object
	user     *belay.User
}

// find loads the object, which the asker must see.
func (e *explaining) find(ctx context.Context, c caller) (err error) {
	set := func(id belay.ID, name string) { e.object = Step{Type: e.noun, ID: id, Name: name} }
	a := e.app
	switch e.noun {
	case "workspace":
		v, err := a.loadWorkspace(ctx, c, e.WorkspaceID, belay.PermissionWorkspaceRead)
		if err != nil {
			return err
		}
		set(v.ID, v.Name)
		e.standing = func(_ context.Context, r rights) (belay.Standing, error) { return r.toWorkspace(v.Workspace), nil }
	case "environment":
		v, err := a.loadEnvironment(ctx, c, e.EnvironmentID, belay.PermissionEnvironmentRead)
		if err != nil {
			return err
		}
		set(v.ID, v.Name)
		e.standing = func(_ context.Context, r rights) (belay.Standing, error) { return r.toEnvironment(v.Environment), nil }
	case "connection":
		v, err := a.loadConnection(ctx, c, e.ConnectionID, belay.PermissionConnectionRead)
		if err != nil {
			return err
		}
		set(v.ID, v.Name)
		e.standing = func(ctx context.Context, r rights) (belay.Standing, error) {
			holders, err := a.store.HoldersOf(ctx, r.org, v.ID)
			return r.toConnection(v.OwnerID, holders[v.ID]), err
		}
	default:
		v, err := a.loadCredential(ctx, c, e.CredentialID, belay.PermissionCredentialRead)
		if err != nil {
			return err
		}
		set(v.ID, v.Name)
		e.standing = func(ctx context.Context, r rights) (belay.Standing, error) {
			to, err := a.toCredentials(ctx, r.caller, v.Credential)
			if err != nil {
				return belay.Standing{}, err
			}
			return to(v.Credential), nil
		}
	}
	return nil
}

// subjectOf finds whom the question is about, and whether the asker may know.
func (e *explaining) subjectOf(ctx context.Context, c caller) (err error) {
	if e.self {
		e.subject = e.asker
		e.user, err = e.app.store.User(ctx, c.UserID)
		return err
	}
	if err := e.mayAsk(ctx, c); err != nil {
		return err
	}
	m, err := e.app.store.Member(ctx, c.org, e.UserID)
	if err != nil {
		return err
	}
	e.user = m.User
	other, err := in(&belay.Principal{UserID: m.ID, Roles: map[belay.ID]belay.OrganizationRole{c.org: m.Role}}, c.org)
	if err != nil {
		return err
	}
	e.subject, err = e.app.rights(ctx, other)
	return err
}

// mayAsk refuses questions about others of who neither administers the
// organization nor a workspace that reaches the object. That he owns an
// object does not let him know who else there is.
func (e *explaining) mayAsk(ctx context.Context, c caller) error {
	if err := inScope(c.Principal, belay.PermissionWorkspaceAssign); err != nil {
		return err
	}
	s, err := e.standing(ctx, e.asker)
	if err != nil {
		return err
	}
	s.Owner = s.Owner && e.noun == "workspace"
	if !s.Has(belay.PermissionWorkspaceAssign) {
		return forbidden(belay.PermissionWorkspaceAssign)
	}
	return nil
}

// unseen answers about what the asker cannot read, or is not there.
func (e *explaining) unseen(ctx context.Context, p *belay.Principal) (*Explanation, error) {
	u, err := e.app.store.User(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	out := &Explanation{
		Permission: e.Permission, Object: Step{Type: e.noun, ID: e.ids()[e.noun], Hidden: true},
		Path: []Step{{Type: "user", ID: u.ID, Name: u.Email}},
		Missing: &Missing{"team", belay.Remedy{
			ID: "access.ask", Title: "Ask for access",
			Description: "No workspace in which you have a role reaches such a " + e.noun + ", if there is one. An administrator of the organization can say who is responsible for it.",
		}},
	}
	if p.Bound() {
		out.Missing = missingToken("it is bound to another workspace or environment")
	}
	return out, nil
}

func missingToken(why string) *Missing {
	return &Missing{"token", belay.Remedy{
		ID: "token.other", Title: "Use another token",
		Description: "The token that asks leaves this out: " + why + ".",
		Command:     "belay whoami --permissions",
	}}
}

// explain decides, and finds the way.
func (e *explaining) explain(ctx context.Context) (*Explanation, error) {
	s, err := e.standing(ctx, e.subject)
	if err != nil {
		return nil, err
	}
	out := &Explanation{Permission: e.Permission, Object: e.object, Allowed: s.Has(e.Permission)}
	paths, err := e.app.store.AccessPaths(ctx, e.subject.org, e.user.ID, e.Object)
	if err != nil {
		return nil, err
	}
	user := Step{Type: "user", ID: e.user.ID, Name: e.user.Email}
	object := e.object
	role := e.subject.Roles[e.subject.org]
	switch {
	case role.Administers():
		step, err := e.organization(ctx, string(role))
		if err != nil {
			return nil, err
		}
		out.Path = []Step{user, step, object}
	case s.Owner:
		object.Role = "owner"
		out.Path = []Step{user, object}
	case len(paths) > 0:
		if out.Path, err = e.along(ctx, user, paths); err != nil {
			return nil, err
		}
	default:
		out.Path = []Step{user}
	}
	if out.Allowed {
		out.Allowed, out.Missing = e.throughToken()
		return out, nil
	}
	out.Missing, err = e.missing(ctx, len(paths) > 0)
	return out, err
}

// throughToken asks the scopes of the token that asks about its own user.
func (e *explaining) throughToken() (bool, *Missing) {
	switch {
	case !e.self:
		return true, nil
	case !e.asker.InScope(e.Permission):
		return false, missingToken("it lacks the scope " + string(e.Permission))
	case !e.asker.WithinBinding(e.Permission):
		return false, missingToken("it is bound to a workspace or an environment")
	}
	return true, nil
}

func (e *explaining) organization(ctx context.Context, role string) (Step, error) {
	o, err := e.app.store.Organization(ctx, e.subject.org)
	if err != nil {
		return Step{}, err
	}
	return Step{Type: "organization", ID: o.ID, Name: o.Name, Role: role}, nil
}

// along is the strongest way, of those the one that shows the asker most.
func (e *explaining) along(ctx context.Context, user Step, paths []store.AccessPath) ([]Step, error) {
	var best []Step
	fewest := -1
	for _, p := range paths {
		if p.Role != paths[0].Role {
			break
		}
		steps, hidden, err := e.steps(ctx, p)
		if err != nil {
			return nil, err
		}
		if fewest < 0 || hidden < fewest {
			best, fewest = steps, hidden
		}
		if hidden == 0 {
			break
		}
	}
	out := append([]Step{user}, best...)
	if e.noun != "workspace" {
		out = append(out, e.object)
	}
	return out, nil
}

// steps are those of one way between the user and the object.
func (e *explaining) steps(ctx context.Context, p store.AccessPath) (out []Step, hidden int, err error) {
	add := func(noun string, id belay.ID, role belay.Role, name func() (string, bool, error)) {
		if id == "" || err != nil || noun == e.noun && noun != "workspace" {
			return
		}
		text, visible, nameErr := name()
		if err = nameErr; err != nil && !isNotFound(err) {
			return
		}
		if err != nil || !visible {
			err, hidden = nil, hidden+1
			out = append(out, Step{Type: noun, Role: string(role), Hidden: true})
			return
		}
		out = append(out, Step{Type: noun, ID: id, Name: text, Role: string(role)})
	}
	org, r := e.asker.org, e.asker
	add("team", p.TeamID, "", func() (string, bool, error) {
		t, err := e.app.store.Team(ctx, org, p.TeamID)
		if err != nil {
			return "", false, err
		}
		return t.Name, !r.Bound(), nil
	})
	add("workspace", p.WorkspaceID, p.Role, func() (string, bool, error) {
		w, err := e.app.store.Workspace(ctx, org, p.WorkspaceID)
		if err != nil {
			return "", false, err
		}
		return w.Name, r.toWorkspace(w).Has(belay.PermissionWorkspaceRead), nil
	})
	add("environment", p.EnvironmentID, "", func() (string, bool, error) {
		v, err := e.app.store.Environment(ctx, org, p.EnvironmentID)
		if err != nil {
			return "", false, err
		}
		return v.Name, r.toEnvironment(v).Has(belay.PermissionEnvironmentRead), nil
	})
	add("connection", p.ConnectionID, "", func() (string, bool, error) {
		v, err := e.app.loadConnection(ctx, r.caller, p.ConnectionID, belay.PermissionConnectionRead)
		if err != nil {
			return "", false, err
		}
		return v.Name, true, nil
	})
	return out, hidden, err
}
