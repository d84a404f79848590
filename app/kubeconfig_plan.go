package app

import (
	"context"
	"fmt"

	"belay"
	"belay/kubeconfig"
)

// importPlan says what an import is to do with one context, before anything
// is done.
type importPlan struct {
	k        *KubeconfigContext
	outcome  ImportOutcome // created or updated when it is to be done
	message  string        // why not
	remedies []belay.Remedy
	plugin   bool   // the way in which its user signs in is why not
	as       string // the connection's name, "" to leave it
	bare     bool   // the cluster part only
	accepted bool   // the cluster of the context is to be the connection's own, whatever that was
	named    bool   // the upload is for one connection
	another  bool   // it is to be a connection of its own, whatever there is
}

// credentialType is the type of the credential that the import takes, "" for none.
func (p *importPlan) credentialType() string {
	if p.bare {
		return ""
	}
	return p.k.CredentialType
}

// planOf decides what becomes of a context. It is named when the upload is
// for the one connection that the caller has named.
func (b *importBatch) planOf(ctx context.Context, k *KubeconfigContext, o ContextImport, named bool) *importPlan {
	p := &importPlan{k: k, as: o.As, bare: o.WithoutCredential, named: named, another: o.OnExisting == OnExistingNew}
	existing := k.Connection
	if p.another {
		existing = nil
		if k.alone != nil {
			k.Check = k.alone // nothing of another connection's settings stays
		}
	}
	p.outcome = outcomeOf(existing)
	switch {
	case refusal(k) != "":
		p.outcome, p.message = ImportFailed, refusal(k)
	case k.State == MatchOtherCluster && existing != nil && !o.AcceptIdentity:
		p.blockOtherCluster()
	case existing != nil && o.OnExisting == OnExistingSkip:
		p.outcome, p.message = ImportSkipped, "it is registered already"
	case existing != nil && existing.Status == belay.StatusIgnored:
		p.outcome, p.message = ImportSkipped, "it is ignored; register it first to import it"
	case existing != nil && k.State == MatchMoved && !o.Move:
		p.blockMove()
	case !k.Usable() && !o.WithoutCredential && (existing == nil || len(existing.Credentials) == 0):
		p.blockUser()
	case existing != nil && k.breaks(p.credentialType() != "") && !o.ReplaceWorking:
		b.blockWorking(ctx, p)
	case k.State == MatchOtherCluster && existing != nil:
		p.accepted = true
	}
	return p
}

// bringsAll tells whether no stored secret goes with a connection to the
// context's address: the file has the one that it signs in with.
func (p *importPlan) bringsAll(existing *belay.Connection) bool {
	return len(existing.Credentials) == 0 || len(existing.Credentials) == 1 && p.credentialType() != ""
}

// refusal says why a context cannot be imported, "" when it can.
func refusal(k *KubeconfigContext) string {
	switch {
	case k.Importable() && k.Check == nil:
		return "one import takes only as many contexts as it can test; import this one with another request that names it"
	case k.Importable():
		return ""
	}
	if message := firstProblem(k, kubeconfig.BarsConnection); message != "" {
		return message
	}
	return "it cannot be read"
}

func firstProblem(k *KubeconfigContext, e kubeconfig.Effect) string {
	for _, p := range k.Problems {
		if p.Effect == e {
			return p.Message
		}
	}
	return ""
}

const importPath = "/api/system/kubernetes"

// remedy is a way to import the context after all.
func (p *importPlan) remedy(id, title, description string, flags ...string) belay.Remedy {
	words := append([]string{"belay", "connection", "import", "kubeconfig", "-f", "PATH", "--context", p.k.Name}, flags...)
	return belay.Remedy{
		ID: id, Title: title, Description: description, Command: belay.CommandLine(words...),
		Action: &belay.RemedyAction{Method: "POST", Href: importPath},
	}
}

// blockMove keeps a connection from being led elsewhere unasked.
func (p *importPlan) blockMove() {
	v := p.k.Connection
	p.outcome = ImportBlocked
	p.message = "connection " + v.Name + " stands for it at " + v.Endpoint + "; it is led to " + p.k.draft.Endpoint + " only when that is asked for"
	keeps := "The credential in the file goes with it."
	if !p.bringsAll(v) {
		keeps = "The credentials that it has are sent there from then on."
	}
	move := p.remedy("kubeconfig.move", "Move the connection", "Leads the connection to the address in the file; its id and its environments stay. "+keeps+
		" In the options: move, for this context.", p.flags("--move")...)
	if p.named {
		move.Action.Href += "?connectionId=" + string(v.ID)
	}
	p.remedies = []belay.Remedy{
		move,
		p.remedy("kubeconfig.new", "Import it as another connection", "Leaves the connection where it is and makes a new one, under another name."+
			" In the options: onExisting new and as, for this context.", "--on-existing", "new", "--as", "NAME"),
	}
}

// blockOtherCluster keeps a connection from being led to another cluster
// unasked: its name and environments may mean the one that it is known for.
func (p *importPlan) blockOtherCluster() {
	v := p.k.Connection
	p.outcome = ImportBlocked
	p.message = "it leads to another cluster than the connection " + v.Name + ", which it is to mend"
	if !otherCluster(p.k.cluster(), v.Identity) {
		p.message = "it leads to " + p.k.draft.Endpoint + ", and nothing says that this is the cluster of the connection " + v.Name + " at " + v.Endpoint +
			": it trusts another authority, and which cluster it is " + unknownSide(v)
	}
	r := p.remedy("kubeconfig.accept", "Accept the new cluster", "Takes the cluster in the file for the connection's own, with the credential in the file;"+
		" its id and its environments stay. In the options: acceptIdentity, for this context.", "--connection", v.Name, "--accept-identity")
	r.Action.Href += "?connectionId=" + string(v.ID)
	p.remedies = []belay.Remedy{r}
}

// unknownSide says of whom the identity of a cluster is not known.
func unknownSide(v *belay.Connection) string {
	if v.Identity == "" {
		return "was never read for the connection"
	}
	return "cannot be read with the user in the file"
}

// blockWorking keeps a connection that works from being given what does not.
func (b *importBatch) blockWorking(ctx context.Context, p *importPlan) {
	v := p.k.Connection
	p.outcome = ImportBlocked
	has := "as it is"
	if len(v.Credentials) > 0 && p.credentialType() != "" {
		has = "with the credential that it has"
		if own, err := b.app.seen(ctx, b.caller, v.Credentials[0].CredentialID); err == nil && own.Name != "" {
			has = "with credential " + own.Name
		}
	}
	p.message = "connection " + v.Name + " works " + has + ", and would not with what is in the file: " + p.k.Check.Summary
	keep := p.remedy("kubeconfig.without_credential", "Keep the credential", "Takes the cluster part of the file only; the connection keeps the credential that works."+
		" In the options: withoutCredential, for this context.", p.flags("--without-credential")...)
	replace := p.remedy("kubeconfig.replace_working", "Replace it all the same", "Puts what is in the file into the place of what works. A secret that is replaced cannot be had back from here."+
		" In the options: replaceWorking, for this context.", p.flags("--replace-working")...)
	if p.named {
		keep.Action.Href += "?connectionId=" + string(v.ID)
		replace.Action.Href += "?connectionId=" + string(v.ID)
	}
	if p.credentialType() != "" {
		p.remedies = append(p.remedies, keep)
	}
	p.remedies = append(p.remedies, replace)
}

// flags are those of a command that is for the same connection as the upload.
func (p *importPlan) flags(more ...string) []string {
	if !p.named {
		return more
	}
	return append([]string{"--connection", p.k.Connection.Name}, more...)
}

// blockUser keeps a context whose user cannot sign in from here from
// becoming a connection that signs in as nobody.
func (p *importPlan) blockUser() {
	p.outcome, p.plugin = ImportBlocked, true
	p.message = firstProblem(p.k, kubeconfig.BarsCredential)
	p.remedies = []belay.Remedy{
		{
			ID: "kubeconfig.service_account", Title: "Make a service account",
			Description: "The commands of the recipe, run where kubectl can use the context, write belay-kubeconfig.json: import that file.",
			Command:     "belay connection import kubeconfig -f belay-kubeconfig.json",
		},
		p.remedy("kubeconfig.without_credential", "Import it without a credential",
			"Makes a connection that cannot sign in until a credential is attached to it. In the options: withoutCredential, for this context.", "--without-credential"),
	}
}

// told is an error for a person, with what can be done about it; what is
// ours alone is only logged.
func (b *importBatch) told(ctx context.Context, p *importPlan, err error) (string, []belay.Remedy) {
	e, ok := err.(*belay.Error) //nolint:errorlint // a wrapped one is not the caller's
	b.broken = b.broken || !ok || e.Code == belay.CodeUnavailable
	if !ok {
		b.app.log.ErrorContext(ctx, "a context was not imported", "context", p.k.Name, "error", err)
		return "something went wrong in the server; its log has the details", nil
	}
	if e.Code == belay.CodeConflict && len(e.Fields) == 1 && e.Fields[0].Pointer == "/name" {
		return fmt.Sprintf("another connection has the name %q", p.name()), b.aboutName(ctx, p)
	}
	return e.Error(), e.Remedy
}

// name is what the connection is to be called.
func (p *importPlan) name() string {
	if p.as != "" {
		return p.as
	}
	return belay.NameFrom(p.k.Name)
}

// aboutName is what can be done when the name of a context is taken.
func (b *importBatch) aboutName(ctx context.Context, p *importPlan) []belay.Remedy {
	out := []belay.Remedy{p.remedy("kubeconfig.rename", "Import it under another name",
		"Makes the connection under a name that is free. In the options: as, for this context.", "--as", "NAME")}
	if p.another {
		return out // none that is there is to be touched
	}
	page, err := b.app.store.Connections(ctx, b.caller.viewer(), belay.ConnectionFilter{Name: p.name(), Kinds: []string{kubernetesKind}}, belay.Query{Size: 1})
	if err != nil || len(page.Items) == 0 || otherCluster(p.k.cluster(), page.Items[0].Identity) {
		return out
	}
	v := page.Items[0]
	flags := []string{"--connection", v.Name}
	switch {
	case p.k.mayBeAnother(v):
		flags = append(flags, "--accept-identity")
	case v.Endpoint != p.k.draft.Endpoint:
		flags = append(flags, "--move")
	}
	r := p.remedy("kubeconfig.upload", "Update that connection", "If it is the same cluster: lets the context mend the connection that has the name.",
		flags...)
	r.Action.Href += "?connectionId=" + string(v.ID)
	return append(out, r)
}
