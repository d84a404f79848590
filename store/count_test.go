package store_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"belay"
	"belay/store"
)

// testingT is a *testing.T or a *rapid.T.
type testingT interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// wantCounted checks every counter against a count of the rows themselves.
func wantCounted(t testingT, w *world) {
	t.Helper()
	for _, org := range []belay.ID{w.org, w.other} {
		for _, r := range resources {
			var want int
			if err := w.QueryRow("select count(*) from "+r.name+"s where organization_id = $1 and deleted_at = 0", org).Scan(&want); err != nil {
				t.Fatal(err)
			}
			page, err := r.list(w.Reader, everything(org), belay.Query{Size: 1})
			if err != nil || page.Total != want {
				t.Fatalf("%ss of %s: total %d (%v), count(*) %d", r.name, org, page.Total, err, want)
			}
		}
		wantProperties(t, w, org)
	}
	wantHolders(t, w)
}

// wantProperties checks the counters of connections by their properties.
func wantProperties(t testingT, w *world, org belay.ID) {
	t.Helper()
	counts, err := w.ConnectionCounts(ctx, org)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, c := range counts {
		var n int
		err := w.QueryRow(`select count(*) from connections where organization_id = $1
			and kind = $2 and type = $3 and status = $4 and health = $5`, org, c.Kind, c.Type, c.Status, c.Health).Scan(&n)
		if err != nil || n != c.N {
			t.Fatalf("%+v: count(*) %d (%v)", c, n, err)
		}
		sum += n
	}
	var rows int
	if err := w.QueryRow("select count(*) from connections where organization_id = $1", org).Scan(&rows); err != nil || rows != sum {
		t.Fatalf("counters add up to %d, there are %d connections (%v)", sum, rows, err)
	}
}

// wantFiltered checks the totals of filtered lists against the length of
// what a walk through them finds.
func wantFiltered(t *rapid.T, w *world) {
	f := belay.ConnectionFilter{
		Kinds:    rapid.SliceOfDistinct(rapid.SampledFrom(kinds), rapid.ID).Draw(t, "kinds"),
		Statuses: rapid.SliceOfDistinct(rapid.SampledFrom(belay.Statuses()), rapid.ID).Draw(t, "statuses"),
		Healths:  rapid.SliceOfDistinct(rapid.SampledFrom(belay.HealthStatuses()), rapid.ID).Draw(t, "healths"),

		InNoEnvironment: rapid.Bool().Draw(t, "in no environment"),
	}
	found, cursor := 0, ""
	for {
		page, err := w.Connections(ctx, everything(w.org), f, belay.Query{Size: 3, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		found += len(page.Items)
		if page.NextCursor == "" {
			if found != page.Total {
				t.Fatalf("%+v: total %d, found %d", f, page.Total, found)
			}
			return
		}
		cursor = page.NextCursor
	}
}

var kinds = []string{"github", "kubernetes", "prometheus"}

// operations are what may happen to objects. Errors are of no account here:
// what fails must count nothing.
type operations struct {
	w   *world
	ids map[string][]belay.ID
}

func (o *operations) any(t *rapid.T, r resource) belay.ID {
	return rapid.SampledFrom(append([]belay.ID{"none"}, o.ids[r.name]...)).Draw(t, "id")
}

func (o *operations) actions() map[string]func(*rapid.T) {
	sort := rapid.SampledFrom(resources)
	org := rapid.SampledFrom([]belay.ID{o.w.org, o.w.org, o.w.other})
	// A transaction may fail as a whole after it has done its work.
	do := func(t *rapid.T, f func(tx *store.Tx) error) error {
		fails := rapid.IntRange(0, 9).Draw(t, "fails") == 0
		return o.w.try(func(tx *store.Tx) error {
			if err := f(tx); err != nil || !fails {
				return err
			}
			return errShown
		})
	}
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) { wantCounted(t, o.w); wantFiltered(t, o.w) },
		"create": func(t *rapid.T) {
			r := sort.Draw(t, "sort")
			v := r.build(o.w, org.Draw(t, "org"), fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "name")))
			if do(t, v.create) == nil {
				o.ids[r.name] = append(o.ids[r.name], v.id)
			}
		},
		"rename": func(t *rapid.T) {
			r := sort.Draw(t, "sort")
			id, name := o.any(t, r), fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "name"))
			_ = do(t, func(tx *store.Tx) error { _, err := r.rename(o.w, tx, o.w.org, id, name); return err })
		},
		"remove": func(t *rapid.T) {
			r := sort.Draw(t, "sort")
			id := o.any(t, r)
			_ = do(t, func(tx *store.Tx) error { return r.remove(o.w, tx, o.w.org, id) })
		},
		"restore": func(t *rapid.T) {
			r := sort.Draw(t, "sort")
			id := o.any(t, r)
			_ = do(t, func(tx *store.Tx) error { _, err := r.restore(o.w, tx, o.w.org, id); return err })
		},
		"assign": func(t *rapid.T) {
			a := o.w.pair(o.any(t, resources[1]), o.any(t, resources[3]))
			_ = do(t, func(tx *store.Tx) error { _, err := tx.AssignConnection(ctx, o.w.org, a); return err })
		},
		"unassign": func(t *rapid.T) {
			environment, connection := o.any(t, resources[1]), o.any(t, resources[3])
			_ = do(t, func(tx *store.Tx) error {
				_, err := tx.UnassignConnection(ctx, o.w.org, environment, connection)
				return err
			})
		},
		"set": func(t *rapid.T) { _ = o.set(t, do) },
		"change": func(t *rapid.T) {
			id, kind, status := o.any(t, resources[3]), rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.SampledFrom(belay.Statuses()).Draw(t, "status")
			_ = do(t, func(tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, o.w.org, id, o.w.now(), func(c *belay.Connection) error { c.Kind, c.Status = kind, status; return nil })
				return err
			})
		},
		"check":       func(t *rapid.T) { _ = o.check(t, do, false) },
		"stale check": func(t *rapid.T) { _ = o.check(t, do, true) },
		"purge": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "purge") == 0 {
				_ = do(t, func(tx *store.Tx) error { _, err := tx.Purge(ctx, o.w.now()); return err })
			}
		},
	}
}

// set puts some connections into an environment and takes others out: some
// perhaps twice, some that are in it or not, and some that are put and taken.
func (o *operations) set(t *rapid.T, do func(*rapid.T, func(*store.Tx) error) error) error {
	environment := o.any(t, resources[1])
	var put []belay.Assignment
	var take []belay.ID
	for range rapid.IntRange(0, 4).Draw(t, "put") {
		put = append(put, o.w.pair(environment, o.any(t, resources[3])))
	}
	for range rapid.IntRange(0, 4).Draw(t, "take") {
		take = append(take, o.any(t, resources[3]))
	}
	return do(t, func(tx *store.Tx) error { _, err := tx.ChangeSet(ctx, o.w.org, environment, put, take); return err })
}

// check saves a health; a stale one starts from what was read long ago.
func (o *operations) check(t *rapid.T, do func(*rapid.T, func(*store.Tx) error) error, stale bool) error {
	id, health := o.any(t, resources[3]), rapid.SampledFrom(belay.HealthStatuses()).Draw(t, "health")
	return do(t, func(tx *store.Tx) error {
		before, err := tx.Connection(ctx, o.w.org, id)
		if err != nil {
			return err
		}
		if stale {
			before.Health.Status = rapid.SampledFrom(belay.HealthStatuses()).Draw(t, "stale health")
			before.Status = rapid.SampledFrom(belay.Statuses()[:7]).Draw(t, "stale status")
		}
		after := *before
		after.Health.Status, after.Status = health, before.Status.AfterCheck(health, belay.TriggerMonitor)
		return tx.SaveHealth(ctx, before, &after)
	})
}

// Counters say what count(*) would, after whatever has happened.
func TestCounters(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": openSQLite, "postgres": openPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, run := open(t), int64(0)
			rapid.Check(t, func(rt *rapid.T) {
				// Each run has organizations of its own in one database: to make a
				// database takes longer than a run.
				run++
				w := &world{Store: s, t: t, domain: fmt.Sprintf("run%d.test", run)}
				w.n.Store(run * 1_000_000)
				w.found()
				o := &operations{w: w, ids: map[string][]belay.ID{}}
				rt.Repeat(o.actions())
			})
		})
	}
}
