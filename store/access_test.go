package store_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"belay"
	"belay/store"
)

// reach is the example of the model: prod holds github and a cluster, dev
// the same github; both are assigned to team, of which seer is an operator.
type reach struct {
	team             *belay.Workspace
	prod, dev        *belay.Environment
	github, cluster  *belay.Connection
	token, certs     *belay.Credential
	apart, apartUsed *belay.Credential
}

func (w *world) reach() reach {
	w.t.Helper()
	r := reach{
		team: w.addWorkspace(w.org, "team"), prod: w.addEnvironment(w.org, "prod"), dev: w.addEnvironment(w.org, "dev"),
		token: w.addCredential(w.org, "token"), certs: w.addCredential(w.org, "certs"),
		apart: w.addCredential(w.org, "apart"), apartUsed: w.addCredential(w.org, "apart, used"),
	}
	r.github, r.cluster = w.addConnection(w.org, "github", uses(r.token)), w.addConnection(w.org, "cluster", uses(r.certs))
	w.addConnection(w.org, "lonely", uses(r.apartUsed))
	w.assign(r.prod, r.github, r.cluster)
	w.assign(r.dev, r.github)
	w.share(r.team, r.prod, r.dev)
	w.entrust(r.team, r.apart)
	w.grant(r.team, w.max, belay.RoleOperator)
	return r
}

// sees lists by name what a viewer sees of everything.
func (w *world) sees(t *testing.T, v belay.Viewer) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, r := range resources {
		page, err := r.list(w.Reader, v, belay.Query{})
		wantCode(t, err, "")
		for _, i := range page.Items {
			out[r.name] = append(out[r.name], i.Name)
		}
		wantEqual(t, page.Total, len(page.Items))
	}
	return out
}

// seer is a user who does not see everything.
func (w *world) seer(user belay.ID) belay.Viewer {
	return belay.Viewer{OrganizationID: w.org, UserID: user}
}

// access is what a viewer may by roles.
func (w *world) access(t *testing.T, v belay.Viewer) *belay.Access {
	t.Helper()
	access, err := w.Access(ctx, v)
	wantCode(t, err, "")
	return access
}

// mayRead lists by name what there still is and a viewer may read, decided by
// what he may by roles: the same that he sees in lists.
func (w *world) mayRead(t *testing.T, r reach, v belay.Viewer) map[string][]string {
	t.Helper()
	access := w.access(t, v)
	roles := map[string]map[belay.ID]belay.Role{
		"workspace": access.Workspaces, "environment": access.Environments, "connection": {}, "credential": access.Credentials,
	}
	holders, err := w.EnvironmentsOf(ctx, w.org, r.github.ID, r.cluster.ID)
	wantCode(t, err, "")
	for id, environments := range holders {
		for _, e := range environments {
			if role, reached := access.Environments[e.ID]; reached {
				roles["connection"][id] = belay.Strongest(roles["connection"][id], role)
			}
		}
	}
	seen, err := w.SeenCredentials(ctx, v, r.token.ID, r.certs.ID, r.apart.ID, r.apartUsed.ID)
	wantCode(t, err, "")
	out := map[string][]string{}
	for _, sort := range resources {
		for _, id := range []belay.ID{r.team.ID, r.prod.ID, r.dev.ID, r.github.ID, r.cluster.ID, r.token.ID, r.certs.ID, r.apart.ID, r.apartUsed.ID} {
			i, err := sort.find(w.Reader, w.org, id)
			if belay.CodeOf(err) == belay.CodeNotFound {
				continue
			}
			wantCode(t, err, "")
			if role, reached := roles[sort.name][id]; reached && (role != belay.RoleNone || v.UserID == w.ann) || sort.name == "credential" && seen[id] {
				out[sort.name] = append(out[sort.name], i.Name)
			}
		}
		slices.Sort(out[sort.name])
	}
	maps.DeleteFunc(out, func(_ string, names []string) bool { return len(names) == 0 })
	return out
}

// cut is something that takes away what a user sees, and can be taken back.
type cut struct {
	name     string
	do, undo func(tx *store.Tx) error
	left     map[string][]string
}

func (w *world) cuts(r reach) []cut {
	return []cut{
		{
			"prod is deleted",
			func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, r.prod.ID, w.now()) },
			func(tx *store.Tx) error { _, err := tx.RestoreEnvironment(ctx, w.org, r.prod.ID, w.now()); return err },
			map[string][]string{"workspace": {"team"}, "environment": {"dev"}, "connection": {"github"}, "credential": {"apart", "token"}},
		},
		{
			"the workspace is deleted",
			func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, r.team.ID, w.now()) },
			func(tx *store.Tx) error { _, err := tx.RestoreWorkspace(ctx, w.org, r.team.ID, w.now()); return err },
			map[string][]string{},
		},
		{
			"github is deleted",
			func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, r.github.ID, "", w.now()) },
			func(tx *store.Tx) error {
				_, err := tx.RestoreConnection(ctx, w.org, r.github.ID, "", w.now())
				return err
			},
			map[string][]string{"workspace": {"team"}, "environment": {"dev", "prod"}, "connection": {"cluster"}, "credential": {"apart", "certs"}},
		},
		{
			"prod is taken from the workspace",
			func(tx *store.Tx) error {
				_, err := tx.UnassignEnvironment(ctx, w.org, r.team.ID, r.prod.ID)
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.AssignEnvironment(ctx, w.org, w.pair(r.team.ID, r.prod.ID))
				return err
			},
			map[string][]string{"workspace": {"team"}, "environment": {"dev"}, "connection": {"github"}, "credential": {"apart", "token"}},
		},
		{
			"the cluster is taken from prod",
			func(tx *store.Tx) error {
				_, err := tx.UnassignConnection(ctx, w.org, r.prod.ID, r.cluster.ID)
				return err
			},
			func(tx *store.Tx) error {
				_, err := tx.AssignConnection(ctx, w.org, w.pair(r.prod.ID, r.cluster.ID))
				return err
			},
			map[string][]string{"workspace": {"team"}, "environment": {"dev", "prod"}, "connection": {"github"}, "credential": {"apart", "token"}},
		},
	}
}

func TestViewer(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		seer := belay.Viewer{OrganizationID: w.org, UserID: w.max}
		everything := map[string][]string{
			"workspace": {"team"}, "environment": {"dev", "prod"}, "connection": {"cluster", "github"}, "credential": {"apart", "certs", "token"},
		}
		wantEqual(t, w.sees(t, seer), everything)
		wantEqual(t, w.sees(t, belay.Viewer{OrganizationID: w.org, UserID: w.eve}), map[string][]string{})
		wantEqual(t, w.sees(t, belay.Viewer{OrganizationID: w.other, UserID: w.max}), map[string][]string{})
		wantEqual(t, w.sees(t, belay.Viewer{OrganizationID: w.org, UserID: ""}), map[string][]string{})

		for _, step := range w.cuts(r) {
			t.Run(step.name, func(t *testing.T) {
				wantCode(t, w.try(step.do), "")
				wantEqual(t, w.sees(t, seer), step.left)
				wantEqual(t, w.mayRead(t, r, seer), step.left)
				wantCode(t, w.try(step.undo), "")
				wantEqual(t, w.sees(t, seer), everything)
			})
		}

		// What one owns one sees.
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.UpdateCredential(ctx, w.org, r.apartUsed.ID, w.now(), func(c *belay.Credential) (*belay.CredentialVersion, error) {
				c.OwnerID = w.max
				return nil, nil
			})
			return err
		})
		wantEqual(t, w.sees(t, seer)["credential"], []string{"apart", "apart, used", "certs", "token"})
	})
}

func TestAccess(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		second := w.addWorkspace(w.org, "second")
		w.share(second, r.prod)
		w.grant(second, w.max, belay.RoleEditor)
		w.entrust(second, r.apart)
		type roles = map[belay.ID]belay.Role
		wantEqual(t, w.access(t, w.seer(w.max)), &belay.Access{
			Workspaces:   roles{r.team.ID: belay.RoleOperator, second.ID: belay.RoleEditor},
			Environments: roles{r.prod.ID: belay.RoleEditor, r.dev.ID: belay.RoleOperator},
			Credentials:  roles{r.apart.ID: belay.RoleEditor},
		})
		none := &belay.Access{Workspaces: roles{}, Environments: roles{}, Credentials: roles{}}
		wantEqual(t, w.access(t, w.seer(w.eve)), none)
		wantEqual(t, w.access(t, belay.Viewer{OrganizationID: w.other, UserID: w.max}), none)
		for _, role := range belay.Roles() {
			w.grant(second, w.max, role)
			if got := w.access(t, w.seer(w.max)).Workspaces[second.ID]; got != role {
				t.Errorf("a role is %q, want %q", got, role)
			}
		}
		for _, id := range []belay.ID{r.team.ID, second.ID} {
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, id, w.now()) }), "")
		}
		wantEqual(t, w.access(t, w.seer(w.max)), none)
	})
}

// A bound viewer sees what is reached by his binding, as an administrator or
// by a role that leads through it, and nothing else: in lists as one by one.
func TestBoundViewer(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		// A second way to dev and its connection, and what else max and ann see.
		second := w.addWorkspace(w.org, "second")
		w.share(second, r.dev)
		w.grant(second, w.max, belay.RoleEditor)
		third := w.addWorkspace(w.org, "third")
		w.grant(third, w.max, belay.RoleAdmin)
		w.share(third, w.addEnvironment(w.org, "elsewhere"))
		dev := map[string][]string{"environment": {"dev"}, "connection": {"github"}, "credential": {"token"}}
		team := map[string][]string{
			"workspace": {"team"}, "environment": {"dev", "prod"}, "connection": {"cluster", "github"}, "credential": {"apart", "certs", "token"},
		}
		nothing := map[string][]string{}
		max, ann, eve := w.seer(w.max), belay.Viewer{OrganizationID: w.org, UserID: w.ann, All: true}, w.seer(w.eve)
		owner := w.seer(w.ann) // of everything, without a role in a workspace
		foreign := belay.Viewer{OrganizationID: w.other, UserID: w.eve, All: true}
		for name, test := range map[string]struct {
			viewer                 belay.Viewer
			workspace, environment belay.ID
			want                   map[string][]string
		}{
			"max, team":          {max, r.team.ID, "", team},
			"max, dev":           {max, "", r.dev.ID, dev},
			"max, team and dev":  {max, r.team.ID, r.dev.ID, dev},
			"max, third and dev": {max, third.ID, r.dev.ID, nothing},
			"max, nowhere":       {max, w.id(), "", nothing},
			"ann, team":          {ann, r.team.ID, "", team},
			"ann, dev":           {ann, "", r.dev.ID, dev},
			"ann, team and dev":  {ann, r.team.ID, r.dev.ID, dev},
			"ann, third and dev": {ann, third.ID, r.dev.ID, nothing},
			"ann, nowhere":       {ann, "", w.id(), nothing},
			"owner, team":        {owner, r.team.ID, "", team},
			"owner, dev":         {owner, "", r.dev.ID, dev},
			"eve, team":          {eve, r.team.ID, "", nothing},
			"eve, dev":           {eve, "", r.dev.ID, nothing},
			"foreign, team":      {foreign, r.team.ID, "", nothing},
			"foreign, dev":       {foreign, "", r.dev.ID, nothing},
			"foreign, both":      {foreign, r.team.ID, r.dev.ID, nothing},
		} {
			v := test.viewer
			v.WorkspaceID, v.EnvironmentID = test.workspace, test.environment
			t.Run(name, func(t *testing.T) {
				wantEqual(t, w.sees(t, v), test.want)
				if v.OrganizationID == w.org {
					wantEqual(t, w.mayRead(t, r, v), test.want)
				}
			})
		}
		// Roles that lead past the binding do not count.
		devByTeam := max
		devByTeam.WorkspaceID = r.team.ID
		wantEqual(t, w.access(t, devByTeam).Environments[r.dev.ID], belay.RoleOperator)
		devAlone := max
		devAlone.EnvironmentID = r.dev.ID
		wantEqual(t, w.access(t, devAlone).Environments, map[belay.ID]belay.Role{r.dev.ID: belay.RoleEditor})
		ann.EnvironmentID = r.dev.ID
		wantEqual(t, w.access(t, ann).Environments, map[belay.ID]belay.Role{r.dev.ID: belay.RoleAdmin})
		for _, step := range w.cuts(r)[1:2] { // the workspace is deleted
			wantCode(t, w.try(step.do), "")
			wantEqual(t, w.sees(t, devByTeam), nothing)
			ann.WorkspaceID, ann.EnvironmentID = r.team.ID, ""
			wantEqual(t, w.sees(t, ann), nothing)
		}
	})
}

// What is deleted is out of a binding's reach, whoever asks for it.
func TestBoundViewerSeesNothingDeleted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, r.cluster.ID, "", w.now()) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, r.dev.ID, w.now()) }), "")
		v := belay.Viewer{OrganizationID: w.org, UserID: w.ann, All: true, WorkspaceID: r.team.ID}
		for _, all := range []bool{true, false} {
			v.All = all
			page, err := w.Connections(ctx, v, belay.ConnectionFilter{Statuses: []belay.Status{belay.StatusDeleted}}, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Total, 0)
			environments, err := w.Environments(ctx, v, belay.EnvironmentFilter{Deleted: true}, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, environments.Total, 0)
		}
	})
}

// Pages, totals and cursors of a bound viewer are right however much there is
// behind his binding, and beside it.
func TestBoundViewerInPages(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.addConnection(w.org, "c")
		w.multiply("connections", 2300, map[string]string{"id": "'0' || (9999 - n) || '-' || id"})
		var all []*belay.Connection
		for q, first := (belay.Query{Size: 100}), true; first || q.Cursor != ""; first = false {
			page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, q)
			wantCode(t, err, "")
			all, q.Cursor = append(all, page.Items...), page.NextCursor
		}
		much, few, v := w.addEnvironment(w.org, "much"), w.addEnvironment(w.org, "few"), w.addWorkspace(w.org, "v")
		w.assign(much, all[:2200]...)
		w.assign(few, all[2190:2230]...)
		w.share(v, much, few)
		w.grant(v, w.max, belay.RoleViewer)
		for name, test := range map[string]struct {
			admin                  bool
			workspace, environment belay.ID
			want                   []*belay.Connection
		}{
			"much, as an administrator": {true, v.ID, "", all[:2230]}, "much": {false, "", much.ID, all[:2200]},
			"few, as an administrator": {true, "", few.ID, all[2190:2230]}, "few": {false, v.ID, few.ID, all[2190:2230]},
		} {
			viewer := belay.Viewer{OrganizationID: w.org, UserID: w.max, All: test.admin, WorkspaceID: test.workspace, EnvironmentID: test.environment}
			w.wantWalk(t, name, viewer, belay.ConnectionFilter{}, belay.Order{Column: "name"}, test.want)
		}
	})
}
