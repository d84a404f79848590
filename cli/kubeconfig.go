package cli

import (
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"belay"
	"belay/kubeconfig"
)

// readKubeconfig reads a kubeconfig and puts the files that it refers to into
// it: the server has no access to this machine's files. Where contexts are
// named, nothing else of it is read any further, nor sent.
func (in *invocation) readKubeconfig(path string, contexts []string) ([]byte, error) {
	if path == "-" {
		if terminal(in.Stdin) {
			return nil, usage("standard input is a terminal").withHelp("give a file: -f PATH")
		}
		b, err := io.ReadAll(io.LimitReader(in.Stdin, maxSecret+1))
		if err != nil {
			return nil, usage("cannot read the kubeconfig — %v", err)
		}
		return in.preparedKubeconfig(b, in.WorkDir, contexts)
	}
	paths, err := in.kubeconfigPaths(path)
	if err != nil {
		return nil, err
	}
	if len(paths) > 1 {
		return in.mergedKubeconfig(paths, contexts)
	}
	path = paths[0]
	b, err := readBounded(path)
	if err != nil {
		return nil, usage("cannot read the kubeconfig — %v", err).withHelp("name another: -f PATH")
	}
	return in.preparedKubeconfig(b, filepath.Dir(path), contexts)
}

func (in *invocation) preparedKubeconfig(b []byte, dir string, contexts []string) ([]byte, error) {
	b, err := pruned(b, contexts)
	if err != nil {
		return nil, err
	}
	return in.embedFiles(b, dir)
}

// pruned leaves of a kubeconfig what the contexts of these names need, or
// everything when there are none: others' secrets are not this server's.
func pruned(b []byte, contexts []string) ([]byte, error) {
	if len(contexts) == 0 || len(b) > maxSecret {
		return b, nil
	}
	out, absent, err := kubeconfig.Prune(b, contexts)
	if e, ok := errors.AsType[*belay.Error](err); ok {
		return nil, usage("%s", e.Message)
	}
	if err != nil {
		return nil, err
	}
	if len(absent) > 0 {
		return nil, usage("the kubeconfig has no context %q", absent[0])
	}
	return out, nil
}

// kubeconfigPaths are the files that make the kubeconfig, at least one.
func (in *invocation) kubeconfigPaths(path string) ([]string, error) {
	if path != "" {
		return []string{expandHome(in.Home, path)}, nil
	}
	var list []string
	for _, p := range filepath.SplitList(in.env("KUBECONFIG")) {
		if p != "" && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case in.Home == "":
		return nil, usage("there is no home directory to find a kubeconfig in").withHelp("give a file: -f PATH")
	}
	return []string{filepath.Join(in.Home, ".kube", "config")}, nil
}

// mergedKubeconfig is what several files are together, as for kubectl, which
// passes over those that do not exist.
func (in *invocation) mergedKubeconfig(paths, contexts []string) ([]byte, error) {
	var parts []kubeconfig.Part
	var read []string
	for _, path := range paths {
		b, err := readBounded(path)
		if errors.Is(err, fs.ErrNotExist) {
			in.say(warning, "note: %s, which KUBECONFIG names, does not exist", path)
			continue
		}
		if err != nil {
			return nil, usage("cannot read the kubeconfig — %v", err).withHelp("name another: -f PATH")
		}
		dir, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return nil, usage("cannot tell in which directory %s is — %v", path, err)
		}
		parts, read = append(parts, kubeconfig.Part{Name: path, Dir: dir, Data: b}), append(read, path)
	}
	if len(parts) == 0 {
		return nil, usage("KUBECONFIG names %d files, and none of them exists", len(paths)).withHelp("name another: -f PATH")
	}
	in.say(plain, "note: merged as kubectl does, the first file that sets a value wins: %s", strings.Join(read, ", "))
	b, err := kubeconfig.Merge(parts)
	if e, ok := errors.AsType[*belay.Error](err); ok {
		return nil, usage("%s", e.Message).withHelp("or name one file: -f PATH")
	}
	if err != nil {
		return nil, err
	}
	return in.preparedKubeconfig(b, in.WorkDir, contexts)
}

// fileFields are the members of a kubeconfig that name files, and those that
// hold the contents instead (k8s.io/client-go/tools/clientcmd/api/v1).
func fileFields() map[string]string {
	return map[string]string{
		"certificate-authority": "certificate-authority-data",
		"client-certificate":    "client-certificate-data",
		"client-key":            "client-key-data",
		"tokenFile":             "token",
	}
}

// embedFiles returns the kubeconfig with what it refers to in it. One that
// refers to nothing, or cannot be read, stays as it is, byte for byte: what
// is wrong with it is the server's to say.
func (in *invocation) embedFiles(b []byte, dir string) ([]byte, error) {
	if len(b) > maxSecret {
		return nil, usage("the kubeconfig is longer than %d bytes", maxSecret)
	}
	if len(kubeconfig.References(b)) == 0 { // nor has a file that is too deep or too large to be walked
		return b, nil
	}
	var doc map[string]any
	if yaml.Unmarshal(b, &doc) != nil {
		return b, nil //nolint:nilerr // the server says what is wrong with it
	}
	changed := false
	for list, inner := range map[string]string{"clusters": "cluster", "users": "user"} {
		entries, _ := doc[list].([]any)
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			part, _ := entry[inner].(map[string]any)
			changed = in.embedPart(part, dir) || changed
		}
	}
	if !changed {
		return b, nil
	}
	out, err := yaml.Marshal(doc)
	if err != nil {
		return nil, usage("the kubeconfig cannot be put together with its files")
	}
	return out, nil
}

func (in *invocation) embedPart(part map[string]any, dir string) bool {
	changed := false
	for name, data := range fileFields() {
		path, ok := part[name].(string)
		if !ok || path == "" {
			continue
		}
		if inline, _ := part[data].(string); inline == "" || name == "tokenFile" { // else what is inline counts, as kubectl has it
			content, err := in.readReferred(path, dir)
			if err != nil {
				// The context that needs it is told so by the server; the others go on.
				in.say(warning, "note: the kubeconfig refers to a file that cannot be read — %v", err)
				continue
			}
			part[data] = contentOf(name, content)
		}
		delete(part, name)
		changed = true
	}
	return changed
}

// readReferred reads a file to which a kubeconfig in dir refers.
func (in *invocation) readReferred(path, dir string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	content, err := readBounded(path)
	if err == nil {
		in.say(plain, "note: %s is sent with the kubeconfig, which refers to it", path)
	}
	return content, err
}

func contentOf(name string, content []byte) string {
	if name == "tokenFile" {
		return strings.TrimSpace(string(content))
	}
	return base64.StdEncoding.EncodeToString(content)
}
