package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

// BenchmarkSignInFlood sends 1,000 wrong passwords, for as many accounts and
// from as many addresses, so that no back-off keeps them from being hashed,
// and reports how much longer other requests take meanwhile than before: of
// each round the ratio of the 99th percentiles and of the medians, and of the
// rounds the median, with the least and the greatest.
func BenchmarkSignInFlood(b *testing.B) {
	s := belaytest.Start(b, belaytest.Options{})
	reader := s.Client(s.Token(belay.Token{UserID: s.Admin.UserID}))
	ask := func(until func() bool) (took []time.Duration) {
		for !until() {
			begin := time.Now()
			reader.Get("/api/environments").Want(http.StatusOK)
			took = append(took, time.Since(begin))
			time.Sleep(2 * time.Millisecond) // a reader, no flood of its own
		}
		slices.Sort(took)
		return took
	}
	at := func(t []time.Duration, p int) float64 { return float64(t[len(t)*p/100]) }
	var medians, tails []float64
	for b.Loop() {
		end := time.Now().Add(3 * time.Second)
		quiet := ask(func() bool { return time.Now().After(end) })
		statuses := flood(b, s.URL())
		done := make(chan map[int]int, 1)
		go func() { done <- statuses() }()
		var counts map[int]int
		loud := ask(func() bool {
			select {
			case counts = <-done:
				return true
			default:
				return false
			}
		})
		medians, tails = append(medians, at(loud, 50)/at(quiet, 50)), append(tails, at(loud, 99)/at(quiet, 99))
		b.Logf("quiet: %d requests, median %v, p99 %v; flooded: %d requests, median %v, p99 %v; answers to the flood: %v",
			len(quiet), quiet[len(quiet)/2], quiet[len(quiet)*99/100], len(loud), loud[len(loud)/2], loud[len(loud)*99/100], counts)
	}
	slices.Sort(medians)
	slices.Sort(tails)
	b.ReportMetric(tails[len(tails)/2], "p99-ratio")
	b.ReportMetric(tails[0], "least")
	b.ReportMetric(tails[len(tails)-1], "greatest")
	b.ReportMetric(medians[len(medians)/2], "median-ratio")
}

// flood returns a function that sends 1,000 wrong passwords, 50 at a time,
// and counts the answers by status.
func flood(tb testing.TB, url string) func() map[int]int {
	tb.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	counts := map[int]int{}
	send := func(n int64) error {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
		client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
		body := fmt.Sprintf(`{"email":"user%d@example.org","password":"wrong wrong wrong"}`, n)
		res, err := client.Post(url+"/api/identity/sessions", "application/json", bytes.NewBufferString(body))
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		mu.Lock()
		counts[res.StatusCode]++
		mu.Unlock()
		return res.Body.Close()
	}
	return func() map[int]int {
		var senders sync.WaitGroup
		for range 50 {
			senders.Go(func() {
				for n := next.Add(1); n <= 1000; n = next.Add(1) {
					if err := send(n); err != nil {
						tb.Error(err)
					}
				}
			})
		}
		senders.Wait()
		return counts
	}
}
