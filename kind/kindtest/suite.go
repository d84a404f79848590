// Package kindtest is the suite that the driver of every kind must pass:
// targets that work, that fail in each way there is, and that attack.
package kindtest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"belay"
	"belay/egress"
)

// Driver is what is tested.
type Driver interface {
	Test(ctx context.Context, t belay.Target) belay.Report
}

// Suite describes a driver and a target that is good to it. The suite puts
// that target behind a demand for a bearer token.
type Suite struct {
	New    func(d *egress.Dialer, now func() time.Time) Driver
	Good   http.Handler           // answers everything rightly, whoever asks
	Open   func(path string) bool // what is answered without a credential; nil for nothing
	Config json.RawMessage        // the connection's; may be empty
	Bearer func(token string) *belay.Material
	// Certificate makes a credential of a client certificate and key, in PEM.
	Certificate func(certificate, key string) *belay.Material
	// AnyService is set for a driver to which whatever answers is right.
	AnyService bool
	// NotReady is what status 503 means to it; not_ready when empty.
	NotReady belay.Cause
}

// Limits within which the suite's tests run.
const (
	patience  = 10 * time.Second       // for what should answer
	impatient = 300 * time.Millisecond // for what never does
)

// token is the right one. It must not be seen in any report.
const token = "kindtest-canary/0123456789+abcdef&ghijkl"

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if s.NotReady == "" {
		s.NotReady = belay.CauseNotReady
	}
	if s.Open == nil {
		s.Open = func(string) bool { return false }
	}
	t.Run("network", s.network)
	t.Run("http", s.http)
	t.Run("attacks", s.attacks)
	t.Run("tls", s.tls)
	t.Run("client certificates", s.clientCertificates)
}

// want is what a report should say. A stage is the one that failed.
type want struct {
	health belay.HealthStatus
	cause  belay.Cause
	stage  belay.Stage
}

var healthy = want{health: belay.HealthHealthy}

func unhealthy(cause belay.Cause, stage belay.Stage) want {
	return want{belay.HealthUnhealthy, cause, stage}
}

// dialer may go to loopback, where all the targets are.
func dialer() *egress.Dialer {
	return &egress.Dialer{Policy: egress.Policy{Loopback: true}}
}

func (s Suite) target(endpoint string) belay.Target {
	return belay.Target{Endpoint: endpoint, Config: s.Config, Credential: s.Bearer(token), Timeout: patience}
}

// test runs the driver and checks the report against what is wanted and
// against what holds for every report.
func (s Suite) test(t *testing.T, target belay.Target, w want) belay.Report {
	t.Helper()
	return s.testVia(t, dialer(), target, w)
}

func (s Suite) testVia(t *testing.T, d *egress.Dialer, target belay.Target, w want) belay.Report {
	t.Helper()
	r := s.New(d, now()).Test(t.Context(), target)
	Check(t, r)
	Conceals(t, r, target.Credential)
	if r.Health != w.health || r.Cause != w.cause || failed(r) != w.stage {
		t.Errorf("got %s, cause %q, failed at %q; want %s, %q, %q\n%s", r.Health, r.Cause, failed(r), w.health, w.cause, w.stage, text(r))
	}
	return r
}

// Check checks what holds for every report.
func Check(t testing.TB, r belay.Report) {
	t.Helper()
	var stages []belay.Stage
	over := false
	for _, s := range r.Stages {
		stages = append(stages, s.Stage)
		if over != (s.Outcome == belay.OutcomeNotRun) {
			t.Errorf("stage %s is %s, and it is %v that an earlier one failed", s.Stage, s.Outcome, over)
		}
		over = over || s.Outcome == belay.OutcomeFailed
		for part := range strings.SplitSeq(s.Detail, "; ") {
			if len(part) > 300 || strings.ContainsFunc(part, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Errorf("detail of %s is long or not printable: %q", s.Stage, s.Detail)
			}
		}
	}
	if !slices.Equal(stages, belay.Stages()) {
		t.Errorf("stages are %v", stages)
	}
	bad := r.Health == belay.HealthUnhealthy || r.Health == belay.HealthUnknown
	if bad != over || (r.Health == belay.HealthHealthy) != (r.Cause == "") || r.Cause.CouldNotCheck() != (r.Health == belay.HealthUnknown) {
		t.Errorf("health %s does not go with cause %q and failed stage %q", r.Health, r.Cause, failed(r))
	}
	if r.Summary == "" || (r.Cause == belay.CausePermissionMissing) != (r.Missing != "") {
		t.Errorf("summary %q, missing permission %q, cause %q", r.Summary, r.Missing, r.Cause)
	}
}

// Conceals checks that nothing secret of a credential is in a report, in no
// form in which a target might have sent it back.
func Conceals(t testing.TB, r belay.Report, m *belay.Material) {
	t.Helper()
	if m == nil {
		return
	}
	said := strings.ToLower(text(r))
	typ, _ := belay.FindCredentialType(m.Type)
	for name := range m.Values {
		field, _ := typ.Field(name)
		secret := m.Value(name)
		if field.Public || secret == "" {
			continue
		}
		for _, form := range echoes(secret) {
			if strings.Contains(said, strings.ToLower(form)) {
				t.Errorf("the report shows %s as %q:\n%s", name, form, said)
			}
		}
	}
}

// echoes are the forms in which an attacking target sends a secret back.
func echoes(secret string) []string {
	quoted, _ := json.Marshal(secret)
	raw := []byte(secret)
	return []string{
		secret, secret[:len(secret)/2], secret[len(secret)/2:],
		strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
		strings.Trim(base64.StdEncoding.EncodeToString(append([]byte("Bearer "), raw...))[12:], "="),
	}
}

// failed is the stage that failed, "" for none.
func failed(r belay.Report) belay.Stage {
	for _, s := range r.Stages {
		if s.Outcome == belay.OutcomeFailed {
			return s.Stage
		}
	}
	return ""
}

// outcome is how a stage ended.
func outcome(r belay.Report, stage belay.Stage) belay.Outcome {
	for _, s := range r.Stages {
		if s.Stage == stage {
			return s.Outcome
		}
	}
	return ""
}

// text is the whole report.
func text(r belay.Report) string {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
