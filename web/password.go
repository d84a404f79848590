package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"belay"
	"belay/site"
)

// invited is what the page of an invitation shows.
type invited struct {
	Code  string
	Email string // "" where the invitation is none
	Text  string // what went wrong
	To    string // the organizations that he belongs to, by name
	// Others are the providers with whose account it can be accepted.
	Others []belay.Provider
}

// At is where the invitation is accepted with an account of a provider.
func (i invited) At(p belay.Provider) string {
	return "/user/login?" + url.Values{"provider": {p.Key}, "invitation": {i.Code}}.Encode()
}

func (h *Handler) showInvitation(w http.ResponseWriter, status int, i invited) {
	h.show(w, status, "invitation.html", site.Page{Title: "Welcome", Data: i})
}

// invitationPage shows the form; only sending that spends the invitation.
func (h *Handler) invitationPage(w http.ResponseWriter, r *http.Request) {
	h.askForPassword(w, r, http.StatusOK, r.URL.Query().Get("code"), "")
}

func (h *Handler) askForPassword(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	u, err := h.Gate.Invited(r.Context(), belay.SecretString(code))
	if err != nil {
		h.failed(w, r, err, func(status int, text string) { h.showInvitation(w, status, invited{Text: text}) })
		return
	}
	i := invited{Code: code, Email: u.Email, Text: text}
	to, err := h.Gate.InvitedTo(r.Context(), u.ID)
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	i.To = strings.Join(to, ", ")
	pending, err := h.Gate.Pending(r.Context(), u.ID)
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	for _, p := range h.Gate.Providers() {
		if pending && p.Redirects {
			i.Others = append(i.Others, p)
		}
	}
	h.showInvitation(w, status, i)
}

func (h *Handler) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	if !h.form(w, r, "accept the invitation") {
		return
	}
	code := r.PostFormValue("code")
	if r.PostFormValue("password") != r.PostFormValue("again") {
		h.askForPassword(w, r, http.StatusUnprocessableEntity, code, differ)
		return
	}
	s, err := h.Gate.AcceptInvitation(r.Context(), belay.SecretString(code), belay.SecretString(r.PostFormValue("password")), visitor(r))
	if err != nil {
		h.failed(w, r, err, func(status int, text string) { h.askForPassword(w, r, status, code, text) })
		return
	}
	h.signedIn(w, r, s)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// differ is said where a password was not typed twice the same.
const differ = "The two passwords differ; type the same twice."

// changing is what the page for changing the password shows.
type changing struct {
	Email string
	Has   bool   // a password, which must be shown
	Since string // when that was set
	Text  string // what went wrong
	Done  bool
	Ended int // other sessions
}

func (h *Handler) passwordPage(w http.ResponseWriter, r *http.Request) {
	if r, p := h.inSession(w, r); p != nil {
		h.askForChange(w, r, p, http.StatusOK, "")
	}
}

// inSession is the request with who makes it, in a session. A browser without
// one is sent to the sign-in, and the principal is nil.
func (h *Handler) inSession(w http.ResponseWriter, r *http.Request) (*http.Request, *belay.Principal) {
	p, err := h.Gate.Session(r.Context(), cookie(r, h.sessionName()), remoteAddr(r))
	if belay.CodeOf(err) == belay.CodeUnauthenticated {
		http.Redirect(w, r, signInFor(r), http.StatusSeeOther)
		return r, nil
	}
	if err != nil {
		h.API.Problem(w, r, err)
		return r, nil
	}
	return r.WithContext(belay.WithPrincipal(r.Context(), p)), p
}

func (h *Handler) showChange(w http.ResponseWriter, status int, c changing) {
	h.show(w, status, "password.html", site.Page{Title: "Change the password", Data: c})
}

func (h *Handler) askForChange(w http.ResponseWriter, r *http.Request, p *belay.Principal, status int, text string) {
	c := changing{Email: p.Email, Text: text}
	own, err := h.App.OwnPassword(r.Context())
	if e, ok := errors.AsType[*belay.Error](err); ok && e.Code == belay.CodeConflict {
		h.refuse(w, r, e)
		return
	}
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	if own != nil {
		c.Has, c.Since = true, own.ChangedAt.Format("2 January 2006")
	}
	h.showChange(w, status, c)
}

func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request) {
	if !h.form(w, r, "change the password") {
		return
	}
	r, p := h.inSession(w, r)
	if p == nil {
		return
	}
	if r.PostFormValue("password") != r.PostFormValue("again") {
		h.askForChange(w, r, p, http.StatusUnprocessableEntity, differ)
		return
	}
	ended, err := h.App.ChangePassword(r.Context(), belay.SecretString(r.PostFormValue("current")), belay.SecretString(r.PostFormValue("password")))
	if err != nil {
		h.failed(w, r, err, func(status int, text string) { h.askForChange(w, r, p, status, text) })
		return
	}
	h.showChange(w, http.StatusOK, changing{Done: true, Ended: ended})
}
