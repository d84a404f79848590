package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// benchmarkSize is how many connections the benchmarks find.
const benchmarkSize = 10_000

func eachEngineB(b *testing.B, bench func(b *testing.B, w *world, ids []belay.ID)) {
	b.Helper()
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": openSQLite, "postgres": openPostgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			ids := fill(w, w.org, benchmarkSize)
			if name == "postgres" { // as its autovacuum does
				if err := w.Exec("analyze"); err != nil {
					b.Fatal(err)
				}
			}
			before := cpu(b)
			b.ResetTimer()
			bench(b, w, ids)
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpu is the processor time that this process has used: on a busy machine it
// says more than the time on the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill stores n connections of mixed properties and returns their ids.
func fill(w *world, org belay.ID, n int) []belay.ID {
	w.t.Helper()
	ids := make([]belay.ID, n)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		for i := range ids {
			c := w.connection(org, fmt.Sprintf("connection %06d", i*7919%n))
			c.Kind, ids[i] = kinds[i%len(kinds)], c.ID
			c.Health.Status = belay.HealthStatuses()[i%5]
			if err := tx.CreateConnection(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return ids
}

func BenchmarkPointRead(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, ids []belay.ID) {
		b.Helper()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := w.Connection(ctx, w.org, ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPage(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, _ []belay.ID) {
		b.Helper()
		b.ReportAllocs()
		v := belay.Viewer{OrganizationID: w.org, All: true}
		f := belay.ConnectionFilter{Kinds: []string{"prometheus"}}
		for b.Loop() {
			page, err := w.Connections(ctx, v, f, belay.Query{Size: 25})
			if err != nil || len(page.Items) != 25 {
				b.Fatal(len(page.Items), err)
			}
		}
	})
}

// BenchmarkLittleSeen lists what a member sees: 20 of all connections.
func BenchmarkLittleSeen(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, _ []belay.ID) {
		b.Helper()
		var few []*belay.Connection
		for i := range 20 {
			few = append(few, w.addConnection(w.org, fmt.Sprintf("z %d", i)))
		}
		w.reveal(w.max, few...)
		b.ResetTimer()
		v := belay.Viewer{OrganizationID: w.org, UserID: w.max}
		for b.Loop() {
			page, err := w.Connections(ctx, v, belay.ConnectionFilter{}, belay.Query{Size: 10})
			if err != nil || len(page.Items) != 10 || page.Total != 20 {
				b.Fatal(len(page.Items), page.Total, err)
			}
		}
	})
}

// BenchmarkCreate64 stores connections from 64 goroutines, durably.
func BenchmarkCreate64(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, _ []belay.ID) {
		b.Helper()
		b.ReportAllocs()
		b.SetParallelism(32)
		var n atomic.Int64
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				c := w.connection(w.org, fmt.Sprintf("new %08d", n.Add(1)))
				err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, c) })
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkRename changes one connection after another.
func BenchmarkRename(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, ids []belay.ID) {
		b.Helper()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, w.org, ids[i%len(ids)], w.now(), func(c *belay.Connection) error {
					c.Description = fmt.Sprintf("changed %d", i)
					return nil
				})
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
