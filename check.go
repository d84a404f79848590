package belay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HealthStatus is what the last checks say about a connection. It is
// separate from Status: one is what people decided, the other what is.
type HealthStatus string

// The health statuses.
const (
	HealthHealthy   HealthStatus = "healthy"
	HealthDegraded  HealthStatus = "degraded"  // works, with a warning
	HealthUnhealthy HealthStatus = "unhealthy" // does not work
	HealthUnknown   HealthStatus = "unknown"   // could not be checked; never shown as down
	HealthUnchecked HealthStatus = "unchecked" // not checked yet, as it is now
)

// Works tells whether the target did what is asked of it, with a warning or
// without.
func (h HealthStatus) Works() bool { return h == HealthHealthy || h == HealthDegraded }

// HealthStatuses returns every health status, worst first.
func HealthStatuses() []HealthStatus {
	return []HealthStatus{HealthUnhealthy, HealthDegraded, HealthUnknown, HealthUnchecked, HealthHealthy}
}

// Health is what the last checks say, in short.
type Health struct {
	Status    HealthStatus
	Cause     Cause // "" when there is nothing wrong
	Summary   string
	CheckID   ID        // the check that says so
	CheckedAt time.Time // of the last check, whatever it said
	Since     time.Time // since when Status is what it is
}

// StaleAfter is when a health is too old to be relied on: two intervals
// after its last check. Zero when there was no check.
func (h Health) StaleAfter(p CheckPolicy) time.Time {
	if h.CheckedAt.IsZero() {
		return time.Time{}
	}
	return h.CheckedAt.Add(2 * p.Interval)
}

// Next is the health after a check.
func (h Health) Next(c *Check) Health {
	n := Health{
		Status: c.Health, Cause: c.Cause, Summary: c.Summary, CheckID: c.ID,
		CheckedAt: c.StartedAt.Add(c.Duration), Since: h.Since,
	}
	if n.Status != h.Status || h.Since.IsZero() {
		n.Since = n.CheckedAt
	}
	return n
}

// Stage is one step of a test. A test goes through them in order and stops
// at the first that fails.
type Stage string

// The stages, in their order.
const (
	StagePolicy       Stage = "policy"       // is this target allowed
	StageResolve      Stage = "resolve"      // does its name have an address
	StageConnect      Stage = "connect"      // does the port answer
	StageTLS          Stage = "tls"          // is it who it claims to be
	StageProtocol     Stage = "protocol"     // is it what it claims to be
	StageAuthenticate Stage = "authenticate" // does it accept the credential
	StageAuthorize    Stage = "authorize"    // may the credential do what is needed
	StageCapability   Stage = "capability"   // does it do its work
)

// Stages returns the stages in their order.
func Stages() []Stage {
	return []Stage{
		StagePolicy, StageResolve, StageConnect, StageTLS,
		StageProtocol, StageAuthenticate, StageAuthorize, StageCapability,
	}
}

// Outcome is how one stage ended.
type Outcome string

// The outcomes.
const (
	OutcomePassed  Outcome = "passed"
	OutcomeWarned  Outcome = "warned" // passed, and the check is degraded
	OutcomeFailed  Outcome = "failed"
	OutcomeNotRun  Outcome = "not_run" // an earlier stage failed
	OutcomeSkipped Outcome = "skipped" // there is nothing to do here, e.g. no TLS
)

// StageResult is how one stage went.
type StageResult struct {
	Stage    Stage
	Outcome  Outcome
	Duration time.Duration
	Detail   string // for a person; what the target said is redacted and shortened
}

// Check is one execution of a kind's test against one connection.
type Check struct {
	ID                ID
	OrganizationID    ID
	ConnectionID      ID // "" for a draft, which is not stored
	Trigger           Trigger
	StartedAt         time.Time
	Duration          time.Duration
	Health            HealthStatus
	Cause             Cause // "" when all passed
	Summary           string
	Stages            []StageResult
	Facts             json.RawMessage // what the target tells about itself, a JSON object
	Identity          string          // of the target that answered, see Connection.Identity; "" when it does not say
	CredentialID      ID              // the one that was used, "" for none
	CredentialVersion int
	// Rejected are the credentials that were tried before that one, in their
	// order, and that the target would not have.
	Rejected []Rejection
	UserID   ID // who asked for it, "" for the monitor
}

// Rejection is a credential that the target would not have.
type Rejection struct {
	CredentialID      ID
	CredentialVersion int
	Cause             Cause
	Summary           string
}

// Instead makes c, a check with a fallback credential, tell of the checks with
// the credentials before it, which were rejected. When the fallback works,
// that is what c warns of: nothing may hide that the credential which somebody
// means to be used is not.
func (c *Check) Instead(rejected []*Check) {
	if len(rejected) == 0 {
		return
	}
	first := rejected[0]
	c.StartedAt = first.StartedAt
	for _, r := range rejected {
		c.Duration += r.Duration
		c.Rejected = append(c.Rejected, Rejection{r.CredentialID, r.CredentialVersion, r.Cause, r.Summary})
	}
	if !c.Health.Works() {
		return
	}
	c.Health, c.Cause = HealthDegraded, first.Cause
	c.Summary = "works with the fallback credential only: with the one before it, " + first.Summary
	if len(rejected) > 1 {
		c.Summary = fmt.Sprintf("works with the last of its %d credentials only: with the first, %s", len(rejected)+1, first.Summary)
	}
	for i, s := range c.Stages {
		if s.Stage == StageAuthenticate {
			c.Stages[i].Outcome, c.Stages[i].Detail = OutcomeWarned, strings.TrimPrefix(s.Detail+"; "+first.Summary, "; ")
		}
	}
}

// MadeWith tells whether a check was made with what a test would use now:
// uses, in their order, and of each the version that current says. One that is
// not in current is deleted, and would not be used.
func (c *Check) MadeWith(uses []CredentialUse, current map[ID]int) bool {
	tried := slices.Clone(c.Rejected)
	if c.CredentialID != "" {
		tried = append(tried, Rejection{CredentialID: c.CredentialID, CredentialVersion: c.CredentialVersion})
	}
	n := 0
	for _, u := range uses {
		version, there := current[u.CredentialID]
		if !there || !u.Purpose.Authenticates() {
			continue
		}
		if n == len(tried) {
			return n > 0 && (c.Health.Works() || !c.Cause.Rejects()) // else this one would be tried too
		}
		if tried[n].CredentialID != u.CredentialID || tried[n].CredentialVersion != version {
			return false
		}
		n++
	}
	return n == len(tried)
}

// Trigger says why a check was made.
type Trigger string

// The triggers.
const (
	TriggerManual       Trigger = "manual"       // a person asked
	TriggerDraft        Trigger = "draft"        // before saving
	TriggerImport       Trigger = "import"       // while importing
	TriggerRegistration Trigger = "registration" // on creation, change or transition
	TriggerMonitor      Trigger = "monitor"
	TriggerRotation     Trigger = "rotation"
)

// Target is what a kind's driver tests: a connection with its credential
// opened for this one use.
type Target struct {
	Endpoint   string
	Config     json.RawMessage
	TLS        TLS
	Credential *Material // nil for none
	Timeout    time.Duration
	// Identity is what the target was known as before, "" when that is not
	// known: another one that answers in its place is CauseIdentityChanged.
	Identity string
}

// Material is an opened credential.
type Material struct {
	CredentialID ID
	Version      int
	Type         string
	Values       map[string]Secret // by field, the fields that are not secret too
}

// Value returns one field as a string, "" when absent. It reveals: the
// linter lists who may call it.
func (m *Material) Value(field string) string {
	if m == nil {
		return ""
	}
	return string(m.Values[field].Reveal())
}

// Report is what a kind's driver finds out in one test.
type Report struct {
	Health   HealthStatus
	Cause    Cause
	Summary  string
	Stages   []StageResult
	Facts    map[string]any
	Identity string
	// Missing names the permission that is missing, for CausePermissionMissing.
	Missing string
}

// ParseHealthStatus reads a health status by its exact name.
func ParseHealthStatus(s string) (HealthStatus, error) {
	all := HealthStatuses()
	names := make([]string, len(all))
	for i, h := range all {
		if names[i] = string(h); names[i] == s {
			return h, nil
		}
	}
	return "", Errorf(CodeInvalid, "must be one of %s", strings.Join(names, ", "))
}
