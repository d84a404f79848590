package app

import (
	"context"
	"time"

	"belay"
)

// EnvironmentTest is the test of an environment that is under way in this
// process.
type EnvironmentTest struct {
	UserID      belay.ID // who began it
	StartedAt   time.Time
	Connections int  // that are to be tested
	Begun       int  // of which the test has begun
	Done        int  // which have ended, or were left out when their turn came
	Cancelled   bool // it begins no more, and ends with those under way: also when who waited for it has left
}

// errCancelled ends the test of an environment that somebody has cancelled.
var errCancelled = belay.Errorf(belay.CodeConflict, "the test of the environment was cancelled; what is left was not tested")

// inTheWay refuses a second test of an environment beside the first, of which
// nothing is left to cancel once it is cancelled.
func (t *environmentRun) inTheWay(e *Environment) error {
	if t.cancelled.Err() != nil {
		return belay.Errorf(belay.CodeConflict, "your test of this environment is cancelled, and ends with what has begun; repeat this when it has ended")
	}
	err := belay.Errorf(belay.CodeConflict, "you are testing this environment already; wait until that has ended: its checks are those of the connections")
	err.Remedy = []belay.Remedy{{
		ID: "environment.cancelTest", Title: "Cancel the test that is under way",
		Description: "It begins no more tests of connections; those under way end by themselves.",
		Action:      &belay.RemedyAction{Method: "DELETE", Href: "/api/environments/" + string(e.ID) + "/test"},
		Command:     belay.CommandLine("belay", "environment", "test", e.Name, "--cancel"),
	}}
	return err
}

// EnvironmentTests returns the tests of an environment that are under way in
// this process, the oldest first: the caller's own, and everybody's for who
// administers it, its owner and the administrators of the organization.
func (a *App) EnvironmentTests(ctx context.Context, org, id belay.ID) ([]EnvironmentTest, error) {
	c, e, err := a.findEnvironment(ctx, org, id, belay.PermissionEnvironmentRead)
	if err != nil {
		return nil, err
	}
	var out []EnvironmentTest
	for _, t := range a.running.of(e.ID) {
		if !t.heeds(c, e) {
			continue
		}
		out = append(out, EnvironmentTest{
			UserID: t.caller.UserID, StartedAt: t.startedAt, Connections: len(t.connections),
			Begun: int(t.begun.Load()), Done: int(t.done.Load()), Cancelled: t.cancelled.Err() != nil,
		})
	}
	return out, nil
}

// CancelEnvironmentTest cancels the test of an environment that a user began,
// "" for the caller himself: it begins no more tests of connections and ends
// with those under way, which CodeConflict tells who waits for it. Another
// one's test can be cancelled by who administers the environment; for others,
// and where none is under way, there is none.
func (a *App) CancelEnvironmentTest(ctx context.Context, org, id, user belay.ID) error {
	c, e, err := a.findEnvironment(ctx, org, id, belay.PermissionConnectionUse)
	if err != nil {
		return err
	}
	if user == "" {
		user = c.UserID
	}
	for _, t := range a.running.of(e.ID) {
		if t.caller.UserID == user && t.heeds(c, e) {
			t.cancel()
			return nil
		}
	}
	return belay.NotFound("test of this environment under way")
}

// heeds tells whether a caller may see and cancel a test.
func (t *environmentRun) heeds(c caller, e *Environment) bool {
	return t.caller.UserID == c.UserID || c.admin || e.OwnerID == c.UserID
}
