// Package kubeconfig reads kubeconfig files that nobody vouches for: it
// takes from them the address and the user of each context, and says what is
// wrong with those that cannot be used.
//
// It reads no other file, runs nothing and asks nothing of the network. The
// format is that of the kubeconfig (v1) API of Kubernetes,
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/.
package kubeconfig

import (
	"slices"
	"time"

	"belay"
)

// Limits on what is read.
const (
	// MaxBytes is the size of a file, and of all files beside it together.
	MaxBytes = 1 << 20
	// MaxContexts is the number of contexts, and of clusters, and of users.
	MaxContexts = 1000
	// maxMaterial bounds what is taken out of Files: one file may be named by
	// every entry, and is read anew for each.
	maxMaterial = 32 << 20
)

// Options is what Parse takes beside the file itself.
type Options struct {
	// Files holds the content of the files to which the kubeconfig refers,
	// by the path that stands there, or by the last element of that path
	// where no two of these paths, and no two of the Files, share it.
	Files map[string][]byte
	// Now is the time at which certificates are judged; zero: they are not.
	Now time.Time
}

// File is what a kubeconfig holds.
type File struct {
	Contexts []Context // in the order of the file; at least one
	// Problems are those of the file as a whole. None of them bars a context.
	Problems []Problem
}

// Context is one way to reach a cluster: the connection and the credential
// that it would become.
//
// Contexts that name the same user share the Secrets in Values: wiping one
// wipes them all.
type Context struct {
	Name      string // as it stands there, characters that do not print replaced
	Current   bool   // it is the one that kubectl uses
	Cluster   string // the name of its cluster
	User      string // the name of its user
	Namespace string

	// Endpoint is the cluster's address in canonical form, "" when there is
	// no valid one: scheme and host in lower case, no default port, no slash
	// at the end.
	Endpoint string
	TLS      belay.TLS
	ProxyURL string // without user information; not used, see ProblemProxy

	// CredentialType is belay.CredentialKubernetes, or "" when there is no
	// credential: the user is anonymous, or a problem stands in the way.
	CredentialType string
	Values         map[string]belay.Secret // complete for its type
	// Plugin is the program or the provider with which the user signs in,
	// such as "aws"; "" for none. It is never run.
	Plugin string

	Missing  []MissingFile
	Problems []Problem
}

// MissingFile is a file to which a context refers and which was not given.
type MissingFile struct {
	Path string // as it stands in the kubeconfig
	Key  string // what refers to it, such as "client-key"
}

// Importable tells whether the context can become a connection, with its own
// credential or another one.
func (c *Context) Importable() bool { return !c.barred(BarsConnection) }

// Usable tells whether the context can become a connection that signs in
// with what the file holds. An anonymous one is usable.
func (c *Context) Usable() bool { return c.Importable() && !c.barred(BarsCredential) }

func (c *Context) barred(by Effect) bool {
	return slices.ContainsFunc(c.Problems, func(p Problem) bool { return p.Effect == by })
}

// Parse reads a kubeconfig in YAML or JSON, UTF-8, one document.
//
// A file that is none, or that no two programs would read alike, is a
// *belay.Error: CodeTooLarge over MaxBytes, else CodeInvalid with the line
// where it is known. A context that cannot be used is no error: it is
// returned with its Problems, and hides no other. Neither errors nor
// problems show a secret.
//
// Where two contexts, clusters or users have one name, the first counts and
// a problem says so. (kubectl refuses such a file, and takes the first when
// they stand in two files.)
func Parse(data []byte, o Options) (*File, error) {
	root, err := readTree(data)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, b := range o.Files {
		total += len(b)
	}
	if total > MaxBytes {
		return nil, belay.Errorf(belay.CodeTooLarge, "the files beside the kubeconfig are larger than 1 MiB together; upload only those that it refers to")
	}
	contexts, err := checkHead(root)
	if err != nil {
		return nil, err
	}
	p := newParser(root, o)
	file := &File{Problems: p.problems}
	current := root.get("current-context")
	found := current.text() == ""
	for _, item := range contexts {
		c := p.context(item)
		if !found && item.get("name").text() == current.text() {
			c.Current, found = true, true
		}
		file.Contexts = append(file.Contexts, c)
	}
	if !found {
		file.Problems = append(file.Problems, current.problem(BarsNothing, ProblemNoCurrentContext, "current-context names a context that is not in the file"))
	}
	return file, nil
}

// References returns the paths of the files to which a kubeconfig refers, as
// they stand there and each once: for a program on the user's machine, which
// can read them and give them to Parse in Options.Files. Relative ones are
// relative to the kubeconfig. What is not a kubeconfig refers to none.
//
// Whoever wrote the kubeconfig chose the paths: show them before reading.
func References(data []byte) []string {
	root, err := readTree(data)
	if err != nil {
		return nil
	}
	return references(root)
}
