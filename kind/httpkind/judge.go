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
	"belay/kind/probe"
)

// judge says whether an answer is what the request wants, and notes its facts.
func (e examiner) judge(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) error {
	if f := judgeStatus(s, stage, r, a); f != nil {
		if f.Cause == belay.CausePermissionMissing {
			f.Missing = a.Asked
		}
		return f
	}
	checks := []func(*probe.Session, belay.Stage, Request, *probe.Response) *probe.Failure{judgeHeaders, judgeJSON, judgeText}
	if r.Configured && stage == belay.StageCapability {
		checks = append(checks, e.judgeConfigured)
	}
	for _, check := range checks {
		if f := check(s, stage, r, a); f != nil {
			return f
		}
	}
	e.note(s, r, a)
	return nil
}

// passes tells whether a request accepts a status.
func passes(r Request, status int) bool {
	switch {
	case slices.Contains(r.Status, status):
		return true
	case r.AnyStatus:
		return status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusTooManyRequests
	default:
		return len(r.Status) == 0 && status/100 == 2
	}
}

func judgeStatus(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) *probe.Failure {
	if cause, ok := r.Causes[strconv.Itoa(a.Status)]; ok {
		return s.Unexpected(cause, a)
	}
	if r.Readiness && a.Status == http.StatusServiceUnavailable && !slices.Contains(r.Status, a.Status) {
		return s.Unexpected(belay.CauseNotReady, a)
	}
	// A 400 that passes as any status may still be a refusal by its text.
	refusal := s.Refusal(a)
	if refusal != nil && !slices.Contains(r.Status, a.Status) {
		return refusal
	}
	switch {
	case passes(r, a.Status):
		return nil
	case stage == belay.StageProtocol && a.Status < 500:
		return s.Unexpected(belay.CauseWrongService, a)
	default:
		return s.Unexpected(belay.CauseUnexpectedStatus, a)
	}
}

// unlike is the failure of an answer that is not as it should be.
func unlike(stage belay.Stage, detail string) *probe.Failure {
	if stage == belay.StageProtocol {
		return &probe.Failure{Cause: belay.CauseWrongService, Detail: detail}
	}
	return &probe.Failure{Cause: belay.CauseMalformedResponse, Detail: detail}
}

func judgeHeaders(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) *probe.Failure {
	for name, pattern := range r.HeaderMatches {
		if value := a.Header.Get(name); !matches(pattern, value) {
			return unlike(stage, fmt.Sprintf("header %s is %q", name, s.Quote(value)))
		}
	}
	return nil
}

func judgeJSON(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) *probe.Failure {
	if len(r.JSON) == 0 {
		return nil
	}
	body, err := decode(a.Body)
	if err != nil {
		return unlike(stage, "the answer is not JSON: "+s.Quote(string(a.Body)))
	}
	for _, assertion := range r.JSON {
		if detail := assertion.fault(s, body); detail != "" {
			f := unlike(stage, detail)
			if assertion.Cause != "" {
				f.Cause = assertion.Cause
			}
			return f
		}
	}
	return nil
}

// fault says in what way a body does not hold to an assertion, "" when it does.
func (a Assertion) fault(s *probe.Session, body any) string {
	v, ok := lookup(body, a.Pointer)
	switch {
	case !ok:
		return "the answer has no " + a.Pointer
	case a.Equals != nil && !equal(a.Equals, v), a.Matches != "" && !matches(a.Matches, text(v)):
		return fmt.Sprintf("%s is %q", a.Pointer, s.Quote(text(v)))
	default:
		return ""
	}
}

func judgeText(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) *probe.Failure {
	if r.Matches == "" || matches(r.Matches, string(a.Body)) {
		return nil
	}
	return unlike(stage, "the answer is "+strconv.Quote(s.Quote(string(a.Body))))
}

// judgeConfigured judges what the connection's own configuration asks for. A
// value other than the one wanted is what the target says of its state.
//
// Unlike what a kind's definition asks for, which is the same for all, that is
// chosen by whoever may change the connection, which is less than to use its
// credential. So what the target repeats of the credential matches nothing.
func (e examiner) judgeConfigured(s *probe.Session, stage belay.Stage, r Request, a *probe.Response) *probe.Failure {
	if e.config.JSONPointer != nil {
		if f := e.judgeConfiguredJSON(s, stage, *e.config.JSONPointer, a); f != nil {
			return f
		}
	}
	wanted := e.config.Contains
	if wanted == "" || strings.Contains(s.Compare(string(a.Body)), wanted) {
		return nil
	}
	detail := "the answer does not hold " + brief(wanted)
	switch {
	case r.Method == http.MethodHead:
		detail += "; the answer to HEAD has no text"
	case len(a.Body) == 0:
		detail += "; it is empty"
	default:
		detail += fmt.Sprintf("; it is %q", s.Quote(string(a.Body)))
	}
	return unlike(stage, detail)
}

func (e examiner) judgeConfiguredJSON(s *probe.Session, stage belay.Stage, pointer string, a *probe.Response) *probe.Failure {
	body, err := decode(a.Body)
	if err != nil {
		return unlike(stage, "the answer is not JSON: "+s.Quote(string(a.Body)))
	}
	v, ok := lookup(s.CompareValue(body), pointer)
	if !ok {
		return unlike(stage, "the answer has no "+pointer)
	}
	if e.config.JSONEquals == nil || equal(e.config.JSONEquals, v) {
		return nil
	}
	got, _ := lookup(s.RedactValue(body), pointer)
	wanted, _ := decode(e.config.JSONEquals)
	return &probe.Failure{Cause: belay.CauseNotReady, Detail: fmt.Sprintf("%s is %q, not %s", pointer, s.Quote(text(got)), brief(text(wanted)))}
}

// brief quotes what a connection's settings ask for. It must not be cleaned:
// what would be taken out of it would tell that it is part of the credential.
func brief(wanted string) string {
	const limit = 40
	if runes := []rune(wanted); len(runes) > limit {
		wanted = string(runes[:limit]) + "…"
	}
	return strconv.Quote(wanted)
}

func (e examiner) note(s *probe.Session, r Request, a *probe.Response) {
	seen := &sight{session: s, answer: a}
	for name, f := range r.Facts {
		if v, ok := f.read(seen); ok {
			s.Fact(name, v)
		}
	}
}

// sight is an answer as facts may be taken from it, without the credential:
// of a fact that was cut out of it, nobody could tell any more.
type sight struct {
	session *probe.Session
	answer  *probe.Response
	text    *string
	body    any
	bodyErr error
	decoded bool
}

func (v *sight) whole() string {
	if v.text == nil {
		text := v.session.Redact(string(v.answer.Body))
		v.text = &text
	}
	return *v.text
}

func (v *sight) at(pointer string) (any, bool) {
	if !v.decoded {
		v.decoded = true
		v.body, v.bodyErr = decode(v.answer.Body)
		v.body = v.session.RedactValue(v.body)
	}
	if v.bodyErr != nil {
		return nil, false
	}
	return lookup(v.body, pointer)
}

func (f Fact) read(a *sight) (any, bool) {
	v, ok := f.source(a)
	if !ok {
		return nil, false
	}
	if f.Count {
		switch v := v.(type) {
		case []any:
			return len(v), true
		case map[string]any:
			return len(v), true
		}
		return nil, false
	}
	if f.Matches != "" {
		found := regexp.MustCompile(f.Matches).FindStringSubmatch(text(v))
		if found == nil {
			return nil, false
		}
		v = found[min(1, len(found)-1)]
	}
	if !f.Number {
		return v, true
	}
	n, err := strconv.ParseFloat(text(v), 64)
	return n, err == nil
}

func (f Fact) source(a *sight) (any, bool) {
	switch {
	case f.Status:
		return a.answer.Status, true
	case f.Latency:
		return a.answer.Latency.Milliseconds(), true
	case f.Header != "":
		v := a.session.Redact(a.answer.Header.Get(f.Header))
		return v, v != ""
	case a.answer.Status/100 != 2:
		return nil, false
	case f.Pointer != nil:
		return a.at(*f.Pointer)
	default:
		return a.whole(), true
	}
}

// decode reads a whole JSON text, numbers as they stand.
func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// equal compares a wanted JSON value with one that was decoded. Numbers are
// equal when they are the same number, however written.
func equal(want json.RawMessage, got any) bool {
	w, err := decode(want)
	return err == nil && same(w, got)
}

func same(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		if !ok {
			return false
		}
		x, errX := a.Float64()
		y, errY := n.Float64()
		return errX == nil && errY == nil && x == y
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, same)
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for k, v := range a {
			if other, ok := m[k]; !ok || !same(v, other) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}

// text is a decoded value as text: a string itself, all else as JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func matches(pattern, text string) bool {
	ok, err := regexp.MatchString(pattern, text)
	return err == nil && ok
}
