package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

type teamCommands struct {
	List         teamList         `cmd:"" aliases:"ls" help:"List teams."`
	View         teamView         `cmd:"" aliases:"show" help:"Show one team and who is in it."`
	Create       teamCreate       `cmd:"" help:"Create a team."`
	Edit         teamEdit         `cmd:"" help:"Change a team."`
	Delete       teamDelete       `cmd:"" aliases:"rm" help:"Delete teams."`
	Restore      teamRestore      `cmd:"" help:"Take back the deletion of teams."`
	AddMember    teamAddMember    `cmd:"" help:"Put users into a team."`
	RemoveMember teamRemoveMember `cmd:"" help:"Take users out of a team."`
}

func teams() resource {
	return resource{
		noun: "team", key: "teams", path: "/api/identity/orgs/" + organizationPart + "/teams",
		columns: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"), when("UPDATED", "updatedAt"), field("ID", "id").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("DESCRIPTION", "description"), field("OWNER", "owner"), field("ID", "id"),
			when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
		},
		queries: map[string]string{"workspace": "filter", "user": "filter"},
		order:   "name asc", restorable: true,
	}
}

type teamList struct {
	listing
	deletedFlag
}

// Help gives examples.
func (*teamList) Help() string {
	return examples("belay team list", "belay team list --filter workspace=payments")
}

// Run lists teams.
func (c *teamList) Run(ctx context.Context, in *invocation) error {
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, teams())
}

type teamView struct {
	Name string `arg:"" help:"The team." complete:"team"`
}

// Help gives examples.
func (*teamView) Help() string {
	return "As a document it has its users in it, all of them.\n\n" + examples("belay team view sre", "belay team view sre --jq '.users[].email'")
}

// Run shows one team and who is in it.
func (c *teamView) Run(ctx context.Context, in *invocation) error {
	return in.viewHolder(ctx, teams(), c.Name, holding{resource: users(), below: users().plural, query: inTeam()})
}

// inTeam narrows the users below a team, who otherwise are those that could be
// in it, to those who are.
func inTeam() url.Values { return url.Values{"filter": {`{"assigned":true}`}} }

// teamUsers are those who are in a team, up to a limit; 0: all.
func (in *invocation) teamUsers(ctx context.Context, team item, limit int) (*page, error) {
	return in.fetchUpTo(ctx, users(), teams().at(team.id(), "users"), inTeam(), limit)
}

type teamCreate struct {
	Name        string `arg:"" help:"Its name."`
	Description string `placeholder:"TEXT" help:"What it is for."`
}

// Help gives examples.
func (*teamCreate) Help() string {
	return examples("belay team create ops", `belay team create web --description "who builds the shop"`)
}

// Run creates a team.
func (c *teamCreate) Run(ctx context.Context, in *invocation) error {
	it, err := in.change(ctx, request{method: http.MethodPost, path: teams().path, body: map[string]any{"name": c.Name, "description": c.Description}})
	if err != nil {
		return in.taken(ctx, err, teams(), c.Name, otherName)
	}
	in.say(good, "team %s created (%s)", it.name(), shortID(it.id()))
	in.say(plain, "Next: belay team add-member %s USER", shellWord(it.name()))
	return in.showChanged(teams(), it)
}

type teamEdit struct {
	Team string `arg:"" help:"The team." complete:"team"`
	renaming
	Owner string `placeholder:"USER" help:"Whose it is from now on; administrators only." complete:"user"`
}

// Help gives examples.
func (*teamEdit) Help() string {
	return examples("belay team edit sre --name on-call", "belay team edit sre --owner ann@example.com")
}

// Run changes a team.
func (c *teamEdit) Run(ctx context.Context, in *invocation) error {
	it, err := in.edit(ctx, teams(), c.Team, func(_ item, body map[string]any) error {
		c.into(body)
		if c.Owner == "" {
			return nil
		}
		owner, err := in.find(ctx, users(), c.Owner)
		body["owner"] = owner.id()
		return err
	})
	if err != nil {
		return err
	}
	in.sayChanged(teams(), it, "")
	return in.showChanged(teams(), it)
}

type teamDelete struct {
	Names []string `arg:"" name:"name" help:"The teams; - reads names from standard input." complete:"team"`
}

// Help gives examples.
func (*teamDelete) Help() string {
	return examples("belay team delete sre", "belay team delete sre --confirm sre")
}

// Run deletes teams. Who is in them stays.
func (c *teamDelete) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: teams(), after: "Nobody was removed from the organization.",
		affects: func(ctx context.Context, it item) (consequences, error) {
			p, err := in.teamUsers(ctx, it, 1)
			if err != nil || p.total == 0 {
				return consequences{}, err
			}
			return consequences{lines: []string{peopleIn(p.total, it) + " lose what only the team gives."}}, nil
		},
	}, c.Names)
}

// peopleIn says how many people are in a team.
func peopleIn(n int, team item) string {
	if n == 1 {
		return "1 person in team " + team.name()
	}
	return fmt.Sprintf("%d people in team %s", n, team.name())
}

type teamRestore struct{ restoring }

// Help gives examples.
func (*teamRestore) Help() string {
	return "It comes back with its members and its roles in workspaces.\n\n" + examples(
		"belay team restore sre", "belay team list --deleted -o name | belay team restore -")
}

// Run takes deletions back.
func (c *teamRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, teams(), c.Names)
}

// placing are the arguments of the commands about who is in a team.
type placing struct {
	Team  string   `arg:"" help:"The team." complete:"team"`
	Users []string `arg:"" name:"user" help:"The users, by e-mail address; - reads them from standard input." complete:"user"`
}

func (c *placing) run(ctx context.Context, in *invocation, method, verb string) error {
	team, err := in.find(ctx, teams(), c.Team)
	if err != nil {
		return err
	}
	people, err := in.findAll(ctx, users(), c.Users)
	if err != nil {
		return err
	}
	return in.showPaired(ctx, pairing{holder: teams(), held: users(), below: "users", method: method, verb: verb}, c.Users, []item{team}, people)
}

type teamAddMember struct{ placing }

// Help gives examples.
func (*teamAddMember) Help() string {
	return examples("belay team add-member sre ann@example.com", "belay organization member list -o name | belay team add-member sre -")
}

// Run puts users into a team.
func (c *teamAddMember) Run(ctx context.Context, in *invocation) error {
	return c.run(ctx, in, http.MethodPost, "is now in")
}

type teamRemoveMember struct{ placing }

// Help gives examples.
func (*teamRemoveMember) Help() string {
	return examples("belay team remove-member sre ann@example.com", "belay team remove-member sre ann@example.com --dry-run")
}

// Run takes users out of a team.
func (c *teamRemoveMember) Run(ctx context.Context, in *invocation) error {
	return c.run(ctx, in, http.MethodDelete, "is no longer in")
}
