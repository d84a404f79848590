// Package probe is what the drivers of all kinds share: it takes a target
// through the stages of a test, over one connection, and writes the report.
package probe

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"belay"
	"belay/egress"
)

// Prober tests targets that speak HTTP. It has no state and may be used from
// many goroutines at once.
type Prober struct {
	Dialer *egress.Dialer
	Now    func() time.Time
}

// Step is what a kind does in one stage. It returns nil when the stage has
// passed, a *Failure, or any other error, whose cause is then read off it.
type Step func(ctx context.Context, s *Session) error

// Plan is what a kind does once the target is reached. A nil Step is skipped.
type Plan struct {
	Protocol, Authenticate, Authorize, Capability Step
}

// Failure is why a stage did not pass.
type Failure struct {
	Cause belay.Cause
	// Stage is the one to blame when it is not the one that was running: a
	// client certificate is refused only after the handshake, a name is
	// refused only once its addresses are known.
	Stage   belay.Stage
	Detail  string // for a person; already scrubbed
	Missing string // the permission, for CausePermissionMissing
}

// Error returns the cause and the detail.
func (f *Failure) Error() string { return string(f.Cause) + ": " + f.Detail }

// Test takes the target through every stage, within t.Timeout (the default
// check timeout when that is not positive), and stops at the first failure.
// It always returns a report with every stage; its text holds nothing of the
// credential, whatever the target sends back.
func (p Prober) Test(ctx context.Context, t belay.Target, plan Plan) belay.Report {
	r := &run{caller: ctx, now: p.Now}
	timeout := t.Timeout
	if timeout <= 0 {
		timeout = belay.DefaultCheckTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s := &Session{run: r, dialer: p.Dialer, target: t, scrub: NewScrubber(t.Credential), facts: map[string]any{}}
	defer s.close()
	r.stages(ctx, s, plan)
	return r.report(s)
}

func (r *run) stages(ctx context.Context, s *Session, plan Plan) {
	steps := map[belay.Stage]Step{
		belay.StagePolicy: policy, belay.StageResolve: resolve, belay.StageConnect: connect, belay.StageTLS: handshake,
		belay.StageProtocol: plan.Protocol, belay.StageAuthenticate: plan.Authenticate,
		belay.StageAuthorize: plan.Authorize, belay.StageCapability: plan.Capability,
	}
	for _, stage := range belay.Stages() {
		if r.failure != nil {
			break
		}
		r.stage(ctx, s, stage, steps[stage])
	}
}

// policy judges the endpoint as it is written. A name's addresses are not
// known yet: should they be refused, resolve blames this stage.
func policy(_ context.Context, s *Session) error {
	u, err := url.Parse(s.target.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return &Failure{Cause: belay.CauseInternal, Detail: "the endpoint is not an http or https URL"}
	}
	s.base, s.host = u, u.Hostname()
	s.port, err = portOf(u)
	if err != nil {
		return &Failure{Cause: belay.CauseInternal, Detail: "the endpoint's port is not a number from 1 to 65535"}
	}
	if _, err := egress.NormalizeHost(s.host); err != nil {
		return egress.ErrForbidden
	}
	return nil
}

func resolve(ctx context.Context, s *Session) error {
	addrs, err := s.dialer.Resolve(ctx, s.host)
	if err != nil {
		return fmt.Errorf("resolve: %w", err)
	}
	if err := s.dialer.PermitAll(addrs, s.port); err != nil {
		return err
	}
	s.addrs = addrs
	s.Detail("%s", addrs[0])
	return nil
}

func connect(ctx context.Context, s *Session) error {
	conn, err := s.dialer.ConnectAny(ctx, s.addrs, s.port)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.adopt(conn)
	return nil
}
