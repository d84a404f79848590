package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// Who sees much of what there is and who sees little are given their lists in
// different ways: the same ones.
func TestSeenInEitherWay(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const copies = 2400
		w.addConnection(w.org, "c")
		w.multiply("connections", copies, map[string]string{
			"kind": "case n % 3 when 0 then 'github' when 1 then 'kubernetes' else kind end", "created_at": "created_at + n % 7",
			"health": "case n % 4 when 0 then 'unknown' else 'healthy' end",
			// So that the order by id is not that by name.
			"id": "'0' || (9999 - n) || '-' || id",
		})
		w.addConnection(w.other, "hidden, and of another organization")
		little, none := w.addUser("little"), w.addUser("none")
		for _, user := range []belay.ID{little, none} {
			w.member(w.org, user, belay.OrganizationMember)
		}
		var all []*belay.Connection
		for cursor, first := "", true; first || cursor != ""; first = false {
			page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{Size: 100, Cursor: cursor})
			wantCode(t, err, "")
			all, cursor = append(all, page.Items...), page.NextCursor
		}
		wantEqual(t, len(all), copies+1)
		// Twice, so that nothing is found twice for it; and some of them max owns.
		w.reveal(w.max, all[:2200]...)
		w.reveal(w.max, all[:10]...)
		w.reveal(little, all[30:50]...)
		w.write(func(ctx context.Context, tx *store.Tx) error {
			return store.ExecIn(tx, "update connections set owner_id = $1 where id in ($2, $3)", w.max, all[0].ID, all[2300].ID)
		})
		if strings.HasSuffix(t.Name(), "postgres") { // as its autovacuum does
			if err := w.Exec("analyze"); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[belay.ID][]*belay.Connection{
			w.max: append(slices.Clone(all[:2200]), all[2300]), little: all[30:50], none: nil,
		}
		for user, of := range seen {
			v := belay.Viewer{OrganizationID: w.org, UserID: user}
			for column, less := range orders {
				for _, f := range []belay.ConnectionFilter{{}, {Kinds: []string{"github"}}} {
					if f.Kinds == nil && len(of) > 100 && column != "name" && column != "kind" {
						continue // one more of the same, and long
					}
					want := slices.DeleteFunc(slices.Clone(of), func(c *belay.Connection) bool { return f.Kinds != nil && c.Kind != "github" })
					slices.SortFunc(want, less)
					name := fmt.Sprintf("%d seen, of %d, by %s", len(of), len(want), column)
					w.wantWalk(t, name, v, f, belay.Order{Column: column}, want)
					if column == "name" && f.Kinds == nil {
						continue
					}
					slices.Reverse(want)
					w.wantWalk(t, name+", downwards", v, f, belay.Order{Column: column, Descending: true}, want)
				}
			}
		}
	})
}

// orders are the orders of connections: what is equal goes by name, or by id.
var orders = map[string]func(a, b *belay.Connection) int{
	"name": func(a, b *belay.Connection) int { return compare(a.Name, b.Name) },
	"kind": func(a, b *belay.Connection) int { return compare(a.Kind, b.Kind, a.Name, b.Name) },
	"health": func(a, b *belay.Connection) int {
		return compare(string(a.Health.Status), string(b.Health.Status), a.Name, b.Name)
	},
	"status": func(a, b *belay.Connection) int { return compare(a.Name, b.Name) },
	"createdAt": func(a, b *belay.Connection) int {
		if n := a.CreatedAt.Compare(b.CreatedAt); n != 0 {
			return n
		}
		return compare(string(a.ID), string(b.ID))
	},
}

// compare compares pairs of texts, one after the other.
func compare(pairs ...string) int {
	for ; len(pairs) > 0; pairs = pairs[2:] {
		if pairs[0] != pairs[1] {
			return map[bool]int{true: -1, false: 1}[pairs[0] < pairs[1]]
		}
	}
	return 0
}

// reveal lets a user see some connections.
func (w *world) reveal(user belay.ID, connections ...*belay.Connection) {
	w.t.Helper()
	e, v := w.addEnvironment(w.org, string(w.id())), w.addWorkspace(w.org, string(w.id()))
	w.share(v, e)
	w.grant(v, user, belay.RoleViewer)
	w.assign(e, connections...)
}

// wantWalk walks through a list by its cursors, and by page numbers at its
// beginning and its end.
func (w *world) wantWalk(t *testing.T, name string, v belay.Viewer, f belay.ConnectionFilter, o belay.Order, want []*belay.Connection) {
	t.Helper()
	ids := func(items []*belay.Connection) []belay.ID {
		out := []belay.ID{}
		for _, c := range items {
			out = append(out, c.ID)
		}
		return out
	}
	got, cursor := []*belay.Connection{}, ""
	for first := true; first || cursor != ""; first = false {
		page, err := w.Connections(ctx, v, f, belay.Query{Size: 100, Cursor: cursor, Order: o})
		wantCode(t, err, "")
		if page.Total != len(want) || page.TotalIsMinimum {
			t.Fatalf("%s: the total is %d, want %d", name, page.Total, len(want))
		}
		got, cursor = append(got, page.Items...), page.NextCursor
	}
	if !slices.Equal(ids(got), ids(want)) {
		t.Fatalf("%s: found %d, want %d in their order", name, len(got), len(want))
	}
	for _, n := range []int{0, (len(want) - 1) / 7, len(want)} {
		page, err := w.Connections(ctx, v, f, belay.Query{Size: 7, Page: max(n, 0), Order: o})
		wantCode(t, err, "")
		from := min(max(n, 0)*7, len(want))
		if !slices.Equal(ids(page.Items), ids(want[from:min(from+7, len(want))])) {
			t.Fatalf("%s: page %d is another one", name, n)
		}
	}
}

// Who sees more than is counted sees no more than that: pages and totals are
// right where what he does not see lies in between.
func TestVeryMuchSeen(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.addConnection(w.org, "c")
		w.multiply("connections", belay.CountLimit*21/20, nil)
		mine, theirs, v, gone := w.addEnvironment(w.org, "mine"), w.addEnvironment(w.org, "theirs"), w.addWorkspace(w.org, "v"), w.addWorkspace(w.org, "gone")
		for e, which := range map[*belay.Environment]string{mine: "n % 40 > 0", theirs: "n % 40 = 0 or n % 3 = 0"} {
			w.fillWith(e, which)
		}
		w.share(v, mine)
		w.share(gone, mine, theirs)
		w.grant(v, w.max, belay.RoleViewer)
		w.grant(gone, w.max, belay.RoleViewer)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteWorkspace(ctx, w.org, gone.ID, w.now()) }), "")
		viewer := belay.Viewer{OrganizationID: w.org, UserID: w.max}
		for _, q := range []belay.Query{{Size: 100}, {Size: 100, Page: 7}, {Size: 100, Page: 3, Order: belay.Order{Column: "createdAt", Descending: true}}} {
			order := map[string]string{"": "name_fold, id", "createdAt": "created_at desc, id desc"}[q.Order.Column]
			want := w.rows(t, "select id from connections where id in (select connection_id from environment_connections where environment_id = $1) order by "+
				order+" limit 100 offset $2", mine.ID, q.Size*q.Page)
			page, err := w.Connections(ctx, viewer, belay.ConnectionFilter{}, q)
			wantCode(t, err, "")
			var got []string
			for _, c := range page.Items {
				got = append(got, "id="+string(c.ID))
			}
			wantEqual(t, got, want)
			wantEqual(t, []any{page.Total, page.TotalIsMinimum}, []any{belay.CountLimit, true})
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, mine.ID, w.now()) }), "")
		page, err := w.Connections(ctx, viewer, belay.ConnectionFilter{}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, 0)
	})
}
