package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"belay"
)

// TestPreferences are a user's own, replaced as a whole, and only what can be
// heeded.
func TestPreferences(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const path = "/api/user/prefs"
		before := w.Admin.Get(path).Want(http.StatusOK)
		if o := before.Object(); o["theme"] != "system" || o["updatedAt"] != nil {
			t.Errorf("before anything is chosen: %s", before.Body)
		}
		set := w.Admin.Put(path, object{"theme": "dark", "timeZone": "Europe/Berlin", "extensions": object{"ui": object{"rows": 50}}}).Want(http.StatusOK)
		if o := w.Admin.Get(path).Want(http.StatusOK).Object(); o["theme"] != "dark" || o["timeZone"] != "Europe/Berlin" || len(o["extensions"].(map[string]any)) != 1 {
			t.Errorf("stored: %v", o)
		}
		if o := w.Member("ann").Get(path).Want(http.StatusOK).Object(); o["theme"] != "system" {
			t.Errorf("another user has %v", o)
		}
		w.Admin.With("If-Match", set.Header.Get("ETag")).Put(path, object{"theme": "light"}).Want(http.StatusOK)
		w.Admin.With("If-Match", set.Header.Get("ETag")).Put(path, object{"theme": "dark"}).WantCode(belay.CodePreconditionFailed)
		if o := w.Admin.Get(path).Object(); o["theme"] != "light" || o["timeZone"] != "" || len(o["extensions"].(map[string]any)) != 0 {
			t.Errorf("what is left out is as if nothing was chosen: %v", o)
		}
		for _, wrong := range []object{
			{"theme": "mauve"}, {"timeZone": "Mars/Olympus"}, {"timeZone": "../etc/passwd"}, {"timeZone": "Local"}, {"extensions": object{"x": strings.Repeat("x", 17<<10)}}, {"colour": "red"},
		} {
			w.Admin.Put(path, wrong).Want(http.StatusUnprocessableEntity)
		}
	})
}
