package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// MissingError says that a program or a package that a test needs is not on
// this machine.
type MissingError struct {
	What string
}

// Error names the command that installs it.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not installed; run e2e/peers/install", e.What)
}

// Program returns the path of a program that e2e/peers/install built:
// kube-apiserver, etcd, kubectl or dex. It returns a *MissingError when it is not
// there.
func Program(name string) (string, error) {
	return installed(name, filepath.Join("bin", name))
}

// MesherySchemas returns the directory of the npm package @meshery/schemas,
// or a *MissingError.
func MesherySchemas() (string, error) {
	return installed("@meshery/schemas", "contract/node_modules/@meshery/schemas")
}

// installed returns the full path of what lies at path below the directory in
// which e2e/peers/install keeps what it builds: BELAY_PEERS_DIR, else
// .cache/belay/peers in the home directory.
func installed(what, path string) (string, error) {
	dir := os.Getenv("BELAY_PEERS_DIR")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find %s: %w", what, err)
		}
		dir = filepath.Join(home, ".cache", "belay", "peers")
	}
	path = filepath.Join(dir, path)
	if _, err := os.Stat(path); err != nil {
		return "", &MissingError{What: what}
	}
	return path, nil
}

// debianProgram finds a program that a Debian package brings: on the path,
// else in the directories that match patterns, the newest version first. It
// returns a *MissingError when it is in none.
func debianProgram(name string, patterns ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(pattern, name))
		if err == nil && len(paths) > 0 {
			return slices.Max(paths), nil
		}
	}
	return "", &MissingError{What: name}
}
