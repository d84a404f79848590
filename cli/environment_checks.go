package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"belay"
)

// testEnvironment asks the server for the test of a whole environment and
// shows each check as it comes.
func (in *invocation) testEnvironment(ctx context.Context, env item) error {
	held, err := in.held(ctx, env.id())
	if err != nil {
		return err
	}
	conns, ignored := notIgnored(held.items)
	leftOut := ""
	if ignored > 0 {
		leftOut = fmt.Sprintf(" (%d ignored, left out)", ignored)
	}
	if in.flags.DryRun {
		return in.foretellTests(ctx, []string{"-"}, conns)
	}
	said := count(len(conns), connections()) + " of " + env.name() + leftOut
	r := request{method: http.MethodPost, path: environments().at(env.id(), "test"), timeout: testTimeout, prefer: in.prefer()}
	if !in.flags.Wait {
		res, err := in.send(ctx, r)
		if err == nil && res.status == http.StatusAccepted {
			in.sayTesting(said)
			in.say(good, "the test was started and goes on at the server")
			command := "belay environment test " + shellWord(env.name())
			in.say(plain, "see how far it is: %s --status, or cancel it: %s --cancel", command, command)
		}
		if err != nil || !in.machine() {
			return err
		}
		return in.showUnderWay(ctx, env)
	}
	c, err := in.client()
	if err != nil {
		return err
	}
	in.onInterrupt = []string{
		"what has begun goes on at the server: belay environment test " + shellWord(env.name()) + " --status, then belay environment view " + shellWord(env.name()),
	}
	s := &stream{in: in, env: env, said: said, conns: conns, total: -1, known: len(conns), shown: checkDocument(nil, nil, conns)}
	s.wait()
	err = c.lines(ctx, r, s.take)
	s.stop()
	return s.end(ctx, c, err)
}

// stream is the test of an environment as it comes.
type stream struct {
	in    *invocation
	env   item
	conns []item
	said  string // of what is tested, for people
	total int    // how many connections are tested; -1 before it is known
	known int    // how many there are to see
	shown document

	checks  []item
	begun   []begunTest // also of those that have ended
	summary json.RawMessage
	problem json.RawMessage
	stop    func() // ends what says that it is waited for
	row     []cell // as wide as any but in its last cell, once it is known
}

// begunTest is the test of a connection that has begun.
type begunTest struct{ ConnectionID, ConnectionName string }

// wait says that it is waited for what is left.
func (s *stream) wait() {
	n, all := len(s.checks), s.all()
	s.stop = s.in.waiting(still("%d of %d tested", n, all))
}

func (s *stream) all() int {
	if s.total < 0 {
		return s.known
	}
	return s.total
}

// take takes one line of the answer.
func (s *stream) take(raw json.RawMessage) error {
	var line struct {
		Total                   *int
		Begun                   *begunTest
		Check, Summary, Problem json.RawMessage
	}
	if err := json.Unmarshal(raw, &line); err != nil {
		return unreadable("")
	}
	switch {
	case line.Total != nil:
		s.total = *line.Total
		s.stop()
		s.in.sayTesting(s.said)
		s.wait()
	case line.Begun != nil:
		s.begun = append(s.begun, *line.Begun)
	case line.Check != nil:
		return s.add(line.Check)
	case line.Summary != nil:
		s.summary = line.Summary
	case line.Problem != nil:
		s.problem = line.Problem
	}
	return nil
}

func (s *stream) add(raw json.RawMessage) error {
	it, err := newItem(raw)
	if err != nil {
		return err
	}
	s.checks = append(s.checks, it)
	s.stop() // so that nothing is drawn over the row
	defer s.wait()
	if !s.rows() {
		return nil
	}
	return s.show(it)
}

// rows tells whether each check is shown as it comes: a document can only be
// shown as a whole.
func (s *stream) rows() bool {
	return s.in.laidOut() || s.in.flags.JQ == "" && s.in.flags.Template == "" && s.in.set.output.text == formatName
}

// show shows one check below those before it.
func (s *stream) show(it item) error {
	in, first := s.in, len(s.checks) == 1
	if !in.forPeople() {
		d := s.shown
		d.items = []item{it}
		if !first {
			defer func(before bool) { in.flags.NoHeaders = before }(in.flags.NoHeaders)
			in.flags.NoHeaders = true
		}
		var b strings.Builder
		if err := in.render(&b, d); err != nil {
			return err
		}
		_, err := in.Stdout.Write([]byte(b.String()))
		return err
	}
	wide := in.set.output.text == formatWide
	columns := in.columns(s.shown, wide)
	v := view{look: in.look(in.Stdout), now: in.Now()}
	if !wide {
		v.width, _ = screenSize(in.Stdout)
	}
	row := make([]cell, len(columns))
	for i, c := range columns {
		row[i] = c.cell(it, v)
	}
	var header []string
	if !in.flags.NoHeaders {
		header = titles(columns)
	}
	return writeNext(in.Stdout, header, s.widest(columns, v), row, tracksOf(columns), v.look, first)
}

// widest is a row that is as wide as any that may come.
func (s *stream) widest(columns []column, v view) []cell {
	if s.row == nil {
		s.row = s.widestOf(columns, v)
	}
	if v.width > 0 { // what the last column says differs in length, and must not move the others
		s.row[len(s.row)-1] = cell{text: strings.Repeat("x", v.width)}
	}
	return s.row
}

func (s *stream) widestOf(columns []column, v view) []cell {
	row := make([]cell, len(columns))
	grow := func(it item) {
		for i, c := range columns {
			if next := c.cell(it, v); columnsWide(next.line(v.look)) > columnsWide(row[i].line(v.look)) {
				row[i] = next
			}
		}
	}
	for _, conn := range s.conns {
		grow(item{fields: map[string]any{"connectionId": conn.id()}})
	}
	for _, h := range belay.HealthStatuses() {
		grow(item{fields: map[string]any{"health": string(h), "durationMs": json.Number("30000")}})
	}
	return row
}

// document shows what came as a whole, if it was not shown row by row.
func (s *stream) document() error {
	if s.rows() && (len(s.checks) > 0 || s.in.forPeople()) {
		return nil
	}
	place := map[string]int{}
	for i, conn := range s.conns {
		place[conn.id()] = i
	}
	slices.SortStableFunc(s.checks, func(a, b item) int { return place[a.text("connectionId")] - place[b.text("connectionId")] })
	d := s.shown
	d.items = s.checks
	var err error
	if d.raw, err = json.Marshal(struct {
		Checks  []json.RawMessage `json:"checks"`
		Summary json.RawMessage   `json:"summary,omitempty"`
	}{raws(s.checks), s.summary}); err != nil {
		return fmt.Errorf("put the checks together: %w", err)
	}
	return s.in.show(d)
}

// end shows what is left to show and says how it went.
func (s *stream) end(ctx context.Context, c *client, err error) error {
	begun := s.total >= 0
	if err == nil && s.summary == nil && s.problem == nil {
		err = &failure{exit: exitPartly, what: "the server's answer broke off"}
	}
	if err != nil && !begun {
		return err
	}
	if shown := s.document(); shown != nil {
		return errors.Join(err, shown)
	}
	s.in.warnUnverified(s.tested()...)
	switch {
	case err != nil && ctx.Err() != nil:
		s.in.onInterrupt = append([]string{s.soFar()}, s.in.onInterrupt...)
		return err
	case s.problem != nil:
		return s.partly(c.refusalIn(s.problem))
	case err != nil:
		return s.partly(err)
	}
	var n tested
	if json.Unmarshal(s.summary, &n) != nil {
		return unreadable("")
	}
	return s.in.verdict(n)
}

// partly is why the test ended before its end, with how far it came.
func (s *stream) partly(err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	if s.problem == nil {
		f.exit = exitPartly
	}
	if f.why != "" {
		f.what += " — " + f.why
	}
	f.why = s.soFar()
	return f
}

// soFar says how far it came. A server that ends it has ended what it had
// begun; one that was left goes on with that, and begins no more.
func (s *stream) soFar() string {
	if s.problem != nil {
		return testedSoFar(len(s.checks), s.all())
	}
	begun, not := s.left()
	said := fmt.Sprintf("%d of %d tested", len(s.checks), s.all())
	if len(begun) > 0 {
		verb := "go"
		if len(begun) == 1 {
			verb = "goes"
		}
		said += fmt.Sprintf("; begun, and %s on at the server: %s", verb, someNames(begun))
	}
	if len(not) > 0 {
		said += "; not tested: " + someNames(not)
	}
	return said
}

// left are the names of the connections of which there is no check: those of
// which the test has begun, and the others.
func (s *stream) left() (begun, not []string) {
	known := map[string]bool{}
	for _, k := range s.checks {
		known[k.text("connectionId")] = true
	}
	for _, b := range s.begun {
		if !known[b.ConnectionID] {
			begun = append(begun, b.ConnectionName)
		}
		known[b.ConnectionID] = true
	}
	for _, conn := range s.conns {
		if !known[conn.id()] {
			not = append(not, conn.name())
		}
	}
	return begun, not
}

// tested are the connections of which there is a check.
func (s *stream) tested() []item {
	found := map[string]bool{}
	for _, k := range s.checks {
		found[k.text("connectionId")] = true
	}
	return keep(s.conns, func(conn item) bool { return found[conn.id()] })
}
