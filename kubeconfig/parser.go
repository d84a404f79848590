package kubeconfig

import (
	"strings"

	"belay"
)

// checkHead tells a kubeconfig from other files and returns its contexts.
func checkHead(root node) ([]node, error) {
	if err := checkLists(root); err != nil {
		return nil, err
	}
	contexts, _ := root.get("contexts").items()
	clusters := root.get("clusters")
	switch {
	case len(contexts) > 0:
		return contexts, nil
	case clusters.absent() && root.get("users").absent():
		return nil, invalid("this is not a kubeconfig: it has no contexts, no clusters and no users; get one with: kubectl config view --raw --flatten")
	default:
		return nil, invalid("the kubeconfig has no contexts, and so nothing that joins a cluster and a user; add one with: kubectl config set-context NAME --cluster=CLUSTER --user=USER")
	}
}

// checkLists checks what the file says that it is, and the form of its parts.
func checkLists(root node) error {
	if k := root.get("kind"); !k.absent() && k.text() != "Config" {
		return invalid("line %d: this is not a kubeconfig but another Kubernetes object (its kind is not Config); get one with: kubectl config view --raw --flatten", k.line)
	}
	if v := root.get("apiVersion"); !v.absent() && v.text() != "v1" {
		return invalid("line %d: the kubeconfig has an apiVersion other than v1, which is not known here", v.line)
	}
	for _, key := range []string{"contexts", "clusters", "users"} {
		n := root.get(key)
		list, ok := n.items()
		if !ok {
			return invalid("line %d: %s must be a list (each entry begins with a dash)", n.line, key)
		}
		if len(list) > MaxContexts {
			return invalid("the kubeconfig has more than %d %s; split it", MaxContexts, key)
		}
	}
	return nil
}

// parser reads each cluster and each user once, however many contexts name it.
type parser struct {
	files    files
	clusters map[string]*cluster
	users    map[string]*user
	opts     Options
	names    map[string]bool // of contexts so far
	problems []Problem       // of the file
}

func newParser(root node, o Options) *parser {
	p := &parser{
		files: newFiles(o.Files, references(root)),
		opts:  o, names: map[string]bool{},
		clusters: map[string]*cluster{}, users: map[string]*user{},
	}
	p.each(root, "clusters", "cluster", func(name string, n node) {
		if first := p.clusters[name]; first != nil {
			first.warn(n, ProblemDuplicateEntry, "several clusters have the name %s; the first is used", printable(name))
			return
		}
		p.clusters[name] = p.cluster(n)
	})
	p.each(root, "users", "user", func(name string, n node) {
		if first := p.users[name]; first != nil {
			first.warn(n, ProblemDuplicateEntry, "several users have the name %s; the first is used", printable(name))
			return
		}
		p.users[name] = p.user(n)
	})
	return p
}

// each calls f for every well-formed entry of a list of named things.
func (p *parser) each(root node, list, key string, f func(name string, n node)) {
	items, _ := root.get(list).items() // checkHead has seen that it is one
	for _, item := range items {
		name, value := item.get("name"), item.get(key)
		switch {
		case !item.isMapping() || name.text() == "":
			p.problems = append(p.problems, item.problem(BarsNothing, ProblemMalformed, "an entry of %s has no name and is left out", list))
		case !value.absent() && !value.isMapping():
			p.problems = append(p.problems, value.problem(BarsNothing, ProblemMalformed, "an entry of %s is left out: its %s is not a list of keys", list, key))
		default:
			f(name.text(), value)
		}
	}
}

func (p *parser) context(item node) Context {
	s := section{node: item.get("context"), bars: BarsConnection}
	head := section{node: item, bars: BarsConnection}
	name := head.str("name")
	cluster, user := s.str("cluster"), s.str("user")
	c := Context{Name: printable(name), Cluster: printable(cluster), User: printable(user), Namespace: printable(s.str("namespace"))}
	switch {
	case !item.isMapping() || !s.isMapping():
		head.bad(item, ProblemMalformed, "the context is not a name with a cluster and a user")
	case name == "":
		head.bad(item, ProblemName, "the context has no name")
	case name != c.Name:
		head.bad(item.get("name"), ProblemName, "the context's name is too long or holds characters that do not print; rename it with: kubectl config rename-context")
	case p.names[name]:
		head.bad(item.get("name"), ProblemDuplicateContext, "an earlier context has the name %s too; rename or remove one of them", name)
	}
	p.names[name] = true
	if s.isMapping() {
		p.addCluster(&c, &s, cluster)
		p.addUser(&c, &s, user)
	}
	c.Problems = append(append(head.problems, s.problems...), c.Problems...)
	return c
}

func (p *parser) addCluster(c *Context, s *section, name string) {
	cl := p.clusters[name]
	if cl == nil {
		what := "names the cluster " + c.Cluster + ", which is not in the file"
		if name == "" {
			what = "names no cluster"
		}
		s.bad(s.get("cluster"), ProblemClusterMissing, "the context %s", what)
		return
	}
	c.Endpoint, c.TLS, c.ProxyURL = cl.endpoint, cl.tls, cl.proxyURL
	c.Missing = append(c.Missing, cl.missing...)
	c.Problems = append(c.Problems, cl.problems...)
}

func (p *parser) addUser(c *Context, s *section, name string) {
	u := p.users[name]
	switch {
	case u != nil:
	case name == "":
		u = p.user(s.get("user"))
	default:
		n := s.get("user")
		c.Problems = append(c.Problems, n.problem(BarsCredential, ProblemUserMissing, "the context names the user %s, which is not in the file", c.User))
		return
	}
	if u.values != nil {
		c.CredentialType, c.Values = belay.CredentialKubernetes, u.values
	}
	c.Plugin = u.plugin
	c.Missing = append(c.Missing, u.missing...)
	c.Problems = append(c.Problems, u.problems...)
}

// files finds what was given beside the kubeconfig.
type files struct {
	given map[string][]byte
	// alone holds, by the last element of its path, each file that shares
	// that element with no other, given or referred to.
	alone map[string][]byte
	spent int
}

func newFiles(given map[string][]byte, referred []string) files {
	f := files{given: given, alone: map[string][]byte{}}
	count := map[string]int{}
	for _, path := range referred {
		count[base(path)]++
	}
	sources := map[string]int{}
	for path := range given {
		sources[base(path)]++
	}
	for path, b := range given {
		if count[base(path)] == 1 && sources[base(path)] == 1 {
			f.alone[base(path)] = b
		}
	}
	return f
}

// base is the last element of a path of any operating system.
func base(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

func (f *files) read(path string) ([]byte, bool) {
	b, ok := f.given[path]
	if !ok {
		b, ok = f.alone[base(path)]
	}
	if f.spent += len(b); f.spent > maxMaterial {
		return nil, false
	}
	return b, ok
}

// references lists the paths that count: inline data hides the file beside it.
func references(root node) []string {
	var paths []string
	seen := map[string]bool{}
	add := func(n node, key string) {
		path := n.get(key).text()
		if path == "" || seen[path] || n.get(key+"-data").text() != "" {
			return
		}
		seen[path] = true
		paths = append(paths, path)
	}
	clusters, _ := root.get("clusters").items()
	for _, c := range clusters {
		add(c.get("cluster"), "certificate-authority")
	}
	users, _ := root.get("users").items()
	for _, u := range users {
		for _, key := range []string{"client-certificate", "client-key", "tokenFile"} {
			add(u.get("user"), key)
		}
	}
	return paths
}
