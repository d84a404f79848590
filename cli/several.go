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
	givenUp                     error // why the rest was not begun; nil when it was
}

// add counts one outcome and tells whether to go on.
func (t *tally) add(err error) bool {
	switch {
	case err == nil:
		t.done++
	case errors.Is(err, errDryRun):
		t.all-- // nothing of it counts
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
		f := &failure{exit: exitPartly, what: t.soFar(), why: t.rest()}
		if t.givenUp != nil {
			f.exit = exitInterrupted
		}
		return f
	case t.givenUp != nil:
		return t.givenUp
	case t.failed == 0:
		return errDeclined
	}
	f := &failure{exit: exitFailed, what: t.soFar(), why: t.rest()}
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

// each does something with every item; verb is what they are afterwards. With
// one item its failure is the command's; with several each is reported and
// the rest goes on.
func (in *invocation) each(r resource, verb string, items []item, do func(item) error) error {
	if len(items) == 1 {
		return do(items[0])
	}
	t := tally{what: r.key + " " + verb, all: len(items)}
	for _, it := range items {
		in.onInterrupt = []string{t.soFar()}
		if err := do(it); !in.counted(&t, it.name(), err) {
			break
		}
	}
	return t.ending()
}

// counted adds an outcome to the tally, says what failed, and tells whether
// to go on.
func (in *invocation) counted(t *tally, name string, err error) bool {
	failed := t.failed
	on := t.add(err)
	switch {
	case t.failed > failed:
		in.fault("%s: %v", name, err)
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
}

// would is what making or ending the relation of two would do.
func (p pairing) would(h, x item) *outcome {
	verb := strings.NewReplacer("is now", "would be", "is no longer", "would no longer be").Replace(p.verb)
	return &outcome{text: strings.Join([]string{p.held.noun, x.name(), verb, p.holder.noun, h.name()}, " "), r: p.held, it: x}
}

// pair makes or ends the relation between every holder and every held.
func (in *invocation) pair(ctx context.Context, p pairing, holders, held []item) error {
	t := tally{what: "assignments made", all: len(holders) * len(held)}
	if p.method == http.MethodDelete {
		t.what = "assignments ended"
	}
	for _, h := range holders {
		for _, x := range held {
			_, err := in.change(ctx, request{method: p.method, path: p.holder.at(h.id(), p.below, x.id()), would: p.would(h, x)})
			switch {
			case err != nil && len(holders)*len(held) == 1:
				return err
			case !in.counted(&t, p.held.noun+" "+x.name(), err):
				return t.ending()
			case err == nil:
				in.say(good, "%s %s %s %s %s", p.held.noun, x.name(), p.verb, p.holder.noun, h.name())
			}
		}
	}
	return t.ending()
}
