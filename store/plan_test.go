package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// plan returns how the database would run what read asks, which it asks
// another one with less in it: of each statement the steps.
func (w *world) plan(t *testing.T, explain string, other *store.Store, read func(r store.Reader) error) (plans [][]string) {
	t.Helper()
	statements, err := store.Asked(other, read)
	if belay.CodeOf(err) != belay.CodeNotFound {
		wantCode(t, err, "")
	}
	for _, s := range statements {
		var steps []string
		for _, row := range w.rows(t, explain+" "+s.Text, s.Args...) {
			_, step, found := strings.Cut(row, "detail=")
			if !found {
				_, step, _ = strings.Cut(row, "QUERY PLAN=")
			}
			steps = append(steps, step)
		}
		plans = append(plans, steps)
	}
	if len(plans) == 0 {
		t.Fatal("no plan was seen")
	}
	return plans
}

// multiply makes n copies of each row of a table, with another id and name,
// and columns as SQL gives them, in which n is the copy's number.
func (w *world) multiply(table string, n int, columns map[string]string) {
	w.t.Helper()
	rows, err := w.Query("select * from " + table + " where 1 = 0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || rows.Err() != nil {
		w.t.Fatal(err, rows.Err())
	}
	values := slices.Clone(names)
	for i, name := range values {
		if expression := columns[name]; expression != "" {
			values[i] = expression
		} else if name == "id" || name == "name" || name == "name_fold" {
			values[i] = name + " || '-' || n"
		}
	}
	err = w.Exec("insert into "+table+" ("+strings.Join(names, ", ")+") select "+strings.Join(values, ", ")+
		" from "+table+", (with recursive c(n) as (select 1 union all select n + 1 from c where n < $1) select n from c) as copies", n)
	if err == nil && table == "connections" {
		err = w.RefillHolders()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// populate stores in each organization 5,000 connections, 1,000 credentials,
// 50 environments and 50 workspaces with many an assignment. In the first one
// its owner sees everything, and max 100 connections.
func (w *world) populate() {
	w.t.Helper()
	for _, org := range []belay.ID{w.other, w.org} {
		w.addConnection(org, "connection")
		w.addCredential(org, "credential")
		for i := range 50 {
			w.addEnvironment(org, fmt.Sprint(i))
			w.grant(w.addWorkspace(org, fmt.Sprint(i)), w.ownerOf(org), belay.RoleAdmin)
		}
	}
	w.multiply("connections", 4999, map[string]string{
		"kind": "case n % 3 when 0 then 'github' when 1 then 'kubernetes' else kind end", "created_at": "created_at + n",
		"status": "case n % 2 when 0 then 'connected' else 'registered' end", "health": "case n % 4 when 0 then 'unknown' else 'healthy' end",
	})
	w.multiply("credentials", 999, map[string]string{"fingerprint": "fingerprint || n", "created_at": "created_at + n"})
	const c, e, v, k = "(select c.*, row_number() over (order by id) as n from connections c)", "(select e.*, row_number() over (order by id) as n from environments e)",
		"(select v.*, row_number() over (order by id) as n from workspaces v)", "(select k.*, row_number() over (order by id) as n from credentials k)"
	for _, statement := range []string{
		"insert into search_terms select organization_id, 'connection', 'word' || (n % 1000), id from " + c + " as c",
		"insert into environment_connections select e.id || c.id, e.id, c.id, 0 from " + c + " as c join " + e + ` as e
			on e.n in (1 + c.n % 100, 1 + (c.n + 36) % 100)`,
		"insert into workspace_environments select e.id || v.id, v.id, e.id, 0 from " + e + " as e join " + v + ` as v
			on v.organization_id = e.organization_id where (v.n + e.n) % 10 = 0`,
		"insert into connection_credentials select c.id, k.n, k.id, 'primary' from " + c + " as c join " + k + " as k on k.n = 1 + c.n % 2000",
	} {
		if err := w.Exec(statement); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.RefillHolders(); err != nil {
		w.t.Fatal(err)
	}
	few := w.addWorkspace(w.org, "few")
	w.grant(few, w.max, belay.RoleViewer)
	for range 2 {
		e := w.addEnvironment(w.org, "few "+string(w.id()))
		w.share(few, e)
		for i := range 50 {
			w.assign(e, w.addConnection(w.org, fmt.Sprint(e.Name, " ", i)))
		}
	}
}

// scanned returns the table that a step reads from end to end, "" for none.
// Constants, and subqueries that were just computed, do not count.
func scanned(step string) string {
	if strings.Contains(step, "VIRTUAL TABLE") {
		return "" // json_each, which is the rows of a parameter
	}
	words := strings.Fields(step)
	if words[0] != "SCAN" || slices.Contains([]string{"CONSTANT", "counted", "o", "a", "p"}, words[1]) {
		return ""
	}
	return words[1]
}

// planned is something that is read, and whether without sorting.
type planned struct {
	read   func(r store.Reader) error
	sorted bool
}

// full names the reads that are put otherwise where there is much to see, and
// drivenByID those that look up each connection by its id.
func full(name string) bool       { return strings.HasPrefix(name, "much") }
func drivenByID(name string) bool { return strings.HasPrefix(name, "little") }

// reads are the requests whose plans matter.
func (w *world) reads(t *testing.T) map[string]planned {
	t.Helper()
	const e, v, k = belay.ID("e"), belay.ID("v"), belay.ID("k")
	all := everything(w.org)
	little, much := belay.Viewer{OrganizationID: w.org, UserID: w.max}, belay.Viewer{OrganizationID: w.org, UserID: w.ann}
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
	return map[string]planned{
		"by name":                       {connections(all, filter{}, belay.Query{}), true},
		"by name, later":                {connections(all, filter{}, after("name")), true},
		"by creation":                   {connections(all, filter{}, order("createdAt")), true},
		"by creation, later":            {connections(all, filter{}, after("createdAt")), true},
		"by change":                     {connections(all, filter{}, order("updatedAt")), true},
		"by kind":                       {connections(all, filter{}, order("kind")), true},
		"by kind, later":                {connections(all, filter{}, after("kind")), true},
		"by status":                     {connections(all, filter{}, order("status")), true},
		"by status, later":              {connections(all, filter{}, after("status")), true},
		"by health":                     {connections(all, filter{}, order("health")), true},
		"by health, later":              {connections(all, filter{}, after("health")), true},
		"of a kind":                     {connections(all, filter{Kinds: []string{"github"}}, belay.Query{}), true},
		"of a kind, later":              {connections(all, filter{Kinds: []string{"github"}}, after("name")), true},
		"of a status":                   {connections(all, filter{Statuses: []belay.Status{belay.StatusConnected}}, belay.Query{}), true},
		"of a health":                   {connections(all, filter{Healths: []belay.HealthStatus{belay.HealthUnknown}}, belay.Query{}), true},
		"of kinds":                      {connections(all, filter{Kinds: []string{"github", "prometheus"}}, belay.Query{}), false},
		"of a label":                    {connections(all, filter{Labels: map[string]string{"a": "b"}}, belay.Query{}), false},
		"of a name":                     {connections(all, filter{Name: "x"}, belay.Query{}), true},
		"of an environment":             {connections(all, filter{EnvironmentID: e}, belay.Query{Page: 1}), false},
		"of a workspace":                {connections(all, filter{WorkspaceID: v}, belay.Query{Page: 1}), false},
		"of a credential":               {connections(all, filter{CredentialID: k}, belay.Query{Page: 1}), false},
		"of no environment":             {connections(all, filter{InNoEnvironment: true}, belay.Query{Page: 1}), true},
		"of no environment, later":      {connections(all, filter{InNoEnvironment: true}, after("name")), true},
		"of none, by kind":              {connections(all, filter{InNoEnvironment: true}, order("kind")), false},
		"of none and of a kind":         {connections(all, filter{InNoEnvironment: true, Kinds: []string{"github"}}, belay.Query{Page: 1}), true},
		"of none and deleted":           {connections(all, filter{InNoEnvironment: true, Statuses: []belay.Status{belay.StatusDeleted}}, belay.Query{}), true},
		"found":                         {connections(all, filter{}, belay.Query{Search: "conn 00001", Page: 1}), false},
		"much seen":                     {connections(much, filter{}, belay.Query{Page: 1}), true},
		"much seen, by kind":            {connections(much, filter{}, order("kind")), true},
		"much of a kind":                {connections(much, filter{Kinds: []string{"github"}}, belay.Query{Page: 1}), true},
		"little seen":                   {connections(little, filter{}, belay.Query{Page: 1}), false},
		"little, by kind":               {connections(little, filter{}, order("kind")), false},
		"little of a kind":              {connections(little, filter{Kinds: []string{"github"}}, belay.Query{Page: 1}), false},
		"little through a workspace":    {connections(belay.Viewer{OrganizationID: w.org, UserID: w.max, All: true, WorkspaceID: v}, filter{}, belay.Query{Page: 1}), false},
		"little through an environment": {connections(belay.Viewer{OrganizationID: w.org, UserID: w.max, EnvironmentID: e}, filter{}, belay.Query{Page: 1}), false},
		"little, nowhere":               {connections(little, filter{InNoEnvironment: true}, belay.Query{}), false},
	}
}

// otherReads are those that are not lists of connections.
func (w *world) otherReads() map[string]planned {
	const c, e, k = belay.ID("c"), belay.ID("e"), belay.ID("k")
	all, seer := everything(w.org), belay.Viewer{OrganizationID: w.org, UserID: w.max}
	bound := belay.Viewer{OrganizationID: w.org, UserID: w.max, WorkspaceID: "v"}
	return map[string]planned{
		"at": {func(r store.Reader) error {
			_, err := r.ConnectionsAt(ctx, w.org, "github", "https://x.test")
			return err
		}, false},
		"by identity":      {func(r store.Reader) error { _, err := r.ConnectionByIdentity(ctx, w.org, "uid"); return err }, true},
		"one":              {func(r store.Reader) error { _, err := r.Connection(ctx, w.org, c); return err }, true},
		"counts":           {func(r store.Reader) error { _, err := r.ConnectionCounts(ctx, w.org); return err }, true},
		"access":           {func(r store.Reader) error { _, err := r.Access(ctx, seer); return err }, true},
		"access, bound":    {func(r store.Reader) error { _, err := r.Access(ctx, bound); return err }, true},
		"seen credentials": {func(r store.Reader) error { _, err := r.SeenCredentials(ctx, seer, k); return err }, true},
		"environments of":  {func(r store.Reader) error { _, err := r.EnvironmentsOf(ctx, w.org, c); return err }, false},
		"paths to a connection": {func(r store.Reader) error {
			_, err := r.AccessPaths(ctx, w.org, w.max, store.Object{ConnectionID: c})
			return err
		}, false},
		"paths to a credential": {func(r store.Reader) error {
			_, err := r.AccessPaths(ctx, w.org, w.max, store.Object{CredentialID: k})
			return err
		}, false},
		"places": {func(r store.Reader) error {
			_, _, err := r.Places(ctx, w.org, store.Object{ConnectionID: c})
			return err
		}, true},
		"owners":   {func(r store.Reader) error { _, err := r.ConnectionOwners(ctx, w.org, []belay.ID{c}); return err }, true},
		"holders":  {func(r store.Reader) error { _, err := r.HoldersOf(ctx, w.org, c); return err }, true},
		"assigned": {func(r store.Reader) error { _, err := r.AssignedConnections(ctx, w.org, e); return err }, true},
		"holds":    {func(r store.Reader) error { _, err := r.HoldsConnection(ctx, w.org, e, c); return err }, true},
		"checks":   {func(r store.Reader) error { _, err := r.Checks(ctx, w.org, c, belay.Query{Page: 1}); return err }, true},
		"usages": {func(r store.Reader) error {
			_, err := r.CredentialUsages(ctx, w.org, []belay.ID{k}, w.now())
			return err
		}, true},
		"versions in force": {func(r store.Reader) error { _, err := r.CurrentVersions(ctx, w.org, []belay.ID{k}); return err }, true},
		"made with":         {func(r store.Reader) error { _, err := r.ChecksMadeWith(ctx, w.org, []belay.ID{c}); return err }, true},
		"users of a credential": {func(r store.Reader) error {
			_, err := r.CredentialUsers(ctx, store.Sight{Viewer: seer, Readers: belay.Roles(), Writers: belay.Roles()}, k, 20)
			return err
		}, true},
		"credential in use": {func(r store.Reader) error { _, err := r.CredentialInUse(ctx, w.org, k); return err }, true},
		"credentials seen": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, seer, belay.CredentialFilter{}, belay.Query{Page: 1})
			return err
		}, false},
		"credentials to restore": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, seer, belay.CredentialFilter{Deleted: true}, belay.Query{Page: 1})
			return err
		}, false},
		"credentials by type": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, all, belay.CredentialFilter{}, belay.Query{Order: belay.Order{Column: "type"}})
			return err
		}, true},
		"credentials of an environment": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, all, belay.CredentialFilter{EnvironmentID: e}, belay.Query{Page: 1})
			return err
		}, false},
		"credentials by fingerprint": {func(r store.Reader) error {
			_, err := r.Credentials(ctx, all, belay.CredentialFilter{Fingerprint: "x"}, belay.Query{Page: 1})
			return err
		}, false},
		"organizations": {func(r store.Reader) error {
			_, err := r.OrganizationsOf(ctx, w.max, "", belay.Query{Search: "org", Page: 1})
			return err
		}, false},
		"token": {func(r store.Reader) error { _, err := r.TokenByHash(ctx, []byte{1}); return err }, true},
		"tokens": {func(r store.Reader) error {
			_, err := r.Tokens(ctx, belay.TokenFilter{UserID: w.max}, belay.Query{Page: 1})
			return err
		}, true},
		"tokens of an organization": {func(r store.Reader) error {
			_, err := r.Tokens(ctx, belay.TokenFilter{OrganizationID: w.org}, belay.Query{Page: 1})
			return err
		}, true},
		"many tokens":   {func(r store.Reader) error { _, err := r.TokensByHash(ctx, [][]byte{{1}, {2}}); return err }, true},
		"many sessions": {func(r store.Reader) error { _, err := r.SessionsByHash(ctx, [][]byte{{1}, {2}}); return err }, true},
		"sessions": {func(r store.Reader) error {
			_, err := r.Sessions(ctx, w.max, w.now(), w.now(), belay.Query{Page: 1})
			return err
		}, true},
		"session":          {func(r store.Reader) error { _, err := r.SessionByHash(ctx, []byte{1}); return err }, true},
		"client's session": {func(r store.Reader) error { _, err := r.SessionByAccess(ctx, []byte{1}); return err }, true},
		"refresh token":    {func(r store.Reader) error { _, err := r.SessionByFamily(ctx, []byte{1}); return err }, true},
		"code":             {func(r store.Reader) error { _, err := r.AuthorizationCode(ctx, []byte{1}); return err }, true},
		"user code":        {func(r store.Reader) error { _, err := r.DeviceRequestByUserCode(ctx, []byte{1}); return err }, true},
		"memberships":      {func(r store.Reader) error { _, err := r.Memberships(ctx, w.max); return err }, true},
		"request":          {func(r store.Reader) error { _, err := r.Idempotency(ctx, w.max, "k", w.now()); return err }, true},
	}
}

// No request reads a table from end to end, and pages in the usual orders are
// read in the order of an index.
func TestPlans(t *testing.T) {
	w, empty := newWorld(t, openSQLite(t)), openSQLite(t)
	w.populate()
	for _, state := range []string{"as it is", "analysed"} {
		if state == "analysed" {
			if err := w.Exec("analyze"); err != nil {
				t.Fatal(err)
			}
		}
		tests := w.otherReads()
		maps.Copy(tests, w.reads(t))
		for name, test := range tests {
			t.Run(state+"/"+name, func(t *testing.T) {
				steps := slices.Concat(w.plan(t, "explain query plan", w.asked(name, empty), test.read)...)
				all := strings.Join(steps, "\n")
				for _, step := range steps {
					// Once analysed it is known of other tables than connections
					// that they are small, or mostly asked for.
					if table := scanned(step); table == "c" || table != "" && state != "analysed" {
						t.Errorf("reads all of %s\n%s", table, all)
					}
					if drivenByID(name) && strings.Contains(step, "SEARCH c USING") && !strings.Contains(step, "(id=?)") {
						t.Errorf("goes through more than is seen\n%s", all)
					}
				}
				if test.sorted && strings.Contains(all, "TEMP B-TREE FOR ORDER BY") {
					t.Errorf("sorts\n%s", all)
				}
			})
		}
	}
}

// asked is the store that is to be asked for a plan.
func (w *world) asked(name string, empty *store.Store) *store.Store {
	if full(name) {
		return w.Store
	}
	return empty
}

// PostgreSQL chooses by what it knows of the tables: here as its autovacuum
// tells it.
func TestPlansOnPostgres(t *testing.T) {
	w, empty := newWorld(t, openPostgres(t)), openPostgres(t)
	w.populate()
	if err := w.Exec("analyze"); err != nil {
		t.Fatal(err)
	}
	for name, test := range w.reads(t) {
		t.Run(name, func(t *testing.T) {
			plans := w.plan(t, "explain", w.asked(name, empty), test.read)
			for _, steps := range plans {
				plan := strings.Join(steps, "\n")
				switch {
				case !strings.Contains(plan, " connections c "):
				case name == "of a name": // of which there is one
				case strings.Contains(plan, "Seq Scan on connections c"):
					t.Errorf("reads all connections\n%s", plan)
				case test.sorted && sorts(steps):
					t.Errorf("sorts\n%s", plan)
				case drivenByID(name) && !strings.Contains(plan, "connections_pkey on connections c"):
					t.Errorf("goes through more than is seen\n%s", plan)
				}
			}
		})
	}
}

// sorts tells whether a plan of PostgreSQL sorts more than what is equal in
// the order of an index.
func sorts(steps []string) bool {
	return slices.ContainsFunc(steps, func(step string) bool {
		return strings.HasPrefix(strings.TrimLeft(step, " ->"), "Sort  (")
	})
}

// The plans above are only worth something if a bad one is seen.
func TestPlansShowAScan(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	rows := w.rows(t, "explain query plan select * from connections c where description = 'x' order by description")
	if _, step, _ := strings.Cut(rows[0], "detail="); scanned(step) != "c" {
		t.Errorf("not taken for a scan: %s", step)
	}
}
