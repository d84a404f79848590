package rest

import (
	"belay"
	"belay/app"
)

// Limits of a preview.
const (
	maxPreviewGroups = 1000
	maxPreviewGroup  = 512 // bytes
)

// finding is one thing that was looked at in a provider's test.
type finding struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func (a *API) testProvider(r *request) (response, error) {
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	t, err := a.app.TestProvider(r.Context(), r.PathValue("providerName"))
	if err != nil {
		return response{}, err
	}
	out := struct {
		Provider string        `json:"providerName"`
		OK       bool          `json:"ok"`
		State    providerState `json:"state"`
		Findings []finding     `json:"findings"`
	}{Provider: t.Provider.Key, OK: t.OK(), State: newProviderState(t.Provider.State), Findings: []finding{}}
	for _, f := range t.Findings {
		out.Findings = append(out.Findings, finding{Name: f.Name, Status: string(f.Status), Message: f.Message, Fix: f.Fix})
	}
	return response{body: out, secret: true}, nil
}

// groupPreview is what groups would give a user of a provider.
type groupPreview struct {
	Provider     string                 `json:"providerName"`
	Groups       []string               `json:"groups"`
	Enters       bool                   `json:"enters"`
	Refused      string                 `json:"refused,omitempty"`
	Organization *previewOrganization   `json:"organization"`
	Role         belay.OrganizationRole `json:"role,omitempty"`
	Teams        []previewTeam          `json:"teams"`
	Matches      []previewMatch         `json:"matches"`
	Unmatched    []string               `json:"unmatched"`
}

type previewOrganization struct {
	ID   belay.ID `json:"id"`
	Name string   `json:"name"`
}

// previewTeam has no id where there is no team of that name.
type previewTeam struct {
	Name   string   `json:"name"`
	ID     belay.ID `json:"id,omitempty"`
	Exists bool     `json:"exists"`
}

type previewMatch struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
	Team  string `json:"team"`
}

func newGroupPreview(provider string, groups []string, v *app.GroupPreview) groupPreview {
	out := groupPreview{
		Provider: provider, Groups: groups, Enters: v.Role != "", Refused: v.Refused, Role: v.Role,
		Teams: []previewTeam{}, Matches: []previewMatch{}, Unmatched: append([]string{}, v.Unmatched...),
	}
	if v.Organization != nil {
		out.Organization = &previewOrganization{ID: v.Organization.ID, Name: v.Organization.Name}
	}
	for _, t := range v.Teams {
		out.Teams = append(out.Teams, previewTeam{Name: t.Name, ID: t.ID, Exists: t.ID != ""})
	}
	for _, m := range v.Matches {
		out.Matches = append(out.Matches, previewMatch(m))
	}
	return out
}

func (a *API) previewMapping(r *request) (response, error) {
	groups := append([]string{}, r.URL.Query()["group"]...)
	if len(groups) > maxPreviewGroups {
		return response{}, belay.BadQuery("group", "must not be there more than %d times", maxPreviewGroups)
	}
	for _, g := range groups {
		if len(g) > maxPreviewGroup {
			return response{}, belay.BadQuery("group", "must be of at most %d bytes", maxPreviewGroup)
		}
	}
	name := r.PathValue("providerName")
	v, err := a.app.PreviewGroups(r.Context(), name, groups)
	if err != nil {
		return response{}, err
	}
	return response{body: newGroupPreview(name, groups, v)}, nil
}
