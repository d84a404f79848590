package web

import (
	"embed"
	"errors"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"belay"
	"belay/site"
)

//go:embed pages
var pages embed.FS

// show answers with a page that is about this very request.
func (h *Handler) show(w http.ResponseWriter, status int, name string, p site.Page) {
	w.Header().Set("Cache-Control", "no-store")
	site.Write(w, status, h.pages.Render(name, p))
}

// signingIn is what the page of that name shows.
type signingIn struct {
	Code string // of a sign-in link, to be sent by the form
	Text string // why there is none
}

// signInPage asks for a click: following a link must change nothing, since
// programs that look at links follow them too.
func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) {
	h.show(w, http.StatusOK, "signin.html", site.Page{Title: "Sign in", Data: signingIn{Code: r.URL.Query().Get("code")}})
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
		h.show(w, http.StatusUnauthorized, "signin.html", site.Page{Title: "Sign in", Data: signingIn{Text: sentence(err.Error())}})
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

// sentence makes one of an error's text.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

func (h *Handler) home(w http.ResponseWriter, r *http.Request) {
	c := struct{ Email, Version string }{Version: h.Version}
	if p, err := h.principal(r); err == nil {
		c.Email = p.Email
	}
	h.show(w, http.StatusOK, "home.html", site.Page{Title: "Belay", Here: "/", Data: c})
}
