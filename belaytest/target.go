package belaytest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// HoldingTarget is an http server at which every request waits until finish
// is called or its client gives up; until the test has ended at the latest.
// Each request that has come is received from began.
func HoldingTarget(t testing.TB) (url string, began <-chan struct{}, finish func()) {
	t.Helper()
	came, hold := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	finish = sync.OnceFunc(func() { close(hold) })
	t.Cleanup(func() {
		finish()
		s.Close()
	})
	return s.URL, came, finish
}
