package belay

import "time"

// Workspace is where people and environments meet.
type Workspace struct {
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

// Assignment is one pair of a many-to-many relation. It exists at most once
// per pair; assigning again changes nothing.
type Assignment struct {
	ID        ID
	LeftID    ID // the one that holds: an environment or a workspace
	RightID   ID // the one that is held
	CreatedAt time.Time
}

// WorkspaceFilter narrows a list of workspaces.
type WorkspaceFilter struct {
	EnvironmentID ID // only those to which it is assigned
	CredentialID  ID // likewise
	// Deleted lists what can be restored instead of what is there.
	Deleted bool
}
