package belay

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of failure an Error is. Codes are stable: clients
// compare them, the documentation has a page for each, and every edge maps
// them to its own language (HTTP status, exit status) in one table.
type Code string

// The codes. Their wire form never changes.
const (
	CodeInternal             Code = "internal"              // a fault of ours; details are only in the log
	CodeMalformed            Code = "malformed"             // the request cannot be read at all
	CodeBadQuery             Code = "bad_query"             // a query parameter is unknown or ill-formed
	CodeInvalid              Code = "invalid"               // the request reads well, its content is not acceptable
	CodeUnauthenticated      Code = "unauthenticated"       // no credentials, or not valid ones
	CodeForbidden            Code = "forbidden"             // known caller without the permission
	CodeNotFound             Code = "not_found"             // absent, or not readable by this caller
	CodeConflict             Code = "conflict"              // contradicts what is stored
	CodeInUse                Code = "in_use"                // others depend on it
	CodeIllegalTransition    Code = "illegal_transition"    // the lifecycle does not allow this change
	CodePreconditionFailed   Code = "precondition_failed"   // If-Match names another version
	CodePreconditionRequired Code = "precondition_required" // If-Match is needed here and is absent
	CodeOrganizationRequired Code = "organization_required" // several organizations, none named
	CodeTooLarge             Code = "too_large"             // over a limit on size
	CodeUnsupportedMedia     Code = "unsupported_media"     // another media type is needed
	CodeMethodNotAllowed     Code = "method_not_allowed"    // the path exists, this method does not
	CodeRateLimited          Code = "rate_limited"          // too many; try again later
	CodeUnavailable          Code = "unavailable"           // a part we need does not answer now
	CodeIdempotencyReused    Code = "idempotency_key_reused"
)

// Codes returns every code.
func Codes() []Code {
	return []Code{
		CodeInternal, CodeMalformed, CodeBadQuery, CodeInvalid, CodeUnauthenticated, CodeForbidden, CodeNotFound,
		CodeConflict, CodeInUse, CodeIllegalTransition, CodePreconditionFailed, CodePreconditionRequired,
		CodeOrganizationRequired, CodeTooLarge, CodeUnsupportedMedia, CodeMethodNotAllowed, CodeRateLimited,
		CodeUnavailable, CodeIdempotencyReused,
	}
}

// Error is a failure that a caller can act on. Anything else is an ordinary
// error, reported to the outside as CodeInternal without its text.
type Error struct {
	Code    Code
	Message string   // what happened and why, for a person; never a secret
	Fields  []Field  // what is wrong where, for CodeInvalid and CodeBadQuery
	Remedy  []Remedy // what to do about it
	Err     error    // the cause, for the log only
	// RetryAfter is when to ask again, for CodeRateLimited.
	RetryAfter time.Duration
}

// Field is one thing that is wrong with a request.
type Field struct {
	Pointer string // JSON Pointer (RFC 6901) into the body, or the name of a query parameter
	Message string
}

// Error returns the message, and the fields when there are any.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimSpace(f.Pointer + " " + f.Message))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a code and a message for a person. A %w verb
// sets the cause, which is part of the message's text then; to keep the
// cause out of the message, set Err on a literal.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Invalid makes a CodeInvalid error about one place in the body.
func Invalid(pointer, format string, args ...any) *Error {
	return &Error{
		Code:    CodeInvalid,
		Message: "the request is not valid",
		Fields:  []Field{{Pointer: pointer, Message: fmt.Sprintf(format, args...)}},
	}
}

// BadQuery makes a CodeBadQuery error about one parameter.
func BadQuery(parameter, format string, args ...any) *Error {
	return &Error{
		Code:    CodeBadQuery,
		Message: "the query cannot be answered",
		Fields:  []Field{{Pointer: parameter, Message: fmt.Sprintf(format, args...)}},
	}
}

// Pointer is the JSON Pointer (RFC 6901, section 3) of these reference
// tokens, each behind its slash.
func Pointer(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + pointerEscapes.Replace(t))
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// NotFound is what a caller gets for a thing that does not exist and, word
// for word, for one that he may not read.
func NotFound(noun string) *Error {
	return Errorf(CodeNotFound, "there is no such %s, or it is not shared with you", noun)
}

// CodeOf returns the code of err: that of the Error in its chain, "" for
// nil, CodeInternal for anything else.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Remedy is something to press or to run after a failure.
type Remedy struct {
	ID          string        // stable name, e.g. "credential.rotate"
	Title       string        // on the button, verb and object
	Description string        // one sentence on what it does
	Action      *RemedyAction // the request that carries it out, when there is one
	Command     string        // the command line that carries it out, when there is one
	Link        string        // a page to read
}

// RemedyAction is a request to this server's API.
type RemedyAction struct {
	Method string
	Href   string
	Body   any
}
