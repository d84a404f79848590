package rest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"belay"
)

// statuses is how each code is told over HTTP.
var statuses = map[belay.Code]int{
	belay.CodeInternal:             http.StatusInternalServerError,
	belay.CodeMalformed:            http.StatusBadRequest,
	belay.CodeBadQuery:             http.StatusBadRequest,
	belay.CodeOrganizationRequired: http.StatusBadRequest,
	belay.CodeInvalid:              http.StatusUnprocessableEntity,
	belay.CodeUnauthenticated:      http.StatusUnauthorized,
	belay.CodeForbidden:            http.StatusForbidden,
	belay.CodeNotFound:             http.StatusNotFound,
	belay.CodeMethodNotAllowed:     http.StatusMethodNotAllowed,
	belay.CodeConflict:             http.StatusConflict,
	belay.CodeInUse:                http.StatusConflict,
	belay.CodeIllegalTransition:    http.StatusConflict,
	belay.CodePreconditionFailed:   http.StatusPreconditionFailed,
	belay.CodePreconditionRequired: http.StatusPreconditionRequired,
	belay.CodeTooLarge:             http.StatusRequestEntityTooLarge,
	belay.CodeUnsupportedMedia:     http.StatusUnsupportedMediaType,
	belay.CodeRateLimited:          http.StatusTooManyRequests,
	belay.CodeUnavailable:          http.StatusServiceUnavailable,
	belay.CodeIdempotencyReused:    http.StatusUnprocessableEntity,
}

// problem is an error on the wire: RFC 9457, with members of our own and
// those that Meshery's clients read.
type problem struct {
	Type                 string         `json:"type"`
	Title                string         `json:"title"`
	Status               int            `json:"status"`
	Detail               string         `json:"detail"`
	Instance             string         `json:"instance"`
	Code                 belay.Code     `json:"code"`
	RequestID            string         `json:"requestId"`
	Errors               []problemField `json:"errors,omitempty"`
	Remediation          []remedy       `json:"remediation,omitempty"`
	Error                string         `json:"error"`
	ProbableCause        []string       `json:"probableCause,omitempty"`
	SuggestedRemediation []string       `json:"suggestedRemediation,omitempty"`
}

type problemField struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

type remedy struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Action      *action `json:"action,omitempty"`
	Command     string  `json:"command,omitempty"`
	Link        string  `json:"link,omitempty"`
}

type action struct {
	Method string `json:"method"`
	Href   string `json:"href"`
	Body   any    `json:"body,omitempty"`
}

func remedies(rs []belay.Remedy) []remedy {
	out := make([]remedy, len(rs))
	for i, r := range rs {
		out[i] = remedy{ID: r.ID, Title: r.Title, Description: r.Description, Command: r.Command, Link: r.Link}
		if r.Action != nil {
			out[i].Action = &action{Method: r.Action.Method, Href: r.Action.Href, Body: r.Action.Body}
		}
	}
	return out
}

// requestIDKey is the context key of the request's id.
type requestIDKey struct{}

// WithRequestID returns a context that carries the id of the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request, "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Problem answers with an error. One that is not the domain's is logged and
// told as internal, without its text.
func (a *API) Problem(w http.ResponseWriter, r *http.Request, err error) {
	e := a.told(r, err)
	p := a.problem(r, e)
	h := w.Header()
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="belay"`)
	}
	if p.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the status is sent; a client that has gone misses nothing
}

// told is an error as a client may know it. One that is not the domain's is
// logged here.
func (a *API) told(r *http.Request, err error) *belay.Error {
	if e, ok := errors.AsType[*belay.Error](err); ok {
		return e
	}
	if r.Context().Err() != nil {
		return belay.Errorf(belay.CodeUnavailable, "the request was given up before it ended")
	}
	a.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	return belay.Errorf(belay.CodeInternal, "something went wrong in the server; its log has the details under this request id")
}

// problem is an error in answer to a request.
func (*API) problem(r *http.Request, e *belay.Error) problem {
	p := newProblem(e)
	p.Instance, p.RequestID = r.URL.Path, RequestID(r.Context())
	return p
}

// StatusOf is the HTTP status by which a code is told.
func StatusOf(c belay.Code) int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return http.StatusInternalServerError
}

func newProblem(e *belay.Error) problem {
	status := StatusOf(e.Code)
	p := problem{
		Type: "/docs/errors/" + string(e.Code), Title: http.StatusText(status), Status: status,
		Detail: e.Message, Code: e.Code, Error: e.Error(), Remediation: remedies(e.Remedy),
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, problemField(f))
		p.ProbableCause = append(p.ProbableCause, f.Pointer+" "+f.Message)
	}
	for _, r := range e.Remedy {
		p.SuggestedRemediation = append(p.SuggestedRemediation, r.Title+": "+r.Description)
	}
	return p
}
