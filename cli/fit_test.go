package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFit(t *testing.T) {
	cases := []struct {
		widths []int
		least  []int
		screen int
		want   []int
	}{
		{[]int{10, 10}, []int{8, 8}, 80, []int{10, 10}},
		{[]int{10, 40, 60}, []int{8, 8, 8}, 80, []int{10, 33, 33}},
		{[]int{20, 12, 9}, []int{8, 8, 8}, 30, []int{10, 8, 8}},
		{[]int{20, 12, 9}, []int{8, 12, 8}, 30, []int{8, 12, 8}},
		{[]int{20, 30}, []int{8, 8}, 12, []int{8, 8}},
		{[]int{4, 5}, []int{8, 8}, 3, []int{4, 5}},
	}
	for _, c := range cases {
		got := slices.Clone(c.widths)
		if fit(got, c.least, c.screen); !slices.Equal(got, c.want) {
			t.Errorf("%v on %d: %v, want %v", c.widths, c.screen, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	cases := []struct {
		text string
		to   int
		want []string
	}{
		{"the credential was refused", 40, []string{"the credential was refused"}},
		{"the credential was refused", 14, []string{"the credential", "was refused"}},
		{"see https://a.example/long for it", 10, []string{"see", "https://a.", "example/lo", "ng for it"}},
		{"東京都庁", 5, []string{"東京", "都庁"}},
	}
	for _, c := range cases {
		if got := wrap(c.text, c.to); !slices.Equal(got, c.want) {
			t.Errorf("%q to %d: %q, want %q", c.text, c.to, got, c.want)
		}
	}
}

// On a narrow screen the health, the state and the headers stay whole: columns
// of less worth go, and what is wrong goes on below itself.
func TestConnectionsOnNarrowScreens(t *testing.T) {
	it, err := newItem([]byte(`{"name":"billing-metrics-eu","kind":"prometheus","status":"disconnected",` +
		`"environments":[{"name":"production-europe"},{"name":"b"}],"health":{"status":"unhealthy","cause":"auth.refused",` +
		`"summary":"the credential was refused by the target","since":"2026-01-01T00:00:00Z"}}`))
	if err != nil {
		t.Fatal(err)
	}
	columns := slices.DeleteFunc(connections().columns, func(c column) bool { return c.wide })
	var row []cell
	var tracks []track
	for _, c := range columns {
		row, tracks = append(row, c.cell(it, view{look: look{relative: true, unicode: true}})), append(tracks, c.track)
	}
	for _, screen := range []int{50, 60, 80, 100, 120} {
		var b bytes.Buffer
		if err := writeTable(&b, titles(columns), [][]cell{row}, tracks, look{unicode: true, symbols: true, width: screen}, false); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(b.String(), "\n")
		mustContain(t, b.String(), "x unhealthy", "auth.refused", "NAME", "HEALTH", "WHY")
		mustNotContain(t, head, "…")
		if screen >= 80 {
			mustContain(t, b.String(), "disconnected", "ENVIRONMENTS")
		}
		for line := range strings.Lines(b.String()) {
			if n := columnsWide(strings.TrimSuffix(line, "\n")); n > screen {
				t.Errorf("%d columns on a screen of %d: %q", n, screen, line)
			}
		}
	}
}

func TestShorten(t *testing.T) {
	cases := []struct {
		text    string
		to      int
		unicode bool
		want    string
	}{
		{"production", 10, true, "production"},
		{"production", 9, true, "producti…"},
		{"production", 9, false, "produc..."},
		{"the target", 5, true, "the…"},
		{"東京都庁", 6, true, "東京…"},
		{"cafe\u0301s", 5, true, "cafe\u0301s"},
	}
	for _, c := range cases {
		if got := shorten(c.text, c.to, c.unicode); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.text, c.to, got, c.want)
		}
	}
}

// However wide the cells are, a row is never wider than the screen, as long
// as each column can have its least width; and without a screen every cell is
// whole.
func TestRowsKeepToTheScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		screen := rapid.IntRange(columns*(narrowest+gap), 200).Draw(t, "screen")
		var rows [][]cell
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			row := make([]cell, columns)
			for i := range row {
				row[i] = cell{text: rapid.StringMatching(`[a-z東é]{0,40}`).Draw(t, "cell")}
			}
			rows = append(rows, row)
		}
		var b bytes.Buffer
		if err := writeRows(&b, rows, look{unicode: true, width: screen}, false); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := columnsWide(strings.TrimSuffix(line, "\n")); n > screen {
				t.Errorf("%d columns on a screen of %d: %q", n, screen, line)
			}
		}
		b.Reset()
		if err := writeRows(&b, rows, look{unicode: true}, false); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "…") {
			t.Error("something was shortened without a screen")
		}
	})
}
