package httpkind_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"belay"
	"belay/egress"
	"belay/kind/httpkind"
)

// Two secrets that a test of a target must not tell apart: whatever somebody
// asks for who does not know which of them a connection has.
const (
	hidden  = "QZ/XJ+VW=YQX&VZJ~WXQ"
	another = "KB/GU+FE=HKG&FBU~EGK"
)

func tokenOf(token string) *belay.Material {
	return &belay.Material{Type: belay.CredentialBearer, Values: map[string]belay.Secret{"token": belay.SecretString(token)}}
}

func passwordOf(user, password string) *belay.Material {
	return &belay.Material{Type: belay.CredentialBasic, Values: map[string]belay.Secret{
		"username": belay.SecretString(user), "password": belay.SecretString(password),
	}}
}

// outcome is all that a test of a target by these settings shows, but for the
// time that it took.
func outcome(t *testing.T, d *httpkind.Driver, endpoint string, m *belay.Material, settings map[string]any) string {
	t.Helper()
	config, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Test(t.Context(), belay.Target{Endpoint: endpoint, Config: config, Credential: m, Timeout: 10 * time.Second})
	for i := range r.Stages {
		r.Stages[i].Duration = 0
	}
	delete(r.Facts, "latencyMs")
	return fmt.Sprintf("%+v", r)
}

// alike wants two credentials to make no difference.
func alike(t *testing.T, d *httpkind.Driver, endpoint string, a, b *belay.Material, settings map[string]any) {
	t.Helper()
	if x, y := outcome(t, d, endpoint, a, settings), outcome(t, d, endpoint, b, settings); x != y {
		t.Fatalf("%q tells:\n%s\n%s", settings, x, y)
	}
}

// echoing answers with what f makes of a request.
func echoing(t *testing.T, f func(*http.Request) string) (string, *httpkind.Driver) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := f(r)
		w.Header().Set("Server", strings.Map(func(c rune) rune {
			if c < ' ' {
				return -1
			}
			return c
		}, text))
		_, _ = fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	d, err := httpkind.New(builtin(t, "http"), &egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, d
}

func TestAnEchoedSecretCannotBeGuessedBySettings(t *testing.T) {
	each := func(format string) func(string) string {
		return func(s string) string {
			var out strings.Builder
			for _, c := range []byte(s) {
				fmt.Fprintf(&out, format, c)
			}
			return out.String()
		}
	}
	quoted := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	swap := func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}
	for name, form := range map[string]func(string) string{
		"plain":          func(s string) string { return s },
		"JSON":           quoted,
		"JSON of PHP":    func(s string) string { return strings.ReplaceAll(quoted(s), "/", `\/`) },
		"JSON, escaped":  each(`\u%04x`),
		"HTML":           html.EscapeString,
		"HTML, escaped":  each("&#x%x;"),
		"query":          url.QueryEscape,
		"percent":        each("%%%02X"),
		"hex":            func(s string) string { return hex.EncodeToString([]byte(s)) },
		"base64":         func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 for URL": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"other case":     func(s string) string { return strings.Map(swap, s) },
		"header, base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("[" + s + "]")) },
	} {
		t.Run(name, func(t *testing.T) {
			echo := func(r *http.Request) string {
				return form(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			}
			endpoint, d := echoing(t, echo)
			whole := form(hidden)
			for n := 1; n <= len(whole); n++ {
				alike(t, d, endpoint, tokenOf(hidden), tokenOf(another), map[string]any{"contains": whole[:n]})
				alike(t, d, endpoint, tokenOf(hidden), tokenOf(another), map[string]any{"contains": whole[len(whole)-n:]})
			}
		})
	}
}

func TestAnEchoedPasswordCannotBeGuessedBySettings(t *testing.T) {
	endpoint, d := echoing(t, func(r *http.Request) string { return r.Header.Get("Authorization") })
	whole := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+hidden))
	for n := 1; n <= len(whole); n++ {
		alike(t, d, endpoint, passwordOf("u", hidden), passwordOf("u", another), map[string]any{"contains": whole[:n]})
	}
}

func TestAnEchoedSecretCannotBeGuessedByJSON(t *testing.T) {
	const number, other = "83119427560", "83119427561"
	for _, body := range []string{`{"v": "%s"}`, `{"%s": "v"}`, `{"v": %s}`, `{"v": %s.0}`} {
		endpoint, d := echoing(t, func(r *http.Request) string {
			return fmt.Sprintf(body, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		})
		for _, settings := range []map[string]any{
			{"jsonPointer": "/v", "jsonEquals": json.RawMessage(number)},
			{"jsonPointer": "/v", "jsonEquals": number},
			{"jsonPointer": "/" + number},
			{"jsonPointer": "/v", "contains": number[:4]},
		} {
			alike(t, d, endpoint, tokenOf(number), tokenOf(other), settings)
		}
	}
}

// A target repeats what it is asked for. That the scrubber knows a guess must
// not tell that it is right.
func TestAReflectedGuessTellsNothing(t *testing.T) {
	for name, reflect := range map[string]func(*http.Request) string{
		"as sent": func(r *http.Request) string { return "(" + r.RequestURI + ")" },
		"decoded": func(r *http.Request) string { return "(" + r.URL.Query().Get("q") + ")" },
		"JSON": func(r *http.Request) string {
			b, _ := json.Marshal(map[string]string{"(": r.URL.Query().Get("q"), ")": r.Header.Get("Authorization")})
			return string(b)
		},
		"HTML":          func(r *http.Request) string { return "(" + html.EscapeString(r.URL.Query().Get("q")) + ")" },
		"both":          func(r *http.Request) string { return r.URL.Query().Get("q") + "()" + r.Header.Get("Authorization") },
		"one in two":    func(r *http.Request) string { return r.Header.Get("Authorization") + r.URL.Query().Get("q") },
		"not reflected": func(r *http.Request) string { return "(" + r.Header.Get("Authorization") + ")" },
	} {
		t.Run(name, func(t *testing.T) {
			endpoint, d := echoing(t, reflect)
			for n := 1; n <= len(hidden); n++ {
				path := "/?q=" + url.QueryEscape(hidden[:n])
				alike(t, d, endpoint, tokenOf(hidden), tokenOf(another), map[string]any{"path": path, "contains": hidden[:n]})
				alike(t, d, endpoint, tokenOf(hidden), tokenOf(another), map[string]any{"path": path, "contains": "(" + hidden[:n] + ")"})
				alike(t, d, endpoint, tokenOf(hidden), tokenOf(another), map[string]any{"path": path, "status": []int{404}})
			}
		})
	}
}

func TestFactsAreTakenFromWhatMayBeShown(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s up", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	defer server.Close()
	script := `{"protocol": [{}], "capability": [{"facts": {"piece": {"matches": "^.(.{4})"}, "digits": {"matches": "[0-9]{4}", "number": true}, "up": {"matches": "up$"}}}]}`
	d, err := httpkind.New(belay.Kind{Test: json.RawMessage(script)}, &egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Test(t.Context(), belay.Target{Endpoint: server.URL, Credential: tokenOf("73915820466"), Timeout: 10 * time.Second})
	if got := fmt.Sprint(r.Facts); got != "map[piece:reda up:up]" {
		t.Errorf("got %s", got)
	}
}
