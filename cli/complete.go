package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

const (
	completionTimeout = 2 * time.Second
	completionCache   = 30 * time.Second
)

type complete struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words of the command line up to the cursor."`
}

// Run writes what the last word can become, one a line: the word and, after a
// tab, what it is. It never asks, and is silent about all that goes wrong.
func (c *complete) Run(ctx context.Context, in *invocation, k *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	current := words[len(words)-1]
	at := in.walk(k.Model.Node, words[:len(words)-1])
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	var b strings.Builder
	for _, cand := range in.candidates(ctx, at, current) {
		if strings.HasPrefix(cand.word, current) {
			fmt.Fprintf(&b, "%s\t%s\n", printable(cand.word), printable(cand.help))
		}
	}
	_, err := io.WriteString(in.Stdout, b.String())
	return err
}

// place is where in the tree a command line has arrived.
type place struct {
	node     *kong.Node
	flag     *kong.Flag // whose value comes next; nil for none
	position int        // how many arguments there were
	only     bool       // after "--" there are arguments only
}

type candidate struct{ word, help string }

// walk follows the words through the tree, and notes the flags that say where
// names are to be looked up.
func (in *invocation) walk(root *kong.Node, words []string) place {
	at := place{node: root}
	for _, w := range words {
		switch {
		case at.flag != nil:
			in.note(at.flag, w)
			at.flag = nil
		case w == "--":
			at.only = true
		case !at.only && strings.HasPrefix(w, "-") && w != "-":
			in.walkFlag(&at, w)
		default:
			at.step(w)
		}
	}
	return at
}

func (in *invocation) walkFlag(at *place, w string) {
	name, value, has := strings.Cut(w, "=")
	f := at.find(name)
	switch {
	case f == nil:
	case has:
		in.note(f, value)
	case !f.IsBool():
		at.flag = f
	}
}

func (in *invocation) note(f *kong.Flag, value string) {
	switch f.Name {
	case "context":
		in.flags.Context = value
	case "server":
		in.flags.Server = value
	case "org":
		in.flags.Org = value
	}
}

func (p *place) step(word string) {
	for _, c := range p.node.Children {
		if p.position == 0 && (c.Name == word || slices.Contains(c.Aliases, word)) {
			p.node = c
			return
		}
	}
	p.position++
}

// flags are those that can stand here, the command's own first.
func (p *place) flags() []*kong.Flag {
	var out []*kong.Flag
	for n := p.node; n != nil; n = n.Parent {
		out = append(out, n.Flags...)
	}
	return slices.DeleteFunc(out, func(f *kong.Flag) bool { return f.Hidden })
}

func (p *place) find(word string) *kong.Flag {
	for _, f := range p.flags() {
		if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

func (in *invocation) candidates(ctx context.Context, at place, current string) []candidate {
	if at.flag != nil {
		return in.values(ctx, at.flag.Value)
	}
	if strings.HasPrefix(current, "--") && !at.only {
		if name, _, ok := strings.Cut(current, "="); ok {
			return in.flagValues(ctx, at, name)
		}
	}
	if strings.HasPrefix(current, "-") && !at.only {
		return flagCandidates(at)
	}
	var out []candidate
	if at.position == 0 {
		for _, c := range visible(at.node.Children) {
			out = append(out, candidate{c.Name, c.Help})
		}
	}
	if n := len(at.node.Positional); n > 0 {
		last := at.node.Positional[n-1]
		if at.position < n {
			out = append(out, in.values(ctx, at.node.Positional[at.position])...)
		} else if last.IsSlice() {
			out = append(out, in.values(ctx, last)...)
		}
	}
	return out
}

func (in *invocation) flagValues(ctx context.Context, at place, name string) []candidate {
	f := at.find(name)
	if f == nil {
		return nil
	}
	out := in.values(ctx, f.Value)
	for i := range out {
		out[i].word = name + "=" + out[i].word
	}
	return out
}

func flagCandidates(at place) []candidate {
	var out []candidate
	for _, f := range at.flags() {
		out = append(out, candidate{"--" + f.Name, f.Help})
		if f.Tag.Negatable != "" {
			out = append(out, candidate{"--no-" + f.Name, f.Help})
		}
	}
	return out
}

// values are what a flag or an argument can be.
func (in *invocation) values(ctx context.Context, v *kong.Value) []candidate {
	if v.Enum != "" {
		return words(slices.DeleteFunc(v.EnumSlice(), func(s string) bool { return s == "" }))
	}
	switch what := v.Tag.Get("complete"); what {
	case "":
		return nil
	case "format":
		return words(formats())
	case "topic":
		return words(helpTopics())
	case "credential-type":
		return words(credentialTypeNames())
	case "status":
		return words(reachable())
	case "permission":
		return words(permissionNames())
	case "context":
		conf, err := in.loadConfig()
		if err != nil {
			return nil
		}
		return words(contextNames(conf))
	default:
		return words(in.liveNames(ctx, what))
	}
}

func words(list []string) []candidate {
	out := make([]candidate, len(list))
	for i, w := range list {
		out[i].word = w
	}
	return out
}

// liveNames are the names of a noun at the server, as they were at most 30
// seconds ago; none when anything goes wrong.
func (in *invocation) liveNames(ctx context.Context, noun string) []string {
	i := slices.IndexFunc(resources(), func(r resource) bool { return r.noun == noun })
	in.flags.NoInput, in.flags.Quiet = true, true
	var err error
	if in.set, err = in.settle(); err != nil || i < 0 {
		return nil
	}
	file := in.cacheFile(noun)
	if names, ok := in.cached(file); ok {
		return names
	}
	p, err := in.fetchUpTo(ctx, resources()[i], resources()[i].path, url.Values{}, pageCap)
	if err != nil {
		return nil
	}
	names := allNames(p.items)
	in.cache(file, names)
	return names
}

// cacheFile is where the names of a noun are kept, apart for each server,
// organization and source of the token.
func (in *invocation) cacheFile(noun string) string {
	dir := in.env("XDG_CACHE_HOME")
	if dir == "" && in.Home != "" {
		dir = filepath.Join(in.Home, ".cache")
	}
	_, origin, err := in.token()
	if dir == "" || err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{in.set.server.text, in.set.org.text, noun, origin}, "\n")))
	return filepath.Join(dir, "belay", "names-"+hex.EncodeToString(sum[:16])+".json")
}

func (in *invocation) cached(file string) ([]string, bool) {
	info, err := os.Stat(file)
	if err != nil || in.Now().Sub(info.ModTime()).Abs() > completionCache {
		return nil, false
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	var names []string
	return names, json.Unmarshal(b, &names) == nil
}

// cache keeps the names; that it cannot is no loss.
func (in *invocation) cache(file string, names []string) {
	b, err := json.Marshal(names)
	if err != nil || file == "" || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	_ = replaceFile(file, b)
}
