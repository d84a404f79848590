package httpkind

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	// The example of RFC 6901, section 5.
	document, err := decode([]byte(`{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}`))
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/foo": `["bar","baz"]`, "/foo/0": `"bar"`, "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3",
		"/g|h": "4", `/i\j`: "5", `/k"l`: "6", "/ ": "7", "/m~0n": "8",
		"foo": "", "/foo/2": "", "/foo/-": "", "/foo/-1": "", "/foo/00": "", "/foo/+1": "", "/foo/0/0": "", "/nonesuch": "",
	} {
		got, ok := lookup(document, pointer)
		text, _ := json.Marshal(got)
		if ok != (want != "") || ok && string(text) != want {
			t.Errorf("%q gives %s, %v; want %s", pointer, text, ok, want)
		}
	}
}

func FuzzPointer(f *testing.F) {
	f.Add("/a~1b/0", `{"a/b": [1]}`)
	f.Add("", `null`)
	f.Fuzz(func(t *testing.T, pointer, document string) {
		v, err := decode([]byte(document))
		if err != nil {
			return
		}
		if _, ok := lookup(v, pointer); ok && pointer != "" && !strings.HasPrefix(pointer, "/") {
			t.Errorf("%q is no pointer and finds something in %q", pointer, document)
		}
		if object, ok := v.(map[string]any); ok && validPointer(pointer) {
			for key := range object {
				if _, ok := lookup(v, "/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key)); !ok {
					t.Errorf("%q is not found in %q", key, document)
				}
			}
		}
	})
}
