package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"belay/app"
	"belay/belaytest"
)

// TestWhatIsMuted tests an environment of which one connection is in
// maintenance, one is ignored before the test and another one while it runs:
// maintenance counts as that alone, and what is ignored is left out.
func TestWhatIsMuted(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	environment, connections := environmentOf(s.Admin, target, closedTarget(t), closedTarget(t), closedTarget(t), closedTarget(t))
	state := func(i int, status string) {
		s.Admin.Put("/api/integrations/connections/"+connections[i], object{"status": status}).Want(http.StatusOK)
	}
	state(1, "maintenance")
	state(2, "ignored")
	path := "/api/environments/" + environment + "/test"
	answered := make(chan *belaytest.Answer, 1)
	go func() { answered <- s.Admin.With("Accept", "application/jsonl").Post(path, nil) }()
	<-began
	state(3, "ignored")
	finish()
	lines := linesOf(t, (<-answered).Want(http.StatusOK).Body)
	counts := map[string]int{"total": 3, "healthy": 1, "degraded": 0, "unhealthy": 1, "unknown": 0, "maintenance": 1, "ignored": 1}
	if got := lines[len(lines)-1].Summary; *lines[0].Total != 4 || fmt.Sprint(got) != fmt.Sprint(counts) {
		t.Errorf("%d of which %v", *lines[0].Total, got)
	}
	var tested []string
	for _, l := range lines {
		if l.Check != nil {
			tested = append(tested, l.Check.ConnectionName+" "+l.Check.ConnectionStatus+" "+l.Check.Health)
		}
	}
	if want := []string{"c000 connected healthy", "c001 maintenance unhealthy", "c004 registered unhealthy"}; !slices.Equal(tested, want) {
		t.Errorf("tested: %q", tested)
	}

	var whole struct {
		Checks  []struct{ ConnectionName, ConnectionStatus string }
		Summary map[string]int
	}
	s.Admin.Post(path, nil).Want(http.StatusOK).Decode(&whole)
	counts["ignored"] = 2
	if len(whole.Checks) != 3 || whole.Checks[1].ConnectionName != "c001" || fmt.Sprint(whole.Summary) != fmt.Sprint(counts) {
		t.Errorf("as a document: %+v", whole)
	}

	// Named, it is tested all the same.
	one := s.Admin.Post("/api/integrations/connections/"+connections[2]+"/test", nil).Want(http.StatusOK).Object()
	if one["connectionName"] != "c002" || one["connectionStatus"] != "ignored" || one["health"] != "unhealthy" {
		t.Errorf("named: %v", one)
	}
	past := s.Admin.Get("/api/integrations/connections/" + connections[2] + "/checks").Want(http.StatusOK).Items("checks")
	if len(past) != 1 || past[0]["connectionName"] != "c002" || past[0]["connectionStatus"] != nil {
		t.Errorf("its history: %v", past)
	}
}
