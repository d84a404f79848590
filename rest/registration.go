package rest

import (
	"encoding/json"

	"belay"
	"belay/app"
)

// registrationBody is an event of Meshery's registration: a connection's
// fields, with what is to happen in place of its status.
type registrationBody struct {
	connectionBody
	Model                      json.RawMessage `json:"model"`
	SkipCredentialVerification bool            `json:"skipCredentialVerification"`
}

// registrationEvent carries a registration on. The event initialize answers
// with an id and what a form is made of; every later event names that id:
// register stores the connection, connect tests it too, and the others are
// the statuses that the lifecycle knows.
func (a *API) registrationEvent(r *request) (response, error) {
	var b registrationBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	event := ""
	if b.Status != nil {
		event = *b.Status
	}
	if event == "initialize" {
		return a.beginRegistration(r, b)
	}
	status, err := statusAfter(event)
	if err != nil {
		return response{}, err
	}
	b.Status = nil
	ch, err := b.change()
	if err != nil {
		return response{}, err
	}
	ch.ID, ch.Status = b.ID, &status
	v, err := a.register(r, org, ch)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnection(v), version: v.Version}, nil
}

// register changes the connection with the registration's id, or creates it.
func (a *API) register(r *request, org belay.ID, ch app.ConnectionChange) (*app.Connection, error) {
	if ch.ID != "" {
		v, err := a.app.UpdateConnection(r.Context(), org, ch.ID, 0, ch)
		if belay.CodeOf(err) != belay.CodeNotFound {
			return v, err
		}
	}
	return a.app.CreateConnection(r.once(), org, ch)
}

// statusAfter is the status that an event asks for.
func statusAfter(event string) (belay.Status, error) {
	switch event {
	case "register":
		return belay.StatusRegistered, nil
	case "connect":
		return belay.StatusConnected, nil
	case "ignore":
		return belay.StatusIgnored, nil
	}
	status, err := belay.ParseStatus(event)
	if err != nil {
		return "", belay.Invalid("/status", "must be initialize, register, connect, ignore or a status")
	}
	return status, nil
}

func (a *API) beginRegistration(r *request, b registrationBody) (response, error) {
	name := ""
	if b.Kind != nil {
		name = *b.Kind
	}
	id, kind, err := a.app.BeginRegistration(r.Context(), name)
	if err != nil {
		return response{}, err
	}
	k := newKind(kind)
	return response{body: map[string]any{
		"id":         id,
		"connection": map[string]any{"kind": kind.Name, "displayName": kind.Title, "schema": kind.ConnectionSchema, "definition": k},
		"credential": map[string]any{"types": k.Credentials},
	}}, nil
}

// cancelRegistration has nothing to undo: until the event register nothing
// is stored.
func (a *API) cancelRegistration(r *request) (response, error) {
	if _, err := r.id("registrationId", "registration"); err != nil {
		return response{}, err
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	return response{}, a.app.CancelRegistration(r.Context())
}
