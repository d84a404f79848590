package cli

import (
	"errors"
	"testing"
)

// standing is a context that stands for the connection view.
func standing(state string) kubeContext {
	k := kubeContext{Name: "view", Importable: true, Usable: true, Credential: &previewCredential{Type: "kubernetes"}}
	k.Match.State, k.Match.ConnectionID, k.Match.ConnectionName = state, "id", "view"
	return k
}

// A dry run says what an import does: whether it writes, which secret gives
// way to another, and what it would not do unasked.
func TestForetelling(t *testing.T) {
	same := standing("same")
	same.Match.Credential = &credentialFate{Action: "keep", Name: "viewer"}
	replaced := standing("secret_changed")
	replaced.Match.Credential = &credentialFate{Action: "replace", Name: "viewer"}
	moved := standing("secret_changed")
	moved.Match.Credential = &credentialFate{Action: "create", Name: "viewer-2", From: &referred{Name: "viewer"}}
	settings := standing("settings_changed")
	settings.Match.Credential, settings.Match.Changes = same.Match.Credential, []settingChange{{"metadata.namespace", "a", ""}}
	broken := replaced
	broken.Match.Breaks, broken.Check = true, &check{Health: "unhealthy", Summary: "the token is rejected"}
	for _, c := range []struct {
		name string
		k    kubeContext
		with importKubeconfig
		says string
	}{
		{"the same", same, importKubeconfig{}, "would leave connection view as it is from context view, keeping the credential that it has"},
		{"the same, renamed", same, importKubeconfig{As: "other"}, "would update connection view, rename it to other from context view"},
		{"a new secret", replaced, importKubeconfig{}, "would update connection view from context view, replacing the secret of credential viewer, which cannot be had back"},
		{"another credential", moved, importKubeconfig{}, "with the new credential viewer-2 instead of viewer"},
		{"settings", settings, importKubeconfig{}, "metadata.namespace from a to nothing"},
		{"what breaks it", broken, importKubeconfig{}, "view would not be imported — connection view works as it is, and would not with what is in the file: the token is rejected (to import it all the same: --replace-working)"},
		{"what breaks it, forced", broken, importKubeconfig{ReplaceWorking: true}, "replacing the secret of credential viewer"},
		{"what breaks it, without its secret", broken, importKubeconfig{WithoutCredential: true}, "would leave connection view as it is"},
	} {
		f := newFixture(t, nil)
		c.with.OnExisting = "update"
		err := c.with.foretell(f.invocation(t, globals{}), []kubeContext{c.k}, []string{"view"}, 0)
		if _, failed := errors.AsType[*failure](err); failed != (c.name == "what breaks it") {
			t.Errorf("%s: %v", c.name, err)
		}
		mustContain(t, f.err.String(), c.says)
	}
}

// What an import has replaced is named, and how to go back where one can.
func TestImportedSaysWhatGaveWay(t *testing.T) {
	f := newFixture(t, nil)
	k := importedContext{Name: "view", ConnectionName: "view", Outcome: "updated", Replaced: &referred{Name: "viewer"}}
	f.invocation(t, globals{}).sayDone(k)
	mustContain(t, f.err.String(), "credential viewer has the secret of the file in place of its own, which cannot be had back")
}
