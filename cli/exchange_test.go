package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answering is a transport that answers each request with a stream of lines.
type answering func() io.ReadCloser

// RoundTrip answers; the body ends with the request's context, as a
// connection's does.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body := a()
	stop := func() { _ = body.Close() }
	go func() {
		<-r.Context().Done()
		stop()
	}()
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Body: body,
		Header: http.Header{"Content-Type": {jsonLines}},
	}, nil
}

// streamed reads a stream that is answered by a, with the patience of a
// second for each line, and returns how many lines came.
func streamed(t *testing.T, a answering) (int, error) {
	t.Helper()
	base, err := url.Parse("http://belay.example")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{
		base: base, http: &http.Client{Transport: a}, timeout: time.Second, now: time.Now,
		newID: func() string { return "request-1" },
	}
	n := 0
	err = c.lines(t.Context(), request{method: http.MethodPost, path: "/api/x"}, func(json.RawMessage) error {
		n++
		return nil
	})
	return n, err
}

// A stream may take as long as it wants, as long as each line comes in time.
func TestPatienceIsForEachLine(t *testing.T) {
	for _, c := range []struct {
		name  string
		waits []time.Duration
		lines int
		exit  int
	}{
		{"long as a whole", []time.Duration{900 * time.Millisecond, 900 * time.Millisecond, 900 * time.Millisecond}, 3, exitDone},
		{"one too late", []time.Duration{900 * time.Millisecond, 1100 * time.Millisecond}, 1, exitPartly},
		{"the first too late", []time.Duration{1100 * time.Millisecond}, 0, exitPartly},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var writing sync.WaitGroup
				n, err := streamed(t, func() io.ReadCloser {
					r, w := io.Pipe()
					writing.Go(func() {
						for _, wait := range c.waits {
							time.Sleep(wait)
							_, _ = io.WriteString(w, "{}\n")
						}
						_ = w.Close()
					})
					return r
				})
				writing.Wait()
				exit := exitDone
				if f, ok := errors.AsType[*failure](err); ok {
					exit = f.exit
				}
				if n != c.lines || exit != c.exit || (err == nil) != (c.exit == exitDone) {
					t.Errorf("%d lines and %v, want %d lines and status %d", n, err, c.lines, c.exit)
				}
			})
		})
	}
}

// repeated is a line of a length, some times over, without the memory for it.
func repeated(length, times int) io.Reader {
	var parts []io.Reader
	for range times {
		parts = append(parts, io.LimitReader(spaces{}, int64(length-1)), bytes.NewReader([]byte("\n")))
	}
	return io.MultiReader(parts...)
}

type spaces struct{}

// Read fills p.
func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// The limit on what is read is one on a line, not on the stream: a large
// environment is more than a line may be.
func TestLimitIsForEachLine(t *testing.T) {
	for _, c := range []struct {
		length, times, lines int
		fails                bool
	}{
		{maxAnswer/2 + 1, 2, 2, false},
		{maxAnswer + 1, 1, 0, true},
	} {
		n, err := streamed(t, func() io.ReadCloser { return io.NopCloser(repeated(c.length, c.times)) })
		if n != c.lines || (err != nil) != c.fails {
			t.Errorf("%d times %d bytes: %d lines and %v", c.times, c.length, n, err)
		}
	}
}
