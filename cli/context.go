package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type contextCommands struct {
	List   contextList   `cmd:"" aliases:"ls" help:"List the contexts of the configuration file."`
	Use    contextUse    `cmd:"" help:"Make a context the current one."`
	View   contextView   `cmd:"" aliases:"show" help:"Show one context, and whether there is a token for it."`
	Set    contextSet    `cmd:"" help:"Create or change a context."`
	Rename contextRename `cmd:"" help:"Give a context another name."`
	Delete contextDelete `cmd:"" aliases:"rm" help:"Delete contexts from the configuration file; nothing at the server."`
}

func contextNames(c *config) []string { return slices.Sorted(maps.Keys(c.Contexts)) }

// contextItem is a context as it is shown.
func contextItem(name string, c contextConfig, current bool) (item, error) {
	raw, err := json.Marshal(struct {
		Name    string `json:"name"`
		Current bool   `json:"current"`
		contextConfig
	}{name, current, c})
	if err != nil {
		return item{}, fmt.Errorf("show the context: %w", err)
	}
	return newItem(raw)
}

func contextColumns() []column {
	current := column{title: "CURRENT", cell: func(it item, v view) cell {
		if it.text("current") != "true" {
			return cell{}
		}
		return cell{text: "yes", tone: good}
	}}
	protected := column{title: "PROTECTED", cell: func(it item, _ view) cell {
		if it.text("protected") != "true" {
			return cell{}
		}
		return cell{text: "yes", tone: warning}
	}}
	return []column{
		field("NAME", "name"), current, field("SERVER", "server"), field("ORG", "org"), field("WORKSPACE", "workspace"),
		protected, field("SIGNED IN AS", "login.user").onlyWide(), field("CA FILE", "caFile").onlyWide(), field("TOKEN FILE", "tokenFile").onlyWide(),
		field("CLIENT CERTIFICATE", "clientCertificate").onlyWide(), field("CLIENT KEY", "clientKey").onlyWide(),
	}
}

type contextList struct{}

// Help gives examples.
func (*contextList) Help() string {
	return examples("belay context list", "belay context list -o name")
}

// Run lists the contexts.
func (*contextList) Run(in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	var items []item
	for _, name := range contextNames(conf) {
		it, err := contextItem(name, conf.Contexts[name], name == in.set.context.text)
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	raw, err := json.Marshal(map[string]any{"contexts": raws(items)})
	if err != nil {
		return fmt.Errorf("show the contexts: %w", err)
	}
	if len(items) == 0 {
		in.say(plain, "there are no contexts yet; the server is %s", in.set.server.text)
	}
	return in.show(document{raw: raw, items: items, columns: contextColumns(), noun: "context"})
}

type contextUse struct {
	Name string `arg:"" optional:"" help:"The context." complete:"context"`
}

// Help gives examples.
func (*contextUse) Help() string { return examples("belay context use prod", "belay context use lab") }

// Run makes a context the current one.
func (c *contextUse) Run(ctx context.Context, in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	if c.Name == "" {
		if c.Name, err = in.choose(ctx, "the context", "NAME", contextNames(conf)); err != nil {
			return err
		}
	}
	cc, ok := conf.Contexts[c.Name]
	if !ok {
		return noContextCalled(c.Name, conf).withHelp("make it: belay context set " + shellWord(c.Name) + " --server URL")
	}
	conf.Current = c.Name
	if err := in.save(conf); err != nil {
		return err
	}
	in.say(good, "context %s is now current · %s", c.Name, cc.Server)
	return nil
}

type contextView struct {
	Name string `arg:"" optional:"" help:"The context; without it, the current one." complete:"context"`
}

// Help gives examples.
func (*contextView) Help() string {
	return examples("belay context view", "belay context view prod --jq .server")
}

// Run shows one context.
func (c *contextView) Run(in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = in.set.context.text
	}
	if name == "" {
		return usage("no context is current; the server is %s", in.set.server.text).withHelp("make one: belay context set NAME --server URL")
	}
	cc, ok := conf.Contexts[name]
	if !ok {
		return noContextCalled(name, conf)
	}
	it, err := contextItem(name, cc, name == conf.Current)
	if err != nil {
		return err
	}
	columns := append(contextColumns(), column{title: "TOKEN IN", cell: func(item, view) cell {
		if cc.Login == nil {
			return cell{}
		}
		return cell{text: in.storedIn(cc.Login.Storage)}
	}})
	return in.show(document{raw: it.raw, items: []item{it}, columns: columns, noun: "context", single: true})
}

type contextSet struct {
	Name              string  `arg:"" help:"The context." complete:"context"`
	Protected         *bool   `negatable:"" help:"Show where each change is made, and confirm deletions by the context's name."`
	TokenFile         *string `placeholder:"PATH" help:"The file that holds the token for the server."`
	ClientCertificate *string `type:"path" placeholder:"PATH" help:"The certificate to show to the server, in PEM form."`
	ClientKey         *string `type:"path" placeholder:"PATH" help:"The file that holds its key."`
	Use               bool    `help:"Make it the current one."`
}

// Help gives examples.
func (*contextSet) Help() string {
	return "The values are those of --server, --org, --workspace and --ca-file.\n\n" + examples(
		"belay context set prod --server https://belay.example --org northwind --protected",
		"belay context set lab --server http://127.0.0.1:9081 --use",
		"belay context set prod --token-file ~/.config/belay/prod.token",
		"belay context set prod --ca-file ca.pem --client-certificate me.crt --client-key me.key")
}

// Run creates or changes a context. The first one becomes current.
func (c *contextSet) Run(ctx context.Context, in *invocation) error {
	if in.flags.Server != "" {
		if _, err := parseServer(in.flags.Server); err != nil {
			return err
		}
	}
	var saved contextConfig
	name, err := in.updateContext(c.Name, func(cc *contextConfig) { c.apply(in)(cc); saved = *cc })
	if err != nil {
		return err
	}
	in.say(good, "context %s saved", name)
	in.warnOfFiles(name, saved)
	if !c.Use {
		return nil
	}
	use := contextUse{Name: name}
	return use.Run(ctx, in)
}

// warnOfFiles says what would keep a context's files from being used. It is no
// refusal: they may come later, and one at a time.
func (in *invocation) warnOfFiles(name string, c contextConfig) {
	base, err := parseServer(c.Server)
	if err != nil {
		return // which is said where it is used
	}
	check, err := in.connect(in.peerOf(base, c))
	if err != nil {
		in.warn("context %s cannot be used so: %s", name, asFailure(err).Error())
		return
	}
	check.http.CloseIdleConnections()
}

func (c *contextSet) apply(in *invocation) func(*contextConfig) {
	return func(cc *contextConfig) {
		for _, v := range []struct {
			to   *string
			from string
		}{{&cc.Server, in.flags.Server}, {&cc.Org, in.flags.Org}, {&cc.Workspace, in.flags.Workspace}, {&cc.CAFile, in.flags.CAFile}} {
			if v.from != "" {
				*v.to = v.from
			}
		}
		if c.Protected != nil {
			cc.Protected = *c.Protected
		}
		for to, from := range map[*string]*string{&cc.TokenFile: c.TokenFile, &cc.ClientCertificate: c.ClientCertificate, &cc.ClientKey: c.ClientKey} {
			if from != nil {
				*to = *from
			}
		}
	}
}

// updateContext changes one context, "default" for "", and makes it if it
// does not exist; the first one becomes current.
func (in *invocation) updateContext(name string, change func(*contextConfig)) (string, error) {
	conf, err := in.loadConfig()
	if err != nil {
		return "", err
	}
	if name == "" {
		name = "default"
	}
	cc := conf.Contexts[name]
	change(&cc)
	if cc.Server == "" {
		return "", usage("a context needs a server").withHelp("belay context set " + shellWord(name) + " --server URL")
	}
	if conf.Contexts == nil {
		conf.Contexts = map[string]contextConfig{}
	}
	conf.Contexts[name] = cc
	if conf.Current == "" {
		conf.Current = name
	}
	return name, in.save(conf)
}

type contextRename struct {
	From string `arg:"" help:"The context." complete:"context"`
	To   string `arg:"" help:"Its new name."`
}

// Help gives examples.
func (*contextRename) Help() string {
	return examples("belay context rename lab laboratory", "belay context rename prod northwind")
}

// Run renames a context; the current one stays current.
func (c *contextRename) Run(in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	cc, ok := conf.Contexts[c.From]
	if !ok {
		return noContextCalled(c.From, conf)
	}
	if _, taken := conf.Contexts[c.To]; taken || c.To == "" {
		return &failure{exit: exitConflict, what: fmt.Sprintf("there is a context %q already", c.To)}
	}
	delete(conf.Contexts, c.From)
	conf.Contexts[c.To] = cc
	if conf.Current == c.From {
		conf.Current = c.To
	}
	if err := in.save(conf); err != nil {
		return err
	}
	in.say(good, "context %s is now %s", c.From, c.To)
	return nil
}

// showContextsDeleted shows a program what was deleted, as other deletions do.
func (in *invocation) showContextsDeleted(refs []string, items []item) error {
	r := resource{noun: "context", key: "contexts", columns: contextColumns(), detail: contextColumns()}
	if !several(refs) {
		return in.showChanged(r, items[0])
	}
	in.gather()
	in.gathered.items = items
	return in.showGathered(r, &tally{})
}

type contextDelete struct {
	Names []string `arg:"" name:"name" help:"The contexts." complete:"context"`
}

// Help gives examples.
func (*contextDelete) Help() string {
	return examples("belay context delete lab", "belay context delete lab prod")
}

// Run deletes contexts, all that are named or none. It asks nothing: nothing
// is lost that "context set" does not bring back.
func (c *contextDelete) Run(in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	var items []item
	for _, name := range c.Names {
		cc, ok := conf.Contexts[name]
		if !ok {
			return noContextCalled(name, conf)
		}
		it, err := contextItem(name, cc, name == conf.Current)
		if err != nil {
			return err
		}
		if !slices.Contains(allNames(items), name) {
			items = append(items, it)
		}
	}
	for _, it := range items {
		if l := conf.Contexts[it.name()].Login; l != nil && !in.flags.DryRun {
			in.forget(it.name(), l)
		}
		delete(conf.Contexts, it.name())
	}
	left := ""
	if _, ok := conf.Contexts[conf.Current]; !ok && conf.Current != "" {
		conf.Current, left = "", "no context is current now; choose one: belay context use NAME"
	}
	if err := in.save(conf); err != nil {
		return err
	}
	in.say(good, "deleted: %s", strings.Join(allNames(items), ", "))
	if left != "" {
		in.say(plain, "%s", left)
	}
	return in.showContextsDeleted(c.Names, items)
}
