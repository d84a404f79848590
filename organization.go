package belay

import "time"

// Organization is the tenant: what belongs to one is never shared with
// another.
type Organization struct {
	ID          ID
	Name        string
	Description string
	Country     string
	Region      string
	OwnerID     ID
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeletedAt   time.Time // zero while it exists
}

// User is a person or robot known through a provider. Provider and Subject
// together identify it.
type User struct {
	ID        ID
	Provider  string // "local" for the embedded one
	Subject   string // the provider's own stable name for the user
	Email     string
	FirstName string
	LastName  string
	AvatarURL string
	Issuer    string // by whose word he is known, as the provider calls itself; "" for a local user
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time
}

// Membership is a user's place in an organization.
type Membership struct {
	OrganizationID ID
	UserID         ID
	Role           OrganizationRole
	Version        int64 // of the role
	// AccessVersion grows whenever it changes who may what in the organization.
	AccessVersion int64
}
