package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"belay"
)

func (c *importKubeconfig) send(ctx context.Context, in *invocation, file []byte, chosen, replace []string, target item, envs []item, unreadable int) error {
	type choice struct {
		Name       string `json:"name"`
		As         string `json:"as,omitempty"`
		OnExisting string `json:"onExisting"`
		Move       bool   `json:"move,omitempty"`
		Accept     bool   `json:"acceptIdentity,omitempty"`
		Bare       bool   `json:"withoutCredential,omitempty"`
		Insecure   bool   `json:"acceptInsecureTls,omitempty"`
		Replace    bool   `json:"replaceWorking,omitempty"`
	}
	options := struct {
		Contexts       []choice `json:"contexts"`
		EnvironmentIDs []string `json:"environmentIds"`
	}{EnvironmentIDs: []string{}}
	for _, name := range chosen {
		options.Contexts = append(options.Contexts, choice{name, c.As, c.OnExisting, c.Move, c.AcceptIdentity, c.WithoutCredential, c.AcceptInsecureTLS, slices.Contains(replace, name)})
	}
	for _, e := range envs {
		options.EnvironmentIDs = append(options.EnvironmentIDs, e.id())
	}
	raw, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("encode the choice: %w", err)
	}
	in.announce()
	res, err := in.sendKubeconfig(ctx, kubernetesPath, target, file, raw)
	if err != nil {
		return err
	}
	return c.showImported(ctx, in, res, envs, unreadable)
}

// imported is the server's answer to an import.
type imported struct {
	Registered []importedContext `json:"registeredContexts"`
	Connected  []importedContext `json:"connectedContexts"`
	Ignored    []importedContext `json:"ignoredContexts"`
	Errored    []importedContext `json:"erroredContexts"`
}

type importedContext struct {
	Name           string          `json:"name"`
	Outcome        string          `json:"outcome"`
	ConnectionName string          `json:"connectionName"`
	CredentialID   string          `json:"credentialId"`
	Plugin         string          `json:"plugin"` // the program that its user signs in with
	RenamedFrom    string          `json:"renamedFrom"`
	Moved          *moved          `json:"moved"`
	Message        string          `json:"message"`
	Remediation    []remedy        `json:"remediation"`
	Recipe         []string        `json:"recipe"`
	Check          *check          `json:"check"`
	Changes        []settingChange `json:"changes"`
	Kept           []settingChange `json:"kept"`
	SameContext    []referred      `json:"sameContext"`
	Replaced       *referred       `json:"credentialReplaced"`
	Credential     *struct {
		From        referred `json:"from"`
		To          referred `json:"to"`
		Unused      bool     `json:"unused"`
		Remediation []remedy `json:"remediation"`
		StillUsedBy struct {
			Total       int        `json:"total"`
			Connections []referred `json:"connections"`
		} `json:"stillUsedBy"`
	} `json:"credentialChange"`
}

type referred struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// text is the name, or the id of what the caller does not see.
func (n referred) text() string {
	if n.Name == "" {
		return n.ID
	}
	return n.Name
}

// health is how its check found the connection.
func (k importedContext) health() string {
	if k.Check == nil {
		return string(belay.HealthUnchecked)
	}
	return k.Check.Health
}

// line says what became of a context.
func (k importedContext) line() string {
	text := k.Name + " → connection " + k.ConnectionName + " " + k.Outcome
	if k.RenamedFrom != "" {
		text += ", renamed from " + k.RenamedFrom
	}
	if k.Moved != nil {
		text += ", moved from " + k.Moved.From + " to " + k.Moved.To
	}
	if k.Check != nil {
		text += ", " + k.Check.Health
		if k.Check.Summary != "" && !k.Check.passed() {
			text += " — " + k.Check.Summary
		}
	}
	if k.Message != "" {
		text += " (" + k.Message + ")"
	}
	return text
}

// sayDone says what became of a context that was imported, and what that
// leaves behind.
func (in *invocation) sayDone(k importedContext) {
	in.sayHealth(k.health(), "%s", k.line())
	in.saySettings(k.Changes, k.Kept)
	for _, other := range k.SameContext {
		in.say(warning, "connection %s is the same context too, and was left as it is (to mend it: belay connection import kubeconfig --context %s --connection %s)",
			other.Name, shellWord(k.Name), shellWord(other.Name))
	}
	if k.Replaced != nil {
		in.say(plain, "  credential %s has the secret of the file in place of its own, which cannot be had back", k.Replaced.text())
	}
	if k.Credential == nil {
		return
	}
	in.say(plain, "  it now signs in with credential %s instead of %s", k.Credential.To.text(), k.Credential.From.text())
	in.say(plain, "  undo: belay connection credential %s --use %s", shellWord(k.ConnectionName), shellWord(k.Credential.From.text()))
	if left := k.Credential.StillUsedBy; left.Total > 0 {
		var names []string
		for _, other := range left.Connections {
			names = append(names, other.Name)
		}
		if more := left.Total - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		in.say(warning, "credential %s keeps its secret, with which %s go on (to let one follow: belay connection credential NAME --use %s)",
			k.Credential.From.text(), strings.Join(names, ", "), shellWord(k.Credential.To.text()))
	}
	if k.Credential.Unused {
		in.say(plain, "  no connection uses credential %s any more; it can be deleted", k.Credential.From.text())
	}
	in.sayRemedies(k.Credential.Remediation)
}

// sayNotDone says why contexts were not imported and what to do about it: for
// all who sign in with the same program, at the example of the first.
func (in *invocation) sayNotDone(contexts []importedContext) {
	explained := map[string]string{}
	for _, k := range in.firstOf(contexts) {
		in.line(in.look(in.Stderr).mark(bad) + " " + in.plainText(k.Name+" was not imported — "+k.Message))
		if like := explained[k.Plugin]; like != "" {
			in.say(plain, "    as for %s; its own commands: the same with --context %s alone", like, shellWord(k.Name))
			continue
		}
		if k.Plugin != "" {
			explained[k.Plugin] = k.Name
		}
		for _, line := range k.Recipe {
			in.say(plain, "    %s", line)
		}
		in.sayRemedies(k.Remediation)
	}
	in.sayMore(contexts)
}

// firstOf are those contexts that are shown one by one; sayMore says how many
// are not.
func (*invocation) firstOf(contexts []importedContext) []importedContext {
	return contexts[:min(len(contexts), contextsShown)]
}

func (in *invocation) sayMore(contexts []importedContext) {
	if more := len(contexts) - contextsShown; more > 0 {
		in.say(plain, "and %d more like this: -o json", more)
	}
}

// sayCredentials says which credential the imported connections sign in with,
// and so which of them share one.
func (in *invocation) sayCredentials(ctx context.Context, contexts []importedContext) {
	if in.flags.Quiet || in.machine() {
		return
	}
	var ids []string
	users := map[string][]string{}
	for _, k := range contexts {
		if k.CredentialID == "" {
			continue
		}
		if users[k.CredentialID] == nil {
			ids = append(ids, k.CredentialID)
		}
		users[k.CredentialID] = append(users[k.CredentialID], k.ConnectionName)
	}
	for _, id := range ids[:min(len(ids), contextsShown)] {
		name := id
		if cred, _, err := in.get(ctx, credentials(), id); err == nil {
			name = cred.name()
		}
		verb := "signs in with"
		if len(users[id]) > 1 {
			verb = "share"
		}
		in.say(plain, "%s %s credential %s", someNames(users[id]), verb, name)
	}
}

func (in *invocation) sayRemedies(rs []remedy) {
	for _, line := range remedyLines(rs) {
		in.say(plain, "  %s", line)
	}
}

func (c *importKubeconfig) showImported(ctx context.Context, in *invocation, res *response, envs []item, unreadable int) error {
	var answer imported
	if err := res.decode(&answer); err != nil {
		return err
	}
	if in.machine() {
		if err := in.show(document{raw: res.body, noun: "connection", items: importedItems(answer), columns: []column{field("NAME", "name")}, single: true}); err != nil {
			return err
		}
	}
	stored := slices.Concat(answer.Connected, answer.Registered)
	for _, k := range in.firstOf(stored) {
		in.sayDone(k)
	}
	in.sayMore(stored)
	in.sayCredentials(ctx, stored)
	for _, k := range in.firstOf(answer.Ignored) {
		in.say(faint, "%s left out — %s", k.Name, k.Message)
	}
	in.sayMore(answer.Ignored)
	for i := range answer.Errored {
		answer.Errored[i].Remediation = c.repeated(in, answer.Errored[i].Remediation)
	}
	in.sayNotDone(answer.Errored)
	done := len(stored)
	if done > 0 && len(envs) > 0 {
		in.say(plain, "In %s: %d", strings.Join(allNames(envs), ", "), done)
	}
	t := tally{what: "contexts imported", all: done + len(answer.Errored) + unreadable, done: done, failed: len(answer.Errored) + unreadable, last: errNotImported()}
	if len(answer.Errored) > 0 && done+len(answer.Ignored) == 0 {
		return errNotImported()
	}
	if err := t.ending(); err != nil {
		return err
	}
	return allHealthy(stored)
}

func errNotImported() error { return &failure{exit: exitConflict, what: "nothing was imported"} }

// allHealthy is a failure when one of what was imported was tested and does
// not work, though it is kept.
func allHealthy(imported []importedContext) error {
	var n tested
	for _, k := range imported {
		if k.Check != nil {
			n.add(k.Check.Health, k.Check.ConnectionStatus)
		}
	}
	if n.failed() == 0 {
		return nil
	}
	return n.failure().withHelp("what was imported is kept")
}

func importedItems(a imported) []item {
	var out []item
	for _, k := range slices.Concat(a.Connected, a.Registered) {
		out = append(out, item{fields: map[string]any{"name": k.ConnectionName}})
	}
	return out
}
