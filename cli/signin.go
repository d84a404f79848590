package cli

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"belay"
)

// login is what a context holds of a sign-in; the tokens are elsewhere.
type loginConfig struct {
	ID      string `yaml:"id" json:"id"`           // by which they are kept
	Storage string `yaml:"storage" json:"storage"` // keptInKeyring or keptInFile
	User    string `yaml:"user" json:"user"`       // who has signed in
}

// Where the tokens of a sign-in can be.
const (
	keptInKeyring = "keyring"
	keptInFile    = "file"
)

// signIn is what is kept of a sign-in.
type signIn struct {
	Server        string // for which it is, and for no other
	Access        belay.Secret
	AccessExpires time.Time
	Refresh       belay.Secret
	Ends          time.Time // if it is not used before
}

// writtenSignIn is a signIn as it is stored.
type writtenSignIn struct {
	Server        string    `json:"server" yaml:"server"`
	Access        string    `json:"access" yaml:"access"`
	AccessExpires time.Time `json:"accessExpires" yaml:"access_expires"`
	Refresh       string    `json:"refresh" yaml:"refresh"`
	Ends          time.Time `json:"ends" yaml:"ends"`
}

func (s signIn) written() writtenSignIn {
	return writtenSignIn{s.Server, string(s.Access.Reveal()), s.AccessExpires.UTC().Truncate(time.Second), string(s.Refresh.Reveal()), s.Ends.UTC().Truncate(time.Second)}
}

func (w writtenSignIn) signIn() signIn {
	return signIn{w.Server, belay.SecretString(w.Access), w.AccessExpires, belay.SecretString(w.Refresh), w.Ends}
}

// vault keeps sign-ins.
type vault interface {
	// load returns errNotKept for what is not there.
	load(id string) (signIn, error)
	store(id string, s signIn) error
	remove(id string) error
}

// vaultOf is where the sign-in of a context is kept.
func (in *invocation) vaultOf(storage string) (vault, error) {
	switch storage {
	case keptInKeyring:
		return keyringVault{in.Keyring}, nil
	case keptInFile:
		path, err := in.credentialsPath()
		return fileVault{path}, err
	}
	return nil, usage("the context keeps its sign-in in %q, which this program does not know", storage)
}

func (in *invocation) credentialsPath() (string, error) {
	dir, err := in.configDir()
	return filepath.Join(dir, "credentials.yaml"), err
}

// storedIn says where the tokens of a sign-in are.
func (in *invocation) storedIn(storage string) string {
	if storage != keptInFile {
		return "the system keyring"
	}
	path, err := in.credentialsPath()
	if err != nil {
		return "a plain file"
	}
	mode := "0600"
	if i, err := os.Stat(path); err == nil {
		mode = fmt.Sprintf("%04o", i.Mode().Perm())
	}
	return "the plain file " + in.shortPath(path) + ", " + mode
}

// shortPath writes the home directory as people do.
func (p *Program) shortPath(path string) string {
	if rest, ok := strings.CutPrefix(path, p.Home+string(filepath.Separator)); ok && p.Home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}

type keyringVault struct{ ring Keyring }

func (v keyringVault) load(id string) (signIn, error) {
	text, err := v.ring.Get(id)
	if err != nil {
		return signIn{}, err
	}
	var w writtenSignIn
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return signIn{}, errors.New("what it holds is no sign-in")
	}
	return w.signIn(), nil
}

func (v keyringVault) store(id string, s signIn) error {
	b, err := json.Marshal(s.written())
	if err != nil {
		return fmt.Errorf("encode the sign-in: %w", err)
	}
	return v.ring.Set(id, string(b))
}

func (v keyringVault) remove(id string) error {
	if err := v.ring.Delete(id); !errors.Is(err, errNotKept) {
		return err
	}
	return nil
}

// probe tells whether the keyring keeps something, and gives it back.
func (v keyringVault) probe() error {
	name, want := "probe "+newLoginID(), newLoginID()
	if err := v.ring.Set(name, want); err != nil {
		return err
	}
	got, err := v.ring.Get(name)
	if err == nil && got != want {
		err = errors.New("it does not give back what it was given")
	}
	return errors.Join(err, v.ring.Delete(name))
}

func newLoginID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// fileVault keeps sign-ins in a file that only its owner can read. Whoever
// changes it holds the lock of the sign-ins.
type fileVault struct{ path string }

func (v fileVault) all() (map[string]writtenSignIn, error) {
	all := map[string]writtenSignIn{}
	err := readYAML(v.path, &all)
	return all, err
}

func (v fileVault) load(id string) (signIn, error) {
	all, err := v.all()
	if err != nil {
		return signIn{}, err
	}
	w, ok := all[id]
	if !ok {
		return signIn{}, errNotKept
	}
	return w.signIn(), nil
}

func (v fileVault) store(id string, s signIn) error {
	return v.change(func(all map[string]writtenSignIn) { all[id] = s.written() })
}

func (v fileVault) remove(id string) error {
	return v.change(func(all map[string]writtenSignIn) { delete(all, id) })
}

func (v fileVault) change(change func(map[string]writtenSignIn)) error {
	all, err := v.all()
	if err != nil {
		return err
	}
	change(all)
	if len(all) == 0 {
		if err = os.Remove(v.path); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return err
	}
	b, err := yaml.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode the sign-ins: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(v.path), 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	return replaceFile(v.path, append([]byte("# Tokens of the Belay command line. Whoever reads them can act as you.\n"), b...))
}
