package cli

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// refuseEmpty refuses a flag that was given with nothing in it, such as a
// variable that is not set: left out, the command would do something wider
// than what was meant. A text that describes can be empty, and a flag that is
// a pointer, which tells nothing from not given.
func refuseEmpty(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Resolved || p.Flag.Name == "description" || !isEmpty(p.Flag.Target) {
			continue
		}
		return usage("--%s is empty", p.Flag.Name).withHelp("give it a value, or leave it out", "see: "+helpFor(parsed))
	}
	return nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return strings.TrimSpace(v.String()) == ""
	case reflect.Slice:
		for i := range v.Len() {
			if isEmpty(v.Index(i)) {
				return true
			}
		}
		return v.Len() == 0
	default:
		return false
	}
}
