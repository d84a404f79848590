package rest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"belay"
	"belay/app"
	"belay/belaytest"
)

const sessionsPath = "/api/identity/sessions"

// TestSessions lists and ends the sessions of a user.
func TestSessions(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{Session: 3 * time.Hour, SessionIdle: time.Hour})
	user := w.Member("ann").UserID
	first := w.Browser(user).With("Sec-Fetch-Site", "same-origin")
	clock.Advance(time.Minute)
	second := w.Browser(user).With("Sec-Fetch-Site", "same-origin")
	list := first.Get(sessionsPath).Want(http.StatusOK).Items("sessions")
	if len(list) != 2 || list[0]["current"] != false || list[1]["current"] != true || list[0]["userAgent"] != "belaytest" || list[0]["remoteAddr"] != "127.0.0.1" {
		t.Fatalf("the sessions are %v", list)
	}
	w.Member("eve").Delete(sessionsPath + "/" + fmt.Sprint(list[0]["id"])).Want(http.StatusNotFound)
	first.Delete(sessionsPath + "/" + fmt.Sprint(list[0]["id"])).Want(http.StatusNoContent)
	clock.Advance(promised)
	second.Get("/api/user").Want(http.StatusUnauthorized)
	first.Get("/api/user").Want(http.StatusOK)

	third := w.Browser(user)
	if got := first.Delete(sessionsPath).Want(http.StatusOK).Object()["ended"]; got != 1.0 {
		t.Errorf("ended %v", got)
	}
	clock.Advance(promised)
	third.Get("/api/user").Want(http.StatusUnauthorized)
	first.Get("/api/user").Want(http.StatusOK)
	first.With("Sec-Fetch-Site", "cross-site").Delete(sessionsPath).Want(http.StatusForbidden)
	if got := w.As(user).Delete(sessionsPath).Want(http.StatusOK).Object()["ended"]; got != 1.0 {
		t.Errorf("by a token ended %v", got)
	}
	clock.Advance(promised)
	first.Get("/api/user").Want(http.StatusUnauthorized)
}

// TestSessionLifetimes lets one session be idle and another be used to its
// end.
func TestSessionLifetimes(t *testing.T) {
	w, clock := clocked(t, app.Lifetimes{Session: 3 * time.Hour, SessionIdle: time.Hour})
	user := w.Member("ann").UserID
	idle, used := w.Browser(user), w.Browser(user)
	for range 5 {
		clock.Advance(30 * time.Minute)
		used.Get("/api/user").Want(http.StatusOK)
	}
	idle.Get("/api/user").Want(http.StatusUnauthorized)
	if got := used.Get(sessionsPath).Items("sessions"); len(got) != 1 || got[0]["idleAt"] != got[0]["expiresAt"] {
		t.Errorf("the sessions are %v", got)
	}
	clock.Advance(30*time.Minute - promised)
	used.Get("/api/user").Want(http.StatusOK)
	clock.Advance(promised)
	used.Get("/api/user").Want(http.StatusUnauthorized)
}

// TestSignMemberOut lets an administrator end all sessions of a member, and of
// nobody who reaches further than he does.
func TestSignMemberOut(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		t.Helper()
		users := "/api/identity/orgs/" + string(w.Organization) + "/users/"
		adam := w.NewUser("adam")
		w.Join(w.Organization, adam, belay.OrganizationAdmin)
		admin, ann := w.As(adam), w.Member("ann")
		first, second := w.Browser(ann.UserID), w.Browser(ann.UserID)
		ended := func(a *belaytest.Answer) any { return a.Want(http.StatusOK).Object()["ended"] }
		ann.Delete(users + string(w.person.UserID) + "/sessions").Want(http.StatusForbidden)
		if n := ended(admin.Delete(users + string(ann.UserID) + "/sessions")); n != 2.0 {
			t.Errorf("%v were ended", n)
		}
		for _, b := range []*belaytest.Client{first, second} { // with the answer
			wantText(t, b.Get("/api/user").Want(http.StatusUnauthorized).Problem(), "session expired")
		}
		ann.Get("/api/user").Want(http.StatusOK) // her token stays

		owner := w.Browser(w.Admin.UserID)
		admin.Delete(users + string(w.Admin.UserID) + "/sessions").Want(http.StatusForbidden)
		w.Join(w.NewOrganization("Other", w.NewUser("olga")), ann.UserID, belay.OrganizationMember)
		third := w.Browser(ann.UserID)
		p := admin.Delete(users + string(ann.UserID) + "/sessions").Want(http.StatusForbidden).Problem()
		wantText(t, p, "another organization")
		if len(p.Remediation) != 1 || p.Remediation[0].ID != "member.remove" {
			t.Errorf("what to do is %v", p.Remediation)
		}
		for _, b := range []*belaytest.Client{owner, third} {
			b.Get("/api/user").Want(http.StatusOK)
		}
		admin.Delete(users + missing + "/sessions").Want(http.StatusNotFound)
		if n := ended(w.Admin.Delete(users + string(adam) + "/sessions")); n != 0.0 {
			t.Errorf("%v were ended", n)
		}
	})
}
