package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// refuseNoText refuses a command line that is not text in UTF-8: the parser
// and JSON, which holds nothing else (RFC 8259, section 8.1), would put other
// characters in place of what is none.
func refuseNoText(args []string) error {
	for i, a := range args {
		if !utf8.ValidString(a) {
			return noText(whichArgument(args, i))
		}
	}
	return nil
}

// whichArgument says where an argument stands that cannot be shown: it may be
// a secret, given by mistake.
func whichArgument(args []string, i int) string {
	if name, _, ok := strings.Cut(args[i], "="); ok && strings.HasPrefix(name, "--") && utf8.ValidString(name) {
		return name
	}
	if i > 0 && len(args[i-1]) > 1 && strings.HasPrefix(args[i-1], "-") && !strings.Contains(args[i-1], "=") {
		return "what follows " + args[i-1]
	}
	return fmt.Sprintf("argument %d", i+1)
}

func noText(name string) *failure {
	return usage("%s is not text in UTF-8, and would not arrive as it is", name).withHelp(
		"is it from a terminal or a file in another encoding? to convert a file: iconv -f ISO-8859-1 -t UTF-8 PATH")
}
