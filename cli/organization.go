package cli

import "context"

type organizationCommands struct {
	List    organizationList    `cmd:"" aliases:"ls" help:"List the organizations that you belong to."`
	View    organizationView    `cmd:"" aliases:"show" help:"Show one organization."`
	Use     organizationUse     `cmd:"" help:"Act in this organization from now on."`
	Create  organizationCreate  `cmd:"" help:"Create an organization."`
	Edit    organizationEdit    `cmd:"" help:"Change an organization."`
	Delete  organizationDelete  `cmd:"" aliases:"rm" help:"Delete organizations."`
	Restore organizationRestore `cmd:"" help:"Take back the deletion of organizations."`
	Invite  organizationInvite  `cmd:"" help:"Invite somebody, or a member again, by a link."`
	Member  memberCommands      `cmd:"" aliases:"members" help:"Who belongs to the organization in effect."`
}

func organizations() resource {
	return resource{
		noun: "organization", key: "organizations", path: "/api/identity/orgs", aliases: []string{"org", "orgs"},
		columns: []column{field("NAME", "name"), field("DESCRIPTION", "description"), field("ID", "id")},
		detail: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"), field("COUNTRY", "country"),
			field("REGION", "region"), field("ID", "id"), when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
		},
		restorable: true,
	}
}

type organizationList struct {
	listing
	deletedFlag
}

// Help gives examples.
func (*organizationList) Help() string {
	return examples("belay organization list", "belay organization list --jq '.organizations[].id'")
}

// Run lists organizations.
func (c *organizationList) Run(ctx context.Context, in *invocation) error {
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, organizations())
}

type organizationView struct {
	Name string `arg:"" help:"The organization." complete:"organization"`
}

// Help gives examples.
func (*organizationView) Help() string {
	return examples(`belay organization view "My Org"`, `belay organization view "My Org" --jq .id`)
}

// Run shows one organization.
func (c *organizationView) Run(ctx context.Context, in *invocation) error {
	return in.view(ctx, organizations(), c.Name)
}

type organizationUse struct {
	Name string `arg:"" help:"The organization." complete:"organization"`
}

// Help gives examples.
func (*organizationUse) Help() string {
	return examples(`belay organization use "My Org"`, `belay --context prod organization use northwind`)
}

// Run stores the organization in the current context; without one it makes
// the context "default" for the server in effect.
func (c *organizationUse) Run(ctx context.Context, in *invocation) error {
	it, err := in.find(ctx, organizations(), c.Name)
	if err != nil {
		return err
	}
	name, err := in.updateContext(in.set.context.text, func(cc *contextConfig) {
		cc.Org = it.name()
		if cc.Server == "" {
			cc.Server = in.set.server.text
		}
	})
	if err != nil {
		return err
	}
	in.say(good, "context %s now acts in organization %s", name, it.name())
	return nil
}
