package cli

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// examples is the part of a help text that shows how a command is used.
func examples(lines ...string) string {
	return "Examples:\n  " + strings.Join(lines, "\n  ")
}

// listAll is a column of names, each of them.
func listAll(title, path string) column {
	return column{title: title, cell: func(it item, _ view) cell {
		return cell{text: strings.Join(it.names(path), ", ")}
	}}
}

// pairs writes an object of texts as k=v, ordered.
func pairs(v any) []string {
	m, _ := v.(map[string]any)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+textOf(m[k]))
	}
	return out
}

// keyValues reads KEY=VALUE arguments.
func keyValues(flag string, given []string) (map[string]string, error) {
	out := map[string]string{}
	for _, g := range given {
		k, v, ok := strings.Cut(g, "=")
		if !ok || k == "" {
			return nil, usage("%s %q is not KEY=VALUE", flag, g)
		}
		out[k] = v
	}
	return out, nil
}

// deleting is how things of a noun are deleted.
type deleting struct {
	resource
	after   string                                            // what stays, said when it is done
	affects func(context.Context, item) (consequences, error) // nil: there are none
	request func(item) request                                // nil: as nearly all are deleted
	severe  bool                                              // its name must be typed
	word    string                                            // what it is afterwards; "": deleted
	verb    string                                            // what is done to it; "": delete
}

// consequences are what the deletion of an object does to others.
type consequences struct {
	lines    []string // for people
	detaches []related
	stays    []related
	undo     []string // commands that, after the restoring, make good what ends
}

// deleteAll deletes what the references name, after one question each, and
// goes on when one of several fails. Before it asks, and in a dry run, it
// says what that affects.
func (in *invocation) deleteAll(ctx context.Context, d deleting, refs []string) error {
	items, err := in.findAll(ctx, d.resource, refs)
	if err != nil {
		return err
	}
	if err := in.confirmable("delete", items); err != nil {
		return err
	}
	if d.request == nil {
		d.request = func(it item) request { return request{path: d.at(it.id())} }
	}
	return in.each(d.resource, cmp.Or(d.word, "deleted"), refs, items, func(it item) error { return in.deleteOne(ctx, d, it) })
}

// wouldBe is what a deletion would do.
func (d deleting) wouldBe(it item) string {
	if d.word != "" {
		return d.noun + " " + it.name() + " would be " + d.word
	}
	return "would delete " + d.noun + " " + it.name()
}

func (in *invocation) deleteOne(ctx context.Context, d deleting, it item) error {
	var c consequences
	if d.affects != nil {
		var err error
		if c, err = d.affects(ctx, it); err != nil {
			return err
		}
	}
	for _, line := range c.lines {
		in.say(plain, "%s", line)
	}
	if err := in.confirm(deletion{noun: d.noun, name: it.name(), severe: d.severe, verb: d.verb}); err != nil {
		return err
	}
	r := d.request(it)
	r.method = http.MethodDelete
	r.would = &outcome{text: d.wouldBe(it), r: d.resource, it: it, detaches: c.detaches, stays: c.stays}
	if _, err := in.change(ctx, r); err != nil {
		return err
	}
	in.say(good, "%s", strings.TrimSpace(d.noun+" "+it.name()+" "+cmp.Or(d.word, "deleted")+". "+d.after))
	if d.restorable {
		for i, command := range append([]string{undoing(d.resource, it.name())}, c.undo...) {
			label := "Undo: "
			if i > 0 {
				label = "      "
			}
			in.say(plain, "%s%s", label, command)
		}
	}
	return in.showChanged(d.resource, it)
}

// named creates an object that has a name and a description only.
type naming struct {
	Name        string `arg:"" help:"Its name."`
	Description string `placeholder:"TEXT" help:"What it is for."`
}

// create makes an object of such a noun in the organization in effect.
func (n *naming) create(ctx context.Context, in *invocation, r resource) (item, error) {
	body := map[string]any{"name": n.Name, "description": n.Description}
	id, err := in.organizationID(ctx)
	if err != nil {
		return item{}, err
	}
	if id != "" {
		body["organizationId"] = id
	}
	it, err := in.change(ctx, request{method: http.MethodPost, path: r.path, body: body, rehearsed: true})
	return it, in.taken(ctx, err, r, n.Name, func(word string) []string {
		return []string{"change it: belay " + r.noun + " edit " + word + " --description TEXT", "or choose another name"}
	})
}

// otherName is all that can be done where something else has a name.
func otherName(string) []string { return []string{"choose another name"} }

// renaming changes an object's name and description.
type renaming struct {
	Name        string  `placeholder:"NAME" help:"A new name."`
	Description *string `placeholder:"TEXT" help:"A new description."`
}

func (n *renaming) into(body map[string]any) {
	if n.Name != "" {
		body["name"] = n.Name
	}
	if n.Description != nil {
		body["description"] = *n.Description
	}
}

// edit changes one object, if it is still as it was read: fill gets the
// object and the body to send.
func (in *invocation) edit(ctx context.Context, r resource, ref string, fill func(item, map[string]any) error) (item, error) {
	found, err := in.find(ctx, r, ref)
	if err != nil {
		return item{}, err
	}
	it, etag, err := in.get(ctx, r, found.id())
	if err != nil {
		return item{}, err
	}
	body := map[string]any{}
	if err := fill(it, body); err != nil {
		return item{}, err
	}
	if len(body) == 0 {
		return item{}, usage("there is nothing to change — say what, with a flag").withHelp("see: belay " + r.noun + " edit --help")
	}
	return in.put(ctx, r, it, request{path: r.at(it.id()), ifMatch: etag}, body)
}

// put changes an object by its path and the ETag that it was read with. What
// is so already is not sent.
func (in *invocation) put(ctx context.Context, r resource, it item, req request, body map[string]any) (item, error) {
	changes, err := differences(it, body)
	if err != nil {
		return item{}, err
	}
	if len(changes) == 0 && !in.flags.DryRun {
		it.unchanged = true
		return it, nil
	}
	name, _ := body["name"].(string)
	req.method, req.body, req.rehearsed = http.MethodPut, body, true
	req.would = &outcome{text: "would change " + r.noun + " " + it.name(), r: r, it: it, changes: append([]difference{}, changes...)}
	changed, err := in.change(ctx, req)
	if err != nil {
		return item{}, in.taken(ctx, err, r, name, otherName)
	}
	changed.unchanged = alike(it, changed)
	return changed, nil
}

// sayChanged says that an object was changed, or that it was so already.
func (in *invocation) sayChanged(r resource, it item, more string) {
	if it.unchanged {
		in.say(plain, "%s %s unchanged: it is so already", r.noun, it.name())
		return
	}
	in.say(good, "%s %s changed%s", r.noun, it.name(), more)
}

// editNamed is edit for nouns that have a name and a description only.
func (in *invocation) editNamed(ctx context.Context, r resource, ref string, n *renaming) error {
	it, err := in.edit(ctx, r, ref, func(_ item, body map[string]any) error {
		n.into(body)
		return nil
	})
	if err != nil {
		return err
	}
	in.sayChanged(r, it, "")
	return in.showChanged(r, it)
}
