package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// holdersTruth says of every connection what connection_holders has to say of
// it.
const holdersTruth = `select c.id, c.organization_id, c.name_fold, case when c.deleted_at > 0 then 1 else 0 end as deleted,
	(select count(*) from environment_connections ec join environments e on e.id = ec.environment_id and e.deleted_at = 0
		where ec.connection_id = c.id) as environments from connections c`

// wantHolders checks of every connection how many live environments hold it,
// and the total of those that none does.
func wantHolders(t testingT, w *world) {
	t.Helper()
	const told = "select connection_id, organization_id, name_fold, deleted, environments from connection_holders"
	for what, query := range map[string]string{
		"missing": holdersTruth + " except " + told, "too many": told + " except " + holdersTruth,
	} {
		var n int
		if err := w.QueryRow("select count(*) from (" + query + ") as difference").Scan(&n); err != nil || n != 0 {
			t.Fatalf("%s: %d (%v)", what, n, err)
		}
	}
	for _, org := range []belay.ID{w.org, w.other} {
		var want int
		err := w.QueryRow("select count(*) from ("+holdersTruth+`) as truth where organization_id = $1 and deleted = 0 and environments = 0`, org).Scan(&want)
		if err != nil {
			t.Fatal(err)
		}
		page, err := w.Connections(ctx, everything(org), belay.ConnectionFilter{InNoEnvironment: true}, belay.Query{Size: 1})
		if err != nil || page.Total != want || (len(page.Items) > 0) != (want > 0) {
			t.Fatalf("in no environment: %d, total %d (%v), want %d", len(page.Items), page.Total, err, want)
		}
	}
}

// What was there before it was counted is counted when the schema is brought
// up to date.
func TestHoldersOfWhatWasThere(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgresURL} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, open(t, url(t)))
			w.filterable()
			migration, err := os.ReadFile("migrations/0002_connection_holders.sql")
			wantCode(t, err, "")
			for _, statement := range []string{
				"drop table connection_holders", "delete from object_counts where object = 'unheld connection'", string(migration),
			} {
				wantCode(t, w.Exec(statement), "")
			}
			wantHolders(t, w)
			page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{InNoEnvironment: true}, belay.Query{})
			wantCode(t, err, "")
			wantEqual(t, page.Total, 1)
		})
	}
}

// Whoever sees much or little of it, and however much there is: what is in no
// environment is listed the same, in every order and with every filter.
func TestInNoEnvironmentInEachWay(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.addConnection(w.org, "c")
		w.multiply("connections", 2400, map[string]string{
			"kind": "case n % 3 when 0 then 'github' when 1 then 'kubernetes' else kind end", "created_at": "created_at + n % 7",
			"health": "case n % 4 when 0 then 'unknown' else 'healthy' end", "id": "'0' || (9999 - n) || '-' || id",
			// ann owns most of it, max a little, zed nothing.
			"owner_id": "case n % 50 when 0 then '" + string(w.max) + "' else owner_id end",
		})
		hidden := w.addConnection(w.other, "hidden")
		all := w.every(t)
		many, v := w.addEnvironment(w.org, "many"), w.addWorkspace(w.org, "v")
		w.grant(v, w.max, belay.RoleAdmin)
		w.share(v, many)
		if strings.HasSuffix(t.Name(), "postgres") {
			wantCode(t, w.Exec("analyze"), "")
		}
		viewers := map[belay.ID]belay.Viewer{
			"": everything(w.org), w.ann: {OrganizationID: w.org, UserID: w.ann}, w.max: {OrganizationID: w.org, UserID: w.max},
			"nobody": {OrganizationID: w.org, UserID: w.max, WorkspaceID: v.ID}, "none": {OrganizationID: w.org, UserID: w.ann, All: true, EnvironmentID: many.ID},
		}
		held := 0
		for _, hold := range []int{10, 500, 2350} { // more is left than a page is sorted of, less, and little
			var put []belay.Assignment
			for _, c := range all[held:hold] {
				put = append(put, w.pair(many.ID, c.ID))
			}
			wantCode(t, w.try(func(tx *store.Tx) error { _, err := tx.ChangeSet(ctx, w.org, many.ID, put, nil); return err }), "")
			held = hold
			for owner, v := range viewers {
				of := slices.DeleteFunc(slices.Clone(all[held:]), func(c *belay.Connection) bool { return owner != "" && c.OwnerID != owner })
				w.wantUnheld(t, v, of)
			}
		}
		page, err := w.Connections(ctx, everything(w.other), belay.ConnectionFilter{InNoEnvironment: true}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, len(page.Items) == 1 && page.Items[0].ID == hidden.ID, true)
	})
}

// wantUnheld lists what a viewer sees of the connections in no environment, in
// every order, and those of a kind and of a health.
func (w *world) wantUnheld(t *testing.T, v belay.Viewer, of []*belay.Connection) {
	t.Helper()
	for _, f := range []belay.ConnectionFilter{{}, {Kinds: []string{"github"}}, {Healths: []belay.HealthStatus{belay.HealthUnknown}}} {
		f.InNoEnvironment = true
		want := slices.DeleteFunc(slices.Clone(of), func(c *belay.Connection) bool {
			return f.Kinds != nil && c.Kind != "github" || f.Healths != nil && c.Health.Status != belay.HealthUnknown
		})
		for column, less := range orders {
			if len(want) > 1000 && column != "name" && column != "kind" {
				continue // one more of the same, and long
			}
			order := belay.Order{Column: column, Descending: column == "kind"}
			slices.SortFunc(want, less)
			if order.Descending {
				slices.Reverse(want)
			}
			w.wantWalk(t, fmt.Sprintf("%+v, %d of %d by %s", v, len(want), len(of), column), v, f, order, want)
		}
	}
}

// every returns all connections of the organization, by name.
func (w *world) every(t *testing.T) (all []*belay.Connection) {
	t.Helper()
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{Size: 100, Cursor: cursor})
		wantCode(t, err, "")
		all, cursor = append(all, page.Items...), page.NextCursor
	}
	return all
}

// However many at once change what environments hold, and whether these are
// there, what is counted is right, and nobody fails for another.
func TestHoldersTogether(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var environments []*belay.Environment
		for i := range 3 {
			environments = append(environments, w.addEnvironment(w.org, fmt.Sprint(i)))
		}
		var connections []*belay.Connection
		for i := range 8 {
			connections = append(connections, w.addConnection(w.org, fmt.Sprint(i)))
		}
		errs := together(8, func(i int) error {
			for n := range 30 {
				e := environments[(i+n)%len(environments)].ID
				c := connections[(i*5+n*3)%len(connections)].ID
				err := w.try(func(tx *store.Tx) (err error) {
					switch (i + n/2) % 6 {
					case 0:
						err = tx.DeleteEnvironment(ctx, w.org, e, w.now())
					case 1:
						_, err = tx.RestoreEnvironment(ctx, w.org, e, w.now())
					case 2:
						_, err = tx.UnassignConnection(ctx, w.org, e, c)
					case 3:
						put := []belay.Assignment{w.pair(e, c), w.pair(e, connections[n%8].ID)}
						if n%4 > 1 {
							put = nil // who only takes asks for the environment by himself
						}
						_, err = tx.ChangeSet(ctx, w.org, e, put, []belay.ID{connections[(n+1)%8].ID, connections[i].ID})
					case 4:
						if err = tx.DeleteConnection(ctx, w.org, c, "", w.now()); err == nil {
							_, err = tx.RestoreConnection(ctx, w.org, c, "", w.now())
						}
					default:
						_, err = tx.AssignConnection(ctx, w.org, w.pair(e, c))
					}
					return err
				})
				if err != nil && belay.CodeOf(err) != belay.CodeNotFound {
					return err
				}
			}
			return nil
		})
		wantAll(t, errs, "")
		wantHolders(t, w)
	})
}

// While somebody changes what an environment holds, or deletes it, nobody who
// writes what a check of its connections has found waits for him.
func TestHoldersKeepNoCheckWaiting(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	e, a, b := w.addEnvironment(w.org, "e"), w.addConnection(w.org, "a"), w.addConnection(w.org, "b")
	w.assign(e, a)
	for _, test := range []struct {
		name   string
		change func(tx *store.Tx) error
	}{
		{"a change of its set", func(tx *store.Tx) error {
			_, err := tx.ChangeSet(ctx, w.org, e.ID, []belay.Assignment{w.pair(e.ID, b.ID)}, []belay.ID{a.ID})
			return err
		}},
		{"its deletion", func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, e.ID, w.now()) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, w.try(func(tx *store.Tx) error {
				if err := test.change(tx); err != nil {
					return err
				}
				for _, c := range []*belay.Connection{a, b} {
					err := w.try(func(tx *store.Tx) error {
						if err := store.ExecIn(tx, "set local lock_timeout = '10s'"); err != nil {
							return err
						}
						before, err := tx.Connection(ctx, w.org, c.ID)
						if err != nil {
							return err
						}
						after := *before
						after.Health.Summary = test.name
						return tx.SaveHealth(ctx, before, &after)
					})
					wantCode(t, err, "")
				}
				return nil
			}), "")
		})
	}
	wantHolders(t, w)
}
