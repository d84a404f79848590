package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

type doctor struct{}

// Help gives examples.
func (*doctor) Help() string {
	return "It looks at the configuration, the server, TLS, the clock, the token and where it is kept, and says of each that is not right what to do. It changes nothing. It ends with 7 if something does not work; a warning is no failure.\n\n" + examples(
		"belay doctor", "belay doctor --jq '.checks[] | select(.status != \"ok\") | .fix'")
}

// finding is what one check of the doctor has found.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"`        // ok, warning or failed
	Found  string `json:"found"`         // in words
	Fix    string `json:"fix,omitempty"` // what to do; "" where nothing is to be done
}

// States of a finding.
const (
	foundOK      = "ok"
	foundWarning = "warning"
	foundFailed  = "failed"
)

// diagnosis is what the doctor has found so far.
type diagnosis struct {
	in       *invocation
	findings []finding
}

func (d *diagnosis) ok(name, format string, args ...any) {
	d.findings = append(d.findings, finding{Name: name, Status: foundOK, Found: fmt.Sprintf(format, args...)})
}

func (d *diagnosis) warning(name, fix, format string, args ...any) {
	d.findings = append(d.findings, finding{name, foundWarning, fmt.Sprintf(format, args...), fix})
}

func (d *diagnosis) failed(name, fix, format string, args ...any) {
	d.findings = append(d.findings, finding{name, foundFailed, fmt.Sprintf(format, args...), fix})
}

// failure is a check that ended with an error.
func (d *diagnosis) failure(name string, err error) {
	f := asFailure(err)
	fix := ""
	if len(f.help) > 0 {
		fix = strings.TrimSpace(strings.TrimPrefix(f.help[0], "fix:"))
	}
	d.failed(name, fix, "%s", f.Error())
}

// Run looks at everything that signing in and reaching the server depend on.
func (c *doctor) Run(ctx context.Context, in *invocation) error {
	d := &diagnosis{in: in}
	if in.unsettled != nil {
		d.failure("config", in.unsettled)
	} else {
		d.config()
		if d.server(ctx) {
			d.token(ctx)
		}
	}
	if err := d.show(); err != nil {
		return err
	}
	bad := 0
	for _, f := range d.findings {
		if f.Status == foundFailed {
			bad++
		}
	}
	if bad > 0 {
		return &failure{exit: exitUnhealthy, what: fmt.Sprintf("%d of %d checks failed", bad, len(d.findings))}
	}
	return nil
}

// show shows the findings: to people line by line, with what to do below.
func (d *diagnosis) show() error {
	if d.in.forPeople() {
		l := d.in.look(d.in.Stdout)
		tones := map[string]tone{foundOK: good, foundWarning: warning, foundFailed: bad}
		var b strings.Builder
		for _, f := range d.findings {
			fmt.Fprintf(&b, "%s %s: %s\n", l.mark(tones[f.Status]), f.Name, d.in.plainText(f.Found))
			if f.Fix != "" {
				b.WriteString("  fix: " + d.in.plainText(f.Fix) + "\n")
			}
		}
		return d.in.emit([]byte(b.String()))
	}
	raw, err := json.Marshal(map[string]any{"checks": d.findings})
	if err != nil {
		return fmt.Errorf("show the findings: %w", err)
	}
	var items []item
	for _, f := range d.findings {
		items = append(items, item{fields: map[string]any{"name": f.Name, "status": f.Status, "found": f.Found, "fix": f.Fix}})
	}
	columns := []column{field("CHECK", "name"), field("STATUS", "status"), field("FOUND", "found"), field("FIX", "fix")}
	return d.in.show(document{raw: raw, items: items, columns: columns, noun: "check", whole: true})
}
