package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"belay"
)

// unheldConnection is what live connections are counted as that no live
// environment holds.
const unheldConnection = "unheld connection"

// unheld lists the live connections that no live environment holds: by name
// along an index of nothing else.
var unheld = list[*belay.Connection]{
	columns: connectionColumns,
	// In this order, which a cross join keeps on SQLite.
	from:    "connection_holders h cross join connections c",
	id:      "h.connection_id",
	natural: connections.natural,
	orders:  unheldOrders(),
	scan:    scanConnection,
}

// unheldOrders are the orders of connections, so that a cursor of one list is
// good for the other.
func unheldOrders() map[string]sortKey {
	orders := maps.Clone(connections.orders)
	orders["name"] = sortKey{column: "h.name_fold"}
	return orders
}

// unheldConnections lists what v sees of the live connections that no
// environment holds. f asks for nothing else but what connections are counted
// by.
func (r Reader) unheldConnections(ctx context.Context, v belay.Viewer, f belay.ConnectionFilter, q belay.Query) (belay.Page[*belay.Connection], error) {
	if v.Bound() { // whatever he reaches is held by an environment
		var nothing condition
		nothing.add("1 = 0")
		return connections.page(ctx, r, &nothing, q)
	}
	n, err := r.unheldNumbers(ctx, v, f)
	if err != nil {
		return belay.Page[*belay.Connection]{}, err
	}
	byName := q.Order.Column == "" || q.Order.Column == "name"
	l, cond := r.findUnheld(v, f, n, n.unheld <= driveLimit || byName && n.unheld <= n.alike)
	page, err := l.page(ctx, r, cond, q)
	switch {
	case err != nil:
	case v.All && n.alike == anyNumber:
		page.Total = n.unheld
	case q.Cursor == "" && page.Number == 0 && page.NextCursor == "":
		page.Total = len(page.Items)
	default:
		l, cond = r.findUnheld(v, f, n, n.unheld <= n.alike)
		page.Total, page.TotalIsMinimum, err = l.count(ctx, r, cond)
	}
	return page, err
}

// anyNumber is how many there are of what is not counted.
const anyNumber = math.MaxInt

// unheldNumbers is what says which way the connections are found soonest that
// no environment holds.
type unheldNumbers struct {
	unheld int // such connections of the organization
	alike  int // live ones with the properties that are asked for, anyNumber when none are
	owned  int // the viewer's own, if he sees no others; more than driveLimit are not counted
}

func (r Reader) unheldNumbers(ctx context.Context, v belay.Viewer, f belay.ConnectionFilter) (n unheldNumbers, err error) {
	n = unheldNumbers{alike: anyNumber, owned: anyNumber}
	if n.unheld, err = r.objectCount(ctx, v.OrganizationID, unheldConnection); err != nil {
		return n, err
	}
	if len(f.Kinds)+len(f.Types)+len(f.Statuses)+len(f.Healths) > 0 {
		counts, err := r.ConnectionCounts(ctx, v.OrganizationID)
		if err != nil {
			return n, err
		}
		n.alike = 0
		for _, c := range counts {
			if c.matches(f) {
				n.alike += c.N
			}
		}
	}
	if v.All {
		return n, nil
	}
	err = r.db.QueryRowContext(ctx, "select count(*) from (select 1 from connections o where o.organization_id = $1 and o.owner_id = $2 limit "+
		strconv.Itoa(driveLimit+1)+") as counted", v.OrganizationID, v.UserID).Scan(&n.owned)
	if err != nil {
		return n, fmt.Errorf("count the connections that are owned: %w", translate(err))
	}
	return n, nil
}

// findUnheld selects the connections that no environment holds: among those
// that the viewer owns when these are few; else through an index of them, or
// by looking at each connection that has the properties asked for.
func (r Reader) findUnheld(v belay.Viewer, f belay.ConnectionFilter, n unheldNumbers, through bool) (*list[*belay.Connection], *condition) {
	var cond condition
	switch {
	case n.owned <= driveLimit:
		owned := cond.bind("select o.id from connections o where o.organization_id = ?", v.OrganizationID) + cond.bind(" and o.owner_id = ?", v.UserID)
		cond.parts = append(cond.parts, "c.id"+r.among(owned))
		connectionCondition(&cond, v, f, "")
		return &connections, &cond
	case through:
		cond.add("h.organization_id = ?", v.OrganizationID)
		cond.add("h.environments = 0 and h.deleted = 0 and c.id = h.connection_id")
		f.InNoEnvironment = false
		connectionCondition(&cond, v, f, "")
		if !v.All {
			cond.add("c.owner_id = ?", v.UserID)
		}
		return &unheld, &cond
	}
	cond.add("c.organization_id = ?", v.OrganizationID)
	connectionCondition(&cond, v, f, "")
	if !v.All {
		cond.add("c.owner_id = ?", v.UserID)
	}
	return &connections, &cond
}

// addHolders begins to count how many environments hold a new connection.
func (t *Tx) addHolders(ctx context.Context, c *belay.Connection) error {
	err := t.exec(ctx, `
		insert into connection_holders (connection_id, organization_id, name_fold, deleted, environments) values ($1, $2, $3, 0, 0)`,
		c.ID, c.OrganizationID, fold(c.Name))
	if err != nil {
		return err
	}
	return t.countObject(ctx, c.OrganizationID, unheldConnection, 1)
}

// moveHolders repeats the name and the deletion of a connection where it is
// counted how many environments hold it.
func (t *Tx) moveHolders(ctx context.Context, before, after *belay.Connection) error {
	deleted := 0
	if !after.DeletedAt.IsZero() {
		deleted = 1
	}
	moved := before.DeletedAt.IsZero() != after.DeletedAt.IsZero()
	if !moved && fold(before.Name) == fold(after.Name) {
		return nil
	}
	var environments int
	err := t.db.QueryRowContext(ctx, `
		update connection_holders set name_fold = $3, deleted = $4 where organization_id = $1 and connection_id = $2
		returning environments`, after.OrganizationID, after.ID, fold(after.Name), deleted).Scan(&environments)
	if err != nil {
		return fmt.Errorf("move what counts the environments of connection %s: %w", after.ID, translate(err))
	}
	if !moved || environments > 0 {
		return nil
	}
	return t.countObject(ctx, after.OrganizationID, unheldConnection, 1-2*deleted)
}

// holding selects the connections of the environment $2, and listed those of
// the JSON array $2.
const holding = "select ec.connection_id from environment_connections ec where ec.environment_id = $2"

func (r Reader) listed() string { return "select value from " + r.elements("$2") }

// keepHolders waits for those who change how many environments hold some
// connections, and keeps others from it. Everybody locks in the order of the
// ids, however few of the connections he then changes.
func (t *Tx) keepHolders(ctx context.Context, org belay.ID, which string, arg any) error {
	if !t.postgres {
		return nil
	}
	_, err := t.execAny(ctx, "select 1 from connection_holders where organization_id = $1 and connection_id in ("+which+
		") order by connection_id for no key update", org, arg)
	return err
}

// countHolders counts one live environment more that holds some connections,
// or one less, by being 1 or -1. They are kept.
func (t *Tx) countHolders(ctx context.Context, org belay.ID, by int, which string, arg any) error {
	turning, of := max(0, -by), "connection_holders where organization_id = $1 and connection_id in ("+which+")"
	var unheld int
	err := t.db.QueryRowContext(ctx, "select count(*) from "+of+" and environments = $3 and deleted = 0", org, arg, turning).Scan(&unheld)
	if err != nil {
		return fmt.Errorf("count what is held by environments: %w", translate(err))
	}
	_, err = t.execAny(ctx, "update connection_holders set environments = environments + $3 where organization_id = $1 and connection_id in ("+which+")", org, arg, by)
	if err != nil || unheld == 0 {
		return err
	}
	return t.countObject(ctx, org, unheldConnection, -by*unheld)
}

// changeHolders counts that a live environment now holds some connections,
// and others no more.
func (t *Tx) changeHolders(ctx context.Context, org belay.ID, put, taken []belay.ID) error {
	if err := t.keepHolders(ctx, org, t.listed(), jsonText{append(slices.Clone(put), taken...)}); err != nil {
		return err
	}
	for _, change := range []struct {
		by  int
		ids []belay.ID
	}{{1, put}, {-1, taken}} {
		if len(change.ids) == 0 {
			continue
		}
		if err := t.countHolders(ctx, org, change.by, t.listed(), jsonText{change.ids}); err != nil {
			return err
		}
	}
	return nil
}

// turnHolders counts for all connections of an environment that it is there,
// or no more.
func (t *Tx) turnHolders(ctx context.Context, org, environment belay.ID, by int) error {
	if err := t.keepHolders(ctx, org, holding, environment); err != nil {
		return err
	}
	return t.countHolders(ctx, org, by, holding, environment)
}
