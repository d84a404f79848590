package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"belay"
)

// sortKey is a column that a list can be ordered by.
type sortKey struct {
	column string
	number bool // a bigint, else text
	// then is a text by which those are ordered that are equal, "" for none.
	// Together with the id they are the columns of an index.
	then string
}

// columns are all by which a list is ordered, the id last.
func (k sortKey) columns(id string) []string {
	if k.then == "" {
		return []string{k.column, id}
	}
	return []string{k.column, k.then, id}
}

// list describes the lists of one resource. Its statements are put together
// from the constants of this package only; whatever a caller says is a
// parameter. A condition is in the statement only when it is wanted, so that
// the planner can use the index made for it.
type list[T any] struct {
	columns string
	from    string
	id      string             // the column that makes the order total
	orders  map[string]sortKey // by the name in the API
	natural belay.Order
	scan    func(row) (T, error)
}

// condition collects the where clause of one list.
type condition struct {
	parts []string
	args  []any
}

// add appends a condition; each ? in it takes one of the values.
func (c *condition) add(text string, values ...any) {
	for _, v := range values {
		c.args = append(c.args, v)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	c.parts = append(c.parts, text)
}

// bind returns a text in which each ? stands for one value.
func (c *condition) bind(text string, value any) string {
	c.args = append(c.args, value)
	return strings.ReplaceAll(text, "?", "$"+strconv.Itoa(len(c.args)))
}

// live keeps what is there, or what is deleted.
func (c *condition) live(table string, deleted bool) {
	if deleted {
		c.add(table + ".deleted_at > 0")
	} else {
		c.add(table + ".deleted_at = 0")
	}
}

// in appends "column in (values)", nothing for no values.
func (c *condition) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.add(column+" in ("+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+")", args...)
}

func (c *condition) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " where " + strings.Join(c.parts, " and ")
}

// clone is a copy to which more can be added.
func (c *condition) clone() *condition {
	return &condition{parts: slices.Clone(c.parts), args: slices.Clone(c.args)}
}

// cursor is where a page ended. It reaches clients as opaque text.
type cursor struct {
	Column string `json:"c"`
	Down   bool   `json:"d,omitempty"`
	Text   string `json:"t,omitempty"`
	Number int64  `json:"n,omitempty"`
	Then   string `json:"m,omitempty"`
	ID     string `json:"i"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // a cursor holds nothing that cannot be encoded
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &c) != nil || strings.ContainsRune(c.Text+c.Then+c.ID, 0) {
		return c, belay.BadQuery("cursor", "is not one that this server gave out")
	}
	return c, nil
}

// order picks the column to sort by.
func (l *list[T]) order(o belay.Order) (belay.Order, sortKey, error) {
	if o.Column == "" {
		o = l.natural
	}
	key, ok := l.orders[o.Column]
	if !ok {
		var names []string
		for name := range l.orders {
			names = append(names, name)
		}
		slices.Sort(names)
		return o, key, belay.BadQuery("order", "cannot be %q; it can be %s", o.Column, strings.Join(names, ", "))
	}
	return o, key, nil
}

// page reads one page of what cond selects.
func (l *list[T]) page(ctx context.Context, r Reader, cond *condition, q belay.Query) (belay.Page[T], error) {
	page := belay.Page[T]{Number: max(q.Page, 0), Size: q.Limit()}
	order, key, err := l.order(q.Order)
	if err != nil {
		return page, err
	}
	cond = cond.clone()
	direction, offset := "", int64(min(page.Number, math.MaxInt32))*int64(page.Size)
	if order.Descending {
		direction = " desc"
	}
	if q.Cursor != "" {
		offset, page.Number = 0, 0
		if err := l.after(cond, q.Cursor, order, key); err != nil {
			return page, err
		}
	}
	by := key.columns(l.id)
	query := "select " + l.columns + ", " + strings.Join(by, ", ") + " from " + l.from + cond.where() +
		" order by " + strings.Join(by, direction+", ") + direction +
		cond.bind(" limit ?", page.Size+1)
	if offset > 0 {
		query += cond.bind(" offset ?", offset)
	}
	rows, err := all(ctx, r, l.scanWithKey(order, key), query, cond.args...)
	if err != nil {
		return page, err
	}
	if len(rows) > page.Size {
		rows = rows[:page.Size]
		page.NextCursor = rows[page.Size-1].end.String()
	}
	page.Items = make([]T, len(rows))
	for i, row := range rows {
		page.Items[i] = row.item
	}
	return page, nil
}

// after adds the condition that leaves out what comes up to the cursor.
func (l *list[T]) after(cond *condition, text string, order belay.Order, key sortKey) error {
	c, err := parseCursor(text)
	if err != nil {
		return err
	}
	if c.Column != order.Column || c.Down != order.Descending {
		return belay.BadQuery("cursor", "belongs to a list in another order")
	}
	var value any = c.Text
	if key.number {
		value = c.Number
	}
	compare := ">"
	if order.Descending {
		compare = "<"
	}
	values := []any{value, c.ID}
	if key.then != "" {
		values = []any{value, c.Then, c.ID}
	}
	places := strings.Repeat(", ?", len(values))[2:]
	cond.add("("+strings.Join(key.columns(l.id), ", ")+") "+compare+" ("+places+")", values...)
	return nil
}

// keyed is an item with the place where it stands in the list.
type keyed[T any] struct {
	item T
	end  cursor
}

// scanWithKey scans an item and, behind its columns, its sort key and id.
func (l *list[T]) scanWithKey(order belay.Order, key sortKey) func(row) (keyed[T], error) {
	return func(r row) (keyed[T], error) {
		k := keyed[T]{end: cursor{Column: order.Column, Down: order.Descending}}
		dest := []any{&k.end.Text}
		if key.number {
			dest[0] = &k.end.Number
		}
		if key.then != "" {
			dest = append(dest, &k.end.Then)
		}
		dest = append(dest, &k.end.ID)
		item, err := l.scan(extended{r, dest})
		k.item = item
		return k, err
	}
}

// extended is a row whose last columns are scanned besides those asked for.
type extended struct {
	row
	more []any
}

// Scan implements row.
func (e extended) Scan(dest ...any) error { return e.row.Scan(append(dest, e.more...)...) }

// count counts what cond selects, up to belay.CountLimit, and sets the
// page's total.
func (l *list[T]) count(ctx context.Context, r Reader, cond *condition) (total int, minimum bool, err error) {
	query := "select count(*) from (select 1 from " + l.from + cond.where() +
		" limit " + strconv.Itoa(belay.CountLimit+1) + ") as counted"
	err = r.db.QueryRowContext(ctx, query, cond.args...).Scan(&total)
	if err != nil {
		return 0, false, fmt.Errorf("count %s: %w", l.from, translate(err))
	}
	if total > belay.CountLimit {
		return belay.CountLimit, true, nil
	}
	return total, false, nil
}

// counted reads a page of what cond selects and its total, of what total
// selects: the same, perhaps put otherwise.
func (l *list[T]) counted(ctx context.Context, r Reader, cond, total *condition, q belay.Query) (belay.Page[T], error) {
	page, err := l.page(ctx, r, cond, q)
	if err != nil {
		return page, err
	}
	if q.Cursor == "" && page.Number == 0 && page.NextCursor == "" {
		page.Total = len(page.Items)
		return page, nil
	}
	page.Total, page.TotalIsMinimum, err = l.count(ctx, r, total)
	return page, err
}

// notFound turns errNoRow into the domain's word for it.
func notFound(err error, noun string) error {
	if errors.Is(err, errNoRow) {
		return belay.NotFound(noun)
	}
	return err
}

// errStale says that what was read is not what is stored any more.
var errStale = errors.New("changed since it was read")

// overtaken turns errNoRow into the conflict that it means for an
// update of something that has just been read.
func overtaken(err error) error {
	if errors.Is(err, errNoRow) {
		return &belay.Error{
			Code: belay.CodeConflict, Err: errStale,
			Message: "it was changed by another request meanwhile; read it again and repeat the change",
		}
	}
	return err
}
