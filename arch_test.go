package belay_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports says which of our packages each package may import: the drawing of
// the program. "belay" is the root. A package that is not here may not exist.
//
//	cmd ─┬─ cli ───────────────────────────────────────┐
//	     └─ server ─┬─ web ── rest ── app ─┬─ store ────┤
//	                │                      ├─ secret ───┤
//	                │                      ├─ password ─┤
//	                │                      └─ kubeconfig┤
//	                └─ kind/… ── egress ────────────────┴─ belay
var imports = map[string][]string{
	"belay":                 {},
	"belay/store":           {"belay"},
	"belay/secret":          {"belay"},
	"belay/egress":          {"belay"},
	"belay/kubeconfig":      {"belay"},
	"belay/keypair":         {},
	"belay/password":        {"belay"},
	"belay/oidc":            {"belay", "belay/egress"},
	"belay/remote":          {"belay", "belay/egress"},
	"belay/kind/probe":      {"belay", "belay/egress"},
	"belay/kind/httpkind":   {"belay", "belay/egress", "belay/kind/probe"},
	"belay/kind/kubernetes": {"belay", "belay/egress", "belay/kind/probe"},
	"belay/kind/kindtest":   {"belay", "belay/egress", "belay/e2e/peers"},
	"belay/kind":            {"belay", "belay/egress", "belay/kind/httpkind"},
	"belay/app":             {"belay", "belay/store", "belay/secret", "belay/kubeconfig", "belay/password"},
	"belay/site":            {},
	"belay/rest":            {"belay", "belay/app", "belay/kubeconfig", "belay/site"},
	"belay/web":             {"belay", "belay/app", "belay/rest", "belay/site"},
	"belay/server": {
		"belay", "belay/app", "belay/egress", "belay/keypair", "belay/kind", "belay/kind/kubernetes",
		"belay/oidc", "belay/password", "belay/remote", "belay/rest", "belay/secret", "belay/store", "belay/web",
	},
	"belay/cli":       {"belay", "belay/egress", "belay/kubeconfig"},
	"belay/cmd/belay": {"belay", "belay/cli", "belay/keypair", "belay/server"},
	// For tests and measurements only.
	"belay/bench/start":            {"belay", "belay/store"},
	"belay/belaytest":              {"belay", "belay/app", "belay/e2e/peers", "belay/keypair", "belay/server", "belay/store"},
	"belay/e2e/contract":           {},
	"belay/e2e/peers":              {},
	"belay/e2e/peers/withpostgres": {"belay/e2e/peers"},
}

// maxChain is the longest permitted chain of our packages, each importing
// the next.
const maxChain = 7

func TestImports(t *testing.T) {
	found := ours(t)
	for pkg, have := range found {
		want, known := imports[pkg]
		if !known {
			t.Errorf("package %s is not in the drawing of the program: add it to imports, or put its code where it belongs", pkg)
		}
		for _, imported := range have {
			if !slices.Contains(want, imported) {
				t.Errorf("package %s must not import %s", pkg, imported)
			}
		}
	}
	if n := chain(found, "belay/cmd/belay"); n > maxChain {
		t.Errorf("the longest chain of imports has %d packages, more than %d", n, maxChain)
	}
}

// TestRootImportsStandardLibraryOnly keeps the domain free of everything
// that comes and goes.
func TestRootImportsStandardLibraryOnly(t *testing.T) {
	for file, paths := range importsOf(t) {
		if strings.Contains(file, "/") {
			continue
		}
		for _, p := range paths {
			if strings.Contains(strings.SplitN(p, "/", 2)[0], ".") {
				t.Errorf("%s imports %s; the domain imports the standard library only", file, p)
			}
		}
	}
}

// importsOf reads the imports of every Go file of the module that is not a
// test, by its path.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "bin" || isModule(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		paths := []string{}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			paths = append(paths, p)
		}
		out[filepath.ToSlash(path)] = paths
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// isModule tells whether a directory is the root of a module of its own.
func isModule(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, "go.mod"))
	return err == nil && len(found) > 0
}

// ours is what each of our packages imports of ours.
func ours(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for file, paths := range importsOf(t) {
		pkg := strings.TrimSuffix("belay/"+filepath.ToSlash(filepath.Dir(file)), "/.")
		out[pkg] = append(out[pkg], []string{}...)
		for _, p := range paths {
			if (p == "belay" || strings.HasPrefix(p, "belay/")) && !slices.Contains(out[pkg], p) {
				out[pkg] = append(out[pkg], p)
			}
		}
	}
	return out
}

// chain is the number of packages in the longest chain from pkg on.
func chain(found map[string][]string, pkg string) int {
	longest := 0
	for _, p := range found[pkg] {
		longest = max(longest, chain(found, p))
	}
	return longest + 1
}
