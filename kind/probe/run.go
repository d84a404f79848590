package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay"
	"belay/egress"
)

// run records how a test goes.
type run struct {
	caller  context.Context // without the test's own time limit
	now     func() time.Time
	current belay.Stage
	detail  string
	results []belay.StageResult
	failure *Failure
	warning belay.Cause // the first
	warned  string
}

func (r *run) stage(ctx context.Context, s *Session, stage belay.Stage, step Step) {
	r.current, r.detail = stage, ""
	if step == nil {
		r.add(belay.OutcomeSkipped, 0)
		return
	}
	start, warnings := r.now(), r.warned
	err := step(ctx, s)
	if err == nil && stage == belay.StageAuthenticate {
		s.checkExpiry()
	}
	took := r.now().Sub(start)
	switch {
	case errors.Is(err, errSkip):
		r.add(belay.OutcomeSkipped, took)
	case err != nil:
		r.fail(r.explain(err, s), took)
	case r.warned != warnings:
		r.add(belay.OutcomeWarned, took)
	default:
		r.add(belay.OutcomePassed, took)
	}
}

// errSkip is a step's answer when there is nothing for it to do.
var errSkip = errors.New("nothing to do in this stage")

func (r *run) add(o belay.Outcome, took time.Duration) {
	r.results = append(r.results, belay.StageResult{Stage: r.current, Outcome: o, Duration: took, Detail: r.detail})
}

// fail ends the test. The blame may lie with an earlier stage, which is then
// failed in hindsight, or with a later one, up to which all has passed.
func (r *run) fail(f *Failure, took time.Duration) {
	r.failure, r.detail = f, f.Detail
	blamed := f.Stage
	if blamed == "" {
		blamed = r.current
	}
	order := belay.Stages()
	at, now := slices.Index(order, blamed), slices.Index(order, r.current)
	if at > now {
		r.detail = ""
		r.add(belay.OutcomePassed, took)
		for _, between := range order[now+1 : at] {
			r.results = append(r.results, belay.StageResult{Stage: between, Outcome: belay.OutcomeSkipped})
		}
		took = 0
	}
	if at < now {
		took = r.results[at].Duration
	}
	r.results = append(r.results[:at], belay.StageResult{Stage: blamed, Outcome: belay.OutcomeFailed, Duration: took, Detail: f.Detail})
}

// warn marks the running stage; the test goes on.
func (r *run) warn(cause belay.Cause, detail string) {
	if r.warning == "" {
		r.warning = cause
	}
	if !strings.Contains(r.warned, detail) {
		r.warned = join(r.warned, detail)
	}
	r.detail = join(r.detail, detail)
}

func join(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

// explain finds the cause of an error.
func (r *run) explain(err error, s *Session) *Failure {
	if r.caller.Err() != nil {
		return &Failure{Cause: belay.CauseInternal, Detail: "the test was cut short"}
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return classify(err, r.current, s)
}

func (r *run) report(s *Session) belay.Report {
	for _, stage := range belay.Stages()[len(r.results):] {
		r.results = append(r.results, belay.StageResult{Stage: stage, Outcome: belay.OutcomeNotRun})
	}
	out := belay.Report{Health: belay.HealthHealthy, Summary: "every stage passed", Stages: r.results, Facts: s.facts, Identity: s.identity}
	switch {
	case r.failure != nil:
		out.Health, out.Cause, out.Missing = belay.HealthUnhealthy, r.failure.Cause, r.failure.Missing
		out.Summary = summary(r.failure)
		if out.Cause.CouldNotCheck() {
			out.Health = belay.HealthUnknown
		}
	case r.warning != "":
		out.Health, out.Cause, out.Summary = belay.HealthDegraded, r.warning, "works, but "+r.warned
	}
	return out
}

func summary(f *Failure) string {
	text := f.Cause.Text()
	if f.Missing != "" {
		return fmt.Sprintf("%s: %s", text, f.Missing)
	}
	if f.Detail == "" || f.Detail == egress.ErrDenied.Error() {
		return text // which says the same
	}
	return fmt.Sprintf("%s: %s", text, f.Detail)
}
