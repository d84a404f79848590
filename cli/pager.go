package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"

	"belay"
)

// preferredPager is the command that shows what is longer than the screen. A
// variable that is there and empty, or "cat", means none.
func (in *invocation) preferredPager(p preferences) setting {
	if v, ok := in.LookupEnv("BELAY_PAGER"); ok {
		return setting{v, "BELAY_PAGER"}
	}
	if p.Pager != "" {
		return setting{p.Pager, in.configFile}
	}
	if v, ok := in.LookupEnv("PAGER"); ok {
		return setting{v, "PAGER"}
	}
	return setting{"less -FIRX", "default"}
}

// emit writes to standard output, through the pager where somebody sits at
// both ends and it is more than the screen holds.
func (in *invocation) emit(b []byte) error {
	if command := in.pagerFor(b); command != nil && in.runPager(command, b) {
		return nil
	}
	_, err := in.Stdout.Write(b)
	return err
}

// pagerFor is the pager's command line for a text, nil for none.
func (in *invocation) pagerFor(b []byte) []string {
	_, lines := screenSize(in.Stdout)
	if lines == 0 || bytes.Count(b, []byte("\n")) < lines || !terminal(in.Stdin) {
		return nil
	}
	if in.env("TERM") == "dumb" || truthy(in.env("BELAY_ACCESSIBLE")) {
		return nil
	}
	pager := in.preferredPager(preferences{})
	if in.set != nil {
		pager = in.set.pager
	}
	command := strings.Fields(pager.text)
	if len(command) == 0 || command[0] == "cat" {
		return nil
	}
	return command
}

// runPager shows a text in a pager and tells whether it could. The pager ends
// by itself: Ctrl-C is a key of its own there.
func (in *invocation) runPager(command []string, b []byte) bool {
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(b), in.Stdout, in.Stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return belay.NamesSecret(name) || name == "BELAY_KEY"
	})
	err := cmd.Run()
	_, ran := errors.AsType[*exec.ExitError](err)
	return err == nil || ran
}
