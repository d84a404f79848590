package cli

import (
	"errors"
	"fmt"
	"testing"
)

// What is advised helps the command that it is advised to.
func TestAdviceApplies(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": "http://127.0.0.1:1"})
	for _, line := range [][]string{
		{"api", "POST", "/api/integrations/credentials", "-f", "secret=x"},
		{"api", "POST", "/api/integrations/credentials", "--password", "x"},
	} {
		f.run(t, exitUsage, line...)
		mustContain(t, f.err.String(), "--input PATH", "belay api --help")
		mustNotContain(t, f.err.String(), "--secret-file")
	}
	one := kubeContext{Name: "dev", Problems: []kubeProblem{{Message: "it has no user", Effect: "blocks"}}}
	other := kubeContext{Name: "prod", Importable: true}
	help := func(found ...kubeContext) string {
		failed := asFailure(noContext(found))
		return failed.what + "\n" + fmt.Sprint(failed.help)
	}
	mustContain(t, help(one), "the context dev cannot be imported", "dev: it has no user")
	mustNotContain(t, help(one), "choose one")
	mustNotContain(t, help(one, one), "choose one")
	mustContain(t, help(one, other), "choose one: --context NAME")
}

// An expression for the elements of a list is one for the list that is there.
func TestMisfitNamesTheList(t *testing.T) {
	err := errors.New(`expected an object but got: array ([{"id":1}])`)
	for answer, want := range map[string]string{
		`{"checks":[{"connectionName":"a"}],"summary":{}}`: ".checks[]",
		`{"connections":[{"name":"a"}],"page":0}`:          ".connections[].name",
		`[{"name":"a"}]`:      ".[].name",
		`{"tests":[]}`:        ".tests[]",
		`{"name":"a","x":{}}`: "-o json",
	} {
		v, decodeErr := decodeAny([]byte(answer))
		if decodeErr != nil {
			t.Fatal(decodeErr)
		}
		got := misfit(err, v).help[0]
		mustContain(t, got+"\n", want)
		if want != "-o json" && got != "each element of a list: "+want {
			t.Errorf("%s: %s", answer, got)
		}
	}
}

// Of several that were deleted under one name, each can be named.
func TestDeletedUnderOneName(t *testing.T) {
	var gone []item
	for _, raw := range []string{
		`{"id":"0190a1b2-c3d4-7e5f-8a9b-000000000001","name":"aaa","deletedAt":"2026-11-01T10:00:00Z"}`,
		`{"id":"0190a1b2-c3d4-7e5f-8a9b-000000000002","name":"Aaa","deletedAt":"2026-11-02T10:00:00Z"}`,
		`{"id":"0190a1b2-c3d4-7e5f-8a9b-000000000003","name":"bbb","deletedAt":"2026-11-02T10:00:00Z"}`,
	} {
		it, err := newItem([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, it)
	}
	name := deletedName(gone)
	for i, want := range []string{gone[0].id(), gone[1].id(), "bbb"} {
		if got := name(gone[i]); got != want {
			t.Errorf("%d is called %s, want %s", i, got, want)
		}
		if it, err := connections().findDeleted(gone, "connection/"+name(gone[i])); err != nil || it.id() != gone[i].id() {
			t.Errorf("%s: found %s, %v", want, it.id(), err)
		}
	}
	_, err := connections().findDeleted(gone, "AAA")
	if err == nil {
		t.Fatal("one of two was taken")
	}
	mustContain(t, fmt.Sprint(asFailure(err).help), "name the one by its id: belay connection restore ID", gone[1].id()+"  Aaa  deleted 2026-11-02T10:00:00Z")
}
