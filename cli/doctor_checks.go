package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"belay"
)

// What the doctor warns of.
const (
	skewWarning        = 30 * time.Second
	skewFailure        = 5 * time.Minute // tokens are taken for older or younger than they are
	certificateWarning = 14 * 24 * time.Hour
)

// config looks at the files on this machine, and at the variables.
func (d *diagnosis) config() {
	in := d.in
	d.ok("config", "%s", in.shortPath(in.configFile))
	switch {
	case in.set.context.text == "":
		d.ok("context", "none; the server is %s (from %s)", in.set.server.text, in.set.server.origin)
	case !in.set.own:
		d.warning("context", "unset what overrides it: belay config list --show-origin", "%s, but the server is %s (from %s)",
			in.set.context.text, in.set.server.text, in.set.server.origin)
	default:
		d.ok("context", "%s · %s", in.set.context.text, in.set.server.text)
	}
	var unknown []string
	for _, pair := range in.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "BELAY_") && !slices.Contains(slices.Concat(serveVariables(), clientVariables), name) && !linkVariable.MatchString(name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		d.warning("environment", "see: belay help environment", "%s: no such setting", strings.Join(unknown, ", "))
	}
	d.files()
}

// files looks at who else can read the files that hold tokens, and write the
// one that says where they go.
func (d *diagnosis) files() {
	if runtime.GOOS == "windows" {
		return // what may be done with a file is not in its mode
	}
	in := d.in
	credentials, err := in.credentialsPath()
	if err != nil {
		return
	}
	for _, f := range []struct {
		path      string
		forbidden fs.FileMode
		mode      string
	}{
		{credentials, 0o077, "600"},
		{in.env("BELAY_TOKEN_FILE"), 0o077, "600"},
		{in.set.tokenFile.text, 0o077, "600"},
		{in.configFile, 0o022, "600"},
		{in.localTokenFile(), 0o077, "600"},
	} {
		i, err := os.Stat(f.path)
		if f.path == "" || err != nil {
			continue
		}
		if i.Mode().Perm()&f.forbidden == 0 {
			d.ok("permissions", "%s, %04o", in.shortPath(f.path), i.Mode().Perm())
			continue
		}
		d.failed("permissions", belay.CommandLine("chmod", f.mode, f.path), "%s is open to other users of this machine (%04o)", in.shortPath(f.path), i.Mode().Perm())
	}
}

// server asks the server who it is. What comes next needs it to answer.
func (d *diagnosis) server(ctx context.Context) bool {
	in := d.in
	if err := in.startedHere(); err != nil {
		d.failure("server", err)
		return false
	}
	c, err := in.connect(in.set.peer())
	if err != nil {
		d.failure("tls", err)
		return false
	}
	c.dataDir = in.env("BELAY_DATA_DIR")
	defer c.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, c.patience(request{}))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(in.set.base.String(), "/")+"/healthz/ready", http.NoBody)
	if err != nil {
		d.failure("server", err)
		return false
	}
	began := in.Now()
	res, err := c.http.Do(req)
	if err != nil {
		d.failure("server", c.unreachable(err, req))
		return false
	}
	defer res.Body.Close()
	version := res.Header.Get("Belay-Version")
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // an answer that breaks off says less
	switch {
	case version == "" && wantsTLS(res.StatusCode, body):
		d.failure("server", c.wantsTLS())
		return false
	case version == "":
		d.failed("server", "is the address right? see: belay config list --show-origin", "%s answers, but is no Belay server", in.set.base.Host)
		return false
	case res.StatusCode != http.StatusOK:
		d.failed("server", "its log says why", "%s answers %s: it cannot work now", in.set.base.Host, res.Status)
	default:
		d.ok("server", "%s answers in %s", in.set.base.Host, in.Now().Sub(began).Round(time.Millisecond))
	}
	d.version(version)
	d.tls(res.TLS)
	d.clock(res.Header.Get("Date"), began)
	return true
}

func (d *diagnosis) version(server string) {
	if server == d.in.Version {
		d.ok("version", "%s, as this program", server)
		return
	}
	if release(server) == release(d.in.Version) && release(server) != "" {
		d.ok("version", "server %s, this program %s, compatible", server, d.in.Version)
		return
	}
	d.warning("version", "use a belay of the server's version where something is not understood", "server %s, this program %s", server, d.in.Version)
}

// release is the part of a version within which nothing is taken away; "" for
// what is no version.
func release(version string) string {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 {
		return ""
	}
	if parts[0] == "0" {
		return parts[0] + "." + parts[1]
	}
	return parts[0]
}

func (d *diagnosis) tls(state *tls.ConnectionState) {
	switch {
	case state == nil && loopback(d.in.set.base):
		d.ok("tls", "none; the server is on this machine")
		return
	case state == nil:
		d.failed("tls", "use its address with https://, or let something in front of it speak TLS", "none: whoever is on the way to %s can read the token", d.in.set.base.Host)
		return
	}
	cert := state.PeerCertificates[0]
	left := cert.NotAfter.Sub(d.in.Now())
	if left < certificateWarning {
		d.warning("tls", "whoever runs the server should renew its certificate", "%s, trusted, but valid only until %s", tls.VersionName(state.Version), cert.NotAfter.UTC().Format(time.DateOnly))
		return
	}
	d.ok("tls", "%s, chain valid, %s left", tls.VersionName(state.Version), age(left))
}

// clock compares this machine's clock with the server's, which says its time to
// the second.
func (d *diagnosis) clock(date string, began time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		d.warning("clock", "", "the server does not say its time")
		return
	}
	middle := began.Add(d.in.Now().Sub(began) / 2)
	skew := middle.Sub(at.Add(500 * time.Millisecond)).Round(100 * time.Millisecond)
	const fix = "set this machine's clock, and the server's, by NTP"
	switch size := max(skew, -skew); {
	case size > skewFailure:
		d.failed("clock", fix, "this machine's differs from the server's by %s", skew)
	case size > skewWarning:
		d.warning("clock", fix, "this machine's differs from the server's by %s", skew)
	default:
		d.ok("clock", "skew %s", size)
	}
}

// token looks at what one is signed in with, and as whom.
func (d *diagnosis) token(ctx context.Context) {
	in := d.in
	token, from, err := in.token()
	if err != nil {
		d.failure("token", err)
		return
	}
	if token.IsZero() {
		d.failed("token", in.loginCommand(), "none: nobody is signed in to %s", in.set.base.Host)
		return
	}
	res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/user"})
	if narrowToken(err) {
		d.ok("token", "%s; from %s", narrowWords, from)
		d.storage()
		return
	}
	if err != nil {
		d.failure("token", err)
		return
	}
	me, err := newItem(res.body)
	if err != nil {
		d.failure("token", err)
		return
	}
	how, until := in.signedInBy(me)
	switch ends := in.http.tokenEnds.Load(); {
	case ends != nil:
		d.warning("token", "belay token rotate, or "+in.loginCommand(), "%s, from %s, but it ends soon: %s", how, from, ends.UTC().Format(time.RFC3339))
	case until == never:
		d.ok("token", "%s, which never expires, from %s", how, from)
	default:
		d.ok("token", "%s, until %s, from %s", how, until, from)
	}
	d.storage()
	d.account(ctx, me)
}

func (d *diagnosis) storage() {
	in := d.in
	switch {
	case !in.byLogin():
	case in.set.login.Storage == keptInKeyring:
		d.ok("storage", "the token is in the system keyring")
	case (keyringVault{in.Keyring}).probe() == nil:
		d.warning("storage", in.loginCommand(), "the token is in %s, though there is a keyring", in.storedIn(keptInFile))
	default:
		d.warning("storage", "install a secret service, then "+in.loginCommand(), "the token is in %s (no keyring)", in.storedIn(keptInFile))
	}
}

// account looks at whom the token is of, and what he may.
func (d *diagnosis) account(ctx context.Context, me item) {
	in := d.in
	provider := me.text("provider")
	all, _, err := in.providers(ctx)
	switch _, known := all[provider]; {
	case err != nil:
		d.failure("provider", err)
	case !known:
		d.failed("provider", "ask whoever runs the server", "the server has no provider %s any more, of which you are", provider)
	default:
		d.ok("provider", "%s, signed in as %s", provider, me.text("email"))
	}
	roles, _ := me.at("organizationRoles").(map[string]any)
	if len(roles) == 0 {
		d.failed("access", "ask an administrator to invite you", "you belong to no organization")
		return
	}
	words := in.rolesOf(ctx, me)
	if scopes, narrow := me.at("authentication.scopes").([]any); narrow {
		b, err := json.Marshal(scopes)
		if err == nil {
			words += ", by this token only " + strings.NewReplacer(`"`, "", "[", "", "]", "", ",", " ").Replace(string(b))
		}
	}
	d.ok("access", "%s; what you may: belay whoami --permissions", words)
	if _, err := in.organizationID(ctx); err != nil {
		var f *failure
		if errors.As(err, &f) && f.exit == exitNotFound {
			d.failure("organization", err)
		}
	}
}
