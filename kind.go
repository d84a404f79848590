package belay

import "encoding/json"

// Kind describes what a connection connects to. The built-in kinds are
// embedded documents; a driver in code exists only where HTTP is not enough.
type Kind struct {
	Name             string          `json:"name"`
	Title            string          `json:"title"`
	Description      string          `json:"description"`
	Icon             string          `json:"icon,omitempty"`
	Type             string          `json:"type"`
	SubType          string          `json:"subType"`
	Endpoint         EndpointRule    `json:"endpoint"`
	ConnectionSchema json.RawMessage `json:"connectionSchema"` // JSON Schema 2020-12 of Connection.Config
	CredentialTypes  []string        `json:"credentialTypes"`
	// CredentialRequired is set where nothing works without a credential.
	CredentialRequired bool            `json:"credentialRequired,omitempty"`
	Purposes           []Purpose       `json:"purposes,omitempty"` // beyond primary and fallback
	Stages             []KindStage     `json:"stages"`
	Test               json.RawMessage `json:"test,omitempty"` // what the generic HTTP driver does; see package kind/httpkind
	Documentation      string          `json:"documentation,omitempty"`
}

// EndpointRule says what an endpoint of a kind looks like.
type EndpointRule struct {
	Schemes []string `json:"schemes"`
	Example string   `json:"example"`
	Help    string   `json:"help,omitempty"`
}

// KindStage says in words what a kind's test does in a stage.
type KindStage struct {
	Stage       Stage  `json:"stage"`
	Description string `json:"description"`
}
