package kindtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"belay"
)

func (s Suite) attacks(t *testing.T) {
	t.Run("echoing", s.echoing)
	t.Run("redirecting elsewhere", s.redirectingElsewhere)
	t.Run("redirecting to another port by name", func(t *testing.T) {
		endpoint, _ := serve(t, http.RedirectHandler("https://127.0.0.1/", http.StatusPermanentRedirect))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseRedirectedElsewhere, belay.StageProtocol))
	})
	t.Run("redirecting to metadata", func(t *testing.T) {
		endpoint, _ := serve(t, http.RedirectHandler("http://169.254.169.254/latest/", http.StatusFound))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseRedirectedElsewhere, belay.StageProtocol))
	})
	t.Run("redirecting within", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if path, inner := strings.CutPrefix(q.URL.Path, "/new"); inner || q.Method == http.MethodPost {
				q.URL.Path = path
				s.guard(status(401)).ServeHTTP(w, q)
				return
			}
			http.Redirect(w, q, "/new"+q.URL.RequestURI(), http.StatusFound)
		}))
		s.test(t, s.target(endpoint), healthy)
	})
	t.Run("redirecting for ever", func(t *testing.T) {
		endpoint, r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, q.URL.Path+"x", http.StatusFound)
		}))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseUnexpectedStatus, belay.StageProtocol))
		if n := r.requests.Load(); n > 4 {
			t.Errorf("%d requests were made", n)
		}
	})
	t.Run("huge body", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(endless{}, 64<<20))
		}))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseResponseTooLarge, belay.StageProtocol))
	})
	t.Run("huge headers", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Huge", strings.Repeat("x", 1<<20))
		}))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseResponseTooLarge, belay.StageProtocol))
	})
	t.Run("control characters", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "\x1b[2J\x00\u202egnp.exe\r\n"+strings.Repeat("\xff long", 1000))
		}))
		s.test(t, s.target(endpoint), unhealthy(belay.CausePermissionMissing, belay.StageAuthorize))
	})
}

// echoing targets send the credential back in every form, with each status by
// which a driver might quote them.
func (s Suite) echoing(t *testing.T) {
	for _, code := range []int{200, 400, 401, 403, 404, 418, 429, 500, 503} {
		for i := range len(echoes(token)) {
			t.Run(fmt.Sprint(code, " ", i), func(t *testing.T) {
				endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					sent, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
					if !ok {
						w.WriteHeader(http.StatusUnauthorized)
						return
					}
					echo := echoes(sent)[i]
					w.Header().Set("Server", echo)
					w.WriteHeader(code)
					_, _ = fmt.Fprintf(w, "{\"gitVersion\": \"v1 %s\", \"platform\": %q}\nnot known: %s", echo, echo, echo)
				}))
				target := s.target(endpoint)
				r := s.New(dialer(), now()).Test(t.Context(), target)
				Check(t, r)
				Conceals(t, r, target.Credential)
			})
		}
	}
	t.Run("in a redirect", func(t *testing.T) {
		endpoint, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			sent, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
			if !ok {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Location", "https://elsewhere.test/"+sent)
			w.WriteHeader(http.StatusFound)
		}))
		target := s.target(endpoint)
		s.test(t, target, unhealthy(belay.CauseRedirectedElsewhere, belay.StageProtocol))
	})
}

// redirectingElsewhere checks that a redirect is not followed to another
// server, with the credential or without.
func (s Suite) redirectingElsewhere(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		elsewhere, r := serve(t, s.Good)
		endpoint, _ := serve(t, http.RedirectHandler(elsewhere+"/", code))
		s.test(t, s.target(endpoint), unhealthy(belay.CauseRedirectedElsewhere, belay.StageProtocol))

		guarded, _ := serve(t, s.guard(func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Authorization") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			http.Redirect(w, q, elsewhere+q.URL.Path, code)
		}))
		target := s.target(guarded)
		target.Credential = s.Bearer("kindtest-canary-of-yesterday")
		report := s.New(dialer(), now()).Test(t.Context(), target)
		Check(t, report)
		if report.Cause != belay.CauseRedirectedElsewhere {
			t.Errorf("status %d: got %q", code, report.Cause)
		}
		if r.requests.Load() != 0 {
			t.Errorf("status %d: the other server got %d requests", code, r.requests.Load())
		}
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
