package rest_test

import (
	"net/http"
	"strconv"
	"testing"

	"belay"
	"belay/app"
	"belay/belaytest"
)

// TestTooManyTests holds the only test that there may be at a target: the
// next one is told when to come back.
func TestTooManyTests(t *testing.T) {
	target, began, finish := belaytest.HoldingTarget(t)
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	draft := object{"kind": "http", "url": target}
	first := make(chan *belaytest.Answer, 1)
	go func() { first <- s.Admin.Post("/api/integrations/connections/test", draft) }()
	<-began
	answer := s.Admin.Post("/api/integrations/connections/test", draft).Want(http.StatusTooManyRequests)
	p := answer.WantCode(belay.CodeRateLimited)
	wantText(t, p, "one user can have at once", "repeat the request")
	if after, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	finish()
	(<-first).Want(http.StatusOK)
}
