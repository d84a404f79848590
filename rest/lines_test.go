package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWantsLines(t *testing.T) {
	for accept, want := range map[string]string{
		"":                    "",
		"*/*":                 "",
		"application/json":    "",
		"application/*":       "",
		"application/jsonl":   jsonLines,
		"APPLICATION/JSONL":   jsonLines,
		"application/jsonl;q": "",
		"application/x-ndjson, application/json;q=0.9":  jsonLinesOf,
		"application/json, application/jsonl;q=0.5":     "",
		"application/jsonl;q=0":                         "",
		"application/jsonl;q=2":                         "",
		"application/jsonl;q=NaN":                       "",
		"text/html, application/jsonl;q=0.1":            jsonLines,
		"application/jsonl;q=0.1\napplication/x-ndjson": jsonLinesOf,
	} {
		if got := wantsLines(strings.Split(accept, "\n")); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}

// pipes is a listener whose connections hold nothing: what is written waits
// until it is read.
type pipes struct{ made chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.made
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error {
	close(p.made)
	return nil
}

func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// Nobody on the way keeps an answer in lines: the next one is another.
func TestLinesAreNotKept(t *testing.T) {
	w := httptest.NewRecorder()
	l := new(API).lines(&request{Request: httptest.NewRequest(http.MethodPost, "/", http.NoBody), to: w}, jsonLines)
	if err := l.write(1); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

// TestLinesThatNobodyReads writes to a client that reads nothing, with the
// deadline being kept: a line that nobody takes ends it all the same.
func TestLinesThatNobodyReads(t *testing.T) {
	const patience = 20 * time.Millisecond
	a := &API{writeTimeout: patience}
	ended := make(chan error, 1)
	s := &http.Server{WriteTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := a.lines(&request{Request: r, to: w}, jsonLines)
		defer l.keep()()
		var err error
		for err == nil {
			err = l.write(strings.Repeat("x", 1000))
		}
		if again := l.write(1); again == nil {
			t.Error("after an error a line is written")
		}
		ended <- err
	})}
	listener := pipes{make(chan net.Conn)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	listener.made <- server
	if _, err := client.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("nothing went wrong")
		}
	case <-time.After(10 * time.Second):
		t.Error("a client that does not read holds the answer")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
