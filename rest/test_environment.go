package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"belay"
	"belay/app"
)

// checkCounts is how many checks found what. What is in maintenance counts as
// that, whatever its check found; what is ignored has no check.
type checkCounts struct {
	Total       int `json:"total"`
	Healthy     int `json:"healthy"`
	Degraded    int `json:"degraded"`
	Unhealthy   int `json:"unhealthy"`
	Unknown     int `json:"unknown"`
	Maintenance int `json:"maintenance"`
	Ignored     int `json:"ignored"`
}

func (n *checkCounts) add(k *app.Check) {
	n.Total++
	if k.ConnectionStatus == belay.StatusMaintenance {
		n.Maintenance++
		return
	}
	switch k.Health {
	case belay.HealthHealthy:
		n.Healthy++
	case belay.HealthDegraded:
		n.Degraded++
	case belay.HealthUnhealthy:
		n.Unhealthy++
	case belay.HealthUnknown, belay.HealthUnchecked:
		n.Unknown++
	}
}

// checkSummary is what the test of many connections says.
type checkSummary struct {
	Checks  []check     `json:"checks"`
	Summary checkCounts `json:"summary"`
}

func newCheckSummary(checks []*app.Check, ignored int) checkSummary {
	s := checkSummary{Checks: make([]check, len(checks)), Summary: checkCounts{Ignored: ignored}}
	for i, k := range checks {
		s.Checks[i] = newCheck(k)
		s.Summary.add(k)
	}
	return s
}

// checkLine is one line of the test of an environment: how many connections
// are tested, a test that has begun, one of the checks, or how it ended.
type checkLine struct {
	Total   *int         `json:"total,omitempty"`
	Begun   *begunTest   `json:"begun,omitempty"`
	Check   *check       `json:"check,omitempty"`
	Summary *checkCounts `json:"summary,omitempty"`
	Problem *problem     `json:"problem,omitempty"`
}

// begunTest is the test of a connection that has begun.
type begunTest struct {
	ConnectionID   belay.ID `json:"connectionId"`
	ConnectionName string   `json:"connectionName"`
}

func (a *API) testEnvironment(r *request) (response, error) {
	org, id, err := r.act("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	if prefersAsync(r.Header.Values("Prefer")) {
		return a.startEnvironmentTest(r, org, id)
	}
	if media := wantsLines(r.Header.Values("Accept")); media != "" {
		return a.testInLines(r, org, id, media)
	}
	summary, err := a.testAll(r, org, id)
	if err != nil {
		return response{}, err
	}
	return response{body: summary}, nil
}

// testAll tests an environment for an answer that is written when all has
// ended.
func (a *API) testAll(r *request, org, id belay.ID) (checkSummary, error) {
	defer a.deadline(r).keep()()
	leftOut := 0
	checks, err := a.app.TestEnvironment(r.Context(), org, id, app.EnvironmentWatch{
		Counted: func(_, ignored int) { leftOut = ignored },
	})
	return newCheckSummary(checks, leftOut), err
}

func (a *API) startEnvironmentTest(r *request, org, id belay.ID) (response, error) {
	if err := a.app.StartEnvironmentTest(r.Context(), org, id); err != nil {
		return response{}, err
	}
	connections := strings.TrimSuffix(r.URL.Path, "/test") + "/connections"
	return response{status: http.StatusAccepted, header: map[string]string{
		"Preference-Applied": "respond-async", "Location": r.URL.Path,
	}, body: map[string]any{"environmentId": id, "connections": connections, "test": r.URL.Path}}, nil
}

// testUnderWay is the test of an environment that is under way.
type testUnderWay struct {
	UserID      belay.ID  `json:"userId"`
	StartedAt   time.Time `json:"startedAt"`
	Connections int       `json:"connections"`
	Begun       int       `json:"begun"`
	Done        int       `json:"done"`
	Cancelled   bool      `json:"cancelled"`
}

func (a *API) environmentTests(r *request) (response, error) {
	org, id, err := r.object("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	tests, err := a.app.EnvironmentTests(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	out := make([]testUnderWay, len(tests))
	for i, t := range tests {
		out[i] = testUnderWay(t)
	}
	return response{body: map[string]any{"environmentId": id, "tests": out}}, nil
}

func (a *API) cancelEnvironmentTest(r *request) (response, error) {
	org, id, err := r.act("environmentId", "environment")
	if err != nil {
		return response{}, err
	}
	var user belay.ID
	if q := r.URL.Query(); q.Has("userId") {
		if user, err = belay.ParseID(q.Get("userId")); err != nil {
			return response{}, belay.BadQuery("userId", "%s", err)
		}
	}
	return response{}, a.app.CancelEnvironmentTest(r.Context(), org, id, user)
}

// testInLines sends each check as it ends. An error after the first line can
// only be told in the last one. A client that does not take a line in time
// ends the test.
func (a *API) testInLines(r *request, org, id belay.ID, media string) (response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	l := a.lines(r, media)
	defer l.keep()()
	write := func(line checkLine) {
		if l.write(line) != nil {
			cancel() // nobody reads
		}
	}
	var counts checkCounts
	_, err := a.app.TestEnvironment(ctx, org, id, app.EnvironmentWatch{
		Counted: func(connections, ignored int) {
			counts.Ignored = ignored
			write(checkLine{Total: &connections})
		},
		Begun: func(v *belay.Connection) { write(checkLine{Begun: &begunTest{v.ID, v.Name}}) },
		Ended: func(k *app.Check) {
			counts.add(k)
			w := newCheck(k)
			write(checkLine{Check: &w})
		},
	})
	if !l.begun {
		return response{}, err
	}
	if err != nil {
		p := a.problem(r.Request, a.told(r.Request, err))
		write(checkLine{Problem: &p})
		return response{written: true}, nil
	}
	write(checkLine{Summary: &counts})
	return response{written: true}, nil
}
