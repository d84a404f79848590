package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// BenchmarkSet puts 10,000 connections into an environment and takes them out
// again, and says how long the longest of the writes waited that somebody else
// made meanwhile, one after the other.
//
//	go test ./store -run '^$' -bench 'Set$' -benchtime 10x
func BenchmarkSet(b *testing.B) {
	eachEngineB(b, func(b *testing.B, w *world, ids []belay.ID) {
		b.Helper()
		e, other := w.addEnvironment(w.org, "e"), w.addEnvironment(w.org, "other")
		put := make([]belay.Assignment, len(ids))
		for i, id := range ids {
			put[i] = w.pair(e.ID, id)
		}
		stop, ended, written := make(chan struct{}), make(chan time.Duration), make(chan struct{})
		go func() {
			longest := time.Duration(0)
			for {
				select {
				case <-stop:
					ended <- longest
					return
				default:
				}
				began := time.Now()
				err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.UpdateEnvironment(ctx, w.org, other.ID, w.now(), func(*belay.Environment) error { return nil })
					return err
				})
				if err != nil {
					b.Error(err)
				}
				longest = max(longest, time.Since(began))
				select {
				case written <- struct{}{}:
				default:
				}
			}
		}()
		var stopped sync.Once
		defer stopped.Do(func() { close(stop) })
		b.ResetTimer()
		for b.Loop() {
			for _, change := range []struct {
				put  []belay.Assignment
				take []belay.ID
			}{{put, nil}, {nil, ids}} {
				err := w.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					if _, err := tx.Environment(ctx, w.org, e.ID); err != nil {
						return err
					}
					_, err := tx.ChangeSet(ctx, w.org, e.ID, change.put, change.take)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				<-written // so that nothing waits for two of them
			}
		}
		stopped.Do(func() { close(stop) })
		b.ReportMetric(float64((<-ended).Milliseconds()), "longest-wait-ms")
	})
}
