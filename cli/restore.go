package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"belay"
)

// deletedFlag is the flag of lists of what a deletion can be taken back of.
type deletedFlag struct {
	Deleted bool `help:"List what was deleted and can be restored."`
}

// restorableFor is how long a deletion can be taken back.
const restorableFor = 30 * 24 * time.Hour

// deletedColumns are those of what was deleted: since when, and until when
// that can be taken back.
func deletedColumns() []column {
	until := column{title: "RESTORABLE UNTIL", track: track{firm: true}, cell: func(it item, _ view) cell {
		t, ok := it.time("deletedAt")
		if !ok {
			return cell{}
		}
		return cell{text: t.Add(restorableFor).UTC().Format(time.DateOnly)}
	}}
	return []column{field("NAME", "name"), when("DELETED", "deletedAt"), until, field("ID", "id").firm().spare(1)}
}

// undoing is the command that takes a deletion back.
func undoing(r resource, name string) string {
	command := "belay " + r.noun + " restore "
	if strings.HasPrefix(name, "-") {
		command += "-- " // else it would be taken for a flag
	}
	return command + shellWord(name)
}

// restoring are the arguments of the commands that take deletions back.
type restoring struct {
	Names []string `arg:"" name:"name" help:"What was deleted, by name or by id; - reads names from standard input."`
}

type connectionRestore struct{ restoring }

// Help gives examples.
func (*connectionRestore) Help() string {
	return "It comes back with its environments and credentials, in the state registered; its health is unchecked until it is tested. What to do about a credential that was deleted as well is said.\n\n" + examples(
		"belay connection restore prom-lab", "belay connection list --deleted -o name | belay connection restore -")
}

// Run takes deletions back.
func (c *connectionRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, connections(), c.Names)
}

type credentialRestore struct{ restoring }

// Help gives examples.
func (*credentialRestore) Help() string {
	return "It comes back with its secret. Connections from which it was detached stay without it.\n\n" + examples(
		"belay credential restore prom-old", "belay credential list --deleted -o name | belay credential restore -")
}

// Run takes deletions back.
func (c *credentialRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, credentials(), c.Names)
}

type environmentRestore struct{ restoring }

// Help gives examples.
func (*environmentRestore) Help() string {
	return "It comes back with its connections, in the workspaces that it was shared with.\n\n" + examples(
		"belay environment restore lab", "belay environment list --deleted -o name | belay environment restore -")
}

// Run takes deletions back.
func (c *environmentRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, environments(), c.Names)
}

type workspaceRestore struct{ restoring }

// Help gives examples.
func (*workspaceRestore) Help() string {
	return "It comes back with what was shared in it, and with its people.\n\n" + examples(
		"belay workspace restore web", "belay workspace list --deleted -o name | belay workspace restore -")
}

// Run takes deletions back.
func (c *workspaceRestore) Run(ctx context.Context, in *invocation) error {
	return in.restoreAll(ctx, workspaces(), c.Names)
}

// restoreAll takes the deletions of what the references name back.
func (in *invocation) restoreAll(ctx context.Context, r resource, refs []string) error {
	names, err := in.expand(refs)
	if err != nil {
		return err
	}
	gone, err := in.deleted(ctx, r)
	if err != nil {
		return err
	}
	var items []item
	for _, ref := range names {
		it, err := r.findDeleted(gone, ref)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(items, func(o item) bool { return o.id() == it.id() }) {
			items = append(items, it)
		}
	}
	return in.each(r, "restored", refs, items, func(it item) error {
		back, err := in.change(ctx, request{
			method: http.MethodPost, path: r.at(it.id(), "restore"),
			would: &outcome{text: "would restore " + r.noun + " " + it.name(), r: r, it: it},
		})
		if err != nil {
			return err
		}
		in.say(good, "%s %s is restored", r.noun, back.name())
		in.sayGoneCredentials(ctx, back)
		if r.noun == connections().noun {
			in.say(plain, "It is %s, and not tested since: belay connection test %s", back.text("status"), shellWord(back.name()))
		}
		if r.noun == credentials().noun {
			in.say(plain, "Connections from which it was detached stay without it: belay connection credential CONNECTION --use %s", shellWord(back.name()))
		}
		return in.showChanged(r, back)
	})
}

// sayGoneCredentials says which credentials of a connection were deleted, and
// what to do about them.
func (in *invocation) sayGoneCredentials(ctx context.Context, conn item) {
	for _, use := range keep(conn.objects("credentials"), func(use item) bool { return use.at("deleted") == true }) {
		other := "belay connection credential " + shellWord(conn.name()) + " --use NAME"
		cred, _, err := in.credentialOf(ctx, use.id())
		if err != nil {
			in.warn("its credential %s was deleted, and cannot be restored by you", use.id())
			in.say(plain, "  use another one: %s", other)
			continue
		}
		in.warn("its credential %s was deleted — %s cannot sign in with it", cred.name(), conn.name())
		in.say(plain, "  restore it: %s", undoing(credentials(), cred.name()))
		in.say(plain, "  or use another one: %s", other)
	}
}

// deleted are the objects of a noun of which the deletion can be taken back.
func (in *invocation) deleted(ctx context.Context, r resource) ([]item, error) {
	n := narrowing{in: in, r: r, query: url.Values{}, members: map[string]any{}}
	n.onlyDeleted()
	if err := n.encode(); err != nil {
		return nil, err
	}
	p, err := in.fetchUpTo(ctx, r, r.path, n.query, 0)
	if err != nil {
		return nil, err
	}
	return p.items, nil
}

// onlyDeleted asks for what was deleted. Of connections that is a state.
func (n *narrowing) onlyDeleted() {
	if n.r.queries["state"] != "" {
		n.query.Set(n.r.queries["state"], string(belay.StatusDeleted))
		return
	}
	n.members["deleted"] = true
}

// oneDeleted is one for what was deleted, of which the newest of several with
// one name is not known to be meant.
func oneDeleted(r resource, ref string, found []item) (item, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	f := usage("%d %s that were called %q are deleted", len(found), r.key, ref).withHelp("name the one by its id: belay " + r.noun + " restore ID")
	for _, it := range found {
		line := it.id() + "  " + it.name()
		if at, ok := it.time("deletedAt"); ok {
			line += "  deleted " + at.UTC().Format(time.RFC3339)
		}
		f.help = append(f.help, line)
	}
	return item{}, f
}

// deletedName is what each of what was deleted is called by: its name, or its
// id where others have had the same name.
func deletedName(items []item) func(item) string {
	names := map[string]int{}
	for _, it := range items {
		names[strings.ToLower(it.name())]++
	}
	return func(it item) string {
		if names[strings.ToLower(it.name())] > 1 {
			return it.id()
		}
		return it.name()
	}
}

// findDeleted finds one of what was deleted. Deleted objects do not keep
// their names to themselves: several can have had the same.
func (r resource) findDeleted(gone []item, ref string) (item, error) {
	name, err := r.unqualify(ref)
	if err != nil {
		return item{}, err
	}
	if i := slices.IndexFunc(gone, func(it item) bool { return it.id() == name }); i >= 0 {
		return gone[i], nil
	}
	for _, found := range [][]item{named(gone, name), withPrefix(gone, name)} {
		if len(found) > 0 {
			return oneDeleted(r, name, found)
		}
	}
	f := &failure{exit: exitNotFound, what: fmt.Sprintf("no %s %q was deleted that could be restored", r.noun, name)}
	if near, ok := nearest(name, allNames(gone)); ok {
		f.help = append(f.help, "did you mean: "+near)
	}
	return item{}, f.withHelp("see: belay " + r.noun + " list --deleted")
}
