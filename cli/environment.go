package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

type environmentCommands struct {
	List     environmentList     `cmd:"" aliases:"ls" help:"List environments."`
	View     environmentView     `cmd:"" aliases:"show" help:"Show one environment and the connections in it."`
	Create   environmentCreate   `cmd:"" help:"Create an environment, with connections if you like."`
	Edit     environmentEdit     `cmd:"" help:"Change an environment."`
	Delete   environmentDelete   `cmd:"" aliases:"rm" help:"Delete an environment; its connections stay."`
	Restore  environmentRestore  `cmd:"" help:"Take back the deletion of environments."`
	Assign   environmentAssign   `cmd:"" help:"Put connections into an environment."`
	Unassign environmentUnassign `cmd:"" help:"Take connections out of an environment."`
	Test     environmentTest     `cmd:"" help:"Test every connection of an environment."`
}

func environments() resource {
	return resource{
		noun: "environment", key: "environments", path: "/api/environments", aliases: []string{"env"},
		columns: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"),
			when("UPDATED", "updatedAt"), field("ID", "id").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"), field("ID", "id"),
			when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
		},
		queries: map[string]string{"workspace": "filter", "connection": "filter"},
		order:   "name asc", scoped: true, restorable: true,
	}
}

type environmentList struct {
	listing
	deletedFlag
}

// Help gives examples.
func (*environmentList) Help() string {
	return examples("belay environment list", "belay environment list --filter workspace=payments -o name")
}

// Run lists environments.
func (c *environmentList) Run(ctx context.Context, in *invocation) error {
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, environments())
}

type environmentView struct {
	Name string `arg:"" help:"The environment." complete:"environment"`
}

// Help gives examples.
func (*environmentView) Help() string {
	return "As a document it has its connections in it, all of them.\n\n" + examples("belay environment view production", "belay environment view production --jq '.connections[].name'")
}

// Run shows one environment and what it holds.
func (c *environmentView) Run(ctx context.Context, in *invocation) error {
	return in.viewHolder(ctx, environments(), c.Name, holdings(connections())...)
}

// held are the connections in an environment.
func (in *invocation) held(ctx context.Context, id string) (*page, error) {
	return in.fetchUpTo(ctx, connections(), environments().at(id, "connections"), url.Values{}, 0)
}

type environmentCreate struct {
	naming
	Assign []string `placeholder:"NAME,…" help:"Connections to put into it." complete:"connection"`
}

// Help gives examples.
func (*environmentCreate) Help() string {
	return examples("belay environment create production --assign github-northwind,k8s-prod,prom-prod",
		`belay environment create dev/test --description "where things are tried"`)
}

// Run creates an environment. The connections are looked up first, so that a
// wrong name leaves nothing behind.
func (c *environmentCreate) Run(ctx context.Context, in *invocation) error {
	assigned, err := in.findAll(ctx, connections(), c.Assign)
	if err != nil {
		return err
	}
	it, err := c.create(ctx, in, environments())
	if err != nil {
		return err
	}
	in.say(good, "environment %s created (%s)", it.name(), shortID(it.id()))
	if err := in.showChanged(environments(), it); err != nil || len(assigned) == 0 {
		return err
	}
	return in.pair(ctx, assigning(http.MethodPost), []item{it}, assigned)
}

type environmentEdit struct {
	Environment string `arg:"" help:"The environment." complete:"environment"`
	renaming
}

// Help gives examples.
func (*environmentEdit) Help() string {
	return examples("belay environment edit production --name prod", `belay environment edit dev/test --description "scratch"`)
}

// Run changes an environment.
func (c *environmentEdit) Run(ctx context.Context, in *invocation) error {
	return in.editNamed(ctx, environments(), c.Environment, &c.renaming)
}

type environmentDelete struct {
	Names []string `arg:"" name:"name" help:"The environments; - reads names from standard input." complete:"environment"`
}

// Help gives examples.
func (*environmentDelete) Help() string {
	return examples("belay environment delete lab --dry-run", "belay environment delete lab --confirm lab --no-input")
}

// Run deletes environments after saying what stays.
func (c *environmentDelete) Run(ctx context.Context, in *invocation) error {
	alone := 0
	err := in.deleteAll(ctx, deleting{
		resource: environments(), after: "No connection was deleted.", severe: true,
		affects: func(ctx context.Context, env item) (consequences, error) {
			c, n, err := in.affectedByEnvironment(ctx, env)
			alone += n
			return c, err
		},
	}, c.Names)
	if err == nil && alone > 0 && !in.flags.DryRun {
		in.say(plain, "See them: belay connection list --environment none")
	}
	return err
}

// affectedByEnvironment says what the deletion of an environment leaves and
// who misses it, and returns how many connections are in none after it.
func (in *invocation) affectedByEnvironment(ctx context.Context, env item) (c consequences, alone int, err error) {
	held, err := in.held(ctx, env.id())
	if err != nil {
		return c, 0, err
	}
	shared, err := in.sharedIn(ctx, env)
	if err != nil {
		return c, 0, err
	}
	c.detaches = append(relatedTo(connections(), held.items), relatedTo(workspaces(), shared)...)
	c.stays = relatedTo(connections(), held.items)
	if len(held.items) == 0 {
		c.lines = []string{env.name() + " holds no connection."}
		return c, 0, nil
	}
	alone = len(keep(held.items, func(it item) bool { return len(it.names("environments")) <= 1 }))
	c.lines = []string{fmt.Sprintf("Stays:   %s (%s) and every credential. %d also in other environments, %d will be in none.",
		count(len(held.items), connections()), someNames(allNames(held.items)), len(held.items)-alone, alone)}
	if len(shared) > 0 {
		c.lines = append(c.lines, fmt.Sprintf("Changes: the people of %s lose what is in it.", someNames(allNames(shared))))
	}
	return c, alone, nil
}

// sharedIn are the workspaces that have an environment, of those that the
// caller sees.
func (in *invocation) sharedIn(ctx context.Context, env item) ([]item, error) {
	n := narrowing{in: in, r: workspaces(), query: url.Values{}, members: map[string]any{"environment": env.id()}}
	if err := n.encode(); err != nil {
		return nil, err
	}
	p, err := in.fetchUpTo(ctx, n.r, n.r.path, n.query, 0)
	if err != nil {
		return nil, err
	}
	return p.items, nil
}

func assigning(method string) pairing {
	verb := "is now in"
	if method == http.MethodDelete {
		verb = "is no longer in"
	}
	return pairing{holder: environments(), held: connections(), below: "connections", method: method, verb: verb}
}

// assign puts connections into environments, or takes them out.
func (in *invocation) assign(ctx context.Context, method string, envs, conns []string) error {
	holders, err := in.findAll(ctx, environments(), envs)
	if err != nil {
		return err
	}
	held, err := in.findAll(ctx, connections(), conns)
	if err != nil {
		return err
	}
	if len(holders) == 0 || len(held) == 0 {
		return usage("there is nothing to assign").withHelp("name at least one connection and one environment")
	}
	refs := conns
	if several(envs) {
		refs = slices.Concat(envs, conns)
	}
	return in.showPaired(ctx, assigning(method), refs, holders, held)
}

type environmentAssign struct {
	Environment string   `arg:"" help:"The environment." complete:"environment"`
	Connections []string `arg:"" name:"connection" help:"The connections; - reads names from standard input." complete:"connection"`
}

// Help gives examples.
func (*environmentAssign) Help() string {
	return examples("belay environment assign production prod-eu prom-eu",
		"belay connection list --label team=pay -o name | belay environment assign payments -")
}

// Run puts connections into an environment.
func (c *environmentAssign) Run(ctx context.Context, in *invocation) error {
	return in.assign(ctx, http.MethodPost, []string{c.Environment}, c.Connections)
}

type environmentUnassign struct {
	Environment string   `arg:"" help:"The environment." complete:"environment"`
	Connections []string `arg:"" name:"connection" help:"The connections; - reads names from standard input." complete:"connection"`
}

// Help gives examples.
func (*environmentUnassign) Help() string {
	return examples("belay environment unassign production prom-lab", "belay environment unassign dev/test prom-a prom-b")
}

// Run takes connections out of an environment.
func (c *environmentUnassign) Run(ctx context.Context, in *invocation) error {
	return in.assign(ctx, http.MethodDelete, []string{c.Environment}, c.Connections)
}
