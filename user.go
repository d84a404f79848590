package belay

import "time"

// LocalProvider is the key of the provider that is built in: users with a
// password, kept on this server.
const LocalProvider = "local"

// Password is what is stored of a local user's password.
type Password struct {
	UserID    ID
	Hash      string // PHC string of argon2id, never the password
	ChangedAt time.Time
}

// Invitation is a link with which a user sets a password and is signed in,
// once.
type Invitation struct {
	Code      Secret // of the link; only its hash is kept
	ExpiresAt time.Time
}

// Provider describes where users come from, to whoever is to choose.
type Provider struct {
	Key         string
	Type        string // "local", or "remote" for one outside of this server
	Name        string // by which requests name it; the key
	Title       string // for people
	Description []string
	URL         string // where a remote one is; "" for none
	// Redirects tells that its users sign in on its own pages.
	Redirects bool
	State     ProviderState
	// Capabilities are the features that it has.
	Capabilities []Capability
}

// ProviderStatus is whether a provider answers.
type ProviderStatus string

// Whether a provider answers.
const (
	ProviderAnswering   ProviderStatus = "answering"
	ProviderUnreachable ProviderStatus = "unreachable"
	ProviderUnknown     ProviderStatus = "unknown" // it was not asked yet
)

// ProviderState is what is known of whether a provider answers, without
// asking it.
type ProviderState struct {
	Status    ProviderStatus
	CheckedAt time.Time // when it was last asked; zero for never, or where nobody needs to ask
	Since     time.Time // since when it does not answer; zero where it does
}

// Capability is a feature of a provider and the path at which it is.
type Capability struct {
	Feature  string
	Endpoint string
}
