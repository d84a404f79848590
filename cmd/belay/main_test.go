package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"belay/belaytest"
	"belay/e2e/peers"
)

func TestMain(m *testing.M) {
	testscript.Main(withProgram{m}, map[string]func(){"browser": func() { os.Exit(browse()) }})
}

// withProgram runs the tests with the program in their path.
type withProgram struct{ *testing.M }

func (m withProgram) Run() int {
	dir, err := os.MkdirTemp("", "belay-scripts-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = belaytest.BuildProgram(dir)
	}
	if err == nil {
		err = os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.M.Run()
}

// TestScripts runs what a user could type. Each script has a home directory
// of its own, and no terminal. Besides belay it has the commands
//
//	status N PROGRAM ARGUMENTS…   run it, and want exit status N
//	server start [FLAGS…]         run belay serve; BELAY_SERVER is its address
//	server stop                   interrupt it, and want it to end well; what it
//	                              wrote is in server.out and server.log
//	allow FILE LINK               answer the program that waits with the code in
//	                              FILE, signed in by the link in LINK
//	keyring                       start a keyring on a session bus of its own
//	authority FILE                make a certificate authority that has signed
//	                              nothing, in PEM
//
// and in variables the addresses of what it can connect to: $WEB answers, $TLS
// answers with a certificate that nobody known has signed,
// $GUARDED answers only user "metrics" with the password "correct-horse",
// $CLOSED refuses connections.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status, "server": serverCommand, "authority": authority, "allow": allow, "keyring": startKeyring},
	})
}

func setUp(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("LANG", "C.UTF-8")
	env.Setenv("CI", "")
	web := httptest.NewServer(http.HandlerFunc(answer))
	guarded := httptest.NewServer(http.HandlerFunc(answerMetrics))
	env.Defer(web.Close)
	env.Defer(guarded.Close)
	encrypted := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that must fail
	encrypted.StartTLS()
	env.Defer(encrypted.Close)
	env.Setenv("WEB", web.URL)
	env.Setenv("TLS", encrypted.URL)
	env.Setenv("GUARDED", guarded.URL)
	closed, err := closedAddress()
	if err != nil {
		return err
	}
	env.Setenv("CLOSED", closed)
	env.Values[runningKey{}] = &process{}
	return os.Mkdir(home, 0o755)
}

func answer(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") }

func answerMetrics(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != "metrics" || password != "correct-horse" {
		w.Header().Set("WWW-Authenticate", `Basic realm="metrics"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer(w, r)
}

// closedAddress is one at which nothing listens.
func closedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + l.Addr().String(), l.Close()
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program arguments...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%v ended with %d, want %d", args[1:], got, want)
	}
}

// runningKey is under what name a script keeps its running server.
type runningKey struct{}

type process struct {
	*exec.Cmd
	out   *bufio.Reader
	lines strings.Builder // of standard output
}

func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: server start [flags...] | server stop")
	case args[0] == "start":
		startServer(ts, args[1:])
	case args[0] == "stop":
		ts.Check(running(ts).stop())
		ts.Check(os.WriteFile(ts.MkAbs("server.out"), []byte(running(ts).lines.String()), 0o600))
	}
}

func authority(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: authority file")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "foreign"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
}

func running(ts *testscript.TestScript) *process { return ts.Value(runningKey{}).(*process) }

func startServer(ts *testscript.TestScript, flags []string) {
	cmd := exec.Command(inPath(ts, "belay"), append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
	for _, name := range []string{"HOME", "PATH", "BELAY_DATA_DIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p := running(ts)
	*p = process{Cmd: cmd, out: bufio.NewReader(out)}
	ts.Defer(func() { _ = p.stop() })
	for {
		line, err := p.out.ReadString('\n')
		p.lines.WriteString(line)
		if _, url, ok := strings.Cut(line, "ready at "); ok {
			ts.Setenv("BELAY_SERVER", strings.TrimSpace(url))
			return
		}
		if err != nil {
			ts.Fatalf("the server did not start:\n%s", ts.ReadFile("server.log"))
		}
	}
}

// stop interrupts a server and waits for its end. One that has been stopped
// already is left alone.
func (p *process) stop() error {
	if p.ProcessState != nil {
		return nil
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if _, err := io.Copy(&p.lines, p.out); err != nil {
		return err
	}
	return p.Wait()
}

func inPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); isFile(path) {
			return path
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// userCode is what a program shows that waits to be allowed on another device.
var userCode = regexp.MustCompile(`open +(\S+) +and enter\s+([A-Z]{4}-[A-Z]{4})`)

func allow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: allow file link")
	}
	ts.Check(allowCode(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// allowCode waits until a code stands in a file, and allows what shows it.
func allowCode(file, link string) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(file)
		if m := userCode.FindSubmatch(text); m != nil {
			return answerPage(string(m[1]), link, "allow", string(m[2]))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no code is shown: %s", text)
		}
	}
}

func startKeyring(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: keyring")
	}
	dir, err := os.MkdirTemp("", "keyring-")
	ts.Check(err)
	k, err := peers.NewKeyring(dir)
	ts.Check(err)
	ts.Defer(func() {
		k.Close()
		_ = os.RemoveAll(dir)
	})
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", k.Address)
}
