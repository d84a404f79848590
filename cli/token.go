package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"belay"
)

// adminTokenFile is what a server writes into its data directory at its first
// start, readable only by the user who runs it.
const adminTokenFile = "admin.token"

// token finds the token for the server in effect, and says where. A zero
// Secret means that there is none.
func (in *invocation) token() (belay.Secret, string, error) {
	if v := in.env("BELAY_TOKEN"); v != "" {
		return belay.SecretString(v), "BELAY_TOKEN", nil
	}
	if path := in.env("BELAY_TOKEN_FILE"); path != "" {
		t, err := readToken(path)
		return t, "BELAY_TOKEN_FILE (" + path + ")", err
	}
	if path := in.set.tokenFile.text; path != "" {
		t, err := readToken(path)
		return t, in.set.tokenFile.origin + " (" + path + ")", err
	}
	return in.localToken()
}

// localToken is the one that a server on this machine left for whoever may
// read its data directory. It is for loopback addresses only.
func (in *invocation) localToken() (belay.Secret, string, error) {
	dir := in.DataDir()
	if dir == "" || !loopback(in.set.base) {
		return belay.Secret{}, "", nil
	}
	path := filepath.Join(dir, adminTokenFile)
	t, err := readToken(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return belay.Secret{}, "", nil
	}
	return t, path, err
}

func readToken(path string) (belay.Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return belay.Secret{}, &failure{exit: exitSignIn, what: "cannot read the token", why: err.Error(), cause: err}
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.ContainsAny(b, " \t\r\n") {
		return belay.Secret{}, &failure{exit: exitSignIn, what: path + " does not hold a token", why: "it must be one word"}
	}
	return belay.NewSecret(b), nil
}
