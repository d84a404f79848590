package kubeconfig

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Prune returns the kubeconfig with the contexts of these names alone, and
// the clusters and users that they name: for a program on the user's machine,
// which is to send no more of it than is asked for. It also returns those
// names that no context has. Where a name stands several times, all of them
// stay. It has no aliases, and no comments.
//
// The errors are those of Parse.
func Prune(data []byte, contexts []string) (pruned []byte, absent []string, err error) {
	root, err := readTree(data)
	if err != nil {
		return nil, nil, err
	}
	all, err := checkHead(root)
	if err != nil {
		return nil, nil, err
	}
	c := choice{found: map[string]bool{}, clusters: map[string]bool{}, users: map[string]bool{}}
	for _, item := range all {
		c.add(item, contexts)
	}
	for _, name := range contexts {
		if !c.found[name] {
			absent = append(absent, name)
		}
	}
	if pruned, err = yaml.Marshal(c.file(root)); err != nil {
		return nil, nil, fmt.Errorf("put the chosen contexts together: %w", err)
	}
	return pruned, absent, nil
}

// choice is what is kept of a kubeconfig.
type choice struct {
	contexts               []node
	found, clusters, users map[string]bool // by name
}

// add keeps a context if it has one of these names.
func (c *choice) add(item node, names []string) {
	name := printable(item.get("name").text())
	if !slices.Contains(names, name) {
		return
	}
	c.found[name] = true
	c.contexts = append(c.contexts, item)
	c.clusters[item.get("context").get("cluster").text()] = true
	c.users[item.get("context").get("user").text()] = true
}

// file is what is kept, as a kubeconfig.
func (c *choice) file(root node) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(key string, value *yaml.Node) {
		out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
	}
	for _, key := range []string{"apiVersion", "kind"} {
		if n := root.get(key); !n.absent() {
			add(key, expanded(n.y))
		}
	}
	if current := root.get("current-context"); c.found[printable(current.text())] {
		add("current-context", expanded(current.y))
	}
	add("clusters", listOf(root.named("clusters", c.clusters)))
	add("users", listOf(root.named("users", c.users)))
	add("contexts", listOf(c.contexts))
	return out
}

// named are the entries of a list that have one of these names.
func (n node) named(list string, names map[string]bool) (out []node) {
	items, _ := n.get(list).items() // checkHead has seen that it is one
	for _, item := range items {
		if name := item.get("name").text(); name != "" && names[name] {
			out = append(out, item)
		}
	}
	return out
}

func listOf(items []node) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, item := range items {
		list.Content = append(list.Content, expanded(item.y))
	}
	return list
}

// expanded is a copy that stands for itself: its aliases and merges are
// written out, its comments are gone.
func expanded(y *yaml.Node) *yaml.Node {
	for y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	out := &yaml.Node{Kind: y.Kind, Tag: y.Tag, Value: y.Value, Style: y.Style &^ yaml.FlowStyle}
	if out.Tag == "!!merge" {
		out.Tag = "" // else the tag would be written, which not all understand
	}
	for _, child := range y.Content {
		out.Content = append(out.Content, expanded(child))
	}
	return out
}
