package rest

import (
	"slices"
	"strings"

	"belay"
)

// kindOf is a kind with the schemas of the credentials that it takes, from
// which clients make their forms.
type kindOf struct {
	*belay.Kind
	ID          string           `json:"id"`
	Credentials []credentialType `json:"credentials"`
}

type credentialType struct {
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Schema      map[string]any    `json:"schema"`
	Fields      []credentialField `json:"fields"`
}

type credentialField struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	Help      string `json:"help,omitempty"`
	Secret    bool   `json:"secret"`
	Required  bool   `json:"required"`
	Multiline bool   `json:"multiline,omitempty"`
}

func newKind(k *belay.Kind) kindOf {
	w := kindOf{Kind: k, ID: k.Name, Credentials: []credentialType{}}
	for _, name := range k.CredentialTypes {
		t, ok := belay.FindCredentialType(name)
		if !ok {
			continue
		}
		c := credentialType{Name: t.Name, Title: t.Title, Description: t.Description, Schema: t.Schema(), Fields: []credentialField{}}
		for _, f := range t.Fields {
			c.Fields = append(c.Fields, credentialField{f.Name, f.Title, f.Help, !f.Public, f.Required, f.Multiline})
		}
		w.Credentials = append(w.Credentials, c)
	}
	return w
}

// listKinds pages what is in memory: there are dozens of kinds at most.
func (a *API) listKinds(r *request) (response, error) {
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	kinds, err := a.app.Kinds(r.Context())
	if err != nil {
		return response{}, err
	}
	if q.Search != "" {
		kinds = slices.DeleteFunc(kinds, func(k *belay.Kind) bool {
			return !strings.Contains(strings.ToLower(k.Name+" "+k.Title), strings.ToLower(q.Search))
		})
	}
	total, first := len(kinds), min(q.Page*q.Limit(), len(kinds))
	kinds = kinds[first:min(first+q.Limit(), total)]
	out := make([]kindOf, len(kinds))
	for i, k := range kinds {
		out[i] = newKind(k)
	}
	return response{body: struct {
		pageOf
		Kinds []kindOf `json:"kinds"`
	}{pageOf{Page: q.Page, PageSize: q.Limit(), TotalCount: total}, out}}, nil
}

func (a *API) getKind(r *request) (response, error) {
	k, err := a.app.Kind(r.Context(), r.PathValue("name"))
	if err != nil {
		return response{}, err
	}
	return response{body: newKind(k)}, nil
}
