package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"belay"
	"belay/app"
	"belay/belaytest"
)

// TestTooManyTests holds the only test that there may be at a target: the
// next one is told when to come back.
func TestTooManyTests(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case began <- struct{}{}:
			<-finish
		case <-finish:
		}
	}))
	defer silent.Close()
	s := belaytest.Start(t, belaytest.Options{Transport: mustContract(t).conform, Limits: app.Limits{TestsPerUser: 1}})
	draft := object{"kind": "http", "url": silent.URL}
	first := make(chan *belaytest.Answer, 1)
	go func() { first <- s.Admin.Post("/api/integrations/connections/test", draft) }()
	<-began
	answer := s.Admin.Post("/api/integrations/connections/test", draft).Want(http.StatusTooManyRequests)
	p := answer.WantCode(belay.CodeRateLimited)
	wantText(t, p, "one user can have at once", "repeat the request")
	if after, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
	}
	close(finish)
	(<-first).Want(http.StatusOK)
}
