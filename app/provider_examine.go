package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"belay"
	"belay/store"
)

// FindingStatus is how what was looked at is.
type FindingStatus string

// How what was looked at is.
const (
	FindingOK      FindingStatus = "ok"
	FindingWarning FindingStatus = "warning" // users can sign in, but something is not as it should be
	FindingFailed  FindingStatus = "failed"  // nobody can sign in
	FindingNote    FindingStatus = "note"    // what the provider has to be told
)

// Finding is one thing that was looked at in the test of a provider.
type Finding struct {
	Name    string
	Status  FindingStatus
	Message string
	Fix     string // what to do about it; "" for nothing
}

// ProviderTest is what a test of a provider has found.
type ProviderTest struct {
	Provider belay.Provider // with its state after the test
	Findings []Finding
}

// OK tells whether users can sign in, as far as can be seen from here.
func (t ProviderTest) OK() bool {
	return !slices.ContainsFunc(t.Findings, func(f Finding) bool { return f.Status == FindingFailed })
}

// GroupPreview is what groups of a provider's user would give him.
type GroupPreview struct {
	Mapped
	Organization *belay.Organization // nil: the provider lets nobody into one
	// Role is with which a newcomer joins it; "" for one who may not enter.
	Role  belay.OrganizationRole
	Teams []MappedTeam
}

// MappedTeam is a team that groups give; ID is "" where there is none of that
// name.
type MappedTeam struct {
	Name string
	ID   belay.ID
}

// operates is authorize for what is about the server and not about one
// organization: owners may, and who administers the one that the provider
// lets users into.
func (a *App) operates(ctx context.Context, key string) (*belay.Organization, error) {
	principal, err := authenticated(ctx, belay.PermissionOrganizationWrite)
	if err != nil {
		return nil, err
	}
	if principal.OrganizationID != "" {
		return nil, boundToOrganization()
	}
	org, err := a.admissions[key].organization(ctx, a.store.Reader, key)
	if err != nil && belay.CodeOf(err) != belay.CodeUnavailable {
		return nil, err
	}
	for id, role := range principal.Roles {
		if role == belay.OrganizationOwner || org != nil && id == org.ID && role.Administers() {
			return org, nil
		}
	}
	return nil, ownersOnly("tests a provider, and who administers the one that it lets users into")
}

// named is the provider in force with this key.
func (a *App) named(key string) (Provider, error) {
	p, ok := a.providers[key]
	if !ok {
		return nil, belay.NotFound("provider")
	}
	return p, nil
}

// TestProvider asks a provider for all that a sign-in needs. What is wrong is
// in the answer.
func (a *App) TestProvider(ctx context.Context, key string) (*ProviderTest, error) {
	if _, err := a.operates(ctx, key); err != nil {
		return nil, err
	}
	p, err := a.named(key)
	if err != nil {
		return nil, err
	}
	t := &ProviderTest{}
	if e, ok := p.(Examiner); ok {
		t.Findings = e.Examine(ctx)
	} else {
		t.Findings = []Finding{{Name: "users", Status: FindingOK, Message: "its users are kept on this server, which needs to ask nobody"}}
	}
	admission, err := a.examineAdmission(ctx, key)
	t.Provider, t.Findings = p.Describe(), append(t.Findings, admission...)
	return t, err
}

// examineAdmission looks at what the configuration says of organization and
// teams.
func (a *App) examineAdmission(ctx context.Context, key string) ([]Finding, error) {
	ad := a.admissions[key]
	org, err := ad.organization(ctx, a.store.Reader, key)
	if e, ok := errors.AsType[*belay.Error](err); ok && e.Code == belay.CodeUnavailable {
		return []Finding{{Name: "organization", Status: FindingFailed, Message: e.Message, Fix: e.Remedy[0].Description}}, nil
	}
	if err != nil || org == nil {
		return nil, err
	}
	who := "everybody joins it with the role " + string(ad.Newcomers)
	if ad.Newcomers == "" {
		who = "those join it whose groups give them a team, and those who are invited"
	}
	found := []Finding{{Name: "organization", Status: FindingOK, Message: fmt.Sprintf("%s: %s", org.Name, who)}}
	var missing []string
	if ad.Teams != nil {
		if missing, err = a.missingTeams(ctx, org.ID, ad.Teams()); err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		found = append(found, Finding{
			Name: "teams", Status: FindingWarning, Message: "there are no teams of these names, and so their groups give nothing: " + strings.Join(missing, ", "),
			Fix: belay.CommandLine("belay", "team", "create", missing[0]),
		})
	}
	return found, nil
}

// missingTeams are those of some names that an organization does not have.
func (a *App) missingTeams(ctx context.Context, org belay.ID, names []string) ([]string, error) {
	teams, err := a.mappedTeams(ctx, org, names)
	var missing []string
	for _, t := range teams {
		if t.ID == "" {
			missing = append(missing, t.Name)
		}
	}
	return missing, err
}

// mappedTeams looks some teams of an organization up by their names.
func (a *App) mappedTeams(ctx context.Context, org belay.ID, names []string) ([]MappedTeam, error) {
	found, err := a.store.TeamsNamed(ctx, org, names...)
	out := make([]MappedTeam, len(names))
	for i, name := range names {
		out[i].Name = name
		for _, t := range found {
			if store.Fold(t.Name) == store.Fold(name) {
				out[i] = MappedTeam{Name: t.Name, ID: t.ID}
			}
		}
	}
	return out, err
}

// PreviewGroups says what groups of a provider's user would give him if he
// signed in now. It changes nothing and does not ask the provider.
func (a *App) PreviewGroups(ctx context.Context, key string, groups []string) (*GroupPreview, error) {
	org, err := a.operates(ctx, key)
	if err != nil {
		return nil, err
	}
	p, err := a.named(key)
	if err != nil {
		return nil, err
	}
	if _, keeps := p.(Keeper); keeps {
		return nil, belay.Errorf(belay.CodeConflict, "the provider %s keeps its users, organizations and teams itself: it says who may enter, and groups give nothing here", key)
	}
	ad := a.admissions[key]
	v := &GroupPreview{Mapped: ad.mapped(groups), Organization: org}
	if org == nil {
		return v, nil
	}
	if v.Teams, err = a.mappedTeams(ctx, org.ID, v.Mapped.Teams); err != nil || v.Refused != "" {
		return v, err
	}
	given := slices.ContainsFunc(v.Teams, func(t MappedTeam) bool { return t.ID != "" })
	if v.Role = ad.Newcomers; given {
		v.Role = cmp.Or(v.Role, belay.OrganizationMember)
	}
	return v, nil
}
