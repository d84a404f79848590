package store_test

import (
	"fmt"
	"testing"

	"belay"
	"belay/store"
)

// BenchmarkInNoEnvironment reads the first page of the connections that no
// environment holds, with its total, where every second one is held or all but
// a hundred, the last by name. The last column of 1,000 and of 100,000
// connections are to be compared.
//
//	go test ./store -run '^$' -bench InNoEnvironment
func BenchmarkInNoEnvironment(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": openSQLite, "postgres": openPostgres} {
		for held, which := range map[string]string{"half": "n % 2 = 0", "nearly all": "n > 100"} {
			for _, size := range []int{1_000, 100_000} {
				b.Run(fmt.Sprint(name, "/", held, " held of ", size), func(b *testing.B) {
					w := newWorld(b, open(b))
					e := w.addEnvironment(w.org, "e")
					w.addConnection(w.org, "c")
					w.multiply("connections", size, map[string]string{"name_fold": "'c' || (1000000 - n)", "created_at": "created_at + n"})
					w.fillWith(e, which)
					if name == "postgres" { // as its autovacuum does
						w.vacuum()
					}
					v, f := everything(w.org), belay.ConnectionFilter{InNoEnvironment: true}
					b.ResetTimer()
					before := cpu(b)
					for b.Loop() {
						page, err := w.Connections(ctx, v, f, belay.Query{Size: 25})
						if err != nil || len(page.Items) != 25 || page.Total < 100 {
							b.Fatal(len(page.Items), page.Total, err)
						}
					}
					b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
				})
			}
		}
	}
}

// vacuum tidies up, which no transaction may.
func (w *world) vacuum() {
	w.t.Helper()
	rows, err := w.Query("vacuum analyze")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		w.t.Fatal("vacuum answers with a row")
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
}

// fillWith puts all connections into an environment of which something is true,
// of their number n by creation.
func (w *world) fillWith(e *belay.Environment, which string) {
	w.t.Helper()
	err := w.Exec("insert into environment_connections select id, '" + string(e.ID) + `', id, 0 from
		(select id, row_number() over (order by created_at) as n from connections) as c where ` + which)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.RefillHolders(); err != nil {
		w.t.Fatal(err)
	}
}
