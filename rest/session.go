package rest

import (
	"time"

	"belay"
	"belay/app"
)

type session struct {
	ID         belay.ID  `json:"id"`
	UserID     belay.ID  `json:"userId"`
	Client     string    `json:"client"`
	UserAgent  string    `json:"userAgent"`
	RemoteAddr string    `json:"remoteAddr"`
	Current    bool      `json:"current"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	IdleAt     time.Time `json:"idleAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
}

func newSession(v *app.Session) session {
	return session{
		ID: v.ID, UserID: v.UserID, Client: v.Client, UserAgent: v.UserAgent, RemoteAddr: v.RemoteAddr, Current: v.Current,
		CreatedAt: v.CreatedAt, LastUsedAt: v.LastUsedAt, IdleAt: v.IdleAt, ExpiresAt: v.ExpiresAt,
	}
}

func (a *API) listSessions(r *request) (response, error) {
	q, err := r.page()
	if err != nil {
		return response{}, err
	}
	page, err := a.app.Sessions(r.Context(), q)
	return response{body: struct {
		pageOf
		Sessions []session `json:"sessions"`
	}{envelope(page), list(page, newSession)}}, err
}

func (a *API) endSession(r *request) (response, error) {
	id, err := r.id("sessionId", "session")
	if err != nil {
		return response{}, err
	}
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	return response{}, a.app.EndSession(r.Context(), id)
}

func (a *API) endOtherSessions(r *request) (response, error) {
	if err := r.noBody(); err != nil {
		return response{}, err
	}
	n, err := a.app.EndOtherSessions(r.Context())
	return response{body: map[string]int{"ended": n}}, err
}

func (a *API) endSessionsOf(r *request) (response, error) {
	org, id, err := r.below("userId", "user")
	if err == nil {
		err = r.noBody()
	}
	if err != nil {
		return response{}, err
	}
	n, err := a.app.EndSessionsOf(r.Context(), org, id)
	return response{body: map[string]int{"ended": n}}, err
}
