package belay

import (
	"slices"
	"strings"
)

// Status is where a connection stands in its lifecycle. The eight names are
// those of Meshery's published schema, "not found" with its space.
type Status string

// The statuses.
const (
	StatusDiscovered   Status = "discovered"   // found, nobody has decided about it
	StatusRegistered   Status = "registered"   // wanted; not known to work
	StatusConnected    Status = "connected"    // its last check passed
	StatusDisconnected Status = "disconnected" // was connected, does not work now
	StatusIgnored      Status = "ignored"      // unwanted; survives re-discovery
	StatusMaintenance  Status = "maintenance"  // down on purpose; no test changes it
	StatusNotFound     Status = "not found"    // what discovery had found is gone
	StatusDeleted      Status = "deleted"      // can be restored until it is purged
)

var statuses = []Status{
	StatusDiscovered, StatusRegistered, StatusConnected, StatusDisconnected,
	StatusIgnored, StatusMaintenance, StatusNotFound, StatusDeleted,
}

// Statuses returns every status in the order in which they are shown.
func Statuses() []Status { return slices.Clone(statuses) }

// ParseStatus reads a status by its exact name.
func ParseStatus(s string) (Status, error) {
	if slices.Contains(statuses, Status(s)) {
		return Status(s), nil
	}
	names := make([]string, len(statuses))
	for i, t := range statuses {
		names[i] = string(t)
	}
	return "", Errorf(CodeInvalid, "must be one of %s", strings.Join(names, ", "))
}

// Transition is one permitted change of status.
type Transition struct {
	From, To Status
	ByUser   bool // a person may ask for it
	ByCheck  bool // the outcome of a check, or discovery, makes it
	// NeedsCheck is set where a person's wish is carried out only if a
	// check passes: connected is never an assertion.
	NeedsCheck bool
	Effect     string // what it means, for the person who chooses
}

// transitions is the whole lifecycle. ● is a person's, "auto" a check's or
// discovery's, and from registered to disconnected the monitor's:
//
//	from \ to     registered connected disconnected ignored maintenance not found deleted discovered
//	discovered        ●                                 ●                  auto       ●
//	registered                ● / auto    auto          ●        ●         auto       ●
//	connected                            ● / auto       ●        ●         auto       ●
//	disconnected              ● / auto                  ●        ●         auto       ●
//	maintenance       ●         ●          ●                                          ●
//	ignored           ●                                                               ●
//	not found                 auto        auto          ●                             ●       auto
//	deleted           ● (restore)
//
// No row is empty: there is no dead end.
var transitions = []Transition{
	{From: StatusDiscovered, To: StatusRegistered, ByUser: true, Effect: "It is in use, and a test says whether it works."},
	{From: StatusDiscovered, To: StatusIgnored, ByUser: true, Effect: "It stays out of sight, even when it is found again."},
	{From: StatusDiscovered, To: StatusNotFound, ByCheck: true, Effect: "What was found is gone."},
	{From: StatusDiscovered, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusRegistered, To: StatusConnected, ByUser: true, ByCheck: true, NeedsCheck: true, Effect: "It is tested now, and connected if the test passes."},
	{From: StatusRegistered, To: StatusDisconnected, ByCheck: true, Effect: "The monitor finds that it does not work."},
	{From: StatusRegistered, To: StatusIgnored, ByUser: true, Effect: "It is unwanted: a test no longer changes its status."},
	{From: StatusRegistered, To: StatusMaintenance, ByUser: true, Effect: "It is down on purpose: no test changes its status until the maintenance ends."},
	{From: StatusRegistered, To: StatusNotFound, ByCheck: true, Effect: "What was found is gone."},
	{From: StatusRegistered, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusConnected, To: StatusDisconnected, ByUser: true, ByCheck: true, Effect: "It counts as not working until a check passes."},
	{From: StatusConnected, To: StatusIgnored, ByUser: true, Effect: "It is unwanted: a test no longer changes its status."},
	{From: StatusConnected, To: StatusMaintenance, ByUser: true, Effect: "It is down on purpose: no test changes its status until the maintenance ends."},
	{From: StatusConnected, To: StatusNotFound, ByCheck: true, Effect: "What was found is gone."},
	{From: StatusConnected, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusDisconnected, To: StatusConnected, ByUser: true, ByCheck: true, NeedsCheck: true, Effect: "It is tested now, and connected if the test passes."},
	{From: StatusDisconnected, To: StatusIgnored, ByUser: true, Effect: "It is unwanted: a test no longer changes its status."},
	{From: StatusDisconnected, To: StatusMaintenance, ByUser: true, Effect: "It is down on purpose: no test changes its status until the maintenance ends."},
	{From: StatusDisconnected, To: StatusNotFound, ByCheck: true, Effect: "What was found is gone."},
	{From: StatusDisconnected, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusMaintenance, To: StatusRegistered, ByUser: true, Effect: "The maintenance ends; a test says whether it works."},
	{From: StatusMaintenance, To: StatusConnected, ByUser: true, NeedsCheck: true, Effect: "The maintenance ends if a test passes now."},
	{From: StatusMaintenance, To: StatusDisconnected, ByUser: true, Effect: "The maintenance ends; it counts as not working until a check passes."},
	{From: StatusMaintenance, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusIgnored, To: StatusRegistered, ByUser: true, Effect: "It is in use, and a test says whether it works."},
	{From: StatusIgnored, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},

	{From: StatusNotFound, To: StatusConnected, ByCheck: true, Effect: "It was found again, and works."},
	{From: StatusNotFound, To: StatusDisconnected, ByCheck: true, Effect: "It was found again, and does not work."},
	{From: StatusNotFound, To: StatusIgnored, ByUser: true, Effect: "It stays out of sight, even when it is found again."},
	{From: StatusNotFound, To: StatusDeleted, ByUser: true, Effect: "It can be restored for 30 days."},
	{From: StatusNotFound, To: StatusDiscovered, ByCheck: true, Effect: "It was found again."},

	{From: StatusDeleted, To: StatusRegistered, ByUser: true, Effect: "It is restored with its environments and credentials."},
}

// Transitions returns the changes that a connection in this status can make.
func (s Status) Transitions() []Transition {
	var out []Transition
	for _, t := range transitions {
		if t.From == s {
			out = append(out, t)
		}
	}
	return out
}

// Transition finds the change from s to another status that a person may
// ask for. An illegal one is a CodeIllegalTransition that lists the legal
// ones.
func (s Status) Transition(to Status) (Transition, error) {
	var legal []string
	for _, t := range s.Transitions() {
		if t.ByUser && t.To == to {
			return t, nil
		}
		if t.ByUser {
			legal = append(legal, string(t.To))
		}
	}
	return Transition{}, Errorf(CodeIllegalTransition,
		"a connection that is %s cannot change to %s; it can change to %s", s.where(), to, strings.Join(legal, ", "))
}

// where says in words where a connection of this status stands.
func (s Status) where() string {
	if s == StatusMaintenance {
		return "in maintenance"
	}
	return string(s)
}

// AfterCheck is the status that the outcome of a check leads to, by what
// asked for the check: itself where the lifecycle has no change for it. A
// connection that is ignored, in maintenance, discovered or deleted never
// changes by a check. One that is registered becomes disconnected by the
// monitor alone: as long as people try it out, it has never worked, and is as
// wanted as before.
func (s Status) AfterCheck(h HealthStatus, by Trigger) Status {
	to := s
	switch h {
	case HealthHealthy, HealthDegraded:
		to = StatusConnected
	case HealthUnhealthy:
		to = StatusDisconnected
	case HealthUnknown, HealthUnchecked:
	}
	if s == StatusRegistered && to == StatusDisconnected && by != TriggerMonitor {
		return s
	}
	for _, t := range s.Transitions() {
		if t.ByCheck && t.To == to {
			return to
		}
	}
	return s
}

// Monitored tells whether checks are to be run without being asked for.
func (s Status) Monitored() bool {
	switch s {
	case StatusRegistered, StatusConnected, StatusDisconnected, StatusNotFound:
		return true
	case StatusDiscovered, StatusIgnored, StatusMaintenance, StatusDeleted:
	}
	return false
}
