package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

type workspaceCommands struct {
	List              workspaceList              `cmd:"" aliases:"ls" help:"List workspaces."`
	View              workspaceView              `cmd:"" aliases:"show" help:"Show one workspace and the environments in it."`
	Create            workspaceCreate            `cmd:"" help:"Create a workspace."`
	Edit              workspaceEdit              `cmd:"" help:"Change a workspace."`
	Delete            workspaceDelete            `cmd:"" aliases:"rm" help:"Delete workspaces."`
	Restore           workspaceRestore           `cmd:"" help:"Take back the deletion of workspaces."`
	AddEnvironment    workspaceAddEnvironment    `cmd:"" help:"Share environments with a workspace."`
	RemoveEnvironment workspaceRemoveEnvironment `cmd:"" help:"Stop sharing environments with a workspace."`
	AddCredential     workspaceAddCredential     `cmd:"" help:"Let a workspace use credentials."`
	RemoveCredential  workspaceRemoveCredential  `cmd:"" help:"Stop letting a workspace use credentials."`
	AddTeam           workspaceAddTeam           `cmd:"" help:"Give teams a role in a workspace."`
	RemoveTeam        workspaceRemoveTeam        `cmd:"" help:"Take the role of teams in a workspace away."`
	AddUser           workspaceAddUser           `cmd:"" help:"Give users a role in a workspace by themselves."`
	RemoveUser        workspaceRemoveUser        `cmd:"" help:"Take the role of users in a workspace away."`
	Access            workspaceAccess            `cmd:"" help:"Show what a user may in a workspace, and because of what."`
}

func workspaces() resource {
	return resource{
		noun: "workspace", key: "workspaces", path: "/api/workspaces", aliases: []string{"ws"},
		columns: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"),
			when("UPDATED", "updatedAt"), field("ID", "id").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"), field("ID", "id"),
			when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
		},
		queries: map[string]string{"environment": "filter", "credential": "filter"},
		order:   "name asc", scoped: true, restorable: true,
	}
}

type workspaceList struct {
	listing
	deletedFlag
}

// Help gives examples.
func (*workspaceList) Help() string {
	return examples("belay workspace list", "belay workspace list --search pay", "belay workspace list --filter credential=prom-basic")
}

// Run lists workspaces.
func (c *workspaceList) Run(ctx context.Context, in *invocation) error {
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, workspaces())
}

type workspaceView struct {
	Name string `arg:"" help:"The workspace." complete:"workspace"`
}

// Help gives examples.
func (*workspaceView) Help() string {
	return "As a document it has its environments in it, and the teams and users with their roles, all of them.\n\n" + examples("belay workspace view payments", "belay workspace view payments --jq '.environments[].name'")
}

// Run shows one workspace, what is shared in it, and with whom.
func (c *workspaceView) Run(ctx context.Context, in *invocation) error {
	return in.viewHolder(ctx, workspaces(), c.Name, holdings(environments(), grantedTeams(), grantedUsers())...)
}

type workspaceCreate struct{ naming }

// Help gives examples.
func (*workspaceCreate) Help() string {
	return examples("belay workspace create payments", `belay workspace create web --description "the web team"`)
}

// Run creates a workspace.
func (c *workspaceCreate) Run(ctx context.Context, in *invocation) error {
	it, err := c.create(ctx, in, workspaces())
	if err != nil {
		return err
	}
	in.say(good, "workspace %s created (%s)", it.name(), shortID(it.id()))
	in.say(plain, "Next: belay workspace add-environment %s ENVIRONMENT", shellWord(it.name()))
	return in.showChanged(workspaces(), it)
}

type workspaceEdit struct {
	Workspace string `arg:"" help:"The workspace." complete:"workspace"`
	renaming
}

// Help gives examples.
func (*workspaceEdit) Help() string {
	return examples("belay workspace edit payments --name billing", `belay workspace edit web --description ""`)
}

// Run changes a workspace.
func (c *workspaceEdit) Run(ctx context.Context, in *invocation) error {
	return in.editNamed(ctx, workspaces(), c.Workspace, &c.renaming)
}

type workspaceDelete struct {
	Names []string `arg:"" name:"name" help:"The workspaces; - reads names from standard input." complete:"workspace"`
}

// Help gives examples.
func (*workspaceDelete) Help() string {
	return examples("belay workspace delete payments", "belay workspace delete web --confirm web")
}

// Run deletes workspaces. What they held stays.
func (c *workspaceDelete) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: workspaces(), after: "No environment and no credential was deleted.",
		affects: func(ctx context.Context, it item) (consequences, error) {
			p, err := in.fetchUpTo(ctx, environments(), workspaces().at(it.id(), "environments"), url.Values{}, 0)
			if err != nil {
				return consequences{}, err
			}
			c := consequences{detaches: relatedTo(environments(), p.items), stays: relatedTo(environments(), p.items)}
			if len(p.items) > 0 {
				c.lines = []string{fmt.Sprintf("The people of %s lose %s: %s.", it.name(), count(len(p.items), environments()), someNames(allNames(p.items)))}
			}
			return c, nil
		},
	}, c.Names)
}

type workspaceAddEnvironment struct {
	Workspace    string   `arg:"" help:"The workspace." complete:"workspace"`
	Environments []string `arg:"" name:"environment" help:"The environments; - reads names from standard input." complete:"environment"`
}

// Help gives examples.
func (*workspaceAddEnvironment) Help() string {
	return examples("belay workspace add-environment payments production",
		"belay environment list -o name | belay workspace add-environment payments -")
}

// Run shares environments with a workspace.
func (c *workspaceAddEnvironment) Run(ctx context.Context, in *invocation) error {
	return in.share(ctx, c.Workspace, environments(), c.Environments, http.MethodPost, "is now shared with")
}

type workspaceRemoveEnvironment struct {
	Workspace    string   `arg:"" help:"The workspace." complete:"workspace"`
	Environments []string `arg:"" name:"environment" help:"The environments; - reads names from standard input." complete:"environment"`
}

// Help gives examples.
func (*workspaceRemoveEnvironment) Help() string {
	return examples("belay workspace remove-environment payments production",
		"belay workspace remove-environment payments production dev/test")
}

// Run stops sharing environments with a workspace.
func (c *workspaceRemoveEnvironment) Run(ctx context.Context, in *invocation) error {
	return in.share(ctx, c.Workspace, environments(), c.Environments, http.MethodDelete, "is no longer shared with")
}

type workspaceAddCredential struct {
	Workspace   string   `arg:"" help:"The workspace." complete:"workspace"`
	Credentials []string `arg:"" name:"credential" help:"The credentials; - reads names from standard input." complete:"credential"`
}

// Help gives examples.
func (*workspaceAddCredential) Help() string {
	return "Its editors can then attach them to connections and replace their secrets; nobody can read them.\n\n" + examples(
		"belay workspace add-credential payments prom-basic", "belay workspace add-credential payments prom-basic --dry-run")
}

// Run assigns credentials to a workspace.
func (c *workspaceAddCredential) Run(ctx context.Context, in *invocation) error {
	return in.share(ctx, c.Workspace, credentials(), c.Credentials, http.MethodPost, "is now shared with")
}

type workspaceRemoveCredential struct {
	Workspace   string   `arg:"" help:"The workspace." complete:"workspace"`
	Credentials []string `arg:"" name:"credential" help:"The credentials; - reads names from standard input." complete:"credential"`
}

// Help gives examples.
func (*workspaceRemoveCredential) Help() string {
	return "Connections that use them go on doing so.\n\n" + examples(
		"belay workspace remove-credential payments prom-basic", "belay workspace remove-credential payments prom-basic prom-old")
}

// Run takes credentials away from a workspace.
func (c *workspaceRemoveCredential) Run(ctx context.Context, in *invocation) error {
	return in.share(ctx, c.Workspace, credentials(), c.Credentials, http.MethodDelete, "is no longer shared with")
}

// share assigns objects to a workspace, or takes them away from it.
func (in *invocation) share(ctx context.Context, workspace string, held resource, refs []string, method, verb string) error {
	ws, err := in.find(ctx, workspaces(), workspace)
	if err != nil {
		return err
	}
	items, err := in.findAll(ctx, held, refs)
	if err != nil {
		return err
	}
	p := pairing{holder: workspaces(), held: held, below: held.key, method: method, verb: verb}
	return in.showPaired(ctx, p, refs, []item{ws}, items)
}
