package rest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"belay"
	"belay/app"
)

type connection struct {
	ID                belay.ID           `json:"id"`
	SchemaVersion     string             `json:"schemaVersion"`
	Name              string             `json:"name"`
	Description       string             `json:"description"`
	URL               string             `json:"url"`
	Kind              string             `json:"kind"`
	Type              string             `json:"type"`
	SubType           string             `json:"subType"`
	Metadata          json.RawMessage    `json:"metadata"`
	Labels            map[string]string  `json:"labels"`
	CredentialID      belay.ID           `json:"credentialId,omitempty"`
	Credentials       []credentialUse    `json:"credentials"`
	Management        belay.Management   `json:"management"`
	Origin            belay.Origin       `json:"origin"`
	Identity          string             `json:"identity,omitempty"`
	Status            belay.Status       `json:"status"`
	StatusReason      string             `json:"statusReason,omitempty"`
	StatusChangedBy   string             `json:"statusChangedBy"`
	StatusChangedAt   time.Time          `json:"statusChangedAt"`
	Health            health             `json:"health"`
	Check             checkPolicy        `json:"check"`
	Maintenance       *maintenance       `json:"maintenance,omitempty"`
	Environments      []environment      `json:"environments"`
	OrganizationID    belay.ID           `json:"organizationId"`
	UserID            belay.ID           `json:"userId"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	DeletedAt         *time.Time         `json:"deletedAt,omitempty"`
	AuthorizedActions []belay.Permission `json:"authorizedActions"`
}

type credentialUse struct {
	ID      belay.ID      `json:"id"`
	Purpose belay.Purpose `json:"purpose"`
	Deleted bool          `json:"deleted,omitempty"` // only read
}

type health struct {
	Status     belay.HealthStatus `json:"status"`
	Cause      *belay.Cause       `json:"cause"`
	Summary    string             `json:"summary"`
	CheckID    belay.ID           `json:"checkId,omitempty"`
	CheckedAt  *time.Time         `json:"checkedAt"`
	Since      *time.Time         `json:"since"`
	StaleAfter *time.Time         `json:"staleAfter"`
	Outdated   bool               `json:"outdated"`
}

type checkPolicy struct {
	IntervalSeconds *seconds `json:"intervalSeconds"`
	TimeoutSeconds  *seconds `json:"timeoutSeconds"`
}

// MarshalJSON writes the number of seconds.
func (s seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

type maintenance struct {
	Until  *time.Time `json:"until"`
	Reason string     `json:"reason"`
}

func newConnection(v *app.Connection) connection {
	interval, timeout := seconds(v.Policy.Interval), seconds(v.Policy.Timeout)
	w := connection{
		ID: v.ID, SchemaVersion: schemaConnection, Name: v.Name, Description: v.Description, URL: v.Endpoint,
		Kind: v.Kind, Type: v.Type, SubType: v.SubType, Metadata: rawObject(v.Config), Labels: v.Labels,
		Credentials: []credentialUse{}, Management: v.Management, Origin: v.Origin, Identity: v.Identity,
		Status: v.Status, StatusReason: v.StatusReason, StatusChangedBy: v.StatusChangedBy, StatusChangedAt: v.StatusChangedAt,
		Health: newHealth(v), Check: checkPolicy{&interval, &timeout},
		Environments: []environment{}, OrganizationID: v.OrganizationID, UserID: v.OwnerID,
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, DeletedAt: when(v.DeletedAt), AuthorizedActions: v.Actions,
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	for _, u := range v.Credentials {
		w.Credentials = append(w.Credentials, credentialUse{u.CredentialID, u.Purpose, slices.Contains(v.Gone, u.CredentialID)})
	}
	if len(v.Credentials) > 0 {
		w.CredentialID = v.Credentials[0].CredentialID
	}
	for _, e := range v.Environments {
		w.Environments = append(w.Environments, environmentIn(e))
	}
	if v.Status == belay.StatusMaintenance {
		w.Maintenance = &maintenance{when(v.Maintenance.Until), v.Maintenance.Reason}
	}
	return w
}

func newHealth(v *app.Connection) health {
	h := v.Health
	return health{
		Status: h.Status, Cause: causeOf(h.Cause), Summary: h.Summary, CheckID: h.CheckID,
		CheckedAt: when(h.CheckedAt), Since: when(h.Since), StaleAfter: when(h.StaleAfter(v.Policy)), Outdated: v.Outdated,
	}
}

// causeOf is a cause on the wire: null where nothing is wrong.
func causeOf(c belay.Cause) *belay.Cause {
	if c == "" {
		return nil
	}
	return &c
}

type connectionPage struct {
	pageOf
	Connections   []connection         `json:"connections"`
	StatusSummary map[belay.Status]int `json:"statusSummary,omitempty"`
}

func newConnectionPage(p belay.Page[*app.Connection], summary map[belay.Status]int) connectionPage {
	return connectionPage{envelope(p), list(p, newConnection), summary}
}

// connectionBody is a connection as clients send it. What it lacks stays.
type connectionBody struct {
	ID               belay.ID                 `json:"id"`
	Name             *string                  `json:"name"`
	Description      *string                  `json:"description"`
	Kind             *string                  `json:"kind"`
	Type             *string                  `json:"type"`
	SubType          *string                  `json:"subType"`
	URL              *string                  `json:"url"`
	Metadata         json.RawMessage          `json:"metadata"`
	Labels           *map[string]string       `json:"labels"`
	Status           *string                  `json:"status"`
	CredentialID     *belay.ID                `json:"credentialId"`
	Credentials      *[]credentialUse         `json:"credentials"`
	CredentialSecret map[string]*belay.Secret `json:"credentialSecret"`
	CredentialType   string                   `json:"credentialType"`
	CredentialName   string                   `json:"credentialName"`
	Check            *checkPolicy             `json:"check"`
	Maintenance      *maintenance             `json:"maintenance"`
	Identity         *string                  `json:"identity"`
	OrganizationID   belay.ID                 `json:"organizationId"`
}

// change is what the body asks for.
func (b connectionBody) change() (app.ConnectionChange, error) {
	ch := app.ConnectionChange{
		Name: b.Name, Description: b.Description, Kind: b.Kind, Type: b.Type, SubType: b.SubType,
		Endpoint: b.URL, Config: objectOrEmpty(b.Metadata), Labels: b.Labels,
		Secret: b.CredentialSecret, SecretType: b.CredentialType, SecretName: b.CredentialName, Accept: b.Identity,
	}
	if b.Status != nil && *b.Status != "" {
		status, err := belay.ParseStatus(*b.Status)
		if err != nil {
			return ch, belay.Invalid("/status", "%s", err)
		}
		ch.Status = &status
	}
	if b.CredentialName != "" && b.CredentialSecret == nil {
		return ch, belay.Invalid("/credentialName", "is the name of a new credential, and there is no credentialSecret for it")
	}
	if err := b.credentials(&ch); err != nil {
		return ch, err
	}
	if b.Check != nil {
		ch.Interval, ch.Timeout = (*time.Duration)(b.Check.IntervalSeconds), (*time.Duration)(b.Check.TimeoutSeconds)
	}
	if b.Maintenance != nil {
		ch.Maintenance = &belay.Maintenance{Reason: b.Maintenance.Reason}
		if b.Maintenance.Until != nil {
			ch.Maintenance.Until = b.Maintenance.Until.UTC()
		}
	}
	err := urlInMetadata(&ch) // before ch is returned, since it changes it
	return ch, err
}

func (b connectionBody) credentials(ch *app.ConnectionChange) error {
	switch {
	case b.Credentials != nil:
		uses := make([]belay.CredentialUse, len(*b.Credentials))
		for i, u := range *b.Credentials {
			uses[i] = belay.CredentialUse{CredentialID: u.ID, Purpose: u.Purpose}
			if u.Purpose == "" && i == 0 {
				uses[i].Purpose = belay.PurposePrimary
			} else if u.Purpose == "" {
				uses[i].Purpose = belay.PurposeFallback
			}
		}
		if b.CredentialID != nil && *b.CredentialID != "" && (len(uses) == 0 || uses[0].CredentialID != *b.CredentialID) {
			return belay.Invalid("/credentialId", "is not the first of credentials")
		}
		ch.Credentials = &uses
	case b.CredentialID != nil && *b.CredentialID == "":
		ch.Credentials = &[]belay.CredentialUse{}
	case b.CredentialID != nil:
		ch.Credentials = &[]belay.CredentialUse{{CredentialID: *b.CredentialID, Purpose: belay.PurposePrimary}}
	}
	return nil
}

// urlInMetadata takes the endpoint from metadata.url, where clients that
// know no url put it.
func urlInMetadata(ch *app.ConnectionChange) error {
	var m map[string]json.RawMessage
	if ch.Config == nil || json.Unmarshal(ch.Config, &m) != nil || m["url"] == nil {
		return nil //nolint:nilerr // metadata that is no object is refused where it is checked
	}
	var s string
	if json.Unmarshal(m["url"], &s) != nil {
		return belay.Invalid("/metadata/url", "must be a string")
	}
	if ch.Endpoint == nil {
		ch.Endpoint = &s
	}
	delete(m, "url")
	config, err := json.Marshal(m)
	ch.Config = config
	return err
}

// connectionFilter is what the parameter filter of a list of connections can
// hold.
type connectionFilter struct {
	Assigned    *bool             `json:"assigned"`
	Environment string            `json:"environment"` // an id, or "none"
	Workspace   belay.ID          `json:"workspace"`
	Credential  belay.ID          `json:"credential"`
	Kind        []string          `json:"kind"`
	Status      []string          `json:"status"`
	Type        []string          `json:"type"`
	Health      []string          `json:"health"`
	Labels      map[string]string `json:"labels"`
	Name        string            `json:"name"` // exactly this, in any case
}

// connections reads what every list of connections takes.
func (r *request) connections() (f belay.ConnectionFilter, q belay.Query, assigned bool, err error) {
	if q, err = r.page(); err != nil {
		return f, q, false, err
	}
	if name, _ := r.first("name"); name != "" {
		q.Search += " " + name
	}
	var w connectionFilter
	if err := r.filter(&w); err != nil {
		return f, q, false, err
	}
	f = belay.ConnectionFilter{
		Kinds: w.Kind, Types: w.Type, Labels: w.Labels, Name: w.Name,
		WorkspaceID: w.Workspace, CredentialID: w.Credential, InNoEnvironment: w.Environment == "none",
	}
	if w.Environment != "" && !f.InNoEnvironment {
		if f.EnvironmentID, err = belay.ParseID(w.Environment); err != nil {
			return f, q, false, belay.BadQuery("filter", `/environment must be a UUID or "none"`)
		}
	}
	err = r.properties(&f, w)
	return f, q, w.Assigned == nil || *w.Assigned, err
}

// properties reads the parameters that can be repeated.
func (r *request) properties(f *belay.ConnectionFilter, w connectionFilter) error {
	for name, to := range map[string]*[]string{"kind": &f.Kinds, "type": &f.Types, "status": &w.Status, "health": &w.Health} {
		values, err := r.values(name)
		if err != nil {
			return err
		}
		*to = append(*to, values...)
	}
	for _, s := range w.Status {
		status, err := belay.ParseStatus(s)
		if err != nil {
			return belay.BadQuery("status", "%s", err)
		}
		f.Statuses = append(f.Statuses, status)
	}
	for _, s := range w.Health {
		h, err := belay.ParseHealthStatus(s)
		if err != nil {
			return belay.BadQuery("health", "%s", err)
		}
		f.Healths = append(f.Healths, h)
	}
	labels, err := r.values("label")
	for _, l := range labels {
		name, value, ok := strings.Cut(l, "=")
		if !ok || name == "" {
			return belay.BadQuery("label", "must be KEY=VALUE")
		}
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[name] = value
	}
	return err
}

func (a *API) listConnections(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	f, q, assigned, err := r.connections()
	if err != nil {
		return response{}, err
	}
	f.InNoEnvironment = f.InNoEnvironment || !assigned
	page, err := a.app.Connections(r.Context(), org, f, q)
	if err != nil {
		return response{}, err
	}
	summary, err := a.app.StatusSummary(r.Context(), org)
	return response{body: newConnectionPage(page, summary)}, err
}

func (a *API) createConnection(r *request) (response, error) {
	var b connectionBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	ch, err := b.change()
	if err != nil {
		return response{}, err
	}
	ch.ID = b.ID
	v, err := a.app.CreateConnection(r.once(), org, ch)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnection(v), version: v.Version}, nil
}

func (a *API) getConnection(r *request) (response, error) {
	org, id, err := r.object("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.Connection(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnection(v), version: v.Version}, nil
}

func (a *API) updateConnection(r *request) (response, error) {
	var b connectionBody
	org, id, version, err := r.update("connectionId", "connection", &b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	if b.ID != "" && b.ID != id {
		return response{}, belay.Invalid("/id", "is not the id in the path; the id of a connection cannot be changed")
	}
	ch, err := b.change()
	if err != nil {
		return response{}, err
	}
	v, err := a.app.UpdateConnection(r.Context(), org, id, version, ch)
	if err != nil {
		return response{}, err
	}
	return response{body: newConnection(v), version: v.Version}, nil
}

func (a *API) deleteConnection(r *request) (response, error) {
	org, id, version, err := r.remove("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	return response{}, a.app.DeleteConnection(r.Context(), org, id, version)
}

func (a *API) listTransitions(r *request) (response, error) {
	org, id, err := r.object("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	status, transitions, err := a.app.Transitions(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	type transition struct {
		To         belay.Status `json:"to"`
		ByUser     bool         `json:"byUser"`
		ByCheck    bool         `json:"byCheck"`
		NeedsCheck bool         `json:"needsCheck"`
		Effect     string       `json:"effect"`
	}
	out := make([]transition, len(transitions))
	for i, t := range transitions {
		out[i] = transition{t.To, t.ByUser, t.ByCheck, t.NeedsCheck, t.Effect}
	}
	return response{body: struct {
		Status      belay.Status `json:"status"`
		Transitions []transition `json:"transitions"`
	}{status, out}}, nil
}
