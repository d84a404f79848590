package kubeconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"belay"
)

// Limits on the tree, with its aliases expanded. A kubeconfig of 1,000
// contexts has some 30,000 nodes, six deep.
const (
	maxMarks = 100_000 // what may begin a node; keeps the parser's memory small
	maxNodes = 200_000
	maxDepth = 50
	maxText  = 4 << 20
)

func invalid(format string, args ...any) *belay.Error {
	return belay.Errorf(belay.CodeInvalid, format, args...)
}

// readTree reads one YAML document whose top is a mapping, small enough to
// be walked, without a key that stands twice.
func readTree(data []byte) (node, error) {
	data, err := checkEncoding(data)
	if err != nil {
		return node{}, err
	}
	if json.Valid(data) {
		data = jsonEscapes.ReplaceAllFunc(data, respell)
	}
	y, err := readDocument(data)
	if err != nil {
		return node{}, err
	}
	c := checker{}
	if err := c.check(y, 0); err != nil {
		return node{}, err
	}
	root := at(y, "")
	if root.y.Kind != yaml.MappingNode {
		return node{}, invalid("this is not a kubeconfig: its top level is not a list of keys such as clusters, contexts and users; %s", hint(data))
	}
	return root, nil
}

// hint names what is often uploaded in place of a kubeconfig.
func hint(data []byte) string {
	text := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		return "it is a certificate or a key in PEM, which belongs to a kubeconfig as a file beside it"
	case bytes.HasPrefix(text, []byte("<")):
		return "it is a web page: download the file again while signed in"
	}
	return "get one with: kubectl config view --raw --flatten"
}

func checkEncoding(data []byte) ([]byte, error) {
	if len(data) > MaxBytes {
		return nil, belay.Errorf(belay.CodeTooLarge, "the kubeconfig is larger than 1 MiB; take out the contexts that are wanted with: kubectl --context=NAME config view --raw --flatten --minify")
	}
	for _, mark := range []struct{ bytes, name string }{
		{"\xff\xfe\x00\x00", "UTF-32"}, {"\x00\x00\xfe\xff", "UTF-32"}, {"\xff\xfe", "UTF-16"}, {"\xfe\xff", "UTF-16"},
	} {
		if bytes.HasPrefix(data, []byte(mark.bytes)) {
			return nil, invalid("the kubeconfig is encoded in %s, as its byte order mark (BOM) says; save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)", mark.name)
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // the BOM of UTF-8 says nothing and harms nothing
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, invalid("the kubeconfig is empty")
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, invalid("the kubeconfig is not text: line %d holds a NUL byte (is it UTF-16 without a byte order mark, or a binary file?); save it as UTF-8", lineAt(data, i))
	}
	if i := firstInvalid(data); i >= 0 {
		return nil, invalid("the kubeconfig is not UTF-8: see line %d; save it as UTF-8", lineAt(data, i))
	}
	marks := 0
	for _, m := range []byte("\n\r,:[{") {
		marks += bytes.Count(data, []byte{m})
	}
	if marks > maxMarks {
		return nil, invalid("the file has more entries than any kubeconfig")
	}
	return data, nil
}

func lineAt(data []byte, i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// JSON is YAML but for two ways to escape a character that the parser does
// not know: the slash, and the halves of a surrogate pair. A backslash of
// valid JSON is always in a string.
var jsonEscapes = regexp.MustCompile(`\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|.)`)

func respell(escape []byte) []byte {
	if len(escape) == 2 && escape[1] != '/' {
		return escape
	}
	var s string
	if json.Unmarshal([]byte(`"`+string(escape)+`"`), &s) != nil {
		return escape
	}
	return []byte(s)
}

// readDocument parses the only document in data.
func readDocument(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var first *yaml.Node
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, syntaxError(err)
		}
		y := doc.Content[0]
		switch {
		case y.Kind == yaml.ScalarNode && y.Tag == "!!null": // "---" with nothing after it
		case first == nil:
			first = y
		default:
			return nil, invalid("line %d begins a second document; a kubeconfig is a single one: upload them one by one", y.Line)
		}
	}
	if first == nil {
		return nil, invalid("the kubeconfig is empty: it holds nothing but comments")
	}
	return first, nil
}

var syntaxErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxReasons translates the parser's words. Anything else that it says is
// left out, since it may quote the file.
var syntaxReasons = []struct{ theirs, ours string }{
	{"found a tab character that violates indentation", "a tab is used for indentation; use spaces"},
	{"found character that cannot start any token", "a tab is used for indentation, or a text that begins with @, ` or % is not quoted"},
	{"mapping values are not allowed in this context", "a colon stands where none may be: a line is indented wrongly, or a text is not quoted"},
	{"could not find expected ':'", "a key has no colon after it, or the file ends too early"},
	{"did not find expected", "it is indented wrongly, or a bracket, a quote or a dash is missing"},
	{"found unexpected end of stream", "a quote is not closed"},
	{"control characters are not allowed", "it holds a control character"},
	{"unknown anchor", "an alias (*name) refers to nothing"},
	{"found unknown escape character", "a text in double quotes holds a backslash that means nothing"},
	{"exceeded max depth", "it is nested too deeply"},
}

func syntaxError(err error) error {
	where, what := "the kubeconfig is not valid YAML", ""
	m := syntaxErrorForm.FindStringSubmatch(err.Error())
	if m == nil {
		return invalid("%s", where)
	}
	if m[1] != "" {
		where += ", near line " + m[1]
	}
	for _, r := range syntaxReasons {
		if strings.HasPrefix(m[2], r.theirs) {
			what = ": " + r.ours
			break
		}
	}
	return invalid("%s%s", where, what)
}

// checker walks the tree as it is with all aliases expanded, and stops
// before that costs much.
type checker struct{ nodes, text int }

func (c *checker) check(y *yaml.Node, depth int) error {
	c.nodes++
	c.text += len(y.Value)
	if depth > maxDepth {
		return invalid("line %d is nested deeper than any kubeconfig", y.Line)
	}
	if c.nodes > maxNodes || c.text > maxText {
		return invalid("the kubeconfig expands to too much: see the aliases (*name) near line %d", y.Line)
	}
	if y.Kind == yaml.AliasNode {
		return c.check(y.Alias, depth+1)
	}
	if y.Kind == yaml.MappingNode {
		if err := checkKeys(y, depth == 0); err != nil {
			return err
		}
	}
	for _, child := range y.Content {
		if err := c.check(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkKeys names a key only at the top: below, a secret may have slipped
// into its place.
func checkKeys(y *yaml.Node, top bool) error {
	first := make(map[string]int, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode {
			return invalid("the kubeconfig has a key that is not text in line %d", k.Line)
		}
		line, ok := first[k.Value]
		if ok && top {
			return invalid("the key %s stands twice, in lines %d and %d; if these are two kubeconfigs in one file, join them with: KUBECONFIG=one:two kubectl config view --raw --flatten", printable(k.Value), line, k.Line)
		}
		if ok {
			return invalid("a key stands twice in one place, in lines %d and %d; remove one of them", line, k.Line)
		}
		first[k.Value] = k.Line
	}
	return nil
}

// node is a place in the file; y is nil where nothing stands there.
type node struct {
	y    *yaml.Node // never an alias
	path string     // JSON Pointer
	line int
}

func at(y *yaml.Node, path string) node {
	line := y.Line
	for y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	return node{y, path, line}
}

func (n node) absent() bool { return n.y == nil || n.y.Kind == yaml.ScalarNode && n.y.Tag == "!!null" }

func (n node) isMapping() bool { return n.y != nil && n.y.Kind == yaml.MappingNode }

// isText tells whether n is a scalar of one of YAML's own types. A number or
// a date is taken as it is spelled.
func (n node) isText() bool {
	return n.y != nil && n.y.Kind == yaml.ScalarNode && strings.HasPrefix(n.y.Tag, "!!") && n.y.Tag != "!!binary" && !n.absent()
}

func (n node) text() string {
	if !n.isText() {
		return ""
	}
	return n.y.Value
}

// get returns what stands at key, with merges ("<<") as kubectl sees them:
// the mapping's own key first.
func (n node) get(key string) node {
	if v := lookup(n.y, key); v != nil {
		return at(v, n.path+"/"+key)
	}
	return node{nil, n.path + "/" + key, n.line}
}

func lookup(y *yaml.Node, key string) *yaml.Node {
	switch {
	case y == nil:
		return nil
	case y.Kind == yaml.AliasNode:
		return lookup(y.Alias, key)
	case y.Kind != yaml.MappingNode:
		return nil
	}
	var merge *yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Value == key {
			return y.Content[i+1]
		}
		if y.Content[i].Tag == "!!merge" {
			merge = y.Content[i+1]
		}
	}
	return lookupMerged(merge, key)
}

func lookupMerged(merge *yaml.Node, key string) *yaml.Node {
	if merge == nil {
		return nil
	}
	if merge.Kind != yaml.SequenceNode {
		return lookup(merge, key)
	}
	for _, m := range merge.Content {
		if v := lookup(m, key); v != nil {
			return v
		}
	}
	return nil
}

// items returns the elements of a list; ok is false for anything else that
// stands there.
func (n node) items() (list []node, ok bool) {
	if n.absent() {
		return nil, true
	}
	if n.y.Kind != yaml.SequenceNode {
		return nil, false
	}
	for i, y := range n.y.Content {
		list = append(list, at(y, n.path+"/"+strconv.Itoa(i)))
	}
	return list, true
}
