package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// item is one object of the API, read without losing anything of it.
type item struct {
	raw    json.RawMessage
	fields any
	// unchanged is set after a change that has found everything as it is.
	unchanged bool
}

// alike tells whether an object says the same as before, apart from what
// goes on by itself.
func alike(before, after item) bool {
	return reflect.DeepEqual(settled(before), settled(after))
}

func settled(it item) map[string]any {
	all, _ := it.fields.(map[string]any)
	out := maps.Clone(all)
	for _, name := range []string{"updatedAt", "health", "usage", "lastUsedAt"} {
		delete(out, name)
	}
	return out
}

func newItem(raw json.RawMessage) (item, error) {
	v, err := decodeAny(raw)
	return item{raw: raw, fields: v}, err
}

// decodeAny reads JSON and keeps numbers as they are written.
func decodeAny(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, unreadable("")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, unreadable("")
	}
	return v, nil
}

// at returns what stands at a path such as "health.status", nil for nothing.
func (it item) at(path string) any {
	v := it.fields
	for name := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// text returns a value as one line of text.
func (it item) text(path string) string { return textOf(it.at(path)) }

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = textOf(e)
		}
		return strings.Join(parts, ", ")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// number reads a number, 0 for none.
func (it item) number(path string) float64 {
	n, _ := it.at(path).(json.Number)
	f, _ := n.Float64()
	return f
}

// objects are those in an array.
func (it item) objects(path string) []item {
	list, _ := it.at(path).([]any)
	out := make([]item, len(list))
	for i, e := range list {
		out[i] = item{fields: e}
	}
	return out
}

// names lists the names of the objects in an array.
func (it item) names(path string) []string {
	var out []string
	for _, e := range it.objects(path) {
		if name := e.name(); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// time reads a timestamp (RFC 3339); false for none.
func (it item) time(path string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, it.text(path))
	return t, err == nil && !t.IsZero()
}

func (it item) id() string { return it.text("id") }

// name is what people call it by: of a user that is his address.
func (it item) name() string { return cmp.Or(it.text("name"), it.text("email")) }

// page is a list as the server gives it: the whole document and its items.
type page struct {
	document json.RawMessage
	items    []item
	total    int
	next     string // cursor of the next page, "" on the last
}

// newPage reads a list document whose items stand under key.
func newPage(raw json.RawMessage, key string) (*page, error) {
	var head struct {
		TotalCount int    `json:"totalCount"`
		NextCursor string `json:"nextCursor"`
	}
	var body map[string]json.RawMessage
	var list []json.RawMessage
	err := json.Unmarshal(raw, &body)
	if err == nil {
		err = json.Unmarshal(raw, &head)
	}
	if err == nil && body[key] == nil {
		return nil, unreadable("") // of a program that is no Belay
	}
	if err == nil {
		err = json.Unmarshal(body[key], &list)
	}
	if err != nil {
		return nil, unreadable("")
	}
	p := &page{document: raw, total: max(head.TotalCount, len(list)), next: head.NextCursor}
	for _, e := range list {
		it, err := newItem(e)
		if err != nil {
			return nil, err
		}
		p.items = append(p.items, it)
	}
	return p, nil
}

// raws returns the items as they came.
func raws(items []item) []json.RawMessage {
	out := make([]json.RawMessage, len(items))
	for i, it := range items {
		out[i] = it.raw
	}
	return out
}

// age writes a span of time in its largest unit.
func age(d time.Duration) string {
	d = max(d, 0)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 2*365*day:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dy", d/(365*day))
}

// printable replaces what a terminal would take as a command or would hide:
// control characters and the invisible ones that change the direction of
// text. Text of a server or a target must not act on the reader's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		if r == '\t' || r == '\n' {
			return ' '
		}
		return '�'
	}, s)
}
