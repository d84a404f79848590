package belay

import (
	"encoding/json"
	"time"
)

// Connection is a registered external system.
type Connection struct {
	ID             ID
	OrganizationID ID
	OwnerID        ID
	Name           string // unique in the organization, as folded text
	Description    string
	Kind           string // the name of a Kind
	Type           string
	SubType        string
	Endpoint       string          // absolute URL without user information
	Config         json.RawMessage // a JSON object, valid against the kind's schema; never a secret
	Labels         map[string]string
	Credentials    []CredentialUse // in the order in which they are tried
	Management     Management
	Origin         Origin
	// Identity names the target itself, apart from how it is reached: for
	// kubernetes the UID of the kube-system namespace and the context. ""
	// until it is known. Two live connections never share one.
	Identity        string
	Status          Status
	StatusReason    string
	StatusChangedBy string // a user id, or "check", or "discovery"
	StatusChangedAt time.Time
	Health          Health
	Policy          CheckPolicy
	Maintenance     Maintenance
	Version         int64 // grows with each change by a person, not with health
	CreatedAt       time.Time
	UpdatedAt       time.Time
	DeletedAt       time.Time // zero while it exists
}

// Restored makes c, which is deleted, what a restored connection is, by a user
// and at a time: registered, and not known to work. What its last check said is
// in its history; it is nothing that is so now.
func (c *Connection) Restored(by string, now time.Time) {
	c.Status, c.StatusReason, c.StatusChangedBy, c.StatusChangedAt = StatusRegistered, "restored", by, now
	c.Health, c.Maintenance = Health{Status: HealthUnchecked}, Maintenance{}
	c.Version, c.UpdatedAt, c.DeletedAt = c.Version+1, now, time.Time{}
}

// CredentialUse is a connection's reference to a credential.
type CredentialUse struct {
	CredentialID ID
	Purpose      Purpose
}

// Purpose says what a connection uses a credential for.
type Purpose string

// The purposes that every kind has; a kind may declare more.
const (
	PurposePrimary  Purpose = "primary"
	PurposeFallback Purpose = "fallback" // tried when the one before it is rejected
)

// Authenticates tells whether a test uses a credential of this purpose.
func (p Purpose) Authenticates() bool { return p == PurposePrimary || p == PurposeFallback }

// Management says who keeps a connection in step with its target.
type Management string

// The managements.
const (
	Managed   Management = "managed"   // found and kept in step by discovery
	Unmanaged Management = "unmanaged" // registered by hand
)

// Origin says how a connection came to be here.
type Origin string

// The origins.
const (
	OriginManual     Origin = "manual"
	OriginKubeconfig Origin = "kubeconfig"
	OriginDiscovery  Origin = "discovery"
	OriginImport     Origin = "import"
)

// CheckPolicy says how patiently a connection is tested, and when what a test
// says is stale: after two intervals. Nothing tests by itself yet.
type CheckPolicy struct {
	Interval time.Duration
	Timeout  time.Duration
}

// Bounds of a CheckPolicy.
const (
	DefaultCheckInterval = 60 * time.Second
	MinCheckInterval     = 5 * time.Second
	MaxCheckInterval     = 24 * time.Hour
	DefaultCheckTimeout  = 5 * time.Second
	MinCheckTimeout      = 100 * time.Millisecond
	MaxCheckTimeout      = 30 * time.Second
)

// Maintenance is a time in which a connection may be down without anybody
// being told.
type Maintenance struct {
	Until  time.Time // zero: until somebody ends it
	Reason string
}

// TLS is the part of every kind's configuration that says whom to trust. It
// stands in Config under "tls".
type TLS struct {
	CertificateAuthority string `json:"certificateAuthority,omitempty"` // PEM; "" is the system's
	ServerName           string `json:"serverName,omitempty"`           // "" is the endpoint's host
	InsecureSkipVerify   bool   `json:"insecureSkipVerify,omitempty"`
}

// TLSConfig reads the TLS part out of Config. A Config that is not an object
// or has none gives the zero value.
func (c *Connection) TLSConfig() TLS {
	var v struct {
		TLS TLS `json:"tls"`
	}
	if json.Unmarshal(c.Config, &v) != nil {
		return TLS{}
	}
	return v.TLS
}

// ConnectionFilter narrows a list of connections. Within one field any value
// matches; all fields must match.
type ConnectionFilter struct {
	Kinds         []string
	Types         []string
	Statuses      []Status // without StatusDeleted, the deleted are left out
	Healths       []HealthStatus
	Labels        map[string]string
	Name          string // exactly this name, in any case
	EnvironmentID ID
	// NotInEnvironmentID leaves out what this environment holds.
	NotInEnvironmentID ID
	// InNoEnvironment keeps what no environment holds.
	InNoEnvironment bool
	WorkspaceID     ID
	CredentialID    ID
}
