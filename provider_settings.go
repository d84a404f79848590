package belay

// ProviderSettings are what an operator writes down of a provider outside of
// this server. Only the server can tell whether they are valid.
type ProviderSettings struct {
	Type     string `yaml:"type"`   // oidc, or remote for another server of this kind
	Title    string `yaml:"title"`  // for people; "" is the key
	Issuer   string `yaml:"issuer"` // the address that it calls its issuer
	URL      string `yaml:"url"`    // of the other server
	ClientID string `yaml:"clientId"`
	// ClientSecretFile and ClientSecretVariable name where the client's secret
	// is; with neither the client is a public one.
	ClientSecretFile     string         `yaml:"clientSecretFile"`
	ClientSecretVariable string         `yaml:"clientSecretVariable"`
	ClientSecret         Secret         `yaml:"-"` // from there
	Scopes               []string       `yaml:"scopes"`
	Claims               ProviderClaims `yaml:"claims"`
	// TrustEmail takes over addresses of which the provider does not say that
	// it has verified them.
	TrustEmail     bool     `yaml:"trustEmail"`
	AllowedDomains []string `yaml:"allowedDomains"` // of addresses; nil: all
	AllowedGroups  []string `yaml:"allowedGroups"`  // nil: all
	// Organization is the name or the id of the one that Newcomers and Teams
	// are about.
	Organization string           `yaml:"organization"`
	Newcomers    OrganizationRole `yaml:"newcomers"` // the role of each; "": only who is invited, or is given a team
	Teams        []TeamRule       `yaml:"teams"`
	CAFile       string           `yaml:"caFile"` // PEM; "": the system's authorities vouch for it
	CA           []byte           `yaml:"-"`      // from there
}

// ProviderClaims are the names of the claims that tell about a user; "" is
// the usual one. What begins with a slash is a JSON Pointer.
type ProviderClaims struct {
	Email         string `yaml:"email"`
	EmailVerified string `yaml:"emailVerified"`
	Name          string `yaml:"name"`
	FirstName     string `yaml:"firstName"`
	LastName      string `yaml:"lastName"`
	Picture       string `yaml:"picture"`
	Groups        string `yaml:"groups"`
}

// TeamRule makes the members of a group members of a team. An asterisk in the
// group stands for any text, and in the team for that same one.
type TeamRule struct {
	Group string `yaml:"group"`
	Team  string `yaml:"team"`
}
