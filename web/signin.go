package web

import (
	"embed"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"belay"
	"belay/app"
	"belay/rest"
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
	Code      string           // of a sign-in link, to be sent by the form
	Email     string           // that was typed before
	Text      string           // what went wrong
	Return    string           // where one goes then, on this server
	Passwords bool             // whether one signs in with an address and password
	Others    []belay.Provider // elsewhere
}

// At is where one signs in at a provider.
func (s signingIn) At(p belay.Provider) string {
	query := url.Values{"provider": {p.Key}}
	if s.Return != "" && s.Return != "/" {
		query.Set("return_to", s.Return)
	}
	return "/user/login?" + query.Encode()
}

// Down says since when a provider does not answer, "" where it does.
func (signingIn) Down(p belay.Provider) string {
	if p.State.Status != belay.ProviderUnreachable {
		return ""
	}
	return p.State.Since.UTC().Format("2 January 15:04 MST")
}

func (h *Handler) showSignIn(w http.ResponseWriter, status int, s signingIn) {
	for _, p := range h.Gate.Providers() {
		if p.Key == belay.LocalProvider {
			s.Passwords = true
		} else {
			s.Others = append(s.Others, p)
		}
	}
	h.show(w, status, "signin.html", site.Page{Title: "Sign in", Data: s})
}

// signInPage asks for a click: following a link must change nothing, since
// programs that look at links follow them too.
func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	provider := query.Get("provider")
	if provider == "" && !query.Has("code") {
		provider = h.enforced()
	}
	if provider != "" && provider != belay.LocalProvider {
		h.depart(w, r, provider)
		return
	}
	h.showSignIn(w, http.StatusOK, signingIn{Code: query.Get("code"), Return: returnTo(query.Get("return_to"))})
}

// form reads a form that this server's own page has sent; what is no such
// thing is answered.
func (h *Handler) form(w http.ResponseWriter, r *http.Request, doing string) bool {
	if err := h.sameOrigin.Check(r); err != nil {
		h.refuse(w, r, belay.Errorf(belay.CodeForbidden, "%s from this server's own page", doing))
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.refuse(w, r, badForm(err))
		return false
	}
	return true
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	if !h.form(w, r, "sign in") {
		return
	}
	if email := r.PostFormValue("email"); email != "" {
		h.signInWithPassword(w, r, email)
		return
	}
	back := returnTo(r.PostFormValue("return_to"))
	value, expires, err := h.Gate.SignIn(r.Context(), belay.SecretString(r.PostFormValue("code")), r.UserAgent(), remoteAddr(r))
	if err != nil {
		h.failed(w, r, err, func(status int, text string) {
			h.showSignIn(w, status, signingIn{Text: text, Return: back})
		})
		return
	}
	h.endSession(r)
	h.setSession(w, string(value.Reveal()), expires)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

func (h *Handler) signInWithPassword(w http.ResponseWriter, r *http.Request, email string) {
	back := returnTo(r.PostFormValue("return_to"))
	s, err := h.Gate.SignInWithPassword(r.Context(), email, belay.SecretString(r.PostFormValue("password")), visitor(r))
	if err != nil {
		h.failed(w, r, err, func(status int, text string) {
			h.showSignIn(w, status, signingIn{Text: text, Email: email, Return: back})
		})
		return
	}
	h.signedIn(w, r, s)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

func visitor(r *http.Request) app.Visitor {
	return app.Visitor{UserAgent: r.UserAgent(), RemoteAddr: remoteAddr(r)}
}

// signedIn makes a new session that of the browser, and ends the one before.
func (h *Handler) signedIn(w http.ResponseWriter, r *http.Request, s *app.NewSession) {
	h.endSession(r)
	h.setSession(w, string(s.Value.Reveal()), s.ExpiresAt)
}

// failed shows a form again with what went wrong; what its sender can do
// nothing about is answered as an error.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, err error, again func(status int, text string)) {
	e, ok := errors.AsType[*belay.Error](err)
	if !ok {
		h.API.Problem(w, r, err)
		return
	}
	text := e.Message
	if len(e.Fields) > 0 {
		what := "the password"
		if e.Code == belay.CodeBadQuery {
			what = "the " + e.Fields[0].Pointer
		}
		text = what + " " + e.Fields[0].Message
	}
	if e.RetryAfter > 0 {
		seconds := int(math.Ceil(e.RetryAfter.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		text += fmt.Sprintf(" (%d s)", seconds)
	}
	again(rest.StatusOf(e.Code), sentence(text))
}

// maxForm bounds a form, in bytes.
const maxForm = 8192

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

func (h *Handler) signOutPage(w http.ResponseWriter, _ *http.Request) {
	h.show(w, http.StatusOK, "signout.html", site.Page{Title: "Sign out"})
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	if err := h.sameOrigin.Check(r); err != nil {
		h.refuse(w, r, belay.Errorf(belay.CodeForbidden, "sign out from this server's own page"))
		return
	}
	where, provider, err := h.Gate.SignOutElsewhere(r.Context(), cookie(r, h.sessionName()))
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	h.setSession(w, "", time.Unix(1, 0))
	if provider.Key != "" && wantsPage(r) {
		h.showSignedOut(w, provider, where)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// sentence makes one of an error's text.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

func (h *Handler) home(w http.ResponseWriter, r *http.Request) {
	c := struct {
		Email, Version string
		Local          bool
	}{Version: h.Version}
	if p, err := h.principal(r); err == nil {
		c.Email, c.Local = p.Email, p.Provider == belay.LocalProvider && p.SessionID != ""
	}
	h.show(w, http.StatusOK, "home.html", site.Page{Title: "Belay", Here: "/", Data: c})
}
