package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"belay"
)

func FuzzCallback(f *testing.F) {
	for _, text := range []string{
		"state=s&code=c", "state=s&code=c&iss=https://example.test", "state=s&error=access_denied&error_description=%1b[31m",
		"state=s&state=s&code=c", "code=c", "state=s&code=c&error=e", "%zz", "state=s;code=c",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, _ := url.ParseQuery(text) // what can be read of it
		c, err := parseCallback(query)
		if err != nil {
			if e, ok := errors.AsType[*belay.Error](err); !ok || e.Code != belay.CodeUnauthenticated || !printable(e.Error()) {
				t.Errorf("%q: %#v", text, err)
			}
			return
		}
		if c.state == "" || (c.code == "") == (c.failure == "") || len(query["state"]) != 1 {
			t.Errorf("%q gives %+v", text, c)
		}
		if c.failure == "" {
			return
		}
		if told := c.denied().Error(); !printable(told) || len(told) > 4*maxTold+500 {
			t.Errorf("%q is told as %q", text, told)
		}
	})
}

func TestSeenIsBounded(t *testing.T) {
	s := newSeen()
	s.limit = 3
	now := time.Unix(1_000_000, 0)
	for i := range 10 {
		id := fmt.Sprint(i)
		if !s.first(id, now.Add(time.Duration(i)*time.Minute), now) || s.first(id, now, now) {
			t.Errorf("token %s is taken for another", id)
		}
	}
	if len(s.tokens) != 3 {
		t.Errorf("%d tokens are remembered, want 3", len(s.tokens))
	}
	if s.first("9", now, now) || !s.first("8 again", now.Add(time.Hour), now.Add(time.Hour)) || len(s.tokens) != 1 {
		t.Errorf("left: %v", s.tokens)
	}
}
