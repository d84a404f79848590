package app

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

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

// Redirector is a Provider whose users sign in on its own pages: with OpenID
// Connect, or at another server of this kind.
type Redirector interface {
	Provider
	// Begin begins a sign-in of whom calls himself hint, "" for anybody. The
	// error is a CodeUnavailable where the provider does not answer.
	Begin(ctx context.Context, hint string) (*Begun, error)
	// Finish ends it, with the query that the browser brings back and with
	// what Begin has said to remember.
	Finish(ctx context.Context, query url.Values, remembered belay.Secret) (*Identity, error)
	// Refresh asks again for the identity of a subject. The error is a
	// CodeUnauthenticated or a CodeForbidden when his sessions are to end, a
	// CodeUnavailable when the provider does not answer.
	Refresh(ctx context.Context, refresh belay.Secret, subject string) (*Identity, error)
}

// SignOuter is a Provider with sessions of its own.
type SignOuter interface {
	// SignOutURL is where a browser ends its session there, "" for nowhere.
	SignOutURL(ctx context.Context) (string, error)
	// VerifyLogout checks what somebody sent who calls himself the provider.
	VerifyLogout(ctx context.Context, token string) (*ProviderLogout, error)
}

// Examiner is a Provider that can be tested.
type Examiner interface {
	// Examine asks the provider for all that a sign-in needs, and says what
	// was found, in the order in which it was looked at.
	Examine(ctx context.Context) []Finding
}

// Begun is a sign-in that has begun on a provider's pages.
type Begun struct {
	URL        string // where the browser goes
	State      string // what it brings back
	Remembered belay.Secret
	ExpiresAt  time.Time
}

// Identity is what a provider says of a user.
type Identity struct {
	Issuer, Subject     string // which together name him for ever
	Email               string // that the provider vouches for; "" for none
	FirstName, LastName string
	Picture             string
	Groups              []string
	SessionID           string       // of his session there; "" where it is not told
	RefreshToken        belay.Secret // zero: the provider cannot be asked again
	ExpiresAt           time.Time    // until when this is believed
}

// ProviderLogout is what a provider says of sessions that are to end: those
// that began in SessionID, else those of Subject.
type ProviderLogout struct {
	Subject, SessionID string
	IssuedAt           time.Time
}

// Admission says who of a provider's users may enter, and what his groups
// give him there. The zero value lets those in who are members already.
type Admission struct {
	// Organization is the name or the id of the one that newcomers join, and of
	// which the teams are; "" for none.
	Organization string
	// Newcomers is the role with which everybody joins it; "": those join it,
	// as members, whose groups give them a team.
	Newcomers belay.OrganizationRole
	// Map says what groups give; nil: nothing.
	Map func(groups []string) Mapped
	// Teams are those that groups can give, by name, as far as they are known;
	// nil: none.
	Teams func() []string
}

// Mapped is what groups give, by name and without a look at what there is.
type Mapped struct {
	Refused   string   // why nobody with these groups may enter; "" if he may
	Teams     []string // each once
	Matches   []GroupMatch
	Unmatched []string // groups that no rule is about
}

// GroupMatch is a group, the rule that is about it, and the team which that
// gives.
type GroupMatch struct{ Group, Rule, Team string }

func (ad Admission) mapped(groups []string) Mapped {
	if ad.Map == nil {
		return Mapped{Unmatched: groups}
	}
	return ad.Map(groups)
}

// localProvider is the provider that is built in: its users are kept in this
// server's database and sign in with a password.
type localProvider struct{}

// Describe implements Provider.
func (localProvider) Describe() belay.Provider {
	return belay.Provider{
		Key: belay.LocalProvider, Type: "local", Name: belay.LocalProvider, Title: "Local account",
		State:       belay.ProviderState{Status: belay.ProviderAnswering},
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

// inForce refuses users of a provider that is not, or no longer, in force, and
// of another one that had its key before.
func (g *Gate) inForce(u *belay.User) error {
	p, ok := g.providers[u.Provider]
	if !ok {
		return Unauthenticated("users of the provider " + u.Provider + " cannot sign in to this server")
	}
	if _, outside := p.(Redirector); outside && u.Issuer != p.Describe().URL {
		return Unauthenticated("the provider " + u.Provider + " is another one than that by whose word this user was known")
	}
	return nil
}
