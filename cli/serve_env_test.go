package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestServeVariables holds the variables to the flags.
func TestServeVariables(t *testing.T) {
	f := newFixture(t, nil)
	in := &invocation{Program: f.Program}
	var root grammar
	exited := false
	parser, err := in.parser(context.Background(), &root, &exited)
	if err != nil {
		t.Fatal(err)
	}
	node := parser.Model.Children[slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == "serve" })]
	got := serveVariables()
	var flags []string
	for _, f := range node.Flags {
		if f.Tag.Has("setting") {
			flags = append(flags, f.Name)
		}
	}
	if !slices.Equal(flags, settingNames()) {
		t.Errorf("the settings are %v, the flags %v", settingNames(), flags)
	}
	for _, name := range settingNames() {
		if !slices.Contains(got, variableOf(name)) {
			t.Errorf("the variable of --%s is not known", name)
		}
	}
	if want := len(settingNames()) + 3; len(got) != want { // and BELAY_CONFIG, BELAY_KEY, BELAY_DATABASE_FILE
		t.Errorf("%d variables are known, want %d: %v", len(got), want, got)
	}
}

// TestClientVariables holds the list to what the source reads.
func TestClientVariables(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Concat(clientVariables, serveVariables())
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(BELAY_[A-Z_]*[A-Z])"`).FindAllSubmatch(source, -1) {
			if !slices.Contains(known, string(m[1])) {
				t.Errorf("%s reads %s, which is not in the list", file, m[1])
			}
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	f := newFixture(t, map[string]string{
		"BELAY_LISTENN": "secret-value", "BELAY_DATADIR": "x", "BELAY_COLOUR_OF_THE_SKY": "x",
		"BELAY_LISTEN": "127.0.0.1:0", "BELAY_TOKEN_FILE": "x", "BELAY_DATABASE_FILE": "", "BELAY_KEY": "x",
		"BELAY_PORT": "tcp://10.0.0.1:9081", "BELAY_PORT_9081_TCP_ADDR": "x", "BELAY_SERVICE_HOST": "x", "BELAY_SERVICE_PORT_HTTP": "x",
		"BELAYED": "x",
	})
	served := false
	f.Serve = func(context.Context, ServeConfig, *Program) error {
		served = true
		return nil
	}
	f.run(t, exitDone, "serve")
	want := "warning: BELAY_COLOUR_OF_THE_SKY has no effect: there is no such setting\n" +
		"warning: BELAY_DATADIR has no effect — did you mean BELAY_DATA_DIR?\n" +
		"warning: BELAY_LISTENN has no effect — did you mean BELAY_LISTEN?\n"
	if f.err.String() != want || !served {
		t.Errorf("served %t, said\n%s", served, f.err)
	}
	f.run(t, exitDone, "help")
	if bytes.Contains(f.err.Bytes(), []byte("BELAY_")) {
		t.Errorf("another command says %s", f.err)
	}
}
