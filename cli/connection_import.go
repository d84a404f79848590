package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
)

type connectionImport struct {
	Kubeconfig importKubeconfig `cmd:"" help:"Make Kubernetes connections of the contexts of a kubeconfig."`
}

type importKubeconfig struct {
	File        string   `short:"f" placeholder:"PATH" help:"The kubeconfig; - is standard input. Without it, $KUBECONFIG, whose files are merged as kubectl does, or ~/.kube/config."`
	KubeContext []string `placeholder:"NAME" help:"Import this context; also spelled --context here."`
	All         bool     `help:"Import every context that can be imported."`
	Environment []string `placeholder:"NAME" help:"Put the connections into this environment." complete:"environment"`
	OnExisting  string   `enum:"update,skip,new" default:"update" placeholder:"WHAT" help:"What to do where the cluster is registered already: update, skip or new; ${default} without it."`
	Connection  string   `placeholder:"NAME" help:"Update this connection, whatever it is called; for a single context." complete:"connection"`
	As          string   `placeholder:"NAME" help:"Give the connection this name, a new one or one that is registered already; for a single context."`
	Move        bool     `help:"Lead a connection whose cluster has moved to the address in the file, with the credentials that it has."`

	AcceptIdentity    bool `help:"Lead the connection of --connection to another cluster than it is known for, such as one that was built anew."`
	WithoutCredential bool `help:"Take the clusters only: a new connection has no credential, another keeps its own."`
	AcceptInsecureTLS bool `name:"accept-insecure-tls" help:"Take the TLS settings of the file also where the connection verifies more: without them its authority and its verification stay."`
	ReplaceWorking    bool `help:"Import also what fails now into a connection that works. A secret that is replaced cannot be had back."`
}

// Help gives examples.
func (*importKubeconfig) Help() string {
	return "Files that the kubeconfig refers to are sent within it; where contexts are named, what is sent is theirs alone. Programs that it names are never run.\n\n" + examples(
		"belay connection import kubeconfig",
		"belay connection import kubeconfig -f ~/.kube/config --all --environment production",
		"belay connection import kubeconfig -f - --context staging --on-existing update --no-input < kc.yaml")
}

const kubernetesPath = "/api/system/kubernetes"

// kubeContext is one context as the server previews it.
type kubeContext struct {
	Name       string             `json:"name"`
	Server     string             `json:"server"`
	User       string             `json:"user"`
	Plugin     string             `json:"plugin"` // the program that its user signs in with
	Credential *previewCredential `json:"credential"`
	Match      struct {
		State          string          `json:"state"`
		ConnectionID   string          `json:"connectionId"`
		ConnectionName string          `json:"connectionName"`
		Moved          *moved          `json:"moved"`
		SameContext    []referred      `json:"sameContext"`
		Changes        []settingChange `json:"changes"`
		Kept           []settingChange `json:"kept"`
		Breaks         bool            `json:"replacesWorking"` // it works as it is, and the context does not
		Credential     *credentialFate `json:"credential"`
	} `json:"match"`
	Check      *check        `json:"check"`
	Problems   []kubeProblem `json:"problems"`
	Importable bool          `json:"importable"`
	Usable     bool          `json:"usable"` // from where the server runs
	Recipe     []string      `json:"recipe"` // what makes it usable
}

// moved is where a cluster was and is.
type moved struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// settingChange is one setting as it is stored and as the file has it.
type settingChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// text says what a setting is, and what it is to be.
func (c settingChange) text() string {
	shown := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return s
	}
	return c.Field + " from " + shown(c.From) + " to " + shown(c.To)
}

// credentialFate is what is done about the credential of a connection.
type credentialFate struct {
	Action string    `json:"action"`
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	From   *referred `json:"from"`
}

// Run shows what a kubeconfig holds and imports what is chosen of it.
func (c *importKubeconfig) Run(ctx context.Context, in *invocation) error {
	file, err := in.readKubeconfig(c.File, c.KubeContext)
	if err != nil {
		return err
	}
	envs, err := in.findAll(ctx, environments(), c.Environment)
	if err != nil {
		return err
	}
	target := item{}
	if c.Connection != "" {
		if target, err = in.find(ctx, connections(), c.Connection); err != nil {
			return err
		}
	}
	found, raw, err := in.previewKubeconfig(ctx, target, file, c.KubeContext)
	if err != nil {
		return err
	}
	if in.flags.DryRun && in.machine() {
		return in.showPreview(raw)
	}
	in.showContexts(found)
	chosen, err := c.choose(ctx, in, found, target)
	if err != nil {
		return err
	}
	in.warnOfContexts(found, chosen)
	if in.flags.DryRun {
		return c.foretell(in, found, chosen, c.leftOut(found))
	}
	replace, err := c.replaced(in, found, chosen)
	if err != nil {
		return err
	}
	if file, err = pruned(file, chosen); err != nil {
		return err
	}
	return c.send(ctx, in, file, chosen, replace, target, envs, c.leftOut(found))
}

// choose says which contexts to import, by their names.
func (c *importKubeconfig) choose(ctx context.Context, in *invocation, found []kubeContext, target item) ([]string, error) {
	var names []string
	for _, k := range found {
		if k.Importable {
			names = append(names, k.Name)
		}
	}
	chosen := names
	switch {
	case len(c.KubeContext) > 0:
		if err := known(found, c.KubeContext); err != nil {
			return nil, err
		}
		chosen = c.KubeContext
	case target.id() != "" && len(names) > 1:
		chosen = matching(found, target.id())
	case c.All || len(names) == 1 || in.flags.DryRun:
	case len(names) > 1:
		var err error
		if chosen, err = in.chooseContexts(ctx, found, names); err != nil {
			return nil, err
		}
	}
	switch {
	case len(chosen) == 0:
		return nil, noContext(found)
	case len(chosen) > 1 && (c.As != "" || target.id() != ""):
		return nil, usage("--as and --connection are for one context").withHelp("choose it: --context NAME")
	}
	return chosen, nil
}

func known(found []kubeContext, names []string) error {
	for _, n := range names {
		i := slices.IndexFunc(found, func(k kubeContext) bool { return k.Name == n })
		switch {
		case i < 0:
			return usage("the kubeconfig has no context %q", n)
		case !found[i].Importable:
			return noContext(found[i : i+1])
		}
	}
	return nil
}

func matching(found []kubeContext, id string) []string {
	var out []string
	for _, k := range found {
		if k.Match.ConnectionID == id {
			out = append(out, k.Name)
		}
	}
	return out
}

// chooseContexts asks which contexts to import; nothing is all that work.
func (in *invocation) chooseContexts(ctx context.Context, found []kubeContext, names []string) ([]string, error) {
	if !in.interactive() {
		return nil, usage("the kubeconfig has several contexts").withHelp("choose: --context NAME or --all", "contexts: "+someNames(names))
	}
	all := make([]string, len(found))
	var importable, working []int
	for i, k := range found {
		all[i] = k.Name
		if k.Importable {
			importable = append(importable, i)
		}
		if k.Importable && k.Check != nil && k.Check.passed() {
			working = append(working, i)
		}
	}
	for {
		picked, err := in.askContexts(ctx, all, importable, working)
		if err != nil {
			return nil, err
		}
		chosen := make([]string, len(picked))
		for i, p := range picked {
			chosen[i] = all[p]
		}
		err = known(found, chosen)
		if err == nil && len(chosen) > 0 {
			return chosen, nil
		}
		if err == nil {
			err = errors.New(nothingPicked(in.redraws(), len(working)))
		}
		in.line("  " + in.plainText(err.Error()))
	}
}

// nothingPicked says what to do when no context is chosen; working are as
// many as work.
func nothingPicked(ticks bool, working int) string {
	switch {
	case ticks:
		return "nothing is ticked; tick one with space, or give up with Ctrl-C"
	case working == 0:
		return "none of them works; choose by number or name"
	}
	return "nothing is chosen; choose by number or name"
}

func (in *invocation) askContexts(ctx context.Context, all []string, importable, working []int) ([]int, error) {
	if in.redraws() {
		return in.pickSeveral(ctx, "Import which?", all, working)
	}
	picked, err := in.askPicks("Import which? (numbers, ranges or names; all; Enter for those that work) ", all, importable)
	if err == nil && len(picked) == 0 {
		picked = working
	}
	return picked, err
}

// sendKubeconfig sends a kubeconfig, perhaps for one connection, to where it
// is imported or only looked at.
func (in *invocation) sendKubeconfig(ctx context.Context, path string, target item, file, options []byte) (*response, error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("k8sfile", "kubeconfig")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil && options != nil {
		err = form.WriteField("options", string(options))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return nil, fmt.Errorf("put the form together: %w", err)
	}
	query := url.Values{}
	if target.id() != "" {
		query.Set("connectionId", target.id())
	}
	if err := in.scope(ctx, query); err != nil {
		return nil, err
	}
	defer in.waiting(still("the clusters are tested"))()
	return in.send(ctx, request{
		method: http.MethodPost, path: path, query: query, raw: b.Bytes(), media: form.FormDataContentType(),
		timeout: testTimeout, reads: path != kubernetesPath,
	})
}
