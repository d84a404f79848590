package cli

import "fmt"

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
		for _, k := range found {
			if k.Name != name {
				continue
			}
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
			}
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
	}
	return ""
}

// fate is what becomes of a context that is imported.
func (c *importKubeconfig) fate(k kubeContext) string {
	name := first(setting{text: c.As}, setting{text: k.Name}).text
	with := "with the credential in the file"
	switch {
	case c.WithoutCredential || k.Credential == nil:
		with = "without a credential"
	case k.Credential.Known != nil:
		with = "with credential " + k.Credential.Known.text() + ", which is stored already"
	case k.Credential.Type != "":
		with = "with the " + k.Credential.Type + " credential in the file"
	}
	if !c.existing(k) {
		return fmt.Sprintf("create connection %s of context %s, %s", name, k.Name, with)
	}
	text := "update connection " + k.Match.ConnectionName
	if k.Match.State == "same" {
		text = "leave connection " + k.Match.ConnectionName + " as it is, or update what differs"
	}
	if c.As != "" && c.As != k.Match.ConnectionName {
		text += ", rename it to " + c.As
	}
	if with == "without a credential" {
		with = "keeping the credential that it has"
	}
	return fmt.Sprintf("%s from context %s, %s", text, k.Name, with)
}
