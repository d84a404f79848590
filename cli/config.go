package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/goccy/go-yaml"
)

// config is the configuration file. It holds no secret.
type config struct {
	Current     string                   `yaml:"current,omitempty"`
	Contexts    map[string]contextConfig `yaml:"contexts,omitempty"`
	Preferences preferences              `yaml:"preferences,omitempty"`
}

// contextConfig is one server and where to act on it.
type contextConfig struct {
	Server    string `yaml:"server" json:"server"`
	Org       string `yaml:"org,omitempty" json:"org,omitempty"`
	Workspace string `yaml:"workspace,omitempty" json:"workspace,omitempty"`
	Protected bool   `yaml:"protected,omitempty" json:"protected,omitempty"` // changes are shown and confirmed more strictly
	CAFile    string `yaml:"ca_file,omitempty" json:"caFile,omitempty"`
	TokenFile string `yaml:"token_file,omitempty" json:"tokenFile,omitempty"` // where the token is; never the token

	Login *loginConfig `yaml:"login,omitempty" json:"login,omitempty"`
	// What the client shows to the server, where that asks for a certificate.
	ClientCertificate string `yaml:"client_certificate,omitempty" json:"clientCertificate,omitempty"`
	ClientKey         string `yaml:"client_key,omitempty" json:"clientKey,omitempty"`
}

type preferences struct {
	Output string `yaml:"output,omitempty"`
	Pager  string `yaml:"pager,omitempty"` // a command line, for a terminal
}

// projectConfig is a .belay.yaml in a working tree. Whoever gives you the
// tree chooses it, so it names neither servers nor secrets.
type projectConfig struct {
	Context   string `yaml:"context"`
	Org       string `yaml:"org"`
	Workspace string `yaml:"workspace"`

	path string
}

const projectFile = ".belay.yaml"

func (p *Program) configDir() (string, error) {
	if dir := p.env("BELAY_CONFIG_DIR"); dir != "" {
		return dir, nil
	}
	if dir := p.env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "belay"), nil
	}
	if dir := p.env("AppData"); dir != "" && runtime.GOOS == "windows" {
		return filepath.Join(dir, "belay"), nil
	}
	if p.Home == "" {
		return "", usage("there is no home directory to keep the configuration in — set BELAY_CONFIG_DIR")
	}
	return filepath.Join(p.Home, ".config", "belay"), nil
}

func (p *Program) configPath() (string, error) {
	dir, err := p.configDir()
	return filepath.Join(dir, "config.yaml"), err
}

// DataDir is where a server on this machine keeps its data when it is told
// nothing else: $BELAY_DATA_DIR, $XDG_DATA_HOME/belay or
// ~/.local/share/belay; "" without a home directory.
func (p *Program) DataDir() string {
	if dir := p.env("BELAY_DATA_DIR"); dir != "" {
		return dir
	}
	return p.defaultDataDir()
}

// DataDirPrefix is what a command line on this machine begins with to find
// the server of dir: "" for the directory in which it looks by itself.
func (p *Program) DataDirPrefix(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || dir == "" {
		return ""
	}
	if usual, err := filepath.Abs(p.defaultDataDir()); err == nil && usual == abs {
		return ""
	}
	return "BELAY_DATA_DIR=" + shellWord(abs) + " "
}

func (p *Program) defaultDataDir() string {
	if dir := p.env("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "belay")
	}
	if p.Home == "" {
		return ""
	}
	return filepath.Join(p.Home, ".local", "share", "belay")
}

// loadConfig reads the configuration file; one that is absent is empty.
func (p *Program) loadConfig() (*config, error) {
	path, err := p.configPath()
	if err != nil {
		return nil, err
	}
	c := &config{}
	if err := readYAML(path, c); err != nil {
		return nil, err
	}
	return c, nil
}

// loadProject finds the .belay.yaml of the working tree: in WorkDir or above
// it, up to the directory that is the tree's root.
func (p *Program) loadProject() (*projectConfig, error) {
	for dir := p.WorkDir; dir != ""; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, projectFile)
		if _, err := os.Stat(path); err == nil {
			c := &projectConfig{path: path}
			return c, readYAML(path, c)
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	return &projectConfig{}, nil
}

func readYAML(path string, into any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &failure{exit: exitUsage, what: "cannot read " + path, why: err.Error()}
	}
	err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(into)
	if err != nil && !errors.Is(err, io.EOF) {
		return &failure{exit: exitUsage, what: "cannot read " + path, why: yamlComplaint(err)}
	}
	return nil
}

// save writes the file whole or not at all.
func (in *invocation) save(c *config) error {
	path, err := in.configPath()
	if err != nil {
		return err
	}
	if in.flags.DryRun {
		in.say(plain, "would write %s — nothing was changed", path)
		return errDryRun
	}
	b, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the configuration: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	return replaceFile(path, b)
}

func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
