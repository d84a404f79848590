package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"belay"
)

func placeholder(n int) string { return "$" + strconv.Itoa(n) }

// countObject changes the counter of an organization's objects of one sort.
func (t *Tx) countObject(ctx context.Context, org belay.ID, object string, by int) error {
	_, err := t.execAny(ctx, `
		insert into object_counts (organization_id, object, shard, value) values ($1, $2, $3, $4)
		on conflict (organization_id, object, shard) do update set value = object_counts.value + excluded.value`,
		org, object, t.shard, by)
	return err
}

// objectCount is how many live objects of one sort an organization has.
func (r Reader) objectCount(ctx context.Context, org belay.ID, object string) (int, error) {
	var n int
	err := r.db.QueryRowContext(ctx,
		"select coalesce(sum(value), 0) from object_counts where organization_id = $1 and object = $2", org, object).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", object, err)
	}
	return n, nil
}

// countConnections changes the counters of an organization, each by the N of
// one of its changes. Rows are locked in the same order by everyone, so that
// two transactions do not wait for each other.
func (t *Tx) countConnections(ctx context.Context, org belay.ID, changes ...ConnectionCount) error {
	slices.SortFunc(changes, ConnectionCount.compare)
	values := make([]string, len(changes))
	args := []any{org, t.shard}
	for i, c := range changes {
		n := len(args)
		values[i] = "($1, " + placeholder(n+1) + ", " + placeholder(n+2) + ", " + placeholder(n+3) + ", " + placeholder(n+4) + ", $2, " + placeholder(n+5) + ")"
		args = append(args, c.Kind, c.Type, c.Status, c.Health, c.N)
	}
	_, err := t.execAny(ctx, `
		insert into connection_counts (organization_id, kind, type, status, health, shard, value)
		values `+strings.Join(values, ", ")+`
		on conflict (organization_id, kind, type, status, health, shard)
		do update set value = connection_counts.value + excluded.value`, args...)
	return err
}

// countOf is a change by n of the counter for connections like c.
func countOf(c *belay.Connection, n int) ConnectionCount {
	return ConnectionCount{Kind: c.Kind, Type: c.Type, Status: c.Status, Health: c.Health.Status, N: n}
}

// moveCount counts a connection as what it has become.
func (t *Tx) moveCount(ctx context.Context, before, after *belay.Connection) error {
	from, to := countOf(before, -1), countOf(after, 1)
	if from.compare(to) == 0 {
		return nil
	}
	return t.countConnections(ctx, before.OrganizationID, from, to)
}

// ConnectionCount is how many connections of an organization have one
// combination of properties. Deleted ones have StatusDeleted.
type ConnectionCount struct {
	Kind   string
	Type   string
	Status belay.Status
	Health belay.HealthStatus
	N      int
}

// compare orders by all but N.
func (c ConnectionCount) compare(d ConnectionCount) int {
	return cmp.Or(strings.Compare(c.Kind, d.Kind), strings.Compare(c.Type, d.Type),
		cmp.Compare(c.Status, d.Status), cmp.Compare(c.Health, d.Health))
}

func scanCount(r row) (ConnectionCount, error) {
	var c ConnectionCount
	err := r.Scan(&c.Kind, &c.Type, &c.Status, &c.Health, &c.N)
	return c, err
}

// ConnectionCounts returns how many connections an organization has of each
// combination that occurs. It costs the same whatever their number.
func (r Reader) ConnectionCounts(ctx context.Context, org belay.ID) ([]ConnectionCount, error) {
	return all(ctx, r, scanCount, `
		select kind, type, status, health, sum(value) from connection_counts
		where organization_id = $1
		group by kind, type, status, health having sum(value) > 0
		order by kind, type, status, health`, org)
}

// withTotal reads a page of everything that an organization has of one sort;
// the total comes from the counter.
func withTotal[T any](ctx context.Context, r Reader, l *list[T], cond *condition, q belay.Query, org belay.ID, object string) (belay.Page[T], error) {
	page, err := l.page(ctx, r, cond, q)
	if err != nil {
		return page, err
	}
	page.Total, err = r.objectCount(ctx, org, object)
	return page, err
}
