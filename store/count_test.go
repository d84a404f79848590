package store_test

import (
	"testing"

	"belay"
	"belay/store"
)

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

// testingT is a *testing.T or a *rapid.T.
type testingT interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var _ testingT = (*testing.T)(nil)
var _ = store.Open
