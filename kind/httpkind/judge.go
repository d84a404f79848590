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
	note(s, r, a)
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
func (e examiner) judgeConfigured(s *probe.Session, stage belay.Stage, _ Request, a *probe.Response) *probe.Failure {
	if p := e.config.JSONPointer; p != nil {
		body, err := decode(a.Body)
		if err != nil {
			return unlike(stage, "the answer is not JSON: "+s.Quote(string(a.Body)))
		}
		v, ok := lookup(body, *p)
		if !ok {
			return unlike(stage, "the answer has no "+*p)
		}
		if e.config.JSONEquals != nil && !equal(e.config.JSONEquals, v) {
			return &probe.Failure{Cause: belay.CauseNotReady, Detail: fmt.Sprintf("%s is %q", *p, s.Quote(text(v)))}
		}
	}
	if e.config.Contains != "" && !bytes.Contains(a.Body, []byte(e.config.Contains)) {
		return unlike(stage, "the answer does not hold the text that it should")
	}
	return nil
}

func note(s *probe.Session, r Request, a *probe.Response) {
	for name, f := range r.Facts {
		if v, ok := f.read(a); ok {
			s.Fact(name, v)
		}
	}
}

func (f Fact) read(a *probe.Response) (any, bool) {
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

func (f Fact) source(a *probe.Response) (any, bool) {
	switch {
	case f.Status:
		return a.Status, true
	case f.Latency:
		return a.Latency.Milliseconds(), true
	case f.Header != "":
		v := a.Header.Get(f.Header)
		return v, v != ""
	case a.Status/100 != 2:
		return nil, false
	case f.Pointer != nil:
		body, err := decode(a.Body)
		if err != nil {
			return nil, false
		}
		return lookup(body, *f.Pointer)
	default:
		return string(a.Body), true
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
