package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"belay"
	"belay/kubeconfig"
)

// contextsShown is how many contexts are shown one by one.
const contextsShown = 20

// kubeProblem is what is wrong with a context.
type kubeProblem struct {
	Code    kubeconfig.ProblemCode `json:"code"`
	Effect  string                 `json:"effect"`
	Message string                 `json:"message"`
}

// previewCredential is what the user of a context would become.
type previewCredential struct {
	Type        string    `json:"type"`
	Fingerprint string    `json:"fingerprint"` // the same for the same secret
	Known       *referred `json:"known"`       // the stored one with that secret
}

// previewKubeconfig has the server look at the contexts of these names, or at
// all when there are none, and returns them and its whole answer.
func (in *invocation) previewKubeconfig(ctx context.Context, target item, file []byte, names []string) ([]kubeContext, json.RawMessage, error) {
	var options []byte
	if len(names) > 0 {
		var err error
		if options, err = json.Marshal(map[string]any{"contexts": names}); err != nil {
			return nil, nil, fmt.Errorf("encode the names: %w", err)
		}
	}
	res, err := in.sendKubeconfig(ctx, kubernetesPath+"/contexts", target, file, options)
	if err != nil {
		return nil, nil, err
	}
	var answer struct {
		Contexts []kubeContext `json:"contexts"`
	}
	if err := res.decode(&answer); err != nil {
		return nil, nil, err
	}
	if len(answer.Contexts) == 0 && len(names) == 0 {
		return nil, nil, usage("the kubeconfig holds no context")
	}
	return answer.Contexts, res.body, nil
}

// showPreview shows a program what the server says of the contexts.
func (in *invocation) showPreview(raw json.RawMessage) error {
	p, err := newPage(raw, "contexts")
	if err != nil {
		return err
	}
	return in.show(document{raw: raw, items: p.items, noun: "context", columns: []column{field("NAME", "name"), field("SERVER", "server")}})
}

// showContexts says of each context whether it works, what it matches and
// what it signs in with. Of many it shows the first, unless a person is to
// choose by their numbers.
func (in *invocation) showContexts(found []kubeContext) {
	if in.flags.Quiet || in.machine() {
		return
	}
	shown := found
	if len(found) > contextsShown && (!in.interactive() || in.redraws()) {
		shown = found[:contextsShown]
	}
	l := in.look(in.Stderr)
	l.width, _ = screenSize(in.Stderr)
	var rows [][]cell
	for i, k := range shown {
		health, text := k.state()
		rows = append(rows, []cell{
			{text: fmt.Sprintf("%3d", i+1)},
			{text: healthMark(health, l.unicode), tone: healthTone(health)},
			{text: k.Name},
			{text: k.Server},
			{text: k.match()},
			{text: k.signsIn()},
			{text: in.plainText(text)},
		})
	}
	tracks := []track{{firm: true}, {firm: true}, {least: 16}, {least: 12, spare: 2}, {least: 12, spare: 1}, {least: 12, spare: 3}, {least: 20}}
	_ = writeTable(in.Stderr, nil, rows, tracks, l, false)
	if more := len(found) - len(shown); more > 0 {
		in.say(plain, "and %d more: --dry-run -o json", more)
	}
	in.saySharing(found)
}

// saySharing says which contexts have one secret, and so one credential.
func (in *invocation) saySharing(found []kubeContext) {
	by := grouped(found, func(k kubeContext) []string {
		if k.Credential == nil {
			return nil
		}
		return []string{k.Credential.Fingerprint}
	})
	for _, g := range by {
		if len(g.names) > 1 {
			i := slices.IndexFunc(found, func(k kubeContext) bool { return k.Name == g.names[0] })
			in.say(plain, "%s share one secret: %s", someNames(g.names), found[i].signsIn())
		}
	}
}

// signsIn says which credential a context uses or would have.
func (k kubeContext) signsIn() string {
	fate := k.Match.Credential
	switch {
	case fate != nil && fate.Action == "replace":
		return "new secret for credential " + fate.text()
	case fate != nil && fate.Action == "create":
		return "new credential " + fate.text()
	case fate != nil:
		return "credential " + fate.text()
	case k.Credential == nil:
		return ""
	case k.Credential.Known != nil:
		return "credential " + k.Credential.Known.text()
	}
	return "new credential of user " + k.User
}

// text is the name, or the id of what the caller does not see.
func (f *credentialFate) text() string { return referred{f.ID, f.Name}.text() }

// state is the health of the context's cluster, and what is to be said of it.
func (k kubeContext) state() (health, why string) {
	switch {
	case !k.Usable && k.obstacle() != "":
		return string(belay.HealthUnknown), k.obstacle()
	case k.Check == nil:
		return string(belay.HealthUnchecked), "not tested"
	}
	return k.Check.Health, k.Check.Summary
}

// obstacle is the first problem that is more than a warning.
func (k kubeContext) obstacle() string {
	for _, p := range k.Problems {
		if p.Effect != "warning" {
			return p.Message
		}
	}
	return ""
}

func (k kubeContext) match() string {
	text := k.stands()
	if others := k.Match.SameContext; len(others) > 0 {
		names := make([]string, len(others))
		for i, other := range others {
			names[i] = other.Name
		}
		text += " (the same context too: " + someNames(names) + ")"
	}
	return text
}

// stands says what a context is to the connections that there are.
func (k kubeContext) stands() string {
	switch k.Match.State {
	case "same":
		return "is connection " + k.Match.ConnectionName
	case "secret_changed":
		return "is connection " + k.Match.ConnectionName + ", with another secret"
	case "settings_changed":
		return "is connection " + k.Match.ConnectionName + ", with other settings"
	case "moved":
		text := "is connection " + k.Match.ConnectionName + ", moved"
		if k.Match.Moved != nil {
			text += " from " + k.Match.Moved.From
		}
		return text + " (to follow: --move)"
	case "other_cluster":
		return "is not known to be the cluster of " + k.Match.ConnectionName + " (to lead it there: --accept-identity)"
	}
	return strings.ReplaceAll(k.Match.State, "_", " ")
}

// warnOfContexts says once what is to be known of the chosen contexts. That a
// server on this machine means this machine by 127.0.0.1 needs no saying.
func (in *invocation) warnOfContexts(found []kubeContext, chosen []string) {
	found = slices.DeleteFunc(slices.Clone(found), func(k kubeContext) bool { return !slices.Contains(chosen, k.Name) || k.again() })
	var inside []string
	for _, g := range grouped(found, func(k kubeContext) (out []string) {
		for _, p := range k.Problems {
			switch {
			case p.Effect != "warning":
			case p.Code == kubeconfig.ProblemLoopback:
				inside = append(inside, k.Name)
			default:
				out = append(out, p.Message)
			}
		}
		return out
	}) {
		in.say(warning, "%s: %s", someNames(g.names), g.of)
	}
	if len(inside) > 0 && !loopback(in.set.base) {
		in.say(warning, "%s: the address means the machine that runs the server %s, not this one", someNames(inside), in.set.base.Host)
	}
}

// group are the contexts of which one thing holds.
type group struct {
	of    string
	names []string
}

// grouped puts the contexts together of which the same holds, in their order.
func grouped(found []kubeContext, of func(kubeContext) []string) []group {
	var out []group
	for _, k := range found {
		for _, text := range of(k) {
			i := slices.IndexFunc(out, func(g group) bool { return g.of == text })
			if i < 0 {
				i, out = len(out), append(out, group{of: text})
			}
			if !slices.Contains(out[i].names, k.Name) {
				out[i].names = append(out[i].names, k.Name)
			}
		}
	}
	return out
}

// someNames lists names, of many the first ones.
func someNames(names []string) string {
	const some = 12
	if len(names) <= some+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:some], ", "), len(names)-some)
}

// contextNamed is the context that a name means: the first that has it.
func contextNamed(found []kubeContext, name string) (kubeContext, bool) {
	i := slices.IndexFunc(found, func(k kubeContext) bool { return k.Name == name })
	if i < 0 {
		return kubeContext{}, false
	}
	return found[i], true
}

// again tells whether an earlier context has the name of this one, which is
// never meant by it.
func (k kubeContext) again() bool {
	return slices.ContainsFunc(k.Problems, func(p kubeProblem) bool { return p.Code == kubeconfig.ProblemDuplicateContext && p.Effect != "warning" })
}

// noContext says why nothing can be imported, and what makes it possible: for
// all who sign in with the same program, at the example of the first.
func noContext(found []kubeContext) error {
	f := usage("no context can be imported")
	switch {
	case len(found) == 1:
		f = usage("the context %s cannot be imported", found[0].Name)
	case slices.ContainsFunc(found, func(k kubeContext) bool { return k.Importable }):
		f.help = append(f.help, "choose one: --context NAME")
	}
	for _, g := range grouped(found, func(k kubeContext) (out []string) {
		for _, p := range k.Problems {
			out = append(out, p.Message)
		}
		return out
	}) {
		f.help = append(f.help, someNames(g.names)+": "+g.of)
	}
	explained := map[string]bool{}
	for _, k := range found {
		if explained[k.Plugin] && k.Plugin != "" {
			continue
		}
		explained[k.Plugin] = true
		for _, line := range k.Recipe {
			f.help = append(f.help, "  "+line)
		}
	}
	return f
}
