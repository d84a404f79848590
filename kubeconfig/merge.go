package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"belay"
)

// Part is one of several files that are one kubeconfig together.
type Part struct {
	Name string // by which an error tells it from the others
	Dir  string // that relative paths in it are relative to
	Data []byte
}

// Merge joins kubeconfigs as kubectl joins those that KUBECONFIG names
// (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/):
// the first file with a context, a cluster or a user of a name gives all of
// it, and the first with a current-context gives that. A context of one file
// can name the cluster or the user of another. Paths in it are relative to
// nothing any more: each is joined with its Dir. It has no aliases, no
// comments and no preferences.
//
// A part of nothing but white space adds nothing. The errors are those of
// Parse, with the part's Name before them.
func Merge(parts []Part) ([]byte, error) {
	m := merging{seen: map[string]bool{}, lists: map[string][]node{}}
	for _, p := range parts {
		if len(bytes.TrimSpace(p.Data)) == 0 {
			continue
		}
		if err := m.add(p); err != nil {
			return nil, err
		}
	}
	out, err := yaml.Marshal(m.file())
	if err != nil {
		return nil, fmt.Errorf("put the kubeconfigs together: %w", err)
	}
	return out, nil
}

// merging is what the files before give.
type merging struct {
	current node
	lists   map[string][]node // contexts, clusters and users
	seen    map[string]bool   // list and name, of the files before
}

func (m *merging) add(p Part) error {
	root, err := readTree(p.Data)
	if err == nil {
		err = checkLists(root)
	}
	if err != nil {
		return inPart(p.Name, err)
	}
	if m.current.text() == "" {
		m.current = root.get("current-context")
	}
	own := map[string]bool{} // a name that stands twice in one file is Parse's to judge
	for list, inner := range map[string]string{"contexts": "", "clusters": "cluster", "users": "user"} {
		items, _ := root.get(list).items() // checkLists has seen that it is one
		for _, item := range items {
			key := list + "/" + item.get("name").text()
			if m.seen[key] {
				continue
			}
			own[key] = true
			item.y = expanded(item.y)
			if part := item.get(inner); inner != "" && part.isMapping() {
				rebase(part.y, p.Dir)
			}
			m.lists[list] = append(m.lists[list], item)
		}
	}
	for key := range own {
		m.seen[key] = true
	}
	return nil
}

// inPart says in which file something is wrong.
func inPart(name string, err error) error {
	e, ok := errors.AsType[*belay.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", name, err)
	}
	named := *e
	named.Message = name + ": " + e.Message
	return &named
}

// rebase joins the paths in a cluster or a user, and in what is merged into
// it, with the directory that they are relative to.
func rebase(y *yaml.Node, dir string) {
	if y.Kind == yaml.SequenceNode { // of merges
		for _, e := range y.Content {
			rebase(e, dir)
		}
	}
	if y.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i].Value, y.Content[i+1]
		switch key {
		case "<<":
			rebase(value, dir)
		case "certificate-authority", "client-certificate", "client-key", "tokenFile":
			if at(value, "").text() != "" && !filepath.IsAbs(value.Value) {
				value.Value = filepath.Join(dir, value.Value)
			}
		}
	}
}

func (m *merging) file() *yaml.Node {
	text := func(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(key string, value *yaml.Node) { out.Content = append(out.Content, text(key), value) }
	add("apiVersion", text("v1"))
	add("kind", text("Config"))
	if m.current.text() != "" {
		add("current-context", expanded(m.current.y))
	}
	for _, list := range []string{"clusters", "users", "contexts"} {
		add(list, listOf(m.lists[list]))
	}
	return out
}
