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
		screen int
		want   []int
	}{
		{[]int{10, 10}, 80, []int{10, 10}},
		{[]int{10, 40, 60}, 80, []int{10, 33, 33}},
		{[]int{20, 12, 9}, 30, []int{10, 8, 8}},
		{[]int{20, 30}, 12, []int{8, 8}},
		{[]int{4, 5}, 3, []int{4, 5}},
	}
	for _, c := range cases {
		got := slices.Clone(c.widths)
		if fit(got, c.screen); !slices.Equal(got, c.want) {
			t.Errorf("%v on %d: %v, want %v", c.widths, c.screen, got, c.want)
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
		if err := writeRows(&b, nil, rows, look{unicode: true, width: screen}, false); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := columnsWide(strings.TrimSuffix(line, "\n")); n > screen {
				t.Errorf("%d columns on a screen of %d: %q", n, screen, line)
			}
		}
		b.Reset()
		if err := writeRows(&b, nil, rows, look{unicode: true}, false); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "…") {
			t.Error("something was shortened without a screen")
		}
	})
}
