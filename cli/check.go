package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"belay"
)

// check is the answer of a test.
type check struct {
	ID           string `json:"id"`
	ConnectionID string `json:"connectionId"`
	// Where the connection stands after a test; "" for history.
	ConnectionStatus string   `json:"connectionStatus"`
	DurationMS       float64  `json:"durationMs"`
	Health           string   `json:"health"`
	Cause            string   `json:"cause"`
	Summary          string   `json:"summary"`
	Stages           []stage  `json:"stages"`
	Remediation      []remedy `json:"remediation"`
	Facts            struct {
		TLS struct {
			Presented string `json:"presented"` // PEM, where it is not trusted
		} `json:"tls"`
	} `json:"facts"`
}

type stage struct {
	Name       string  `json:"name"`
	Outcome    string  `json:"outcome"`
	DurationMS float64 `json:"durationMs"`
	Detail     string  `json:"detail"`
}

func (it item) check() (check, error) {
	var c check
	if err := json.Unmarshal(it.raw, &c); err != nil {
		return c, unreadable("")
	}
	return c, nil
}

// passed tells whether the target works: degraded is working with a warning.
func (c check) passed() bool { return c.Health == "healthy" || c.Health == "degraded" }

// muted tells whether it is down on purpose, so that nothing found is a failure.
func (c check) muted() bool { return c.ConnectionStatus == string(belay.StatusMaintenance) }

// prefer asks the server not to wait, where the user does not.
func (in *invocation) prefer() string {
	if in.flags.Wait {
		return ""
	}
	return "respond-async"
}

// started says that a test goes on without us.
func (in *invocation) started(res *response) error {
	if res != nil && res.status == http.StatusAccepted {
		in.say(good, "the test was started and goes on at the server")
	}
	return nil
}

// showCheck shows one check stage by stage, and is a failure when the target
// does not work and is not in maintenance.
func (in *invocation) showCheck(raw, conn item) error {
	c, err := raw.check()
	if err != nil {
		return err
	}
	if err := in.showStages(raw, c, conn); err != nil {
		return err
	}
	if c.passed() {
		in.sayHealth(c.Health, "%s is %s%s", conn.name(), c.Health, summaryOf(c))
		for _, line := range remedyLines(c.Remediation) {
			in.say(plain, "%s", line)
		}
		return nil
	}
	f := unhealthy(c, conn)
	if !c.muted() {
		return f
	}
	in.warn("%s", f.Error())
	for _, line := range f.help {
		in.say(plain, "  %s", line)
	}
	in.say(plain, "%s is in maintenance: that is no failure. End it: %s", conn.name(), endMaintenance(conn.name()))
	return nil
}

// endMaintenance ends it whether or not the target works: for connected, it
// would have to.
func endMaintenance(name string) string {
	return "belay connection state " + shellWord(name) + " " + string(belay.StatusRegistered)
}

func summaryOf(c check) string {
	if c.Summary == "" {
		return " · " + millis(c.DurationMS)
	}
	return fmt.Sprintf(" · %s · %s", c.Summary, millis(c.DurationMS))
}

// millis writes a number of milliseconds as precisely as it says something.
func millis(ms float64) string {
	if ms >= 10 || ms == math.Trunc(ms) {
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.1fms", ms)
}

func (in *invocation) showStages(raw item, c check, conn item) error {
	if !in.forPeople() {
		d := checkDocument(raw.raw, []item{raw}, []item{conn})
		d.single = in.machine()
		return in.show(d)
	}
	l := in.look(in.Stdout)
	var rows [][]cell
	for _, s := range c.Stages {
		rows = append(rows, stageRow(s, l))
	}
	if err := writeRows(in.Stdout, rows, l, false); err != nil {
		return err
	}
	if facts := factsOf(item{fields: raw.at("facts")}, conn.text("kind")); facts != "" {
		_, err := fmt.Fprintln(in.Stdout, "  "+in.plainText(facts))
		return err
	}
	return nil
}

func stageRow(s stage, l look) []cell {
	t, detail, took := faint, s.Detail, ""
	switch s.Outcome {
	case "passed":
		t = good
	case "warned":
		t = warning
	case "failed":
		t = bad
	}
	if detail == "" {
		detail = strings.ReplaceAll(s.Outcome, "_", " ")
	}
	if s.Outcome == "passed" || s.Outcome == "failed" || s.Outcome == "warned" {
		took = millis(s.DurationMS)
	}
	sign := look{unicode: l.unicode}.mark(t)
	return []cell{{text: " " + sign, tone: t}, {text: stageName(s.Name)}, {text: detail}, {text: took, tone: faint}}
}

// stageName is the word that people use.
func stageName(s string) string {
	if s == "authenticate" {
		return "sign in"
	}
	return s
}

// unhealthy is the failure of a check, with what to do about it.
func unhealthy(c check, conn item) *failure {
	f := &failure{exit: exitUnhealthy, what: conn.name() + " is " + c.Health, why: c.Summary, remedies: c.Remediation}
	if i := slices.IndexFunc(c.Stages, func(s stage) bool { return s.Outcome == "failed" }); i >= 0 {
		f.what = fmt.Sprintf("%s fails at %s", conn.name(), stageName(c.Stages[i].Name))
	}
	if f.why == "" {
		f.why = c.Cause
	}
	if envs := conn.names("environments"); len(envs) > 0 {
		f.help = append(f.help, "in "+strings.Join(envs, ", "))
	}
	remedies := c.Remediation
	if trust := trustHelp(c, conn); trust != nil {
		f.help = append(f.help, trust...) // which is more than the remedy of that name says
		remedies = slices.DeleteFunc(slices.Clone(remedies), func(r remedy) bool { return r.ID == "tls.trust" || r.ID == "tls.replaceAuthority" })
	}
	f.help = append(f.help, remedyLines(remedies)...)
	return f
}

// checkDocument shows checks of the connections conns, by whose names they go.
func checkDocument(raw json.RawMessage, checks, conns []item) document {
	byID := make(map[string]item, len(conns))
	for _, c := range conns {
		byID[c.id()] = c
	}
	called := func(it item) string {
		if c, ok := byID[it.text("connectionId")]; ok {
			return c.name()
		}
		return cmp.Or(it.text("connectionName"), it.text("connectionId"))
	}
	name := column{title: "NAME", cell: func(it item, _ view) cell { return cell{text: called(it)} }}
	kind := column{title: "KIND", cell: func(it item, _ view) cell { return cell{text: byID[it.text("connectionId")].text("kind")} }}
	return document{
		raw: raw, items: checks, noun: "connection", called: called,
		columns: append([]column{name, kind}, checkColumns()...),
	}
}

func checkColumns() []column {
	took := column{title: "TOOK", cell: func(it item, _ view) cell { return cell{text: millis(it.number("durationMs"))} }}
	why := column{title: "WHY", cell: func(it item, _ view) cell {
		if it.text("health") == "healthy" {
			return cell{}
		}
		return cell{text: strings.TrimSpace(it.text("cause") + "  " + it.text("summary"))}
	}}
	return []column{health("HEALTH", "health"), took, why}
}
