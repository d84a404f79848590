package web

import (
	"embed"
	"errors"
	"html/template"
	"net/http"
	"time"

	"belay"
)

//go:embed page.html
var pages embed.FS

var page = template.Must(template.ParseFS(pages, "page.html"))

// content is what the one plain page shows until there is a UI.
type content struct {
	Title string
	Text  string
	Code  string // of a sign-in link, to be sent by the form
	Email string // of who is signed in
}

func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, c content) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := page.Execute(w, c); err != nil {
		h.Log.WarnContext(r.Context(), "a page was not sent", "error", err)
	}
}

// signInPage asks for a click: following a link must change nothing, since
// programs that look at links follow them too.
func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, content{
		Title: "Sign in", Code: r.URL.Query().Get("code"),
		Text: "Open the sign-in link that the server printed at its first start: it works once, for a day.",
	})
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	if err := h.sameOrigin.Check(r); err != nil {
		h.refuse(w, r, belay.Errorf(belay.CodeForbidden, "sign in from this server's own page"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.refuse(w, r, badForm(err))
		return
	}
	code := belay.SecretString(r.PostFormValue("code"))
	value, expires, err := h.Gate.SignIn(r.Context(), code, r.UserAgent(), remoteAddr(r))
	if belay.CodeOf(err) == belay.CodeUnauthenticated {
		h.show(w, r, http.StatusUnauthorized, content{Title: "Sign in", Text: err.Error()})
		return
	}
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	h.endSession(r)
	h.setSession(w, string(value.Reveal()), expires)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// maxForm bounds a form, in bytes.
const maxForm = 4096

func badForm(err error) *belay.Error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return belay.Errorf(belay.CodeTooLarge, "the form is larger than %d bytes", maxForm)
	}
	return belay.Errorf(belay.CodeMalformed, "the form cannot be read")
}

// endSession ends the session that the browser had before it signed in
// again. Should that fail, it ends by itself.
func (h *Handler) endSession(r *http.Request) {
	before := cookie(r, h.sessionName())
	if before.IsZero() {
		return
	}
	if err := h.Gate.SignOut(r.Context(), before); err != nil {
		h.Log.WarnContext(r.Context(), "the session before was not ended", "error", err)
	}
}

func (h *Handler) setSession(w http.ResponseWriter, value string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: h.sessionName(), Value: value, Path: "/", Expires: expires,
		HttpOnly: true, Secure: h.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	if err := h.sameOrigin.Check(r); err != nil {
		h.refuse(w, r, belay.Errorf(belay.CodeForbidden, "sign out from this server's own page"))
		return
	}
	if err := h.Gate.SignOut(r.Context(), cookie(r, h.sessionName())); err != nil {
		h.API.Problem(w, r, err)
		return
	}
	h.setSession(w, "", time.Unix(1, 0))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (h *Handler) home(w http.ResponseWriter, r *http.Request) {
	c := content{Title: "Belay", Text: "The server runs, and you are not signed in. To sign in, open the link that the server printed at its first start: it works once, for a day. The command line on the server's machine is signed in without it: belay connection list."}
	if p, err := h.principal(r); err == nil {
		c.Text = "The server runs. Use it with the command line (belay connection list) or over its API."
		c.Email = p.Email
	}
	h.show(w, r, http.StatusOK, c)
}
