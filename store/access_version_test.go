package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/store"
)

// accessVersion is how often it has changed who may what in w.org, as the
// database and as the store count it.
func (w *world) accessVersion(t *testing.T) (version int64, changes uint64) {
	t.Helper()
	memberships, err := w.Memberships(ctx, w.ann)
	wantCode(t, err, "")
	for _, m := range memberships {
		if m.OrganizationID == w.org {
			version = m.AccessVersion
		}
	}
	return version, w.AccessChanges(w.org)
}

// Whatever changes what a member may counts a change; what is done twice, or
// fails, or is about something else counts none.
func TestAccessVersion(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		m, sam := w.addTeam(w.org, "sre"), w.addUser("sam")
		w.member(w.org, sam, belay.OrganizationMember)
		seen := func() []*belay.Access { return []*belay.Access{w.access(t, w.seer(sam)), w.access(t, w.seer(w.max))} }
		user, team := belay.Grant{WorkspaceID: r.team.ID, UserID: sam}, belay.Grant{WorkspaceID: r.team.ID, TeamID: m.ID, Role: belay.RoleEditor}
		for _, step := range []struct {
			name  string
			do    func(tx *store.Tx) error
			count bool
		}{
			{"a place in a team", func(tx *store.Tx) error { _, err := tx.AddTeamUser(ctx, w.org, w.pair(m.ID, sam), ""); return err }, true},
			{"the same again", func(tx *store.Tx) error { _, err := tx.AddTeamUser(ctx, w.org, w.pair(m.ID, sam), ""); return err }, false},
			{"a role of a team", func(tx *store.Tx) error { team.ID = w.id(); _, err := tx.SetGrant(ctx, w.org, team); return err }, true},
			{"the team is deleted", func(tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, m.ID, w.now()) }, true},
			{"the team is restored", func(tx *store.Tx) error { _, err := tx.RestoreTeam(ctx, w.org, m.ID, w.now()); return err }, true},
			{"out of the team", func(tx *store.Tx) error { _, err := tx.RemoveTeamUser(ctx, w.org, m.ID, sam); return err }, true},
			{"out of it again", func(tx *store.Tx) error { _, err := tx.RemoveTeamUser(ctx, w.org, m.ID, sam); return err }, false},
			{"no role of the team", func(tx *store.Tx) error { _, err := tx.RemoveGrant(ctx, w.org, team); return err }, true},
			{"none again", func(tx *store.Tx) error { _, err := tx.RemoveGrant(ctx, w.org, team); return err }, false},
			{"a role of a user", func(tx *store.Tx) error {
				user.ID, user.Role = w.id(), belay.RoleViewer
				_, err := tx.SetGrant(ctx, w.org, user)
				return err
			}, true},
			{"another role", func(tx *store.Tx) error {
				user.Role = belay.RoleAdmin
				_, err := tx.SetGrant(ctx, w.org, user)
				return err
			}, true},
			{"an environment taken away", func(tx *store.Tx) error {
				_, err := tx.UnassignEnvironment(ctx, w.org, r.team.ID, r.dev.ID)
				return err
			}, true},
			{"an environment assigned", func(tx *store.Tx) error {
				_, err := tx.AssignEnvironment(ctx, w.org, w.pair(r.team.ID, r.dev.ID))
				return err
			}, true},
			{"assigned again", func(tx *store.Tx) error {
				_, err := tx.AssignEnvironment(ctx, w.org, w.pair(r.team.ID, r.dev.ID))
				return err
			}, false},
			{"a credential taken away", func(tx *store.Tx) error {
				_, err := tx.UnassignCredential(ctx, w.org, r.team.ID, r.apart.ID)
				return err
			}, true},
			{"a credential assigned", func(tx *store.Tx) error {
				_, err := tx.AssignCredential(ctx, w.org, w.pair(r.team.ID, r.apart.ID))
				return err
			}, true},
			{"an environment deleted", func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, r.dev.ID, w.now()) }, true},
			{"an environment restored", func(tx *store.Tx) error { _, err := tx.RestoreEnvironment(ctx, w.org, r.dev.ID, w.now()); return err }, true},
			{"the workspace deleted", func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, r.team.ID, w.now()) }, true},
			{"the workspace restored", func(tx *store.Tx) error { _, err := tx.RestoreWorkspace(ctx, w.org, r.team.ID, w.now()); return err }, true},
			{"a connection put elsewhere", func(tx *store.Tx) error {
				_, err := tx.AssignConnection(ctx, w.org, w.pair(r.dev.ID, r.cluster.ID))
				return err
			}, false},
			{"a place in another organization", func(tx *store.Tx) error {
				return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.other, UserID: sam, Role: belay.OrganizationMember}, w.now())
			}, false},
			{"another place", func(tx *store.Tx) error {
				return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: w.max, Role: belay.OrganizationAdmin}, w.now())
			}, true},
			{"no place any more", func(tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, sam) }, true},
		} {
			before := seen()
			version, changes := w.accessVersion(t)
			wantCode(t, w.try(step.do), "")
			after, now := w.accessVersion(t)
			if (after > version) != step.count || (now > changes) != step.count {
				t.Errorf("%s: from %d to %d in the database, from %d to %d here; counts %t", step.name, version, after, changes, now, step.count)
			}
			if d := cmp.Diff(before, seen()); d != "" && !step.count {
				t.Errorf("%s changes what they may, and is not counted:\n%s", step.name, d)
			}
		}
		version, _ := w.accessVersion(t)
		wantCode(t, w.try(func(tx *store.Tx) error {
			if err := tx.DeleteWorkspace(ctx, w.org, r.team.ID, w.now()); err != nil {
				return err
			}
			return errShown
		}), belay.CodeInternal)
		if after, _ := w.accessVersion(t); after != version {
			t.Errorf("what was taken back counts: from %d to %d", version, after)
		}
	})
}

// Changes from many sides are all counted, and none of them fails for it.
func TestAccessVersionFromManySides(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		version, _ := w.accessVersion(t)
		const n = 40
		wantAll(t, together(n, func(i int) error {
			return w.try(func(tx *store.Tx) error {
				role := belay.Roles()[i%4]
				_, err := tx.SetGrant(ctx, w.org, belay.Grant{ID: w.id(), WorkspaceID: r.team.ID, UserID: w.max, Role: role, CreatedAt: w.now()})
				return err
			})
		}), "")
		if after, _ := w.accessVersion(t); after != version+n {
			t.Errorf("%d changes count from %d to %d", n, version, after)
		}
	})
}
