package server_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/belaytest"
)

// TestStopEndsTheTestOfAnEnvironment stops a server that tests an environment
// for a client which reads line by line, and others which do not: each is told
// why it ends, and no connection is tested any more.
func TestStopEndsTheTestOfAnEnvironment(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Limits: app.Limits{TestsPerUser: 1}})
	begin := func(name string) string {
		e := s.Admin.Post("/api/environments", map[string]any{"name": name}).Want(http.StatusCreated).ID()
		for _, n := range []string{"one", "two"} {
			v := s.Admin.Post("/api/integrations/connections", map[string]any{"name": name + n, "kind": "http", "url": target}).Want(http.StatusCreated).ID()
			s.Admin.Post("/api/environments/"+e+"/connections/"+v, nil).Want(http.StatusCreated)
		}
		return "/api/environments/" + e + "/test"
	}
	user := func(name string) *belaytest.Client {
		id := s.NewUser(name)
		s.Join(s.Organization, id, belay.OrganizationAdmin)
		return s.Client(s.Token(belay.Token{UserID: id}))
	}
	lines, document := make(chan *belaytest.Answer, 1), make(chan *belaytest.Answer, 1)
	inLines, whole, nobody := begin("lines"), begin("document"), begin("nobody")
	ann, bob := user("ann"), user("bob")
	go func() { lines <- s.Admin.With("Accept", "application/jsonl").Post(inLines, nil) }()
	go func() { document <- ann.Post(whole, nil) }()
	bob.With("Prefer", "respond-async").Post(nobody, nil).Want(http.StatusAccepted)
	for range 3 {
		<-began
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	untilNobodyListens(t, s.URL())
	finish()
	body := string((<-lines).Want(http.StatusOK).Body)
	all := strings.Split(strings.TrimSpace(body), "\n")
	if len(all) != 4 || !strings.Contains(all[2], `"check"`) || !strings.Contains(all[3], `"problem"`) || !strings.Contains(all[3], string(belay.CodeUnavailable)) {
		t.Errorf("the lines are %s", body)
	}
	(<-document).WantCode(belay.CodeUnavailable)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if len(began) > 0 {
		t.Errorf("%d more tests were begun", len(began))
	}
	if log := s.Log(); !strings.Contains(log, "ended before all was tested") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log says:\n%s", log)
	}
}

// TestStopBreaksTestsOff stops a server while targets do not answer: who waits
// for a test is told before the connection to him is closed.
func TestStopBreaksTestsOff(t *testing.T) {
	target, began, _ := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{})
	v := s.Admin.Post("/api/integrations/connections", map[string]any{"name": "slow", "kind": "http", "url": target, "check": map[string]any{"timeoutSeconds": 30}}).Want(http.StatusCreated).ID()
	answered := make(chan *belaytest.Answer, 1)
	go func() { answered <- s.Admin.Post("/api/integrations/connections/"+v+"/test", nil) }()
	<-began
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	(<-answered).WantCode(belay.CodeUnavailable)
}

// untilNobodyListens returns once the server has begun to stop.
func untilNobodyListens(t *testing.T, url string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return
		}
		_ = c.Close()
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the server goes on listening")
}
