package belay

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Permission is something one may do. Its name is also the scope that a
// token needs for it.
type Permission string

// The permissions. There is none to read a secret: nobody can.
const (
	PermissionOrganizationRead  Permission = "organization:read"
	PermissionOrganizationWrite Permission = "organization:write"
	PermissionUserRead          Permission = "user:read"
	PermissionMemberRead        Permission = "member:read"  // who belongs to an organization
	PermissionMemberWrite       Permission = "member:write" // add, remove, change a role
	PermissionTeamRead          Permission = "team:read"
	PermissionTeamWrite         Permission = "team:write" // create, change, delete; who is in it
	PermissionWorkspaceRead     Permission = "workspace:read"
	PermissionWorkspaceWrite    Permission = "workspace:write"  // create, change, delete
	PermissionWorkspaceAssign   Permission = "workspace:assign" // environments, credentials, teams and users
	PermissionEnvironmentRead   Permission = "environment:read"
	PermissionEnvironmentWrite  Permission = "environment:write"
	PermissionConnectionRead    Permission = "connection:read"
	PermissionConnectionUse     Permission = "connection:use" // test, query, go through the proxy
	PermissionConnectionWrite   Permission = "connection:write"
	PermissionCredentialRead    Permission = "credential:read"  // that it exists, never its value
	PermissionCredentialUse     Permission = "credential:use"   // attach it to a connection
	PermissionCredentialWrite   Permission = "credential:write" // create, change, rotate, delete
	PermissionKindRead          Permission = "kind:read"
	// What one may do about his own. No role gives these and none takes them
	// away: only the scopes of a token can leave them out.
	PermissionUserWrite    Permission = "user:write" // one's own password
	PermissionTokenRead    Permission = "token:read"
	PermissionTokenWrite   Permission = "token:write" // make, rotate, revoke
	PermissionSessionRead  Permission = "session:read"
	PermissionSessionWrite Permission = "session:write" // end
)

// Permissions returns every permission.
func Permissions() []Permission {
	return []Permission{
		PermissionOrganizationRead, PermissionOrganizationWrite, PermissionUserRead,
		PermissionMemberRead, PermissionMemberWrite, PermissionTeamRead, PermissionTeamWrite,
		PermissionWorkspaceRead, PermissionWorkspaceWrite, PermissionWorkspaceAssign,
		PermissionEnvironmentRead, PermissionEnvironmentWrite,
		PermissionConnectionRead, PermissionConnectionUse, PermissionConnectionWrite,
		PermissionCredentialRead, PermissionCredentialUse, PermissionCredentialWrite,
		PermissionKindRead,
		PermissionUserWrite, PermissionTokenRead, PermissionTokenWrite, PermissionSessionRead, PermissionSessionWrite,
	}
}

// Own tells whether a permission is about what is the user's own: whoever is
// signed in has it, unless the scopes of his token leave it out.
func (p Permission) Own() bool {
	switch p {
	case PermissionUserWrite, PermissionTokenRead, PermissionTokenWrite, PermissionSessionRead, PermissionSessionWrite:
		return true
	}
	return false
}

// OrganizationRole is a user's role in an organization.
type OrganizationRole string

// The organization roles, the strongest first.
const (
	OrganizationOwner  OrganizationRole = "owner"
	OrganizationAdmin  OrganizationRole = "admin"
	OrganizationMember OrganizationRole = "member"
)

// Administers tells whether the role may see and do everything in the
// organization.
func (r OrganizationRole) Administers() bool {
	return r == OrganizationOwner || r == OrganizationAdmin
}

// Role is a role in a workspace.
type Role string

// The workspace roles, the weakest first; each may what those before it may.
const (
	RoleNone     Role = ""
	RoleViewer   Role = "viewer"
	RoleOperator Role = "operator"
	RoleEditor   Role = "editor"
	RoleAdmin    Role = "admin"
)

// Roles returns the workspace roles, the weakest first.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleEditor, RoleAdmin} }

// rank orders the roles; an unknown role ranks with none.
func (r Role) rank() int { return slices.Index(Roles(), r) }

// AtLeast tells whether r may what other may.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() }

// weakest is the whole policy of workspaces: the weakest role that has a
// permission on what the workspace reaches. A permission that is not here is
// given by no workspace role.
var weakest = map[Permission]Role{
	PermissionWorkspaceRead:    RoleViewer,
	PermissionEnvironmentRead:  RoleViewer,
	PermissionConnectionRead:   RoleViewer,
	PermissionCredentialRead:   RoleViewer,
	PermissionConnectionUse:    RoleOperator,
	PermissionEnvironmentWrite: RoleEditor,
	PermissionConnectionWrite:  RoleEditor,
	PermissionCredentialUse:    RoleEditor,
	PermissionCredentialWrite:  RoleEditor,
	PermissionWorkspaceWrite:   RoleAdmin,
	PermissionWorkspaceAssign:  RoleAdmin,
}

// Has tells whether a workspace role gives a permission.
func (r Role) Has(p Permission) bool {
	w, ok := weakest[p]
	return ok && r != RoleNone && r.AtLeast(w)
}

// Standing is what a user is to one object: its owner, an administrator of
// its organization, or somebody whom workspaces give roles.
type Standing struct {
	Owner bool
	Admin bool
	Roles []Role
}

// Has tells whether the standing gives a permission. An owner and an
// administrator have every one.
func (s Standing) Has(p Permission) bool {
	return s.Owner || s.Admin || slices.ContainsFunc(s.Roles, func(r Role) bool { return r.Has(p) })
}

// Principal is who makes a request: a user, by a session or by a token that
// may narrow what the user can do.
type Principal struct {
	UserID   ID
	Email    string
	Provider string
	Roles    map[ID]OrganizationRole // by organization
	// AccessVersions are the organizations' versions of who may what, as they
	// were when the principal was looked up; see Membership.
	AccessVersions map[ID]int64
	TokenID        ID           // "" for a session
	SessionID      ID           // "" for a token
	Client         string       // whose session it is; "" for a browser's, and for a token
	ParentID       ID           // the browser's session on which a client's depends; "" for none
	Scopes         []Permission // nil: all; otherwise only these
	// OrganizationID binds a token to one organization, the only one in Roles;
	// "" for none.
	OrganizationID ID
	// WorkspaceID and EnvironmentID bind a token: what its user may do, it may
	// only there and with what is reached from there. "" for none; with both,
	// what both reach.
	WorkspaceID   ID
	EnvironmentID ID
	IssuedAt      time.Time // of the token or session; zero for what a token was before its rotation
	ExpiresAt     time.Time // of the token or session, zero for never
}

// AtProvider is the session that is followed at the user's provider: his
// browser's, also where a client acts for him. "" for a token.
func (p *Principal) AtProvider() ID { return cmp.Or(p.ParentID, p.SessionID) }

// Bound tells whether the token that was used, if any, is for one workspace
// or environment only.
func (p *Principal) Bound() bool { return p.WorkspaceID != "" || p.EnvironmentID != "" }

// InScope tells whether the token that was used, if any, allows p.
func (p *Principal) InScope(perm Permission) bool {
	return p.Scopes == nil || slices.Contains(p.Scopes, perm)
}

// WithinBinding tells whether p is for something that a bound token can
// reach, if the one that was used is bound: what lies in a workspace or an
// environment, who one is, and the tokens that are bound alike. It keeps out
// what is done in an organization.
func (p *Principal) WithinBinding(perm Permission) bool {
	if !p.Bound() {
		return true
	}
	_, inWorkspace := weakest[perm]
	return inWorkspace || slices.Contains([]Permission{
		PermissionOrganizationRead, PermissionUserRead, PermissionKindRead, PermissionTokenRead, PermissionTokenWrite,
	}, perm)
}

// Organizations returns the organizations the principal belongs to, ordered
// by id.
func (p *Principal) Organizations() []ID {
	ids := make([]ID, 0, len(p.Roles))
	for id := range p.Roles {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

type principalKey struct{}

// WithPrincipal returns a context that carries who makes the request.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns who makes the request, or nil for a stranger.
func PrincipalFrom(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}

// Viewer says with whose eyes a list is read: all of an organization, or
// what the user owns and what his workspaces reach; and of that, if it is
// bound, only what is reached through one workspace or environment.
type Viewer struct {
	OrganizationID ID
	UserID         ID
	All            bool
	WorkspaceID    ID // "" for none, as in Principal
	EnvironmentID  ID // "" for none, as in Principal
}

// Bound tells whether the viewer sees by one workspace or environment only.
func (v Viewer) Bound() bool { return v.WorkspaceID != "" || v.EnvironmentID != "" }

// Whole tells whether the viewer sees everything that the organization has.
func (v Viewer) Whole() bool { return v.All && !v.Bound() }

// Access is what somebody may in one organization by roles in workspaces:
// the strongest role on each object that he reaches by its id. What a bound
// token reaches without a role has RoleNone: there it counts who owns it.
type Access struct {
	Workspaces   map[ID]Role
	Environments map[ID]Role
	Credentials  map[ID]Role // that are assigned to a workspace
}

// Strongest is the stronger of two roles.
func Strongest(a, b Role) Role {
	if b.AtLeast(a) {
		return b
	}
	return a
}
