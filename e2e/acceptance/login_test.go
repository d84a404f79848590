package acceptance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay/belaytest"
	"belay/e2e/peers"
)

// laptop is a machine of somebody else than who runs the server.
type laptop struct {
	t    testing.TB
	n    *node
	home string
	env  []string
}

func newLaptop(t testing.TB, n *node, env ...string) *laptop {
	t.Helper()
	home := t.TempDir()
	browser := filepath.Join(home, "browser")
	// It leaves the address to the test, which goes there as a browser does.
	script := "#!/bin/sh\nprintf '%s' \"$1\" > " + home + "/opened.new && mv " + home + "/opened.new " + home + "/opened\n"
	if err := os.WriteFile(browser, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return &laptop{t: t, n: n, home: home, env: append([]string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "BROWSER=" + browser, "GORACE=" + os.Getenv("GORACE"),
	}, env...)}
}

// begin starts a command; the function returned waits for its end.
func (l *laptop) begin(stdin string, args ...string) (*output, func() ran) {
	l.t.Helper()
	var stdout bytes.Buffer
	stderr := &output{}
	c := exec.CommandContext(l.t.Context(), program(), args...)
	c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = l.home, l.env, strings.NewReader(stdin), &stdout, stderr
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	return stderr, func() ran {
		l.t.Helper()
		if err := c.Wait(); err != nil {
			if _, ok := errors.AsType[*exec.ExitError](err); !ok {
				l.t.Fatal(err)
			}
		}
		l.n.seen.add("the command line's output", stdout.Bytes(), []byte(stderr.String()))
		return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
	}
}

func (l *laptop) run(stdin string, args ...string) ran {
	l.t.Helper()
	_, wait := l.begin(stdin, args...)
	return wait()
}

// want runs a command that must end with a status, and wants texts of it.
func (l *laptop) want(status int, args []string, texts ...string) ran {
	l.t.Helper()
	r := l.run("", args...)
	if r.status != status {
		l.t.Fatalf("belay %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.stdout, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			l.t.Errorf("belay %s does not say %q:\n%s%s", strings.Join(args, " "), text, r.stdout, r.stderr)
		}
	}
	return r
}

// eventually waits for what comes about in another process.
func (l *laptop) eventually(what string, there func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(time.Minute); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("%s does not come about", what)
		}
	}
}

// browse goes to a page in a new browser, signed in by a link of the operator.
func (l *laptop) browse(address string) *belaytest.Pages {
	l.t.Helper()
	p, err := belaytest.NewPages()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.Close)
	if err := errors.Join(p.Open(address), p.SignIn(l.n.cli(l.t, "user", "sign-in-link", "-q"))); err != nil {
		l.t.Fatal(err)
	}
	return p
}

func (l *laptop) submit(p *belaytest.Pages, name, value string) {
	l.t.Helper()
	if err := p.Submit(map[string]string{name: value}); err != nil {
		l.t.Fatal(err)
	}
}

// login signs in with the browser of the laptop.
func (l *laptop) login(flags ...string) ran {
	l.t.Helper()
	opened := filepath.Join(l.home, "opened")
	_, wait := l.begin("", append([]string{"login", l.n.url, "--web", "--timeout", "1m"}, flags...)...)
	var address []byte
	l.eventually("the browser", func() bool {
		address, _ = os.ReadFile(opened)
		return len(address) > 0
	})
	if secretText.Match(address) {
		l.t.Errorf("an argument of the browser holds a secret: %s", address)
	}
	p := l.browse(string(address))
	if !strings.Contains(p.Body, "Belay command line") || !strings.Contains(p.Body, "127.0.0.1") {
		l.t.Errorf("the page does not say who asks: %s", p.Body)
	}
	l.submit(p, "answer", "allow")
	if err := os.Remove(opened); err != nil {
		l.t.Fatal(err)
	}
	r := wait()
	if r.status != 0 {
		l.t.Fatalf("belay login: exit status %d\n%s", r.status, r.stderr)
	}
	return r
}

// letIn signs somebody in with the command line of another machine, by leave
// of the browser that c is.
func (c *client) letIn() *laptop {
	c.t.Helper()
	l := newLaptop(c.t, c.node)
	_, wait := l.begin("", "login", c.node.url, "--web", "--insecure-storage", "--timeout", "1m")
	var address []byte
	l.eventually("the browser", func() bool {
		address, _ = os.ReadFile(filepath.Join(l.home, "opened"))
		return len(address) > 0
	})
	page, err := url.Parse(string(address))
	if err != nil {
		c.t.Fatal(err)
	}
	form := page.Query()
	form.Set("answer", "allow")
	back := c.send(http.MethodPost, page.Path, "application/x-www-form-urlencoded", []byte(form.Encode())).want(http.StatusSeeOther)
	answer, err := http.Get(back.header.Get("Location"))
	if err != nil {
		c.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if r := wait(); r.status != 0 {
		c.t.Fatalf("belay login ends with %d: %s%s", r.status, r.stdout, r.stderr)
	}
	return l
}

var secretText = regexp.MustCompile(`bl[yarc]_[0-9A-Za-z]{20}`)

// A12: tokens come from the environment, a file, standard input or the
// system's keyring; never from a command-line argument.
func TestA12_WhereTokensComeFrom(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		token := strings.TrimSpace(n.cli(t, "token", "create", "ci", "-q"))
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		server := "BELAY_SERVER=" + n.url
		newLaptop(t, n, server).want(4, []string{"whoami"}, "belay login "+n.url)
		newLaptop(t, n, server, "BELAY_TOKEN="+token).want(0, []string{"whoami", "-o", "table"}, "admin@localhost", "token from", "BELAY_TOKEN", "API token")
		newLaptop(t, n, server, "BELAY_TOKEN_FILE="+file).want(0, []string{"whoami", "-o", "table"}, "BELAY_TOKEN_FILE ("+file+")")

		piped := newLaptop(t, n)
		if r := piped.run(token, "login", n.url, "--with-token", "--insecure-storage"); r.status != 0 {
			t.Fatalf("standard input: %d %s", r.status, r.stderr)
		}
		piped.want(0, []string{"whoami", "-o", "table"}, "credentials.yaml, 0600")

		ring, err := peers.NewKeyring(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ring.Close)
		kept := newLaptop(t, n, "DBUS_SESSION_BUS_ADDRESS="+ring.Address)
		if r := kept.login(); !strings.Contains(r.stderr, "Token stored in the system keyring") {
			t.Errorf("signing in says %s", r.stderr)
		}
		kept.want(0, []string{"whoami", "-o", "table"}, "belay login, in the system keyring")
		err = filepath.WalkDir(kept.home, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if secretText.Match(text) {
				t.Errorf("%s holds a token", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}

		for _, args := range [][]string{{"whoami", "--token", token}, {"whoami", token}, {"whoami", "--token=" + token}, {"login", n.url, "--with-token=" + token}, {"api", "GET", "/api/user?token=" + token}} {
			r := kept.want(2, args, "not accepted on the command line")
			if strings.Contains(r.stdout+r.stderr, token) {
				t.Errorf("%v shows the token", args)
			}
		}
		kept.want(0, []string{"logout"})
		kept.want(4, []string{"whoami"})
	})
}

// A15: whoami in API and CLI, and belay doctor, test the authentication set-up
// and say what is wrong.
func TestA15_WhoamiAndDoctor(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		l := newLaptop(t, n, "SSH_CONNECTION=x")
		shown, wait := l.begin("", "login", n.url, "--device", "--insecure-storage", "--timeout", "1m")
		code := regexp.MustCompile(`open  (\S+/device)  and enter\n +([A-Z]{4}-[A-Z]{4}) `)
		l.eventually("the code", func() bool { return code.MatchString(shown.String()) })
		m := code.FindStringSubmatch(shown.String())
		p := l.browse(m[1])
		l.submit(p, "code", m[2])
		for _, text := range []string{"Belay command line", m[2], "127.0.0.1", "UTC", "If somebody has sent it to you, deny it"} {
			if !strings.Contains(p.Body, text) {
				t.Errorf("the page does not say %q: %s", text, p.Body)
			}
		}
		l.submit(p, "answer", "allow")
		if r := wait(); r.status != 0 || !strings.Contains(r.stderr, "Signed in as admin@localhost") {
			t.Fatalf("%d %s", r.status, r.stderr)
		}

		var me struct {
			Email          string
			Authentication struct{ Method, ExpiresAt string }
		}
		if err := json.Unmarshal([]byte(l.want(0, []string{"whoami", "-o", "json"}).stdout), &me); err != nil || me.Email != "admin@localhost" || me.Authentication.Method != "session" || me.Authentication.ExpiresAt == "" {
			t.Errorf("the API says %+v, %v", me, err)
		}
		l.want(0, []string{"whoami", "-o", "table"}, "admin@localhost", "belay login", "credentials.yaml, 0600", "until")
		l.want(0, []string{"whoami", "--permissions"}, "connection:use")
		l.want(0, []string{"doctor", "-o", "table"}, "✓ server", "✓ clock", "✓ token", "! storage", "fix: install a secret service", "✓ provider", "✓ access")

		file := filepath.Join(l.home, ".config", "belay", "credentials.yaml")
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		l.want(7, []string{"doctor", "-o", "table"}, "x permissions", "fix: chmod 600 ")
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		l.want(7, []string{"doctor", "--server", "http://127.0.0.1:1", "-o", "table"}, "x server", "cannot reach")
		var found struct {
			Checks []struct{ Name, Status, Fix string }
		}
		n.cli(t, "session", "revoke", "--all", "--yes")
		r := l.want(7, []string{"doctor", "-o", "json"})
		if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
			t.Fatal(err)
		}
		last := found.Checks[len(found.Checks)-1]
		if last.Name != "token" || last.Status != "failed" || !strings.Contains(last.Fix, "belay login "+n.url+" --name local") {
			t.Errorf("of a session that was ended the doctor says %+v", last)
		}
		l.want(4, []string{"connection", "list"}, "sign in again: belay login "+n.url+" --name local")
	})
}
