package store_test

import (
	"context"
	"sync"
	"testing"

	"belay"
	"belay/store"
)

func (w *world) setGrant(g belay.Grant) (belay.Grant, error) {
	g.ID, g.CreatedAt = w.id(), w.now()
	err := w.try(func(tx *store.Tx) (err error) { g, err = tx.SetGrant(ctx, w.org, g); return err })
	return g, err
}

func TestSetGrant(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, m := w.addWorkspace(w.org, "team"), w.addTeam(w.org, "sre")
		foreign := w.addTeam(w.other, "others")
		for _, to := range []belay.Grant{{WorkspaceID: v.ID, UserID: w.max}, {WorkspaceID: v.ID, TeamID: m.ID}} {
			var first belay.Grant
			for _, role := range append(belay.Roles(), belay.RoleViewer) {
				to.Role = role
				got, err := w.setGrant(to)
				wantCode(t, err, "")
				if first.ID == "" {
					first = got
				}
				wantEqual(t, got, belay.Grant{ID: first.ID, WorkspaceID: v.ID, UserID: to.UserID, TeamID: to.TeamID, Role: role, CreatedAt: first.CreatedAt})
			}
		}
		wantEqual(t, w.access(t, w.seer(w.max)).Workspaces, map[belay.ID]belay.Role{v.ID: belay.RoleViewer}) // he is not in the team
		for _, c := range []struct {
			grant belay.Grant
			want  belay.Code
		}{
			{belay.Grant{WorkspaceID: v.ID, UserID: w.max, Role: "king"}, belay.CodeInvalid},
			{belay.Grant{WorkspaceID: v.ID, TeamID: m.ID, Role: belay.RoleNone}, belay.CodeInvalid},
			{belay.Grant{WorkspaceID: v.ID, UserID: w.eve, Role: belay.RoleViewer}, belay.CodeNotFound}, // no member
			{belay.Grant{WorkspaceID: v.ID, TeamID: foreign.ID, Role: belay.RoleViewer}, belay.CodeNotFound},
			{belay.Grant{WorkspaceID: v.ID, TeamID: w.id(), Role: belay.RoleViewer}, belay.CodeNotFound},
			{belay.Grant{WorkspaceID: w.id(), UserID: w.max, Role: belay.RoleViewer}, belay.CodeNotFound},
		} {
			_, err := w.setGrant(c.grant)
			wantCode(t, err, c.want)
		}
		for _, want := range []bool{true, false} {
			wantCode(t, w.try(func(tx *store.Tx) error {
				changed, err := tx.RemoveGrant(ctx, w.org, belay.Grant{WorkspaceID: v.ID, UserID: w.max})
				wantEqual(t, changed, want)
				return err
			}), "")
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, m.ID, w.now()) }), "")
		_, err := w.setGrant(belay.Grant{WorkspaceID: v.ID, TeamID: m.ID, Role: belay.RoleViewer})
		wantCode(t, err, belay.CodeNotFound)
	})
}

// TestViewerThroughTeam sees what a team's role shows, and loses it with the
// role, the membership or the team.
func TestViewerThroughTeam(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r, m := w.reach(), w.addTeam(w.org, "sre")
		sam := w.addUser("sam")
		w.member(w.org, sam, belay.OrganizationMember)
		w.join(m, sam)
		w.grantTeam(r.team, m, belay.RoleEditor)
		see := func() []string { return w.sees(t, belay.Viewer{OrganizationID: w.org, UserID: sam})["connection"] }
		all := []string{"cluster", "github"}
		wantEqual(t, see(), all)
		wantEqual(t, w.access(t, w.seer(sam)).Environments, map[belay.ID]belay.Role{r.prod.ID: belay.RoleEditor, r.dev.ID: belay.RoleEditor})
		for name, cut := range map[string]struct{ do, undo func(tx *store.Tx) error }{
			"the role": {
				func(tx *store.Tx) error {
					_, err := tx.RemoveGrant(ctx, w.org, belay.Grant{WorkspaceID: r.team.ID, TeamID: m.ID})
					return err
				},
				func(tx *store.Tx) error {
					_, err := tx.SetGrant(ctx, w.org, belay.Grant{ID: w.id(), WorkspaceID: r.team.ID, TeamID: m.ID, Role: belay.RoleViewer, CreatedAt: w.now()})
					return err
				},
			},
			"the membership": {
				func(tx *store.Tx) error { _, err := tx.RemoveTeamUser(ctx, w.org, m.ID, sam); return err },
				func(tx *store.Tx) error { _, err := tx.AddTeamUser(ctx, w.org, w.pair(m.ID, sam), "okta"); return err },
			},
			"the team": {
				func(tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, m.ID, w.now()) },
				func(tx *store.Tx) error { _, err := tx.RestoreTeam(ctx, w.org, m.ID, w.now()); return err },
			},
		} {
			wantCode(t, w.try(cut.do), "")
			if got := see(); len(got) != 0 {
				t.Errorf("without %s he still sees %v", name, got)
			}
			wantCode(t, w.try(cut.undo), "")
			wantEqual(t, see(), all)
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, sam) }), "")
		wantEqual(t, len(see()), 0)
		teams, err := w.TeamsOf(ctx, w.org, sam)
		wantCode(t, err, "")
		wantEqual(t, teams, map[belay.ID]string{})
	})
}

func TestMembers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		m, v := w.addTeam(w.org, "sre"), w.addWorkspace(w.org, "team")
		sam := w.addUser("Sam")
		w.member(w.org, sam, belay.OrganizationAdmin)
		w.join(m, sam)
		w.grant(v, w.max, belay.RoleViewer)
		emails := func(f belay.MemberFilter, q belay.Query) (out []string) {
			page, err := w.Members(ctx, w.org, f, q)
			wantCode(t, err, "")
			wantEqual(t, page.Total, len(page.Items))
			for _, u := range page.Items {
				out = append(out, u.Email)
			}
			return out
		}
		const annMail, maxMail, samMail = "ann@example.test", "max@example.test", "Sam@example.test"
		for name, c := range map[string]struct {
			filter belay.MemberFilter
			query  belay.Query
			want   []string
		}{
			"all":             {want: []string{annMail, maxMail, samMail}},
			"from behind":     {query: belay.Query{Order: belay.Order{Column: "email", Descending: true}}, want: []string{samMail, maxMail, annMail}},
			"found":           {query: belay.Query{Search: "sam"}, want: []string{samMail}},
			"administrators":  {filter: belay.MemberFilter{Roles: []belay.OrganizationRole{belay.OrganizationAdmin}}, want: []string{samMail}},
			"of the team":     {filter: belay.MemberFilter{TeamID: m.ID}, want: []string{samMail}},
			"not of the team": {filter: belay.MemberFilter{NotInTeamID: m.ID}, want: []string{annMail, maxMail}},
			"of a workspace":  {filter: belay.MemberFilter{WorkspaceID: v.ID}, want: []string{maxMail}},
			"not of it":       {filter: belay.MemberFilter{NotInWorkspaceID: v.ID}, want: []string{annMail, samMail}},
			"of an address":   {filter: belay.MemberFilter{Email: "sAM@example.test"}, want: []string{samMail}},
		} {
			t.Run(name, func(t *testing.T) { wantEqual(t, emails(c.filter, c.query), c.want) })
		}
		one, err := w.Member(ctx, w.org, sam)
		wantCode(t, err, "")
		wantEqual(t, []any{one.Email, one.Role, one.JoinedAt.IsZero()}, []any{samMail, belay.OrganizationAdmin, false})
		_, err = w.Member(ctx, w.org, w.eve)
		wantCode(t, err, belay.CodeNotFound)

		// No member is who has been deleted, whatever he still belongs to.
		wantCode(t, w.Exec("update users set deleted_at = 1 where id = $1", sam), "")
		wantEqual(t, emails(belay.MemberFilter{}, belay.Query{}), []string{annMail, maxMail})
		_, err = w.Member(ctx, w.org, sam)
		wantCode(t, err, belay.CodeNotFound)
	})
}

// A workspace that is deleted grants nothing, and is granted nothing in, until
// it is restored.
func TestGrantsOfADeletedWorkspace(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v, m := w.addWorkspace(w.org, "v"), w.addTeam(w.org, "sre")
		w.grant(v, w.max, belay.RoleViewer)
		w.grantTeam(v, m, belay.RoleEditor)
		want := func(n int) {
			t.Helper()
			users, err := w.UserGrants(ctx, w.org, v.ID, w.max)
			wantCode(t, err, "")
			teams, err := w.TeamGrants(ctx, w.org, v.ID, m.ID)
			wantCode(t, err, "")
			wantEqual(t, []int{len(users), len(teams)}, []int{n, n})
		}
		want(1)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, v.ID, w.now()) }), "")
		want(0)
		for _, g := range []belay.Grant{{UserID: w.max}, {TeamID: m.ID}} {
			g.ID, g.WorkspaceID, g.Role, g.CreatedAt = w.id(), v.ID, belay.RoleAdmin, w.now()
			wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.SetGrant(ctx, w.org, g); return err }), belay.CodeNotFound)
			wantCode(t, w.try(func(tx *store.Tx) error {
				changed, err := tx.RemoveGrant(ctx, w.org, g)
				wantEqual(t, changed, false)
				return err
			}), "")
		}
		wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.RestoreWorkspace(ctx, w.org, v.ID, w.now()); return err }), "")
		want(1)
	})
}

func TestTeamUsers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		m := w.addTeam(w.org, "sre")
		add := func(team, user belay.ID) (changed bool, err error) {
			err = w.try(func(tx *store.Tx) (err error) {
				changed, err = tx.AddTeamUser(ctx, w.org, w.pair(team, user), "")
				return err
			})
			return changed, err
		}
		for _, want := range []bool{true, false} {
			changed, err := add(m.ID, w.max)
			wantCode(t, err, "")
			wantEqual(t, changed, want)
		}
		in, err := w.TeamUsers(ctx, w.org, m.ID, w.max, w.ann)
		wantCode(t, err, "")
		if a := in[w.max]; len(in) != 1 || a.ID == "" || a.LeftID != m.ID || a.RightID != w.max || a.CreatedAt.IsZero() {
			t.Errorf("in the team are %v", in)
		}
		for _, pair := range [][2]belay.ID{{m.ID, w.eve}, {m.ID, w.id()}, {w.id(), w.max}, {w.addTeam(w.other, "others").ID, w.max}} {
			_, err := add(pair[0], pair[1])
			wantCode(t, err, belay.CodeNotFound)
			wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.RemoveTeamUser(ctx, w.org, pair[0], pair[1]); return err }), belay.CodeNotFound)
		}
		for _, want := range []bool{true, false} {
			wantCode(t, w.try(func(tx *store.Tx) error {
				changed, err := tx.RemoveTeamUser(ctx, w.org, m.ID, w.max)
				wantEqual(t, changed, want)
				return err
			}), "")
		}
	})
}

// TestLastOwner takes its owners from an organization, one after the other
// and both at once: one stays.
func TestLastOwner(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		demote := func(user belay.ID) error {
			return w.try(func(tx *store.Tx) error {
				return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: user, Role: belay.OrganizationAdmin}, w.now())
			})
		}
		remove := func(user belay.ID) error {
			return w.try(func(tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, user) })
		}
		wantCode(t, demote(w.ann), belay.CodeConflict)
		wantCode(t, remove(w.ann), belay.CodeConflict)
		for range 10 {
			w.member(w.org, w.ann, belay.OrganizationOwner)
			w.member(w.org, w.max, belay.OrganizationOwner)
			var wg sync.WaitGroup
			errs := make([]error, 2)
			for i, leave := range []func() error{func() error { return demote(w.ann) }, func() error { return remove(w.max) }} {
				wg.Go(func() { errs[i] = leave() })
			}
			wg.Wait()
			owners, err := w.Members(ctx, w.org, belay.MemberFilter{Roles: []belay.OrganizationRole{belay.OrganizationOwner}}, belay.Query{})
			wantCode(t, err, "")
			if len(owners.Items) != 1 || (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("%d owners are left; %v", len(owners.Items), errs)
			}
		}
	})
}

// What a filter names and is of another organization, or deleted, names
// nobody.
func TestMembersOfWhatIsElsewhere(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.member(w.other, w.max, belay.OrganizationMember)
		foreign, gone := w.addTeam(w.other, "theirs"), w.addTeam(w.org, "gone")
		w.join(foreign, w.max)
		w.join(gone, w.max)
		there, closed := w.addWorkspace(w.other, "theirs"), w.addWorkspace(w.org, "closed")
		for _, v := range []*belay.Workspace{there, closed} {
			w.grant(v, w.max, belay.RoleViewer)
		}
		w.grantTeam(there, foreign, belay.RoleViewer)
		stays := w.addTeam(w.org, "stays")
		w.grantTeam(closed, stays, belay.RoleViewer)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, gone.ID, w.now()) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, closed.ID, w.now()) }), "")
		for name, c := range map[string]struct {
			filter belay.MemberFilter
			want   int
		}{
			"a team elsewhere":        {belay.MemberFilter{TeamID: foreign.ID}, 0},
			"a deleted team":          {belay.MemberFilter{TeamID: gone.ID}, 0},
			"not in a team elsewhere": {belay.MemberFilter{NotInTeamID: foreign.ID}, 2},
			"a workspace elsewhere":   {belay.MemberFilter{WorkspaceID: there.ID}, 0},
			"a deleted workspace":     {belay.MemberFilter{WorkspaceID: closed.ID}, 0},

			"not in a workspace elsewhere": {belay.MemberFilter{NotInWorkspaceID: there.ID}, 2},
			"not in a deleted workspace":   {belay.MemberFilter{NotInWorkspaceID: closed.ID}, 2},
		} {
			page, err := w.Members(ctx, w.org, c.filter, belay.Query{})
			wantCode(t, err, "")
			if len(page.Items) != c.want {
				t.Errorf("%s: %d members", name, len(page.Items))
			}
		}
		for name, f := range map[string]belay.TeamFilter{"elsewhere": {WorkspaceID: there.ID}, "deleted": {WorkspaceID: closed.ID}} {
			page, err := w.Teams(ctx, everything(w.org), f, belay.Query{})
			wantCode(t, err, "")
			if len(page.Items) != 0 {
				t.Errorf("a workspace that is %s has the teams %v", name, page.Items)
			}
		}
	})
}

// A member sees of the deleted teams those that he owned.
func TestDeletedTeams(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		m := w.addTeam(w.org, "anns")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteTeam(ctx, w.org, m.ID, w.now()) }), "")
		for user, want := range map[belay.ID]int{m.OwnerID: 1, w.max: 0} {
			page, err := w.Teams(ctx, belay.Viewer{OrganizationID: w.org, UserID: user}, belay.TeamFilter{Deleted: true}, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, len(page.Items), want)
		}
	})
}

// A member who is removed takes the tokens along that are bound to the
// organization, and no others.
func TestRemovedMembersTokens(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		hashes := map[belay.ID][]byte{w.org: []byte("bound"), w.other: []byte("elsewhere"), "": []byte("free")}
		for org, hash := range hashes {
			wantCode(t, w.try(func(tx *store.Tx) error {
				return tx.CreateToken(ctx, &belay.Token{ID: w.id(), UserID: w.max, OrganizationID: org, Name: "t", Hash: hash, CreatedAt: w.now()})
			}), "")
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, w.max) }), "")
		for org, hash := range hashes {
			k, err := w.TokenByHash(ctx, hash)
			wantCode(t, err, "")
			if gone := k == nil; gone != (org == w.org) {
				t.Errorf("the token of %q is gone: %t", org, gone)
			}
		}
	})
}

// TestTransfer gives what one user owns to another, what is deleted included,
// and nothing of another organization.
func TestTransfer(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.estate()
		w.member(w.other, w.ann, belay.OrganizationMember)
		theirs := w.addWorkspace(w.other, "theirs")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.UpdateWorkspace(ctx, w.other, theirs.ID, w.now(), func(v *belay.Workspace) error { v.OwnerID = w.ann; return nil })
			return err
		})
		var moved map[string]int64
		transfer := func(to belay.ID) error {
			return w.try(func(tx *store.Tx) (err error) { moved, err = tx.Transfer(ctx, w.org, w.ann, to, w.now()); return err })
		}
		wantCode(t, transfer(w.eve), belay.CodeNotFound)
		wantCode(t, transfer(w.max), "")
		wantEqual(t, moved, map[string]int64{"workspaces": 2, "environments": 2, "credentials": 2, "connections": 2, "teams": 2})
		c, err := w.Connection(ctx, w.org, s.c.ID)
		wantCode(t, err, "")
		wantEqual(t, []any{c.OwnerID, c.Version}, []any{w.max, s.c.Version + 1})
		v, err := w.Workspace(ctx, w.other, theirs.ID)
		wantCode(t, err, "")
		wantEqual(t, v.OwnerID, w.ann)
	})
}
