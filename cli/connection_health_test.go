package cli

import (
	"bytes"
	"testing"
	"time"
)

// What a test found is shown as long as it can be relied on, and then as old.
func TestStaleHealth(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		health, piped, onTerminal, ascii string
	}{
		{`{"status":"healthy","checkedAt":"2026-11-21T19:59:00Z","staleAfter":"2026-11-21T20:00:00Z"}`, "healthy", "● healthy", "+ healthy"},
		{`{"status":"healthy","checkedAt":"2026-11-18T19:59:00Z","staleAfter":"2026-11-18T20:01:00Z"}`, "healthy, stale", "? healthy 3d ago, stale", "? healthy 3d ago, stale"},
		{`{"status":"unhealthy","checkedAt":"2026-11-21T19:57:00Z","staleAfter":"2026-11-21T19:59:00Z"}`, "unhealthy, stale", "? unhealthy 3m ago, stale", "? unhealthy 3m ago, stale"},
		{`{"status":"healthy","checkedAt":"2026-11-21T19:59:00Z","staleAfter":"2026-11-21T20:01:00Z","outdated":true}`, "healthy, stale", "? healthy 1m ago, stale", "? healthy 1m ago, stale"},
		{`{"status":"healthy","checkedAt":"2026-11-21T19:59:00Z","staleAfter":"2026-11-21T20:01:00Z","outdated":false}`, "healthy", "● healthy", "+ healthy"},
		{`{"status":"unchecked","checkedAt":null,"staleAfter":null}`, "unchecked", "- unchecked", "- unchecked"},
	} {
		it, err := newItem([]byte(`{"name":"a","health":` + c.health + `}`))
		if err != nil {
			t.Fatal(err)
		}
		cell := func(l look) string { return healthNow().cell(it, view{look: l, now: now}).line(l) }
		if got := cell(look{}); got != c.piped {
			t.Errorf("piped: %q, want %q", got, c.piped)
		}
		if got := cell(look{unicode: true, symbols: true, relative: true}); got != c.onTerminal {
			t.Errorf("on a terminal: %q, want %q", got, c.onTerminal)
		}
		if got := cell(look{symbols: true, relative: true}); got != c.ascii {
			t.Errorf("in ASCII: %q, want %q", got, c.ascii)
		}
	}
}

// In a list and in a view it is the same; what a program reads is as the
// server has it.
func TestStaleHealthIsShown(t *testing.T) {
	it, err := newItem([]byte(`{"name":"a","health":{"status":"healthy","checkedAt":"2026-11-18T20:00:00Z","staleAfter":"2026-11-18T20:02:00Z"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{
		formatTable: "? healthy, stale", formatWide: "? healthy, stale", formatTSV: "healthy, stale", formatCSV: `"healthy, stale"`,
		formatJSON: `"status": "healthy"`,
	} {
		for _, single := range []bool{false, true} {
			columns := connections().columns
			if single {
				columns = connections().detail
			}
			in := newFixture(t, nil).invocation(t, globals{Output: format})
			var b bytes.Buffer
			if err := in.render(&b, document{raw: it.raw, items: []item{it}, columns: columns, noun: "connection", single: single}); err != nil {
				t.Fatal(err)
			}
			mustContain(t, b.String(), want)
		}
	}
}
