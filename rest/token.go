package rest

import (
	"regexp"
	"time"

	"belay"
	"belay/app"
)

// token is a token in Meshery's fields, with what these lack.
type token struct {
	ID                belay.ID           `json:"id"`
	UserID            belay.ID           `json:"userId"`
	UserEmail         string             `json:"userEmail"`
	Provider          string             `json:"provider"`
	Name              string             `json:"name"`
	Purpose           string             `json:"purpose"`
	AccessToken       string             `json:"accessToken"` // the public part; the whole only where it is made
	IsOAuth           bool               `json:"isOauth"`
	Scopes            []belay.Permission `json:"scopes"` // null: everything the user may do
	OrganizationID    belay.ID           `json:"organizationId,omitempty"`
	WorkspaceID       belay.ID           `json:"workspaceId,omitempty"`
	EnvironmentID     belay.ID           `json:"environmentId,omitempty"`
	Status            belay.TokenState   `json:"status"`
	Current           bool               `json:"current"`
	ExpiresSoon       bool               `json:"expiresSoon"`
	ExpiresAt         *time.Time         `json:"expiresAt"`
	LastUsedAt        *time.Time         `json:"lastUsedAt"`
	LastUsedFrom      string             `json:"lastUsedFrom"`
	RotatedAt         *time.Time         `json:"rotatedAt"`
	RevokedAt         *time.Time         `json:"revokedAt"`
	Previous          *formerToken       `json:"previous,omitempty"`
	CreatedAt         time.Time          `json:"createdAt"`
	UpdatedAt         time.Time          `json:"updatedAt"`
	AuthorizedActions []belay.Permission `json:"authorizedActions"`
}

// formerToken is what a token was before its last rotation.
type formerToken struct {
	AccessToken string     `json:"accessToken"` // its public part
	ExpiresAt   time.Time  `json:"expiresAt"`
	LastUsedAt  *time.Time `json:"lastUsedAt"`
}

func newToken(v *app.Token) token {
	w := token{
		ID: v.ID, UserID: v.UserID, Name: v.Name, Purpose: v.Purpose, AccessToken: v.Prefix, Scopes: v.Scopes,
		OrganizationID: v.OrganizationID, WorkspaceID: v.WorkspaceID, EnvironmentID: v.EnvironmentID,
		Status: v.State, Current: v.Current, ExpiresSoon: v.ExpiresSoon, ExpiresAt: when(v.ExpiresAt),
		LastUsedAt: when(v.LastUsedAt), LastUsedFrom: v.LastUsedFrom, RotatedAt: when(v.RotatedAt), RevokedAt: when(v.RevokedAt),
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, AuthorizedActions: v.Actions,
	}
	if v.User != nil {
		w.Provider, w.UserEmail = v.User.Provider, v.User.Email
	}
	if v.Former.Hash != nil {
		w.Previous = &formerToken{v.Former.Prefix, v.Former.ExpiresAt, when(v.Former.LastUsedAt)}
	}
	return w
}

// madeToken is newToken with the whole token, in the one answer that has it.
func madeToken(v *app.Token) token {
	w := newToken(v)
	w.AccessToken = string(v.Text.Reveal())
	return w
}

type tokenPage struct {
	pageOf
	Tokens []token `json:"tokens"`
}

// prefix is what the public part of a token looks like.
var prefix = regexp.MustCompile(`^` + belay.TokenMarker + `[0-9A-Za-z]{8}$`)

func (a *API) listTokens(r *request) (response, error) {
	org, q, err := r.list()
	if err != nil {
		return response{}, err
	}
	oauth, err := r.flag("isOauth")
	if err != nil {
		return response{}, err
	}
	var l app.TokenList
	if l.Everyone, err = r.flag("everyone"); err != nil {
		return response{}, err
	}
	var f struct {
		Ended  bool   `json:"ended"`
		Prefix string `json:"prefix"`
	}
	if err := r.filter(&f); err != nil {
		return response{}, err
	}
	if f.Prefix != "" && !prefix.MatchString(f.Prefix) {
		return response{}, belay.BadQuery("filter", "/prefix must be %s and 8 letters or digits, the public part of a token", belay.TokenMarker)
	}
	l.Ended, l.Prefix = f.Ended, f.Prefix
	page, err := a.app.Tokens(r.Context(), org, l, q)
	if oauth { // there are none
		page = belay.Page[*app.Token]{Number: page.Number, Size: page.Size}
	}
	return response{body: tokenPage{envelope(page), list(page, newToken)}}, err
}

func (a *API) getToken(r *request) (response, error) {
	id, err := r.id("tokenId", "token")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.Token(r.Context(), id)
	if err != nil {
		return response{}, err
	}
	return response{body: newToken(v)}, nil
}

// ending is when a token is to end.
type ending struct {
	ExpiresAt     *time.Time `json:"expiresAt"`
	ExpiresInDays *int       `json:"expiresInDays"`
}

// maxDays bounds the life of a token where the operator does not.
const maxDays = 36_500

func (e ending) end() (app.End, error) {
	end := app.End{At: e.ExpiresAt}
	if e.ExpiresInDays == nil {
		return end, nil
	}
	if n := *e.ExpiresInDays; n < 1 || n > maxDays {
		return end, belay.Invalid("/expiresInDays", "must be from 1 to %d", maxDays)
	}
	end.Life = new(time.Duration(*e.ExpiresInDays) * 24 * time.Hour)
	return end, nil
}

type tokenBody struct {
	Name           *string            `json:"name"`
	Purpose        *string            `json:"purpose"`
	Scopes         []belay.Permission `json:"scopes"`
	OrganizationID belay.ID           `json:"organizationId"`
	WorkspaceID    belay.ID           `json:"workspaceId"`
	EnvironmentID  belay.ID           `json:"environmentId"`
	ending
}

// createToken makes a token, from the query as Meshery publishes it or from
// a body.
func (a *API) createToken(r *request) (response, error) {
	var b tokenBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	n := app.NewToken{Scopes: b.Scopes, OrganizationID: org, WorkspaceID: b.WorkspaceID, EnvironmentID: b.EnvironmentID}
	if n.Name, err = r.either("name", b.Name); err != nil {
		return response{}, err
	}
	if n.Purpose, err = r.either("purpose", b.Purpose); err != nil {
		return response{}, err
	}
	if n.End, err = b.end(); err != nil {
		return response{}, err
	}
	v, err := a.app.CreateToken(r.once(), n)
	if err != nil {
		return response{}, err
	}
	return response{body: tokenPage{one, []token{madeToken(v)}}, secret: true}, nil
}

// either is a text that the query or the body names, not both.
func (r *request) either(name string, inBody *string) (string, error) {
	s, _ := r.first(name)
	switch {
	case inBody == nil:
		return s, nil
	case s != "" && s != *inBody:
		return "", belay.Invalid("/"+name, "is another one than the query has")
	}
	return *inBody, nil
}

func (a *API) rotateToken(r *request) (response, error) {
	var b struct {
		OverlapSeconds *seconds `json:"overlapSeconds"`
		ending
	}
	id, err := r.id("tokenId", "token")
	if err != nil {
		return response{}, err
	}
	if err := r.checkIdempotencyKey(); err != nil {
		return response{}, err
	}
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	rotation := app.Rotation{Overlap: (*time.Duration)(b.OverlapSeconds)}
	if rotation.End, err = b.end(); err != nil {
		return response{}, err
	}
	v, err := a.app.RotateToken(r.once(), id, rotation)
	if err != nil {
		return response{}, err
	}
	return response{body: madeToken(v), secret: true}, nil
}

func (a *API) revokeToken(r *request) (response, error) {
	id, err := r.id("tokenId", "token")
	if err != nil {
		return response{}, err
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	_, err = a.app.RevokeToken(r.Context(), id)
	return response{}, err
}

// revokeNamedToken is revokeToken as Meshery publishes it: the id is in the
// query, and the answer shows the token.
func (a *API) revokeNamedToken(r *request) (response, error) {
	s, _ := r.first("tokenId")
	id, err := belay.ParseID(s)
	if err != nil {
		return response{}, belay.BadQuery("tokenId", "%s", err)
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	v, err := a.app.RevokeToken(r.Context(), id)
	if err != nil {
		return response{}, err
	}
	return response{body: tokenPage{one, []token{newToken(v)}}}, nil
}
