package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

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
			environment, _ := environmentOf(s.Admin, slices.Repeat([]string{target}, 3)...)
			path := "/api/environments/" + environment + "/test"
			workspace := s.Admin.Post("/api/workspaces", object{"name": "team"}).Want(http.StatusCreated).ID()
			s.Admin.Post("/api/workspaces/"+workspace+"/environments/"+environment, nil).Want(http.StatusOK)
			ann, bob := s.MemberWith("ann", workspace, belay.RoleOperator), s.MemberWith("bob", workspace, belay.RoleEditor)

			ann.Delete(path).WantCode(belay.CodeNotFound)
			answered := make(chan *belaytest.Answer, 1)
			go func() { answered <- ann.With(ask.header, ask.value).Post(path, nil) }()
			<-began
			for who, want := range map[*belaytest.Client]int{ann: 1, s.Admin: 1, bob: 0} {
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
			if refused := string(ann.Post(path, nil).Body); !strings.Contains(refused, "rate_limited") && !strings.Contains(refused, "environment.cancelTest") {
				t.Errorf("a second one is refused with %s", refused)
			}
			if name == "lines" {
				s.Admin.Delete(path + "?userId=" + string(ann.UserID)).Want(http.StatusNoContent)
			} else {
				ann.Delete(path).Want(http.StatusNoContent)
			}
			if tests := ann.Get(path).Want(http.StatusOK).Items("tests"); len(tests) != 1 || tests[0]["cancelled"] != true {
				t.Errorf("cancelled, and under way: %v", tests)
			}
			finish()
			if !ask.ended(<-answered) {
				t.Error("it ends as if nobody had cancelled it")
			}
			for len(ann.Get(path).Want(http.StatusOK).Items("tests")) > 0 {
				continue // until nobody waits for what was begun
			}
			if len(began) > 0 {
				t.Errorf("%d more were begun", len(began))
			}
			if log := s.Log(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the log says:\n%s", log)
			}
		})
	}
}
