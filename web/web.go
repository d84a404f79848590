// Package web is the HTTP server around the API: it finds out who a request
// comes from, gives it an id, and sees to it that no request can harm
// another.
package web

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"belay"
	"belay/app"
	"belay/rest"
	"belay/site"
)

// Config is what a Handler is made of. All of it must be set, but for
// PublicURL and what is about TLS.
type Config struct {
	API     *rest.API
	App     *app.App
	Gate    *app.Gate
	Ready   func(context.Context) error // whether requests can be answered
	Log     *slog.Logger
	Version string
	// PublicURL is where browsers reach the server when that is not where it
	// listens. With https, cookies are for TLS only.
	PublicURL *url.URL
	// Address is where others reach the server in either case, without a slash
	// at its end; it is its issuer too (RFC 8414, section 2).
	Address string
	// TLS tells that the server itself speaks it, and so with nobody otherwise.
	TLS bool
	// TrustsClient tells whether a client that has shown a certificate may go
	// on using its connection; nil where clients are not asked for any.
	TrustsClient func(*tls.ConnectionState) bool
	// Kinds are those that the documentation is to show to everybody.
	Kinds []*belay.Kind
}

// Handler answers every request that the server gets.
type Handler struct {
	Config
	mux        *http.ServeMux
	pages      *site.Templates
	sameOrigin *http.CrossOriginProtection
}

// New makes a Handler.
func New(c Config) *Handler {
	h := &Handler{Config: c, mux: http.NewServeMux(), pages: site.Parse(pages, "pages/*.html"), sameOrigin: sameOrigin(c.PublicURL)}
	h.mux.Handle("/api/", h.strangers(c.API, h.authenticate(c.API)))
	h.mux.HandleFunc("GET /healthz/live", h.live)
	h.mux.HandleFunc("GET /healthz/ready", h.ready)
	docs := rest.Docs(c.Kinds, http.HandlerFunc(h.nothing))
	h.mux.Handle("GET /openapi.json", rest.OpenAPI())
	h.mux.Handle("GET /docs", docs)
	h.mux.Handle("GET /docs/", docs)
	h.mux.Handle("GET "+site.StylePath, site.Style())
	h.mux.HandleFunc("GET /user/login", h.signInPage)
	h.mux.HandleFunc("POST /user/login", h.signIn)
	h.mux.HandleFunc("GET /user/logout", h.signOutPage)
	h.mux.HandleFunc("POST /user/logout", h.signOut)
	h.mux.HandleFunc("GET /user/callback/{provider}", h.arrive)
	h.mux.HandleFunc("POST /user/backchannel-logout/{provider}", h.backChannel)
	h.mux.HandleFunc("GET "+rest.InvitationPath, h.invitationPage)
	h.mux.HandleFunc("POST "+rest.InvitationPath, h.acceptInvitation)
	h.mux.HandleFunc("GET /user/password", h.passwordPage)
	h.mux.HandleFunc("POST /user/password", h.changePassword)
	h.oauthRoutes()
	h.mux.HandleFunc("GET /{$}", h.home)
	h.mux.HandleFunc("/api", h.nothing) // the mux would redirect to /api/
	h.mux.HandleFunc("/", h.nothing)
	return h
}

// sameOrigin tells the server's own pages from others'. What stands in front
// of it may send another Host than the browser did.
func sameOrigin(public *url.URL) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if public != nil {
		_ = p.AddTrustedOrigin(public.Scheme + "://" + public.Host) // fails for no URL that was checked
	}
	return p
}

func (h *Handler) nothing(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		h.API.Problem(w, r, belay.Errorf(belay.CodeNotFound, "there is nothing at %s", r.URL.Path))
		return
	}
	h.show(w, http.StatusNotFound, "message.html", site.Page{
		Title: "Page not found", Data: "This server has no page at " + r.URL.Path + ". The address may be mistyped, or cut off at its end.",
	})
}

// wantsPage tells a person at a browser from a program. Below /api/ there
// are programs only.
func wantsPage(r *http.Request) bool {
	api := r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
	return !api && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// refuse answers with an error: a person with a page, a program with a
// problem document.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err *belay.Error) {
	if !wantsPage(r) {
		h.API.Problem(w, r, err)
		return
	}
	status := rest.StatusOf(err.Code)
	h.show(w, status, "message.html", site.Page{Title: http.StatusText(status), Data: "This cannot be done: " + err.Message + "."})
}

// clean tells whether a path has no part that a router would tidy up: it
// would answer with a redirect, and programs would not follow that.
func clean(p string) bool {
	tidy := path.Clean(p)
	return p == tidy || p == strings.TrimSuffix(tidy, "/")+"/"
}

// ServeHTTP answers one request: with an id, in the log, and with a 500 of
// its own should it panic.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id := requestID(r.Header.Get("X-Request-ID"))
	r = r.WithContext(rest.WithRequestID(r.Context(), id))
	header := w.Header()
	header.Set("X-Request-ID", id)
	header.Set("Belay-Version", h.Version)
	h.strictTransport(header, r.Host)
	header.Set("X-Content-Type-Options", "nosniff")
	// By no-referrer the forms of these very pages would come with "Origin: null"
	// (Fetch, "append a request Origin header"), which is nobody's own page.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	record := &recorder{ResponseWriter: w}
	defer h.finish(record, r, begin)
	if !h.trusted(r) {
		h.turnAway(record, r)
		return
	}
	if !clean(r.URL.Path) {
		h.nothing(record, r)
		return
	}
	h.mux.ServeHTTP(record, r)
}

// finish logs a request, and answers it should it have panicked.
// An answer that has begun cannot be taken back: it is cut off, so that
// nobody takes half of it for the whole.
func (h *Handler) finish(w *recorder, r *http.Request, begin time.Time) {
	ctx := r.Context()
	v := recover()
	if v != nil && v != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		h.Log.ErrorContext(ctx, "panic", "panic", v, "stack", string(debug.Stack()))
		if w.status == 0 {
			v = nil
			w.Header().Del("Content-Length")
			w.Header().Del("ETag")
			h.API.Problem(w, r, belay.Errorf(belay.CodeInternal, "something went wrong in the server; its log has the details under this request id"))
		}
	}
	if v != nil {
		defer panic(http.ErrAbortHandler)
	}
	h.Log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status),
		slog.Duration("duration", time.Since(begin).Round(time.Microsecond)), slog.String("remote", remoteAddr(r)), clientCertificate(r))
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// requestID takes over the client's id, or makes one.
func requestID(client string) string {
	if belay.ValidRequestID(client) {
		return client
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// remoteAddr is the address of the other end, without its port.
func remoteAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Cookies by which a request can be authenticated.
const (
	sessionCookie = "belay_session"
	tokenCookie   = "token" // an API token, as mesheryctl sends it
	// hostPrefix lets a browser take a cookie only over TLS, from this very
	// host, for all of its paths (RFC 6265bis, section 4.1.3.2).
	hostPrefix = "__Host-"
)

// sessionName is the name of the session's cookie.
func (h *Handler) sessionName() string {
	if h.secure() {
		return hostPrefix + sessionCookie
	}
	return sessionCookie
}

// authenticate lets a request pass that comes from a known principal.
func (h *Handler) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, err := h.principal(r)
		if belay.CodeOf(err) == belay.CodeUnauthenticated {
			if at, token, is := h.foreign(r); is {
				next.ServeHTTP(w, r.WithContext(rest.WithForeign(r.Context(), at, token)))
				return
			}
		}
		if err != nil {
			h.API.Problem(w, r, err)
			return
		}
		if h.Gate.ExpiresSoon(principal) {
			w.Header().Set("Belay-Token-Expires", principal.ExpiresAt.Format(time.RFC3339))
		}
		next.ServeHTTP(w, r.WithContext(belay.WithPrincipal(r.Context(), principal)))
	})
}

// strangers lets requests of open routes pass, whoever they come from. Their
// changes, too, come from this server's own pages only: another's must not
// sign a browser in to an account of its choice.
func (h *Handler) strangers(api *rest.API, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !api.Open(r) {
			others.ServeHTTP(w, r)
			return
		}
		if err := h.sameOrigin.Check(r); err != nil {
			api.Problem(w, r, belay.Errorf(belay.CodeForbidden, "sign in from this server's own page"))
			return
		}
		api.ServeHTTP(w, r.WithContext(rest.WithBrowser(r.Context(), rest.Browser{
			RemoteAddr: remoteAddr(r), Secure: h.secure(),
			SignedIn: func(w http.ResponseWriter, s *app.NewSession) { h.signedIn(w, r, s) },
		})))
	})
}

// principal is who a request comes from. A header counts before any cookie,
// and a cookie only on requests that this server's own pages make.
func (h *Handler) principal(r *http.Request) (*belay.Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, app.Unauthenticated("the header Authorization must be: Bearer TOKEN")
		}
		return h.Gate.Token(r.Context(), belay.SecretString(strings.TrimSpace(token)), remoteAddr(r))
	}
	session, token := cookie(r, h.sessionName()), cookie(r, tokenCookie)
	if session.IsZero() && token.IsZero() {
		return nil, app.Unauthenticated("this request carries no token and no session")
	}
	if err := h.sameOrigin.Check(r); err != nil {
		return nil, belay.Errorf(belay.CodeForbidden, "a change that is authenticated by a cookie must come from this server's own pages")
	}
	if !session.IsZero() {
		return h.Gate.Session(r.Context(), session, remoteAddr(r))
	}
	return h.Gate.Token(r.Context(), token, remoteAddr(r))
}

func cookie(r *http.Request, name string) belay.Secret {
	c, err := r.Cookie(name)
	if err != nil {
		return belay.Secret{}
	}
	return belay.SecretString(c.Value)
}

func (h *Handler) live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

func (h *Handler) ready(w http.ResponseWriter, r *http.Request) {
	if err := h.Ready(r.Context()); err != nil {
		h.Log.WarnContext(r.Context(), "not ready", "error", err)
		h.API.Problem(w, r, belay.Errorf(belay.CodeUnavailable, "the database does not answer"))
		return
	}
	h.live(w, r)
}
