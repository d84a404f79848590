package rest

import (
	"bytes"
	_ "embed" // the document
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// openapi is the document of the API (OpenAPI 3.1), kept by hand. Tests hold
// the server to it.
//
//go:embed openapi.yaml
var openapi []byte

// parseDocument reads the document. It is part of this program: that it
// cannot be read is a fault of the build, which tests find.
func parseDocument() node {
	var n yaml.Node
	if err := yaml.Unmarshal(openapi, &n); err != nil {
		panic(fmt.Errorf("read openapi.yaml: %w", err))
	}
	return node{n.Content[0]}
}

// node is a place in the document; the zero value is a place that is not
// there.
type node struct{ y *yaml.Node }

// get is what stands below a key.
func (n node) get(keys ...string) node {
	for _, key := range keys {
		found := node{}
		n.each(func(k string, v node) {
			if k == key {
				found = v
			}
		})
		n = found
	}
	return n
}

// each goes through a mapping in its order.
func (n node) each(f func(key string, value node)) {
	if n.y == nil || n.y.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		f(n.y.Content[i].Value, node{n.y.Content[i+1]})
	}
}

// items are the elements of a sequence.
func (n node) items() []node {
	if n.y == nil || n.y.Kind != yaml.SequenceNode {
		return nil
	}
	out := make([]node, len(n.y.Content))
	for i, c := range n.y.Content {
		out[i] = node{c}
	}
	return out
}

// texts are the elements of a sequence of texts, or one text.
func (n node) texts() []string {
	if s := n.text(); s != "" {
		return []string{s}
	}
	var out []string
	for _, item := range n.items() {
		out = append(out, item.text())
	}
	return out
}

// text is a scalar, "" for anything else.
func (n node) text() string {
	if n.y == nil || n.y.Kind != yaml.ScalarNode {
		return ""
	}
	return n.y.Value
}

// resolve follows a reference within root.
func (n node) resolve(root node) node {
	path, ok := strings.CutPrefix(n.get("$ref").text(), "#/")
	if !ok {
		return n
	}
	return root.get(strings.Split(path, "/")...)
}

// writeJSON writes a place as JSON, its members in the order of the
// document.
func (n node) writeJSON(b *bytes.Buffer) error {
	switch n.y.Kind {
	case yaml.MappingNode:
		return n.writeMapping(b)
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.items() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := item.writeJSON(b); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	default:
		var v any
		if err := n.y.Decode(&v); err != nil {
			return err
		}
		return writeValue(b, v)
	}
}

func (n node) writeMapping(b *bytes.Buffer) (err error) {
	first := true
	b.WriteByte('{')
	n.each(func(key string, value node) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err == nil {
			err = writeValue(b, key)
		}
		b.WriteByte(':')
		if err == nil {
			err = value.writeJSON(b)
		}
	})
	b.WriteByte('}')
	return err
}

func writeValue(b *bytes.Buffer, v any) error {
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}
