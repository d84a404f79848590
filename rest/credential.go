package rest

import (
	"time"

	"belay"
	"belay/app"
)

type credential struct {
	ID                belay.ID           `json:"id"`
	Name              string             `json:"name"`
	Type              string             `json:"type"`
	UserID            belay.ID           `json:"userId"`
	OrganizationID    belay.ID           `json:"organizationId"`
	Public            map[string]string  `json:"public"`
	SecretSet         map[string]bool    `json:"secretSet"`
	Fingerprint       string             `json:"fingerprint"`
	Version           int                `json:"version"`
	ExpiresAt         *time.Time         `json:"expiresAt"`
	LastUsedAt        *time.Time         `json:"lastUsedAt"`
	LastRotatedAt     *time.Time         `json:"lastRotatedAt"`
	Usage             credentialUsage    `json:"usage"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	DeletedAt         *time.Time         `json:"deletedAt,omitempty"`
	AuthorizedActions []belay.Permission `json:"authorizedActions"`
}

type credentialUsage struct {
	Connections int `json:"connections"`
	Works       struct {
		OK    int `json:"ok"`
		Total int `json:"total"`
		Stale int `json:"stale"`
	} `json:"works"`
}

func newCredential(v *app.Credential) credential {
	w := credential{
		ID: v.ID, Name: v.Name, Type: v.Type, UserID: v.OwnerID, OrganizationID: v.OrganizationID,
		Public: v.Public, SecretSet: map[string]bool{}, Fingerprint: v.Fingerprint, Version: v.Current,
		ExpiresAt: when(v.ExpiresAt), LastUsedAt: when(v.LastUsedAt), LastRotatedAt: when(v.LastRotatedAt),
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, DeletedAt: when(v.DeletedAt), AuthorizedActions: v.Actions,
	}
	if w.Public == nil {
		w.Public = map[string]string{}
	}
	for _, name := range v.Set {
		w.SecretSet[name] = true
	}
	w.Usage.Connections = v.Usage.Connections
	w.Usage.Works.OK, w.Usage.Works.Total, w.Usage.Works.Stale = v.Usage.Working, v.Usage.Checked, v.Usage.Stale
	return w
}

// credentialPage also has the envelope's fields as Meshery spells them for
// this one resource.
type credentialPage struct {
	pageOf
	SnakePageSize   int          `json:"page_size"`
	SnakeTotalCount int          `json:"total_count"`
	Credentials     []credential `json:"credentials"`
}

func newCredentialPage(p belay.Page[*app.Credential]) response {
	return response{body: credentialPage{envelope(p), p.Size, p.Total, list(p, newCredential)}}
}

type credentialBody struct {
	ID             belay.ID                 `json:"id"`
	Name           *string                  `json:"name"`
	Type           *string                  `json:"type"`
	UserID         belay.ID                 `json:"userId"`
	Secret         map[string]*belay.Secret `json:"secret"`
	OrganizationID belay.ID                 `json:"organizationId"`
}

func (b credentialBody) change() app.CredentialChange {
	return app.CredentialChange{Name: b.Name, Type: b.Type, Secret: b.Secret}
}

func (a *API) listCredentials(r *request) (response, error) {
	org, q, err := r.list()
	if err != nil {
		return response{}, err
	}
	types, err := r.values("type")
	if err != nil {
		return response{}, err
	}
	var f struct {
		Deleted bool `json:"deleted"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	page, err := a.app.Credentials(r.Context(), org, belay.CredentialFilter{Types: types, Deleted: f.Deleted}, q)
	return newCredentialPage(page), err
}

func (a *API) createCredential(r *request) (response, error) {
	var b credentialBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	if b.ID != "" {
		return response{}, belay.Invalid("/id", "is given by the server; PUT changes the credential that has it")
	}
	if p := belay.PrincipalFrom(r.Context()); b.UserID != "" && p != nil && b.UserID != p.UserID {
		return response{}, belay.Invalid("/userId", "must be you: a credential is owned by who creates it")
	}
	v, err := a.app.CreateCredential(r.once(), org, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newCredential(v), version: v.Credential.Version}, nil
}

// updateCredential changes the credential that the body names.
func (a *API) updateCredential(r *request) (response, error) {
	var b credentialBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	version, err := r.version()
	if err != nil {
		return response{}, err
	}
	if b.ID == "" {
		return response{}, belay.Invalid("/id", "is required: the id of the credential to change")
	}
	if err := a.sameOwner(r, org, b); err != nil {
		return response{}, err
	}
	v, err := a.app.UpdateCredential(r.Context(), org, b.ID, version, b.change())
	if err != nil {
		return response{}, err
	}
	return response{body: newCredential(v), version: v.Credential.Version}, nil
}

// sameOwner refuses a body that names another owner than the credential has.
func (a *API) sameOwner(r *request, org belay.ID, b credentialBody) error {
	if b.UserID == "" {
		return nil
	}
	v, err := a.app.Credential(r.Context(), org, b.ID)
	if err == nil && v.OwnerID != b.UserID {
		return belay.Invalid("/userId", "is not the owner; the owner of a credential cannot be changed")
	}
	return err
}

func (a *API) deleteCredential(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	s, _ := r.first("credentialId")
	id, err := belay.ParseID(s)
	if err != nil {
		return response{}, belay.BadQuery("credentialId", "%s", err)
	}
	detach, err := r.flag("detach")
	if err != nil {
		return response{}, err
	}
	version, err := r.version()
	if err != nil {
		return response{}, err
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	return response{}, a.app.DeleteCredential(r.Context(), org, id, version, detach)
}

func (a *API) getCredential(r *request) (response, error) {
	org, id, err := r.object("credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.Credential(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: newCredential(v), version: v.Credential.Version}, nil
}

func (a *API) listCredentialUsage(r *request) (response, error) {
	org, id, q, err := r.listOf("credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.CredentialUsage(r.Context(), org, id, q)
	return response{body: newConnectionPage(page, nil)}, err
}

type credentialVersion struct {
	Version     int       `json:"version"`
	Fingerprint string    `json:"fingerprint"`
	CreatedBy   belay.ID  `json:"createdBy"`
	CreatedAt   time.Time `json:"createdAt"`
}

func (a *API) listCredentialVersions(r *request) (response, error) {
	org, id, q, err := r.listOf("credentialId", "credential")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.CredentialVersions(r.Context(), org, id, q)
	return response{body: struct {
		pageOf
		Versions []credentialVersion `json:"versions"`
	}{envelope(page), list(page, func(v *belay.CredentialVersion) credentialVersion {
		return credentialVersion{v.Number, v.Fingerprint, v.CreatedBy, v.CreatedAt}
	})}}, err
}
