package app_test

import (
	"testing"

	"belay"
	"belay/app"
)

// TestSetTooLarge gives an environment more connections than it takes at once.
func TestSetTooLarge(t *testing.T) {
	w := newImportWorld(t)
	name := "e"
	e, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	for n, want := range map[int]string{10_000: "/connectionIds/0", 10_001: "/connectionIds"} {
		ids := make([]belay.ID, n)
		for i := range ids {
			ids[i] = w.newID()
		}
		_, _, err := w.SetEnvironmentConnections(w.admin, w.org, e.ID, 0, ids)
		if e, ok := err.(*belay.Error); !ok || e.Code != belay.CodeInvalid || len(e.Fields) != 1 || e.Fields[0].Pointer != want { //nolint:errorlint // a bare one
			t.Errorf("%d: %v, want it to be about %s", n, err, want)
		}
	}
}
