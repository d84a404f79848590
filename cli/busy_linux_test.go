package cli

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay/app"
	"belay/belaytest"
)

// busyServer is one that has no room for the first requests that change
// something, and says when it has.
func busyServer(t *testing.T, refusals int32, retryAfter string) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"name":"prod"`) {
			t.Errorf("the body is %q", body)
		}
		if asked.Add(1) > refusals {
			_, _ = io.WriteString(w, `{"id":"id-e","name":"prod"}`)
			return
		}
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"title":"Too Many Requests","status":429,"detail":"no room","code":"rate_limited","requestId":"r"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// What a server has no room for is sent again, but not for ever, and not
// before the server wants it.
func TestBusyServerIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		refusals    int32
		after       string
		args        []string
		want, asked int
	}{
		"room at last":  {2, "0", nil, exitDone, 3},
		"after a while": {1, "1", nil, exitDone, 2},
		"never":         {1000, "0", nil, exitFailed, tries},
		"not soon":      {1, "31", nil, exitFailed, 1},
		"not in time":   {1, "5", []string{"--timeout", "4s"}, exitFailed, 1},
		"unsaid":        {1, "", nil, exitFailed, 1},
		"a date":        {1, "Sun, 22 Nov 2026 06:00:00 GMT", nil, exitFailed, 1},
		"negative":      {1, "-1", nil, exitFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := busyServer(t, c.refusals, c.after)
			f := newFixture(t, map[string]string{"BELAY_SERVER": url})
			f.run(t, c.want, append([]string{"environment", "create", "prod"}, c.args...)...)
			if got := int(asked.Load()); got != c.asked {
				t.Errorf("asked %d times, want %d", got, c.asked)
			}
			mustNotContain(t, f.err.String(), "asked again")
		})
	}
}

// Whoever waits for room can still leave.
func TestBusyServerIsLeft(t *testing.T) {
	url, asked := busyServer(t, 1000, "20")
	f := newFixture(t, map[string]string{"BELAY_SERVER": url})
	ctx, interrupt := context.WithCancel(t.Context())
	_, wait := f.begin(ctx, "environment", "create", "prod")
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	interrupt()
	if got := wait(); got != exitInterrupted {
		t.Errorf("status %d", got)
	}
}

// The tests of a server that has room for one at a time are made one after the
// other, however many are asked for; and one at a terminal is told of it.
func TestNoRoomForTests(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/held") {
			close(began)
			<-finish
		}
	}))
	t.Cleanup(target.Close)
	server := belaytest.Start(t, belaytest.Options{Limits: app.Limits{TestsPerUser: 1}})
	connection := func(name, path string) string {
		return server.Admin.Post("/api/integrations/connections", map[string]any{"name": name, "kind": "http", "url": target.URL + path}).Want(http.StatusCreated).ID()
	}
	environment := server.Admin.Post("/api/environments", map[string]any{"name": "prod"}).Want(http.StatusCreated).ID()
	server.Admin.Post("/api/environments/"+environment+"/connections/"+connection("free", "/free"), nil).Want(http.StatusCreated)
	held := connection("held", "/held")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Admin.Post("/api/integrations/connections/"+held+"/test", nil)
	}()
	<-began
	s := newScreen(t)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL(), "BELAY_TOKEN_FILE": server.DataDir + "/admin.token"})
	wait := s.start(t, f, "environment", "test", "prod")
	s.sees(t, "the server has no room for more at this moment; it is asked again in 5s")
	close(finish)
	<-ended
	if got := wait(); got != exitDone {
		t.Errorf("status %d:\n%s", got, s.shown())
	}
	s.sees(t, "1 connection healthy")
}
