package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// leftOut counts the contexts that were meant with the others and that nothing
// can be made of.
func (c *importKubeconfig) leftOut(found []kubeContext) int {
	if len(c.KubeContext) > 0 || c.Connection != "" {
		return 0
	}
	n := 0
	for _, k := range found {
		if !k.Importable {
			n++
		}
	}
	return n
}

// foretell says what an import would do with each context, and ends as it
// would; nothing is stored.
func (c *importKubeconfig) foretell(in *invocation, found []kubeContext, chosen []string, unreadable int) error {
	t := tally{what: "contexts could be imported", all: len(chosen) + unreadable, failed: unreadable, last: errNotImported()}
	skipped := 0
	for _, name := range chosen {
		k, _ := contextNamed(found, name)
		why := c.barred(k)
		switch {
		case why != "":
			t.failed++
			in.fault("%s would not be imported — %s", k.Name, why)
		case c.skips(k):
			skipped++
			in.say(plain, "would leave out %s — it is registered already", k.Name)
		default:
			t.done++
			in.say(plain, "would %s", c.fate(k))
			c.foretellSettings(in, k)
		}
	}
	in.say(plain, "nothing was stored")
	t.all -= skipped
	return t.ending()
}

// existing tells whether the context mends a connection that is there.
func (c *importKubeconfig) existing(k kubeContext) bool {
	return k.Match.ConnectionID != "" && c.OnExisting != "new"
}

func (c *importKubeconfig) skips(k kubeContext) bool { return c.existing(k) && c.OnExisting == "skip" }

// barred says why a context is not imported as it is asked for, "" when
// nothing is known against it.
func (c *importKubeconfig) barred(k kubeContext) string {
	switch {
	case c.skips(k) && k.Match.State != "other_cluster":
		return ""
	case k.Match.State == "other_cluster" && c.existing(k) && !c.AcceptIdentity:
		return "it leads to another cluster than connection " + k.Match.ConnectionName + " (to lead it there: --accept-identity)"
	case k.Match.State == "moved" && c.existing(k) && !c.Move && c.Connection == "":
		return "its cluster has moved (to follow: --move)"
	case !k.Usable && !c.WithoutCredential && !c.existing(k):
		return k.obstacle() + " (the cluster alone: --without-credential)"
	case c.breaks(k) && !c.ReplaceWorking:
		return c.broken(k)
	}
	return ""
}

// fate is what becomes of a context that is imported.
func (c *importKubeconfig) fate(k kubeContext) string {
	name := first(setting{text: c.As}, setting{text: k.Name}).text
	if !c.existing(k) {
		return fmt.Sprintf("create connection %s of context %s, %s", name, k.Name, c.newCredential(k))
	}
	with := c.credentialOf(k)
	renames := c.As != "" && c.As != k.Match.ConnectionName
	verb := "update"
	if (k.Match.State == "same" || c.WithoutCredential && len(k.Match.Changes) == 0) && !renames && !(c.AcceptInsecureTLS && len(k.Match.Kept) > 0) {
		verb = "leave"
	}
	text := verb + " connection " + k.Match.ConnectionName
	if verb == "leave" {
		text += " as it is"
	}
	if renames {
		text += ", rename it to " + c.As
	}
	return fmt.Sprintf("%s from context %s, %s", text, k.Name, with)
}

// newCredential is what a connection that is made of a context signs in with.
func (c *importKubeconfig) newCredential(k kubeContext) string {
	switch {
	case c.WithoutCredential || k.Credential == nil:
		return "without a credential"
	case k.Credential.Known != nil:
		return "with credential " + k.Credential.Known.text() + ", which is stored already"
	case k.Match.Credential != nil && k.Match.Credential.Action == "create":
		return "with the new credential " + k.Match.Credential.text() + ", which is the " + k.Credential.Type + " credential in the file"
	}
	return "with the " + k.Credential.Type + " credential in the file"
}

// credentialOf is what becomes of the credential of a connection that is there.
func (c *importKubeconfig) credentialOf(k kubeContext) string {
	fate := k.Match.Credential
	switch {
	case c.WithoutCredential || fate == nil || fate.Action == "keep":
		return "keeping the credential that it has"
	case fate.Action == "replace":
		return "replacing the secret of credential " + fate.text() + ", which cannot be had back"
	}
	text := "with credential " + fate.text()
	if fate.Action == "create" {
		text = "with the new credential " + fate.text()
	}
	if fate.From != nil {
		text += " instead of " + fate.From.text()
	}
	return text
}

// foretellSettings says which settings of a connection an import changes, and
// which it keeps against the file.
func (c *importKubeconfig) foretellSettings(in *invocation, k kubeContext) {
	switch {
	case !c.existing(k):
	case c.AcceptInsecureTLS:
		in.saySettings(append(slices.Clone(k.Match.Changes), k.Match.Kept...), nil)
	default:
		in.saySettings(k.Match.Changes, k.Match.Kept)
	}
}

// saySettings says which settings change, and which are kept although the
// file verifies less.
func (in *invocation) saySettings(changes, kept []settingChange) {
	for _, s := range changes {
		in.say(plain, "  %s", s.text())
	}
	for _, s := range kept {
		in.say(plain, "  keeps %s, which the file would set to %s (to follow the file: --accept-insecure-tls)", s.Field, cmp.Or(s.To, "nothing"))
	}
}

// breaks tells whether a connection works that the context would break.
func (c *importKubeconfig) breaks(k kubeContext) bool {
	return k.Match.Breaks && c.existing(k) && !(c.WithoutCredential && k.Credential != nil)
}

// replaced are the chosen contexts that fail, and are to be put into
// connections that work all the same: a person is asked about each.
func (c *importKubeconfig) replaced(in *invocation, found []kubeContext, chosen []string) ([]string, error) {
	if c.ReplaceWorking {
		return chosen, nil
	}
	if !in.interactive() {
		return nil, nil
	}
	var out []string
	for _, name := range chosen {
		k, ok := contextNamed(found, name)
		if !ok || !c.breaks(k) || c.barred(k) != c.broken(k) || c.skips(k) {
			continue
		}
		in.say(warning, "%s", in.plainText(c.broken(k)))
		answer, err := in.ask(fmt.Sprintf("Import %s all the same? [y/N] ", printable(name)), false)
		if err != nil {
			return nil, err
		}
		if answer = strings.TrimSpace(answer); strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
			out = append(out, name)
		}
	}
	return out, nil
}

// broken says what is against importing a context that fails.
func (c *importKubeconfig) broken(k kubeContext) string {
	_, why := k.state()
	return "connection " + k.Match.ConnectionName + " works as it is, and would not with what is in the file: " + why + " (to import it all the same: --replace-working)"
}
