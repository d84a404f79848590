package belay

import "time"

// Environment is a logical group of connections. Deleting it removes its
// assignments and nothing else.
type Environment struct {
	ID             ID
	OrganizationID ID
	OwnerID        ID
	Name           string
	Description    string
	Metadata       []byte // a JSON object of the client's, kept as it is
	Version        int64  // grows with each change of the environment
	SetVersion     int64  // grows with each change of which connections it holds
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      time.Time // zero while it exists
}

// EnvironmentFilter narrows a list of environments.
type EnvironmentFilter struct {
	WorkspaceID      ID // only those assigned to it
	NotInWorkspaceID ID // only those not assigned to it
	ConnectionID     ID // only those that hold it
	// Deleted lists what can be restored instead of what is there.
	Deleted bool
}
