package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
	"belay/store"
)

// losing is somebody who waits for tests that do not end, and what he tests
// with.
type losing struct {
	*belaytest.Server
	t                                  *testing.T
	ann, browser                       *belaytest.Client
	token                              *belay.Token
	session                            belay.ID
	team                               string
	workspace, environment, connection string
}

// newLosing makes somebody who reaches one connection by a team alone.
func newLosing(t *testing.T, s *belaytest.Server, name, target string) *losing {
	t.Helper()
	l := &losing{Server: s, t: t}
	a := s.Admin.In(t)
	l.environment = a.Post("/api/environments", object{"name": name}).Want(http.StatusCreated).ID()
	l.connection = a.Post("/api/integrations/connections", object{"name": name, "kind": "http", "url": target}).Want(http.StatusCreated).ID()
	a.Post("/api/environments/"+l.environment+"/connections/"+l.connection, nil).Want(http.StatusCreated)
	l.workspace = a.Post("/api/workspaces", object{"name": name}).Want(http.StatusCreated).ID()
	a.Post("/api/workspaces/"+l.workspace+"/environments/"+l.environment, nil).Want(http.StatusOK)
	user := s.NewUser(name)
	s.Join(s.Organization, user, belay.OrganizationMember)
	teams := "/api/identity/orgs/" + string(s.Organization) + "/teams"
	l.team = a.Post(teams, object{"name": name}).Want(http.StatusCreated).ID()
	a.Post(teams+"/"+l.team+"/users/"+string(user), nil).Want(http.StatusCreated)
	a.Post("/api/workspaces/"+l.workspace+"/teams/"+l.team, nil).Want(http.StatusOK)
	secret := s.Token(belay.Token{UserID: user})
	var err error
	if l.token, err = s.Store().TokenByHash(t.Context(), belay.HashToken(secret)); err != nil {
		t.Fatal(err)
	}
	l.ann, l.browser = s.Client(secret).In(t), s.Browser(user).In(t).With("Sec-Fetch-Site", "same-origin")
	l.ann.UserID = user
	l.session = belay.ID(l.browser.Get("/api/identity/sessions").Want(http.StatusOK).Items("sessions")[0]["id"].(string))
	return l
}

// write changes what is stored as another replica does: this one is told
// nothing.
func (l *losing) write(do func(ctx context.Context, tx *store.Tx) error) {
	l.t.Helper()
	if err := l.Store().Write(l.t.Context(), do); err != nil {
		l.t.Error(err)
	}
}

// TestAnswersEndWithTheRight takes from somebody what he tests with while he
// waits for a target that does not answer, for an environment and for a
// connection: within a second he is told that, and not what the target says.
func TestAnswersEndWithTheRight(t *testing.T) {
	target, began, _ := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform})
	for name, c := range map[string]struct {
		lose   func(l *losing)
		cookie bool
		want   belay.Code
	}{
		"revoked token": {lose: func(l *losing) {
			l.write(func(ctx context.Context, tx *store.Tx) error {
				return tx.RevokeToken(ctx, l.token.UserID, l.token.ID, time.Now())
			})
		}, want: belay.CodeUnauthenticated},
		"ended session": {lose: func(l *losing) {
			l.write(func(ctx context.Context, tx *store.Tx) error {
				return tx.DeleteSession(ctx, l.ann.UserID, l.session)
			})
		}, cookie: true, want: belay.CodeUnauthenticated},
		"removed member": {lose: func(l *losing) {
			l.write(func(ctx context.Context, tx *store.Tx) error {
				return tx.RemoveMember(ctx, l.Organization, l.ann.UserID)
			})
		}, want: belay.CodeNotFound},
		"weaker role": {lose: func(l *losing) {
			l.Admin.In(l.t).Post("/api/workspaces/"+l.workspace+"/teams/"+l.team, object{"role": "viewer"}).Want(http.StatusOK)
		}, want: belay.CodeForbidden},
		"left team": {lose: func(l *losing) {
			l.ann.Delete("/api/identity/orgs/" + string(l.Organization) + "/teams/" + l.team + "/users/" + string(l.ann.UserID)).Want(http.StatusNoContent)
		}, want: belay.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLosing(t, s, name, target)
			as := l.ann
			if c.cookie {
				as = l.browser
			}
			stream, whole, one := make(chan *belaytest.Answer, 1), make(chan *belaytest.Answer, 1), make(chan *belaytest.Answer, 1)
			connection, environment := "/api/integrations/connections/"+l.connection+"/test", "/api/environments/"+l.environment+"/test"
			go func() { stream <- as.With("Accept", "application/jsonl").Post(environment, nil) }()
			<-began
			go func() { one <- as.Post(connection, nil) }() // joins the test that is under way
			go func() { whole <- as.Post(environment, nil) }()
			(<-whole).Want(http.StatusConflict) // one at a time
			c.lose(l)
			lost := time.Now()
			lines := linesOf(t, (<-stream).Want(http.StatusOK).Body)
			last := lines[len(lines)-1]
			if last.Problem == nil || last.Problem.Code != c.want || len(lines) != 3 || lines[1].Begun == nil {
				t.Errorf("the stream is %+v, want one that was begun and then %s", lines, c.want)
			}
			(<-one).WantCode(c.want)
			if took := time.Since(lost); took > promised {
				t.Errorf("it took %v", took)
			}
		})
	}
}
