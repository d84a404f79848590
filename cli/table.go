package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// column is one property of an object as people see it.
type column struct {
	title string
	wide  bool // only in the wide forms
	track track
	cell  func(item, view) cell
}

// cell is a text and what it means.
type cell struct {
	text string
	tone tone
	mark string // shown before the text where there are marks
}

// view is what a cell is shown in.
type view struct {
	look
	now time.Time
}

// field is a column that shows one field as it is.
func field(title, path string) column {
	return column{title: title, cell: func(it item, _ view) cell { return cell{text: it.text(path)} }}
}

// when is a column that shows a time: its age on a terminal.
func when(title, path string) column {
	return column{title: title, track: track{firm: true}, cell: func(it item, v view) cell {
		t, ok := it.time(path)
		switch {
		case !ok:
			return cell{}
		case v.relative && t.After(v.now):
			return cell{text: "in " + age(t.Sub(v.now))}
		case v.relative:
			return cell{text: age(v.now.Sub(t))}
		}
		return cell{text: t.UTC().Format(time.RFC3339)}
	}}
}

// list is a column of names: the first and how many more on a terminal.
func list(title, path string) column {
	return column{title: title, cell: func(it item, v view) cell {
		names := it.names(path)
		if len(names) > 1 && v.relative {
			return cell{text: fmt.Sprintf("%s +%d", names[0], len(names)-1)}
		}
		return cell{text: strings.Join(names, ", ")}
	}}
}

// health is a column that shows a health status.
func health(title, path string) column {
	return column{title: title, track: track{firm: true}, cell: func(it item, v view) cell {
		status := it.text(path)
		t := healthTone(status)
		return cell{text: status, tone: t, mark: healthMark(status, v.unicode)}
	}}
}

func healthTone(status string) tone {
	switch status {
	case "healthy":
		return good
	case "degraded":
		return warning
	case "unhealthy":
		return bad
	}
	return plain
}

func healthMark(status string, unicode bool) string {
	switch status {
	case "healthy":
		if unicode {
			return "●"
		}
		return "+"
	case "degraded":
		return "!"
	case "unhealthy":
		return "x"
	case "":
		return ""
	case "unchecked":
		return "-"
	}
	return "?"
}

// health is the mark of a health status, in its colour.
func (l look) health(status string) string {
	return l.paint(healthTone(status), healthMark(status, l.unicode))
}

// sayHealth says how something is, with the mark that tables have for it.
func (in *invocation) sayHealth(status, format string, args ...any) {
	if !in.flags.Quiet {
		in.line(in.look(in.Stderr).health(status) + " " + in.plainText(fmt.Sprintf(format, args...)))
	}
}

// onlyWide moves a column to the wide forms.
func (c column) onlyWide() column {
	c.wide = true
	return c
}

// firm keeps a column from being made narrower.
func (c column) firm() column {
	c.track.firm = true
	return c
}

// least is a width that a column should have before any other goes for it.
func (c column) least(width int) column {
	c.track.least = width
	return c
}

// spare lets a column go where not all fit; the highest rank goes first.
func (c column) spare(rank int) column {
	c.track.spare = rank
	return c
}

func titles(columns []column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.title
	}
	return out
}

// columns are those to show: the ones named by --fields, or the noun's.
func (in *invocation) columns(d document, wide bool) []column {
	if len(in.flags.Fields) > 0 {
		out := make([]column, len(in.flags.Fields))
		for i, f := range in.flags.Fields {
			out[i] = field(strings.ToUpper(f), f)
		}
		return out
	}
	if wide || d.single {
		return d.columns
	}
	return slices.DeleteFunc(slices.Clone(d.columns), func(c column) bool { return c.wide })
}

func (in *invocation) renderRows(w io.Writer, d document) error {
	format := in.set.output.text
	v := view{look: in.look(in.Stdout), now: in.Now()}
	if format == formatTSV {
		v.look = look{}
	}
	columns := in.columns(d, format == formatWide)
	if !d.single && !d.whole && format != formatWide {
		v.width, _ = screenSize(in.Stdout)
	}
	if d.single {
		return renderSingle(w, d.items, columns, v, format)
	}
	var rows [][]cell
	for _, it := range d.items {
		row := make([]cell, len(columns))
		for i, c := range columns {
			row[i] = c.cell(it, v)
		}
		rows = append(rows, row)
	}
	var header []string
	if !in.flags.NoHeaders {
		header = titles(columns)
	}
	return writeTable(w, header, rows, tracksOf(columns), v.look, format == formatTSV)
}

func tracksOf(columns []column) []track {
	tracks := make([]track, len(columns))
	for i, c := range columns {
		tracks[i] = c.track
	}
	return tracks
}

// writeRows writes rows of cells: separated by tabs, or in columns of which
// the last is as long as it is.
func writeRows(w io.Writer, rows [][]cell, l look, tabs bool) error {
	return writeTable(w, nil, rows, nil, l, tabs)
}

// writeTable is writeRows with what each column can do without where the
// screen is narrow; the last one then goes on below itself.
func writeTable(w io.Writer, header []string, rows [][]cell, tracks []track, l look, tabs bool) error {
	if header != nil && (tabs || len(rows) > 0) {
		rows = append([][]cell{heading(header)}, rows...)
	}
	widths := columnWidths(rows, l)
	if l.width > 0 && !tabs {
		rows, widths = fitted(rows, header, widths, tracks, l.width)
	}
	var b strings.Builder
	for _, row := range rows {
		if tabs {
			writeTabbed(&b, row, l)
			continue
		}
		writeRow(&b, row, widths, l)
	}
	_, err := io.WriteString(w, trimLines(b.String(), tabs))
	return err
}

func heading(titles []string) []cell {
	row := make([]cell, len(titles))
	for i, title := range titles {
		row[i] = cell{text: title, tone: faint}
	}
	return row
}

// writeNext writes the next row of a table whose rows come one by one, and
// before the first one the header, if there is one. The columns stand below
// each other as long as no cell is wider than that of widest.
func writeNext(w io.Writer, header []string, widest, row []cell, tracks []track, l look, first bool) error {
	rows := [][]cell{widest, row}
	if header != nil {
		rows = append(rows, heading(header))
	}
	widths := columnWidths(rows, l)
	if l.width > 0 {
		rows, widths = fitted(rows, header, widths, tracks, l.width)
	}
	var b strings.Builder
	if first && header != nil {
		writeRow(&b, rows[2], widths, l)
	}
	writeRow(&b, rows[1], widths, l)
	_, err := io.WriteString(w, trimLines(b.String(), false))
	return err
}

func writeTabbed(b *strings.Builder, row []cell, l look) {
	for i, c := range row {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(l.paint(c.tone, c.line(l)))
	}
	b.WriteByte('\n')
}

func writeRow(b *strings.Builder, row []cell, widths []int, l look) {
	before := 0
	for i, c := range row {
		text := c.line(l)
		if i == len(row)-1 {
			writeLast(b, c.tone, text, before, l)
			break
		}
		if l.width > 0 {
			text = shorten(text, widths[i], l.unicode)
		}
		b.WriteString(l.paint(c.tone, text) + strings.Repeat(" ", widths[i]-columnsWide(text)+gap))
		before += widths[i] + gap
	}
	b.WriteByte('\n')
}

// writeLast writes the text of a last column, which goes on below itself
// where the screen ends.
func writeLast(b *strings.Builder, t tone, text string, before int, l look) {
	lines := []string{text}
	if l.width > 0 {
		lines = wrap(text, max(l.width-before, narrowest))
	}
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\n" + strings.Repeat(" ", before))
		}
		b.WriteString(l.paint(t, line))
	}
}

// trimLines cuts the blanks after an empty last column.
func trimLines(s string, tabs bool) string {
	if tabs {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

func columnWidths(rows [][]cell, l look) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columnsWide(c.line(l)))
		}
	}
	return widths
}

func (c cell) line(l look) string {
	text := printable(c.text)
	if l.symbols && c.mark != "" {
		text = c.mark + " " + text
	}
	return text
}

// renderSingle writes one object, a property a line.
func renderSingle(w io.Writer, items []item, columns []column, v view, format string) error {
	var rows [][]cell
	for _, it := range items {
		for _, c := range columns {
			value := c.cell(it, v)
			if value.text == "" && format != formatTSV {
				continue
			}
			rows = append(rows, []cell{{text: strings.ToLower(c.title), tone: faint}, value})
		}
	}
	return writeRows(w, rows, v.look, format == formatTSV)
}
