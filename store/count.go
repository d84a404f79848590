package store

import (
	"context"
	"fmt"
	"strconv"

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

// countConnection changes the counter for connections like c.
func (t *Tx) countConnection(ctx context.Context, c *belay.Connection, by int) error {
	_, err := t.execAny(ctx, `
		insert into connection_counts (organization_id, kind, type, status, health, shard, value)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (organization_id, kind, type, status, health, shard)
		do update set value = connection_counts.value + excluded.value`,
		c.OrganizationID, c.Kind, c.Type, c.Status, c.Health.Status, t.shard, by)
	return err
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

// ConnectionCounts returns how many connections an organization has of each
// combination that occurs. It costs the same whatever their number.
func (r Reader) ConnectionCounts(ctx context.Context, org belay.ID) ([]ConnectionCount, error) {
	return all(ctx, r, func(r row) (ConnectionCount, error) {
		var c ConnectionCount
		err := r.Scan(&c.Kind, &c.Type, &c.Status, &c.Health, &c.N)
		return c, err
	}, `
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
