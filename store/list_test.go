package store_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/store"
)

// ordersOf are the columns by which each resource can be listed.
var ordersOf = map[string][]string{
	"workspace":   {"", "name", "createdAt", "updatedAt"},
	"environment": {"", "name", "createdAt", "updatedAt"},
	"credential":  {"", "name", "type", "createdAt", "updatedAt"},
	"connection":  {"", "name", "kind", "status", "health", "createdAt", "updatedAt"},
}

// walk reads a list by its cursors and returns what it finds. between runs
// after each page.
func (w *world) walk(t *testing.T, r resource, v belay.Viewer, q belay.Query, between func()) []belay.ID {
	t.Helper()
	var ids []belay.ID
	for range 1000 {
		page, err := r.list(w.Reader, v, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			ids = append(ids, i.ID)
		}
		if page.NextCursor == "" {
			return ids
		}
		if len(page.Items) != q.Limit() {
			t.Fatalf("a page of %d has %d items and is not the last", q.Limit(), len(page.Items))
		}
		q.Cursor = page.NextCursor
		between()
	}
	t.Fatal("the list has no end")
	return nil
}

// names that sort differently in many a locale, and alike in none.
var oddNames = []string{
	"a", "B", "b2", "ä", "Ä umlaut", "z", "Z!", "İstanbul", "istanbul2", "ıssız", "ß", "ẞ2", "emoji 🚀", "🚀", "🦊 fox", " leading", "two  spaces",
	"two spaces", "tab\tbed", "_under", "-dash", "0", "10", "2", "é", "e\u0301 combined", "zz", "Ω", "Ωmega", "я", "日本", "\U0001F469\u200d\U0001F680",
}

func (w *world) addOdd(r resource) []belay.ID {
	w.t.Helper()
	ids := make([]belay.ID, len(oddNames))
	for i, name := range oddNames {
		ids[i] = r.add(w, w.org, name)
	}
	return ids
}

func TestWalk(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		ids := w.addOdd(r)
		slices.Sort(ids)
		for _, viewer := range []belay.Viewer{everything(w.org), {OrganizationID: w.org, UserID: w.ann}} {
			for _, column := range ordersOf[r.name] {
				var up []belay.ID
				for _, descending := range []bool{false, true} {
					q := belay.Query{Size: 7, Order: belay.Order{Column: column, Descending: descending && column != ""}}
					got := w.walk(t, r, viewer, q, func() {})
					if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, ids) {
						t.Fatalf("order %v: walked %d items, not each of %d once", q.Order, len(got), len(ids))
					}
					if !descending {
						up = got
						continue
					}
					slices.Reverse(got)
					if column != "" && !slices.Equal(got, up) {
						t.Errorf("order %v is not the other way round", q.Order)
					}
				}
			}
		}
	})
}

// What is there all the time is found exactly once, whatever comes and goes.
func TestWalkWhileChanging(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		ids := w.addOdd(r)
		n := 0
		for _, column := range ordersOf[r.name] {
			for _, descending := range []bool{false, true} {
				q := belay.Query{Size: 6, Order: belay.Order{Column: column, Descending: descending}}
				var passing belay.ID
				got := w.walk(t, r, everything(w.org), q, func() {
					if passing != "" && n%2 == 0 {
						wantCode(t, w.try(func(tx *store.Tx) error { return r.remove(w, tx, w.org, passing) }), "")
					}
					passing = r.add(w, w.org, fmt.Sprintf("%c passing %d", []rune("aMz日 ")[n%5], n))
					n++
				})
				for _, id := range ids {
					if count := len(slices.DeleteFunc(slices.Clone(got), func(x belay.ID) bool { return x != id })); count != 1 {
						t.Fatalf("order %v: found an item %d times", q.Order, count)
					}
				}
				slices.Sort(got)
				if len(slices.Compact(slices.Clone(got))) != len(got) {
					t.Errorf("order %v: something was found twice", q.Order)
				}
			}
		}
	})
}

func TestPageNumbers(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		want := w.addOdd(r)
		slices.SortFunc(want, func(a, b belay.ID) int { return strings.Compare(string(a), string(b)) })
		for _, search := range []string{"", "fo e z"} { // with a counter, and counted
			if search != "" {
				want = nil // no item has all three words
			}
			var got []belay.ID
			for n := range 6 {
				page, err := r.list(w.Reader, everything(w.org), belay.Query{Page: n, Size: 8, Search: search})
				wantCode(t, err, "")
				wantEqual(t, []int{page.Number, page.Size, page.Total}, []int{n, 8, len(want)})
				for _, i := range page.Items {
					got = append(got, i.ID)
				}
			}
			slices.Sort(got)
			wantEqual(t, got, want)
		}
		for _, test := range []struct{ query, want [2]int }{ // number and size
			{[2]int{-1, 0}, [2]int{0, belay.DefaultPageSize}},
			{[2]int{0, 1000}, [2]int{0, belay.MaxPageSize}},
			{[2]int{99, -5}, [2]int{99, belay.DefaultPageSize}},
			{[2]int{math.MaxInt, 100}, [2]int{math.MaxInt, 100}},
			{[2]int{math.MaxInt / 99, 100}, [2]int{math.MaxInt / 99, 100}},
			{[2]int{math.MinInt, math.MinInt}, [2]int{0, belay.DefaultPageSize}},
		} {
			page, err := r.list(w.Reader, everything(w.org), belay.Query{Page: test.query[0], Size: test.query[1]})
			wantCode(t, err, "")
			wantEqual(t, []int{page.Number, page.Size, page.Total}, []int{test.want[0], test.want[1], len(oddNames)})
			if page.Number > 0 && len(page.Items) > 0 {
				t.Errorf("page %d holds %d items", page.Number, len(page.Items))
			}
		}
	})
}

func TestBadQuery(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		w.addOdd(r)
		list := func(q belay.Query) (belay.Page[item], error) { return r.list(w.Reader, everything(w.org), q) }
		first, err := list(belay.Query{Size: 2})
		wantCode(t, err, "")
		raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for name, q := range map[string]belay.Query{
			"unknown column":       {Order: belay.Order{Column: "color"}},
			"a column of SQL":      {Order: belay.Order{Column: "name_fold"}},
			"an injected column":   {Order: belay.Order{Column: "name; drop table users"}},
			"another case":         {Order: belay.Order{Column: "Name"}},
			"cursor of its order":  {Cursor: first.NextCursor, Order: belay.Order{Column: "createdAt"}},
			"cursor the other way": {Cursor: first.NextCursor, Order: belay.Order{Column: "name", Descending: true}},
			"no base64":            {Cursor: "%%%"},
			"no JSON":              {Cursor: raw("name")},
			"an empty object":      {Cursor: raw("{}")},
			"null":                 {Cursor: raw("null")},
			"a list":               {Cursor: raw("[1]")},
			"text for a number":    {Cursor: raw(`{"c":"createdAt","n":"x"}`), Order: belay.Order{Column: "createdAt"}},
			"cut short":            {Cursor: first.NextCursor[:len(first.NextCursor)-3]},
			"NUL in the text":      {Cursor: raw(`{"c":"name","t":"\u0000","i":"x"}`)},
			"NUL in the id":        {Cursor: raw(`{"c":"name","t":"x","i":"\u0000"}`)},
		} {
			page, err := list(q)
			if belay.CodeOf(err) != belay.CodeBadQuery || len(page.Items) != 0 {
				t.Errorf("%s: got %v and %d items", name, err, len(page.Items))
			}
		}
		// A cursor that could be one of ours is answered, whatever it points at.
		for _, text := range []string{`{"c":"name","t":"' or 1=1 --","i":"x"}`, "{\"c\":\"name\",\"t\":\"\xff\"}", `{"c":"name"}`} {
			_, err := list(belay.Query{Cursor: raw(text)})
			wantCode(t, err, "")
		}
	})
}

// turkish returns the URL of an empty database that sorts as Turks do, where
// nothing else is asked for.
func turkish(t *testing.T) string {
	t.Helper()
	address, err := url.Parse(postgres.Get(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(address.Path, "/")
	address.Path = "/postgres"
	admin, _ := store.OpenRaw(t, address.String())
	for _, statement := range []string{
		"drop database " + name,
		"create database " + name + " template template0 locale_provider icu icu_locale 'tr'",
	} {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	address.Path = "/" + name
	return address.String()
}

// Both engines sort alike, whatever a server's locale, and fold before they
// sort.
func TestOrderIsTheSameOnBothEngines(t *testing.T) {
	names := map[string][]string{}
	for engine, url := range map[string]string{"sqlite": sqliteFile(t), "postgres": turkish(t)} {
		w := newWorld(t, open(t, url))
		for _, r := range resources {
			w.addOdd(r)
			for page, cursor := 0, ""; page == 0 || cursor != ""; page++ {
				got, err := r.list(w.Reader, everything(w.org), belay.Query{Size: 5, Cursor: cursor})
				wantCode(t, err, "")
				for _, i := range got.Items {
					names[engine+" "+r.name] = append(names[engine+" "+r.name], i.Name)
				}
				cursor = got.NextCursor
			}
		}
	}
	for _, r := range resources {
		wantEqual(t, names["sqlite "+r.name], names["postgres "+r.name])
		wantEqual(t, len(names["sqlite "+r.name]), len(oddNames))
	}
	at := func(name string) int { return slices.Index(names["sqlite connection"], name) }
	if !(at("a") < at("B") && at("B") < at("b2") && at("z") < at("ä") && at("0") < at("10") && at("10") < at("2")) {
		t.Errorf("not in the order of folded text: %q", names["sqlite connection"])
	}
}

// Totals that no counter keeps are counted up to a limit.
func TestCountLimit(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	n := belay.CountLimit + 5
	w.addEnvironment(w.org, "first")
	w.multiply("environments", n-1, nil)
	if err := w.Exec("update object_counts set value = $1 where object = 'environment'", n); err != nil {
		t.Fatal(err)
	}
	for viewer, want := range map[belay.Viewer]int{everything(w.org): n, {OrganizationID: w.org, UserID: w.ann}: belay.CountLimit} {
		page, err := w.Environments(ctx, viewer, belay.EnvironmentFilter{}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, want)
		wantEqual(t, page.TotalIsMinimum, want != n)
	}
}
