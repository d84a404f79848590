package rest

import (
	"strings"
	"testing"

	"belay"
)

// TestRouteWithoutPermission shows that an API with a route that nobody has
// thought about does not come to be.
func TestRouteWithoutPermission(t *testing.T) {
	for p, ok := range map[belay.Permission]bool{
		"": false, "connection:reed": false, "*": false, AnyCaller: true, Anyone: true, belay.PermissionConnectionRead: true,
	} {
		err := Route{Method: "GET", Path: "/api/new", Permission: p}.check()
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "GET /api/new") {
			t.Errorf("permission %q: %v", p, err)
		}
	}
	if _, err := New(Config{}); err != nil {
		t.Error(err)
	}
}
