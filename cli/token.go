package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"belay"
)

// Files that a server writes into its data directory, readable only by the
// user who runs it.
const (
	adminTokenFile = "admin.token" // at its first start
	addressFile    = "server.url"  // at each start
)

// token finds the token for the server in effect, and says where. A zero
// Secret means that there is none.
func (in *invocation) token() (belay.Secret, string, error) {
	if v, set := in.LookupEnv("BELAY_TOKEN"); set {
		if v == "" {
			return belay.Secret{}, "", setAndEmpty("BELAY_TOKEN", "give it a token")
		}
		t, err := tokenIn("BELAY_TOKEN", []byte(v))
		return t, "BELAY_TOKEN", err
	}
	if path, set := in.LookupEnv("BELAY_TOKEN_FILE"); set {
		if path == "" {
			return belay.Secret{}, "", setAndEmpty("BELAY_TOKEN_FILE", "name the file that holds a token")
		}
		t, err := readToken(path)
		return t, "BELAY_TOKEN_FILE (" + path + ")", fromWhere(err, "BELAY_TOKEN_FILE")
	}
	if path := in.set.tokenFile.text; path != "" {
		t, err := readToken(path)
		return t, in.set.tokenFile.origin + " (" + path + ")", fromWhere(err, in.set.tokenFile.origin)
	}
	if in.set.login != nil {
		k, err := in.keeper()
		if err != nil {
			return belay.Secret{}, "", err
		}
		return k.current(), "belay login, in " + in.storedIn(in.set.login.Storage), nil
	}
	return in.localToken()
}

// setAndEmpty refuses a variable that is to say who acts and says nothing, as
// where a pipeline has no such secret: nobody is to act by another way in
// without having asked for that.
func setAndEmpty(name, or string) error {
	return usage("%s is set and empty; unset it, or %s", name, or).withHelp("see: belay help authentication")
}

// byLogin tells whether the token in effect is that of a sign-in.
func (in *invocation) byLogin() bool {
	return in.set.login != nil && in.env("BELAY_TOKEN") == "" && in.env("BELAY_TOKEN_FILE") == "" && in.set.tokenFile.text == ""
}

// localServer is the address that a server on this machine left in its data
// directory, "" when there is none.
func (p *Program) localServer() string {
	dir := p.DataDir()
	if dir == "" {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(dir, addressFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// startedHere is an error where the server of a data directory is meant that
// has left no address there: another one may be at the usual address.
func (in *invocation) startedHere() error {
	dir := in.env("BELAY_DATA_DIR")
	if dir == "" || in.set.server.origin != "default" {
		return nil
	}
	f := &failure{exit: exitUnreachable, what: "the server of the data directory " + dir + " does not run"}
	return f.withHelp("start it: belay serve --data-dir "+shellWord(dir), "another one: --server URL, or unset BELAY_DATA_DIR")
}

// localTokenFile is the file of the token that a server on this machine left
// for whoever may read its data directory, "" where the server in effect is
// another one. The token is for that server only: on a machine with several
// users, anybody could listen on some other port.
func (in *invocation) localTokenFile() string {
	own, err := parseServer(in.localServer())
	if err != nil || !sameOrigin(own, in.set.base) || !loopback(own) {
		return ""
	}
	return filepath.Join(in.DataDir(), adminTokenFile)
}

// localToken is the token in that file, if it is there and can be read.
func (in *invocation) localToken() (belay.Secret, string, error) {
	address := in.localServer()
	if address == "" {
		return belay.Secret{}, "", nil
	}
	if _, err := parseServer(address); err != nil {
		return belay.Secret{}, "", err
	}
	path := in.localTokenFile()
	if path == "" {
		return belay.Secret{}, "", nil
	}
	t, err := readToken(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return belay.Secret{}, "", nil
	}
	return t, path, err
}

// fromWhere says what names the file that no token can be read from.
func fromWhere(err error, origin string) error {
	if err == nil {
		return nil
	}
	return asFailure(err).withHelp("the file is named by "+origin, "see: belay help authentication")
}

func readToken(path string) (belay.Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return belay.Secret{}, &failure{exit: exitSignIn, what: "cannot read the token", why: err.Error(), cause: err}
	}
	return tokenIn(path, b)
}

// tokenIn is the token of a file or a variable. White space around it, which
// an editor leaves or a file from elsewhere has, is not of it; what no header
// can hold is never sent.
func tokenIn(where string, b []byte) (belay.Secret, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return belay.Secret{}, &failure{exit: exitSignIn, what: where + " does not hold a token", why: "it must be one word"}
	}
	return belay.NewSecret(b), nil
}
