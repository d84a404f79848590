package store_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// plan returns how SQLite would run what read asks.
func (w *world) plan(t *testing.T, read func(r store.Reader) error) []string {
	t.Helper()
	statements, err := store.Asked(w.Store, read)
	wantCode(t, err, "")
	var steps []string
	for _, s := range statements {
		rows, err := w.Query("explain query plan "+s.Text, s.Args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return steps
}

// populate stores n environments, workspaces and credentials in each
// organization, with many an assignment, and returns one of each.
func (w *world) populate(n int) (e *belay.Environment, v *belay.Workspace, k *belay.Credential) {
	w.t.Helper()
	for i := range n {
		for _, org := range []belay.ID{w.other, w.org} {
			name := fmt.Sprint(i)
			e, v, k = w.addEnvironment(org, name), w.addWorkspace(org, name), w.addCredential(org, name)
			w.grant(v, w.ownerOf(org), belay.RoleAdmin)
		}
	}
	for _, statement := range []string{
		`insert into environment_connections select e.id || c.id, e.id, c.id, 0 from environments e join connections c
			on c.organization_id = e.organization_id where (c.rowid + e.rowid) % 25 = 0`,
		`insert into workspace_environments select e.id || w.id, w.id, e.id, 0 from environments e join workspaces w
			on w.organization_id = e.organization_id where (w.rowid + e.rowid) % 10 = 0`,
		`insert into connection_credentials select c.id, k.rowid, k.id, 'primary' from connections c join credentials k
			on c.organization_id = k.organization_id where (k.rowid + c.rowid) % 50 = 0`,
		`insert into credentials select id || n, organization_id, owner_id, name || '-' || n, name || '-' || n, type, public, set_fields,
			fingerprint || n, current, 0, 0, 0, 1, n, n, 0
			from credentials, (with recursive c(n) as (select 1 union all select n + 1 from c where n < 40) select n from c)`,
	} {
		if err := w.Exec(statement); err != nil {
			w.t.Fatal(err)
		}
	}
	return e, v, k
}

// scan is a step that reads all of a table; constants and subqueries that
// were just computed do not count.
var scan = regexp.MustCompile(`^SCAN (\w+)`)

var computed = map[string]bool{"CONSTANT": true, "counted": true, "o": true}

// No request reads a table from end to end, and pages in the usual orders are
// read in the order of an index.
func TestPlans(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	c := fill(w, w.org, benchmarkSize)[0]
	fill(w, w.other, benchmarkSize)
	e, v, k := w.populate(50)
	all, max := everything(w.org), belay.Viewer{OrganizationID: w.org, UserID: w.max}
	connections := func(v belay.Viewer, f belay.ConnectionFilter, q belay.Query) func(r store.Reader) error {
		return func(r store.Reader) error { _, err := r.Connections(ctx, v, f, q); return err }
	}
	after := func(column string) belay.Query {
		order := belay.Order{Column: column}
		page, err := w.Connections(ctx, all, belay.ConnectionFilter{}, belay.Query{Size: 1, Order: order})
		wantCode(t, err, "")
		return belay.Query{Cursor: page.NextCursor, Order: order}
	}
	order := func(column string) belay.Query {
		return belay.Query{Order: belay.Order{Column: column, Descending: true}}
	}
	type filter = belay.ConnectionFilter
	tests := map[string]struct {
		read   func(r store.Reader) error
		sorted bool // without sorting
	}{
		"by name":            {connections(all, filter{}, belay.Query{}), true},
		"by name, later":     {connections(all, filter{}, after("name")), true},
		"by creation":        {connections(all, filter{}, order("createdAt")), true},
		"by creation, later": {connections(all, filter{}, after("createdAt")), true},
		"by change":          {connections(all, filter{}, order("updatedAt")), true},
		"of a kind":          {connections(all, filter{Kinds: []string{"github"}}, belay.Query{}), true},
		"of a kind, later":   {connections(all, filter{Kinds: []string{"github"}}, after("name")), true},
		"of a status":        {connections(all, filter{Statuses: []belay.Status{belay.StatusConnected}}, belay.Query{}), true},
		"of a health":        {connections(all, filter{Healths: []belay.HealthStatus{belay.HealthUnknown}}, belay.Query{}), true},
		"of kinds":           {connections(all, filter{Kinds: []string{"github", "prometheus"}}, belay.Query{}), false},
		"of a label":         {connections(all, filter{Labels: map[string]string{"a": "b"}}, belay.Query{}), false},
		"of a name":          {connections(all, filter{Name: "x"}, belay.Query{}), true},
		"of an environment":  {connections(all, filter{EnvironmentID: e.ID}, belay.Query{Page: 1}), false},
		"of a workspace":     {connections(all, filter{WorkspaceID: v.ID}, belay.Query{Page: 1}), false},
		"of a credential":    {connections(all, filter{CredentialID: k.ID}, belay.Query{Page: 1}), false},
		"of no environment":  {connections(all, filter{InNoEnvironment: true}, belay.Query{Page: 1}), true},
		"found":              {connections(all, filter{}, belay.Query{Search: "conn 00001", Page: 1}), false},
		"seen":               {connections(max, filter{}, belay.Query{Page: 1}), true},
		"at": {func(r store.Reader) error {
			_, err := r.ConnectionsAt(ctx, w.org, "github", "https://x.test")
			return err
		}, false},
		"by identity":          {func(r store.Reader) error { _, err := r.ConnectionByIdentity(ctx, w.org, "uid"); return err }, true},
		"one":                  {func(r store.Reader) error { _, err := r.Connection(ctx, w.org, c); return err }, true},
		"counts":               {func(r store.Reader) error { _, err := r.ConnectionCounts(ctx, w.org); return err }, true},
		"roles":                {func(r store.Reader) error { _, err := r.ConnectionRoles(ctx, w.max, c, e.ID); return err }, true},
		"roles on credentials": {func(r store.Reader) error { _, err := r.CredentialRoles(ctx, w.max, k.ID); return err }, true},
		"environments of":      {func(r store.Reader) error { _, err := r.EnvironmentsOf(ctx, max, []belay.ID{c}); return err }, false},
		"assigned":             {func(r store.Reader) error { _, err := r.AssignedConnections(ctx, w.org, e.ID); return err }, true},
		"checks":               {func(r store.Reader) error { _, err := r.Checks(ctx, w.org, c, belay.Query{Page: 1}); return err }, true},
		"usages":               {func(r store.Reader) error { _, err := r.CredentialUsages(ctx, w.org, []belay.ID{k.ID}); return err }, true},
		"credentials seen": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, max, belay.CredentialFilter{}, belay.Query{Page: 1})
			return err
		}, true},
		"credentials of an environment": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, all, belay.CredentialFilter{EnvironmentID: e.ID}, belay.Query{Page: 1})
			return err
		}, false},
		"credentials by fingerprint": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, all, belay.CredentialFilter{Fingerprint: "x"}, belay.Query{Page: 1})
			return err
		}, false},
		"organizations": {func(r store.Reader) error {
			_, err := r.OrganizationsOf(ctx, w.max, belay.Query{Search: "org", Page: 1})
			return err
		}, false},
		"token":       {func(r store.Reader) error { _, err := r.TokenByHash(ctx, []byte{1}); return err }, true},
		"session":     {func(r store.Reader) error { _, err := r.SessionByHash(ctx, []byte{1}); return err }, true},
		"memberships": {func(r store.Reader) error { _, err := r.Memberships(ctx, w.max); return err }, true},
		"request":     {func(r store.Reader) error { _, err := r.Idempotency(ctx, w.max, "k", w.now()); return err }, true},
	}
	for _, state := range []string{"as it is", "analysed"} {
		if state == "analysed" {
			if err := w.Exec("analyze"); err != nil {
				t.Fatal(err)
			}
		}
		for name, test := range tests {
			t.Run(state+"/"+name, func(t *testing.T) {
				steps := w.plan(t, test.read)
				if len(steps) == 0 {
					t.Fatal("no plan was seen")
				}
				for _, step := range steps {
					m := scan.FindStringSubmatch(step)
					if m != nil && state == "analysed" && m[1] != "c" {
						continue // there are few of these, and most are asked for
					}
					if m != nil && !computed[m[1]] {
						t.Errorf("reads all of a table: %s\n%s", step, strings.Join(steps, "\n"))
					}
					if test.sorted && strings.Contains(step, "TEMP B-TREE FOR ORDER BY") {
						t.Errorf("sorts: %s\n%s", step, strings.Join(steps, "\n"))
					}
				}
			})
		}
	}
}

// The plans above are only worth something if a bad one is seen.
func TestPlansShowAScan(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	fill(w, w.org, 10)
	rows, err := w.Query("explain query plan select * from connections c where description = 'x' order by description")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var text string
	for rows.Next() {
		var n int
		var step string
		if err := rows.Scan(&n, &n, &n, &step); err != nil {
			t.Fatal(err)
		}
		text += step
	}
	if m := scan.FindStringSubmatch(text); m == nil || computed[m[1]] {
		t.Errorf("not taken for a scan: %s", text)
	}
}
