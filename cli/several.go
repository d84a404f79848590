package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// tally counts how it went with several things, of which some can be left
// out or fail without stopping the others.
type tally struct {
	what                        string // "connections deleted"
	all, done, declined, failed int
	last                        error // of the failures
	errors                      []failedOne
	alone                       bool  // there is one thing only: its failure is the command's
	givenUp                     error // why the rest was not begun; nil when it was
}

// add counts one outcome and tells whether to go on.
func (t *tally) add(err error) bool {
	switch {
	case err == nil, errors.Is(err, errDryRun): // which ends as the doing would
		t.done++
	case errors.Is(err, errDeclined):
		t.declined++
	case errors.Is(err, errGivenUp), errors.Is(err, context.Canceled):
		t.givenUp = err
		return false
	default:
		t.failed++
		t.last = err
	}
	return true
}

// soFar says what has been done.
func (t *tally) soFar() string {
	return fmt.Sprintf("%d of %d %s", t.done, t.all, t.what)
}

// ending is how the command ends: with success only if all was done.
func (t *tally) ending() error {
	switch {
	case t.done == t.all:
		return nil
	case t.done > 0:
		f := &failure{exit: exitPartly, what: t.soFar(), why: t.rest(), errors: t.errors}
		if t.givenUp != nil {
			f.exit = exitInterrupted
		}
		return f
	case t.givenUp != nil:
		return t.givenUp
	case t.failed == 0:
		return errDeclined
	}
	if t.alone && t.last != nil {
		return t.last
	}
	f := &failure{exit: exitFailed, what: t.soFar(), why: t.rest(), errors: t.errors}
	if l, ok := errors.AsType[*failure](t.last); ok {
		f.exit = l.exit
	}
	return f
}

// rest says what became of those that were not done.
func (t *tally) rest() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{t.failed, "failed"}, {t.declined, "declined"}, {t.all - t.done - t.failed - t.declined, "not begun"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return strings.Join(parts, ", ")
}

// each does something with every item that the references name; verb is what
// they are afterwards. With one item its failure is the command's; with
// several each is reported and the rest goes on. A program gets one document.
func (in *invocation) each(r resource, verb string, refs []string, items []item, do func(item) error) error {
	if len(items) == 1 && !several(refs) {
		return do(items[0])
	}
	if in.flags.DryRun {
		verb = "could be " + verb
	}
	t := tally{what: r.many() + " " + verb, all: len(items), alone: len(items) == 1}
	in.gather()
	for _, it := range items {
		in.onInterrupt = []string{t.soFar()}
		if err := do(it); !in.counted(&t, it.name(), failedOne{related: relatedTo(r, []item{it})[0]}, err) {
			break
		}
	}
	return errors.Join(t.ending(), in.showGathered(r, &t))
}

// counted adds an outcome to the tally, says what failed, and tells whether
// to go on. A program reads what failed at the end.
func (in *invocation) counted(t *tally, name string, one failedOne, err error) bool {
	failed := t.failed
	on := t.add(err)
	switch {
	case t.failed > failed:
		one.Error = asFailure(err).problem()
		t.errors = append(t.errors, one)
		if !t.alone && !in.structured() {
			in.fault("%s: %v", name, err)
		}
	case errors.Is(err, errDeclined):
		in.say(plain, "%s is left as it is", name)
	}
	return on
}

// fault says, even when quiet, that one of several things failed.
func (in *invocation) fault(format string, args ...any) {
	in.line(in.look(in.Stderr).mark(bad) + " " + in.plainText(fmt.Sprintf(format, args...)))
}

// pairing is one relation between two nouns.
type pairing struct {
	holder resource
	held   resource
	below  string // of the holder's path
	method string // POST to make it, DELETE to end it
	verb   string // "is now in"
	body   any
	// made says what was made, by the answer; nil: the verb says it all.
	made func(ctx context.Context, holder, held, answer item)
	// changes are what it would change; nil: nothing but the relation.
	changes func(held item) []difference
}

// would is what making or ending the relation of two would do.
func (p pairing) would(h, x item) *outcome {
	verb := strings.NewReplacer("is now", "would be", "is no longer", "would no longer be", "now has", "would have", "no longer has", "would no longer have").Replace(p.verb)
	o := &outcome{text: strings.Join([]string{p.held.noun, x.name(), verb, p.holder.noun, h.name()}, " "), r: p.held, it: x}
	if p.changes != nil {
		o.changes = p.changes(x)
	}
	return o
}

// say says that one was made or ended.
func (p pairing) say(ctx context.Context, in *invocation, h, x, answer item) {
	if p.made != nil {
		p.made(ctx, h, x, answer)
		return
	}
	in.say(good, "%s %s %s %s %s", p.held.noun, x.name(), p.verb, p.holder.noun, h.name())
}

// pair makes or ends the relation between every holder and every held.
func (in *invocation) pair(ctx context.Context, p pairing, holders, held []item) error {
	_, err := in.pairAll(ctx, p, holders, held)
	return err
}

func (in *invocation) pairAll(ctx context.Context, p pairing, holders, held []item) (t *tally, err error) {
	t = &tally{what: "assignments made", all: len(holders) * len(held), alone: len(holders)*len(held) == 1}
	if p.method == http.MethodDelete {
		t.what = "assignments ended"
	}
	for _, h := range holders {
		other := relatedTo(p.holder, []item{h})[0]
		for _, x := range held {
			answer, err := in.change(ctx, request{method: p.method, path: p.holder.at(h.id(), p.below, x.id()), body: p.body, would: p.would(h, x)})
			if !in.counted(t, p.held.noun+" "+x.name(), failedOne{related: relatedTo(p.held, []item{x})[0], In: &other}, err) {
				err = t.ending()
				return t, err
			}
			if err == nil {
				p.say(ctx, in, h, x, answer)
				in.keep(x)
			}
		}
	}
	err = t.ending()
	return t, err
}
