package web

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"belay"
	"belay/app"
	"belay/site"
)

// CallbackPath is where browsers come back from the pages of a provider. Each
// has its own, so that the answer of one is not taken for another's
// (RFC 9700, section 4.4.2.2).
func CallbackPath(provider string) string { return "/user/callback/" + url.PathEscape(provider) }

// BackChannelPath is where a provider says that sessions have ended (OpenID
// Connect Back-Channel Logout 1.0).
func BackChannelPath(provider string) string {
	return "/user/backchannel-logout/" + url.PathEscape(provider)
}

// Limits of a sign-in at a provider.
const (
	maxReturn      = 1024     // bytes of the path to return to
	maxLogoutToken = 64 << 10 // bytes of a form with a logout token
	signInCookie   = "belay_signin"
)

// returnTo is where a browser wants to go when it is signed in: a path of
// this server, or "/".
func returnTo(text string) string {
	u, err := url.Parse(text)
	// Browsers take a backslash for a slash, and two slashes for another host.
	if err != nil || len(text) > maxReturn || u.IsAbs() || u.Host != "" || u.User != nil || strings.Contains(text, `\`) ||
		!strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || path.Clean(u.Path) != u.Path {
		return "/"
	}
	return text
}

// signInName is the name of the cookie for a sign-in with that state. Those
// in several tabs have several; there are never many of them.
func (h *Handler) signInName(state string) string {
	name := signInCookie + "_0"
	if state != "" {
		name = signInCookie + "_" + string('0'+state[0]&7)
	}
	if h.secure() {
		return hostPrefix + name
	}
	return name
}

func (h *Handler) setSignIn(w http.ResponseWriter, state, value string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: h.signInName(state), Value: value, Path: "/", Expires: expires,
		HttpOnly: true, Secure: h.secure(), SameSite: http.SameSiteLaxMode, // it has to come along when the provider sends the browser back
	})
}

// enforced is the one provider that there is to choose, if its users sign in
// on its own pages; "" otherwise.
func (h *Handler) enforced() string {
	all := h.Gate.Providers()
	if len(all) == 1 && all[0].Redirects {
		return all[0].Key
	}
	return ""
}

// depart sends a browser to a provider's pages. Nothing changes here by that.
func (h *Handler) depart(w http.ResponseWriter, r *http.Request, provider string) {
	query := r.URL.Query()
	if there := h.elsewhere(r); there != "" {
		http.Redirect(w, r, there, http.StatusSeeOther)
		return
	}
	back := returnTo(query.Get("return_to"))
	errand := app.Errand{Return: back, Hint: hint(query.Get("login_hint"))}
	if code := query.Get("invitation"); code != "" {
		if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" {
			h.refuse(w, r, belay.Errorf(belay.CodeForbidden, "accept the invitation from this server's own page"))
			return
		}
		errand.Invitation = belay.SecretString(code)
	}
	d, err := h.Gate.Depart(r.Context(), provider, errand)
	if err != nil {
		h.notDeparted(w, r, err, signingIn{Return: back})
		return
	}
	h.setSignIn(w, d.State, string(d.Sealed.Reveal()), d.ExpiresAt)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, d.URL, http.StatusSeeOther)
}

// notDeparted says why a sign-in has not begun or has not ended well, to a
// person on the page with all ways in.
func (h *Handler) notDeparted(w http.ResponseWriter, r *http.Request, err error, page signingIn) {
	if !wantsPage(r) {
		h.API.Problem(w, r, err)
		return
	}
	h.failed(w, r, err, func(status int, text string) {
		page.Text = text
		if e, ok := errors.AsType[*belay.Error](err); ok && len(e.Remedy) > 0 {
			page.Text += " " + e.Remedy[0].Description
		}
		h.showSignIn(w, status, page)
	})
}

// hint is whom a browser's user calls himself, as far as it may be passed on.
func hint(text string) string {
	if len(text) > 254 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return text
}

// elsewhere is this request at the address to which the provider will send
// the browser back: a cookie for localhost is none for 127.0.0.1. Behind
// something that sends its own Host it cannot be told, and is "".
func (h *Handler) elsewhere(r *http.Request) string {
	u, err := url.Parse(h.Address)
	if h.PublicURL != nil || err != nil || r.Host == u.Host || !strings.HasPrefix(r.Host, "localhost:") || u.Port() != strings.TrimPrefix(r.Host, "localhost:") {
		return ""
	}
	u.Path, u.RawQuery = r.URL.Path, r.URL.RawQuery
	return u.String()
}

// arrive signs a browser in that comes back from a provider's pages.
func (h *Handler) arrive(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	state := query.Get("state")
	w.Header().Set("Cache-Control", "no-store")
	a, err := h.Gate.Arrive(r.Context(), r.PathValue("provider"), query, cookie(r, h.signInName(state)), visitor(r))
	if err != nil {
		h.notArrived(w, r, err)
		return
	}
	h.setSignIn(w, state, "", time.Unix(1, 0))
	h.signedIn(w, r, a.NewSession)
	http.Redirect(w, r, returnTo(a.Return), http.StatusSeeOther)
}

// notArrived says why, and offers all ways in again. What the operator may
// want to know is in the log.
func (h *Handler) notArrived(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*belay.Error](err); ok {
		h.Log.InfoContext(r.Context(), "nobody was signed in by a provider", "provider", r.PathValue("provider"), "reason", e.Message, "cause", e.Err)
	}
	h.notDeparted(w, r, err, signingIn{})
}

// backChannel ends the sessions that a provider names. It comes from the
// provider, not from a browser: what it carries is signed, and no cookie
// counts.
func (h *Handler) backChannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutToken)
	err := r.ParseForm()
	if tokens := r.PostForm["logout_token"]; err == nil && len(tokens) == 1 {
		err = h.Gate.ProviderSignedOut(r.Context(), r.PathValue("provider"), tokens[0])
	} else {
		err = belay.Errorf(belay.CodeMalformed, "there must be one logout_token, in a form")
	}
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	text := "the sessions were not ended"
	if e, ok := errors.AsType[*belay.Error](err); ok {
		text = e.Message
		err = errors.Join(err, e.Err)
	}
	h.Log.WarnContext(r.Context(), "a provider's logout is refused", "provider", r.PathValue("provider"), "error", err)
	h.API.Problem(w, r, belay.Errorf(belay.CodeMalformed, "%s", text)) // 400, whatever went wrong: section 2.8
}

// signedOut is what the page of that name shows.
type signedOut struct {
	Title string // of the provider
	URL   string // where one signs out there; "": the provider was asked to end its session, and does not answer
}

// showSignedOut sends a browser on to sign out at its provider. That is done
// by a page: to where a form's answer redirects, browsers go within this
// server only.
func (h *Handler) showSignedOut(w http.ResponseWriter, p belay.Provider, where string) {
	if where != "" {
		w.Header().Set("Refresh", "0; url="+where)
	}
	h.show(w, http.StatusOK, "signedout.html", site.Page{Title: "Signed out", Data: signedOut{Title: p.Title, URL: where}})
}
