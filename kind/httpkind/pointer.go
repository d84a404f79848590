package httpkind

import (
	"strconv"
	"strings"
)

const notPointer = `is not a JSON Pointer (RFC 6901), such as "" or /data/version`

// validPointer tells whether p is a JSON Pointer (RFC 6901, section 3).
func validPointer(p string) bool {
	if p != "" && !strings.HasPrefix(p, "/") {
		return false
	}
	for rest := p; ; {
		_, after, found := strings.Cut(rest, "~")
		if !found {
			return true
		}
		if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
			return false
		}
		rest = after
	}
}

// lookup evaluates a JSON Pointer (RFC 6901, section 4) on a decoded value.
func lookup(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		var ok bool
		if v, ok = step(v, token); !ok {
			return nil, false
		}
	}
	return v, true
}

func step(v any, token string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		e, ok := v[token]
		return e, ok
	case []any:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
			return nil, false
		}
		return v[i], true
	default:
		return nil, false
	}
}
