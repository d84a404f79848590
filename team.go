package belay

import "time"

// Team is a named set of users of one organization. Workspaces grant it a
// role, which each of its members then has.
type Team struct {
	ID             ID
	OrganizationID ID
	OwnerID        ID
	Name           string
	Description    string
	Metadata       []byte // a JSON object of the client's, kept as it is
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      time.Time // zero while it exists
}

// TeamFilter narrows a list of teams.
type TeamFilter struct {
	WorkspaceID      ID // only those that have a role in it
	NotInWorkspaceID ID // only those that have none
	UserID           ID // only those of which this user is a member
	// Deleted lists what can be restored instead of what is there.
	Deleted bool
}

// Grant is a role in a workspace, given to a team or to one user.
type Grant struct {
	ID          ID
	WorkspaceID ID
	TeamID      ID // "" for a user's
	UserID      ID // "" for a team's
	Role        Role
	CreatedAt   time.Time
}

// Member is a user of an organization, with his place in it.
type Member struct {
	*User
	Role        OrganizationRole
	RoleVersion int64 // grows with each change of the role
	JoinedAt    time.Time
}

// MemberFilter narrows a list of an organization's members.
type MemberFilter struct {
	Roles       []OrganizationRole
	TeamID      ID     // only the members of this team
	NotInTeamID ID     // only those who are not
	WorkspaceID ID     // only those with a role of their own in it
	Email       string // exactly this address, in any case
	// NotInWorkspaceID keeps only those without a role of their own in it.
	NotInWorkspaceID ID
}
