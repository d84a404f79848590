package kindtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay"
)

func (s Suite) http(t *testing.T) {
	t.Run("good", func(t *testing.T) {
		endpoint, r := serve(t, s.guard(status(401)))
		report := s.test(t, s.target(endpoint), healthy)
		if outcome(report, belay.StageTLS) != belay.OutcomeSkipped || r.credential.Load() == 0 {
			t.Errorf("tls is %s, %d requests had the credential", outcome(report, belay.StageTLS), r.credential.Load())
		}
	})
	t.Run("behind a path", func(t *testing.T) {
		endpoint, _ := serve(t, http.StripPrefix("/behind", s.guard(status(401))))
		s.test(t, s.target(endpoint+"/behind"), healthy)
	})
	t.Run("closes after each answer", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Connection", "close")
			s.guard(status(401)).ServeHTTP(w, q)
		}))
		s.test(t, s.target(endpoint), healthy)
	})
	t.Run("rejected", s.rejected)
	t.Run("expired", s.expiredToken)
	t.Run("ending", s.ending)
	t.Run("missing", func(t *testing.T) {
		endpoint, _ := serve(t, s.guard(status(401)))
		target := s.target(endpoint)
		target.Credential = nil
		s.test(t, target, unhealthy(belay.CauseCredentialMissing, belay.StageAuthenticate))
	})
	t.Run("unsendable", func(t *testing.T) {
		endpoint, r := serve(t, s.guard(status(401)))
		target := s.target(endpoint)
		target.Credential = s.Bearer("kindtest-canary\r\nX-Injected: 1")
		s.test(t, target, unhealthy(belay.CauseCredentialRejected, belay.StageAuthenticate))
		if r.credential.Load() != 0 {
			t.Error("a token with a line break was sent")
		}
	})
	t.Run("clock", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Date", now()().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
			s.guard(status(401)).ServeHTTP(w, q)
		}))
		s.test(t, s.target(endpoint), want{health: belay.HealthDegraded, cause: belay.CauseClockSkew})
	})
	s.statuses(t)
}

// rejected checks that a wrong credential is sent once and not again.
func (s Suite) rejected(t *testing.T) {
	endpoint, r := serve(t, s.guard(status(401)))
	target := s.target(endpoint)
	target.Credential = s.Bearer("kindtest-canary-of-yesterday")
	s.test(t, target, unhealthy(belay.CauseCredentialRejected, belay.StageAuthenticate))
	if n := r.credential.Load(); n != 1 {
		t.Errorf("the rejected credential was sent %d times", n)
	}
}

func (s Suite) expiredToken(t *testing.T) {
	endpoint, _ := serve(t, s.guard(status(401)))
	for expires, cause := range map[time.Time]belay.Cause{
		now()().Add(-time.Hour): belay.CauseCredentialExpired,
		now()().Add(time.Hour):  belay.CauseCredentialRejected,
	} {
		target := s.target(endpoint)
		target.Credential = s.Bearer(unsigned(expires))
		s.test(t, target, unhealthy(cause, belay.StageAuthenticate))
	}
}

// ending checks that a credential which is taken, and ends soon or has ended,
// is warned of.
func (s Suite) ending(t *testing.T) {
	endpoint, _ := serve(t, s.Good)
	for left, want := range map[time.Duration]want{
		15 * 24 * time.Hour: healthy,
		13 * 24 * time.Hour: {health: belay.HealthDegraded, cause: belay.CauseCredentialExpiresSoon},
		-time.Minute:        {health: belay.HealthDegraded, cause: belay.CauseCredentialExpired},
	} {
		target := s.target(endpoint)
		target.Credential = s.Bearer(unsigned(now()().Add(left)))
		s.test(t, target, want)
	}
}

// unsigned is a JWT (RFC 7519) that nobody signed.
func unsigned(expires time.Time) string {
	claims, _ := json.Marshal(map[string]any{"sub": "kindtest", "exp": expires.Unix()})
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(claims) + "." + part([]byte("kindtest-canary-signature"))
}

func (s Suite) statuses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		want   want
	}{
		"forbidden":    {403, unhealthy(belay.CausePermissionMissing, belay.StageAuthorize)},
		"rate limited": {429, unhealthy(belay.CauseRateLimited, "")},
		"broken":       {500, unhealthy(belay.CauseUnexpectedStatus, "")},
		"not ready":    {503, unhealthy(s.NotReady, "")},
		"not found":    {404, unhealthy(belay.CauseWrongService, belay.StageProtocol)},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint, _ := serve(t, status(c.status))
			r := s.New(dialer(), now()).Test(t.Context(), s.target(endpoint))
			Check(t, r)
			if c.want.cause == belay.CauseWrongService && s.AnyService {
				c.want = unhealthy(belay.CauseUnexpectedStatus, belay.StageCapability)
			}
			if r.Cause != c.want.cause || (c.want.stage != "" && failed(r) != c.want.stage) {
				t.Errorf("got %q at %q, want %q at %q", r.Cause, failed(r), c.want.cause, c.want.stage)
			}
		})
	}
	t.Run("another service", func(t *testing.T) {
		endpoint, r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Welcome</title>"))
		}))
		w := unhealthy(belay.CauseWrongService, belay.StageProtocol)
		if s.AnyService {
			w = healthy
		}
		s.test(t, s.target(endpoint), w)
		if n := r.credential.Load(); n != 0 && !s.AnyService {
			t.Errorf("a target of another kind got the credential %d times", n)
		}
	})
	t.Run("TLS only", func(t *testing.T) {
		endpoint, _ := serveTLS(t, s.Good, authority().Server(), nil)
		plain := strings.Replace(endpoint, "https://", "http://", 1)
		s.test(t, s.target(plain), unhealthy(belay.CauseTLSProtocol, belay.StageProtocol))
	})
}
