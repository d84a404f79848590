package httpkind

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"belay"
)

// Script is the test document of a kind (belay.Kind.Test): the requests by
// which it proves, stage by stage, that a target works. A stage without
// requests is skipped.
//
//	{
//	  "protocol":     [{"path": "/-/ready", "readiness": true}],
//	  "authenticate": [{"path": "/api/v1/status/buildinfo",
//	                    "json": [{"pointer": "/status", "equals": "success"}],
//	                    "facts": {"version": {"pointer": "/data/version"}}}],
//	  "capability":   [{"path": "/api/v1/query?query=up",
//	                    "facts": {"targets": {"pointer": "/data/result", "count": true}}}]
//	}
//
// Requests of the protocol stage go out without the credential first, and
// with it only to a target that answers 401 or 403. All others carry it. A
// GET or HEAD that was sent already in the same test, with or without the
// credential alike, is not sent again: its answer is judged once more.
//
// An answer is judged in this order: causes, readiness, status, then the
// usual meanings (401 credential missing, rejected or expired; 403 permission
// missing; 429 rate limited), then headers, JSON and body. What does not hold
// is a wrong service in the protocol stage; behind it a status is
// unexpected, and an answer malformed.
type Script struct {
	Protocol     []Request `json:"protocol,omitempty"`
	Authenticate []Request `json:"authenticate,omitempty"`
	Authorize    []Request `json:"authorize,omitempty"`
	Capability   []Request `json:"capability,omitempty"`
}

// Request is one request of a Script and what its answer must be.
type Request struct {
	Method  string            `json:"method,omitempty"`  // GET (the default), HEAD or POST
	Path    string            `json:"path,omitempty"`    // behind the endpoint's path: "" or beginning with "/"; may have a query
	Headers map[string]string `json:"headers,omitempty"` // sent; the credential is put on beside them
	Body    json.RawMessage   `json:"body,omitempty"`    // of a POST, sent as application/json

	Status    []int                  `json:"status,omitempty"`    // those that pass; without any, 200 to 299
	AnyStatus bool                   `json:"anyStatus,omitempty"` // all pass but 401, 403 and 429
	Readiness bool                   `json:"readiness,omitempty"` // status 503 means not_ready
	Causes    map[string]belay.Cause `json:"causes,omitempty"`    // what a status means here, e.g. {"404": "unsupported_version"}

	HeaderMatches map[string]string `json:"headerMatches,omitempty"` // response header: regular expression (RE2)
	JSON          []Assertion       `json:"json,omitempty"`          // any makes the body have to be JSON
	Matches       string            `json:"matches,omitempty"`       // regular expression that the body must match

	// Facts are what to report, by name; one that is not there is left out.
	// The body tells facts only with a status of 200 to 299.
	Facts map[string]Fact `json:"facts,omitempty"`

	// Configured lets the connection's configuration decide: its fields
	// method, path, status, jsonPointer, jsonEquals and contains go before
	// what stands here. The last three are judged in the capability stage.
	Configured bool `json:"configured,omitempty"`
}

// Assertion is what must hold of a JSON body.
type Assertion struct {
	Pointer string          `json:"pointer"`           // RFC 6901; what it names must exist
	Equals  json.RawMessage `json:"equals,omitempty"`  // and be this value
	Matches string          `json:"matches,omitempty"` // or, as text, match this regular expression
	Cause   belay.Cause     `json:"cause,omitempty"`   // when it does not; without, as for any answer
}

// Fact is where to find something that the target tells about itself.
// Exactly one of Pointer, Header, Status and Latency says where; without any
// it is the whole body.
type Fact struct {
	Pointer *string `json:"pointer,omitempty"` // in a JSON body (RFC 6901)
	Header  string  `json:"header,omitempty"`
	Status  bool    `json:"status,omitempty"`  // the status code
	Latency bool    `json:"latency,omitempty"` // of this request, in milliseconds

	Matches string `json:"matches,omitempty"` // its first group, or all of it, is the fact
	Number  bool   `json:"number,omitempty"`  // text that is to become a number
	Count   bool   `json:"count,omitempty"`   // how many elements, of an array or object
}

// ParseScript reads a test document. Errors are CodeInvalid with pointers
// below /test.
func ParseScript(document []byte) (*Script, error) {
	s := new(Script)
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, belay.Invalid("/test", "is not a test document: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, belay.Invalid("/test", "has something behind its end")
	}
	var fields []belay.Field
	for _, stage := range s.stages() {
		for i, r := range stage.requests {
			at := fmt.Sprintf("/test/%s/%d", stage.name, i)
			for _, f := range r.check() {
				fields = append(fields, belay.Field{Pointer: at + f.Pointer, Message: f.Message})
			}
		}
	}
	if len(s.Protocol) == 0 {
		fields = append(fields, belay.Field{Pointer: "/test/protocol", Message: "must hold at least one request"})
	}
	if fields != nil {
		return nil, &belay.Error{Code: belay.CodeInvalid, Message: "the test document is not valid", Fields: fields}
	}
	return s, nil
}

type scriptStage struct {
	name     belay.Stage
	requests []Request
}

func (s *Script) stages() []scriptStage {
	return []scriptStage{
		{belay.StageProtocol, s.Protocol},
		{belay.StageAuthenticate, s.Authenticate},
		{belay.StageAuthorize, s.Authorize},
		{belay.StageCapability, s.Capability},
	}
}

// check returns what is wrong with a request, by pointers below it.
func (r *Request) check() []belay.Field {
	var out []belay.Field
	wrong := func(bad bool, pointer, message string) {
		if bad {
			out = append(out, belay.Field{Pointer: pointer, Message: message})
		}
	}
	wrong(!slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodPost}, r.Method), "/method", "must be GET, HEAD or POST")
	wrong(!validPath(r.Path), "/path", `must begin with "/" and have no fragment and no ".." in it`)
	wrong(r.Body != nil && r.Method != http.MethodPost, "/body", "goes with POST only")
	for _, status := range r.Status {
		wrong(status < 100 || status > 599, "/status", "must hold numbers from 100 to 599")
	}
	for status, cause := range r.Causes {
		n, err := strconv.Atoi(status)
		wrong(err != nil || n < 100 || n > 599, "/causes", fmt.Sprintf("%q is not a status", status))
		wrong(!slices.Contains(belay.Causes(), cause), "/causes/"+status, "is not a cause")
	}
	for name := range r.Headers {
		wrong(secretHeader(name), "/headers/"+name, "must come from the credential")
	}
	wrong(!validPattern(r.Matches), "/matches", notPattern)
	for name, pattern := range r.HeaderMatches {
		wrong(!validPattern(pattern), "/headerMatches/"+name, notPattern)
	}
	out = append(out, r.checkJSON()...)
	return out
}

const notPattern = "is not a regular expression (RE2)"

func (r *Request) checkJSON() []belay.Field {
	var out []belay.Field
	wrong := func(bad bool, pointer, message string) {
		if bad {
			out = append(out, belay.Field{Pointer: pointer, Message: message})
		}
	}
	for i, a := range r.JSON {
		at := fmt.Sprintf("/json/%d", i)
		wrong(!validPointer(a.Pointer), at+"/pointer", notPointer)
		wrong(!validPattern(a.Matches), at+"/matches", notPattern)
		wrong(a.Equals != nil && a.Matches != "", at, "has both equals and matches")
		wrong(a.Cause != "" && !slices.Contains(belay.Causes(), a.Cause), at+"/cause", "is not a cause")
	}
	for name, f := range r.Facts {
		at := "/facts/" + name
		wrong(name == "tls", at, "is the name of a fact that every test reports")
		wrong(f.Pointer != nil && !validPointer(*f.Pointer), at+"/pointer", notPointer)
		wrong(!validPattern(f.Matches), at+"/matches", notPattern)
		wrong(f.sources() > 1, at, "has more than one of pointer, header, status and latency")
	}
	return out
}

func (f Fact) sources() int {
	n := 0
	for _, set := range []bool{f.Pointer != nil, f.Header != "", f.Status, f.Latency} {
		if set {
			n++
		}
	}
	return n
}

// secretHeader tells whether a header is one that a definition, which
// everybody can read, must not set.
func secretHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Host":
		return true
	default:
		return false
	}
}

func validPath(p string) bool {
	if p == "" {
		return true
	}
	path, _, _ := strings.Cut(p, "?")
	return strings.HasPrefix(p, "/") && !strings.Contains(p, "#") && !slices.Contains(strings.Split(path, "/"), "..")
}

func validPattern(p string) bool {
	_, err := regexp.Compile(p)
	return err == nil
}
