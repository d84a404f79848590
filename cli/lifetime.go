package cli

import (
	"regexp"
	"strconv"
	"time"
)

// never is how a life without an end is written.
const never = "never"

// lifeWords are a number of days or weeks, which time.ParseDuration does not
// know.
var lifeWords = regexp.MustCompile(`^(\d{1,6})([dw])$`)

// parseLife reads how long something is to live: a number of days (30d) or
// weeks (2w), or hours and minutes (12h30m). ok is false for anything else,
// and for what is not longer than nothing.
func parseLife(s string) (d time.Duration, ok bool) {
	if m := lifeWords.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > 100*366 {
			return 0, false
		}
		d = time.Duration(n) * 24 * time.Hour
		if m[2] == "w" {
			d *= 7
		}
		return d, d > 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// shortestIdle is the least that --session-idle can be: when a session was
// last used is kept to the minute.
const shortestIdle = time.Minute

// lifetimes reads how long tokens and sessions live.
func (c *serve) lifetimes(conf *ServeConfig) error {
	for _, l := range []struct {
		flag, given string
		to          *time.Duration
	}{
		{"--token-max-life", c.TokenMaxLife, &conf.TokenMaxLife},
		{"--session-life", c.SessionLife, &conf.SessionLife},
		{"--session-idle", c.SessionIdle, &conf.SessionIdle},
	} {
		if l.given == never && l.to == &conf.TokenMaxLife {
			*l.to = -1
			continue
		}
		d, ok := parseLife(l.given)
		if !ok {
			return usage("%s %q is not a time such as 30d or 12h", l.flag, l.given)
		}
		*l.to = d
	}
	if conf.SessionIdle < shortestIdle {
		return usage("--session-idle must be at least %s", shortestIdle)
	}
	return nil
}
