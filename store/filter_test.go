package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// filterable is a set of connections that differ in what one can filter by:
//
//	a  prometheus platform registered unchecked  team=blue tier=1  prod
//	b  prometheus platform connected  healthy    team=blue         prod, dev
//	c  github     code     connected  unhealthy  team=red          dev
//	d  github     code     deleted    unchecked  team=red          prod
//	e  kubernetes platform not found  unknown                      gone (deleted)
func (w *world) filterable() (prod, dev, gone *belay.Environment, v *belay.Workspace, k *belay.Credential) {
	w.t.Helper()
	prod, dev, gone = w.addEnvironment(w.org, "prod"), w.addEnvironment(w.org, "dev"), w.addEnvironment(w.org, "gone")
	v, k = w.addWorkspace(w.org, "team"), w.addCredential(w.org, "key")
	add := func(name, kind, typ string, status belay.Status, health belay.HealthStatus, labels ...string) *belay.Connection {
		return w.addConnection(w.org, name, func(c *belay.Connection) {
			c.Kind, c.Type, c.Status, c.Health.Status, c.Labels = kind, typ, status, health, map[string]string{}
			for i := 0; i < len(labels); i += 2 {
				c.Labels[labels[i]] = labels[i+1]
			}
			if name == "a" || name == "c" {
				uses(k)(c)
			}
		})
	}
	a := add("a", "prometheus", "platform", belay.StatusRegistered, belay.HealthUnchecked, "team", "blue", "tier", "1")
	b := add("b", "prometheus", "platform", belay.StatusConnected, belay.HealthHealthy, "team", "blue")
	c := add("c", "github", "code", belay.StatusConnected, belay.HealthUnhealthy, "team", "red")
	d := add("d", "github", "code", belay.StatusRegistered, belay.HealthUnchecked, "team", "red")
	e := add("e", "kubernetes", "platform", belay.StatusNotFound, belay.HealthUnknown)
	w.assign(prod, a, b, d)
	w.assign(dev, b, c)
	w.assign(gone, e, a)
	w.share(v, dev, gone)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.DeleteEnvironment(ctx, w.org, gone.ID, w.now()); err != nil {
			return err
		}
		return tx.DeleteConnection(ctx, w.org, d.ID, "", w.now())
	})
	return prod, dev, gone, v, k
}

func TestConnectionFilters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		prod, dev, gone, v, k := w.filterable()
		type filter = belay.ConnectionFilter
		for name, test := range map[string]struct {
			filter filter
			want   string
		}{
			"nothing":                    {filter{}, "abce"},
			"empty lists":                {filter{Kinds: []string{}, Labels: map[string]string{}}, "abce"},
			"kind":                       {filter{Kinds: []string{"prometheus"}}, "ab"},
			"kinds":                      {filter{Kinds: []string{"prometheus", "kubernetes"}}, "abe"},
			"unknown kind":               {filter{Kinds: []string{"Prometheus"}}, ""},
			"type":                       {filter{Types: []string{"code"}}, "c"},
			"status":                     {filter{Statuses: []belay.Status{belay.StatusConnected}}, "bc"},
			"status with a space":        {filter{Statuses: []belay.Status{belay.StatusNotFound}}, "e"},
			"deleted":                    {filter{Statuses: []belay.Status{belay.StatusDeleted}}, "d"},
			"deleted and connected":      {filter{Statuses: []belay.Status{belay.StatusDeleted, belay.StatusConnected}}, "bcd"},
			"deleted of a kind":          {filter{Statuses: []belay.Status{belay.StatusDeleted}, Kinds: []string{"prometheus"}}, ""},
			"health":                     {filter{Healths: []belay.HealthStatus{belay.HealthUnknown, belay.HealthHealthy}}, "be"},
			"label":                      {filter{Labels: map[string]string{"team": "blue"}}, "ab"},
			"labels":                     {filter{Labels: map[string]string{"team": "blue", "tier": "1"}}, "a"},
			"label of another value":     {filter{Labels: map[string]string{"tier": "blue"}}, ""},
			"name":                       {filter{Name: "A"}, "a"},
			"environment":                {filter{EnvironmentID: prod.ID}, "ab"},
			"deleted environment":        {filter{EnvironmentID: gone.ID}, ""},
			"not in environment":         {filter{NotInEnvironmentID: prod.ID}, "ce"},
			"not in deleted one":         {filter{NotInEnvironmentID: gone.ID}, "abce"},
			"in no environment":          {filter{InNoEnvironment: true}, "e"},
			"workspace":                  {filter{WorkspaceID: v.ID}, "bc"},
			"credential":                 {filter{CredentialID: k.ID}, "ac"},
			"environments one not other": {filter{EnvironmentID: prod.ID, NotInEnvironmentID: dev.ID}, "a"},
			"all at once": {filter{
				Kinds: []string{"prometheus"}, Types: []string{"platform"}, Statuses: []belay.Status{belay.StatusRegistered},
				Healths: []belay.HealthStatus{belay.HealthUnchecked}, Labels: map[string]string{"team": "blue"}, Name: "a",
				EnvironmentID: prod.ID, NotInEnvironmentID: dev.ID, CredentialID: k.ID,
			}, "a"},
			"contradiction": {filter{Kinds: []string{"github"}, Types: []string{"platform"}}, ""},
			"an injection":  {filter{Kinds: []string{"x') or 1=1 --"}, Name: "' or '1'='1"}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				for _, viewer := range []belay.Viewer{everything(w.org), {OrganizationID: w.org, UserID: w.ann}} {
					for _, q := range []belay.Query{{}, {Order: belay.Order{Column: "createdAt"}}, {Order: belay.Order{Column: "health"}}} {
						page, err := w.Connections(ctx, viewer, test.filter, q)
						wantCode(t, err, "")
						var got []string
						for _, c := range page.Items {
							got = append(got, c.Name)
						}
						slices.Sort(got)
						wantEqual(t, strings.Join(got, ""), test.want)
						wantEqual(t, page.Total, len(test.want))
					}
				}
			})
		}
	})
}

func TestEnvironmentFilters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.addEnvironment(w.org, "a"), w.addEnvironment(w.org, "b"), w.addEnvironment(w.org, "c")
		v, gone := w.addWorkspace(w.org, "team"), w.addWorkspace(w.org, "gone")
		target := w.addConnection(w.org, "target")
		w.share(v, a, b)
		w.share(gone, c)
		w.assign(b, target)
		w.assign(c, target)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, gone.ID, w.now()) }), "")
		for name, test := range map[string]struct {
			filter belay.EnvironmentFilter
			search string
			want   string
		}{
			"all":                      {belay.EnvironmentFilter{}, "", "abc"},
			"workspace":                {belay.EnvironmentFilter{WorkspaceID: v.ID}, "", "ab"},
			"deleted workspace":        {belay.EnvironmentFilter{WorkspaceID: gone.ID}, "", ""},
			"not in workspace":         {belay.EnvironmentFilter{NotInWorkspaceID: v.ID}, "", "c"},
			"not in deleted workspace": {belay.EnvironmentFilter{NotInWorkspaceID: gone.ID}, "", "abc"},
			"connection":               {belay.EnvironmentFilter{ConnectionID: target.ID}, "", "bc"},
			"both":                     {belay.EnvironmentFilter{ConnectionID: target.ID, WorkspaceID: v.ID}, "", "b"},
			"with a search":            {belay.EnvironmentFilter{WorkspaceID: v.ID}, "a gro", "ab"},
		} {
			page, err := w.Environments(ctx, everything(w.org), test.filter, belay.Query{Search: test.search})
			wantCode(t, err, "")
			got := ""
			for _, e := range page.Items {
				got += e.Name
			}
			if got != test.want || page.Total != len(test.want) {
				t.Errorf("%s: got %q (total %d), want %q", name, got, page.Total, test.want)
			}
		}
		here, nowhere, dead := w.addCredential(w.org, "here"), w.addCredential(w.org, "nowhere"), w.addCredential(w.org, "dead")
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.AssignCredential(ctx, w.org, w.pair(v.ID, here.ID))
			return err
		})
		w.write(func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.AssignCredential(ctx, w.org, w.pair(v.ID, dead.ID)); err != nil {
				return err
			}
			return tx.DeleteCredential(ctx, w.org, dead.ID, w.now())
		})
		for f, want := range map[belay.WorkspaceFilter]int{
			{EnvironmentID: a.ID}: 1, {EnvironmentID: c.ID}: 0, {EnvironmentID: w.id()}: 0,
			{CredentialID: here.ID}: 1, {CredentialID: nowhere.ID}: 0, {CredentialID: dead.ID}: 0,
			{EnvironmentID: a.ID, CredentialID: here.ID}: 1, {EnvironmentID: c.ID, CredentialID: here.ID}: 0,
		} {
			page, err := w.Workspaces(ctx, everything(w.org), f, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Total, want)
		}
	})
}
