package rest

import (
	"time"

	"belay"
)

// preferences are the body of PUT, and of the answers with when they were set.
type preferences struct {
	Theme      string         `json:"theme"`
	TimeZone   string         `json:"timeZone"`
	Extensions map[string]any `json:"extensions"`
}

func preferred(p belay.Preferences, err error) (response, error) {
	if p.Extensions == nil {
		p.Extensions = map[string]any{}
	}
	return response{version: p.Version, body: struct {
		preferences
		UpdatedAt *time.Time `json:"updatedAt"`
	}{preferences{p.Theme, p.TimeZone, p.Extensions}, when(p.UpdatedAt)}}, err
}

func (a *API) getPreferences(r *request) (response, error) {
	return preferred(a.app.Preferences(r.Context()))
}

func (a *API) setPreferences(r *request) (response, error) {
	version, err := r.version()
	if err != nil {
		return response{}, err
	}
	var b preferences
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	return preferred(a.app.SetPreferences(r.Context(), version, belay.Preferences{Theme: b.Theme, TimeZone: b.TimeZone, Extensions: b.Extensions}))
}
