package app

import (
	"context"
	"time"

	"belay"
)

// How long an import may take: it has ended before its request may be carried
// out again.
const (
	importLife = answerLife - 2*time.Minute // until when another context is begun
	importEnd  = answerLife - time.Minute   // when the last one is broken off
)

var errImportLife = belay.Errorf(belay.CodeUnavailable, "the import took too long; repeat it for what is left")

// importTime is until when the parts of an import go on. Its owner ends it.
type importTime struct {
	look  context.Context // the preview, which stores nothing: not without the client
	begin context.Context // whether another context is begun
	carry context.Context // the import of a context
	end   func()
}

// importTime lets an import begin, for whose end Close waits. What it stores
// it stores also when its client leaves: he finds all of it when he asks again.
func (a *App) importTime(ctx context.Context) (*importTime, error) {
	if !a.running.enter(a.running.stopping) {
		return nil, errStopping
	}
	alone := context.WithoutCancel(ctx)
	look, endLook := a.running.unlessStopping(ctx)
	begin, endBegin := a.running.unlessStopping(alone)
	begin, cancelBegin := context.WithTimeoutCause(begin, importLife, errImportLife)
	carry, endCarry := context.WithCancelCause(alone)
	leave := context.AfterFunc(a.running.ctx, func() { endCarry(errBrokenOff) })
	carry, cancelCarry := context.WithTimeoutCause(carry, importEnd, errImportLife)
	return &importTime{look: look, begin: begin, carry: carry, end: func() {
		endLook(nil)
		cancelBegin()
		endBegin(nil)
		leave()
		cancelCarry()
		endCarry(nil)
		a.running.tests.Done()
	}}, nil
}

// carryOutAll imports the contexts one after the other.
func (b *importBatch) carryOutAll(t *importTime) []*ImportedContext {
	out := make([]*ImportedContext, len(b.plans))
	for i, p := range b.plans {
		if t.begin.Err() == nil {
			out[i] = b.carryOut(t.carry, p)
			continue
		}
		out[i] = &ImportedContext{Name: p.k.Name, Check: p.k.Check, Outcome: ImportFailed}
		out[i].Message, out[i].Remedies = b.told(t.carry, p, context.Cause(t.begin))
	}
	b.leftOver(t.carry, out)
	return out
}

// finished is finish for a connection that is stored: it stays so, whatever
// keeps its test from being recorded.
func (b *importBatch) finished(ctx context.Context, p *importPlan, v *belay.Connection, credential *sealed, out *ImportedContext) {
	err := b.finish(ctx, p, v, credential, out)
	if err == nil {
		return
	}
	b.broken = true
	b.app.log.ErrorContext(ctx, "the test of an imported context is not recorded", "context", p.k.Name, "connection", v.ID, "error", because(ctx, err))
	out.Connection, out.Check, out.Message = v, p.k.Check, "it is stored; its test could not be recorded: test it again"
}
