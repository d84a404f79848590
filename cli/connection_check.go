package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"belay"
)

// parallel is how many tests are waited for at once.
const parallel = 8

type connectionTest struct {
	Names       []string `arg:"" optional:"" name:"name" help:"The connections; - reads names from standard input." complete:"connection"`
	All         bool     `help:"Test every connection."`
	Environment string   `placeholder:"NAME" help:"Test every connection of this environment." complete:"environment"`
	Kind        string   `placeholder:"KIND" help:"Test every connection of this kind." complete:"kind"`
}

// Help gives examples.
func (*connectionTest) Help() string {
	return "It ends with 7 when one of them does not work; degraded is working with a warning. What is in maintenance is\n" +
		"tested and shown, and is no failure. What is ignored is left out unless it is named.\n\n" + examples(
		"belay connection test prod-eu", "belay connection test --environment production --no-input",
		"belay connection test --all -o json --fields name,health",
		"belay connection list --filter health=unhealthy -o name | belay connection test -")
}

// Run tests connections from the server and waits for what it finds.
func (c *connectionTest) Run(ctx context.Context, in *invocation) error {
	if err := c.validate(); err != nil {
		return err
	}
	if c.Environment != "" {
		env, err := in.find(ctx, environments(), c.Environment)
		if err != nil {
			return err
		}
		return in.testEnvironment(ctx, env)
	}
	conns, err := c.which(ctx, in)
	if err != nil {
		return err
	}
	ignored := 0
	if len(c.Names) == 0 {
		conns, ignored = notIgnored(conns)
	} else {
		in.sayIgnored(conns)
	}
	switch {
	case len(conns) == 0 && ignored > 0:
		in.say(plain, "there is no connection to test: %d ignored", ignored)
		return nil
	case len(conns) == 0:
		in.say(plain, "there is no connection to test")
		return in.showNoTest()
	case in.flags.DryRun:
		return in.foretellTests(ctx, c.refs(), conns)
	case len(conns) == 1 && len(c.Names) > 0 && !(several(c.Names) && in.machine()):
		return in.testOne(ctx, conns[0])
	}
	return in.testMany(ctx, conns, ignored)
}

// notIgnored are those of some connections that are not ignored, and how many are.
func notIgnored(conns []item) (out []item, ignored int) {
	out = keep(conns, func(conn item) bool { return conn.text("status") != string(belay.StatusIgnored) })
	return out, len(conns) - len(out)
}

// sayIgnored says of connections that are named which are ignored, which a
// test does not change.
func (in *invocation) sayIgnored(conns []item) {
	for _, conn := range conns {
		if conn.text("status") == string(belay.StatusIgnored) {
			in.say(plain, "note: %s is ignored, and stays so whatever a test finds. To use it: belay connection state %s registered", conn.name(), shellWord(conn.name()))
		}
	}
}

func (c *connectionTest) validate() error {
	ways := 0
	for _, set := range []bool{len(c.Names) > 0, c.All, c.Environment != "", c.Kind != ""} {
		if set {
			ways++
		}
	}
	if ways == 1 {
		return nil
	}
	return usage("say which connections to test, in one way").withHelp("NAME…, --all, --environment NAME or --kind KIND")
}

func (c *connectionTest) which(ctx context.Context, in *invocation) ([]item, error) {
	if len(c.Names) > 0 {
		return in.findAll(ctx, connections(), c.Names)
	}
	query := url.Values{"order": {"name asc"}}
	if c.Kind != "" {
		if err := in.checkFilter(ctx, connections(), "kind", []string{c.Kind}); err != nil {
			return nil, err
		}
		query.Set("kind", c.Kind)
	}
	p, err := in.fetchUpTo(ctx, connections(), connectionsPath, query, 0)
	if err != nil {
		return nil, err
	}
	return p.items, nil
}

func (in *invocation) testOne(ctx context.Context, conn item) error {
	in.sayTesting(conn.name() + " (" + conn.text("kind") + ")")
	in.onInterrupt = []string{"the test goes on at the server: belay connection view " + shellWord(conn.name())}
	stop := in.waiting(still("%s is tested", conn.name()))
	res, err := in.sendTest(ctx, conn)
	stop()
	if err != nil || res.status == http.StatusAccepted {
		return errors.Join(err, in.started(res))
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	in.warnUnverified(conn)
	return in.showCheck(it, conn)
}

// sayTesting says what is tested, unless it is not.
func (in *invocation) sayTesting(what string) {
	if !in.flags.DryRun {
		in.say(plain, "Testing %s from the server…", what)
	}
}

func (in *invocation) sendTest(ctx context.Context, conn item) (*response, error) {
	return in.send(ctx, in.testRequest(conn))
}

func (in *invocation) testRequest(conn item) request {
	return request{method: http.MethodPost, path: connections().at(conn.id(), "test"), timeout: testTimeout, prefer: in.prefer()}
}

// testMany tests several at once and shows them in their order, beside those
// that were left out. A test that could not be asked for does not stop the
// others.
func (in *invocation) testMany(ctx context.Context, conns []item, ignored int) error {
	in.sayTesting(count(len(conns), connections()))
	in.onInterrupt = []string{"the tests go on at the server: belay connection list"}
	if _, err := in.client(); err != nil {
		return err
	}
	results := make([]*response, len(conns))
	failures := make([]error, len(conns))
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	var tested atomic.Int32
	begun := 0
	stop := in.waiting(func() string { return fmt.Sprintf("%d of %d tested", tested.Load(), len(conns)) })
	for i, conn := range conns {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		begun++
		wait.Go(func() {
			results[i], failures[i] = in.sendTest(ctx, conn)
			tested.Add(1)
			<-slots
		})
	}
	wait.Wait()
	stop()
	if err := ctx.Err(); err != nil {
		return errors.Join(err, in.showFinished(conns, results, begun, ignored))
	}
	return in.showMany(conns, results, failures, ignored)
}

// showFinished shows the tests that had an answer when the rest was given up.
func (in *invocation) showFinished(conns []item, results []*response, begun, ignored int) error {
	var tested []item
	var answers []*response
	for i, res := range results {
		if res != nil {
			tested, answers = append(tested, conns[i]), append(answers, res)
		}
	}
	in.onInterrupt = append([]string{givenUpSoFar(len(tested), len(conns), begun-len(tested))}, in.onInterrupt...)
	if len(tested) == 0 {
		return nil
	}
	return in.showMany(tested, answers, make([]error, len(tested)), ignored)
}

// givenUpSoFar says how much of a test was done when nobody waited for it any
// more: a server ends what it has begun.
func givenUpSoFar(tested, all, begun int) string {
	left := max(0, all-tested)
	begun = min(begun, left)
	if begun == 0 {
		return testedSoFar(tested, all)
	}
	said := fmt.Sprintf("%d of %d tested, %d had begun and may go on at the server", tested, all, begun)
	if left > begun {
		said += fmt.Sprintf(", %d not begun", left-begun)
	}
	return said
}

// testedSoFar says how much of a test was done when it ended.
func testedSoFar(tested, all int) string {
	return fmt.Sprintf("%d of %d tested, %d not tested", tested, all, max(0, all-tested))
}

func (in *invocation) showMany(conns []item, results []*response, failures []error, ignored int) error {
	var checks []item
	t := tally{what: "connections tested", all: len(conns)}
	for i, conn := range conns {
		in.counted(&t, conn.name(), failedOne{related: relatedTo(connections(), conns[i:i+1])[0]}, failures[i])
		switch {
		case failures[i] != nil:
		case results[i].status == http.StatusAccepted:
			in.say(good, "the test of %s was started", conn.name())
		default:
			it, err := newItem(results[i].body)
			if err != nil {
				return err
			}
			checks = append(checks, it)
		}
	}
	if len(checks) == 0 && (len(t.errors) == 0 || !in.machine()) {
		return t.ending()
	}
	n := testedOf(checks, ignored)
	doc := map[string]any{"checks": raws(checks), "summary": n}
	if len(t.errors) > 0 {
		doc["errors"] = t.errors
	}
	raw, err := verbatim(doc)
	if err != nil {
		return fmt.Errorf("put the checks together: %w", err)
	}
	in.warnUnverified(conns...)
	err = in.show(checkDocument(raw, checks, conns))
	if err == nil && len(checks) > 0 {
		err = in.verdict(n)
	}
	return errors.Join(t.ending(), err)
}
