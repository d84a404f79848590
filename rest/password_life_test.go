package rest_test

import (
	"net/http"
	"testing"
	"time"

	"belay/app"
)

// TestPasswordsDoNotExpire signs in with a password that is old.
func TestPasswordsDoNotExpire(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{})
	w.setPassword()
	for range 3 {
		clock.Advance(5 * 365 * 24 * time.Hour)
		w.browser(t, w.signIn("admin@localhost", adminPassword).Want(http.StatusCreated)).Get("/api/user").Want(http.StatusOK)
	}
}
