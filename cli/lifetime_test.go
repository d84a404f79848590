package cli

import (
	"testing"
	"time"
)

func TestParseLife(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"1d": day, "30d": 30 * day, "2w": 14 * day, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "90s": 90 * time.Second,
		"": 0, "0d": 0, "-1d": 0, "d": 0, "30": 0, "1.5d": 0, "999999d": 0, "99999999999d": 0, "-5m": 0, "0s": 0, "never": 0, "1d12h": 0, "30 d": 0,
	} {
		if got, ok := parseLife(s); ok != (want > 0) || ok && got != want {
			t.Errorf("%q is %v, %v; want %v", s, got, ok, want)
		}
	}
}

func FuzzParseLife(f *testing.F) {
	f.Add("30d")
	f.Add("9223372036854775807w")
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := parseLife(s); ok && d <= 0 {
			t.Errorf("%q lives %v", s, d)
		}
	})
}

func TestServeLifetimes(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SESSION_IDLE": "30m"})
	writeFile(t, f.Home+"/belay.yaml", "session: {life: 1d}\n")
	var got ServeConfig
	f.Serve = recordServe(&got)
	f.run(t, exitDone, "serve", "--token-max-life", "30d", "--config", f.Home+"/belay.yaml")
	if got.TokenMaxLife != 30*24*time.Hour || got.SessionLife != 24*time.Hour || got.SessionIdle != 30*time.Minute {
		t.Errorf("got %+v", got)
	}
	f.run(t, exitDone, "serve", "--token-max-life", "never")
	if got.TokenMaxLife >= 0 || got.SessionLife != 12*time.Hour {
		t.Errorf("got %+v", got)
	}
	for flag, value := range map[string]string{"--token-max-life": "long", "--session-life": "never", "--session-idle": "30s"} {
		f.run(t, exitUsage, "serve", flag, value)
	}
}
