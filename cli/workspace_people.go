package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"belay"
)

// granting are the flags of the commands that give roles in a workspace.
type granting struct {
	Role string `enum:"viewer,operator,editor,admin," default:"" placeholder:"ROLE" help:"viewer, operator, editor or admin; operator without it, or the role that is had already."`
}

func (g granting) body() any {
	if g.Role == "" {
		return nil
	}
	return map[string]any{"role": g.Role}
}

// give gives teams or users a role in a workspace; granted are those that
// have one, and who says of one whom that lets do something.
func (g granting) give(ctx context.Context, in *invocation, workspace string, held, granted resource, refs []string, who func(item) string) error {
	ws, items, err := in.workspaceAnd(ctx, workspace, held, refs)
	if err != nil {
		return err
	}
	p := pairing{
		holder: workspaces(), held: held, below: granted.key, method: http.MethodPost, verb: "now has a role in", body: g.body(),
		made: func(ctx context.Context, ws, x, answer item) {
			mappings, _ := answer.at(map[string]string{"teams": "workspacesTeamsMapping", "users": "workspacesUsersMapping"}[granted.key]).([]any)
			role := ""
			if len(mappings) == 1 {
				role = item{fields: mappings[0]}.text("role")
			}
			in.say(good, "%s %s is now %s in workspace %s", held.noun, x.name(), role, ws.name())
			in.sayReach(ctx, ws, who(x), role)
		},
	}
	if in.flags.DryRun {
		before, err := in.fetchUpTo(ctx, granted, workspaces().at(ws.id(), granted.key), url.Values{}, 0)
		if err != nil {
			return err
		}
		p.changes = func(x item) []difference { return g.changes(before, x) }
	}
	return in.showPaired(ctx, p, refs, []item{ws}, items)
}

// changes are what giving a role changes of the one that is had.
func (g granting) changes(before *page, x item) []difference {
	var from any
	for _, it := range before.items {
		if it.id() == x.id() {
			from = it.text("role")
		}
	}
	return newRole(from, g.Role, string(belay.RoleOperator))
}

// grantedTeams are the teams of a workspace, with the roles that they have in
// it.
func grantedTeams() resource {
	r := teams()
	r.columns = []column{field("TEAM", "name"), field("ROLE", "role"), when("SINCE", "grantedAt"), field("ID", "id").onlyWide()}
	return r
}

// grantedUsers are the users who have a role in a workspace by themselves.
func grantedUsers() resource {
	r := users()
	r.key = r.plural
	r.columns = []column{field("USER", "email"), field("ROLE", "role"), when("SINCE", "grantedAt"), field("ID", "id").onlyWide()}
	return r
}

// workspaceAnd finds a workspace, and teams or users.
func (in *invocation) workspaceAnd(ctx context.Context, workspace string, held resource, refs []string) (ws item, items []item, err error) {
	if ws, err = in.find(ctx, workspaces(), workspace); err != nil {
		return ws, nil, err
	}
	items, err = in.findAll(ctx, held, refs)
	return ws, items, err
}

// revokeRoles takes the roles of teams or users in a workspace away.
func (in *invocation) revokeRoles(ctx context.Context, workspace string, held resource, refs []string) error {
	ws, items, err := in.workspaceAnd(ctx, workspace, held, refs)
	if err != nil {
		return err
	}
	p := pairing{holder: workspaces(), held: held, below: held.many(), method: http.MethodDelete, verb: "no longer has a role in"}
	return in.showPaired(ctx, p, refs, []item{ws}, items)
}

type workspaceAddTeam struct {
	Workspace string   `arg:"" help:"The workspace." complete:"workspace"`
	Teams     []string `arg:"" name:"team" help:"The teams; - reads names from standard input." complete:"team"`
	granting
}

// Help gives examples.
func (*workspaceAddTeam) Help() string {
	return examples("belay workspace add-team payments sre", "belay workspace add-team payments sre --role editor")
}

// Run gives teams a role in a workspace, and says whom that lets do what.
func (c *workspaceAddTeam) Run(ctx context.Context, in *invocation) error {
	return c.give(ctx, in, c.Workspace, teams(), grantedTeams(), c.Teams, func(team item) string {
		p, err := in.teamUsers(ctx, team, 1)
		if err != nil {
			return "" // it was made; how many that concerns is not worth a failure
		}
		return peopleIn(p.total, team)
	})
}

// sayReach says what somebody can do now with how much of a workspace.
func (in *invocation) sayReach(ctx context.Context, ws item, who, role string) {
	if who == "" {
		return
	}
	filter, err := json.Marshal(map[string]string{"workspace": ws.id()})
	if err != nil {
		return
	}
	p, err := in.fetchUpTo(ctx, connections(), connections().path, url.Values{"filter": {string(filter)}}, 1)
	if err != nil {
		return
	}
	can := map[string]string{"viewer": "see", "operator": "use", "editor": "use and change", "admin": "use and change"}[role]
	in.say(good, "%s can now %s %s. They cannot see any secret.", who, can, count(p.total, connections()))
}

type workspaceRemoveTeam struct {
	Workspace string   `arg:"" help:"The workspace." complete:"workspace"`
	Teams     []string `arg:"" name:"team" help:"The teams; - reads names from standard input." complete:"team"`
}

// Help gives examples.
func (*workspaceRemoveTeam) Help() string {
	return examples("belay workspace remove-team payments sre", "belay workspace remove-team payments sre --dry-run")
}

// Run takes the role of teams in a workspace away.
func (c *workspaceRemoveTeam) Run(ctx context.Context, in *invocation) error {
	return in.revokeRoles(ctx, c.Workspace, teams(), c.Teams)
}

type workspaceAddUser struct {
	Workspace string   `arg:"" help:"The workspace." complete:"workspace"`
	Users     []string `arg:"" name:"user" help:"The users, by e-mail address; - reads them from standard input." complete:"user"`
	granting
}

// Help gives examples.
func (*workspaceAddUser) Help() string {
	return examples("belay workspace add-user payments ann@example.com", "belay workspace add-user payments ann@example.com --role viewer")
}

// Run gives users a role in a workspace.
func (c *workspaceAddUser) Run(ctx context.Context, in *invocation) error {
	return c.give(ctx, in, c.Workspace, users(), grantedUsers(), c.Users, item.name)
}

type workspaceRemoveUser struct {
	Workspace string   `arg:"" help:"The workspace." complete:"workspace"`
	Users     []string `arg:"" name:"user" help:"The users, by e-mail address; - reads them from standard input." complete:"user"`
}

// Help gives examples.
func (*workspaceRemoveUser) Help() string {
	return examples("belay workspace remove-user payments ann@example.com", "belay workspace remove-user payments ann@example.com --dry-run")
}

// Run takes the role of users in a workspace away.
func (c *workspaceRemoveUser) Run(ctx context.Context, in *invocation) error {
	return in.revokeRoles(ctx, c.Workspace, users(), c.Users)
}

type workspaceAccess struct {
	Workspace string `arg:"" help:"The workspace." complete:"workspace"`
	User      string `placeholder:"USER" help:"Whose access; yours without it." complete:"user"`
	Limit     *int   `xor:"many" placeholder:"N" help:"Show at most this many; ${listed} without it."`
	All       bool   `xor:"many" help:"Show all, however many."`
}

// Help gives examples.
func (*workspaceAccess) Help() string {
	return examples("belay workspace access payments", "belay workspace access payments --user ann@example.com")
}

// accesses are the connections of a workspace, with what somebody may.
func accesses() resource {
	return resource{
		noun: "connection", key: "access", plural: "connections",
		columns: []column{field("CONNECTION", "name"), {title: "MAY", cell: mayCell}, {title: "BECAUSE", cell: becauseCell}, field("ID", "id").onlyWide()},
	}
}

// Run shows what somebody may in a workspace.
func (c *workspaceAccess) Run(ctx context.Context, in *invocation) error {
	limit, err := limitOf(c.Limit, c.All, listed)
	if err != nil {
		return err
	}
	ws, err := in.find(ctx, workspaces(), c.Workspace)
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.User != "" {
		id, err := in.userID(ctx, c.User)
		if err != nil {
			return err
		}
		query.Set("user", id)
	}
	r := accesses()
	p, err := in.fetchUpTo(ctx, r, workspaces().at(ws.id(), "access"), query, limit)
	if err != nil {
		return err
	}
	if err := in.show(document{raw: p.document, items: p.items, columns: r.columns, noun: r.noun}); err != nil {
		return err
	}
	in.summarize(r, p, false, c.Limit != nil)
	return nil
}

func mayCell(it item, _ view) cell {
	words := map[string]string{"connection:read": "view", "connection:use": "test", "connection:write": "change"}
	var may []string
	list, _ := it.at("permissions").([]any)
	for _, p := range list {
		may = append(may, words[textOf(p)])
	}
	if len(may) == 0 {
		return cell{text: "nothing", tone: bad}
	}
	return cell{text: strings.Join(may, ", ")}
}

// becauseCell writes every way to a connection, as in "team sre → workspace
// payments → environment production".
func becauseCell(it item, _ view) cell {
	var out []string
	list, _ := it.at("because").([]any)
	for _, way := range list {
		steps, _ := way.([]any)
		var parts []string
		for _, s := range steps {
			step := item{fields: s}
			text := strings.TrimSpace(step.text("type") + " " + step.name())
			switch step.text("type") {
			case "organization":
				text = step.text("role") + " of the organization"
			case "connection":
				text = "owner"
			}
			if hidden, _ := step.at("hidden").(bool); hidden {
				text = "an " + step.text("type") + " that you cannot see"
			}
			parts = append(parts, text)
		}
		out = append(out, strings.Join(parts, " → "))
	}
	return cell{text: strings.Join(out, "; ")}
}
