// Package httpkind is the driver of every kind that speaks HTTP and is
// described by a definition alone.
package httpkind

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"belay"
	"belay/egress"
	"belay/kind/probe"
)

// Driver tests connections of one kind by its Script. It has no state and may
// be used from many goroutines at once.
type Driver struct {
	prober probe.Prober
	script *Script
}

// New makes the driver of a kind. The error is ParseScript's.
func New(k belay.Kind, d *egress.Dialer, now func() time.Time) (*Driver, error) {
	script, err := ParseScript(k.Test)
	if err != nil {
		return nil, err
	}
	return &Driver{prober: probe.Prober{Dialer: d, Now: now}, script: script}, nil
}

// Test takes the target through every stage and reports how it went. It
// always returns within t.Timeout, and a report always has every stage.
func (d *Driver) Test(ctx context.Context, t belay.Target) belay.Report {
	var c config
	_ = json.Unmarshal(t.Config, &c) // it was validated when it was stored
	e := examiner{config: c}
	plan := probe.Plan{Protocol: func(ctx context.Context, s *probe.Session) error {
		s.Conceal(c.Path)
		return e.introduce(ctx, s, d.script.Protocol)
	}}
	plan.Authenticate = e.step(belay.StageAuthenticate, d.script.Authenticate)
	plan.Authorize = e.step(belay.StageAuthorize, d.script.Authorize)
	plan.Capability = e.step(belay.StageCapability, d.script.Capability)
	return d.prober.Test(ctx, t, plan)
}

// config are the settings that a Configured request takes.
type config struct {
	Method      string          `json:"method"`
	Path        string          `json:"path"`
	Status      []int           `json:"status"`
	JSONPointer *string         `json:"jsonPointer"`
	JSONEquals  json.RawMessage `json:"jsonEquals"`
	Contains    string          `json:"contains"`
}

// examiner asks and judges in one test.
type examiner struct{ config config }

// introduce goes through the protocol stage. It ends early and well when the
// target wants a credential first: the next stage sees to that.
func (e examiner) introduce(ctx context.Context, s *probe.Session, requests []Request) error {
	for _, r := range requests {
		r = e.configure(r)
		answer, refused, err := s.Introduce(ctx, e.wire(r))
		if err != nil {
			return err
		}
		if refused {
			return nil
		}
		if err := e.judge(s, belay.StageProtocol, r, answer); err != nil {
			return err
		}
	}
	return nil
}

// step goes through one of the later stages. The authenticate stage runs even
// without requests: the credential may have been refused already.
func (e examiner) step(stage belay.Stage, requests []Request) probe.Step {
	if len(requests) == 0 && stage != belay.StageAuthenticate {
		return nil
	}
	return func(ctx context.Context, s *probe.Session) error {
		if stage == belay.StageAuthenticate {
			if err := s.Admission(); err != nil {
				return err
			}
			if !s.HasCredential() {
				s.Detail("no credential is used")
			}
		}
		for _, r := range requests {
			r = e.configure(r)
			answer, err := s.Do(ctx, e.wire(r))
			if err != nil {
				return err
			}
			if err := e.judge(s, stage, r, answer); err != nil {
				return err
			}
		}
		return nil
	}
}

func (e examiner) configure(r Request) Request {
	if !r.Configured {
		return r
	}
	if e.config.Method != "" {
		r.Method = e.config.Method
	}
	if e.config.Path != "" && validPath(e.config.Path) {
		r.Path = e.config.Path
	}
	if len(e.config.Status) > 0 {
		r.Status = e.config.Status
	}
	return r
}

func (e examiner) wire(r Request) probe.Request {
	out := probe.Request{Method: r.Method, Path: r.Path, Header: http.Header{}, Body: r.Body, Expect: r.Status}
	for name, value := range r.Headers {
		out.Header.Set(name, value)
	}
	if r.Body != nil {
		out.Header.Set("Content-Type", "application/json")
	}
	return out
}
