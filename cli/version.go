package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"

	"github.com/alecthomas/kong"
)

// versionFlag is --version, which any command line may have.
type versionFlag bool

// BeforeReset shows the version and ends.
func (versionFlag) BeforeReset(k *kong.Kong, in *invocation) error {
	k.Exit(exitDone)
	_, err := fmt.Fprintf(in.Stdout, "belay %s\n", in.Version)
	return err
}

type versionCommand struct {
	Check bool `help:"Ask the server for its version too."`
}

// Help gives examples.
func (*versionCommand) Help() string { return examples("belay version", "belay version --check") }

// Run shows the version of this program. The server is asked only on request.
func (c *versionCommand) Run(ctx context.Context, in *invocation) error {
	answer := map[string]any{"client": map[string]any{
		"version": in.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}}
	if c.Check {
		if err := in.knownContext(); err != nil {
			return err
		}
		res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/system/version"})
		if err != nil {
			return err
		}
		answer["server"] = res.body
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("show the version: %w", err)
	}
	it, err := newItem(raw)
	if err != nil {
		return err
	}
	if in.machine() {
		return in.show(document{raw: raw, items: []item{it}, noun: "version", single: true})
	}
	text := fmt.Sprintf("belay %s (%s, %s)\n", in.Version, it.text("client.go"), it.text("client.platform"))
	if c.Check {
		text += "server " + printable(it.text("server.version")) + "\n"
	}
	_, err = io.WriteString(in.Stdout, text)
	return err
}
