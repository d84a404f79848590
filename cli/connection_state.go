package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"belay"
)

type connectionState struct {
	Name  string `arg:"" help:"The connection." complete:"connection"`
	State string `arg:"" optional:"" help:"Where it should stand; without it, where it can go is shown." complete:"status"`
}

// Help gives examples.
func (*connectionState) Help() string {
	return examples("belay connection state prod-eu", "belay connection state prod-eu maintenance",
		"belay connection state prod-eu connected")
}

// Run changes where a connection stands. Connected is reached only by a test
// that passes.
func (c *connectionState) Run(ctx context.Context, in *invocation) error {
	if c.State == "" {
		return c.showTransitions(ctx, in)
	}
	if err := checkState(c.State, c.Name); err != nil {
		return err
	}
	found, err := in.find(ctx, connections(), c.Name)
	if err != nil {
		return err
	}
	now, _, err := in.get(ctx, connections(), found.id())
	if err != nil {
		return err
	}
	if in.flags.DryRun && c.State == string(belay.StatusConnected) && now.text("status") != c.State {
		in.say(plain, "Connected is reached only by a test that passes.")
	}
	it, err := in.put(ctx, connections(), now, request{path: connections().at(now.id()), timeout: testTimeout}, map[string]any{"status": c.State})
	if err != nil {
		return leadOn(err, now)
	}
	if err := in.showChanged(connections(), it); err != nil {
		return err
	}
	if it.unchanged && it.text("status") == c.State {
		in.say(plain, "connection %s unchanged: it is %s already", it.name(), inState(c.State))
		return nil
	}
	if got := it.text("status"); got != c.State {
		f := &failure{exit: exitUnhealthy, what: it.name() + " is " + inState(got) + ", not " + c.State, why: first(setting{text: it.text("statusReason")}, setting{text: it.text("health.summary")}).text}
		f.help = append(f.help, "see why: belay connection test "+shellWord(it.name()))
		if got == string(belay.StatusMaintenance) {
			f.help = append(f.help, "end the maintenance all the same: "+endMaintenance(it.name()))
		}
		return f
	}
	in.say(good, "%s is now %s", it.name(), inState(c.State))
	return nil
}

// leadOn adds to the refusal of a state the commands for those that can be
// reached.
func leadOn(err error, now item) error {
	f, ok := errors.AsType[*failure](err)
	var p problem
	if !ok || json.Unmarshal(f.document, &p) != nil || p.Code != belay.CodeIllegalTransition {
		return err
	}
	word := shellWord(now.name())
	for _, t := range belay.Status(now.text("status")).Transitions() {
		switch {
		case !t.ByUser:
		case t.To == belay.StatusDeleted:
			f.help = append(f.help, "belay connection delete "+word)
		default:
			f.help = append(f.help, "belay connection state "+word+" "+string(t.To))
		}
	}
	return f
}

// inState says where something stands.
func inState(state string) string {
	return strings.Replace(state, "maintenance", "in maintenance", 1)
}

// reachable are the states that a person can ask for. Deletion is a command
// of its own.
func reachable() []string {
	var out []string
	for _, s := range belay.Statuses() {
		if s != belay.StatusDiscovered && s != belay.StatusNotFound && s != belay.StatusDeleted {
			out = append(out, string(s))
		}
	}
	return out
}

func checkState(state, name string) error {
	if state == string(belay.StatusDeleted) {
		return usage("deleted is not a state to ask for").withHelp("delete it: belay connection delete " + shellWord(name))
	}
	if slices.Contains(reachable(), state) {
		return nil
	}
	return notOneOf("state", state, reachable())
}

func (c *connectionState) showTransitions(ctx context.Context, in *invocation) error {
	found, err := in.find(ctx, connections(), c.Name)
	if err != nil {
		return err
	}
	res, err := in.send(ctx, request{method: http.MethodGet, path: connections().at(found.id(), "transitions")})
	if err != nil {
		return err
	}
	var head struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(res.body, &head); err == nil {
		in.say(plain, "%s is %s. It can become:", found.name(), inState(head.Status))
	}
	p, err := newPage(res.body, "transitions")
	if err != nil {
		return err
	}
	test := column{title: "NEEDS", cell: func(it item, _ view) cell {
		if it.text("needsCheck") == "true" {
			return cell{text: "a test that passes"}
		}
		return cell{}
	}}
	byUser := keep(p.items, func(it item) bool {
		return it.text("byUser") == "true" && it.text("to") != string(belay.StatusDeleted)
	})
	return in.show(document{
		raw: p.document, items: byUser, noun: "state", called: func(it item) string { return it.text("to") },
		columns: []column{field("STATE", "to"), test, field("EFFECT", "effect")},
	})
}

type connectionCredential struct {
	Name    string   `arg:"" help:"The connection." complete:"connection"`
	Use     []string `xor:"how" placeholder:"NAME" help:"Use this credential; the next ones are tried when the one before is rejected." complete:"credential"`
	None    bool     `xor:"how" help:"Use none."`
	Purpose string   `placeholder:"WORD" help:"What for, where the kind knows more purposes than the usual."`
}

// Help gives examples.
func (*connectionCredential) Help() string {
	return examples("belay connection credential prom-eu --use prom-basic",
		"belay connection credential prom-eu --use prom-new,prom-old", "belay connection credential prom-eu --none")
}

// Run attaches credentials to a connection in place of those that it has.
func (c *connectionCredential) Run(ctx context.Context, in *invocation) error {
	if len(c.Use) == 0 && !c.None {
		return usage("say which credential").withHelp("--use NAME or --none")
	}
	creds, err := in.findAll(ctx, credentials(), c.Use)
	if err != nil {
		return err
	}
	uses := []map[string]any{}
	for i, cred := range creds {
		uses = append(uses, map[string]any{"id": cred.id(), "purpose": c.purpose(i)})
	}
	it, err := in.edit(ctx, connections(), c.Name, func(_ item, body map[string]any) error {
		body["credentials"] = uses
		return nil
	})
	if err != nil {
		return err
	}
	used := "no credential"
	if !c.None {
		used = strings.Join(allNames(creds), ", then ")
	}
	if it.unchanged {
		in.say(plain, "connection %s unchanged: it uses %s already", it.name(), used)
	} else {
		in.say(good, "%s uses %s now", it.name(), used)
		in.say(plain, "Next: belay connection test %s", shellWord(it.name()))
	}
	return in.showChanged(connections(), it)
}

func (c *connectionCredential) purpose(i int) string {
	switch {
	case c.Purpose != "":
		return c.Purpose
	case i == 0:
		return string(belay.PurposePrimary)
	}
	return string(belay.PurposeFallback)
}
