// Package rest is the wire contract: paths, spellings, envelopes and status
// codes live here and nowhere else. For the resources that Meshery publishes
// it is Meshery's contract; what that lacks is added in its style. The
// document openapi.yaml describes all of it.
package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay"
	"belay/app"
)

// maxBody bounds a JSON body, in bytes. What is larger is answered with 413
// before it is read.
const maxBody = 1 << 20

// Config is what an API is made of. All of it must be set, but for
// WriteTimeout.
type Config struct {
	App     *app.App
	Gate    *app.Gate
	Log     *slog.Logger
	Version string
	// WriteTimeout is the HTTP server's. Answers that take longer renew it
	// with all that they write. 0: there is none.
	WriteTimeout time.Duration
	// PublicURL is where people reach the server, without a slash at its end:
	// links begin with it.
	PublicURL string
	// Hubs keep the data of the users of some providers, by key: their requests
	// are passed on. nil: there are none.
	Hubs map[string]Hub
}

// API answers requests below /api/. Authentication stands before it: it
// finds the principal in the request's context.
type API struct {
	app     *app.App
	gate    *app.Gate
	log     *slog.Logger
	version string
	mux     *http.ServeMux
	// writeTimeout is the HTTP server's, 0 for none.
	writeTimeout time.Duration
	publicURL    string
	open         map[string]bool // patterns of the routes for strangers
	hubs         map[string]Hub
	onward       *http.ServeMux // the same routes for who has his data at a hub
}

// New makes an API with all its routes. One that does not say who may use it
// is an error.
func New(c Config) (*API, error) {
	a := &API{
		app: c.App, gate: c.Gate, log: c.Log, version: c.Version, mux: http.NewServeMux(), writeTimeout: c.WriteTimeout,
		publicURL: c.PublicURL, open: map[string]bool{}, hubs: c.Hubs, onward: http.NewServeMux(),
	}
	for _, r := range a.routes() {
		if err := r.check(); err != nil {
			return nil, err
		}
		own, pattern := a.serve(r), r.Method+" "+r.Path
		a.mux.Handle(pattern, own)
		passed, err := r.PassedOn()
		if err != nil {
			return nil, err
		}
		if passed {
			a.onward.Handle(pattern, a.passOn(r))
		} else {
			a.onward.Handle(pattern, a.keeps(r, own))
		}
		a.open[pattern] = r.Permission == Anyone
	}
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := a.mux
	if a.passing(r.Context()) != nil {
		mux = a.onward
	}
	if _, pattern := mux.Handler(r); pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	allowed := a.methodsAt(r)
	if len(allowed) == 0 {
		a.Problem(w, r, belay.Errorf(belay.CodeNotFound, "there is nothing at %s", r.URL.Path))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.Problem(w, r, belay.Errorf(belay.CodeMethodNotAllowed, "%s is not possible here; possible are %s", r.Method, strings.Join(allowed, ", ")))
}

// methodsAt lists the methods that are possible at the request's path.
func (a *API) methodsAt(r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		try := &http.Request{Method: method, Host: r.Host, URL: r.URL}
		if _, pattern := a.mux.Handler(try); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// Route is one operation of the API.
type Route struct {
	Method     string
	Path       string
	Permission belay.Permission // the one that it asks for first, or AnyCaller
	Status     int              // of success
	Query      []string         // the parameters that it takes
	MaxBody    int64            // 0: maxBody
	Multipart  bool             // takes multipart/form-data instead of JSON
	handle     func(*request) (response, error)
}

// AnyCaller is the permission of a route that whoever is signed in may use.
const AnyCaller belay.Permission = "any"

// Anyone is the permission of a route that is for strangers too: what one
// needs to sign in.
const Anyone belay.Permission = "none"

// Open tells whether a request is for strangers too.
func (a *API) Open(r *http.Request) bool {
	_, pattern := a.mux.Handler(r)
	return a.open[pattern]
}

// check refuses a route that nobody has thought about.
func (r Route) check() error {
	if r.Permission == AnyCaller || r.Permission == Anyone || slices.Contains(belay.Permissions(), r.Permission) {
		return nil
	}
	return fmt.Errorf("route %s %s asks for the permission %q, which is none", r.Method, r.Path, r.Permission)
}

// response is what a handler answers with.
type response struct {
	body    any
	version int64 // for the ETag; 0 where nothing can be changed by If-Match
	status  int   // instead of the route's, 0 for that
	header  map[string]string
	written bool // by the handler itself
	secret  bool // nobody on the way may keep it
}

// request is a request being handled.
type request struct {
	*http.Request
	to    http.ResponseWriter
	route Route
	gate  *app.Gate
	body  []byte
	tried int // how many of the versions of If-Match were not it
	dry   bool
}

// carryOut handles the request; when it fails because the object has another
// version than the first that If-Match names, with the next one of those. A
// request that fails so has done nothing.
func (r *request) carryOut() (response, error) {
	for {
		res, err := r.route.handle(r)
		if belay.CodeOf(err) != belay.CodePreconditionFailed || !r.another() {
			return res, err
		}
	}
}

// serve is what all routes have in common: limits, media types, errors,
// ETags and encoding.
func (a *API) serve(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{Request: r, to: w, route: route, gate: a.gate}
		if err := req.prepare(w); err != nil {
			a.Problem(w, r, err)
			return
		}
		res, err := req.carryOut()
		if res, err = req.rehearsed(res, err); err != nil {
			a.Problem(w, r, err)
			return
		}
		if !res.written {
			a.answer(w, req, res)
		}
	})
}

// prepare refuses what cannot be a request of this route, and reads the
// body.
func (r *request) prepare(w http.ResponseWriter) error {
	if err := r.checkQuery(); err != nil {
		return err
	}
	if err := r.checkProvider(); err != nil {
		return err
	}
	if err := r.rehearse(); err != nil {
		return err
	}
	if r.route.Multipart {
		return r.wantMedia("multipart/form-data")
	}
	limit := r.route.MaxBody
	if limit == 0 {
		limit = maxBody
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return tooLarge(limit)
	}
	if err != nil {
		return belay.Errorf(belay.CodeMalformed, "the body ended early")
	}
	r.body = body
	if len(body) > 0 {
		return r.wantMedia("application/json")
	}
	return nil
}

func tooLarge(limit int64) error {
	return belay.Errorf(belay.CodeTooLarge, "the body is larger than %d bytes", limit)
}

func (r *request) wantMedia(want string) error {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && (got == want || want == "application/json" && strings.HasSuffix(got, "+json")) {
		return nil
	}
	return belay.Errorf(belay.CodeUnsupportedMedia, "the body must be %s; send the header Content-Type: %s", want, want)
}

// answer encodes a success. A GET or HEAD whose ETag the client has already
// is answered with 304.
func (a *API) answer(w http.ResponseWriter, r *request, res response) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	for name, value := range res.header {
		h.Set(name, value)
	}
	status := r.route.Status
	if res.status != 0 {
		status = res.status
	}
	if res.body == nil {
		w.WriteHeader(status)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(res.body); err != nil {
		a.Problem(w, r.Request, err)
		return
	}
	tag := etag(res.version, b.Bytes())
	h.Set("ETag", tag)
	if !res.secret {
		h.Set("Cache-Control", "private, no-cache")
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes())
	}
}
