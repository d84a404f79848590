package cli

import (
	"reflect"
	"slices"
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

// refuseTwice refuses a flag of a command that is given twice and takes one
// value: the last would go for the others without a word. The flags of every
// command may be repeated, as behind an alias, and those of a server, which
// may be added to its service file.
func refuseTwice(parsed *kong.Context) error {
	selected := parsed.Selected()
	if selected == nil || selected.Name == "serve" {
		return nil
	}
	var seen []string
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Resolved || p.Flag.IsCumulative() || p.Flag.IsBool() || !slices.Contains(selected.Flags, p.Flag) {
			continue
		}
		if slices.Contains(seen, p.Flag.Name) {
			return usage("--%s is given twice, and takes one value", p.Flag.Name).withHelp("see: " + helpFor(parsed))
		}
		seen = append(seen, p.Flag.Name)
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
