package cli

import (
	"fmt"
	"strings"

	"belay"
)

// tested is how many of several connections were found to be what, as the
// summary of a test has it: in maintenance counts as that and nothing else,
// and what is ignored was left out.
type tested struct {
	Total       int `json:"total"`
	Healthy     int `json:"healthy"`
	Degraded    int `json:"degraded"`
	Unhealthy   int `json:"unhealthy"`
	Unknown     int `json:"unknown"`
	Maintenance int `json:"maintenance"`
	Ignored     int `json:"ignored"`
}

func testedOf(checks []item, ignored int) tested {
	n := tested{Ignored: ignored}
	for _, it := range checks {
		n.add(it.text("health"), it.text("connectionStatus"))
	}
	return n
}

// add counts a connection of a health that stands somewhere since its test.
func (n *tested) add(health, status string) {
	n.Total++
	if status == string(belay.StatusMaintenance) {
		n.Maintenance++
		return
	}
	switch belay.HealthStatus(health) {
	case belay.HealthHealthy:
		n.Healthy++
	case belay.HealthDegraded:
		n.Degraded++
	case belay.HealthUnhealthy:
		n.Unhealthy++
	default:
		n.Unknown++
	}
}

// failed is how many are a failure: neither what works with a warning nor what
// is down on purpose.
func (n tested) failed() int { return n.Unhealthy + n.Unknown }

// verdict says how several tests went, and is a failure when one of their
// targets does not work and is not in maintenance.
func (in *invocation) verdict(n tested) error {
	switch all := count(n.Total, connections()); {
	case n.Total == 0 && n.Ignored > 0:
		in.say(plain, "nothing was tested: %d ignored, and no other connection is there", n.Ignored)
	case n.Total == 0:
		in.say(plain, "nothing was tested: there is no connection")
	case n.failed() > 0:
		return n.failure()
	case n.Degraded > 0:
		in.sayHealth("degraded", "%s: %s", all, n.text())
	case n.Maintenance > 0:
		in.say(plain, "%s: %s", all, n.text())
	case n.Ignored > 0:
		in.sayHealth("healthy", "%s healthy; %d ignored, not tested", all, n.Ignored)
	default:
		in.sayHealth("healthy", "%s healthy", all)
	}
	return nil
}

// failure says what has failed, and apart from it what has not.
func (n tested) failure() *failure {
	return &failure{exit: exitUnhealthy, what: fmt.Sprintf("%d of %s failed", n.failed(), count(n.Total, connections())), why: n.text()}
}

// text says how many there are of each: first what failed, then what works,
// then what does not count.
func (n tested) text() string {
	var groups []string
	for _, group := range [][]string{
		some(n.Unhealthy, "unhealthy", n.Unknown, "unknown"), some(n.Degraded, "degraded", n.Healthy, "healthy"),
		some(n.Maintenance, "in maintenance"), some(n.Ignored, "ignored, not tested"),
	} {
		if len(group) > 0 {
			groups = append(groups, strings.Join(group, ", "))
		}
	}
	return strings.Join(groups, "; ")
}

// some are numbers with what they count, without those that are 0.
func some(pairs ...any) []string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != 0 {
			out = append(out, fmt.Sprintf("%d %s", pairs[i], pairs[i+1]))
		}
	}
	return out
}
