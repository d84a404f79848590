package cli

import (
	"context"
	"net/http"
)

type connectionAssign struct {
	Names       []string `arg:"" name:"name" help:"The connections; - reads names from standard input." complete:"connection"`
	Environment []string `required:"" placeholder:"NAME" help:"The environment." complete:"environment"`
}

// Help gives examples.
func (*connectionAssign) Help() string {
	return examples("belay connection assign prod-eu prom-eu --environment production",
		"belay connection assign github --environment production --environment dev/test")
}

// Run puts connections into environments.
func (c *connectionAssign) Run(ctx context.Context, in *invocation) error {
	return in.assign(ctx, http.MethodPost, c.Environment, c.Names)
}

type connectionUnassign struct {
	Names       []string `arg:"" name:"name" help:"The connections; - reads names from standard input." complete:"connection"`
	Environment []string `required:"" placeholder:"NAME" help:"The environment." complete:"environment"`
}

// Help gives examples.
func (*connectionUnassign) Help() string {
	return examples("belay connection unassign prom-lab --environment production",
		"belay connection unassign prom-a prom-b --environment dev/test")
}

// Run takes connections out of environments.
func (c *connectionUnassign) Run(ctx context.Context, in *invocation) error {
	return in.assign(ctx, http.MethodDelete, c.Environment, c.Names)
}
