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

// hasRoleOn lists by name what there still is and a user has a role on, asked
// for by its id: the same that he sees.
func (w *world) hasRoleOn(t *testing.T, r reach, user belay.ID) map[string][]string {
	t.Helper()
	ask := map[string]func(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error){
		"workspace": w.WorkspaceRoles, "environment": w.EnvironmentRoles, "connection": w.ConnectionRoles, "credential": w.CredentialRoles,
	}
	out := map[string][]string{}
	for _, sort := range resources {
		for _, id := range []belay.ID{r.team.ID, r.prod.ID, r.dev.ID, r.github.ID, r.cluster.ID, r.token.ID, r.certs.ID, r.apart.ID, r.apartUsed.ID} {
			i, err := sort.find(w.Reader, w.org, id)
			if belay.CodeOf(err) == belay.CodeNotFound {
				continue
			}
			wantCode(t, err, "")
			roles, err := ask[sort.name](ctx, user, id)
			wantCode(t, err, "")
			if len(roles[id]) > 0 {
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
				wantEqual(t, w.hasRoleOn(t, r, w.max), step.left)
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

func TestRoles(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reach()
		second := w.addWorkspace(w.org, "second")
		w.share(second, r.prod)
		w.grant(second, w.max, belay.RoleEditor)
		type roles = map[belay.ID][]belay.Role
		for name, test := range map[string]struct {
			get  func(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error)
			ids  []belay.ID
			want roles
		}{
			"workspaces": {
				w.WorkspaceRoles,
				[]belay.ID{r.team.ID, second.ID},
				roles{r.team.ID: {belay.RoleOperator}, second.ID: {belay.RoleEditor}},
			},
			"environments": {
				w.EnvironmentRoles,
				[]belay.ID{r.prod.ID, r.dev.ID},
				roles{r.prod.ID: {belay.RoleEditor, belay.RoleOperator}, r.dev.ID: {belay.RoleOperator}},
			},
			"connections": {
				w.ConnectionRoles,
				[]belay.ID{r.github.ID, r.cluster.ID},
				roles{r.github.ID: {belay.RoleEditor, belay.RoleOperator}, r.cluster.ID: {belay.RoleEditor, belay.RoleOperator}},
			},
			"one of many connections": {
				w.ConnectionRoles, append(make([]belay.ID, 3*belay.MaxPageSize), r.cluster.ID),
				roles{r.cluster.ID: {belay.RoleEditor, belay.RoleOperator}},
			},
			"one connection": {w.ConnectionRoles, []belay.ID{r.cluster.ID}, roles{r.cluster.ID: {belay.RoleEditor, belay.RoleOperator}}},
			"credentials": {
				w.CredentialRoles,
				[]belay.ID{r.apart.ID, r.apartUsed.ID, r.token.ID},
				roles{r.apart.ID: {belay.RoleOperator}, r.token.ID: {belay.RoleViewer}},
			},
			"nothing": {w.ConnectionRoles, nil, roles{}},
		} {
			got, err := test.get(ctx, w.max, test.ids...)
			wantCode(t, err, "")
			for _, rs := range got {
				slices.Sort(rs)
			}
			if !t.Run(name, func(t *testing.T) { wantEqual(t, got, test.want) }) {
				continue
			}
			got, err = test.get(ctx, w.eve, test.ids...)
			wantCode(t, err, "")
			wantEqual(t, got, roles{})
		}
		for _, id := range []belay.ID{r.team.ID, second.ID} {
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, id, w.now()) }), "")
		}
		for name, get := range map[string]func(ctx context.Context, user belay.ID, ids ...belay.ID) (map[belay.ID][]belay.Role, error){
			"environment": w.EnvironmentRoles, "connection": w.ConnectionRoles, "credential": w.CredentialRoles, "workspace": w.WorkspaceRoles,
		} {
			got, err := get(ctx, w.max, r.team.ID, r.prod.ID, r.github.ID, r.token.ID, r.apart.ID)
			wantCode(t, err, "")
			if len(got) != 0 {
				t.Errorf("%s: deleted workspaces still give %v", name, got)
			}
		}
	})
}
