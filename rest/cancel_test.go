package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/belaytest"
)

// TestCancelEnvironmentTest cancels the test of an environment: by who began it
// and by who administers it, and by nobody else. It begins no more tests, and
// whoever waits for it is told.
func TestCancelEnvironmentTest(t *testing.T) {
	for name, ask := range map[string]struct {
		header, value string
		ended         func(*belaytest.Answer) bool
	}{
		"a document": {"Accept", "application/json", func(a *belaytest.Answer) bool { a.WantCode(belay.CodeConflict); return true }},
		"lines": {"Accept", "application/jsonl", func(a *belaytest.Answer) bool {
			lines := linesOf(t, a.Want(http.StatusOK).Body)
			last := lines[len(lines)-1]
			return len(lines) == 4 && lines[2].Check != nil && last.Problem != nil && last.Problem.Code == belay.CodeConflict
		}},
		"nobody waits": {"Prefer", "respond-async", func(a *belaytest.Answer) bool {
			return strings.HasSuffix(a.Want(http.StatusAccepted).Header.Get("Location"), "/test")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			target, began, finish := belaytest.HoldingTarget(t)
			s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
			owner := s.Member("owner")
			environment, _ := environmentOf(owner, slices.Repeat([]string{target}, 3)...)
			path := "/api/environments/" + environment + "/test"
			workspace := s.Admin.Post("/api/workspaces", object{"name": "team"}).Want(http.StatusCreated).ID()
			s.Admin.Post("/api/workspaces/"+workspace+"/environments/"+environment, nil).Want(http.StatusOK)
			ann, bob := s.MemberWith("ann", workspace, belay.RoleOperator), s.MemberWith("bob", workspace, belay.RoleEditor)

			ann.Delete(path).WantCode(belay.CodeNotFound)
			answered := make(chan *belaytest.Answer, 1)
			go func() { answered <- ann.With(ask.header, ask.value).Post(path, nil) }()
			<-began
			for who, want := range map[*belaytest.Client]int{ann: 1, owner: 1, s.Admin: 1, bob: 0} {
				tests := who.Get(path).Want(http.StatusOK).Items("tests")
				if len(tests) != want {
					t.Fatalf("%d tests are under way: %v", len(tests), tests)
				}
				if want > 0 && (tests[0]["userId"] != string(ann.UserID) || tests[0]["connections"] != 3.0 || tests[0]["done"] != 0.0 || tests[0]["cancelled"] != false) {
					t.Errorf("under way: %v", tests)
				}
			}
			bob.Delete(path).WantCode(belay.CodeNotFound)
			bob.Delete(path + "?userId=" + string(ann.UserID)).WantCode(belay.CodeNotFound)
			s.Admin.Delete(path).WantCode(belay.CodeNotFound) // which is his own
			switch name {
			case "lines":
				s.Admin.Delete(path + "?userId=" + string(ann.UserID)).Want(http.StatusNoContent)
			case "a document":
				owner.Delete(path + "?userId=" + string(ann.UserID)).Want(http.StatusNoContent)
			default:
				ann.Delete(path).Want(http.StatusNoContent)
			}
			if tests := ann.Get(path).Want(http.StatusOK).Items("tests"); len(tests) != 1 || tests[0]["cancelled"] != true {
				t.Errorf("cancelled, and under way: %v", tests)
			}
			finish()
			if !ask.ended(<-answered) {
				t.Error("it ends as if nobody had cancelled it")
			}
			untilNoneIsUnderWay(t, ann, path)
			if len(began) > 0 {
				t.Errorf("%d more were begun", len(began))
			}
			if log := s.Log(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the log says:\n%s", log)
			}
		})
	}
}

// untilNoneIsUnderWay waits for the end of what was begun and nobody waits for.
func untilNoneIsUnderWay(t *testing.T, a *belaytest.Client, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(a.Get(path).Want(http.StatusOK).Items("tests")) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the test of the environment does not end")
		}
	}
}

// TestEnvironmentIsTestedOnceAtATime refuses a second test beside the first,
// and says how that one is cancelled.
func TestEnvironmentIsTestedOnceAtATime(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform})
	environment, _ := environmentOf(s.Admin, target)
	path := "/api/environments/" + environment + "/test"
	s.Admin.With("Prefer", "respond-async").Post(path, nil).Want(http.StatusAccepted)
	<-began
	p := s.Admin.Post(path, nil).WantCode(belay.CodeConflict)
	if len(p.Remediation) != 1 || p.Remediation[0].ID != "environment.cancelTest" {
		t.Errorf("a second one is refused with %+v", p)
	}
	finish()
	untilNoneIsUnderWay(t, s.Admin, path)
	s.Admin.Post(path, nil).Want(http.StatusOK)
}
