package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"belay"
	"belay/app"
	"belay/site"
)

// asking is what a page shows on which a user lets a program in, or not.
type asking struct {
	Email  string // as whom it would act
	Text   string // what went wrong
	Title  string // of the program; "" before it is known
	Host   string // where it says that it runs
	Addr   string // where it asked from
	At     string // when
	To     string // where the answer goes; "" for a device
	Fields map[string]string
	Done   string // what was answered
}

// authorization reads the request of a client (RFC 6749, section 4.1.1), from a
// query or a form. What of it could send the browser to a wrong place is
// answered here, with a page; what else is wrong goes back to the client, by
// the error's code.
func (h *Handler) authorization(w http.ResponseWriter, r *http.Request, v url.Values) (a app.Authorization, c *belay.Client, wrong string, ok bool) {
	for _, values := range v {
		if len(values) > 1 {
			h.refuse(w, r, belay.Errorf(belay.CodeBadQuery, "the program has sent a parameter twice"))
			return a, nil, "", false
		}
	}
	a = app.Authorization{
		Client: v.Get("client_id"), RedirectURI: v.Get("redirect_uri"), Challenge: v.Get("code_challenge"), Host: app.HostName(v.Get("host")),
	}
	c, err := h.Gate.CheckRedirect(a)
	if err != nil {
		h.refuse(w, r, belay.Errorf(belay.CodeBadQuery, "%s", err.Error()))
		return a, nil, "", false
	}
	switch {
	case v.Get("response_type") != "code":
		wrong = "unsupported_response_type"
	case v.Get("code_challenge_method") != "S256" || !app.ValidChallenge(a.Challenge):
		wrong = "invalid_request" // RFC 7636, section 4.4.1
	}
	return a, c, wrong, true
}

// sendBack sends the browser to the client with an answer (RFC 6749, section
// 4.1.2; iss is of RFC 9207).
func (h *Handler) sendBack(w http.ResponseWriter, r *http.Request, to, state string, answer url.Values) {
	u, err := url.Parse(to) // it was compared with one that is known
	if err != nil {
		h.API.Problem(w, r, err)
		return
	}
	q := u.Query()
	for name := range answer {
		q.Set(name, answer.Get(name))
	}
	if state != "" {
		q.Set("state", state)
	}
	q.Set("iss", h.Address)
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// consentPage asks whether a client may act for the user. It asks each time:
// any program on the user's machine can claim to be the command line (RFC
// 8252, section 8.6).
func (h *Handler) consentPage(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	a, c, wrong, ok := h.authorization(w, r, v)
	if !ok {
		return
	}
	if wrong != "" {
		h.sendBack(w, r, a.RedirectURI, v.Get("state"), url.Values{"error": {wrong}})
		return
	}
	r, p := h.inSession(w, r)
	if p == nil {
		return
	}
	fields := map[string]string{}
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method", "state", "host"} {
		fields[name] = v.Get(name)
	}
	to, _ := url.Parse(a.RedirectURI)
	// Browsers hold the redirect that answers a form against the policy of the
	// form's page.
	source := to.Scheme + "://" + to.Host
	if strings.HasPrefix(to.Host, "[") {
		source = to.Scheme + ":" // a source cannot name an address of IPv6
	}
	policy := w.Header().Get("Content-Security-Policy")
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, "form-action 'self'", "form-action 'self' "+source, 1))
	h.ask(w, http.StatusOK, "consent.html", asking{
		Email: p.Email, Title: c.Title, Host: a.Host, Addr: remoteAddr(r), At: shownTime(h.Gate.Now()), To: to.Host, Fields: fields,
	})
}

func shownTime(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 MST") }

func (h *Handler) ask(w http.ResponseWriter, status int, page string, a asking) {
	w.Header().Set("Cache-Control", "no-store")
	h.show(w, status, page, site.Page{Title: "Let a program in", Data: a})
}

func (h *Handler) consent(w http.ResponseWriter, r *http.Request) {
	if !h.form(w, r, "let a program in") {
		return
	}
	v := r.PostForm
	a, c, wrong, ok := h.authorization(w, r, v)
	if !ok {
		return
	}
	r, p := h.inSession(w, r)
	if p == nil {
		return
	}
	switch {
	case wrong != "":
	case v.Get("answer") != "allow":
		wrong = app.GrantDenied
	default:
		code, err := h.Gate.Authorize(r.Context(), p, a)
		if err != nil {
			h.API.Problem(w, r, err)
			return
		}
		h.Log.InfoContext(r.Context(), "a client was allowed", "client", c.ID, "host", a.Host, "user", p.UserID, "remote", remoteAddr(r))
		h.sendBack(w, r, a.RedirectURI, v.Get("state"), url.Values{"code": {string(code.Reveal())}})
		return
	}
	h.sendBack(w, r, a.RedirectURI, v.Get("state"), url.Values{"error": {wrong}})
}

// devicePage asks for the code that a program shows elsewhere; one that the
// link has brought along is shown, and looked up only when that is sent.
func (h *Handler) devicePage(w http.ResponseWriter, r *http.Request) {
	r, p := h.inSession(w, r)
	if p == nil {
		return
	}
	h.ask(w, http.StatusOK, "device.html", asking{Email: p.Email, Fields: map[string]string{"code": app.UserCode(r.URL.Query().Get("code"))}})
}

// device shows what waits with a code, and takes the answer.
func (h *Handler) device(w http.ResponseWriter, r *http.Request) {
	if !h.form(w, r, "let a program in") {
		return
	}
	r, p := h.inSession(w, r)
	if p == nil {
		return
	}
	code, answer := r.PostForm.Get("code"), belay.DeviceDenied
	var d *app.Device
	var err error
	switch r.PostForm.Get("answer") {
	case "":
		d, err = h.Gate.Device(r.Context(), p, code)
		answer = belay.DeviceUnanswered
	case "allow":
		answer = belay.DeviceAllowed
		fallthrough
	default:
		d, err = h.Gate.AnswerDevice(r.Context(), p, code, answer)
	}
	fields := map[string]string{"code": app.UserCode(code)}
	if err != nil {
		h.failed(w, r, err, func(status int, text string) {
			h.ask(w, status, "device.html", asking{Email: p.Email, Text: text, Fields: fields})
		})
		return
	}
	if answer != belay.DeviceUnanswered {
		h.Log.InfoContext(r.Context(), "a client was answered", "client", d.Client.ID, "answer", answer, "host", d.Host, "user", p.UserID, "remote", remoteAddr(r))
	}
	h.ask(w, http.StatusOK, "device.html", asking{
		Email: p.Email, Title: d.Client.Title, Host: d.Host, Addr: d.RemoteAddr, At: shownTime(d.AskedAt), Fields: fields, Done: string(answer),
	})
}
