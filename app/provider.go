package app

import (
	"maps"
	"slices"
	"strings"

	"belay"
)

// Provider is where users come from. Beside its description each brings its
// own way to sign in, which ends in a session or token of a user whose
// provider has its key.
type Provider interface {
	// Describe says what whoever is to choose a provider is shown. Its Key
	// is the one under which Config has it.
	Describe() belay.Provider
}

// localProvider is the provider that is built in: its users are kept in this
// server's database and sign in with a password.
type localProvider struct{}

// Describe implements Provider.
func (localProvider) Describe() belay.Provider {
	return belay.Provider{
		Key: belay.LocalProvider, Type: "local", Name: belay.LocalProvider, Title: "Local account",
		Description: []string{"Users, sessions and data are kept on this server.", "Sign in with an e-mail address and a password, or with a link from an administrator."},
		Capabilities: []belay.Capability{
			{Feature: "persist-environments", Endpoint: "/api/environments"},
			{Feature: "persist-connections", Endpoint: "/api/integrations/connections"},
			{Feature: "persist-credentials", Endpoint: "/api/integrations/credentials"},
			{Feature: "organizations", Endpoint: "/api/identity/orgs"},
			{Feature: "users-identity", Endpoint: "/api/user"},
			{Feature: "workspaces", Endpoint: "/api/workspaces"},
		},
	}
}

// LocalProvider makes the provider that is built in.
func LocalProvider() Provider { return localProvider{} }

// providers are the ones in force, by key: those of the configuration, or the
// one that it enforces.
func (c Config) providers() map[string]Provider {
	all := c.Providers
	if all == nil {
		all = map[string]Provider{belay.LocalProvider: LocalProvider()}
	}
	if c.EnforcedProvider == "" {
		return all
	}
	only := map[string]Provider{}
	if p, ok := all[c.EnforcedProvider]; ok {
		only[c.EnforcedProvider] = p
	}
	return only
}

// Providers describes the providers whose users may sign in, by key.
func (g *Gate) Providers() []belay.Provider {
	out := make([]belay.Provider, 0, len(g.providers))
	for _, key := range slices.Sorted(maps.Keys(g.providers)) {
		out = append(out, g.providers[key].Describe())
	}
	return out
}

// Provider describes one provider. parameter is where the request names it;
// one that is not in force, whether or not there is such a one, is a
// CodeBadQuery about that.
func (g *Gate) Provider(parameter, key string) (belay.Provider, error) {
	p, ok := g.providers[key]
	if !ok {
		return belay.Provider{}, belay.BadQuery(parameter, "is no provider of this server; it has: %s", strings.Join(slices.Sorted(maps.Keys(g.providers)), ", "))
	}
	return p.Describe(), nil
}

// inForce refuses users of a provider that is not, or no longer, in force.
func (g *Gate) inForce(u *belay.User) error {
	if _, ok := g.providers[u.Provider]; !ok {
		return Unauthenticated("users of the provider " + u.Provider + " cannot sign in to this server")
	}
	return nil
}
