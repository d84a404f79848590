package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"belay/kubeconfig"
)

// What holds of many contexts is said once, of the chosen ones alone, and what
// needs no saying not at all.
func TestWarningsOfContexts(t *testing.T) {
	inside := kubeProblem{Code: kubeconfig.ProblemLoopback, Effect: "warning", Message: "the server address 127.0.0.1:1 means the machine itself"}
	insecure := kubeProblem{Code: kubeconfig.ProblemInsecureTLS, Effect: "warning", Message: "the certificate is not verified"}
	found := []kubeContext{{Name: "a", Problems: []kubeProblem{inside, insecure}}, {Name: "b", Problems: []kubeProblem{inside, insecure}}, {Name: "c", Problems: []kubeProblem{inside}}}
	for server, said := range map[string]string{
		"https://belay.example": "! a, b: the certificate is not verified\n! a, b: the address means the machine that runs the server belay.example, not this one\n",
		"http://127.0.0.1:9081": "! a, b: the certificate is not verified\n",
	} {
		f := newFixture(t, nil)
		in := f.invocation(t, globals{})
		in.set.base, _ = url.Parse(server)
		in.warnOfContexts(found, []string{"a", "b"})
		if got := f.err.String(); got != said {
			t.Errorf("%s: %q, want %q", server, got, said)
		}
	}
}

// Of very many contexts the first are shown, and who shares a secret once.
func TestManyContextsAreSummarized(t *testing.T) {
	var found []kubeContext
	for i := range 400 {
		found = append(found, kubeContext{Name: fmt.Sprintf("c%d", i), User: "ops", Credential: &previewCredential{Fingerprint: "f"}})
	}
	f := newFixture(t, nil)
	f.invocation(t, globals{}).showContexts(found)
	if n := strings.Count(f.err.String(), "\n"); n != contextsShown+2 {
		t.Errorf("%d lines:\n%s", n, f.err)
	}
	mustContain(t, f.err.String(), "and 380 more: --dry-run -o json", "c11 and 388 more share one secret: new credential of user ops")
}

// Two users of one program get one recipe.
func TestOneRecipeForAProgram(t *testing.T) {
	said := []kubeProblem{{Message: "the user signs in with the program aws"}}
	err := noContext([]kubeContext{
		{Name: "a", Plugin: "aws", Problems: said, Recipe: []string{"kubectl --context=a create"}},
		{Name: "b", Plugin: "aws", Problems: said, Recipe: []string{"kubectl --context=b create"}},
		{Name: "c", Plugin: "gke", Recipe: []string{"kubectl --context=c create"}},
	})
	f, _ := errors.AsType[*failure](err)
	text := strings.Join(f.help, "\n")
	mustContain(t, text, "a, b: the user signs in", "--context=a", "--context=c")
	mustNotContain(t, text, "--context=b")

	x := newFixture(t, nil)
	x.invocation(t, globals{}).sayNotDone([]importedContext{
		{Name: "a", Plugin: "aws", Recipe: []string{"kubectl --context=a create"}}, {Name: "b", Plugin: "aws", Recipe: []string{"kubectl --context=b create"}},
	})
	mustContain(t, x.err.String(), "--context=a", "as for a; its own commands: the same with --context b alone")
	mustNotContain(t, x.err.String(), "--context=b")
}
