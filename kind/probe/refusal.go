package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"belay"
)

// Phrases by which servers answer, with status 400, what has no status of
// its own. They are nginx's and Go's.
var (
	sayNoCertificate  = [][]byte{[]byte("No required SSL certificate was sent")}
	sayBadCertificate = [][]byte{[]byte("The SSL certificate error")}
	sayPlainHTTP      = [][]byte{[]byte("The plain HTTP request was sent to HTTPS port"), []byte("Client sent an HTTP request to an HTTPS server")}
)

// Refusal says why an answer is a refusal of the credential or its absence,
// or of plain HTTP, nil when it is none of these.
func (s *Session) Refusal(a *Response) *Failure {
	switch a.Status {
	case http.StatusUnauthorized:
		return s.unauthorized(a)
	case http.StatusForbidden:
		return &Failure{Cause: belay.CausePermissionMissing, Stage: belay.StageAuthorize, Detail: s.answered(a), Missing: a.Asked}
	case http.StatusTooManyRequests:
		return &Failure{Cause: belay.CauseRateLimited, Detail: s.answered(a)}
	case http.StatusBadRequest:
		return s.badRequest(a)
	default:
		return nil
	}
}

func (s *Session) unauthorized(a *Response) *Failure {
	f := &Failure{Cause: belay.CauseCredentialRejected, Stage: belay.StageAuthenticate, Detail: s.answered(a)}
	switch {
	case !s.HasCredential():
		f.Cause = belay.CauseCredentialMissing
	case s.expired():
		f.Cause, f.Detail = belay.CauseCredentialExpired, s.expiryDetail()
	}
	return f
}

func (s *Session) badRequest(a *Response) *Failure {
	says := func(phrases [][]byte) bool {
		for _, p := range phrases {
			if bytes.Contains(a.Body, p) {
				return true
			}
		}
		return false
	}
	switch {
	case s.tls == nil && says(sayPlainHTTP):
		return &Failure{Cause: belay.CauseTLSProtocol, Detail: "it answers in TLS only; the endpoint must begin with https"}
	case s.tls != nil && says(sayNoCertificate):
		return &Failure{Cause: belay.CauseCredentialMissing, Stage: belay.StageAuthenticate, Detail: "it asks for a client certificate"}
	case s.tls != nil && says(sayBadCertificate) && s.expired():
		return &Failure{Cause: belay.CauseCredentialExpired, Stage: belay.StageAuthenticate, Detail: s.expiryDetail()}
	case s.tls != nil && says(sayBadCertificate):
		return &Failure{Cause: belay.CauseTLSClientCertificateRejected, Stage: belay.StageAuthenticate, Detail: s.answered(a)}
	default:
		return nil
	}
}

// answered quotes an answer's status and what its body says.
func (s *Session) answered(a *Response) string {
	return join(statusText(a.Status), s.Quote(beside(a.Status, saying(a.Body))))
}

// beside is what a body says beyond its status, "" when it only repeats that.
func beside(status int, said string) string {
	word := func(r rune) bool { return !unicode.IsLetter(r) }
	bare := strings.TrimFunc(said, word)
	if strings.EqualFold(bare, http.StatusText(status)) || strings.EqualFold(bare, serversName(status)) {
		return ""
	}
	return said
}

// serversName is what nginx and Apache call a status on their pages, where
// that is not its registered name, "" for others.
func serversName(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "Authorization Required"
	case http.StatusRequestEntityTooLarge:
		return "Request Entity Too Large"
	case http.StatusServiceUnavailable:
		return "Service Temporarily Unavailable"
	case http.StatusGatewayTimeout:
		return "Gateway Time-out"
	default:
		return ""
	}
}

// saying is the sentence for people in an error's body: the message of a JSON
// object, as Kubernetes, Prometheus and Grafana send it, the title of a page,
// or else the body itself.
func saying(body []byte) string {
	var object struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
	}
	if json.Unmarshal(body, &object) == nil {
		if object.Message != "" {
			return object.Message
		}
		if text, ok := object.Error.(string); ok && text != "" {
			return text
		}
	}
	if _, rest, ok := bytes.Cut(body, []byte("<title>")); ok {
		if title, _, ok := bytes.Cut(rest, []byte("</title>")); ok {
			return string(bytes.TrimSpace(title))
		}
	}
	return string(body)
}

func statusText(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "unknown"
	}
	return "status " + strconv.Itoa(status) + " " + text
}

// Unexpected says that an answer's status is not among those expected.
func (s *Session) Unexpected(cause belay.Cause, a *Response) *Failure {
	return &Failure{Cause: cause, Detail: s.answered(a)}
}

func (s *Session) expired() bool { return s.target.Credential.Validity().Ended(s.run.now()) }

func (s *Session) expiryDetail() string {
	return "it was valid until " + s.target.Credential.Validity().Until.Format(time.RFC3339)
}

// checkExpiry warns of a credential that the target has taken and that ends
// soon, by what it says itself, or has ended.
func (s *Session) checkExpiry() {
	switch v := s.target.Credential.Validity(); {
	case v.Ended(s.run.now()):
		s.run.warn(belay.CauseCredentialExpired, s.expiryDetail()+", and the target takes it still")
	case v.EndsSoon(s.run.now()):
		s.run.warn(belay.CauseCredentialExpiresSoon, "the credential expires at "+v.Until.Format(time.RFC3339))
	}
}

// Introduce asks a question that anybody may ask, without the credential
// first: what is not the right service never sees it. Only when the target
// wants to know who asks is it asked again with the credential, and when that
// is refused too the answer is kept for Admission, so that a rejected
// credential is sent once and not again. The target may then not have said
// yet what it is: refused tells so.
func (s *Session) Introduce(ctx context.Context, r Request) (a *Response, refused bool, err error) {
	r.Anonymous = true
	a, err = s.Do(ctx, r)
	if err != nil || !wantsCredential(r, a) {
		return a, false, err
	}
	if s.HasCredential() {
		r.Anonymous = false
		a, err = s.Do(ctx, r)
		if err != nil || !wantsCredential(r, a) {
			return a, false, err
		}
	}
	s.refused = a
	s.Detail("it asks for a credential before it says what it is")
	return a, true, nil
}

// Admission fails when the credential, or its absence, was refused already.
func (s *Session) Admission() error {
	if s.refused == nil {
		return nil
	}
	if f := s.Refusal(s.refused); f != nil {
		return f
	}
	return nil
}

func wantsCredential(r Request, a *Response) bool {
	refused := a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
	return refused && !slices.Contains(r.Expect, a.Status)
}
