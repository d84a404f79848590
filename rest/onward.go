package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"belay"
)

// Hub is another server of this kind, which keeps the data of the users of one
// provider.
type Hub interface {
	// Forward passes a request on, authenticated there by access, and returns
	// the answer, whose body the caller closes. Of the header on both sides only
	// that passes which may. The error is a CodeUnavailable when it does not
	// answer.
	Forward(request *http.Request, access belay.Secret) (*http.Response, error)
}

// onward are the beginnings of the paths whose requests are passed on to the
// hub that keeps the caller's identity and data.
var onward = []string{
	"/api/access/", "/api/environments", "/api/identity/orgs", "/api/identity/teams/", "/api/identity/tokens",
	"/api/integrations/", "/api/registry/", "/api/system/kubernetes", "/api/user", "/api/workspaces",
}

// providersHere is how the paths begin that are about the providers of this
// server: their choice, their state and their tests.
const providersHere = "/api/provider"

// here are the other routes that this server answers itself to users whose data are
// at a hub, and why.
var here = map[string]string{
	"POST /api/identity/sessions":               "begins a session of this server",
	"GET /api/identity/sessions":                "the sessions are those of this server",
	"DELETE /api/identity/sessions":             "the sessions are those of this server",
	"DELETE /api/identity/sessions/{sessionId}": "the sessions are those of this server",
	"GET /api/token":                            "a session has no token to give, and what a request brings it knows already",
	"GET /api/system/version":                   "a client asks for the version of the server that it talks to",
	"PUT /api/user/password":                    "a password of the hub's is typed on the hub's own pages only",
}

// PassedOn tells whether a route is passed on to the hub that keeps its caller's
// data. One of which nothing is said is an error.
func (r Route) PassedOn() (bool, error) {
	_, kept := here[r.Method+" "+r.Path]
	kept = kept || strings.HasPrefix(r.Path, providersHere)
	passed := slices.ContainsFunc(onward, func(prefix string) bool { return strings.HasPrefix(r.Path, prefix) })
	if !kept && !passed {
		return false, fmt.Errorf("route %s %s does not say whether it is passed on to the hub that keeps its caller's data", r.Method, r.Path)
	}
	return !kept, nil
}

type foreignKey struct{}

// foreign is a token that this server does not know.
type foreign struct {
	provider string
	token    belay.Secret
}

// WithForeign returns a context that carries a token which this server does not
// know, and the provider that the request names: its hub may know it.
func WithForeign(ctx context.Context, provider string, token belay.Secret) context.Context {
	return context.WithValue(ctx, foreignKey{}, foreign{provider, token})
}

// passing is where a caller's requests are passed on to.
type passing struct {
	hub       Hub
	provider  string
	token     belay.Secret     // that the request has brought; zero in a session
	principal *belay.Principal // nil where it has brought one
}

// passing is where a request goes, nil for one that is answered here.
func (a *API) passing(ctx context.Context) *passing {
	if f, ok := ctx.Value(foreignKey{}).(foreign); ok {
		return &passing{hub: a.hubs[f.provider], provider: f.provider, token: f.token}
	}
	p := belay.PrincipalFrom(ctx)
	if p == nil || a.hubs[p.Provider] == nil {
		return nil
	}
	return &passing{hub: a.hubs[p.Provider], provider: p.Provider, principal: p}
}

// keeps answers a route that is not passed on.
func (a *API) keeps(route Route, own http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := a.passing(r.Context())
		switch {
		case route.Path == "/api/user/password":
			a.Problem(w, r, belay.Errorf(belay.CodeForbidden, "your password is kept by the provider %s: change it there", p.provider))
		case p.principal == nil:
			a.Problem(w, r, belay.Errorf(belay.CodeForbidden, "this server answers this itself, and knows nobody by a token of the provider %s", p.provider))
		default:
			own.ServeHTTP(w, r)
		}
	})
}

// Times that a hub may take until it begins to answer, and from one piece of
// its answer to the next.
const (
	patience     = 30 * time.Second
	testPatience = 10 * time.Minute // where it asks others for something
)

func (r Route) patience() time.Duration {
	if r.Permission == belay.PermissionConnectionUse || r.Multipart {
		return testPatience
	}
	return patience
}

// passOn answers a route with what the hub answers.
func (a *API) passOn(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{Request: r, to: w, route: route, gate: a.gate}
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		out, err := req.outgoing(ctx, w)
		if err != nil {
			a.Problem(w, r, err)
			return
		}
		silence := time.AfterFunc(route.patience(), func() { cancel(context.DeadlineExceeded) })
		defer silence.Stop()
		limit := a.deadline(req)
		stop := limit.keep()
		answer, err := a.send(out, a.passing(r.Context()))
		stop()
		if err != nil {
			a.Problem(w, r, err)
			return
		}
		defer answer.Body.Close()
		relay(w, answer, limit, func() { silence.Reset(route.patience()) })
	})
}

// send sends a request to the hub. Where that does not take the session's
// token any more, it is sent once more with a new one.
func (a *API) send(out *http.Request, p *passing) (*http.Response, error) {
	if p.principal == nil {
		answer, err := p.hub.Forward(out, p.token)
		return told(answer, p), err
	}
	with, err := a.gate.Onward(out.Context(), p.principal)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		if out.Body, err = out.GetBody(); err != nil {
			return nil, err
		}
		answer, err := p.hub.Forward(out, with.Access)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode != http.StatusUnauthorized {
			answer.Header.Del("Belay-Token-Expires") // it is about a token that nobody here has
			return told(answer, p), nil
		}
		_ = answer.Body.Close()
		if again {
			return nil, a.gate.EndOnward(out.Context(), p.principal)
		}
		if with, err = a.gate.OnwardAgain(out.Context(), p.principal, with); err != nil {
			return nil, err
		}
	}
}

// told says in an answer whose it is.
func told(answer *http.Response, p *passing) *http.Response {
	if answer != nil {
		answer.Header.Set("Belay-Provider", p.provider)
	}
	return answer
}

// outgoing is the request as it is passed on. Its path is made here, of the
// route by which it was decided that it is, and of its parameters, so that
// nobody can read it otherwise; its body is read, within the limits that there
// are for it here.
func (r *request) outgoing(ctx context.Context, w http.ResponseWriter) (*http.Request, error) {
	query, err := r.onwardQuery()
	if err != nil {
		return nil, err
	}
	if err := r.checkProvider(); err != nil {
		return nil, err
	}
	path, err := r.onwardPath()
	if err != nil {
		return nil, err
	}
	body, err := r.whole(w)
	if err != nil {
		return nil, err
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.URL.RawQuery, out.Header = query, r.Header.Clone()
	out.Header.Set("X-Request-ID", RequestID(ctx))
	return out, nil
}

// onwardQuery is the query without what is about this server.
func (r *request) onwardQuery() (string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", belay.BadQuery("", "the query is not well-formed")
	}
	for name, vs := range values {
		if !utf8.ValidString(name + strings.Join(vs, "")) {
			return "", belay.BadQuery(name, "must be UTF-8 without NUL")
		}
	}
	if len(values["provider"]) > 1 {
		return "", belay.BadQuery("provider", "is given twice")
	}
	values.Del("provider")
	return values.Encode(), nil
}

// onwardParameter is what a part of a path looks like that names something.
var onwardParameter = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// onwardPath is the path of the request's route with its parameters.
func (r *request) onwardPath() (string, error) {
	parts := strings.Split(r.route.Path, "/")
	for i, part := range parts {
		name, ok := strings.CutPrefix(part, "{")
		if !ok {
			continue
		}
		parts[i] = r.PathValue(strings.TrimSuffix(name, "}"))
		if !onwardParameter.MatchString(parts[i]) {
			return "", belay.Errorf(belay.CodeNotFound, "there is nothing at %s", r.URL.Path)
		}
	}
	return strings.Join(parts, "/"), nil
}

// whole reads the body, within the limit of its route.
func (r *request) whole(w http.ResponseWriter) ([]byte, error) {
	limit := r.route.MaxBody
	if limit == 0 {
		limit = maxBody
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, belay.Errorf(belay.CodeMalformed, "the body ended early")
	}
	return body, nil
}

// relay answers with a hub's answer, each piece of a stream as it comes; heard
// is called with each. One that breaks off is cut off here too.
func relay(w http.ResponseWriter, answer *http.Response, limit *deadline, heard func()) {
	maps.Copy(w.Header(), answer.Header)
	streams := isStream(answer.Header.Get("Content-Type"))
	bodiless := answer.StatusCode == http.StatusNoContent || answer.StatusCode == http.StatusNotModified
	if answer.ContentLength >= 0 && !streams && !bodiless {
		w.Header().Set("Content-Length", strconv.FormatInt(answer.ContentLength, 10))
	}
	limit.renew()
	w.WriteHeader(answer.StatusCode)
	b := make([]byte, 32<<10)
	for {
		n, err := answer.Body.Read(b)
		heard()
		limit.renew()
		if n > 0 {
			if _, failed := w.Write(b[:n]); failed != nil {
				return // who asked has gone
			}
			if streams {
				_ = limit.control.Flush() // a write that fails says so next
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// isStream tells whether an answer comes piece by piece.
func isStream(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains([]string{jsonLines, jsonLinesOf, "text/event-stream"}, media)
}
