package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/belaytest"
	"belay/store"
)

// checkLine is a line of the test of an environment.
type checkLine struct {
	Total *int
	Begun *struct{ ConnectionID, ConnectionName string }
	Check *struct {
		ConnectionID, ConnectionName, ConnectionStatus, Health string
	}
	Summary map[string]int
	Problem *struct{ Code belay.Code }
}

func linesOf(t *testing.T, body []byte) []checkLine {
	t.Helper()
	var out []checkLine
	for line := range bytes.Lines(body) {
		var l checkLine
		if err := json.Unmarshal(line, &l); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			t.Fatalf("%v: %q", err, line)
		}
		out = append(out, l)
	}
	return out
}

// environmentOf puts connections to some targets into a new environment.
func environmentOf(a *belaytest.Client, targets ...string) (environment string, connections []string) {
	environment = a.Post("/api/environments", object{"name": fmt.Sprintf("of %d", len(targets))}).Want(http.StatusCreated).ID()
	for i, target := range targets {
		c := object{"name": fmt.Sprintf("c%03d", i), "kind": "http", "url": target}
		connections = append(connections, a.Post("/api/integrations/connections", c).Want(http.StatusCreated).ID())
	}
	path := "/api/environments/" + environment + "/connections"
	a.With("If-Match", "*").Put(path, object{"connectionIds": connections}).Want(http.StatusOK)
	return environment, connections
}

// closedTarget is one that refuses connections.
func closedTarget(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// TestEnvironmentOfManyTargets tests many targets, some slow and some dead, on
// a server that gives a client much less time to read than all that takes. The
// answer is whole, as a document and in lines.
func TestEnvironmentOfManyTargets(t *testing.T) {
	const writeTimeout = time.Second
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(3 * writeTimeout / 2) }))
	t.Cleanup(slow.Close)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, WriteTimeout: writeTimeout})
	targets := slices.Repeat([]string{closedTarget(t)}, 60)
	targets = append(targets, slices.Repeat([]string{slow.URL}, 2)...)
	environment, connections := environmentOf(s.Admin, targets...)
	path := "/api/environments/" + environment + "/test"

	var whole struct {
		Checks  []struct{ ConnectionID string }
		Summary map[string]int
	}
	s.Admin.Post(path, nil).Want(http.StatusOK).Decode(&whole)
	counts := map[string]int{"total": 62, "healthy": 2, "degraded": 0, "unhealthy": 60, "unknown": 0, "maintenance": 0, "ignored": 0}
	if len(whole.Checks) != 62 || whole.Checks[61].ConnectionID != connections[61] || fmt.Sprint(whole.Summary) != fmt.Sprint(counts) {
		t.Errorf("%d checks, %v", len(whole.Checks), whole.Summary)
	}
	lines := linesOf(t, s.Admin.With("Accept", "application/jsonl").Post(path, nil).Want(http.StatusOK).Body)
	if len(lines) != 126 || lines[0].Total == nil || *lines[0].Total != 62 || fmt.Sprint(lines[125].Summary) != fmt.Sprint(counts) {
		t.Fatalf("%d lines: %+v", len(lines), lines)
	}
	begun, tested := map[string]string{}, map[string]bool{}
	for _, l := range lines[1:125] {
		if l.Begun != nil {
			begun[l.Begun.ConnectionID] = l.Begun.ConnectionName
			continue
		}
		tested[l.Check.ConnectionID] = true
		if begun[l.Check.ConnectionID] != l.Check.ConnectionName {
			t.Errorf("%s was tested and not begun", l.Check.ConnectionName)
		}
	}
	if len(tested) != 62 || len(begun) != 62 {
		t.Errorf("%d connections were tested, %d begun", len(tested), len(begun))
	}
}

// TestMediaOfLines asks for the lines of an environment in which nothing is.
func TestMediaOfLines(t *testing.T) {
	w := newWorld(t)
	environment := w.Admin.Post("/api/environments", object{"name": "empty"}).Want(http.StatusCreated).ID()
	for _, media := range []string{"application/jsonl", "application/x-ndjson"} {
		answer := w.Admin.With("Accept", media).Post("/api/environments/"+environment+"/test", nil).Want(http.StatusOK)
		if lines := linesOf(t, answer.Body); answer.Header.Get("Content-Type") != media || len(lines) != 2 || *lines[0].Total != 0 || lines[1].Summary == nil {
			t.Errorf("%s: %q, %s", media, answer.Header.Get("Content-Type"), answer.Body)
		}
	}
}

// TestRightsAreLostDuringATest takes from a member what he tests with while
// the first of several connections is tested: no other is begun.
func TestRightsAreLostDuringATest(t *testing.T) {
	for name, lose := range map[string]func(s *belaytest.Server, token *belay.Token, workspace, environment string) belay.Code{
		"the token": func(s *belaytest.Server, token *belay.Token, _, _ string) belay.Code {
			err := s.Store().Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return tx.RevokeToken(ctx, token.UserID, token.ID, time.Now())
			})
			if err != nil {
				t.Error(err)
			}
			return belay.CodeUnauthenticated
		},
		"the environment": func(s *belaytest.Server, _ *belay.Token, workspace, environment string) belay.Code {
			s.Admin.Delete("/api/workspaces/" + workspace + "/environments/" + environment).Want(http.StatusNoContent)
			return belay.CodeNotFound
		},
	} {
		t.Run(name, func(t *testing.T) {
			target, began, finish := belaytest.HoldingTarget(t)
			s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
			environment, connections := environmentOf(s.Admin, target, target, target)
			workspace := s.Admin.Post("/api/workspaces", object{"name": "team"}).Want(http.StatusCreated).ID()
			s.Admin.Post("/api/workspaces/"+workspace+"/environments/"+environment, nil).Want(http.StatusOK)
			member := s.MemberWith("ann", workspace, belay.RoleEditor)
			secret := s.Token(belay.Token{UserID: member.UserID})
			ann := s.Client(secret)
			token, err := s.Store().TokenByHash(t.Context(), belay.HashToken(secret))
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan *belaytest.Answer, 1)
			go func() {
				answered <- ann.With("Accept", "application/jsonl").Post("/api/environments/"+environment+"/test", nil)
			}()
			<-began
			want := lose(s, token, workspace, environment)
			finish()
			lines := linesOf(t, (<-answered).Want(http.StatusOK).Body)
			if c := lines[2].Check; c != nil && c.ConnectionID == connections[0] { // not where the loss was noticed first
				lines = slices.Delete(lines, 2, 3)
			}
			if len(lines) != 3 || lines[1].Begun == nil || lines[2].Problem == nil || lines[2].Problem.Code != want {
				t.Errorf("%+v, want one that was begun, its check and then %s", lines, want)
			}
		})
	}
}

// TestSignedOutDuringATest ends the session, or the administrator's role, with
// which an environment is tested.
func TestSignedOutDuringATest(t *testing.T) {
	for name, lose := range map[string]func(s *belaytest.Server, browser *belaytest.Client) belay.Code{
		"the session": func(_ *belaytest.Server, browser *belaytest.Client) belay.Code {
			browser.Post("/user/logout", nil).Want(http.StatusSeeOther)
			return belay.CodeUnauthenticated
		},
		"the role": func(s *belaytest.Server, browser *belaytest.Client) belay.Code {
			s.Join(s.Organization, browser.UserID, belay.OrganizationMember)
			return belay.CodeNotFound
		},
	} {
		t.Run(name, func(t *testing.T) {
			target, began, finish := belaytest.HoldingTarget(t)
			s := belaytest.Start(t, belaytest.Options{Limits: app.Limits{TestsPerUser: 1}})
			environment, _ := environmentOf(s.Admin, target, target)
			user := s.NewUser("bob")
			s.Join(s.Organization, user, belay.OrganizationAdmin)
			browser := s.Browser(user).With("Sec-Fetch-Site", "same-origin")
			answered := make(chan *belaytest.Answer, 1)
			go func() { answered <- browser.Post("/api/environments/"+environment+"/test", nil) }()
			<-began
			want := lose(s, browser)
			finish()
			(<-answered).WantCode(want)
		})
	}
}

// TestSessionEndsDuringATest lets time go by while an environment is tested
// from a browser, until its session is at its end, or unused for too long.
func TestSessionEndsDuringATest(t *testing.T) {
	for name, used := range map[string]time.Duration{"idle": 0, "expired": 12*time.Hour - time.Minute} {
		t.Run(name, func(t *testing.T) {
			target, began, finish := belaytest.HoldingTarget(t)
			clock := belaytest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			s := belaytest.Start(t, belaytest.Options{Clock: clock.Now, Limits: app.Limits{TestsPerUser: 1}})
			environment, _ := environmentOf(s.Admin, target, target)
			user := s.NewUser("bob")
			s.Join(s.Organization, user, belay.OrganizationAdmin)
			browser := s.Browser(user).With("Sec-Fetch-Site", "same-origin")
			for range used / time.Hour {
				clock.Advance(time.Hour)
				browser.Get("/api/user").Want(http.StatusOK)
			}
			clock.Advance(used % time.Hour)
			answered := make(chan *belaytest.Answer, 1)
			go func() { answered <- browser.Post("/api/environments/"+environment+"/test", nil) }()
			<-began
			if used == 0 {
				clock.Advance(2*time.Hour + time.Minute)
			} else {
				clock.Advance(2 * time.Minute)
			}
			finish()
			(<-answered).WantCode(belay.CodeUnauthenticated)
		})
	}
}

// TestConnectionIsLostDuringATest deletes a connection before its turn: it is
// left out, and what is left is tested.
func TestConnectionIsLostDuringATest(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	environment, connections := environmentOf(s.Admin, target, target, target)
	answered := make(chan *belaytest.Answer, 1)
	go func() { answered <- s.Admin.Post("/api/environments/"+environment+"/test", nil) }()
	<-began
	s.Admin.Delete("/api/integrations/connections/" + connections[1]).Want(http.StatusNoContent)
	finish()
	body := string((<-answered).Want(http.StatusOK).Body)
	if !strings.Contains(body, connections[0]) || strings.Contains(body, connections[1]) || !strings.Contains(body, connections[2]) {
		t.Errorf("tested: %s", body)
	}
}

// TestConnectionIsTakenOutDuringATest takes a connection out of the environment
// before its turn: it is left out, though the caller may still use it.
func TestConnectionIsTakenOutDuringATest(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Limits: app.Limits{TestsPerUser: 1}})
	environment, connections := environmentOf(s.Admin, target, target, target)
	path := "/api/environments/" + environment
	answered := make(chan *belaytest.Answer, 1)
	go func() { answered <- s.Admin.Post(path+"/test", nil) }()
	<-began
	s.Admin.Delete(path + "/connections/" + connections[1]).Want(http.StatusNoContent)
	finish()
	body := string((<-answered).Want(http.StatusOK).Body)
	if !strings.Contains(body, connections[0]) || strings.Contains(body, connections[1]) || !strings.Contains(body, connections[2]) {
		t.Errorf("tested: %s", body)
	}
}

// TestUseIsLostDuringATest takes from a member the right to one connection in
// an environment of his own, before its turn: it is left out.
func TestUseIsLostDuringATest(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Limits: app.Limits{TestsPerUser: 1}})
	shared, lent := environmentOf(s.Admin, target)
	workspace := s.Admin.Post("/api/workspaces", object{"name": "team"}).Want(http.StatusCreated).ID()
	s.Admin.Post("/api/workspaces/"+workspace+"/environments/"+shared, nil).Want(http.StatusOK)
	ann := s.MemberWith("ann", workspace, belay.RoleEditor)
	path := "/api/environments/" + ann.Post("/api/environments", object{"name": "ann's"}).Want(http.StatusCreated).ID()
	own := ann.Post("/api/integrations/connections", object{"name": "a", "kind": "http", "url": target}).Want(http.StatusCreated).ID()
	for _, id := range []string{own, lent[0]} {
		ann.Post(path+"/connections/"+id, nil).Want(http.StatusCreated)
	}
	answered := make(chan *belaytest.Answer, 1)
	go func() { answered <- ann.Post(path+"/test", nil) }()
	<-began
	s.Admin.Delete("/api/workspaces/" + workspace + "/environments/" + shared).Want(http.StatusNoContent)
	finish()
	if body := string((<-answered).Want(http.StatusOK).Body); !strings.Contains(body, own) || strings.Contains(body, lent[0]) {
		t.Errorf("tested: %s", body)
	}
}

// TestAsyncEnvironmentTest starts the test of an environment without waiting
// for it. It has its slot until it ends.
func TestAsyncEnvironmentTest(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	environment, connections := environmentOf(s.Admin, target, target)
	path := "/api/environments/" + environment + "/test"
	answer := s.Admin.With("Prefer", "respond-async").Post(path, nil).Want(http.StatusAccepted)
	if got := answer.Header.Get("Preference-Applied"); got != "respond-async" {
		t.Errorf("Preference-Applied is %q", got)
	}
	<-began
	for name, client := range map[string]*belaytest.Client{"plain": s.Admin, "lines": s.Admin.With("Accept", "application/jsonl"), "async": s.Admin.With("Prefer", "respond-async")} {
		refused := client.Post(path, nil).Want(http.StatusTooManyRequests)
		if refused.WantCode(belay.CodeRateLimited); refused.Header.Get("Retry-After") == "" {
			t.Errorf("%s: it is not said when to come back", name)
		}
	}
	finish()
	<-began
	for ended := false; !ended; {
		ended = true
		for _, v := range s.Admin.Get("/api/environments/" + environment + "/connections").Want(http.StatusOK).Items("connections") {
			health, _ := v["health"].(map[string]any)
			ended = ended && health["status"] == "healthy"
		}
	}
	for _, id := range connections {
		if checks := s.Admin.Get("/api/integrations/connections/" + id + "/checks").Items("checks"); len(checks) != 1 {
			t.Errorf("%d checks", len(checks))
		}
	}
}

// TestAsyncEnvironmentTestEndsWithTheServer closes a server that tests an
// environment for nobody: it does not wait for the connections that are left.
func TestAsyncEnvironmentTestEndsWithTheServer(t *testing.T) {
	target, began, _ := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	environment, _ := environmentOf(s.Admin, slices.Repeat([]string{target}, 20)...)
	s.Admin.With("Prefer", "respond-async").Post("/api/environments/"+environment+"/test", nil).Want(http.StatusAccepted)
	<-began
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if len(began) > 0 {
		t.Errorf("%d more tests were begun", len(began))
	}
	if strings.Contains(s.Log(), "level=ERROR") {
		t.Errorf("it is logged as an error:\n%s", s.Log())
	}
}
