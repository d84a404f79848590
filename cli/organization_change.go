package cli

import (
	"context"
	"net/http"
)

type organizationCreate struct {
	Name        string `arg:"" help:"Its name."`
	Description string `placeholder:"TEXT" help:"What it is for."`
}

// Help gives examples.
func (*organizationCreate) Help() string {
	return "Whoever owns an organization can create another.\n\n" + examples(
		"belay organization create northwind", `belay organization create lab --description "for trials"`)
}

// Run creates an organization.
func (c *organizationCreate) Run(ctx context.Context, in *invocation) error {
	r := organizations()
	it, err := in.change(ctx, request{method: http.MethodPost, path: r.path, body: map[string]any{"name": c.Name, "description": c.Description}})
	if err != nil {
		return err
	}
	in.say(good, "organization %s created (%s)", it.name(), shortID(it.id()))
	in.say(plain, "Next: belay organization use %s", shellWord(it.name()))
	return in.showChanged(r, it)
}

type organizationEdit struct {
	Organization string `arg:"" help:"The organization." complete:"organization"`
	renaming
}

// Help gives examples.
func (*organizationEdit) Help() string {
	return examples(`belay organization edit "My Org" --name northwind`, `belay organization edit "My Org" --description "boats and bicycles"`)
}

// Run changes an organization.
func (c *organizationEdit) Run(ctx context.Context, in *invocation) error {
	return in.editNamed(ctx, organizations(), c.Organization, &c.renaming)
}

type organizationDelete struct {
	Names []string `arg:"" name:"name" help:"The organizations; - reads names from standard input." complete:"organization"`
}

// Help gives examples.
func (*organizationDelete) Help() string {
	return "Only an owner can, and not the only organization that he belongs to.\n\n" + examples(
		"belay organization delete old --confirm old", "belay organization delete old --dry-run")
}

// Run deletes organizations.
func (c *organizationDelete) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: organizations(), severe: true, after: "Nobody reaches what is in it until it is restored.",
	}, c.Names)
}

type organizationRestore struct{ restoring }

// Help gives examples.
func (*organizationRestore) Help() string {
	return "It comes back with all that is in it.\n\n" + examples(
		"belay organization restore gone", "belay organization list --deleted -o name | belay organization restore -")
}

// Run takes deletions back.
func (c *organizationRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, organizations(), c.Names)
}
